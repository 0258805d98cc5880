/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_NN_OPERATORS_H
#define PWF_TESTS_NN_OPERATORS_H

#include "operator.h"

/* All operators, in the order of PWF_OPERATORS. */
int operator_count(void);
const pwf_operator *operator_at(int index);

/* The operator of a name, which must exist. */
const pwf_operator *operator_find(const char *name);

#endif
