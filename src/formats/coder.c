/* SPDX-License-Identifier: BSD-3-Clause */
/* The entropy coder of .pwf files: rANS (Duda 2013) with a state of 64 bits that is emptied 32 bits
 * at a time, and one table of frequencies for all symbols. Called by export_packed.c; the decoder
 * is in src/decoder. Pure functions. */
#include "coder.h"

#include "pwf/core/mem.h"

#include <math.h>
#include <string.h>

int pwf_coder_varying(uint64_t x, unsigned char out[10])
{
    int n = 0;
    do {
        out[n++] = (unsigned char)((x & 127) | (x > 127 ? 128 : 0));
        x >>= 7;
    } while (x > 0);
    return n;
}

/* Divides 2^bits among the symbols: each used one gets 1 and its share of the rest; the remainder
 * goes to the most frequent one. Returns the bits of all codes, or infinity if there are too many
 * symbols. */
static double divide(const int64_t *count, int symbols, int64_t total, int used, uint32_t bits,
                     uint32_t *frequency)
{
    int64_t left = INT64_C(1) << bits;
    const int64_t shared = left - used;
    int most = 0;
    if (shared < 0) return INFINITY;
    for (int k = 0; k < symbols; k++) {
        frequency[k] = 0;
        if (count[k] == 0) continue;
        /* exact: counts are below 2^40 and `shared` below 2^21 */
        frequency[k] = (uint32_t)(1 + count[k] * shared / total);
        left -= frequency[k];
        if (count[k] > count[most]) most = k;
    }
    frequency[most] += (uint32_t)left;
    double cost = 0.0;
    for (int k = 0; k < symbols; k++)
        if (count[k] > 0) cost += (double)count[k] * ((double)bits - log2((double)frequency[k]));
    return cost;
}

double pwf_coder_plan(const int64_t *count, int symbols, uint32_t *frequency, uint32_t *bits)
{
    int64_t total = 0;
    int used = 0;
    for (int k = 0; k < symbols; k++) {
        total += count[k];
        used += count[k] > 0;
    }
    PWF_ASSERT(total > 0 && total < INT64_C(1) << 40 && symbols < 1 << 16);
    double best = INFINITY;
    for (uint32_t b = 0; b <= PWF_CODER_BITS; b++) {
        double whole = divide(count, symbols, total, used, b, frequency);
        for (int k = 0; k < symbols && isfinite(whole); k++) {
            unsigned char text[10];
            whole += 8.0 * pwf_coder_varying(frequency[k], text);
        }
        if (!(whole < best)) continue;
        best = whole;
        *bits = b;
    }
    return divide(count, symbols, total, used, *bits, frequency);
}

pwf_status pwf_coder_encode(const uint16_t *symbol, int64_t count, const uint32_t *frequency,
                            int symbols, uint32_t bits, double cost, unsigned char **out,
                            int64_t *bytes)
{
    const uint64_t least = UINT64_C(1) << 31;
    /* The codes are less than 0.1 % longer than the table implies. */
    const int64_t room = (int64_t)(cost / 32.0 * 1.001) + 64;
    uint32_t *word = NULL, *start = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, symbols, sizeof *start, &start));
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, room, sizeof *word, &word);
    if (s.code != PWF_OK) {
        pwf_mem_free(start);
        return s;
    }
    for (int k = 1; k < symbols; k++)
        start[k] = start[k - 1] + frequency[k - 1];
    /* Encodes the last symbol first and fills the buffer from its end, so that the decoder runs
     * forwards. */
    uint64_t x = least;
    int64_t at = room;
    for (int64_t i = count - 1; i >= 0; i--) {
        const uint64_t f = frequency[symbol[i]];
        if (x >= ((least >> bits) << 32) * f) {
            PWF_ASSERT(at > 2);
            word[--at] = (uint32_t)x;
            x >>= 32;
        }
        x = ((x / f) << bits) + x % f + start[symbol[i]];
    }
    word[--at] = (uint32_t)(x >> 32);
    word[--at] = (uint32_t)x;
    *bytes = (room - at) * (int64_t)sizeof *word;
    memmove(word, word + at, (size_t)*bytes);
    *out = (unsigned char *)word;
    pwf_mem_free(start);
    return pwf_ok();
}
