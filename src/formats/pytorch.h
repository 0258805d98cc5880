/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PYTORCH_H
#define PWF_FORMATS_PYTORCH_H

#include "pickle.h"
#include "tensor_list.h"

/** A file's storages, the arrays in which its tensors lie. */
typedef struct pwf_storages {
    /* Finds the first byte in the file of a STORAGE, whose length must equal that in the pickle;
     * `name` is of a tensor in it. Fails with PWF_IO, PWF_DATA or PWF_RESOURCE. */
    pwf_status (*find)(void *context, const pwf_pickle_node *storage, const char *name,
                       uint64_t *offset);
    void *context;
} pwf_storages;

/** Adds the tensors of the state dict that is `top` or a member of it.
 * Local. Fails with PWF_DATA, PWF_RESOURCE or what `find` returns. */
pwf_status pwf_pytorch_take(pwf_weights_file *file, const pwf_pickle *p, int32_t top,
                            const pwf_storages *storages);

#endif
