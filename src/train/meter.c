/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks of a run. The step adds its times, the run reads rates and shares for metrics, and every
 * phase shows its progress here. Reads the clock, writes the progress line on rank 0, communicates
 * in pwf_meter_take_shares and pwf_meter_compare_ranks. Never affects the state. */
#include "meter.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/select.h"
#include "pwf/infer/feed.h"

enum { SLOW_COMPARISONS = 3 }; /* in a row before a warning */

static const double SLOW = 1.5;       /* times the median */
static const double SMOOTHING = 0.05; /* weight of a new step in step_seconds */
static const double LOG_EVERY = 30.0; /* seconds between lines of work without steps */

double pwf_meter_seconds(const pwf_meter *meter)
{
    return meter->earlier_seconds + pwf_clock_seconds() - meter->started;
}

void pwf_meter_count_step(pwf_meter *meter)
{
    meter->steps++;
    meter->units_done += 1.0;
}

void pwf_meter_add_step(pwf_meter *meter, double seconds, double communication, double loss)
{
    meter->loss = loss;
    meter->row_seconds += seconds;
    meter->row_communication += communication;
    /* Seconds are averaged, not rates, so that the rate agrees with the time that passes. The first
     * step does not count: it also creates the executors. */
    if (meter->steps > 1)
        meter->step_seconds +=
            (meter->steps == 2 ? 1.0 : SMOOTHING) * (seconds - meter->step_seconds);
}

/* The shares of the slowest rank, which is the one all others wait for. Collective. */
pwf_shares pwf_meter_take_shares(pwf_meter *meter, const pwf_mesh *mesh, int threads, double waited)
{
    /* Skipped steps add no time. */
    const double seconds = meter->row_seconds > 0.0 ? meter->row_seconds : 1.0;
    double most[2] = {(waited - meter->waited) / (threads * seconds),
                      meter->row_communication / seconds};
    meter->waited = waited;
    meter->row_seconds = meter->row_communication = 0.0;
    pwf_mesh_max_f64(mesh, PWF_WORLD, most, 2);
    return (pwf_shares){.images = most[0], .communication = most[1]};
}

/* Every rank compares itself with the median and issues its own warning. Its own work is measured,
 * not the time of the step, which is the same on all ranks because they wait for each other. */
void pwf_meter_compare_ranks(pwf_meter *meter, const pwf_mesh *mesh)
{
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const double mine = meter->slot_seconds;
    double seconds[PWF_SLOTS_MAX];
    seconds[pwf_mesh_rank(mesh, PWF_WORLD)] = mine;
    pwf_mesh_gather_items(mesh, PWF_WORLD, seconds, sizeof *seconds);
    const double median = pwf_select(seconds, ranks, (ranks - 1) / 2);
    meter->slot_seconds = 0.0;
    meter->slow = mine > SLOW * median ? meter->slow + 1 : 0;
    if (meter->slow != SLOW_COMPARISONS) return;
    char place[160];
    pwf_log_place(place);
    PWF_WARN("STRAGGLER",
             "%s: this rank takes %.1f times as long per image as the median of all ranks; check "
             "what else runs on its host",
             place, mine / median);
}

void pwf_meter_show(pwf_meter *meter, const char *title, int64_t done, int64_t total, bool log_now)
{
    if (!meter->report) return;
    const pwf_report_progress p = {
        .phase = title,
        .phase_done = done,
        .phase_total = total,
        .units_done = meter->units_done,
        .units_total = meter->units_total,
        .images_per_second =
            meter->step_seconds > 0.0 ? (double)meter->batch_images / meter->step_seconds : 0.0,
        .loss = meter->loss,
        .log_now = log_now,
    };
    if (log_now) meter->shown = pwf_clock_seconds();
    pwf_report_show(meter->report, &p);
}

void pwf_meter_show_work(pwf_meter *meter, const char *title, int64_t done, int64_t total,
                         double units)
{
    const double last = meter->shown > meter->started ? meter->shown : meter->started;
    meter->units_done += units;
    pwf_meter_show(meter, title, done, total, pwf_clock_seconds() - last >= LOG_EVERY);
}
