/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRAINER_H
#define PWF_TRAIN_TRAINER_H

#include "pwf/ckpt/background.h"
#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"
#include "pwf/core/file.h"
#include "pwf/core/pool.h"
#include "pwf/core/request.h"
#include "pwf/core/rng.h"
#include "pwf/data/dataset.h"
#include "pwf/data/loader.h"
#include "pwf/data/mix.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"
#include "pwf/posterior/posterior.h"
#include "pwf/report/report.h"
#include "pwf/shard/shard.h"

/* What the files of this room share: all a run holds, and the stations it passes. A run is
 *
 *   BASELINE steps -> START -> (TRAIN steps -> FIX -> EVALUATE) per round -> FINISH -> DONE
 *
 * The position says where it stands; it is in every checkpoint, so the stations are the points at
 * which a run can be taken up again. */

typedef enum pwf_phase {
    PWF_PHASE_BASELINE, /* ordinary training, no posterior */
    PWF_PHASE_START,    /* sigma gets its start values; evaluation before the first round */
    PWF_PHASE_TRAIN,    /* Bayesian training before a round */
    PWF_PHASE_FIX,      /* the round */
    PWF_PHASE_EVALUATE, /* measures after the round, checkpoint of the round */
    PWF_PHASE_FINISH,   /* BatchNorm statistics, last evaluation, model file */
    PWF_PHASE_DONE
} pwf_phase;

enum { PWF_SLOTS_MAX = 256 }; /* and so the most ranks a run can have */

/* One worker thread's own things, made by the worker itself at its first task. */
typedef struct pwf_worker {
    pwf_executor *train, *predict; /* one of them at a time */
    pwf_precision train_precision; /* of `train` */
    float *gradient;               /* [total], one slot's */
    int32_t *labels;               /* [max(images of a slot, images of an evaluation chunk)] */
    int32_t *partners;             /* [images of a slot]: labels of what they are mixed with */
    pwf_status status;             /* the first failure of the running loop */
    double decoding;               /* seconds that this thread decoded images itself */
    bool finite;
} pwf_worker;

/* A checkpoint that is being written, or the last one. */
typedef struct pwf_saving {
    pwf_position position;
    bool kept;           /* as that of its round */
    bool clean;          /* no step was being passed over when it was begun */
    bool beside;         /* the steps go on meanwhile */
    double begun;        /* clock */
    double stood;        /* seconds in which training stood still for it */
    int64_t steps;       /* made beside it */
    double step_seconds; /* that those took */
    double usual;        /* of a step before it; 0: not known */
} pwf_saving;

/* What log.trace records, or has recorded. */
typedef struct pwf_tracing {
    bool open, over;     /* the same on all ranks: at most one trace in a job */
    int64_t first;       /* steps_here when it began */
    int fd;              /* on rank 0, with what follows */
    uint64_t length;     /* bytes of the file without the end of the array */
    char path[PWF_PATH]; /* name of the file */
} pwf_tracing;

