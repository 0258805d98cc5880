/* SPDX-License-Identifier: BSD-3-Clause */
/* A run from top to bottom. The stations and their order are in trainer.h; each is entered with the
 * position that names it, so a checkpoint can be taken and a run resumed between any two steps. */
#include "pwf/train/train.h"

#include "pwf/ckpt/network.h"
#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/isa.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/terminal.h"
#include "pwf/core/trace.h"
#include "pwf/formats/loaded.h"
#include "pwf/tensor/tensor.h"
#include "trainer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what a run leaves behind ------------------------------------------------------------- */

/* Shares of the time of the steps since the last row, the largest on any rank. */
typedef struct shares {
    double images;        /* of the workers' time: waiting for images, or without a loader decoding
                             them; negative if images are in memory */
    double communication; /* in calls that wait for other ranks */
} shares;

/* Collective. */
static shares measure_shares(pwf_trainer *t)
{
    const int threads = pwf_pool_threads(t->pool);
    double waited = t->loader ? pwf_loader_waited(t->loader) : 0.0;
    for (int w = 0; w < threads && !t->loader; w++)
        waited += t->workers[w].decoding;
    double most[2] = {(waited - t->row_waited) / (threads * t->row_seconds),
                      t->row_communicated / t->row_seconds};
    if (!pwf_dataset_is_decoded(t->train_data)) most[0] = -1.0;
    t->row_waited = waited;
    t->row_seconds = t->row_communicated = 0.0;
    pwf_mesh_max_f64(t->mesh, PWF_WORLD, most, 2);
    return (shares){most[0], most[1]};
}

/* One row of metrics about the step just made, with the fingerprint of the state after it. */
static pwf_status log_step(pwf_trainer *t, const char *phase)
{
    char fingerprint[33];
    const pwf_span span = pwf_trace_begin("fingerprint");
    const pwf_status known = pwf_trainer_fingerprint(t, fingerprint);
    pwf_trace_end(span);
    PWF_TRY(known);
    const shares shared = measure_shares(t);
    pwf_status status = pwf_ok();
    if (t->report) {
        pwf_json *row = pwf_json_new();
        pwf_json_set_text(row, "kind", "step");
        pwf_json_set_int(row, "step", t->position.step);
        pwf_json_set_text(row, "phase", phase);
        pwf_json_set_int(row, "round", t->position.round);
        pwf_json_set_int(row, "pass", pwf_order_pass(t->order));
        pwf_json_set_real(row, "loss", t->loss);
        pwf_json_set_real(row, "lr", t->lr);
        pwf_json_set_real(row, "gradient_norm", t->gradient_norm);
        pwf_json_set_real(row, "clip", t->clip);
        pwf_json_set_text(row, "fingerprint", fingerprint);
        pwf_json_set_real(row, "seconds", pwf_trainer_seconds(t));
        pwf_json_set_real(row, "communication_share", shared.communication);
        if (shared.images >= 0.0) pwf_json_set_real(row, "wait_share", shared.images);
        status = pwf_report_row(t->report, row);
    }
    return pwf_mesh_agree(t->mesh, status);
}

