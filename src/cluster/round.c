/* SPDX-License-Identifier: BSD-3-Clause */
/* One fixing round: stages of centres, greedy steps, assignment. Called by the training run and by
 * pwf fix-round on all ranks, each of which holds a range of the weights. All functions that
 * communicate are collective; mu, sigma and codebook change only at the end, in commit. */
#include "cluster.h"

#include "pwf/core/bits.h"

#include <math.h>
#include <string.h>

/* During a round, an assigned weight only stores the number of its greedy step in `code`, as
 * FIRST_PENDING - step. Mu, sigma and codebook change at the end, after everything that can fail.
 * To undo a round, these codes are set to PWF_FREE again; no copy of the weights is needed. */
enum { FIRST_PENDING = PWF_FREE - 1, STEPS_MAX = PWF_CODES_MAX - 1 };

typedef struct fixing {
    const pwf_mesh *mesh;
    const pwf_fixing_config *config;
    double fraction; /* share of all weights that is fixed when the round ends, 0 to 1 */
    pwf_round_weights *weights;
    int64_t local; /* number of weights on this rank */
    int64_t left;  /* weights still to be fixed, over all ranks */
    pwf_stage stage;
    bool raise_order; /* the next stage raises the order, not delta */
    pwf_centres centres;
    pwf_candidates candidates;
    pwf_block_sums sums;
    pwf_round_step *steps;
    int64_t step_count, step_room;
    size_t memory_before, memory_most;
} fixing;

/* Records the largest extra memory of this rank in bytes. */
static void note_memory(fixing *f)
{
    const size_t now = pwf_mem_now(PWF_MEM_BUFFERS) - f->memory_before;
    if (now > f->memory_most) f->memory_most = now;
}

/* The limits within which a round is defined. They are wider than those of the option table,
 * because pwf fix-round also takes settings from files. */
static pwf_status check_settings(const fixing *f)
{
    const pwf_fixing_config *s = f->config;
    const struct {
        const char *name, *limits;
        double value, least, most;
    } rows[] = {{"the fraction to fix", "[0, 1]", f->fraction, 0.0, 1.0},
                {"fixing.delta", "[1e-100, 1e100]", s->delta, 1e-100, 1e100},
                {"fixing.delta_growth", "[1.000001, 1e100]", s->delta_growth, 1.000001, 1e100},
                {"fixing.max_order", "[1, 6]", (double)s->max_order, 1.0, 6.0},
                {"fixing.min_power", "[0, 20]", (double)s->min_power, 0.0, 20.0}};
    /* Written so that a NaN is refused. */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        PWF_FAIL_IF(!(rows[i].value >= rows[i].least && rows[i].value <= rows[i].most), PWF_CONFIG,
                    "%s is %g; it must lie in %s", rows[i].name, rows[i].value, rows[i].limits);
    PWF_FAIL_IF(s->sigma_join >= PWF_JOIN_COUNT, PWF_CONFIG,
                "fixing.sigma_join is %lld; it must be std_mu, keep, divide_by_2 or divide_by_10",
                (long long)s->sigma_join);
    return pwf_ok();
}

/* Ranks with different settings would diverge, so all inputs are compared. Values only: padding
 * bytes of a struct would differ. */
static pwf_status check_same(const fixing *f)
{
    const pwf_fixing_config *s = f->config;
    const pwf_codebook *book = f->weights->codebook;
    const double values[] = {f->fraction,
                             s->delta,
                             s->delta_growth,
                             (double)s->max_order,
                             (double)s->min_power,
                             s->zero_fix ? 1.0 : 0.0,
                             (double)s->sigma_join,
                             (double)f->weights->total,
                             (double)book->min_power,
                             (double)book->count};
    PWF_TRY(pwf_mesh_same(f->mesh, values, sizeof values, "set of settings of the fixing round"));
    return pwf_mesh_same(f->mesh, book->entry, (size_t)book->count * sizeof *book->entry,
                         "codebook");
}

