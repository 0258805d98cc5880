/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_ARRAYS_PREDICT_FILE_H
#define PWF_ARRAYS_PREDICT_FILE_H

#include "pwf/core/status.h"

#include <stdint.h>

/** The HDF5 files of `pwf predict`, which people make and read with any HDF5 tool. In: the dataset
 * `images` [N, C, H, W], float32, used without any transform. Out: `logits` [N, classes], float32,
 * and for images that were files `names` [N], strings of one length; the attribute `model`. */

typedef struct pwf_predict_input pwf_predict_input;

/** Opens an input file and checks its contents: a hard link to a dataset of four dimensions, none
 * of them 0, stored without virtual or external storage and without filters other than deflate,
 * shuffle and Fletcher-32.
 * Local: every rank opens the file for itself. The caller owns the input. Fails with PWF_MISSING,
 * PWF_DENIED, PWF_IO or PWF_DATA; *out is then NULL. */
pwf_status pwf_predict_input_open(const char *path, pwf_predict_input **out);

/** Closes the file; NULL is allowed.
 * Local. */
void pwf_predict_input_close(pwf_predict_input *input);

/** The shape of the dataset: N, C, H, W.
 * Local. */
void pwf_predict_input_shape(const pwf_predict_input *input, int64_t shape[4]);

/** Reads images [lo, lo + count), row-major.
 * Local; one thread at a time, even for different inputs. Fails with PWF_DATA. */
pwf_status pwf_predict_input_read(const pwf_predict_input *input, int64_t lo, int64_t count,
                                  float *out);

/* The contents of an output file. */
typedef struct pwf_logits {
    int64_t images, classes;
    const float *values;      /* [images, classes] */
    const char *const *names; /* [images], or NULL */
    const char *model;
} pwf_logits;

/** Checks that a file can be created under a name, before the work for it begins.
 * Local. Fails with PWF_CANTCREATE or PWF_DENIED; no file is left. */
pwf_status pwf_logits_check(const char *path);

/** Writes an output file, which gets its name only when all of it is on disk; a regular file of
 * that name is replaced.
 * Local. Needs memory of twice the length of the file. Fails with PWF_CANTCREATE, PWF_DENIED,
 * PWF_IO or PWF_RESOURCE; no file is left. */
pwf_status pwf_logits_write(const char *path, const pwf_logits *logits);

#endif
