/* SPDX-License-Identifier: BSD-3-Clause */
#include "operators.h"

#include <string.h>

static const pwf_operator *const table[] = {
    &pwf_op_conv2d,        &pwf_op_linear,       &pwf_op_batch_norm, &pwf_op_relu,
    &pwf_op_add,           &pwf_op_max_pool,     &pwf_op_avg_pool,   &pwf_op_concat,
    &pwf_op_layer_norm,    &pwf_op_gelu,         &pwf_op_attention,  &pwf_op_prepend_token,
    &pwf_op_add_embedding, &pwf_op_select_token, &pwf_op_mean,       &pwf_op_cross_entropy,
};

int pwf_operator_count(void)
{
    return (int)(sizeof table / sizeof *table);
}

const pwf_operator *pwf_operator_at(int index)
{
    PWF_ASSERT(index >= 0 && index < pwf_operator_count());
    return table[index];
}

const pwf_operator *pwf_operator_find(const char *name)
{
    const pwf_operator *found = NULL;
    for (int i = 0; i < pwf_operator_count(); i++)
        if (strcmp(table[i]->name, name) == 0) found = table[i];
    PWF_ASSERT(found);
    return found;
}