typedef struct pwf_trainer {
    const pwf_mesh *mesh;
    const pwf_config *config;
    pwf_precision training, measuring; /* what products are rounded to in each */
    pwf_precision slots_precision;     /* and in the slots that run */

    pwf_registry *registry;
    pwf_graph *graph;
    int64_t height, width, channels, classes;
    pwf_dataset *train_data, *test_data;
    pwf_order *order;
    pwf_loader *loader; /* of this rank's share of the training batches; NULL: workers load */
    int64_t train_skips, test_skips; /* bad files that all ranks know of */
    double row_seconds, row_waited;  /* steps since the last row; the loader's wait up to it */
    double row_communicated;         /* of these seconds, in calls that wait for other ranks */

    pwf_state *state;
    pwf_position position;
    pwf_losses losses; /* of the steps of this phase that made an update */
    pwf_exchange *exchange;
    pwf_pool *pool;
    pwf_worker *workers;

    float *weights; /* [total]: the sampled or mean weights of the whole network */
    void *packed;   /* the same, in the order that the executors in use like */
    size_t packed_bytes;
    int64_t *sum;           /* [total]: exact gradient sums */
    float *dmu, *dsigma;    /* [own], [own_posterior] */
    double *norm;           /* [blocks of total] */
    double *slot_loss;      /* [slots] */
    float *slot_statistics; /* [slots, buffers] */

    pwf_report *report;                   /* on world rank 0 */
    double seconds;                       /* run time of earlier processes */
    double started;                       /* clock at the start of this process */
    int64_t steps_here;                   /* steps of this process */
    pwf_position saved_position;          /* of the newest checkpoint of the run directory */
    bool has_saved;                       /* there is one */
    char saved[PWF_PATH];                 /* name of that, or of the one the run goes on from */
    int saves_failed;                     /* in a row */
    int skipped;                          /* steps in a row without an update */
    bool told;                            /* losses, statistics and norms of a step are on all */
    bool rests;                           /* the shard has had these hashes since the last step: */
    pwf_hash *rest;                       /* as pwf_state_hash_block makes them */
    pwf_hash *found;                      /* the same, of now */
    int changed;                          /* its hash was another one, on some rank */
    bool parted;                          /* the ranks hold different states */
    double own_seconds;                   /* this rank's work per slot since the last comparison */
    int late;                             /* comparisons in a row in which it was slow */
    int rollbacks;                        /* in a row, without a checkpoint between them */
    double save_ended;                    /* clock behind the last try to save */
    double save_seconds;                  /* what training lost to the last one; 0: none yet */
    double save_whole;                    /* what the last one took from begin to end */
    pwf_saving saving;                    /* the one under way, or the last */
    pwf_background *background;           /* NULL without checkpoint.async */
    int claim;                            /* largest pwf_background_claim of all ranks */
    int request;                          /* pwf_request that all ranks know of */
    int stopped_by;                       /* the one that the run has stopped for */
    double looked;                        /* when rank 0 last looked for the file `stop` */
    double loss, gradient_norm, clip, lr; /* of the last step */
    pwf_tracing tracing;
    double units_done, units_total; /* of the progress line */
    double step_seconds;            /* of the last steps, smoothed; 0: not known yet */
} pwf_trainer;

/* plan.c: pure functions of the configuration and the number of images */
int64_t pwf_plan_steps(const pwf_config *config, int64_t images, double epochs);
int64_t pwf_plan_phase_steps(const pwf_trainer *t);
double pwf_plan_lr(const pwf_trainer *t);
int64_t pwf_plan_norm_batches(const pwf_trainer *t);
double pwf_plan_units(const pwf_trainer *t, const pwf_position *from);
const char *pwf_plan_phase_name(const pwf_trainer *t);

/* plan.c. What all ranks together receive in a step, Bayesian or not, counted as pwf_mesh_traffic
 * does; the time is left alone. Local. */
void pwf_plan_traffic(const pwf_trainer *t, int64_t ranks, int64_t shards, pwf_traffic *out);

/* slots.c. How its executors train. Local. */
pwf_mode pwf_slots_mode(const pwf_config *config);

/* slots.c. Starts the loader, if data.threads and the format ask for one. Local. */
pwf_status pwf_slots_loader(pwf_trainer *t);

/* slots.c. Moves to a batch of the training data. Local. */
void pwf_slots_seek(pwf_trainer *t, int64_t batch);

enum { PWF_AGREED = 5 }; /* numbers that pwf_trainer_agree agrees on */

/* stop.c. Agrees on a status as pwf_mesh_agree does, and in the same reduction on what is asked of
 * the run and how far the checkpoint under way is, which t->request and t->claim then say on every
 * rank, and on that all ranks hold the same in common. Collective; fails as pwf_ranks_compare if
 * they do not. */
pwf_status pwf_trainer_agree(pwf_trainer *t, pwf_status local);

/* stop.c. The same; a run that is to stop gets PWF_STOPPED from it, for work that can be left
 * undone because it is done again after a resume. Collective. */
pwf_status pwf_trainer_agree_or_stop(pwf_trainer *t, pwf_status local);

/* stop.c. Whether such work need not be finished on this rank. Local; any thread. */
bool pwf_trainer_may_leave(void);

/* stop.c. Removes the file `stop`: the request has been answered. Local, on rank 0. */
void pwf_trainer_remove_stop_file(const pwf_trainer *t);

/* slots.c. Sets t->sum to 0. Local. */
void pwf_slots_clear(pwf_trainer *t);

/* slots.c. Runs the slots of this rank of the current batch over the workers: with `gradients`,
 * adds their gradients to t->sum, which is clear, and begins to reduce them, which the caller must
 * end; else in fp32, for the statistics alone. Leaves all slots' losses (0 without gradients) and
 * statistics on every rank. Collective over the mesh; the status is this rank's, to be agreed on.
 */
pwf_status pwf_slots_run(pwf_trainer *t, bool gradients);

