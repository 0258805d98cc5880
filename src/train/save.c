/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints and the final model of a run. With checkpoint.async a checkpoint is begun, and
 * written by a thread beside the steps that follow: how far the threads of all ranks are is known
 * from the reductions of these steps, and between two of them the ranks go on together. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAVES_FAILED_MAX = 3 };

static void at_checkpoint(const pwf_trainer *t)
{
    pwf_trainer_at(t, "checkpoint", "watchdog.checkpoint", t->config->watchdog.checkpoint);
}

static pwf_status take_snapshot(pwf_trainer *t, pwf_snapshot *snapshot, char **text)
{
    int64_t lengths[2] = {0, 0};
    PWF_FAULT_SPOIL("train.save", PWF_FAULT_F32, t->state->buffers,
                    pwf_registry_buffer_count(t->registry));
    pwf_status status = pwf_config_write(t->config, text);
    if (status.code == PWF_OK) status = pwf_numbers_of_state(t);
    if (status.code == PWF_OK && t->report)
        status = pwf_report_lengths(t->report, &lengths[0], &lengths[1]);
    PWF_TRY(pwf_mesh_agree(t->mesh, status));
    PWF_TRY(pwf_ranks_compare(t));
    pwf_mesh_broadcast(t->mesh, PWF_WORLD, 0, lengths, sizeof lengths);
    *snapshot = pwf_trainer_snapshot(t);
    snapshot->facts.config = *text;
    snapshot->facts.metrics_bytes = lengths[0];
    snapshot->facts.rounds_bytes = lengths[1];
    return pwf_ok();
}

void pwf_save_keep_round(pwf_trainer *t)
{
    const pwf_status status = pwf_ckpt_keep_round(t->mesh, t->saved, t->saved_position.round);
    if (status.code != PWF_OK)
        PWF_WARN("CKPT_KEEP", "%s is not kept for good as that of its round: %s", t->saved,
                 status.text);
}

/* ---- how one ends ------------------------------------------------------------------------- */

/* Counts failures in a row; the third one ends the run. */
static pwf_status failed(pwf_trainer *t, const char *what, int64_t step, const pwf_status *status)
{
    if (status->code == PWF_RESOURCE || status->code == PWF_NUMBERS) return *status;
    if (++t->saves_failed >= SAVES_FAILED_MAX)
        return PWF_FAIL(PWF_IO, "no %s could be written, the third failure in a row: %s", what,
                        status->text);
    PWF_WARN("CKPT_FAILED", "no %s at step %lld: %s; the run goes on", what, (long long)step,
             status->text);
    return pwf_ok();
}

/* It has its name. */
static void named(pwf_trainer *t, const char *path)
{
    const pwf_saving *s = &t->saving;
    t->saves_failed = 0;
    if (s->clean) t->rollbacks = 0;
    t->saved_position = s->position;
    t->has_saved = true;
    memcpy(t->saved, path, sizeof t->saved);
    if (s->kept) pwf_save_keep_round(t);
}

static pwf_ckpt_retention retention(const pwf_trainer *t)
{
    return (pwf_ckpt_retention){t->saving.position.step, t->config->checkpoint.keep,
                                t->config->checkpoint.keep_every};
}

static pwf_status write_row(pwf_trainer *t)
{
    const pwf_saving *s = &t->saving;
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "checkpoint");
    pwf_json_set_int(row, "step", s->position.step);
    pwf_json_set_real(row, "seconds", t->save_whole);
    pwf_json_set_int(row, "steps_beside", s->steps);
    pwf_json_set_real(row, "stood_seconds", s->stood);
    pwf_json_set_real(row, "lost_seconds", t->save_seconds);
    if (s->usual > 0.0) pwf_json_set_real(row, "lost_steps", t->save_seconds / s->usual);
    return pwf_report_row(t->report, row);
}

/* Training has lost the time in which it stood still, and by how much the steps beside were slower
 * than those before; more than the processor time of the thread is the doing of somebody else. */
static double lost_seconds(const pwf_trainer *t)
{
    const pwf_saving *s = &t->saving;
    if (!s->beside || s->usual <= 0.0) return s->stood;
    const double slower = s->step_seconds - (double)s->steps * s->usual;
    return s->stood + fmin(fmax(slower, 0.0), pwf_background_seconds(t->background));
}

/* And older files are gone. */
static pwf_status ended(pwf_trainer *t)
{
    const pwf_saving *s = &t->saving;
    t->save_ended = pwf_clock_seconds();
    t->save_whole = t->save_ended - s->begun;
    t->save_seconds = lost_seconds(t);
    if (s->beside)
        PWF_INFO("CKPT", "checkpoint %s, %.2f s beside %lld steps; %.2f s lost", t->saved,
                 t->save_whole, (long long)s->steps, t->save_seconds);
    else
        PWF_INFO("CKPT", "checkpoint %s, %.2f s", t->saved, t->save_seconds);
    PWF_TRY(pwf_mesh_agree(t->mesh, t->report ? write_row(t) : pwf_ok()));
    if (s->kept) pwf_exports_round(t);
    return pwf_ok();
}

/* ---- beside the steps --------------------------------------------------------------------- */

pwf_status pwf_save_start(pwf_trainer *t)
{
    pwf_status status = pwf_ok();
    if (t->config->checkpoint.async)
        status = pwf_background_new(t->mesh, t->state, "watchdog.checkpoint",
                                    t->config->watchdog.checkpoint, &t->background);
    return pwf_mesh_agree(t->mesh, status);
}

