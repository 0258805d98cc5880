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
    pwf_file *file;   /* its plan */
    const char *path; /* an empty file that HDF5 may truncate */
} pwf_layout;

/** Fills in a header and the names for a state; offsets and lengths are still 0.
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
 * Local. The caller closes *out with H5Fclose. Fails with PWF_DATA. */
pwf_status pwf_layout_open(const pwf_file *file, const pwf_registry *registry, hid_t *out);

#endif
