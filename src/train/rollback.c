/* SPDX-License-Identifier: BSD-3-Clause */
/* The last remedy against bad numbers before a run fails: back to the newest checkpoint. Called by
 * the run when a phase fails with PWF_NUMBERS. Reads that checkpoint into the state, position and
 * losses, and writes a row of metrics. */
#include "trainer.h"

#include "pwf/core/log.h"

enum { ROLLBACKS_MAX = 2 }; /* in a row, without a checkpoint in between */

/* Rank 0 only; the others have no report. */
static pwf_status write_row(pwf_report *report, int64_t step, int64_t to)
{
    if (!report) return pwf_ok();
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "rollback");
    pwf_json_set_int(row, "step", step);
    pwf_json_set_int(row, "to", to);
    return pwf_report_row(report, row);
}

/* Ranks that diverged are not cured by reading the same file on the same hosts. The batches since
 * the checkpoint are not repeated, because the failure may lie in their images, unless memory had
 * changed by itself. */
pwf_status pwf_trainer_roll_back(pwf_trainer *t, const pwf_status *why)
{
    pwf_guard *guard = &t->guard;
    PWF_TRY(pwf_saver_settle(&t->saver)); /* a checkpoint under way becomes the newest */
    if (!*t->saver.newest || guard->diverged || guard->rollbacks >= ROLLBACKS_MAX) return *why;
    const pwf_position left = t->now.facts.position;
    guard->rollbacks++;
    guard->skipped = 0;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN("ROLLBACK", "%s; returning to %s%s", why->text, t->saver.newest,
                 guard->changed ? "" : " and continuing with later batches");
    pwf_phase_announce_work("load", left.step, "watchdog.start", t->config->watchdog.start);
    PWF_TRY(pwf_ckpt_read(t->mesh, t->saver.newest, &t->now));
    PWF_TRY(pwf_mesh_agree(t->mesh, write_row(t->report, left.step, t->now.facts.position.step)));
    if (t->now.facts.position.batches < left.batches && !guard->changed)
        t->now.facts.position.batches = left.batches;
    guard->changed = 0;
    pwf_guard_disturb(guard);
    t->meter.units_done = t->meter.units_total - pwf_plan_units(&t->plan, &t->now.facts.position);
    return pwf_ok();
}