/* Makes a worker's executor if it has it not yet, and has it use the packed weights. By the worker
 * itself. */
typedef pwf_status pwf_worker_prepare(const pwf_trainer *t, pwf_worker *w);

/* packed.c. Brings t->weights into the order that the executors made by `prepare` like. Local;
 * before they run with weights that have changed. A failure is in the workers' status. */
void pwf_workers_pack(pwf_trainer *t, pwf_worker_prepare *prepare);

/* The first failure among the workers, and forgetting it. */
pwf_status pwf_workers_status(pwf_trainer *t);
void pwf_workers_reset(pwf_trainer *t);

/* save.c. What a run with checkpoint.async needs to begin. Collective; fails with PWF_RESOURCE. */
pwf_status pwf_save_start(pwf_trainer *t);

/* save.c. Writes a checkpoint, or begins to; `kept` gives it a second name of its round. One that
 * is under way is waited for. A failure is a warning, since the one before is still there, until it
 * has happened three times in a row. Collective; fails with PWF_IO, PWF_RESOURCE or PWF_NUMBERS. */
pwf_status pwf_save(pwf_trainer *t, bool kept);

/* save.c. The same, unless the newest one, or that under way, is of this position. */
pwf_status pwf_save_again(pwf_trainer *t);

/* save.c. There is a checkpoint of this position when it returns: for the last one of a job, after
 * which no later interval comes; a failure is tried again at once. Collective; fails as pwf_save.
 */
pwf_status pwf_save_at_once(pwf_trainer *t);

/* save.c. Writes model.h5; a failure is tried again at once. Collective; fails as pwf_save. */
pwf_status pwf_save_model(pwf_trainer *t);

/* save.c. Goes on with the checkpoint under way if the last reduction said that it can; waits for
 * its end. Collective; fail as pwf_save. */
pwf_status pwf_save_go_on(pwf_trainer *t);
pwf_status pwf_save_settle(pwf_trainer *t);

/* save.c. Whether a checkpoint is under way, and what this rank tells the others of it. Local. */
bool pwf_save_is_under_way(const pwf_trainer *t);
int pwf_save_claim(const pwf_trainer *t);

/* save.c. Gives the newest checkpoint the name of its round; a failure is a warning. Collective. */
void pwf_save_keep_round(pwf_trainer *t);

/* skips.c. Makes bad files that any rank found since the last time, and skipped as data.skip_bad
 * allows, known to all, and writes a row of metrics for each; `known` counts those of `data` that
 * all know. Collective over the mesh; fails with PWF_DATA when there are more than allowed. */
pwf_status pwf_skips_agree(pwf_trainer *t, const pwf_dataset *data, int64_t *known);

/* step.c. One optimiser step of the phase the position names; the position moves on. A step whose
 * numbers are not finite is done again, since a flipped bit does not repeat, and then passed over
 * without an update. Collective; fails with PWF_NUMBERS when too many are in a row. */
pwf_status pwf_step_run(pwf_trainer *t);

/* step.c. The loss of the batch, of the slots' losses. Local. */
double pwf_step_loss(const pwf_trainer *t);

/* step.c. Fills t->weights with a draw, or with the means for noise NULL. In bf16 those with a
 * posterior are rounded, draws so that their mean stays, and travel as two bytes. Collective over
 * shards. */
void pwf_step_weights(pwf_trainer *t, const pwf_stream *noise, pwf_precision precision);

/* fix.c. One fixing round on the sharded state. Collective. */
pwf_status pwf_fix_run(pwf_trainer *t);

/* evaluate.c. Measures of the state as it stands, written to the metrics. Collective. */
pwf_status pwf_evaluate_run(pwf_trainer *t, bool final);

/* evaluate.c. The measures of the state as it stands, on every rank; unique values and entropy on
 * rank 0 alone. Collective. */
pwf_status pwf_evaluate_measure(pwf_trainer *t, bool ensemble, pwf_report_eval *out);

/* evaluate.c. The preparation for eval.batch images. Local. */
pwf_worker_prepare pwf_worker_predict;

/* exports.c. Writes NAME.safetensors and NAME.pwf of NAME.h5 in the run directory, where
 * fixing.export asks for them: of the round just finished, anew; or those of all finished rounds
 * and of a finished run that are missing. A failure is a warning. Collective. */
void pwf_exports_round(pwf_trainer *t);
void pwf_exports_missing(pwf_trainer *t);

