/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints and the final model of a run. Called by the run, by the step to count it, by the
 * agreement for what it must reduce, and by the rollback. Writes into the run directory through the
 * ckpt room, and a row of metrics per checkpoint. Never changes the state; a new checkpoint resets
 * the guard's count of rollbacks if no step was being skipped when it began. */
#include "saver.h"

#include "phase.h"
#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_MAX = 3 }; /* in a row; the last one ends the run */

pwf_status pwf_saver_start(pwf_saver *saver)
{
    pwf_status status = pwf_ok();
    if (saver->config->checkpoint.async)
        status = pwf_background_new(saver->mesh, saver->now->state, "watchdog.checkpoint",
                                    saver->config->watchdog.checkpoint, &saver->background);
    return pwf_mesh_agree(saver->mesh, status);
}

void pwf_saver_free(pwf_saver *saver)
{
    pwf_background_free(saver->background);
    saver->background = NULL;
}

/* A checkpoint has a watchdog limit of its own, not that of a step. */
static void announce(const pwf_saver *saver, const char *work)
{
    pwf_phase_announce_work(work, saver->now->facts.position.step, "watchdog.checkpoint",
                            saver->config->watchdog.checkpoint);
}

/* Copies the live snapshot and adds the facts that a file needs; the caller frees *text.
 * Collective. */
static pwf_status take_snapshot(pwf_saver *saver, pwf_snapshot *snapshot, char **text)
{
    int64_t lengths[2] = {0, 0}; /* of metrics.jsonl and rounds.csv */
    PWF_FAULT_SPOIL("train.save", PWF_FAULT_F32, saver->now->state->buffers,
                    saver->guard->batch->buffers);
    pwf_status status = pwf_config_write(saver->config, text);
    if (status.code == PWF_OK) status = pwf_guard_check_state(saver->guard);
    if (status.code == PWF_OK && saver->report)
        status = pwf_report_lengths(saver->report, &lengths[0], &lengths[1]);
    PWF_TRY(pwf_mesh_agree(saver->mesh, status));
    PWF_TRY(pwf_guard_compare(saver->guard));
    pwf_mesh_broadcast(saver->mesh, PWF_WORLD, 0, lengths, sizeof lengths);
    *snapshot = *saver->now;
    snapshot->facts.seconds = pwf_meter_seconds(saver->meter);
    snapshot->facts.config = *text;
    snapshot->facts.metrics_bytes = lengths[0];
    snapshot->facts.rounds_bytes = lengths[1];
    return pwf_ok();
}

void pwf_saver_keep_round(pwf_saver *saver)
{
    const pwf_status status =
        pwf_ckpt_keep_round(saver->mesh, saver->newest, saver->position.round);
    if (status.code != PWF_OK)
        PWF_WARN("CKPT_KEEP", "%s has not been kept under the name of its round: %s", saver->newest,
                 status.text);
}

/* ---- the end of a checkpoint ---------------------------------------------------------------- */

/* Counts failures in a row. A lack of memory and bad numbers are not retried. */
static pwf_status fail(pwf_saver *saver, const char *what, int64_t step, const pwf_status *status)
{
    if (status->code == PWF_RESOURCE || status->code == PWF_NUMBERS) return *status;
    PWF_FAIL_IF(++saver->failures >= FAILURES_MAX, PWF_IO,
                "writing a %s failed %d times in a row: %s", what, FAILURES_MAX, status->text);
    PWF_WARN("CKPT_FAILED", "no %s at step %lld: %s; it will be tried again", what, (long long)step,
             status->text);
    return pwf_ok();
}

/* The checkpoint has its final name `path`. */
static void record(pwf_saver *saver, const char *path)
{
    const pwf_saving *s = &saver->saving;
    saver->failures = 0;
    if (s->clean) saver->guard->rollbacks = 0;
    saver->position = s->position;
    saver->has_newest = true;
    memcpy(saver->newest, path, sizeof saver->newest);
    if (s->keep) pwf_saver_keep_round(saver);
}

/* Decides which earlier files are kept next to the checkpoint just written. */
static pwf_retention retention(const pwf_saver *saver)
{
    return (pwf_retention){saver->saving.position.step, saver->config->checkpoint.keep,
                           saver->config->checkpoint.keep_every};
}

/* A row of kind "checkpoint"; `lost_steps` is the time lost, in usual steps, if these are known. */
static pwf_status write_row(const pwf_saver *saver)
{
    const pwf_saving *s = &saver->saving;
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "checkpoint");
    pwf_json_set_int(row, "step", s->position.step);
    pwf_json_set_real(row, "seconds", saver->whole_seconds);
    pwf_json_set_int(row, "steps_beside", s->steps);
    pwf_json_set_real(row, "stood_seconds", s->blocked_seconds);
    pwf_json_set_real(row, "lost_seconds", saver->lost_seconds);
    if (s->usual_seconds > 0.0)
        pwf_json_set_real(row, "lost_steps", saver->lost_seconds / s->usual_seconds);
    return pwf_report_row(saver->report, row);
}