/* Refuses non-finite weights and more weights than a candidate's 32-bit index can address. */
static pwf_status check_weights(const fixing *f)
{
    const pwf_round_weights *w = f->weights;
    PWF_FAIL_IF(f->local > (int64_t)UINT32_MAX, PWF_RESOURCE,
                "one rank holds %lld weights, more than the 2^32 - 1 a fixing round can "
                "number; use more ranks or a larger parallel.shards",
                (long long)f->local);
    for (int64_t i = 0; i < f->local; i++)
        PWF_FAIL_IF(!isfinite(w->mu[i]) || !isfinite(w->sigma[i]), PWF_NUMBERS,
                    "weight %lld has mu %g and sigma %g; both must be finite: resume from an "
                    "earlier checkpoint with a lower optim.lr",
                    (long long)(w->own.lo + i), (double)w->mu[i], (double)w->sigma[i]);
    return pwf_ok();
}

/* Weights fixed before this round, over all ranks. */
static int64_t count_fixed(const fixing *f)
{
    int64_t fixed = 0;
    for (int64_t i = 0; i < f->local; i++)
        fixed += f->weights->code[i] != PWF_FREE;
    pwf_mesh_sum_i64(f->mesh, PWF_WORLD, &fixed, 1);
    return fixed;
}

/* ceil(fraction * total) in double precision, as in the released code of the method. */
static int64_t wanted_total(double fraction, int64_t total)
{
    const double product = fraction * (double)total;
    int64_t wanted = (int64_t)product;
    if ((double)wanted < product) wanted++;
    return wanted < total ? wanted : total;
}

/* Largest |mu| of the free weights, over all ranks. */
static double largest_free(const fixing *f)
{
    double largest = 0.0;
    for (int64_t i = 0; i < f->local; i++) {
        const double size = fabs((double)f->weights->mu[i]);
        if (f->weights->code[i] == PWF_FREE && size > largest) largest = size;
    }
    pwf_mesh_max_f64(f->mesh, PWF_WORLD, &largest, 1);
    return largest;
}

/* Sums the changes of all ranks and adds them to the counts, which every rank keeps. Changes are
 * differences between neighbouring centres, so that a weight that accepts an interval costs two
 * entries. */
static void update_counts(fixing *f)
{
    pwf_candidates *b = &f->candidates;
    const int64_t centres = f->centres.count;
    pwf_mesh_sum_i64(f->mesh, PWF_WORLD, b->change, centres);
    int64_t change = 0;
    for (int64_t k = 0; k < centres; k++) {
        change += b->change[k];
        b->count[k] += change;
        b->change[k] = 0;
    }
    b->change[centres] = 0;
}

/* Sets the centres of the stage, up to the largest free weight, and finds its candidates. */
static pwf_status begin_stage(fixing *f)
{
    const double largest = largest_free(f);
    PWF_FAIL_IF(largest * f->stage.scale >= PWF_CENTRE_LIMIT, PWF_CONFIG,
                "the largest free weight, %g, is %g steps of 2^-%lld, more than the 2^24 "
                "that fp32 represents exactly; lower fixing.min_power, or find out why the "
                "weight is so large",
                largest, largest * f->stage.scale, (long long)f->stage.min_power);
    pwf_status status = pwf_centres_set(&f->centres, f->stage.order, f->stage.min_power, largest);
    if (status.code == PWF_OK)
        status = pwf_candidates_build(&f->candidates, &f->stage, &f->centres, f->weights);
    PWF_TRY(pwf_mesh_agree(f->mesh, status));
    note_memory(f);
    update_counts(f);
    return pwf_ok();
}

/* Order and delta rise alternately; at the highest order only delta rises. If a stage of the
 * highest order attracted nothing, stages with a delta below the smallest distance of any weight
 * would not either and are skipped. */
