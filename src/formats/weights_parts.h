/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_WEIGHTS_PARTS_H
#define PWF_FORMATS_WEIGHTS_PARTS_H

#include "pwf/formats/weights_file.h"

#include <stddef.h>

/** What the readers of foreign weight files share. */

/* Where a tensor's values lie. */
typedef struct pwf_tensor_place {
    uint64_t offset; /* of its first value in the file */
    bool strided;    /* else row-major without gaps */
    int64_t stride[PWF_TENSOR_DIMS];
    int64_t span; /* values from the first to the last, when strided */
} pwf_tensor_place;

struct pwf_weights_file {
    int fd;
    char *path;
    uint64_t bytes; /* of the file */
    const char *format;
    char inside[32];
    pwf_json *header; /* of safetensors; NULL: no metadata */
    int count, room;
    pwf_named_tensor *tensor;
    pwf_tensor_place *place;
};

enum { PWF_TENSORS_MAX = 100000, PWF_WEIGHTS_HEADER_MAX = 16 << 20 };

/** Adds a tensor; the name is copied, `count` is computed.
 * Local. Fails with PWF_DATA (name, too many, shape) or PWF_RESOURCE. */
pwf_status pwf_weights_add(pwf_weights_file *file, const char *name, size_t length,
                           const pwf_named_tensor *tensor, const pwf_tensor_place *place);

/** The readers: safetensors, PyTorch's zip archives, and its rows of pickles before them; file->fd,
 * path and bytes are set. Local. Fail with PWF_IO, PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_safetensors_list(pwf_weights_file *file);
pwf_status pwf_pytorch_zip_list(pwf_weights_file *file);
pwf_status pwf_pytorch_pickles_list(pwf_weights_file *file);

#endif
