/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_READER_H
#define PWF_FORMATS_READER_H

#include "tensor_list.h"

/** One format of weight files. Each reader_NAME.c defines pwf_reader_NAME, and the list in
 * weights_file.c names it. */
typedef struct pwf_reader {
    const char *name; /* of the format, for messages and reports */

    /* Whether a file that begins with these bytes (at most PWF_WEIGHTS_FIRST) has the format. */
    bool (*recognise)(const unsigned char *first, size_t bytes);

    /* Adds all tensors with pwf_weights_add; file->fd, path and bytes are set. Fails with PWF_IO,
     * PWF_DATA or PWF_RESOURCE; `close` is called after a failure too. */
    pwf_status (*list)(pwf_weights_file *file);

    /* Reads a tensor of type F32 to F64 as pwf_weights_read does; NULL: pwf_weights_read_place. */
    pwf_status (*read)(const pwf_weights_file *file, int index, float *out, int64_t *rounded);

    /* Frees file->own; NULL: nothing to free. */
    void (*close)(pwf_weights_file *file);
} pwf_reader;

#endif
