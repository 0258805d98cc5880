/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_MPIIO_H
#define PWF_CKPT_MPIIO_H

#include "layout.h"

#include <mpi.h>

/** The writer `mpiio`: all shards fill the arrays of a file that is already laid out, through
 * parallel HDF5 with independent transfers and collective metadata. Three steps, between which the
 * caller agrees on a status. After a failed write the file must not be closed before its
 * descriptors have been turned away from the disk, because closing it is what hangs in MPI-IO. */

/** Opens the file.
 * Collective over `comm`. Fails with PWF_IO. */
pwf_status pwf_mpiio_open(MPI_Comm comm, const char *path, hid_t *out);

/** Writes the own part of every array.
 * Collective over the ranks that opened the file (they open every dataset together). Fails with
 * PWF_IO, on any rank alone. */
pwf_status pwf_mpiio_write(hid_t file, const pwf_file *tables, const pwf_state *state);

/** Closes the file.
 * Collective over the ranks that opened the file. Fails with PWF_IO. */
pwf_status pwf_mpiio_close(hid_t file, const char *path);

#endif
