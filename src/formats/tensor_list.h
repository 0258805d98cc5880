/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_TENSOR_LIST_H
#define PWF_FORMATS_TENSOR_LIST_H

#include "pwf/formats/weights_file.h"

#include <stddef.h>

/** The list of tensors of an open weight file. */

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
    const struct pwf_reader *reader;
    char inside[32];  /* key under which the tensors were found, or "" */
    pwf_json *header; /* of safetensors; NULL: no metadata */
    void *own;        /* what the reader keeps between list and close */
    int count, room;
    pwf_named_tensor *tensor; /* [count] */
    pwf_tensor_place *place;  /* [count] */
};

enum { PWF_TENSORS_MAX = 100000, PWF_WEIGHTS_HEADER_MAX = 16 << 20 };

/** Adds a tensor; the name is copied, `count` is computed.
 * Local. Fails with PWF_DATA (name, too many, shape) or PWF_RESOURCE. */
pwf_status pwf_weights_add(pwf_weights_file *file, const char *name, size_t length,
                           const pwf_named_tensor *tensor, const pwf_tensor_place *place);

/** Fails if two tensors have the same name.
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_weights_check_unique(const pwf_weights_file *file);

/** Reads a tensor's values from its place, row-major, as fp32.
 * Local. Fails with PWF_IO, PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_weights_read_place(const pwf_weights_file *file, int index, float *out,
                                  int64_t *rounded);

#endif
