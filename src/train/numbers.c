/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that are not finite: seen by all ranks, never saved, and left behind if they can be. The
 * order of remedies is in docs/reliability.md. */
#include "trainer.h"

#include "pwf/core/fault.h"
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

void pwf_numbers_spoil(const char *name, float *values, int64_t count)
{
    (void)name; /* unused without fault points */
    if (count > 0 && PWF_FAULT_VALUE(name, "nan")) values[0] = NAN;
    if (count > 0 && PWF_FAULT_VALUE(name, "flip")) {
        uint32_t bits;
        memcpy(&bits, values, sizeof bits);
        bits ^= 1;
        memcpy(values, &bits, sizeof bits);
    }
}

static bool are_finite(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

pwf_status pwf_numbers_of_step(const pwf_trainer *t)
{
    const int64_t slots = t->config->parallel.slots;
    for (int64_t s = 0; s < slots; s++)
        if (!isfinite(t->slot_loss[s])) return pwf_numbers_bad("the loss");
    for (int64_t b = 0; b < pwf_block_count(t->state->total); b++)
        if (!isfinite(t->norm[b])) return pwf_numbers_bad("a gradient");
    if (!are_finite(t->slot_statistics, slots * pwf_registry_buffer_count(t->registry)))
        return pwf_numbers_bad("a statistic of BatchNorm");
    return pwf_ok();
}

pwf_status pwf_numbers_of_state(const pwf_trainer *t)
{
    const pwf_state *s = t->state;
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? s->own_posterior : s->own;
        if (arrays[i].real && !are_finite(arrays[i].data, own.hi - own.lo))
            return pwf_numbers_bad(arrays[i].name);
    }
    if (!are_finite(s->buffers, pwf_registry_buffer_count(t->registry)))
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
    if (!*t->saved || t->parted || t->rollbacks >= ROLLBACKS_MAX) return *why;
    const int64_t batches = t->position.batches;
    pwf_snapshot from = pwf_trainer_snapshot(t);
    t->rollbacks++;
    t->skipped = 0;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN("ROLLBACK", "%s; back to %s, and on with later batches", why->text, t->saved);
    pwf_trainer_at(t, "load", "watchdog.start", t->config->watchdog.start);
    PWF_TRY(pwf_ckpt_read(t->mesh, t->saved, &from));
    PWF_TRY(pwf_mesh_agree(t->mesh, write_row(t, &from.position)));
    t->position = from.position;
    if (t->position.batches < batches) t->position.batches = batches;
    t->units_done = t->units_total - pwf_plan_units(t, &t->position);
    return pwf_ok();
}
