/* SPDX-License-Identifier: BSD-3-Clause */
/* Unique values and entropy of the weights, counted in a copy that a radix sort of the bits, in
 * three passes of 11 bits, has ordered. Called by evaluations and pwf inspect. Allocates 8 bytes
 * per value; touches neither files nor MPI. */
#include "pwf/core/bits.h"
#include "pwf/core/mem.h"
#include "pwf/posterior/posterior.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 11, DIGITS = 1 << DIGIT, PASSES = 3 };

/* Bits of an fp32 number, transformed so that unsigned integers order like the numbers. -0 becomes
 * 0. */
static uint32_t key_of(float x)
{
    uint32_t bits = pwf_float_bits(x);
    if (bits == UINT32_C(0x80000000)) bits = 0;
    return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

static const uint32_t key_zero = UINT32_C(0x80000000);

/* Radix sort in three passes; returns whichever of the two arrays holds the result. */
static uint32_t *sort_keys(uint32_t *key, uint32_t *other, int64_t count)
{
    int64_t place[PASSES][DIGITS] = {{0}};
    for (int64_t i = 0; i < count; i++)
        for (int pass = 0; pass < PASSES; pass++)
            place[pass][key[i] >> (pass * DIGIT) & (DIGITS - 1)]++;
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t at = 0;
        bool single = false; /* all keys share this digit: nothing to move */
        for (int d = 0; d < DIGITS; d++) {
            const int64_t here = place[pass][d];
            single = single || here == count;
            place[pass][d] = at;
            at += here;
        }
        if (single) continue;
        for (int64_t i = 0; i < count; i++)
            other[place[pass][key[i] >> (pass * DIGIT) & (DIGITS - 1)]++] = key[i];
        uint32_t *swap = key;
        key = other;
        other = swap;
    }
    return key;
}

/* c * log2(n / c): the contribution of `c` equal values among `n` to n times the entropy. */
static double share(int64_t c, int64_t n)
{
    return (double)c * log2((double)n / (double)c);
}

/* Walks the runs of equal keys in ascending order, which fixes the order of the sum. */
static void measure_runs(const uint32_t *key, int64_t count, pwf_measures *out)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += key[i] == key_zero;
    double all = 0.0, nonzero = 0.0;
    int64_t last = 0; /* while nothing is fixed, most runs are as long as the previous one */
    double last_all = 0.0, last_nonzero = 0.0;
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && key[end] == key[i];)
            end++;
        out->unique++;
        if (key[i] == key_zero) {
            all += share(zeros, count);
            continue;
        }
        if (end - i != last) {
            last = end - i;
            last_all = share(last, count);
            last_nonzero = share(last, count - zeros);
        }
        all += last_all;
        nonzero += last_nonzero;
    }
    out->entropy = count > 0 ? all / (double)count : 0.0;
    out->entropy_nonzero = count > zeros ? nonzero / (double)(count - zeros) : 0.0;
}

/* Keys and the second array of the sort share one allocation. */
pwf_status pwf_posterior_measures(const float *values, int64_t count, pwf_measures *out)
{
    *out = (pwf_measures){0};
    uint32_t *keys;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, 2 * sizeof *keys, &keys));
    for (int64_t i = 0; i < count; i++)
        keys[i] = key_of(values[i]);
    measure_runs(sort_keys(keys, keys + count, count), count, out);
    pwf_mem_free(keys);
    return pwf_ok();
}