static void next_stage(fixing *f, bool attracted)
{
    pwf_stage *s = &f->stage;
    const bool highest = s->order == f->config->max_order;
    if (f->raise_order && !highest) {
        s->order++;
        f->raise_order = false;
        return;
    }
    s->delta *= f->config->delta_growth;
    f->raise_order = true;
    if (!highest || attracted) return;
    double nearest = -pwf_stage_nearest(s, &f->centres, f->weights);
    pwf_mesh_max_f64(f->mesh, PWF_WORLD, &nearest, 1);
    while (s->delta < -nearest)
        s->delta *= f->config->delta_growth;
}

/* Whether this greedy step takes a candidate of a bucket. `cut` NULL: no cut. */
static bool taken(const fixing *f, const pwf_candidate *candidate, int64_t centre,
                  const pwf_cut *cut)
{
    if (candidate->last < centre) return false;
    if (!cut) return true;
    const double d = pwf_stage_distance(&f->stage, f->weights->mu[candidate->index],
                                        f->weights->sigma[candidate->index], f->centres.at[centre]);
    const uint64_t bits = pwf_double_bits(d);
    if (bits != cut->distance) return bits < cut->distance;
    return f->weights->own.lo + (int64_t)candidate->index <= cut->index;
}

/* Mean of mu over the weights that the step takes. Within a block they are added by bucket, then by
 * index: the order is part of the numerics contract. */
static double mean_of_step(fixing *f, int64_t centre, const pwf_cut *cut, int64_t count)
{
    const pwf_candidates *b = &f->candidates;
    memset(f->sums.own, 0, (size_t)f->sums.blocks * sizeof *f->sums.own);
    for (int64_t k = 0; k <= centre; k++) {
        if (b->reach[k] < centre) continue;
        const pwf_candidate *at = b->at + b->begin[k];
        for (int64_t j = 0; j < b->length[k]; j++)
            if (taken(f, &at[j], centre, cut))
                f->sums.own[at[j].index / PWF_BLOCK] += (double)f->weights->mu[at[j].index];
    }
    return pwf_block_sums_total(&f->sums, f->mesh) / (double)count;
}

/* Marks the taken weights of a bucket, removes them from bucket and counts, and adds their squared
 * deviations. The others keep their order. */
static void take_bucket(fixing *f, int64_t k, int64_t centre, const pwf_cut *cut, double mean)
{
    pwf_candidates *b = &f->candidates;
    pwf_candidate *at = b->at + b->begin[k];
    int64_t kept = 0;
    int32_t reach = -1;
    const int16_t pending = (int16_t)(FIRST_PENDING - f->step_count);
    for (int64_t j = 0; j < b->length[k]; j++) {
        const pwf_candidate one = at[j];
        if (taken(f, &one, centre, cut)) {
            const double deviation = (double)f->weights->mu[one.index] - mean;
            f->sums.own[one.index / PWF_BLOCK] += deviation * deviation;
            f->weights->code[one.index] = pending;
            b->change[k]--;
            b->change[one.last + 1]++;
        } else {
            at[kept++] = one;
            if (one.last > reach) reach = one.last;
        }
    }
    b->length[k] = kept;
    b->reach[k] = reach;
}

/* Takes the weights of a step; returns the population standard deviation of their mu. */
static double take_step(fixing *f, int64_t centre, const pwf_cut *cut, int64_t count, double mean)
{
    memset(f->sums.own, 0, (size_t)f->sums.blocks * sizeof *f->sums.own);
    for (int64_t k = 0; k <= centre; k++)
        if (f->candidates.reach[k] >= centre) take_bucket(f, k, centre, cut, mean);
    return sqrt(pwf_block_sums_total(&f->sums, f->mesh) / (double)count);
}

