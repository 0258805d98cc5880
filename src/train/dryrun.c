/* SPDX-License-Identifier: BSD-3-Clause */
/* `pwf_dist --dry-run`: estimates the cost of a run for several numbers of nodes and shards: memory
 * of a rank, bytes moved, checkpoint size, steps, and after a short measurement the time. Called by
 * pwf_dist; the launch checks call pwf_train_needs. Prints to stdout on rank 0; the steps of the
 * measurement change a state that is then discarded. */
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/models/model.h"
#include "pwf/train/train.h"

#include "trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { CALIBRATION_STEPS = 4 };

static const double MIB = 1048576.0;

/* Facts of the run at hand. */
typedef struct dry_run {
    pwf_trainer *t;
    double program;     /* bytes of the process before the run began: libraries, MPI */
    double activations; /* bytes of one worker's executor */
    double prepacked;   /* bytes of the prepacked weights */
    double units;       /* the whole run, in training steps */
    int64_t node_ranks; /* largest number of ranks on a node of this job */
    bool calibrated;
    double slot;   /* seconds of one slot on one worker */
    double update; /* seconds of the rest of a step for the whole flat vector on one rank */
} dry_run;

/* Bytes of one rank, by kind. */
typedef struct cost {
    double state, weights, gradients, activations, other, moved;
} cost;

/* Costs that follow from the number of parameters alone; `posterior` of them have a posterior. */
static cost cost_of_parameters(const pwf_config *config, double total, double posterior,
                               double share)
{
    const double threads = (double)config->parallel.threads;
    const bool halved = config->parallel.precision == PWF_BF16 && share < 1.0;
    const double moments = pwf_optimiser_moments(pwf_optimiser_get(config->optim.name));
    cost c = {
        .state = share * (4.0 * (1.0 + moments) * (total + posterior) + 2.0 * posterior),
        .weights = 4.0 * total + (halved ? 2.0 * posterior : 0.0),
        .gradients = 8.0 * total + threads * 4.0 * total + share * 4.0 * (total + posterior),
        /* Rank 0 sorts all means to measure them, and at the end reads and encodes the model. */
        .other = 12.0 * total,
    };
    if (config->checkpoint.async) c.other += c.state; /* the copy being written */
    return c;
}

/* Adds what was measured in this process: executors, prepacked weights, data set, libraries. */
static cost cost_of(const dry_run *d, int64_t ranks, int64_t shards)
{
    const pwf_trainer *t = d->t;
    const double total = (double)t->now.state->total;
    const double share = 1.0 / (double)shards;
    cost c = cost_of_parameters(t->config, total, (double)t->now.state->posterior, share);
    c.weights += d->prepacked;
    c.activations = (double)t->config->parallel.threads * d->activations;
    c.other += d->program + (double)pwf_mem_now(PWF_MEM_DATA);
    pwf_traffic all;
    pwf_plan_traffic(t->engine, ranks, shards, &all);
    for (int a = 0; a < PWF_AXES; a++)
        for (int k = 0; k < PWF_TRAFFIC_KINDS; k++)
            c.moved += (double)all.bytes[a][k] / (double)ranks;
    return c;
}

/* Creates one executor of each kind in turn to read its memory from the memory accounting; a worker
 * never has two. Local. */
static pwf_status measure_executors(dry_run *d)
{
    const pwf_config *c = d->t->config;
    const pwf_work kinds[] = {pwf_slots_work(c, d->t->precision),
                              pwf_slots_work(c, PWF_FP32), /* BatchNorm's statistics at the end */
                              {c->eval.batch, PWF_MODE_PREDICT, PWF_FP32}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        pwf_executor *executor;
        int pieces;
        PWF_TRY(pwf_executor_new(d->t->engine->graph, kinds[i].images, kinds[i].mode,
                                 kinds[i].precision, &executor));
        d->prepacked = fmax(d->prepacked, (double)pwf_executor_packed(executor, &pieces));
        d->activations = fmax(d->activations, (double)pwf_mem_now(PWF_MEM_ACTIVATIONS));
        pwf_executor_free(executor);
    }
    return pwf_ok();
}