/* exports.c. The same of the final model, anew, and a row of metrics with the sizes of its compact
 * form, written or not. Collective. */
pwf_status pwf_exports_model(pwf_trainer *t);

/* evaluate.c. Re-estimates BatchNorm's running statistics with the mean weights. Collective. */
pwf_status pwf_evaluate_statistics(pwf_trainer *t);

/* numbers.c. The failure that something is not finite, on this rank. Local. */
pwf_status pwf_numbers_bad(const char *what);

/* numbers.c. Whether what this rank made in the step under way (losses, statistics, norms) is
 * finite, and the loss no jump. Local; fails with PWF_NUMBERS. */
pwf_status pwf_numbers_of_step(const pwf_trainer *t);

/* numbers.c. Whether the state of this rank is finite, so that it may be saved. Local; fails with
 * PWF_NUMBERS. */
pwf_status pwf_numbers_of_state(const pwf_trainer *t);

/* numbers.c. Goes back to the newest checkpoint, but on with later batches; the second time in a
 * row is the last. Collective; fails with `why`, or as reading a checkpoint does. */
pwf_status pwf_numbers_roll_back(pwf_trainer *t, const pwf_status *why);

/* compare.c. Compares hashes of what several ranks hold in common: small things of all, shards of
 * replicas, what they told each other in the step under way. Collective; fails with PWF_NUMBERS,
 * naming the rank; t->parted is then set, unless only the last of these differs. */
pwf_status pwf_ranks_compare(pwf_trainer *t);

/* compare.c. A hash of the small things and of what was told, for pwf_trainer_agree. Local. */
int pwf_ranks_hash(const pwf_trainer *t);

/* compare.c. Notes the hashes of the shard behind a step, and compares them before the next one:
 * whatever is different then has changed by itself. Whoever else changes the state sets t->rests to
 * false. An update notes each block where it makes it. Local; fails with PWF_NUMBERS, and
 * pwf_trainer_agree sets t->changed everywhere. */
void pwf_rest_begin(pwf_trainer *t);
void pwf_rest_note(const pwf_trainer *t, int64_t block);
void pwf_rest_noted(pwf_trainer *t);
pwf_status pwf_rest_check(pwf_trainer *t);

/* compare.c. The fingerprint of the state as digits. Collective; fails with PWF_RESOURCE. */
pwf_status pwf_trainer_fingerprint(pwf_trainer *t, char text[33]);

/* compare.c. Compares the ranks' work per slot since the last time; one that is 1.5 times slower
 * than the median three times in a row says so. Collective. */
void pwf_ranks_time(pwf_trainer *t);

/* spikes.c. Whether a loss is out of all proportion to those before it: more than `factor` times
 * the largest, or twice that and 8 robust standard deviations above their median; 0: never. Local.
 */
bool pwf_losses_jump(const pwf_losses *past, double loss, double factor, int64_t classes,
                     int64_t batch);

/* spikes.c. Appends a loss; the oldest makes room. Local. */
void pwf_losses_add(pwf_losses *past, double loss);

/* slots.c. The first slot of a rank. Local. */
int64_t pwf_slots_first(const pwf_trainer *t, int rank);

/* watch.c. Says where the run is, to the log and to the watchdog, whose limit is that of `key`.
 * Local. */
void pwf_trainer_at(const pwf_trainer *t, const char *phase, const char *key, double limit);

/* tracing.c. Begins or ends the trace that log.trace asks for, where the position says so; writes
 * what has been recorded so far; ends a trace that is open. A failure is a warning, and the end of
 * the trace. Collective. */
void pwf_tracing_look(pwf_trainer *t);
void pwf_tracing_flush(pwf_trainer *t);
void pwf_tracing_end(pwf_trainer *t);

/* setup.c */
pwf_status pwf_trainer_new(const pwf_mesh *mesh, const pwf_config *config, pwf_trainer **out);

/* setup.c. A trainer that can evaluate and predict, not train: without training data and gradients,
 * and with the test data only if asked. Any number of workers. Collective. */
pwf_status pwf_trainer_new_network(const pwf_mesh *mesh, const pwf_config *config, bool test_data,
                                   pwf_trainer **out);
void pwf_trainer_free(pwf_trainer *t);
pwf_snapshot pwf_trainer_snapshot(pwf_trainer *t);
double pwf_trainer_seconds(const pwf_trainer *t);
void pwf_trainer_progress(pwf_trainer *t, const char *phase, int64_t done, int64_t total,
                          bool log_now);

#endif
