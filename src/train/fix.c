/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixing round on the sharded state. Replicas hold copies of a shard: each works a part of it,
 * so that all ranks share the work, and the results are gathered along the replica axis. */
#include "trainer.h"

#include "pwf/cluster/round.h"
#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

#include <string.h>

/* The part of the own posterior range that replica `rank` works on: whole blocks. */
static pwf_range part(const pwf_trainer *t, int rank)
{
    const pwf_range own = t->state->own_posterior;
    const pwf_range r =
        pwf_shard_range(pwf_range_length(own), pwf_mesh_size(t->mesh, PWF_REPLICA), rank);
    return (pwf_range){own.lo + r.lo, own.lo + r.hi};
}

static void gather(pwf_trainer *t, void *data, size_t size)
{
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int replicas = pwf_mesh_size(t->mesh, PWF_REPLICA);
    for (int r = 0; r < replicas; r++)
        offset[r] = (part(t, r).lo - t->state->own_posterior.lo) * (int64_t)size;
    offset[replicas] = pwf_range_length(t->state->own_posterior) * (int64_t)size;
    pwf_mesh_gather(t->mesh, PWF_REPLICA, data, offset);
}

static pwf_status report(pwf_trainer *t, const pwf_round_result *result, double seconds)
{
    const int64_t round = t->position.round + 1;
    char fingerprint[33];
    PWF_TRY(pwf_trainer_fingerprint(t, fingerprint));
    pwf_status status = pwf_ok();
    if (t->report) {
        pwf_json *row = pwf_json_new();
        pwf_json_set_text(row, "kind", "round");
        pwf_json_set_int(row, "step", t->position.step);
        pwf_json_set_int(row, "round", round);
        pwf_json_set_real(row, "fraction", t->config->fixing.fractions.at[round - 1]);
        pwf_json_set_int(row, "greedy_steps", result->count);
        pwf_json_set_int(row, "fixed", result->fixed);
        pwf_json_set_int(row, "codebook", t->state->codebook.count);
        pwf_json_set_real(row, "round_seconds", seconds);
        pwf_json_set_int(row, "extra_bytes", (int64_t)result->extra_bytes);
        pwf_json_set_text(row, "fingerprint", fingerprint);
        pwf_json_set_real(row, "seconds", pwf_trainer_seconds(t));
        status = pwf_report_row(t->report, row);
        if (status.code == PWF_OK) status = pwf_report_round(t->report, round, result);
        PWF_INFO("ROUND",
                 "round %lld of %d: %lld of %lld weights fixed in %lld greedy steps, %.2f s",
                 (long long)round, t->config->fixing.fractions.count, (long long)result->fixed,
                 (long long)t->state->posterior, (long long)result->count, seconds);
    }
    return pwf_mesh_agree(t->mesh, status);
}

pwf_status pwf_fix_run(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    pwf_state *s = t->state;
    const double begun = pwf_clock_seconds();
    const pwf_range own = part(t, pwf_mesh_rank(t->mesh, PWF_REPLICA));
    const int64_t shift = own.lo - s->own_posterior.lo;
    t->rests = false; /* the fingerprint is of what is fixed here */
    if (c->fixing.compat ==
        PWF_COMPAT_REFERENCE) { /* the released code assigns all weights anew in each round */
        for (int64_t i = 0; i < pwf_range_length(s->own_posterior); i++)
            s->code[i] = PWF_FREE;
        s->codebook.count = 0;
    }
    pwf_round_weights weights = {
        .total = s->posterior,
        .own = own,
        .mu = s->mu + shift,
        .sigma = s->sigma + shift,
        .code = s->code + shift,
        .codebook = &s->codebook,
    };
    pwf_round_result result = {0};
    pwf_span span = pwf_trace_begin("round");
    const pwf_status done =
        pwf_cluster_round(t->mesh, &c->fixing, (int)t->position.round, &weights, &result);
    pwf_trace_end(span);
    PWF_TRY(done);
    span = pwf_trace_begin("gather");
    gather(t, s->mu, sizeof *s->mu);
    gather(t, s->sigma, sizeof *s->sigma);
    gather(t, s->code, sizeof *s->code);
    pwf_trace_end(span);
    const pwf_status status = report(t, &result, pwf_clock_seconds() - begun);
    pwf_mem_free(result.steps);
    return status;
}