/* Times a few Bayesian steps, and their slots a second time. The first is not timed: it creates the
 * executors. Collective. */
static pwf_status calibrate(dry_run *d)
{
    pwf_trainer *t = d->t;
    const int64_t slots = t->config->parallel.slots;
    const int64_t workers = pwf_mesh_size(t->mesh, PWF_WORLD) * t->config->parallel.threads;
    t->now.facts.position.phase = PWF_PHASE_TRAIN;
    double slots_seconds = 0.0, seconds = 0.0;
    for (int i = 0; i < CALIBRATION_STEPS; i++) {
        const double begun = pwf_clock_seconds();
        PWF_TRY(pwf_step_run(t));
        const double step = pwf_clock_seconds() - begun;
        const double again = pwf_clock_seconds();
        pwf_slots_clear(t->engine, &t->batch);
        const pwf_status ran =
            pwf_slots_run(t->engine, &t->batch, &t->now.facts.position, t->precision, true);
        const double taken = pwf_clock_seconds() - again;
        pwf_exchange_reduce_end(t->engine->exchange);
        PWF_TRY(pwf_trainer_agree(t, ran));
        if (i == 0) continue;
        slots_seconds += taken;
        seconds += step;
    }
    const double steps = CALIBRATION_STEPS - 1;
    d->slot = slots_seconds / steps / (double)((slots + workers - 1) / workers);
    const double rest = (seconds - slots_seconds) / steps;
    d->update = rest > 0.0 ? rest * (double)pwf_mesh_size(t->mesh, PWF_SHARD) : 0.0;
    pwf_mesh_max_f64(t->mesh, PWF_WORLD, &d->slot, 1);
    pwf_mesh_max_f64(t->mesh, PWF_WORLD, &d->update, 1);
    return pwf_ok();
}

static void print_time(double seconds)
{
    if (seconds < 100.0)
        printf(" %9.1f s", seconds);
    else if (seconds < 6000.0)
        printf(" %7.1f min", seconds / 60.0);
    else
        printf(" %9.1f h", seconds / 3600.0);
}

/* One row of the table: all kinds of memory in MiB, then with a calibration the time of an epoch
 * and of the whole run. Slots are processed in waves of one per worker; the last wave may be
 * incomplete. */
static void print_row(const dry_run *d, int64_t ranks, int64_t shards)
{
    const pwf_trainer *t = d->t;
    const cost c = cost_of(d, ranks, shards);
    const double all = c.state + c.weights + c.gradients + c.activations + c.other;
    const int64_t nodes = (ranks + d->node_ranks - 1) / d->node_ranks;
    const double node = (double)(nodes == 1 ? ranks : d->node_ranks) * all;
    printf("%5" PRId64 " %5" PRId64 " %6" PRId64
           " %9.1f %9.1f %9.1f %11.1f %7.1f %8.1f %9.1f %9.1f",
           nodes, ranks, shards, c.state / MIB, c.weights / MIB, c.gradients / MIB,
           c.activations / MIB, c.other / MIB, all / MIB, node / MIB, c.moved / MIB);
    if (d->calibrated) {
        const int64_t workers = ranks * t->config->parallel.threads;
        const int64_t waves = (t->config->parallel.slots + workers - 1) / workers;
        const double step = (double)waves * d->slot + d->update / (double)shards;
        print_time(step * (double)pwf_plan_steps(&t->plan, 1.0));
        print_time(step * d->units);
    }
    printf("\n");
}

/* The next row of the table: one rank, doubled up to a full node, then full nodes, doubled. */
static int64_t next_ranks(const dry_run *d, int64_t ranks)
{
    return ranks < d->node_ranks && 2 * ranks > d->node_ranks ? d->node_ranks : 2 * ranks;
}

