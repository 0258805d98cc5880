/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_WEIGHTS_FILE_H
#define PWF_FORMATS_WEIGHTS_FILE_H

#include "pwf/core/json.h"
#include "pwf/formats/tensors.h"

#include <stdbool.h>
#include <stddef.h>

/** Weight files of other programs: safetensors, PyTorch state dicts, NumPy archives. They are
 * untrusted, and nothing in them is executed; docs/reference/weight-files.md has the limits.
 * docs/how-to/add-a-weight-file-format.md shows how to add a format. */

/* Where a tensor's values lie. */
typedef struct pwf_weights_place {
    uint64_t offset; /* of its first value in the file */
    bool strided;    /* else row-major without gaps */
    int64_t stride[PWF_TENSOR_DIMS];
    int64_t span; /* if strided: values from the first to the last, inclusive */
} pwf_weights_place;

/* An open file. Read only, except for the reader of its format. */
typedef struct pwf_weights_file {
    int fd;
    char *path;
    uint64_t bytes;                  /* of the file */
    const struct pwf_reader *reader; /* of its format */
    const char *format;              /* "safetensors", "PyTorch" or "NumPy" */
    char inside[32];                 /* key under which the tensors were found: "", "model", ... */
    pwf_json *header;                /* of safetensors; NULL: no metadata */
    void *own;                       /* data of the reader until the file is closed */
    int count, room;
    pwf_named_tensor *tensor; /* [count], in the order of the file */
    pwf_weights_place *place; /* [count] */
} pwf_weights_file;

enum { PWF_WEIGHTS_FIRST = 600 }; /* bytes of a file that are enough to recognise its format */

/** Whether a file that begins with these bytes has one of the formats.
 * Local. */
bool pwf_weights_recognise(const unsigned char *first, size_t bytes);

/** Opens a file and reads the list of its tensors; the format is recognised by its first bytes.
 * Local. The caller owns it. Fails with PWF_MISSING, PWF_DENIED, PWF_IO, PWF_RESOURCE, or PWF_DATA
 * with a sentence that says what is wrong with the file; *out is then NULL. */
pwf_status pwf_weights_open(const char *path, pwf_weights_file **out);
void pwf_weights_close(pwf_weights_file *file);

/** Calls `visit` for each member of safetensors' metadata.
 * Local. Fails with what `visit` returns. */
pwf_status pwf_weights_metadata(const pwf_weights_file *file, pwf_json_visit visit, void *context);

/** Reads a tensor's `count` values, row-major, as fp32. F16 and BF16 are widened exactly; F64 is
 * rounded to nearest, and *rounded grows by the number of values that this changed.
 * Local. Fails with PWF_IO, PWF_RESOURCE, or PWF_DATA if it is not of such a type. */
pwf_status pwf_weights_read(const pwf_weights_file *file, int index, float *out, int64_t *rounded);

#endif
