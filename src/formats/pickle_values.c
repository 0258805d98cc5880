/* SPDX-License-Identifier: BSD-3-Clause */
/* The values that a pickle builds: look-up of a key and release. Called by the readers of PyTorch
 * files, which take tensors and storages out of them. Touches nothing but these values: no file, no
 * other state. */
#include "pickle_values.h"

#include <stdlib.h>
#include <string.h>

void pwf_pickle_free(pwf_pickle *p)
{
    free(p->node);
    free(p->cell);
    free(p->stack);
    free(p->memo);
    *p = (pwf_pickle){0};
}

int32_t pwf_pickle_find(const pwf_pickle *p, int32_t dict, const char *key)
{
    if (p->node[dict].kind != PWF_PICKLE_DICT) return -1;
    int32_t cell = p->node[dict].first;
    while (cell >= 0) {
        const pwf_pickle_node *k = &p->node[p->cell[cell].node];
        const int32_t value = p->cell[cell].next;
        if (value < 0) return -1;
        if (k->kind == PWF_PICKLE_TEXT && k->length == strlen(key) &&
            memcmp(k->text, key, k->length) == 0)
            return p->cell[value].node;
        cell = p->cell[value].next;
    }
    return -1;
}
