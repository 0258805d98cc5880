/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_LAYOUT_H
#define PWF_CKPT_LAYOUT_H

#include "file.h"
#include "pwf/ckpt/ckpt.h"

#include <hdf5.h>

/** The HDF5 side of a checkpoint file: which groups and datasets it has. One table is walked both
 * to make a file and to check one. */

/** Makes libhdf5 ours: no locks, no plug-ins, no other drivers, no error stacks on stderr. Every
 * function of this header calls it first.
 * Local. */
void pwf_h5_start(void);

/** A failure whose sentence ends with libhdf5's own words.
 * Local. */
pwf_status pwf_h5_failed(pwf_code code, const char *what, const char *path);

/** A new file, laid out by the serial driver: newest format of HDF5 1.10, a user block of `first`
 * bytes, arrays of that size and more at multiples of it.
 * Local. The caller closes it. Fails with PWF_IO. */
pwf_status pwf_h5_create(const char *path, hsize_t first, hid_t *out);

/** Properties of a dataset: contiguous, allocated at once, no fill values, no times.
 * Local. The caller closes it. */
hid_t pwf_h5_plain_storage(void);

/** Makes an attribute of one value, or of a text with its NUL; negative if that failed.
 * Local. */
herr_t pwf_h5_put_attribute(hid_t file, const char *name, hid_t type, const void *value);
herr_t pwf_h5_put_text(hid_t file, const char *name, const char *text);

/* What a file is made from. */
typedef struct pwf_layout {
    const pwf_snapshot *snapshot;
    int64_t shards, replicas;
    pwf_file *file;   /* its plan */
    const char *path; /* an empty file that HDF5 may truncate */
} pwf_layout;

/** Fills in a header and the names for a state; offsets and lengths are still 0.
 * Local. The caller frees them with pwf_file_close. Fails with PWF_RESOURCE. */
pwf_status pwf_layout_plan(const pwf_snapshot *snapshot, uint32_t kind, pwf_file *file);

/** Makes the HDF5 file in layout->path with everything but the arrays and the tables, and fills in
 * the offsets in layout->file. The serial driver does this on one rank, so that the file is the
 * same however many ranks fill it. Local. Fails with PWF_IO; libhdf5 may then crash when the
 * process ends, so the path should be one where writing cannot fail. */
pwf_status pwf_layout_make(const pwf_layout *layout);

/** Opens a file that has verified with libhdf5 and checks that it holds exactly the groups and
 * datasets of the table, plainly stored, with the offsets that the extents say; `registry` (may be
 * NULL) says the names and shapes that parameters and buffers must have.
 * Local. The caller closes *out with H5Fclose. Fails with PWF_DATA. */
pwf_status pwf_layout_open(const pwf_file *file, const pwf_registry *registry, hid_t *out);

/** Reads one dataset whole, converted to `type` in memory, `count` elements (an attribute of it if
 * `attribute` is not NULL).
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_read(hid_t file, const char *name, const char *attribute, hid_t type,
                       int64_t count, void *out);

/** Reads a text dataset; the caller frees *out with free().
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_h5_read_text(hid_t file, const char *name, char **out);

/** The dimensions of a dataset, at most PWF_DIMS.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_shape(hid_t file, const char *name, int *dims, int64_t shape[PWF_DIMS]);

/** The number of elements of a dataset.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_count(hid_t file, const char *name, int64_t *count);

#endif