/* The most any rank held, by kind. */
static pwf_status report_memory(pwf_trainer *t)
{
    int64_t most[PWF_MEM_KINDS + 2];
    for (int k = 0; k < PWF_MEM_KINDS; k++)
        most[k] = (int64_t)pwf_mem_peak((pwf_mem_kind)k);
    most[PWF_MEM_KINDS] = (int64_t)pwf_mem_peak_total();
    most[PWF_MEM_KINDS + 1] = (int64_t)pwf_mem_process_peak();
    pwf_mesh_max_i64(t->mesh, PWF_WORLD, most, PWF_MEM_KINDS + 2);
    pwf_status status = pwf_ok();
    if (t->report) {
        pwf_json *row = pwf_json_new();
        pwf_json_set_text(row, "kind", "memory");
        pwf_json_set_int(row, "step", t->position.step);
        pwf_json_set_int(row, "shards", pwf_mesh_size(t->mesh, PWF_SHARD));
        pwf_json_set_int(row, "replicas", pwf_mesh_size(t->mesh, PWF_REPLICA));
        for (int k = 0; k < PWF_MEM_KINDS; k++)
            pwf_json_set_int(row, pwf_mem_name((pwf_mem_kind)k), most[k]);
        pwf_json_set_int(row, "all", most[PWF_MEM_KINDS]);
        pwf_json_set_int(row, "process", most[PWF_MEM_KINDS + 1]);
        status = pwf_report_row(t->report, row);
        const double mib = 1048576.0;
        PWF_INFO("MEMORY",
                 "most per rank: state %.1f MiB, weights %.1f, gradients %.1f, activations %.1f, "
                 "data %.1f, other %.1f; process %.0f MiB",
                 (double)most[PWF_MEM_STATE] / mib, (double)most[PWF_MEM_WEIGHTS] / mib,
                 (double)most[PWF_MEM_GRADIENTS] / mib, (double)most[PWF_MEM_ACTIVATIONS] / mib,
                 (double)most[PWF_MEM_DATA] / mib, (double)most[PWF_MEM_BUFFERS] / mib,
                 (double)most[PWF_MEM_KINDS + 1] / mib);
    }
    return pwf_mesh_agree(t->mesh, status);
}

/* Between two pieces of work: does what was asked for. A run that is to stop ends here, with a
 * checkpoint of the place where it stands. */
static pwf_status answer(pwf_trainer *t)
{
    const pwf_request request = (pwf_request)t->request;
    if (request == PWF_REQUEST_NONE) return pwf_ok();
    PWF_TRY(request == PWF_REQUEST_SAVE ? pwf_save_again(t) : pwf_save_at_once(t));
    pwf_request_saved();
    t->request = PWF_REQUEST_NONE;
    if (request == PWF_REQUEST_SAVE) return pwf_ok();
    t->stopped_by = (int)request;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) pwf_trainer_remove_stop_file(t);
    return PWF_FAIL(PWF_STOPPED, "stopped at step %lld %s; go on with --resume",
                    (long long)t->position.step, pwf_request_reason(request));
}

/* ---- the stations ------------------------------------------------------------------------- */

/* Moves to a station that begins with fresh moments, and with losses of its own: fixing weights
 * makes them jump. */
static void enter(pwf_trainer *t, pwf_phase phase)
{
    t->position.phase = phase;
    t->position.phase_step = 0;
    memset(&t->losses, 0, sizeof t->losses);
    pwf_state_clear_moments(t->state);
    pwf_rest_begin(t);
}

/* One step of BASELINE or TRAIN, with what comes at intervals; the last one leads on to `next`. */
static pwf_status train(pwf_trainer *t, pwf_phase next)
{
    const pwf_config *c = t->config;
    const int64_t steps = pwf_plan_phase_steps(t);
    const char *phase = pwf_plan_phase_name(t);
    pwf_trainer_at(t, "step", "watchdog.step", c->watchdog.step);
    (void)PWF_FAULT_POINT("train.step");
    const pwf_span span = pwf_trace_begin("step");
    const int64_t step = t->position.step;
    const pwf_status done = pwf_step_run(t);
    pwf_trace_end_of(span, "step", step);
    PWF_TRY(done);
    const bool last = t->position.phase_step >= steps;
    const bool log_now = last || t->position.step % c->log.interval == 0;
    if (log_now) PWF_TRY(log_step(t, phase));
    pwf_trainer_progress(t, phase, t->position.phase_step, steps, log_now);
    if (c->watchdog.interval > 0 && t->position.step % c->watchdog.interval == 0) {
        pwf_ranks_time(t);
        PWF_TRY(pwf_ranks_compare(t));
    }
    if (last) enter(t, next);
    if (c->checkpoint.stop_after > 0 && t->steps_here >= c->checkpoint.stop_after &&
        t->request < PWF_REQUEST_STEPS)
        t->request = PWF_REQUEST_STEPS;
    /* While steps are passed over, the checkpoint to go back to stays the one before them. */
    if (c->checkpoint.every > 0 && t->position.step % c->checkpoint.every == 0 && t->skipped == 0)
        return pwf_save(t, false);
    return pwf_ok();
}

