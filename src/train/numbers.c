/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that are not finite: seen by all ranks, never saved, and left behind if they can be. The
 * order of remedies is in docs/explanation/reliability.md. */
#include "trainer.h"

#include "pwf/core/log.h"

#include <math.h>
#include <string.h>

enum { ROLLBACKS_MAX = 2 };

pwf_status pwf_numbers_bad(const char *what)
{
    char place[160];
    pwf_log_place(place);
    return PWF_FAIL(PWF_NUMBERS, "%s: %s is not finite or too large", place, what);
}

/* A weight, or a mean or variance of activations, of 2^64 is of no more use than one that is not
 * finite. */
static bool are_sane(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(values[i]) < 0x1p64f)) return false;
    return true;
}

pwf_status pwf_numbers_of_step(const pwf_trainer *t)
{
    const pwf_config *c = t->config;
    const pwf_range own = t->state->own;
    const int rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    const int64_t first = pwf_slots_first(t, rank), end = pwf_slots_first(t, rank + 1);
    const int64_t buffers = pwf_registry_buffer_count(t->registry);
    for (int64_t b = 0; b < pwf_block_count(pwf_range_length(own)); b++)
        if (!isfinite(t->norm[own.lo / PWF_BLOCK + b])) return pwf_numbers_bad("a gradient");
    if (!are_sane(t->slot_statistics + first * buffers, (end - first) * buffers))
        return pwf_numbers_bad("a statistic of BatchNorm");
    const double loss = pwf_step_loss(t);
    if (!pwf_losses_jump(&t->losses, loss, c->watchdog.spike, t->classes, c->train.batch))
        return pwf_ok();
    return PWF_FAIL(PWF_NUMBERS, "the loss jumped from %.3g to %.3g at step %lld (watchdog.spike)",
                    t->losses.value[t->losses.count - 1], loss, (long long)t->position.step);
}

pwf_status pwf_numbers_of_state(const pwf_trainer *t)
{
    const pwf_state *s = t->state;
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? s->own_posterior : s->own;
        if (arrays[i].real && !are_sane(arrays[i].data, pwf_range_length(own)))
            return pwf_numbers_bad(arrays[i].name);
    }
    if (!are_sane(s->buffers, pwf_registry_buffer_count(t->registry)))
        return pwf_numbers_bad("a running statistic of BatchNorm");
    return pwf_ok();
}

static pwf_status write_row(pwf_trainer *t, const pwf_position *to)
{
    if (!t->report) return pwf_ok();
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "rollback");
    pwf_json_set_int(row, "step", t->position.step);
    pwf_json_set_int(row, "to", to->step);
    return pwf_report_row(t->report, row);
}

pwf_status pwf_numbers_roll_back(pwf_trainer *t, const pwf_status *why)
{
    PWF_TRY(pwf_save_settle(t)); /* the one under way is the newest */
    if (!*t->saved || t->parted || t->rollbacks >= ROLLBACKS_MAX) return *why;
    const int64_t batches = t->position.batches;
    pwf_snapshot from = pwf_trainer_snapshot(t);
    t->rollbacks++;
    t->skipped = 0;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN("ROLLBACK", "%s; back to %s, and on%s", why->text, t->saved,
                 t->changed ? "" : " with later batches");
    pwf_trainer_at(t, "load", "watchdog.start", t->config->watchdog.start);
    PWF_TRY(pwf_ckpt_read(t->mesh, t->saved, &from));
    PWF_TRY(pwf_mesh_agree(t->mesh, write_row(t, &from.facts.position)));
    t->position = from.facts.position;
    t->losses = from.facts.losses;
    /* Memory that changed says nothing against the batches. */
    if (t->position.batches < batches && !t->changed) t->position.batches = batches;
    t->changed = 0;
    t->rests = false;
    t->units_done = t->units_total - pwf_plan_units(t, &t->position);
    return pwf_ok();
}
