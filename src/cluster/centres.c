/* SPDX-License-Identifier: BSD-3-Clause */
/* The centres of a stage: sums of powers of two, as integers in units of 2^-min_power, and a table
 * that finds one in constant time. Called by round.c and by tests. Allocates the lists; touches
 * neither files nor MPI. */
#include "cluster.h"

/* Entries of the look-up table. With more integers than entries, a binary search within an entry
 * follows. */
enum { TABLE = 65536 };

/* 2^power by repeated multiplication, exact and without libm. */
static double power_of_two(int64_t power)
{
    double value = 1.0;
    for (; power > 0; power--)
        value *= 2.0;
    for (; power < 0; power++)
        value *= 0.5;
    return value;
}

/* Lists, or with NULL counts, the positive centres. An integer below `bound` is a sum of at most
 * `order` powers of two exactly if it has at most `order` one bits. `bound` itself, reached only if
 * the largest weight equals it, is a sum of two halves. If n has fewer than `order` one bits, n + 1
 * is next; otherwise every integer before n + its lowest one bit has too many. */
static int64_t positive_centres(int32_t *centres, int64_t order, int64_t last, int64_t bound)
{
    int64_t count = 0;
    for (int64_t n = 1; n <= last;) {
        if (n < bound || (order >= 2 && n == bound)) {
            if (centres) centres[count] = (int32_t)n;
            count++;
        }
        n = __builtin_popcountll((unsigned long long)n) < order ? n + 1 : n + (n & -n);
    }
    return count;
}

int64_t pwf_cluster_centres(int32_t *centres, int64_t order, int64_t min_power, double largest)
{
    const double units = largest * power_of_two(min_power);
    PWF_ASSERT(order >= 1 && units >= 0.0 && units < PWF_CENTRE_LIMIT);
    const int64_t last = (int64_t)units;
    int64_t bound = 1; /* 2^ceil(log2 largest) in units; 1 if there is no power below `largest` */
    while ((double)bound < units)
        bound *= 2;
    /* Without a power of two below the largest weight, 0 is the only centre. */
    const int64_t usable = bound == 1 ? 0 : last;
    const int64_t half = positive_centres(NULL, order, usable, bound);
    if (centres) {
        positive_centres(centres + half + 1, order, usable, bound);
        centres[half] = 0;
        for (int64_t i = 0; i < half; i++)
            centres[i] = -centres[2 * half - i];
    }
    return 2 * half + 1;
}

/* first[q] is the index of the first centre that is not below the first integer of entry q. */
static void fill_table(pwf_centres *c)
{
    const int64_t entries = ((2 * c->limit + 1) >> c->shift) + 2;
    int64_t index = 0;
    for (int64_t q = 0; q < entries; q++) {
        const int64_t from = (q << c->shift) - c->limit;
        while (index < c->count && c->at[index] < from)
            index++;
        c->first[q] = (int32_t)index;
    }
}

/* The table covers all integers from -limit to limit, in entries of 2^shift integers. */
pwf_status pwf_centres_set(pwf_centres *centres, int64_t order, int64_t min_power, double largest)
{
    pwf_centres *c = centres;
    const int64_t count = pwf_cluster_centres(NULL, order, min_power, largest);
    if (!c->first) PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, TABLE + 2, sizeof *c->first, &c->first));
    if (count > c->room) {
        pwf_mem_free(c->at);
        c->room = 0;
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *c->at, &c->at));
        c->room = count;
    }
    c->count = pwf_cluster_centres(c->at, order, min_power, largest);
    c->zero = c->count / 2;
    c->limit = c->at[c->count - 1];
    c->shift = 0;
    while ((2 * c->limit + 1) >> c->shift >= TABLE)
        c->shift++;
    fill_table(c);
    return pwf_ok();
}

void pwf_centres_free(pwf_centres *centres)
{
    pwf_mem_free(centres->at);
    pwf_mem_free(centres->first);
    *centres = (pwf_centres){0};
}

/* The entry gives a range of indices; the binary search finds the index in it. */
int64_t pwf_centres_find(const pwf_centres *centres, int64_t integer)
{
    if (integer <= -centres->limit) return 0;
    if (integer > centres->limit) return centres->count;
    const int64_t q = (integer + centres->limit) >> centres->shift;
    int64_t low = centres->first[q];
    if (centres->shift == 0) return low;
    int64_t high = centres->first[q + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (centres->at[middle] < integer)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