/* Sigma gets its start values from the trained means; the measures before any fixing. */
static pwf_status start(pwf_trainer *t)
{
    pwf_trainer_at(t, "evaluate", "watchdog.evaluate", t->config->watchdog.evaluate);
    pwf_step_weights(t, NULL, PWF_FP32);
    PWF_TRY(pwf_mesh_agree(t->mesh,
                           pwf_posterior_start_sigma(t->state, &t->config->posterior, t->weights)));
    t->rests = false;
    PWF_TRY(pwf_evaluate_run(t, false));
    enter(t, PWF_PHASE_TRAIN);
    return pwf_save(t, true);
}

static pwf_status fix(pwf_trainer *t)
{
    pwf_trainer_at(t, "fix", "watchdog.fix", t->config->watchdog.fix);
    (void)PWF_FAULT_POINT("train.fix");
    pwf_trainer_progress(t, pwf_plan_phase_name(t), 0, 1, false);
    PWF_TRY(pwf_fix_run(t));
    t->position.round++;
    enter(t, PWF_PHASE_EVALUATE);
    return pwf_ok();
}

static pwf_status evaluate(pwf_trainer *t)
{
    pwf_trainer_at(t, "evaluate", "watchdog.evaluate", t->config->watchdog.evaluate);
    PWF_TRY(pwf_evaluate_run(t, false));
    const bool more = t->position.round < t->config->fixing.fractions.count;
    enter(t, more ? PWF_PHASE_TRAIN : PWF_PHASE_FINISH);
    return pwf_save(t, true);
}

/* The last checkpoint says that all is done, so it comes last: a run that dies before it goes
 * through this station again. There is no later interval to try again after a failure, so both
 * files are tried again at once. */
static pwf_status finish(pwf_trainer *t)
{
    pwf_trainer_at(t, "finish", "watchdog.evaluate", t->config->watchdog.evaluate);
    PWF_TRY(pwf_evaluate_statistics(t));
    PWF_TRY(pwf_evaluate_run(t, true));
    PWF_TRY(report_memory(t));
    enter(t, PWF_PHASE_DONE);
    PWF_TRY(pwf_save_model(t));
    PWF_TRY(pwf_exports_model(t));
    return pwf_save_at_once(t);
}

