/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens an input as a weight file and reads its metadata and all tensors. Used by the targets
 * safetensors, npz, pytorch and pickle. */
#include "weights.h"

#include "fuzz.h"
#include "pwf/formats/weights_file.h"

#include <string.h>

enum { VALUES_MAX = 1 << 16 };

static float values[VALUES_MAX];

static pwf_status visit(void *context, const char *key, const pwf_json *value)
{
    const char *text = "";
    size_t *length = context;
    pwf_json_text_of(value, &text);
    *length += strlen(key) + strlen(text);
    return pwf_ok();
}

void fuzz_weights(const char *path)
{
    pwf_weights_file *file = NULL;
    char shape[PWF_SHAPE_TEXT];
    size_t length = 0;
    if (pwf_weights_open(path, &file).code != PWF_OK) return;
    fuzz_must(pwf_weights_metadata(file, visit, &length));
    bool all = true;
    for (int i = 0; i < file->count; i++) {
        const pwf_named_tensor *t = &file->tensor[i];
        int64_t rounded = 0;
        pwf_shape_text(t->dims, t->shape, shape);
        PWF_ASSERT(strlen(t->name) > 0 && pwf_dtype_size(t->dtype) > 0 && t->count >= 0);
        all = all && t->count <= VALUES_MAX &&
              pwf_weights_read(file, i, values, &rounded).code == PWF_OK;
    }
    if (all) fuzz_accept();
    pwf_weights_close(file);
}
