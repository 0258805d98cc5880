/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the cut of a greedy step that would take more weights than the quota allows: the distance,
 * and among equal distances the global index, up to which candidates are taken. Called by round.c,
 * collectively. The digit counts of all ranks are summed, so every rank finds the same cut; no rank
 * collects candidates. */
#include "cluster.h"

#include "pwf/core/bits.h"

#include <string.h>

/* Radix selection of the k-th smallest key over all ranks, from the most significant digit down.
 * Each pass counts the keys that share the digits known so far, by their next digit. The sums of
 * these counts over all ranks determine the next digit, on every rank alike. */
enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 6 };

typedef struct search {
    const pwf_candidates *candidates;
    const pwf_stage *stage;
    const pwf_centres *centres;
    const pwf_round_weights *weights;
    int64_t centre;
    /* True: the key is the global index, of candidates at `distance` only; false: it is the bits of
     * D, the distance from pwf_stage_distance. */
    bool by_index;
    uint64_t distance;
    uint64_t prefix; /* the digits known so far */
    int shift;       /* bit position of the next digit */
} search;

/* Bits of the distance D (pwf_stage_distance) from the searched centre; the bits of non-negative
 * doubles have the same order as their values. */
static uint64_t distance_bits(const search *s, uint32_t index)
{
    const double d = pwf_stage_distance(s->stage, s->weights->mu[index], s->weights->sigma[index],
                                        s->centres->at[s->centre]);
    return pwf_double_bits(d);
}

/* Counts this rank's candidates of the centre whose key starts with the known digits, by next
 * digit. */
static void count_digits(const search *s, int64_t counts[DIGITS])
{
    memset(counts, 0, DIGITS * sizeof *counts);
    const pwf_candidates *b = s->candidates;
    const int above = s->shift + DIGIT_BITS;
    for (int64_t k = 0; k <= s->centre; k++) {
        if (b->reach[k] < s->centre) continue;
        const pwf_candidate *at = b->at + b->begin[k];
        for (int64_t j = 0; j < b->length[k]; j++) {
            if (at[j].last < s->centre) continue;
            uint64_t key = distance_bits(s, at[j].index);
            if (s->by_index) {
                if (key != s->distance) continue;
                key = (uint64_t)(s->weights->own.lo + (int64_t)at[j].index);
            }
            if (above < 64 && key >> above != s->prefix) continue;
            counts[(key >> s->shift) & (DIGITS - 1)]++;
        }
    }
}

/* The key at position *wanted (from 1) over all ranks. *wanted becomes the position among
 * candidates with this key. */
static uint64_t find_key(const pwf_mesh *mesh, search *s, int64_t *wanted)
{
    s->prefix = 0;
    for (int pass = PASSES - 1; pass >= 0; pass--) {
        int64_t counts[DIGITS];
        s->shift = pass * DIGIT_BITS;
        count_digits(s, counts);
        pwf_mesh_sum_i64(mesh, PWF_WORLD, counts, DIGITS);
        int digit = 0;
        while (counts[digit] < *wanted) {
            *wanted -= counts[digit++];
            PWF_ASSERT(digit < DIGITS);
        }
        s->prefix = s->prefix << DIGIT_BITS | (uint64_t)digit;
    }
    return s->prefix;
}

/* First the distance, then the index among the candidates at exactly this distance. */
pwf_cut pwf_candidates_cut(const pwf_mesh *mesh, const pwf_candidates *candidates,
                           const pwf_stage *stage, const pwf_centres *centres,
                           const pwf_round_weights *weights, int64_t centre, int64_t wanted)
{
    search s = {.candidates = candidates,
                .stage = stage,
                .centres = centres,
                .weights = weights,
                .centre = centre};
    pwf_cut cut;
    cut.distance = s.distance = find_key(mesh, &s, &wanted);
    s.by_index = true;
    cut.index = (int64_t)find_key(mesh, &s, &wanted);
    return cut;
}
