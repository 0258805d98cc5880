/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PYTORCH_H
#define PWF_FORMATS_PYTORCH_H

#include "pickle.h"
#include "tensor_list.h"

/** The storages of a file, which hold the elements of its tensors. */
typedef struct pwf_storages {
    /* Finds the offset of a STORAGE in the file, and checks that its length equals that in the
     * pickle; `name` is that of a tensor in it, for messages. Fails with PWF_IO, PWF_DATA or
     * PWF_RESOURCE. */
    pwf_status (*find)(void *context, const pwf_pickle_node *storage, const char *name,
                       uint64_t *offset);
    void *context;
} pwf_storages;

/** Adds the tensors of the state dict, which is `top` itself or one of its values.
 * Local. Fails with PWF_DATA, PWF_RESOURCE or what `find` returns. */
pwf_status pwf_pytorch_take(pwf_weights_file *file, const pwf_pickle *p, int32_t top,
                            const pwf_storages *storages);

#endif
