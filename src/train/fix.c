/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixing round on the sharded state. Replicas hold copies of a shard: each processes a part of
 * it, so that all ranks share the work, and the results are gathered along the replica axis. Called
 * by run.c in the phase FIX. Changes means, sigmas, codes and the codebook; rank 0 writes rows of
 * metrics and rounds.csv. */
#include "trainer.h"

#include "pwf/cluster/round.h"
#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

/* Whole blocks of this rank's posterior range that replica `rank` processes. */
static pwf_range replica_part(const pwf_engine *e, int rank)
{
    const pwf_range own = e->state->own_posterior;
    const pwf_range r =
        pwf_shard_range(pwf_range_length(own), pwf_mesh_size(e->mesh, PWF_REPLICA), rank);
    return (pwf_range){own.lo + r.lo, own.lo + r.hi};
}

/* Completes an array over this rank's posterior range with the parts the other replicas processed.
 * Collective. */
static void gather(const pwf_engine *e, void *data, size_t size)
{
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int replicas = pwf_mesh_size(e->mesh, PWF_REPLICA);
    const pwf_range own = e->state->own_posterior;
    for (int r = 0; r < replicas; r++)
        offset[r] = (replica_part(e, r).lo - own.lo) * (int64_t)size;
    offset[replicas] = pwf_range_length(own) * (int64_t)size;
    pwf_mesh_gather(e->mesh, PWF_REPLICA, data, offset);
}

/* Writes the rows and the log line of the round, on rank 0. */
static pwf_status write_rows(const pwf_trainer *t, const pwf_round_result *result, double seconds,
                             const char *fingerprint)
{
    const int64_t round = t->now.facts.position.round + 1;
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "round");
    pwf_json_set_int(row, "step", t->now.facts.position.step);
    pwf_json_set_int(row, "round", round);
    pwf_json_set_real(row, "fraction", t->config->fixing.fractions.at[round - 1]);
    pwf_json_set_int(row, "greedy_steps", result->count);
    pwf_json_set_int(row, "fixed", result->fixed);
    pwf_json_set_int(row, "codebook", t->now.state->codebook.count);
    pwf_json_set_real(row, "round_seconds", seconds);
    pwf_json_set_int(row, "extra_bytes", (int64_t)result->extra_bytes);
    pwf_json_set_text(row, "fingerprint", fingerprint);
    pwf_json_set_real(row, "seconds", pwf_meter_seconds(&t->meter));
    pwf_status status = pwf_report_row(t->report, row);
    if (status.code == PWF_OK) status = pwf_report_round(t->report, round, result);
    PWF_INFO("ROUND", "round %lld of %d: %lld of %lld weights fixed in %lld greedy steps, %.2f s",
             (long long)round, t->config->fixing.fractions.count, (long long)result->fixed,
             (long long)t->now.state->posterior, (long long)result->count, seconds);
    return status;
}

/* The fingerprint covers the sharded state after the round, so every rank takes part in computing
 * it. Collective. */
static pwf_status report(pwf_trainer *t, const pwf_round_result *result, double seconds)
{
    char fingerprint[33];
    PWF_TRY(pwf_guard_fingerprint(&t->guard, fingerprint));
    const pwf_status status = t->report ? write_rows(t, result, seconds, fingerprint) : pwf_ok();
    return pwf_mesh_agree(t->mesh, status);
}

/* In the released code of the paper, each round assigns all weights again. */
static void forget_codes(pwf_state *s)
{
    for (int64_t i = 0; i < pwf_range_length(s->own_posterior); i++)
        s->code[i] = PWF_FREE;
    s->codebook.count = 0;
}

/* Runs the round on this rank's part, then gathers those of the other replicas. Collective. */
static pwf_status fix_part(const pwf_engine *e, int64_t round, pwf_round_result *result)
{
    pwf_state *s = e->state;
    const pwf_range own = replica_part(e, pwf_mesh_rank(e->mesh, PWF_REPLICA));
    const int64_t shift = own.lo - s->own_posterior.lo;
    pwf_round_weights weights = {
        .total = s->posterior,
        .own = own,
        .mu = s->mu + shift,
        .sigma = s->sigma + shift,
        .code = s->code + shift,
        .codebook = &s->codebook,
    };
    pwf_span span = pwf_trace_begin("round");
    const pwf_status done =
        pwf_cluster_round(e->mesh, &e->config->fixing, (int)round, &weights, result);
    pwf_trace_end(span);
    PWF_TRY(done);
    span = pwf_trace_begin("gather");
    gather(e, s->mu, sizeof *s->mu);
    gather(e, s->sigma, sizeof *s->sigma);
    gather(e, s->code, sizeof *s->code);
    pwf_trace_end(span);
    return pwf_ok();
}

/* The caller advances the position, since a failure must leave it where it was. Collective. */
pwf_status pwf_fix_run(pwf_trainer *t)
{
    const double begun = pwf_clock_seconds();
    pwf_round_result result = {0};
    pwf_guard_disturb(&t->guard); /* the fingerprint of the round must be of the new state */
    if (t->config->fixing.compat == PWF_COMPAT_REFERENCE) forget_codes(t->now.state);
    PWF_TRY(fix_part(t->engine, t->now.facts.position.round, &result));
    const pwf_status status = report(t, &result, pwf_clock_seconds() - begun);
    pwf_mem_free(result.steps);
    return status;
}
