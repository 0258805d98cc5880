/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_H5_H5_H
#define PWF_H5_H5_H

#include "pwf/core/status.h"
#include "pwf/registry/registry.h"

#include <hdf5.h>

/** Helpers for HDF5 files, used by every room that reads or writes them with libhdf5. */

/** Configures libhdf5: no locks, no plug-ins, no other drivers, no error stacks on stderr. Must be
 * called before any other function of this header or of libhdf5; later calls do nothing.
 * Local. */
void pwf_h5_start(void);

/** Returns a failed status with the message "WHAT PATH: HDF5 says: ...", with the innermost message
 * of libhdf5.
 * Local. */
pwf_status pwf_h5_failed(pwf_code code, const char *what, const char *path);

/** Creates a file with the stdio driver: newest format of HDF5 1.10, a user block of `first` bytes,
 * arrays of at least that size aligned to it.
 * Local. The caller closes it. Fails with PWF_IO. */
pwf_status pwf_h5_create(const char *path, hsize_t first, hid_t *out);

/** Properties of a dataset: contiguous, allocated on creation, no fill values, no timestamps.
 * Local. The caller closes it. */
hid_t pwf_h5_plain_storage(void);

/** Creates an attribute with one value, or with a string and its NUL. Negative: failure.
 * Local. */
herr_t pwf_h5_put_attribute(hid_t file, const char *name, hid_t type, const void *value);
herr_t pwf_h5_put_text(hid_t file, const char *name, const char *text);

/** Writes a new dataset of `dims` dimensions, without timestamps: values of type `memory` in
 * memory, `stored` in the file. Negative: failure.
 * Local. */
herr_t pwf_h5_put_array(hid_t file, const char *name, hid_t stored, hid_t memory, int dims,
                        const int64_t *shape, const void *values);

/** Reads to `into`, or writes from `from` if `into` is NULL, entries [lo, lo + shape[0]) along the
 * first of `dims` dimensions of an open dataset; the other entries of `shape` are those of the
 * dataset. `type` is the type in memory. Negative: failure.
 * Local. The transfer is independent of other ranks. */
herr_t pwf_h5_transfer(hid_t set, hid_t type, int dims, int64_t lo, const int64_t *shape,
                       void *into, const void *from);

/** Reads all `count` elements of a dataset, or of its attribute `attribute` if that is not NULL,
 * converted to `type` in memory.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_read(hid_t file, const char *name, const char *attribute, hid_t type,
                       int64_t count, void *out);

/** Reads a string dataset; the caller frees *out with free().
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_h5_read_text(hid_t file, const char *name, char **out);

/** The dimensions of a dataset, at most PWF_DIMS.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_shape(hid_t file, const char *name, int *dims, int64_t shape[PWF_DIMS]);

/** The number of elements of a dataset.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_h5_count(hid_t file, const char *name, int64_t *count);

/** Opens a laid-out file on all ranks of a communicator, with collective metadata.
 * Collective over `comm`. Fails with PWF_IO. */
pwf_status pwf_h5_open_parallel(MPI_Comm comm, const char *path, hid_t *out);

/** Closes such a file.
 * Collective over the ranks that opened it. Fails with PWF_IO. */
pwf_status pwf_h5_close_parallel(hid_t file, const char *path);

#endif
