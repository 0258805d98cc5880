/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_MPIIO_H
#define PWF_CKPT_MPIIO_H

#include "layout.h"

/** The writer `mpiio`: all shards fill the arrays of a file that is already laid out, through
 * parallel HDF5 with independent transfers and collective metadata. Three steps, between which the
 * caller agrees on a status. After a failed write the file must not be closed before its
 * descriptors have been redirected from the disk, because closing it hangs in MPI-IO. */

/** Writes the own part of every array.
 * Collective over the ranks that opened the file (they open every dataset together). Fails with
 * PWF_IO, on any rank alone. */
pwf_status pwf_mpiio_write(hid_t file, const pwf_file *tables, const pwf_state *state);

#endif
