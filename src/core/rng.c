/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter-based random numbers for any range of elements: words, normals, uniforms and halves.
 * Called for noise, initial values, data order and augmentation. Pure functions of stream and
 * index, so any rank recomputes any number; the kernels are chosen by instruction set. */
#include "pwf/core/rng.h"

#include "kernels.h"
#include "pwf/core/status.h"

#include <Random123/philox.h>
#include <string.h>

/* Kernels by instruction set: counters to words, and words to numbers, both in quads. */
typedef void (*make_words)(uint32_t *, pwf_stream, uint64_t, int64_t);
typedef void (*convert)(float *, const uint32_t *, int64_t);

static const make_words philox[] = PWF_KERNEL_VARIANTS(pwf_philox_quads);
static const convert normals[] = PWF_KERNEL_VARIANTS(pwf_words_to_normals);
static const convert uniforms[] = PWF_KERNEL_VARIANTS(pwf_words_to_uniforms);

void pwf_rng_words(pwf_stream stream, uint64_t quad, uint32_t out[4])
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)quad, (uint32_t)stream.step, (uint32_t)(stream.step >> 32), stream.sample}};
    const philox4x32_key_t key = {{stream.seed, (uint32_t)stream.purpose}};
    const philox4x32_ctr_t r = philox4x32_R(10, counter, key);
    memcpy(out, r.v, sizeof r.v);
}

/* Fills elements [first, first + count), `share` of which come from one quad of words; the range
 * need not be aligned to quads. Without a table, the elements are the bytes of the words in memory
 * order, which assumes a little-endian machine. */
static void fill(void *out, pwf_stream s, int64_t first, int64_t count, int share,
                 const convert *table)
{
    enum { QUADS = 256 };
    uint32_t words[4 * QUADS];
    float numbers[4 * QUADS];
    const size_t size = 16 / (size_t)share;
    const pwf_isa isa = pwf_isa_now();
    PWF_ASSERT(first >= 0 && (first + count) / share < INT64_C(1) << 32);
    for (int64_t at = first, end = first + count; at < end;) {
        const int64_t quad = at / share, last = (end + share - 1) / share;
        const int64_t quads = last - quad < QUADS ? last - quad : QUADS;
        const int64_t stop = share * (quad + quads) < end ? share * (quad + quads) : end;
        philox[isa](words, s, (uint64_t)quad, quads);
        if (table) table[isa](numbers, words, quads);
        const char *from = table ? (const char *)numbers : (const char *)words;
        memcpy((char *)out + (size_t)(at - first) * size, from + (size_t)(at - share * quad) * size,
               (size_t)(stop - at) * size);
        at = stop;
    }
}

void pwf_rng_halves(uint16_t *out, pwf_stream stream, int64_t first, int64_t count)
{
    fill(out, stream, first, count, 8, NULL);
}

void pwf_rng_normals(float *out, pwf_stream stream, int64_t first, int64_t count)
{
    fill(out, stream, first, count, 4, normals);
}

void pwf_rng_uniforms(float *out, pwf_stream stream, int64_t first, int64_t count)
{
    fill(out, stream, first, count, 4, uniforms);
}
