/* SPDX-License-Identifier: BSD-3-Clause */
/* The reduction at the end of each step and evaluation. Besides a status it carries to all ranks
 * what would otherwise need reductions of its own: requests to save or stop, the stage of a
 * concurrent checkpoint, and a hash of the replicated state. Called by the run, the step and the
 * evaluations. Rank 0 checks for the file `stop` in the run directory. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Seconds between checks for the file `stop`: each accesses a shared file system. */
static const double LOOK_EVERY = 1.0;

/* The largest request this rank knows of. Rank 0 of a run, which has the report, also checks the
 * file and the clock. */
static pwf_request request_here(pwf_trainer *t)
{
    pwf_request request = pwf_request_now();
    const double now = pwf_clock_seconds();
    if (!t->report) return request;
    if (request == PWF_REQUEST_NONE && pwf_saver_is_due(&t->saver, now)) request = PWF_REQUEST_SAVE;
    if (request > PWF_REQUEST_FILE || now - t->requests.looked < LOOK_EVERY) return request;
    char path[PWF_PATH];
    t->requests.looked = now;
    pwf_path_join(path, t->config->output, "stop");
    return access(path, F_OK) == 0 ? PWF_REQUEST_FILE : request;
}

pwf_status pwf_trainer_agree(pwf_trainer *t, pwf_status local)
{
    /* All hashes are equal if and only if the largest equals the smallest. */
    const int hash = pwf_guard_hash(&t->guard);
    int most[PWF_AGREED] = {(int)request_here(t), hash, INT_MAX - hash, pwf_saver_claim(&t->saver),
                            t->guard.changed};
    const pwf_status status = pwf_mesh_agree_most(t->mesh, local, most, PWF_AGREED);
    if (most[0] > (int)t->requests.pending) t->requests.pending = (pwf_request)most[0];
    t->saver.claim = most[3];
    t->guard.changed = most[4];
    if (status.code != PWF_OK || most[1] == INT_MAX - most[2]) return status;
    return pwf_guard_compare(&t->guard);
}

pwf_status pwf_trainer_agree_or_stop(pwf_trainer *t, pwf_status local)
{
    PWF_TRY(pwf_trainer_agree(t, local));
    if (t->requests.pending <= PWF_REQUEST_SAVE) return pwf_ok();
    return PWF_FAIL(PWF_STOPPED, "left unfinished %s", pwf_request_reason(t->requests.pending));
}

void pwf_trainer_remove_stop_file(const pwf_config *config)
{
    char path[PWF_PATH];
    pwf_path_join(path, config->output, "stop");
    if (unlink(path) != 0 && errno != ENOENT)
        PWF_WARN("STOP_FILE", "cannot remove %s, which will stop the next run too: %s", path,
                 strerror(errno));
}
