/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_PRODUCTS_H
#define PWF_TESTS_PRODUCTS_H

#include <stdbool.h>

/* Rates of matrix products of four images of a DeiT-Tiny, a few hundred kilobytes that stay in the
 * second-level cache; every thread does its own. */

/* y [rows, outputs] = x [rows, inputs] times weights. */
typedef struct product {
    long long rows, inputs, outputs;
} product;

/* oneDNN's product, its weights already in its preferred order; operations per second of all
 * threads, or 0 where the library has no instructions for it. */
double products_onednn(product shape, bool bf16, int threads, double seconds);

/* The linear layer of this program, forward (0), for the gradient of its input (1), of its weights
 * (2). */
double products_linear(product shape, int pass, bool bf16, int threads, double seconds);

#endif
