/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of operators, made of the list in graph.h.
 * Called by the bench and the tests, which walk it; models reach operators through their builder
 * functions.
 * Constant, without state. */
#include "operator.h"

#include <string.h>

/* In the order of PWF_OPERATORS. */
#define ADDRESS(name) &pwf_op_##name,
static const pwf_operator *const table[] = {PWF_OPERATORS(ADDRESS)};

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