bool pwf_save_is_under_way(const pwf_trainer *t)
{
    return t->background && pwf_background_is_under_way(t->background);
}

int pwf_save_claim(const pwf_trainer *t)
{
    return t->background ? pwf_background_claim(t->background) : PWF_OK;
}

static pwf_status go_on(pwf_trainer *t)
{
    char path[PWF_PATH];
    const double begun = pwf_clock_seconds();
    at_checkpoint(t);
    const pwf_status status = pwf_background_advance(t->background, t->claim, path);
    t->claim = PWF_BACKGROUND_BUSY; /* until a reduction says more */
    if (status.code == PWF_OK && *path) {
        named(t, path);
        pwf_background_prune(t->background, t->config->output, retention(t));
    }
    const double now = pwf_clock_seconds();
    t->saving.stood += now - begun;
    if (status.code != PWF_OK) {
        t->save_ended = now;
        return failed(t, "checkpoint", t->saving.position.step, &status);
    }
    return pwf_save_is_under_way(t) ? pwf_ok() : ended(t);
}

pwf_status pwf_save_go_on(pwf_trainer *t)
{
    if (!pwf_save_is_under_way(t) || t->claim == PWF_BACKGROUND_BUSY) return pwf_ok();
    const pwf_span span = pwf_trace_begin("checkpoint");
    const pwf_status status = go_on(t);
    pwf_trace_end(span);
    return status;
}

pwf_status pwf_save_settle(pwf_trainer *t)
{
    while (pwf_save_is_under_way(t)) {
        const double begun = pwf_clock_seconds();
        const pwf_span span = pwf_trace_begin("wait");
        at_checkpoint(t);
        pwf_background_wait(t->background);
        t->claim = pwf_save_claim(t);
        (void)pwf_mesh_agree_most(t->mesh, pwf_ok(), &t->claim, 1);
        pwf_trace_end(span);
        t->saving.stood += pwf_clock_seconds() - begun;
        PWF_TRY(pwf_save_go_on(t));
    }
    return pwf_ok();
}

/* ---- saving ------------------------------------------------------------------------------- */

static pwf_status write_checkpoint(pwf_trainer *t, bool kept, bool beside)
{
    char path[PWF_PATH], *text = NULL;
    pwf_snapshot snapshot;
    t->saving = (pwf_saving){.begun = pwf_clock_seconds(),
                             .position = t->position,
                             .kept = kept,
                             .clean = t->skipped == 0,
                             .beside = beside,
                             .usual = t->step_seconds};
    at_checkpoint(t);
    pwf_status status = take_snapshot(t, &snapshot, &text);
    if (status.code == PWF_OK)
        status = beside ? pwf_background_begin(t->background, t->config->output, &snapshot)
                        : pwf_ckpt_write(t->mesh, t->config->output, &snapshot, path);
    free(text);
    t->save_ended = pwf_clock_seconds();
    if (status.code != PWF_OK) return failed(t, "checkpoint", t->position.step, &status);
    t->claim = PWF_BACKGROUND_BUSY; /* until a reduction says more */
    if (!beside) {
        named(t, path);
        pwf_ckpt_prune(t->mesh, t->config->output, retention(t));
    }
    t->saving.stood = pwf_clock_seconds() - t->saving.begun;
    return beside ? pwf_ok() : ended(t);
}

static pwf_status save(pwf_trainer *t, bool kept, bool beside)
{
    PWF_TRY(pwf_save_settle(t));
    const pwf_span span = pwf_trace_begin("checkpoint");
    const pwf_status status = write_checkpoint(t, kept, beside);
    pwf_trace_end(span);
    return status;
}

pwf_status pwf_save(pwf_trainer *t, bool kept)
{
    return save(t, kept, t->background != NULL);
}

static bool is_here(const pwf_trainer *t, const pwf_position *position)
{
    return memcmp(position, &t->position, sizeof t->position) == 0;
}

static bool is_saved(const pwf_trainer *t)
{
    return t->has_saved && is_here(t, &t->saved_position);
}

pwf_status pwf_save_again(pwf_trainer *t)
{
    const bool begun = pwf_save_is_under_way(t) && is_here(t, &t->saving.position);
    return begun || is_saved(t) ? pwf_ok() : pwf_save(t, false);
}

pwf_status pwf_save_at_once(pwf_trainer *t)
{
    PWF_TRY(pwf_save_settle(t));
    while (!is_saved(t))
        PWF_TRY(save(t, false, false));
    return pwf_ok();
}

static pwf_status write_model(pwf_trainer *t)
{
    char *text = NULL;
    pwf_snapshot snapshot;
    pwf_trainer_at(t, "finish", "watchdog.checkpoint", t->config->watchdog.checkpoint);
    pwf_status status = take_snapshot(t, &snapshot, &text);
    if (status.code == PWF_OK) status = pwf_ckpt_write_model(t->mesh, t->config->output, &snapshot);
    free(text);
    if (status.code != PWF_OK) return failed(t, "final model", t->position.step, &status);
    t->saves_failed = 0;
    return pwf_ok();
}

pwf_status pwf_save_model(pwf_trainer *t)
{
    do
        PWF_TRY(write_model(t));
    while (t->saves_failed > 0);
    return pwf_ok();
}
