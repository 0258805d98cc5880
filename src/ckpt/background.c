/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints that a thread writes while training continues. Called by the trainer (saver.c), which
 * runs the collective steps and learns through a reduction when the thread of each rank is done.
 * The thread calls neither MPI nor HDF5; it writes to the run directory. */
#include "pwf/ckpt/background.h"

#include "commit.h"
#include "file.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct pwf_background {
    const pwf_mesh *mesh;
    const char *key;
    double seconds;
    char *copy; /* copy of this rank's arrays */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool busy, ending; /* under the lock; what follows belongs to the thread while it is busy */

    pwf_commit *commit; /* NULL: none under way */
    pwf_status status;  /* of the thread's last step */
    double used;        /* processor time since the last begin, seconds */
    bool prunes;
    char dir[PWF_PATH];
    pwf_retention stay;
};

/* ---- the thread ---- */

static const char what[] = "writes a checkpoint";

/* Processor time of the calling thread, in seconds. */
static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Runs a step; returns true if the thread has another step to do before the next collective step.
 */
static bool work(pwf_background *b)
{
    bool more = false;
    if (b->prunes)
        pwf_folder_prune(b->dir, b->stay);
    else
        b->status = pwf_commit_aside(b->commit, &more);
    return more;
}

/* Waits for work and runs it until told to end. */
static void *thread_main(void *argument)
{
    pwf_background *b = argument;
    pwf_trace_thread(PWF_BACKGROUND_THREAD);
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->busy && !b->ending)
            pthread_cond_wait(&b->changed, &b->lock);
        /* woken to end */
        if (!b->busy) break;
        pthread_mutex_unlock(&b->lock);
        /* the watchdog times each step of this thread */
        pwf_watch_beside(what, b->key, b->seconds);
        const double before = processor_time();
        const pwf_span span = pwf_trace_begin(b->prunes ? "prune" : "write");
        const bool more = work(b);
        pwf_trace_end(span);
        b->used += processor_time() - before;
        /* no limit while it waits */
        if (!more) pwf_watch_beside(what, b->key, 0.0);
        pthread_mutex_lock(&b->lock);
        b->busy = more;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Hands the next step to the thread. */
static void set_busy(pwf_background *b)
{
    pthread_mutex_lock(&b->lock);
    PWF_ASSERT(!b->busy);
    b->busy = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* ---- around it ---- */

/* The copy is allocated once, so that a run that starts cannot fail later for lack of memory. */
pwf_status pwf_background_new(const pwf_mesh *mesh, const pwf_state *state, const char *key,
                              double seconds, pwf_background **out)
{
    pwf_background *b = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *b, &b));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->mesh = mesh;
    b->key = key;
    b->seconds = seconds;
    pwf_status s =
        pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)pwf_commit_copy_bytes(mesh, state), 1, &b->copy);
    if (s.code == PWF_OK) {
        const int e = pthread_create(&b->thread, NULL, thread_main, b);
        b->started = e == 0;
        if (e != 0)
            s = PWF_FAIL(PWF_RESOURCE, "cannot start the thread that writes checkpoints: %s",
                         strerror(e));
    }
    if (s.code != PWF_OK)
        pwf_background_free(b);
    else
        *out = b;
    return s;
}

/* The thread ends its step first; an incomplete file is removed. */
void pwf_background_free(pwf_background *b)
{
    if (!b) return;
    if (b->started) {
        pthread_mutex_lock(&b->lock);
        b->ending = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->thread, NULL);
    }
    const pwf_status given_up = PWF_FAIL(PWF_IO, "given up");
    pwf_commit_end(b->commit, &given_up);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    pwf_mem_free(b->copy);
    pwf_mem_free(b);
}

bool pwf_background_is_under_way(const pwf_background *b)
{
    return b->commit || b->prunes;
}

/* Read under the lock, since the thread writes its status before it clears `busy`. */
int pwf_background_claim(pwf_background *b)
{
    pthread_mutex_lock(&b->lock);
    const int claim = b->busy ? PWF_BACKGROUND_BUSY : b->commit ? (int)b->status.code : PWF_OK;
    pthread_mutex_unlock(&b->lock);
    return claim;
}

double pwf_background_seconds(const pwf_background *b)
{
    return b->used;
}

/* Beats the watchdog each time the thread finishes a step. */
void pwf_background_wait(pwf_background *b)
{
    pthread_mutex_lock(&b->lock);
    while (b->busy) {
        pthread_cond_wait(&b->changed, &b->lock);
        pwf_watch_beat();
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- what is under way ---- */

/* After collective steps: ends the commit, or hands it back to the thread. */
static void go_on(pwf_background *b, const pwf_status *s)
{
    if (s->code != PWF_OK || pwf_commit_done(b->commit)) {
        pwf_commit_end(b->commit, s);
        b->commit = NULL;
    } else {
        set_busy(b);
    }
}

/* After the copy the caller may change the state. */
pwf_status pwf_background_begin(pwf_background *b, const char *dir, const pwf_snapshot *snapshot)
{
    char name[64];
    PWF_ASSERT(!pwf_background_is_under_way(b) && snapshot->writer == PWF_CKPT_PWRITE);
    b->used = 0.0;
    snprintf(name, sizeof name, PWF_CKPT_NAME, (long long)snapshot->facts.position.step);
    PWF_TRY(pwf_commit_new(b->mesh, dir, name, PWF_KIND_CHECKPOINT, snapshot, &b->commit));
    const pwf_status s = pwf_commit_together(b->commit, false);
    if (s.code == PWF_OK) pwf_commit_copy(b->commit, b->copy);
    go_on(b, &s);
    return s;
}

/* Only rank 0 has work; the other ranks report at once that they are done. */
void pwf_background_prune(pwf_background *b, const char *dir, pwf_retention stay)
{
    PWF_ASSERT(!pwf_background_is_under_way(b));
    b->prunes = true;
    b->stay = stay;
    snprintf(b->dir, sizeof b->dir, "%s", dir);
    if (pwf_mesh_rank(b->mesh, PWF_WORLD) == 0) set_busy(b);
}

/* Pruning has no collective part, so there is nothing left to do once it has finished. */
pwf_status pwf_background_advance(pwf_background *b, int claim, char *path)
{
    PWF_ASSERT(pwf_background_is_under_way(b) && claim != PWF_BACKGROUND_BUSY);
    path[0] = '\0';
    if (b->prunes) {
        b->prunes = false;
        return pwf_ok();
    }
    /* Success is known from the reduction; only a failure needs its message shared. */
    pwf_status s = claim == PWF_OK ? pwf_ok() : pwf_mesh_agree(b->mesh, b->status);
    if (s.code == PWF_OK) s = pwf_commit_together(b->commit, false);
    const char *done = pwf_commit_done(b->commit);
    if (s.code == PWF_OK && done) memcpy(path, done, PWF_PATH);
    go_on(b, &s);
    return s;
}
