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

typedef struct pwf_weights_file pwf_weights_file;

enum { PWF_WEIGHTS_FIRST = 600 }; /* bytes of a file that are enough to recognise its format */

/** Whether a file that begins with these bytes has one of the formats.
 * Local. */
bool pwf_weights_recognise(const unsigned char *first, size_t bytes);

/** Opens a file and reads the list of its tensors; the format is recognised by its first bytes.
 * Local. The caller owns it. Fails with PWF_MISSING, PWF_DENIED, PWF_IO, PWF_RESOURCE, or PWF_DATA
 * with a sentence that says what is wrong with the file; *out is then NULL. */
pwf_status pwf_weights_open(const char *path, pwf_weights_file **out);
void pwf_weights_close(pwf_weights_file *file);

/** The tensors, in the order of the file.
 * Local. */
int pwf_weights_count(const pwf_weights_file *file);
const pwf_named_tensor *pwf_weights_tensor(const pwf_weights_file *file, int index);

/** The name of the format ("safetensors", "PyTorch", "NumPy"), and the key under which the tensors
 * were found: "" or for example "model".
 * Local. */
const char *pwf_weights_format(const pwf_weights_file *file);
const char *pwf_weights_inside(const pwf_weights_file *file);

/** Calls `visit` for each member of safetensors' metadata.
 * Local. Fails with what `visit` returns. */
pwf_status pwf_weights_metadata(const pwf_weights_file *file, pwf_json_visit visit, void *context);

/** Reads a tensor's `count` values, row-major, as fp32. F16 and BF16 are widened exactly; F64 is
 * rounded to nearest, and *rounded grows by the number of values that this changed.
 * Local. Fails with PWF_IO, or PWF_DATA if it is of another kind. */
pwf_status pwf_weights_read(const pwf_weights_file *file, int index, float *out, int64_t *rounded);

#endif
