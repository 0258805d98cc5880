/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of phases: one row per phase with every name it has and the watchdog limit that applies
 * to it. Called by the run, its traces and `pwf inspect`. Sets only the process-wide phase and step
 * of log lines and the watchdog's limit. */
#include "phase.h"

#include "pwf/core/log.h"
#include "pwf/core/watch.h"
#include "pwf/train/train.h"

#include <stdio.h>

#define LIMIT(name) "watchdog." #name, offsetof(pwf_config, watchdog.name)

const pwf_phase_row pwf_phases[] = {
    [PWF_PHASE_BASELINE] = {"baseline", "ordinary training", LIMIT(step), PWF_NO_ROUND, true},
    [PWF_PHASE_START] = {"start", "start of the posterior", LIMIT(evaluate), PWF_NO_ROUND, false},
    [PWF_PHASE_TRAIN] = {"train", "Bayesian training", LIMIT(step), PWF_ROUND_NEXT, true},
    [PWF_PHASE_FIX] = {"fix", "fixing", LIMIT(fix), PWF_ROUND_NEXT, false},
    [PWF_PHASE_EVALUATE] = {"evaluate", "evaluation of a round", LIMIT(evaluate), PWF_ROUND_DONE,
                            false},
    [PWF_PHASE_FINISH] = {"finish", "last evaluation", LIMIT(evaluate), PWF_NO_ROUND, false},
    [PWF_PHASE_DONE] = {"done", "finished", LIMIT(evaluate), PWF_NO_ROUND, false},
};

const char *pwf_train_phase_text(int64_t phase)
{
    return phase >= 0 && phase <= PWF_PHASE_DONE ? pwf_phases[phase].text : "unknown";
}

/* Rounds are counted from 1 in titles; position.round is the number of finished rounds. */
void pwf_phase_title(const pwf_position *position, int rounds, char title[PWF_PHASE_TITLE])
{
    const pwf_phase_row *r = &pwf_phases[position->phase];
    const long long number = (long long)position->round + (r->round == PWF_ROUND_NEXT);
    if (r->round == PWF_NO_ROUND)
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
    const pwf_phase_row *r = &pwf_phases[position->phase];
    const double *limit = (const double *)(const void *)((const char *)config + r->limit);
    pwf_phase_announce_work(r->name, position->step, r->key, *limit);
}