/* Rows: numbers of ranks, up to one worker per slot; each with one shard and with one per rank. */
static void print_table(const dry_run *d)
{
    const pwf_trainer *t = d->t;
    const pwf_config *c = t->config;
    const int64_t rounds = c->fixing.fractions.count;
    const int64_t baseline = pwf_plan_baseline_steps(&t->plan);
    const int64_t first = pwf_plan_steps(&t->plan, c->fixing.first_epochs);
    const int64_t other = pwf_plan_steps(&t->plan, c->fixing.epochs);
    const double evaluations = d->units - (double)(baseline + first + (rounds - 1) * other);
    const cost one = cost_of(d, 1, 1);
    printf("%s: %" PRId64 " parameters, %" PRId64 " of them posterior\n", c->model.name,
           t->now.state->total, t->now.state->posterior);
    if (t->precision == PWF_BF16) printf("training in bf16\n");
    printf("steps: %" PRId64 " of ordinary training, %" PRId64 " before the first round, %" PRId64
           " before each of %" PRId64
           " later rounds;\n       evaluations take as long as %.0f more steps\n",
           baseline, first, other, rounds - 1, evaluations);
    printf("checkpoints: about %.1f MiB each; %" PRId64 " of rounds and the newest %" PRId64
           " are kept\n\n",
           one.state / MIB, rounds + 1, c->checkpoint.keep);
    printf("Memory per rank, and data it receives in a step, in MiB; %" PRId64
           " threads per rank and at most %" PRId64 " ranks per node, as in this job:\n",
           c->parallel.threads, d->node_ranks);
    printf("%5s %5s %6s %9s %9s %9s %11s %7s %8s %9s %9s%s\n", "nodes", "ranks", "shards", "state",
           "weights", "gradients", "activations", "other", "total", "per node", "moved",
           d->calibrated ? "       epoch         job" : "");
    for (int64_t ranks = 1; ranks * c->parallel.threads <= c->parallel.slots;
         ranks = next_ranks(d, ranks)) {
        print_row(d, ranks, 1);
        if (ranks > 1) print_row(d, ranks, ranks);
    }
    if (d->calibrated)
        printf("\nTimes extrapolated from %d steps on this machine, excluding network, rounds and "
               "checkpoints: %.1f ms per slot, %.1f ms for the rest of a step.\n",
               CALIBRATION_STEPS - 1, 1e3 * d->slot, 1e3 * d->update);
}

/* Memory outside the accounting, such as libraries and MPI buffers, is measured before the trainer
 * exists. Collective. */
pwf_status pwf_train_dry_run(const pwf_mesh *mesh, const pwf_config *config, bool calibrated)
{
    dry_run d = {.calibrated = calibrated};
    d.program = fmax(0.0, (double)pwf_mem_process_peak() - (double)pwf_mem_peak_total());
    PWF_TRY(pwf_trainer_new(mesh, config, &d.t));
    d.units = pwf_plan_units(&d.t->plan, &d.t->now.facts.position);
    d.node_ranks = pwf_mesh_node_ranks(mesh);
    pwf_status status = pwf_mesh_agree(mesh, measure_executors(&d));
    if (status.code == PWF_OK && calibrated) status = calibrate(&d);
    if (status.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0) print_table(&d);
    pwf_trainer_free(d.t);
    return status;
}

/* Uses shapes only and allocates nothing of the size of the network, so it works on any host. */
pwf_status pwf_train_needs(const pwf_config *config, pwf_needs *out)
{
    pwf_registry *registry = NULL;
    pwf_graph *graph = NULL;
    PWF_TRY(pwf_model_build(pwf_config_model(config), &registry, &graph));
    const double total = (double)pwf_registry_total_count(registry);
    const double posterior = (double)pwf_registry_posterior_count(registry);
    const cost rank =
        cost_of_parameters(config, total, posterior, 1.0 / (double)config->parallel.shards);
    const cost all = cost_of_parameters(config, total, posterior, 1.0);
    *out = (pwf_needs){
        .rank_bytes = rank.state + rank.weights + rank.gradients,
        .checkpoint_bytes = all.state,
        .checkpoints = config->fixing.fractions.count + config->checkpoint.keep + 1,
    };
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    return pwf_ok();
}
