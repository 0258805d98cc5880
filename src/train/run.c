/* SPDX-License-Identifier: BSD-3-Clause */
/* A run from beginning to end, in the order of the phases (phase.h). The position names the phase,
 * so a checkpoint can be taken and a run resumed between any two steps. Called by pwf_dist. Owns
 * the report; a run writes files only through the report, the saver, the exports and the trace. */
#include "pwf/train/train.h"

#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "pwf/core/trace.h"
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Answers requests between two pieces of work. A run that is to stop ends here, with a checkpoint
 * of its position. Collective. */
static pwf_status answer(pwf_trainer *t)
{
    const pwf_request request = t->requests.pending;
    if (request == PWF_REQUEST_NONE) return pwf_ok();
    PWF_TRY(request == PWF_REQUEST_SAVE ? pwf_saver_save_once(&t->saver)
                                        : pwf_saver_save_now(&t->saver));
    pwf_request_saved();
    t->requests.pending = PWF_REQUEST_NONE;
    if (request == PWF_REQUEST_SAVE) return pwf_ok();
    t->requests.stopped = request;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) pwf_trainer_remove_stop_file(t->config);
    return PWF_FAIL(PWF_STOPPED, "stopped at step %lld %s; continue with --resume",
                    (long long)t->now.facts.position.step, pwf_request_reason(request));
}

/* ---- the phases ----------------------------------------------------------------------------- */

/* Moves to a phase, with moments of 0 and no loss history: fixing weights makes losses jump. */
static void enter(pwf_trainer *t, pwf_phase phase)
{
    t->now.facts.position.phase = phase;
    t->now.facts.position.phase_step = 0;
    memset(&t->now.facts.losses, 0, sizeof t->now.facts.losses);
    pwf_state_clear_moments(t->now.state);
    pwf_guard_rest(&t->guard);
}

/* One step with its span in the trace, labelled with the number of steps before it. */
static pwf_status step(pwf_trainer *t)
{
    (void)PWF_FAULT_POINT("train.step");
    const pwf_span span = pwf_trace_begin("step");
    const int64_t number = t->now.facts.position.step;
    const pwf_status status = pwf_step_run(t);
    pwf_trace_end_of(span, "step", number);
    return status;
}

/* One step of BASELINE or TRAIN and what is due after it; the last step leads on to `next`. */
static pwf_status train(pwf_trainer *t, pwf_phase next)
{
    const pwf_config *c = t->config;
    const int64_t steps = pwf_plan_phase_steps(&t->plan, &t->now.facts.position);
    char title[PWF_PHASE_TITLE];
    pwf_phase_title(&t->now.facts.position, c->fixing.fractions.count, title);
    PWF_TRY(step(t));
    const int64_t done = t->now.facts.position.phase_step, number = t->now.facts.position.step;
    const bool last = done >= steps, log_now = last || number % c->log.interval == 0;
    if (log_now) PWF_TRY(pwf_metrics_step(t, title));
    pwf_meter_show(&t->meter, title, done, steps, log_now);
    if (c->watchdog.interval > 0 && number % c->watchdog.interval == 0) {
        pwf_meter_compare_ranks(&t->meter, t->mesh);
        PWF_TRY(pwf_guard_compare(&t->guard));
    }
    if (last) enter(t, next);
    if (c->checkpoint.stop_after > 0 && t->meter.steps >= c->checkpoint.stop_after &&
        t->requests.pending < PWF_REQUEST_STEPS)
        t->requests.pending = PWF_REQUEST_STEPS;
    /* While steps are being skipped, the newest checkpoint remains one from before them. */
    if (c->checkpoint.every > 0 && number % c->checkpoint.every == 0 && t->guard.skipped == 0)
        return pwf_saver_save(&t->saver, false);
    return pwf_ok();
}

/* Sets the start values of sigma from the trained means and evaluates before any fixing. */
static pwf_status start(pwf_trainer *t)
{
    pwf_engine_draw(t->engine, NULL, PWF_FP32);
    PWF_TRY(pwf_mesh_agree(t->mesh, pwf_posterior_start_sigma(t->now.state, &t->config->posterior,
                                                              t->engine->workers.weights)));
    pwf_guard_disturb(&t->guard);
    PWF_TRY(pwf_measure_run(t, false));
    enter(t, PWF_PHASE_TRAIN);
    return pwf_saver_save(&t->saver, true);
}

/* The position moves only when the round is complete, so a run that dies within it repeats it. */
static pwf_status fix(pwf_trainer *t)
{
    char title[PWF_PHASE_TITLE];
    (void)PWF_FAULT_POINT("train.fix");
    pwf_phase_title(&t->now.facts.position, t->config->fixing.fractions.count, title);
    pwf_meter_show(&t->meter, title, 0, 1, false);
    PWF_TRY(pwf_fix_run(t));
    t->now.facts.position.round++;
    enter(t, PWF_PHASE_EVALUATE);
    return pwf_ok();
}

/* The checkpoint of a round is written after its measures and kept under the name of the round. */
static pwf_status evaluate(pwf_trainer *t)
{
    PWF_TRY(pwf_measure_run(t, false));
    const bool more = t->now.facts.position.round < t->config->fixing.fractions.count;
    enter(t, more ? PWF_PHASE_TRAIN : PWF_PHASE_FINISH);
    return pwf_saver_save(&t->saver, true);
}

/* The last checkpoint says that everything is done, so it is written last: a run that dies before
 * it repeats this phase. No later interval would retry a failed save, so it is retried at once. */
