/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of phases: one row per phase with every name it has and the watchdog limit that applies
 * to it. Called by the run, its traces and `pwf inspect`. Touches only the process-wide place of
 * log lines and limit of the watchdog. */
#include "phase.h"

#include "pwf/core/log.h"
#include "pwf/core/watch.h"
#include "pwf/train/train.h"

#include <stddef.h>
#include <stdio.h>

/* How a title counts rounds. */
typedef enum round_number { NO_ROUND, ROUND_DONE, ROUND_NEXT } round_number;

typedef struct row {
    const char *name; /* in log lines, traces and titles */
    const char *text; /* for people */
    const char *key;  /* setting with the watchdog's limit */
    size_t limit;     /* offset of its value in pwf_config */
    round_number round;
    bool steps; /* consists of optimiser steps */
} row;

#define LIMIT(name) "watchdog." #name, offsetof(pwf_config, watchdog.name)

static const row rows[] = {
    [PWF_PHASE_BASELINE] = {"baseline", "ordinary training", LIMIT(step), NO_ROUND, true},
    [PWF_PHASE_START] = {"start", "start of the posterior", LIMIT(evaluate), NO_ROUND, false},
    [PWF_PHASE_TRAIN] = {"train", "Bayesian training", LIMIT(step), ROUND_NEXT, true},
    [PWF_PHASE_FIX] = {"fix", "fixing", LIMIT(fix), ROUND_NEXT, false},
    [PWF_PHASE_EVALUATE] = {"evaluate", "evaluation of a round", LIMIT(evaluate), ROUND_DONE,
                            false},
    [PWF_PHASE_FINISH] = {"finish", "last evaluation", LIMIT(evaluate), NO_ROUND, false},
    [PWF_PHASE_DONE] = {"done", "finished", LIMIT(evaluate), NO_ROUND, false},
};

bool pwf_phase_has_steps(int64_t phase)
{
    return rows[phase].steps;
}

const char *pwf_phase_name(int64_t phase)
{
    return rows[phase].name;
}

const char *pwf_train_phase_text(int64_t phase)
{
    return phase >= 0 && phase <= PWF_PHASE_DONE ? rows[phase].text : "unknown";
}

/* Rounds are counted from 1 in titles; position.round is the number of finished rounds. */
void pwf_phase_title(const pwf_position *position, int rounds, char title[PWF_PHASE_TITLE])
{
    const row *r = &rows[position->phase];
    const long long number = (long long)position->round + (r->round == ROUND_NEXT);
    if (r->round == NO_ROUND)
        snprintf(title, PWF_PHASE_TITLE, "%s", r->name);
    else
        snprintf(title, PWF_PHASE_TITLE, "%s %lld/%d", r->name, number, rounds);
}

void pwf_phase_announce_work(const char *name, int64_t step, const char *key, double limit)
{
    pwf_log_at(name, step);
    pwf_watch_limit(key, limit);
}

/* The limit is read from the configuration by its offset, which the table has for each phase. */
void pwf_phase_announce(const pwf_config *config, const pwf_position *position)
{
    const row *r = &rows[position->phase];
    const double *limit = (const double *)(const void *)((const char *)config + r->limit);
    pwf_phase_announce_work(r->name, position->step, r->key, *limit);
}