/* Training has lost the time in which it was blocked, and the time by which concurrent steps were
 * slower than those before, but no more than the processor time of the writing thread: anything
 * beyond that has another cause. */
static double lost_seconds(const pwf_saver *saver)
{
    const pwf_saving *s = &saver->saving;
    if (!s->concurrent || s->usual_seconds <= 0.0) return s->blocked_seconds;
    const double slower = s->steps_seconds - (double)s->steps * s->usual_seconds;
    return s->blocked_seconds + fmin(fmax(slower, 0.0), pwf_background_seconds(saver->background));
}

/* The checkpoint is complete and old files have been removed. Collective. */
static pwf_status conclude(pwf_saver *saver)
{
    const pwf_saving *s = &saver->saving;
    saver->ended = pwf_clock_seconds();
    saver->whole_seconds = saver->ended - s->begun;
    saver->lost_seconds = lost_seconds(saver);
    if (s->concurrent)
        PWF_INFO("CKPT", "checkpoint %s, %.2f s during %lld steps; %.2f s lost", saver->newest,
                 saver->whole_seconds, (long long)s->steps, saver->lost_seconds);
    else
        PWF_INFO("CKPT", "checkpoint %s, %.2f s", saver->newest, saver->lost_seconds);
    PWF_TRY(pwf_mesh_agree(saver->mesh, saver->report ? write_row(saver) : pwf_ok()));
    if (s->keep) pwf_exports_round(saver->mesh, saver->config, saver->now->facts.position.round);
    return pwf_ok();
}

/* ---- concurrent with training --------------------------------------------------------------- */

bool pwf_saver_is_busy(const pwf_saver *saver)
{
    return saver->background && pwf_background_is_under_way(saver->background);
}

/* Without a thread the rank claims the neutral value of the reduction. */
int pwf_saver_claim(const pwf_saver *saver)
{
    return saver->background ? pwf_background_claim(saver->background) : PWF_OK;
}

void pwf_saver_count_step(pwf_saver *saver, double seconds)
{
    if (!pwf_saver_is_busy(saver)) return;
    saver->saving.steps++;
    saver->saving.steps_seconds += seconds;
}

/* Young's interval between checkpoints that cost C seconds of training, with M seconds between
 * failures, is sqrt(2 C M); before the first one C is assumed to be 1 s. A concurrent checkpoint
 * costs next to nothing but keeps the disk busy, so it gets at most half of the time. */
bool pwf_saver_is_due(const pwf_saver *saver, double now)
{
    const double past = now - saver->ended;
    const double minutes = saver->config->checkpoint.minutes;
    const double hours = saver->config->checkpoint.failure_hours;
    const double cost = saver->lost_seconds > 0.0 ? saver->lost_seconds : 1.0;
    const double least = saver->saving.concurrent ? saver->whole_seconds : 0.0;
    if (pwf_saver_is_busy(saver)) return false;
    return (minutes > 0.0 && past >= 60.0 * minutes) ||
           (hours > 0.0 && past >= fmax(least, sqrt(2.0 * cost * 3600.0 * hours)));
}

/* Performs one stage of the commit. A non-empty path means that the file has its final name;
 * pruning may still follow. Collective. */
static pwf_status advance(pwf_saver *saver)
{
    char path[PWF_PATH];
    const double begun = pwf_clock_seconds();
    announce(saver, "checkpoint");
    const pwf_status status = pwf_background_advance(saver->background, saver->claim, path);
    saver->claim = PWF_BACKGROUND_BUSY; /* until the next reduction */
    if (status.code == PWF_OK && *path) {
        record(saver, path);
        pwf_background_prune(saver->background, saver->config->output, retention(saver));
    }
    const double now = pwf_clock_seconds();
    saver->saving.blocked_seconds += now - begun;
    if (status.code != PWF_OK) {
        saver->ended = now;
        return fail(saver, "checkpoint", saver->saving.position.step, &status);
    }
    return pwf_saver_is_busy(saver) ? pwf_ok() : conclude(saver);
}

pwf_status pwf_saver_advance(pwf_saver *saver)
{
    if (!pwf_saver_is_busy(saver) || saver->claim == PWF_BACKGROUND_BUSY) return pwf_ok();
    const pwf_span span = pwf_trace_begin("checkpoint");
    const pwf_status status = advance(saver);
    pwf_trace_end(span);
    return status;
}