/* Enlarges the list of steps, on all ranks together. There are fewer steps than codes. */
static pwf_status make_room_for_step(fixing *f)
{
    PWF_FAIL_IF(f->step_count >= STEPS_MAX, PWF_CONFIG,
                "the fixing round needs more than %d greedy steps; raise fixing.delta or "
                "fixing.delta_growth, or lower fixing.min_power",
                (int)STEPS_MAX);
    if (f->step_count < f->step_room) return pwf_ok();
    pwf_round_step *larger = NULL;
    const int64_t room = f->step_room ? 2 * f->step_room : 256;
    pwf_status status = pwf_mem_alloc(PWF_MEM_BUFFERS, room, sizeof *larger, &larger);
    status = pwf_mesh_agree(f->mesh, status);
    if (status.code != PWF_OK) {
        pwf_mem_free(larger);
        return status;
    }
    if (f->step_count) memcpy(larger, f->steps, (size_t)f->step_count * sizeof *larger);
    note_memory(f);
    pwf_mem_free(f->steps);
    f->steps = larger;
    f->step_room = room;
    return pwf_ok();
}

/* Index of the centre with the largest count, the smallest centre among equals; -1 if no centre
 * attracts a weight. All ranks have the same counts; rank 0 chooses and broadcasts. A centre that
 * was chosen has no candidates left. */
static int64_t choose(const fixing *f)
{
    int64_t best = -1, most = 0;
    if (pwf_mesh_rank(f->mesh, PWF_WORLD) == 0)
        for (int64_t k = 0; k < f->centres.count; k++)
            if (f->candidates.count[k] > most) {
                most = f->candidates.count[k];
                best = k;
            }
    pwf_mesh_broadcast(f->mesh, PWF_WORLD, 0, &best, sizeof best);
    return best;
}

/* One greedy step: all candidates of the best centre are taken, or the nearest of them if they
 * exceed the quota. *attracted: whether there was a centre to take. */
static pwf_status greedy_step(fixing *f, bool *attracted)
{
    const int64_t centre = choose(f);
    *attracted = centre >= 0;
    if (centre < 0) return pwf_ok();
    PWF_TRY(make_room_for_step(f));
    int64_t count = f->candidates.count[centre];
    pwf_cut cut, *use = NULL;
    if (count > f->left) {
        count = f->left;
        cut = pwf_candidates_cut(f->mesh, &f->candidates, &f->stage, &f->centres, f->weights,
                                 centre, count);
        use = &cut;
    }
    pwf_round_step *step = &f->steps[f->step_count];
    step->order = (int32_t)f->stage.order;
    step->integer = f->centres.at[centre];
    step->delta = f->stage.delta;
    step->centre = (double)step->integer * f->stage.unit;
    step->count = count;
    step->mean = mean_of_step(f, centre, use, count);
    step->spread = take_step(f, centre, use, count, step->mean);
    f->step_count++;
    f->left -= count;
    if (f->left > 0) update_counts(f);
    return pwf_ok();
}

/* Runs stages until the quota is reached. Delta grows without limit, so every weight is reached. */
static pwf_status run_stages(fixing *f)
{
    while (f->left > 0) {
        bool attracted = true, any = false;
        PWF_TRY(begin_stage(f));
        while (f->left > 0) {
            PWF_TRY(greedy_step(f, &attracted));
            if (!attracted) break;
            any = true;
        }
        if (f->left > 0) next_stage(f, any);
    }
    return pwf_ok();
}

/* Adds a code for the centre of each step; on failure the codebook is unchanged. */
static pwf_status add_codes(fixing *f, int16_t *codes)
{
    pwf_codebook *book = f->weights->codebook;
    const int before = book->count;
    for (int64_t i = 0; i < f->step_count; i++) {
        const int code = pwf_codebook_add(book, f->steps[i].integer);
        if (code == PWF_FREE) {
            book->count = before;
            return PWF_FAIL(PWF_CONFIG,
                            "the fixing round needs more centres than the limit of %d codes; "
                            "lower fixing.min_power or fixing.max_order, or raise fixing.delta",
                            (int)PWF_CODES_MAX);
        }
        codes[i] = (int16_t)code;
    }
    return pwf_ok();
}

