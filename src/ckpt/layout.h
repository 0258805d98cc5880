/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_LAYOUT_H
#define PWF_CKPT_LAYOUT_H

#include "file.h"
#include "pwf/ckpt/ckpt.h"
#include "pwf/h5/h5.h"

/** The HDF5 side of a checkpoint file: which groups and datasets it has. One table is walked both
 * to make a file and to check one. */

/* The input of a layout. */
typedef struct pwf_layout {
    const pwf_state *state;
    const pwf_facts *facts;
    pwf_file *file;   /* the planned tables */
    const char *path; /* an empty file that HDF5 may truncate */
} pwf_layout;

/** Fills in header, names and extents for a state; the offsets and the length of the file are still
 * 0.
 * Local. The caller frees them with pwf_file_close. Fails with PWF_RESOURCE. */
pwf_status pwf_layout_plan(const pwf_state *state, const pwf_facts *facts, uint32_t kind,
                           pwf_file *file);

/** Makes the HDF5 file in layout->path with everything but the arrays and the tables, and fills
 * in the offsets in layout->file. The serial driver does this on one rank, so that the file is the
 * same however many ranks fill it.
 * Local. Fails with PWF_IO; libhdf5 may then crash when the process ends, so the path should be
 * one where writing cannot fail. */
pwf_status pwf_layout_make(const pwf_layout *layout);

/** Opens a file that has verified with libhdf5 and checks that it holds exactly the groups and
 * datasets of the table, plainly stored, with the offsets that the extents say; `registry` (may be
 * NULL) gives the names and shapes that parameters and buffers must have.
 * Local. The caller closes *out with H5Fclose. Fails with PWF_DATA, PWF_IO or PWF_RESOURCE. */
pwf_status pwf_layout_open(const pwf_file *file, const pwf_registry *registry, hid_t *out);

/* ---- read.c */

/** Reads the codebook; out->entry, if NULL, is allocated (pwf_mem_free), else it has room for
 * PWF_CODES_MAX.
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_read_codebook(hid_t h5, pwf_codebook *out);

/** Reads all buffers in a row; *count gets their number, *out the memory (pwf_mem_free).
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_read_buffers(hid_t h5, const pwf_file *file, float **out, int64_t *count);

/** Compares every block of every array with its hash.
 * Local. Fails as pwf_file_check. */
pwf_status pwf_read_check_arrays(const pwf_file *file);

/* ---- mpiio.c */

/** The writer `mpiio`: all shards fill the arrays of a file that is already laid out, through
 * parallel HDF5 with independent transfers and collective metadata. Opening, writing and closing
 * are separate steps, and the ranks agree on a status after each. After a failed write the file
 * must not be closed before its descriptors have been redirected from the disk, because closing it
 * hangs in MPI-IO. */

/** Writes this rank's range of every array.
 * Collective over the ranks that opened the file (they open every dataset together). Fails with
 * PWF_IO, on any rank alone. */
pwf_status pwf_mpiio_write(hid_t file, const pwf_file *tables, const pwf_state *state);

#endif
