/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/rng.h"

#include "pwf/core/status.h"
#include "rng_kernels.h"

#include <Random123/philox.h>
#include <string.h>

typedef void (*make_words)(uint32_t *, pwf_stream, uint64_t, int64_t);
typedef void (*convert)(float *, const uint32_t *, int64_t);

static const make_words philox[PWF_ISA_COUNT] = {pwf_philox_quads_base, pwf_philox_quads_avx2,
                                                 pwf_philox_quads_avx512};
static const convert normals[PWF_ISA_COUNT] = {pwf_words_to_normals_base, pwf_words_to_normals_avx2,
                                               pwf_words_to_normals_avx512};
static const convert uniforms[PWF_ISA_COUNT] = {
    pwf_words_to_uniforms_base, pwf_words_to_uniforms_avx2, pwf_words_to_uniforms_avx512};

void pwf_rng_words(pwf_stream s, uint64_t quad, uint32_t out[4])
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)quad, (uint32_t)s.step, (uint32_t)(s.step >> 32), s.sample}};
    const philox4x32_key_t key = {{s.seed, (uint32_t)s.purpose}};
    const philox4x32_ctr_t r = philox4x32_R(10, counter, key);
    memcpy(out, r.v, sizeof r.v);
}

/* Elements of a range that need not begin or end at a multiple of four. */
static void fill(float *out, pwf_stream s, int64_t first, int64_t count, const convert table[])
{
    enum { QUADS = 256 };
    uint32_t words[4 * QUADS];
    float numbers[4 * QUADS];
    const pwf_isa isa = pwf_isa_now();
    PWF_ASSERT(first >= 0 && (first + count) / 4 < INT64_C(1) << 32);
    for (int64_t at = first, end = first + count; at < end;) {
        const int64_t quad = at / 4, last = (end + 3) / 4;
        const int64_t quads = last - quad < QUADS ? last - quad : QUADS;
        const int64_t stop = 4 * (quad + quads) < end ? 4 * (quad + quads) : end;
        philox[isa](words, s, (uint64_t)quad, quads);
        table[isa](numbers, words, quads);
        memcpy(out + (at - first), numbers + (at - 4 * quad), (size_t)(stop - at) * sizeof *out);
        at = stop;
    }
}

void pwf_rng_halves(uint16_t *out, pwf_stream s, int64_t first, int64_t count)
{
    enum { QUADS = 256 };
    uint32_t words[4 * QUADS];
    const pwf_isa isa = pwf_isa_now();
    PWF_ASSERT(first >= 0 && (first + count) / 8 < INT64_C(1) << 32);
    for (int64_t at = first, end = first + count; at < end;) {
        const int64_t quad = at / 8, last = (end + 7) / 8;
        const int64_t quads = last - quad < QUADS ? last - quad : QUADS;
        const int64_t stop = 8 * (quad + quads) < end ? 8 * (quad + quads) : end;
        philox[isa](words, s, (uint64_t)quad, quads);
        /* Halves of words lie in memory in the order of the elements: the machine is little-endian.
         */
        memcpy(out + (at - first), (const char *)words + sizeof *out * (size_t)(at - 8 * quad),
               (size_t)(stop - at) * sizeof *out);
        at = stop;
    }
}

void pwf_rng_normals(float *out, pwf_stream s, int64_t first, int64_t count)
{
    fill(out, s, first, count, normals);
}

void pwf_rng_uniforms(float *out, pwf_stream s, int64_t first, int64_t count)
{
    fill(out, s, first, count, uniforms);
}
