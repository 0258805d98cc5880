/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_DUTY_H
#define PWF_TESTS_DUTY_H

#include "operator.h"

/* The work of a part of a step for one slot, forward and backward: operations of its matrix
 * products, and the bytes it must read and write, by the level of cache that can hold what one call
 * touches. */
typedef struct duty {
    double operations, second, third, memory;
} duty;

/* Adds `calls` calls of the given bytes on each thread. */
void duty_touch(duty *d, double bytes, double calls, int threads);

/* That of all uses of an operator in a network. */
duty duty_of(const pwf_graph *graph, const pwf_operator *op, int64_t images, int threads);

/* Multiplications and additions of all matrix products of a network for one image, forward. */
int64_t duty_operations(const pwf_graph *graph);

#endif
