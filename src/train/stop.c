/* SPDX-License-Identifier: BSD-3-Clause */
/* How a request to save or to stop, and how far the threads that write a checkpoint are, reach all
 * ranks: in a reduction that is made anyway. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double LOOK_EVERY = 1.0; /* seconds: each look asks a file system that many share */

static void stop_file(const pwf_trainer *t, char path[PWF_TEXT + 8])
{
    snprintf(path, PWF_TEXT + 8, "%s/stop", t->config->output);
}

/* Whether a checkpoint is due by the clock: that of rank 0, which decides for all. Young's interval
 * between checkpoints that cost C seconds of training, with M seconds between failures, is
 * sqrt(2 C M); before the first one C is taken to be a second. What is written beside the steps
 * costs next to nothing, but keeps the disk busy, at most half of the time. */
static bool is_save_due(const pwf_trainer *t, double now)
{
    const double past = now - t->save_ended;
    if (pwf_save_is_under_way(t)) return false;
    const double minutes = t->config->checkpoint.minutes;
    const double hours = t->config->checkpoint.failure_hours;
    const double cost = t->save_seconds > 0.0 ? t->save_seconds : 1.0;
    const double least = t->saving.beside ? t->save_whole : 0.0;
    return (minutes > 0.0 && past >= 60.0 * minutes) ||
           (hours > 0.0 && past >= fmax(least, sqrt(2.0 * cost * 3600.0 * hours)));
}

/* What this rank knows of; rank 0 of a run looks for the file. */
static pwf_request request_here(pwf_trainer *t)
{
    pwf_request request = pwf_request_now();
    const double now = pwf_clock_seconds();
    if (t->report && request == PWF_REQUEST_NONE && is_save_due(t, now)) request = PWF_REQUEST_SAVE;
    if (!t->report || request > PWF_REQUEST_FILE || now - t->looked < LOOK_EVERY) return request;
    char path[PWF_TEXT + 8];
    t->looked = now;
    stop_file(t, path);
    return access(path, F_OK) == 0 ? PWF_REQUEST_FILE : request;
}

pwf_status pwf_trainer_agree(pwf_trainer *t, pwf_status local)
{
    /* All hashes are equal if and only if the largest is the smallest. */
    const int hash = pwf_ranks_hash(t);
    int most[PWF_AGREED] = {(int)request_here(t), hash, INT_MAX - hash, pwf_save_claim(t),
                            t->changed};
    const pwf_status status = pwf_mesh_agree_most(t->mesh, local, most, PWF_AGREED);
    if (most[0] > t->request) t->request = most[0];
    t->claim = most[3];
    t->changed = most[4];
    return status.code != PWF_OK || most[1] == INT_MAX - most[2] ? status : pwf_ranks_compare(t);
}

pwf_status pwf_trainer_agree_or_stop(pwf_trainer *t, pwf_status local)
{
    PWF_TRY(pwf_trainer_agree(t, local));
    if (t->request <= PWF_REQUEST_SAVE) return pwf_ok();
    return PWF_FAIL(PWF_STOPPED, "left undone %s", pwf_request_reason((pwf_request)t->request));
}

bool pwf_trainer_may_leave(void)
{
    return pwf_request_now() > PWF_REQUEST_SAVE;
}

void pwf_trainer_remove_stop_file(const pwf_trainer *t)
{
    char path[PWF_TEXT + 8];
    stop_file(t, path);
    if (unlink(path) != 0 && errno != ENOENT)
        PWF_WARN("STOP_FILE", "cannot remove %s, which will stop the next run too: %s", path,
                 strerror(errno));
}
