/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_ARRAYS_USER_H5_H
#define PWF_ARRAYS_USER_H5_H

#include "pwf/core/file.h"
#include "pwf/h5/h5.h"

/** HDF5 files of users: checks before libhdf5 reads data from them. */

typedef struct pwf_user_h5 {
    hid_t file;    /* -1: not open */
    int64_t bytes; /* of the file */
    char path[PWF_PATH];
    const char *needs; /* completes the message "PATH has no dataset NAME; " */
} pwf_user_h5;

/** Opens a file, which must be a regular one. `needs` must live as long as `in`.
 * Local. The caller closes in->file with H5Fclose if it is not -1. Fails with PWF_MISSING,
 * PWF_DENIED, PWF_IO or PWF_DATA. */
pwf_status pwf_user_h5_open(const char *path, const char *needs, pwf_user_h5 *in);

/** Opens a dataset of the root group: a hard link, without virtual or external storage and without
 * filters other than deflate, shuffle and Fletcher-32. *set is -1 if an optional one does not
 * exist.
 * Local. The caller closes *set with H5Oclose if it is not -1, also after a failure. Fails with
 * PWF_DATA. */
pwf_status pwf_user_h5_dataset(const pwf_user_h5 *in, const char *name, bool optional, hid_t *set);

/** Check that a dataset has fp32 numbers; that a file of this length can hold its elements.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_user_h5_real(const pwf_user_h5 *in, const char *name, hid_t set);
pwf_status pwf_user_h5_fits(const pwf_user_h5 *in, const char *name, double elements);

/** A failure with the message "the dataset NAME in PATH WHY".
 * Local. */
pwf_status pwf_user_h5_refused(const pwf_user_h5 *in, const char *name, const char *why);

#endif
