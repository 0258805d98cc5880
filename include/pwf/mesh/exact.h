/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_EXACT_H
#define PWF_MESH_EXACT_H

#include <stdbool.h>
#include <stdint.h>

/** Exact sums of gradients: 64-bit integers in units of 2^-44, so that every order of slots,
 * threads and ranks gives the same sum. 256 slots with elements below 2^11 cannot overflow. */

#define PWF_EXACT_UNIT 0x1p-44
#define PWF_EXACT_LIMIT 0x1p+11

/** sum[i] += round(value[i] / 2^-44) for i < count, half to even.
 * Local; any thread, but one at a time per element. Returns false if any value is NaN or |value[i]|
 * >= 2^11; those elements add 0. The same bits on every instruction set. */
bool pwf_exact_add(int64_t *sum, const float *value, int64_t count);

/** value[i] = sum[i] * 2^-44 for i < count, rounded once to fp32, half to even.
 * Local; any thread. */
void pwf_exact_value(float *value, const int64_t *sum, int64_t count);

#endif