static pwf_status enter_station(pwf_trainer *t)
{
    switch ((pwf_phase)t->position.phase) {
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

static pwf_status pass_station(pwf_trainer *t)
{
    static const char *const names[] = {"train",    "start",  "train", "fix",
                                        "evaluate", "finish", "done"};
    const pwf_span span = pwf_trace_begin(names[t->position.phase]);
    const pwf_status status = enter_station(t);
    pwf_trace_end(span);
    pwf_tracing_flush(t);
    return status;
}

/* A checkpoint is written beside steps alone; other stations wait for it. */
static pwf_status look_after_save(pwf_trainer *t)
{
    const bool steps =
        t->position.phase == PWF_PHASE_BASELINE || t->position.phase == PWF_PHASE_TRAIN;
    return steps ? pwf_save_go_on(t) : pwf_save_settle(t);
}

static pwf_status run_stations(pwf_trainer *t)
{
    while (t->position.phase != PWF_PHASE_DONE) {
        pwf_tracing_look(t);
        pwf_status status = answer(t);
        if (status.code == PWF_STOPPED) return status;
        /* A station that was left undone has not moved the position: the answer saves and stops. */
        if (status.code == PWF_OK) status = look_after_save(t);
        if (status.code == PWF_OK) status = pass_station(t);
        if (status.code == PWF_NUMBERS) status = pwf_numbers_roll_back(t, &status);
        if (status.code != PWF_OK && status.code != PWF_STOPPED) return status;
    }
    return pwf_ok();
}

/* ---- before and after ---------------------------------------------------------------------- */

static pwf_status open_directory(pwf_trainer *t, const pwf_snapshot *from)
{
    const pwf_config *c = t->config;
    char *text = NULL;
    PWF_TRY(pwf_config_write(c, &text));
    const bool live = c->log.progress == PWF_SWITCH_ON ||
                      (c->log.progress == PWF_SWITCH_AUTO && pwf_terminal_rewrites());
    /* A run taken up into another directory begins its files anew. */
    char metrics[PWF_TEXT + 16];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", c->output);
    const bool here = access(metrics, F_OK) == 0;
    pwf_status status = pwf_report_open(c->output, here ? from->facts.metrics_bytes : 0,
                                        here ? from->facts.rounds_bytes : 0, live, &t->report);
    if (status.code == PWF_OK) status = pwf_report_config(t->report, text);
    free(text);
    return status;
}

/* The weights that model.init names in place of random ones. */
static pwf_status start_weights(pwf_trainer *t)
{
    const char *path = t->config->model.init;
    char text[33];
    pwf_hash hash = {0, 0};
    if (!*path) return pwf_ok();
    const pwf_status read = pwf_ckpt_read_start(t->mesh, path, t->state, &hash);
    if (read.code == PWF_DATA && pwf_network_form(path) == PWF_FORM_WEIGHTS)
        return PWF_FAIL(PWF_DATA,
                        "model.init: %s is of another program; make start weights of it: pwf "
                        "import %s --model %s -o start.h5",
                        path, path, t->config->model.name);
    PWF_TRY(read);
    pwf_hash_text(hash, text);
    PWF_INFO("INIT", "start weights from %s, hash %s", path, text);
    return pwf_ok();
}

static bool stands_in(const char *path, const char *dir)
{
    char own[PWF_PATH];
    return pwf_path_directory(own, path) && strcmp(own, dir) == 0;
}

/* The state of a checkpoint, and the run directory as it was when it was taken. */
static pwf_status take_up(pwf_trainer *t, const char *checkpoint, pwf_snapshot *from)
{
    *from = pwf_trainer_snapshot(t);
    from->facts.seconds = 0.0;
    t->units_total = pwf_plan_units(t, &t->position);
    if (checkpoint) {
        (void)PWF_FAULT_POINT("train.load");
        PWF_TRY(pwf_ckpt_read(t->mesh, checkpoint, from));
        t->position = from->facts.position;
        t->losses = from->facts.losses;
        t->seconds = from->facts.seconds;
        t->saved_position = t->position;
        t->has_saved = stands_in(checkpoint, t->config->output);
        snprintf(t->saved, sizeof t->saved, "%s", checkpoint);
        PWF_INFO("RESUME", "going on from %s: step %lld, %lld of %d rounds done", checkpoint,
                 (long long)t->position.step, (long long)t->position.round,
                 t->config->fixing.fractions.count);
    } else {
        PWF_TRY(start_weights(t));
    }
    t->units_done = t->units_total - pwf_plan_units(t, &t->position);
    return pwf_ok();
}

/* What a run that died in the middle of a save left behind or had still to do. */
static void tidy(pwf_trainer *t)
{
    const pwf_position *p = &t->position;
    const bool of_round =
        p->phase == PWF_PHASE_FINISH || (p->phase == PWF_PHASE_TRAIN && p->phase_step == 0);
    if (of_round && t->has_saved) pwf_save_keep_round(t);
    pwf_ckpt_prune(t->mesh, t->config->output,
                   (pwf_ckpt_retention){.step = p->step, .keep = INT64_MAX});
    pwf_exports_missing(t);
}

static void announce(const pwf_trainer *t)
{
    const pwf_config *c = t->config;
    PWF_INFO("MODEL", "%s: %lld parameters, %lld of them posterior", c->model.name,
             (long long)t->state->total, (long long)t->state->posterior);
    PWF_INFO("DATA", "%lld training and %lld test images from %s",
             (long long)pwf_dataset_count(t->train_data),
             (long long)pwf_dataset_count(t->test_data), c->data.path);
    PWF_INFO("MESH", "%d shards x %d replicas x %lld threads, %lld slots of %lld images",
             pwf_mesh_size(t->mesh, PWF_SHARD), pwf_mesh_size(t->mesh, PWF_REPLICA),
             (long long)c->parallel.threads, (long long)c->parallel.slots,
             (long long)(c->train.batch / c->parallel.slots));
    PWF_INFO("KERNELS", "%s; own kernels %s; training in %s",
             pwf_tensor_backend_text((int64_t)pwf_graph_backend(t->graph)),
             pwf_isa_name(pwf_isa_now()), t->training == PWF_BF16 ? "bf16" : "fp32");
}

static pwf_status run(pwf_trainer *t, const char *checkpoint)
{
    const double minutes = t->config->checkpoint.max_time;
    pwf_snapshot from;
    announce(t);
    t->save_ended = t->started;
    if (minutes > 0.0) pwf_request_set_deadline(t->started + 60.0 * minutes);
    PWF_TRY(take_up(t, checkpoint, &from));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) status = open_directory(t, &from);
    if (status.code == PWF_OK) status = PWF_FAULT_POINT("train.begin");
    PWF_TRY(pwf_trainer_agree(t, status));
    PWF_TRY(pwf_save_start(t));
    if (checkpoint) tidy(t);
    status = run_stations(t);
    /* A run that fails finishes the checkpoint under way too. */
    const pwf_status settled = pwf_save_settle(t);
    if (status.code == PWF_OK) status = settled;
    pwf_tracing_end(t);
    if (t->report) {
        if (status.code == PWF_OK)
            status = pwf_report_final(t->report, t->config->model.name, pwf_trainer_seconds(t));
        const pwf_status closed = pwf_report_close(t->report);
        if (status.code == PWF_OK) status = closed;
    }
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
             (int)status.code, (long long)t->position.step,
             pwf_request_word((pwf_request)t->stopped_by), *t->saved ? t->saved : "none");
    pwf_trainer_free(t);
    return status;
}