/* Sigma of a weight that was fixed by a step with this spread. */
static float joined_sigma(int64_t join, float sigma, double spread)
{
    switch (join) {
    case PWF_JOIN_KEEP:
        return sigma;
    case PWF_JOIN_DIVIDE_BY_2:
        return sigma * 0.5f;
    case PWF_JOIN_DIVIDE_BY_10:
        return sigma / 10.0f;
    default:
        return (float)spread;
    }
}

/* Writes the assignment into mu, sigma, code and codebook. Every rank adds the same centres. */
static pwf_status commit(fixing *f)
{
    pwf_round_weights *w = f->weights;
    int16_t *codes = NULL;
    pwf_status status = pwf_mem_alloc(PWF_MEM_BUFFERS, f->step_count, sizeof *codes, &codes);
    PWF_TRY(pwf_mesh_agree(f->mesh, status));
    note_memory(f);
    status = add_codes(f, codes);
    for (int64_t i = 0; i < f->local && status.code == PWF_OK; i++) {
        if (w->code[i] >= PWF_FREE) continue;
        const int step = FIRST_PENDING - w->code[i];
        w->code[i] = codes[step];
        w->mu[i] = (float)f->steps[step].centre;
        w->sigma[i] = joined_sigma(f->config->sigma_join, w->sigma[i], f->steps[step].spread);
    }
    pwf_mem_free(codes);
    return status;
}

/* Makes all weights that this round assigned free again. */
static void undo(fixing *f)
{
    for (int64_t i = 0; i < f->local; i++)
        if (f->weights->code[i] < PWF_FREE) f->weights->code[i] = PWF_FREE;
}

/* The first stage: order 1, the given delta. */
static void set_stage(fixing *f)
{
    const pwf_fixing_config *s = f->config;
    f->stage = (pwf_stage){.order = 1,
                           .min_power = s->min_power,
                           .delta = s->delta,
                           .zero_fix = s->zero_fix,
                           .scale = 1.0,
                           .unit = 1.0};
    for (int64_t i = 0; i < s->min_power; i++) {
        f->stage.scale *= 2.0;
        f->stage.unit *= 0.5;
    }
    f->raise_order = true;
}

/* The arguments are checked and compared before the first communication that depends on them. */
pwf_status pwf_cluster_round(const pwf_mesh *mesh, const pwf_fixing_config *config, int round,
                             pwf_round_weights *weights, pwf_round_result *result)
{
    fixing f = {.mesh = mesh,
                .config = config,
                .fraction = config->fractions.at[round],
                .weights = weights,
                .local = weights->own.hi > weights->own.lo ? pwf_range_length(weights->own) : 0,
                .memory_before = pwf_mem_now(PWF_MEM_BUFFERS)};
    *result = (pwf_round_result){0};
    PWF_TRY(check_same(&f));
    PWF_TRY(check_settings(&f));
    PWF_ASSERT(weights->codebook->min_power == config->min_power);
    PWF_TRY(pwf_mesh_agree(mesh, check_weights(&f)));
    set_stage(&f);
    const int64_t before = count_fixed(&f);
    const int64_t quota = wanted_total(f.fraction, weights->total) - before;
    f.left = quota > 0 ? quota : 0;

    pwf_status status = pwf_block_sums_new(&f.sums, mesh, weights);
    if (status.code == PWF_OK) status = run_stages(&f);
    if (status.code == PWF_OK) status = commit(&f);
    if (status.code == PWF_OK) {
        result->steps = f.steps;
        result->count = f.step_count;
        result->fixed = before + (quota > 0 ? quota : 0);
        result->extra_bytes = f.memory_most;
    } else {
        undo(&f);
        pwf_mem_free(f.steps);
    }
    pwf_block_sums_free(&f.sums);
    pwf_candidates_free(&f.candidates);
    pwf_centres_free(&f.centres);
    return status;
}
