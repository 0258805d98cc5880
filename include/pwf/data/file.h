/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_FILE_H
#define PWF_DATA_FILE_H

#include "pwf/core/file.h"
#include "pwf/image/image.h"

/** Files of a data set: regular, readable, and inside the folder that data.path names. `real_root`
 * is that folder as pwf_data_resolve returns it, so that it is resolved once and not per file. */

/** Writes the absolute path of a folder, without links, to `real`; "" if the folder does not exist,
 * and then no file is inside it.
 * Local; any thread. */
void pwf_data_resolve(const char *root, char real[PWF_PATH]);

/** Fails if `path` leads out of the folder through a link.
 * Local; any thread. Fails with PWF_DATA, PWF_MISSING, PWF_DENIED or PWF_IO. */
pwf_status pwf_data_check_inside(const char *real_root, const char *path);

/** Opens `path` for reading. *fd is -1 if there is no such file, which is not a failure. Never
 * blocks on a pipe.
 * Local; any thread. Fails with PWF_DENIED, PWF_DATA, PWF_IO or PWF_RESOURCE; the caller then
 * closes *fd if it is not -1. */
pwf_status pwf_data_open_file(const char *real_root, const char *path, int *fd, int64_t *size);

/** Opens the file `name` in the folder `root`, as pwf_data_open_file; `path` gets its path.
 * Local; any thread. Fails as pwf_data_open_file, and with PWF_MISSING if the path is too long. */
pwf_status pwf_data_open_in(const char *root, const char *name, char path[PWF_PATH], int *fd,
                            int64_t *size);

/** Reads a whole file of at most `most` bytes into memory that the caller frees with pwf_mem_free;
 * a zero byte follows the contents.
 * Local; any thread. Fails as pwf_data_open_file, and with PWF_MISSING. */
pwf_status pwf_data_read_file(const char *real_root, const char *path, int64_t most,
                              uint8_t **bytes, int64_t *size);

/** Reads an image file without decoding it, in memory that the caller frees with pwf_mem_free; if
 * `wanted` >= 0, the file must have this number of bytes.
 * Local; any thread. Fails as pwf_data_read_file. */
pwf_status pwf_data_read_encoded(const char *real_root, const char *path, int64_t wanted,
                                 uint8_t **bytes, int64_t *size);

/** Reads an image file as pwf_data_read_encoded does, and decodes it.
 * Local; any thread. The caller frees the image. Fails as pwf_data_read_file or pwf_image_decode.
 */
pwf_status pwf_data_read_image(const char *real_root, const char *path, int64_t wanted,
                               pwf_image *out);

#endif
