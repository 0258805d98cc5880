/* SPDX-License-Identifier: BSD-3-Clause */
/* The operators as a table, for the tests and the bench, which walk it; models reach operators
 * through their builder functions. */
#include "nn/operators.h"

#include <string.h>

/* In the order of PWF_OPERATORS. */
#define ADDRESS(name) &pwf_op_##name,
static const pwf_operator *const table[] = {PWF_OPERATORS(ADDRESS)};

int operator_count(void)
{
    return (int)(sizeof table / sizeof *table);
}

const pwf_operator *operator_at(int index)
{
    PWF_ASSERT(index >= 0 && index < operator_count());
    return table[index];
}

const pwf_operator *operator_find(const char *name)
{
    const pwf_operator *found = NULL;
    for (int i = 0; i < operator_count(); i++)
        if (strcmp(table[i]->name, name) == 0) found = table[i];
    PWF_ASSERT(found);
    return found;
}