/* Each iteration waits for this rank's thread; then all ranks enter the next stage together.
 * Collective. */
pwf_status pwf_saver_settle(pwf_saver *saver)
{
    while (pwf_saver_is_busy(saver)) {
        const double begun = pwf_clock_seconds();
        const pwf_span span = pwf_trace_begin("wait");
        announce(saver, "checkpoint");
        pwf_background_wait(saver->background);
        saver->claim = pwf_saver_claim(saver);
        (void)pwf_mesh_agree_most(saver->mesh, pwf_ok(), &saver->claim, 1);
        pwf_trace_end(span);
        saver->saving.blocked_seconds += pwf_clock_seconds() - begun;
        PWF_TRY(pwf_saver_advance(saver));
    }
    return pwf_ok();
}

/* ---- saving --------------------------------------------------------------------------------- */

/* Makes one attempt. If `concurrent`, it only prepares the file and copies the shard; the
 * rest happens in advance() and in a thread.
 * Collective. */
static pwf_status write_checkpoint(pwf_saver *saver, bool keep, bool concurrent)
{
    char path[PWF_PATH], *text = NULL;
    pwf_snapshot snapshot;
    const char *dir = saver->config->output;
    saver->saving = (pwf_saving){.begun = pwf_clock_seconds(),
                                 .position = saver->now->facts.position,
                                 .keep = keep,
                                 .clean = saver->guard->skipped == 0,
                                 .concurrent = concurrent,
                                 .usual_seconds = saver->meter->step_seconds};
    announce(saver, "checkpoint");
    pwf_status status = take_snapshot(saver, &snapshot, &text);
    if (status.code == PWF_OK)
        status = concurrent ? pwf_background_begin(saver->background, dir, &snapshot)
                            : pwf_ckpt_write(saver->mesh, dir, &snapshot, path);
    free(text);
    saver->ended = pwf_clock_seconds();
    if (status.code != PWF_OK)
        return fail(saver, "checkpoint", saver->now->facts.position.step, &status);
    saver->claim = PWF_BACKGROUND_BUSY; /* until the next reduction */
    if (!concurrent) {
        record(saver, path);
        pwf_ckpt_prune(saver->mesh, dir, retention(saver));
    }
    saver->saving.blocked_seconds = pwf_clock_seconds() - saver->saving.begun;
    return concurrent ? pwf_ok() : conclude(saver);
}

/* There is one buffer, so a checkpoint under way is finished first. */
static pwf_status save(pwf_saver *saver, bool keep, bool concurrent)
{
    PWF_TRY(pwf_saver_settle(saver));
    const pwf_span span = pwf_trace_begin("checkpoint");
    const pwf_status status = write_checkpoint(saver, keep, concurrent);
    pwf_trace_end(span);
    return status;
}

pwf_status pwf_saver_save(pwf_saver *saver, bool keep)
{
    return save(saver, keep, saver->background != NULL);
}

/* Positions have no padding: they consist of 64-bit integers. */
static bool is_here(const pwf_saver *saver, const pwf_position *position)
{
    return memcmp(position, &saver->now->facts.position, sizeof *position) == 0;
}

static bool is_saved(const pwf_saver *saver)
{
    return saver->has_newest && is_here(saver, &saver->position);
}

pwf_status pwf_saver_save_once(pwf_saver *saver)
{
    const bool begun = pwf_saver_is_busy(saver) && is_here(saver, &saver->saving.position);
    return begun || is_saved(saver) ? pwf_ok() : pwf_saver_save(saver, false);
}

/* A failed attempt returns OK until FAILURES_MAX of them, so the loop ends. */
pwf_status pwf_saver_save_now(pwf_saver *saver)
{
    PWF_TRY(pwf_saver_settle(saver));
    while (!is_saved(saver))
        PWF_TRY(save(saver, false, false));
    return pwf_ok();
}

/* Makes one attempt; `failures` is 0 only after a success, which ends the caller's loop.
 * Collective. */
static pwf_status write_model(pwf_saver *saver)
{
    char path[PWF_PATH], *text = NULL;
    pwf_snapshot snapshot;
    announce(saver, "finish");
    pwf_path_join(path, saver->config->output, "model.h5");
    pwf_status status = take_snapshot(saver, &snapshot, &text);
    if (status.code == PWF_OK) status = pwf_ckpt_write_model(saver->mesh, path, &snapshot);
    free(text);
    if (status.code != PWF_OK)
        return fail(saver, "final model", saver->now->facts.position.step, &status);
    saver->failures = 0;
    return pwf_ok();
}

pwf_status pwf_saver_save_model(pwf_saver *saver)
{
    do
        PWF_TRY(write_model(saver));
    while (saver->failures > 0);
    return pwf_ok();
}
