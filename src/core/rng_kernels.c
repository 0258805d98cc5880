/* SPDX-License-Identifier: BSD-3-Clause */
/* Philox4x32-10 for many counters at once, so that it vectorises, and the conversion of words to
 * normals and uniforms. Compiled once per instruction set and called through rng.c. A test compares
 * it with Random123. Pure functions. */
#include "kernels.h"

#include "pwf/core/bits.h"

#include <math.h>

enum { LANES = 64 }; /* counters at once: four vectors of AVX-512 per word */

/* Ten rounds of Philox (Salmon et al., SC 2011); the constants are those of Random123. */
void PWF_KERNEL(pwf_philox_quads)(uint32_t *out, pwf_stream s, uint64_t first, int64_t quads)
{
    for (int64_t base = 0; base < quads; base += LANES) {
        uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
        for (int j = 0; j < LANES; j++) {
            c0[j] = (uint32_t)(first + (uint64_t)base) + (uint32_t)j;
            c1[j] = (uint32_t)s.step;
            c2[j] = (uint32_t)(s.step >> 32);
            c3[j] = s.sample;
        }
        /* The key grows by the golden ratio and sqrt(3) - 1, as fractions of 2^32, each round. */
        uint32_t k0 = s.seed, k1 = (uint32_t)s.purpose;
        for (int round = 0; round < 10; round++) {
            for (int j = 0; j < LANES; j++) {
                const uint64_t p0 = (uint64_t)0xD2511F53u * c0[j];
                const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2[j];
                c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
                c1[j] = (uint32_t)p1;
                c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
                c3[j] = (uint32_t)p0;
            }
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        /* The last group computes all lanes and stores those asked for. */
        const int lanes = quads - base < LANES ? (int)(quads - base) : LANES;
        uint32_t *o = out + 4 * base;
        for (int j = 0; j < lanes; j++) {
            o[4 * j] = c0[j];
            o[4 * j + 1] = c1[j];
            o[4 * j + 2] = c2[j];
            o[4 * j + 3] = c3[j];
        }
    }
}

/* ln u for u in [2^-24, 1). */
static inline float log_unit(float u)
{
    float e;
    const float f = pwf_log_split(u, &e), f2 = f * f;
    const float tail = fmaf(pwf_log_polynomial(f) * f, f2, -0.5f * f2);
    return fmaf(e, 0x1.62e430p-1f, f + tail);
}

/* Box-Muller: the radius comes from the first word, the angle in quarter turns from the second. */
static inline void box_muller(float out[2], uint32_t radius, uint32_t angle)
{
    const float u = fmaf((float)(int32_t)(radius >> 9), 0x1p-23f, 0x1p-24f);
    const float r = sqrtf(-2.0f * log_unit(u));
    const uint32_t quadrant = (angle + 0x20000000u) >> 30;
    const int32_t rest = (int32_t)(angle - (quadrant << 30)) >> 6;
    const float t = (float)rest * 0x1p-24f, z = t * t;
    float s = 0x1.4bc898p-13f;
    s = fmaf(s, z, -0x1.32ca9ep-8f);
    s = fmaf(s, z, 0x1.466bbap-4f);
    s = fmaf(s, z, -0x1.4abbcep-1f);
    s = fmaf(s, z, 0x1.921fb6p+0f) * t;
    float c = -0x1.a0ee18p-16f;
    c = fmaf(c, z, 0x1.e1e7ccp-11f);
    c = fmaf(c, z, -0x1.55d3bap-6f);
    c = fmaf(c, z, 0x1.03c1f0p-2f);
    c = fmaf(c, z, -0x1.3bd3ccp+0f);
    c = fmaf(c, z, 1.0f);
    /* cos and sin of the full angle: swapped in odd quadrants, signs by quadrant. */
    const float x = quadrant & 1u ? s : c, y = quadrant & 1u ? c : s;
    const uint32_t sign_x = ((quadrant + 1u) & 2u) << 30, sign_y = (quadrant & 2u) << 30;
    out[0] = r * pwf_float_of(pwf_float_bits(x) ^ sign_x);
    out[1] = r * pwf_float_of(pwf_float_bits(y) ^ sign_y);
}

void PWF_KERNEL(pwf_words_to_normals)(float *out, const uint32_t *words, int64_t quads)
{
    for (int64_t i = 0; i < 2 * quads; i++)
        box_muller(out + 2 * i, words[2 * i], words[2 * i + 1]);
}

void PWF_KERNEL(pwf_words_to_uniforms)(float *out, const uint32_t *words, int64_t quads)
{
    for (int64_t i = 0; i < 4 * quads; i++)
        out[i] = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}