static pwf_status finish(pwf_trainer *t)
{
    PWF_TRY(pwf_measure_statistics(t));
    PWF_TRY(pwf_measure_run(t, true));
    PWF_TRY(pwf_metrics_memory(t->mesh, t->report, t->now.facts.position.step));
    enter(t, PWF_PHASE_DONE);
    PWF_TRY(pwf_saver_save_model(&t->saver));
    PWF_TRY(pwf_exports_model(t->mesh, t->config, t->report, t->now.facts.position.step));
    return pwf_saver_save_now(&t->saver);
}

static pwf_status dispatch(pwf_trainer *t)
{
    switch ((pwf_phase)t->now.facts.position.phase) {
    case PWF_PHASE_BASELINE:
        return train(t, PWF_PHASE_START);
    case PWF_PHASE_START:
        return start(t);
    case PWF_PHASE_TRAIN:
        return train(t, PWF_PHASE_FIX);
    case PWF_PHASE_FIX:
        return fix(t);
    case PWF_PHASE_EVALUATE:
        return evaluate(t);
    case PWF_PHASE_FINISH:
        return finish(t);
    case PWF_PHASE_DONE:
        break;
    }
    return pwf_ok();
}

/* One phase, or one step of a phase that consists of steps. */
static pwf_status perform(pwf_trainer *t)
{
    const pwf_span span = pwf_trace_begin(pwf_phases[t->now.facts.position.phase].name);
    pwf_phase_announce(t->config, &t->now.facts.position);
    const pwf_status status = dispatch(t);
    pwf_trace_end(span);
    pwf_tracing_flush(&t->tracing);
    return status;
}

/* Each iteration is one step or one phase. A failure with PWF_NUMBERS, which repeating the step did
 * not repair, leads to a rollback; all other failures end the run. Collective. */
static pwf_status run_phases(pwf_trainer *t)
{
    while (t->now.facts.position.phase != PWF_PHASE_DONE) {
        pwf_tracing_update(&t->tracing, &t->now.facts.position, t->meter.steps);
        pwf_status status = answer(t);
        if (status.code == PWF_STOPPED) return status;
        /* Only steps run while a checkpoint is written; other phases wait for it. */
        if (status.code == PWF_OK)
            status = pwf_phases[t->now.facts.position.phase].steps ? pwf_saver_advance(&t->saver)
                                                                   : pwf_saver_settle(&t->saver);
        /* A phase left unfinished (PWF_STOPPED) has not moved the position: answer() then saves. */
        if (status.code == PWF_OK) status = perform(t);
        if (status.code == PWF_NUMBERS) status = pwf_trainer_roll_back(t, &status);
        if (status.code != PWF_OK && status.code != PWF_STOPPED) return status;
    }
    return pwf_ok();
}

/* ---- before and after ----------------------------------------------------------------------- */

/* Opens the files of the run directory on rank 0. Local. */
static pwf_status open_report(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    char *text = NULL;
    PWF_TRY(pwf_config_write(c, &text));
    const bool live = c->log.progress == PWF_SWITCH_ON ||
                      (c->log.progress == PWF_SWITCH_AUTO && pwf_terminal_rewrites());
    /* A run resumed in another directory begins new files. */
    char metrics[PWF_PATH + 16];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", c->output);
    const bool here = access(metrics, F_OK) == 0;
    pwf_status status = pwf_report_open(c->output, here ? t->now.facts.metrics_bytes : 0,
                                        here ? t->now.facts.rounds_bytes : 0, live, &t->report);
    t->engine->feed.report = t->meter.report = t->saver.report = t->report;
    if (status.code == PWF_OK) status = pwf_report_config(t->report, text);
    free(text);
    return status;
}

/* Closes the report; for a run that succeeded, first writes the final table and plots. Local. */
static pwf_status close_report(pwf_report *report, const char *title, double seconds,
                               pwf_status status)
{
    if (!report) return status;
    if (status.code == PWF_OK) status = pwf_report_final(report, title, seconds);
    const pwf_status closed = pwf_report_close(report);
    return status.code == PWF_OK ? closed : status;
}

static pwf_status run(pwf_trainer *t, const char *checkpoint)
{
    const double minutes = t->config->checkpoint.max_time;
    t->saver.ended = t->meter.started;
    if (minutes > 0.0) pwf_request_set_deadline(t->meter.started + 60.0 * minutes);
    PWF_TRY(pwf_trainer_resume(t, checkpoint));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) status = open_report(t);
    if (status.code == PWF_OK) status = PWF_FAULT_POINT("train.begin");
    PWF_TRY(pwf_trainer_agree(t, status));
    PWF_TRY(pwf_saver_start(&t->saver));
    pwf_trainer_tidy(t);
    status = run_phases(t);
    /* A run that fails also completes the checkpoint under way. */
    const pwf_status settled = pwf_saver_settle(&t->saver);
    if (status.code == PWF_OK) status = settled;
    pwf_tracing_end(&t->tracing, t->meter.steps);
    status = close_report(t->report, t->config->model.name, pwf_meter_seconds(&t->meter), status);
    return pwf_mesh_agree(t->mesh, status);
}

pwf_status pwf_train_run(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint)
{
    pwf_trainer *t = NULL;
    PWF_TRY(pwf_trainer_new(mesh, config, &t));
    const pwf_status status = run(t, checkpoint);
    PWF_INFO("RESULT", "result=%s code=%d steps=%lld reason=%s last_ckpt=%s",
             status.code == PWF_OK        ? "finished"
             : status.code == PWF_STOPPED ? "stopped"
                                          : "failed",
             (int)status.code, (long long)t->now.facts.position.step,
             pwf_request_word(t->requests.stopped), *t->saver.newest ? t->saver.newest : "none");
    pwf_trainer_free(t);
    return status;
}