/* What taking the directory would meet, found without making anything. */
static pwf_status check_directory(const char *output)
{
    char path[PWF_PATH];
    struct stat info;
    snprintf(path, sizeof path, "%s", output);
    while (stat(path, &info) != 0 && errno == ENOENT)
        pwf_path_directory(path, path);
    if (access(path, W_OK | X_OK) != 0 && errno != ENOTDIR)
        return PWF_FAIL(PWF_DENIED, "cannot write in %s: %s; choose another --output", path,
                        strerror(errno));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return PWF_FAIL(PWF_CANTCREATE, "%s is not a directory; choose another --output", path);
    return pwf_ok();
}

static pwf_status check(pwf_trainer *t, const char *checkpoint)
{
    const pwf_config *c = t->config;
    const int64_t images = pwf_dataset_count(t->train_data);
    pwf_snapshot from;
    announce(t);
    PWF_TRY(take_up(t, checkpoint, &from));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) status = check_directory(c->output);
    PWF_TRY(pwf_mesh_agree(t->mesh, status));
    PWF_INFO("CHECK",
             "%lld steps of ordinary training, then %d rounds, the first after %lld steps and each "
             "other after %lld; output goes to %s; nothing was run or written",
             c->train.baseline_epochs > 0.0
                 ? (long long)pwf_plan_steps(c, images, c->train.baseline_epochs)
                 : 0LL,
             c->fixing.fractions.count,
             (long long)pwf_plan_steps(c, images, c->fixing.first_epochs),
             (long long)pwf_plan_steps(c, images, c->fixing.epochs), c->output);
    return pwf_ok();
}

pwf_status pwf_train_check(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint)
{
    pwf_trainer *t = NULL;
    PWF_TRY(pwf_trainer_new(mesh, config, &t));
    const pwf_status status = check(t, checkpoint);
    pwf_trainer_free(t);
    return status;
}
