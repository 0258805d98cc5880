/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that decode images ahead of the step: a ring of batches, filled in the order in which
 * the images are needed. Started on each rank by infer/feed.c for training; the workers take the
 * images. The threads read image files but never call MPI. A lock protects states,
 * tickets and counters. The thread that took a ticket writes its pixels without the lock, and
 * pixels of READY items are read without it. */
#include "pwf/data/loader.h"

#include "dataset_parts.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Tickets count the images of this rank's share, batch after batch; the position of a ticket in the
 * ring is a pure function of it. Threads take tickets in order, so the batch that is needed first
 * is decoded first. */

enum { AHEAD = 2, RING = AHEAD + 1 };

typedef enum item_state { EMPTY, READY, FAILED } item_state;

typedef struct decoded {
    item_state state;
    pwf_image_key key;
    int32_t label;
} decoded;

struct pwf_loader {
    const pwf_dataset *dataset;
    pwf_order *order; /* its own, ahead of the order of the training step */
    uint32_t seed;
    int64_t first, share; /* positions [first, first + share) of each batch */
    int64_t bytes;        /* of an image */
    uint8_t *pixels;      /* [RING, share, bytes] */
    decoded *items;       /* [RING, share] */

    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    int64_t batch;   /* of the current step; -1: none yet */
    int64_t ticket;  /* the next one to be taken, counted from batch 0 */
    int64_t started; /* changes when the ring is emptied, so that late results are dropped */
    int busy;        /* threads decoding */
    bool ending;
    double waited;
    int threads;
    pthread_t *thread;
};

/* Index in the ring of the image of a ticket. */
static int64_t ring_place(const pwf_loader *l, int64_t ticket)
{
    return ticket % (RING * l->share);
}

/* Decodes the image of one ticket. The lock is held on entry and on return, but not while
 * decoding. */
static void decode(pwf_loader *l, int64_t ticket)
{
    const int64_t place = ring_place(l, ticket), batch = ticket / l->share, round = l->started;
    pwf_order_seek(l->order, batch);
    const pwf_image_key key = {l->seed, pwf_order_pass(l->order),
                               pwf_order_image(l->order, l->first + ticket % l->share)};
    int32_t label = 0;
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    /* Only the fact of a failure is kept: the taker decodes the image again and reports it. */
    const pwf_code code =
        pwf_dataset_bytes(l->dataset, key, l->pixels + place * l->bytes, &label).code;
    pthread_mutex_lock(&l->lock);
    l->busy--;
    if (round == l->started)
        l->items[place] = (decoded){code == PWF_OK ? READY : FAILED, key, label};
    pthread_cond_broadcast(&l->done);
}

/* Decodes tickets while the ring has room, otherwise waits; returns when the loader is freed. */
static void *loader_main(void *argument)
{
    pwf_loader *l = argument;
    pthread_mutex_lock(&l->lock);
    while (!l->ending) {
        if (l->batch >= 0 && l->ticket < (l->batch + RING) * l->share)
            decode(l, l->ticket++);
        else
            pthread_cond_wait(&l->wake, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* l->threads counts the running threads, so that pwf_loader_free joins exactly these after a
 * failure. */
static pwf_status start_threads(pwf_loader *l, int threads)
{
    l->thread = calloc((size_t)threads, sizeof *l->thread);
    PWF_FAIL_IF(!l->thread, PWF_RESOURCE, "no memory for %d loading threads", threads);
    for (; l->threads < threads; l->threads++) {
        const int error = pthread_create(&l->thread[l->threads], NULL, loader_main, l);
        PWF_FAIL_IF(error, PWF_RESOURCE, "cannot start loading thread %d of %d: %s", l->threads + 1,
                    threads, strerror(error));
    }
    return pwf_ok();
}

/* The threads wait until the first pwf_loader_seek. */
pwf_status pwf_loader_new(const pwf_dataset *dataset, int64_t batch, int64_t first, int64_t share,
                          uint32_t seed, int threads, pwf_loader **out)
{
    pwf_loader *l = NULL;
    *out = NULL;
    PWF_ASSERT(threads >= 1 && first >= 0 && share >= 1 && first + share <= batch);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *l, &l));
    *l = (pwf_loader){.dataset = dataset, .seed = seed, .first = first, .share = share};
    l->bytes = pwf_dataset_image_bytes(dataset);
    l->batch = -1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    pthread_cond_init(&l->done, NULL);
    pwf_status s = pwf_order_new(pwf_dataset_count(dataset), batch, seed, &l->order);
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_DATA, RING * share, (size_t)l->bytes, &l->pixels);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, RING * share, sizeof(decoded), &l->items);
    if (s.code == PWF_OK) s = start_threads(l, threads);
    if (s.code == PWF_OK)
        *out = l;
    else
        pwf_loader_free(l);
    return s;
}

/* Threads finish the image that they are decoding, then end. */
void pwf_loader_free(pwf_loader *loader)
{
    if (!loader) return;
    pthread_mutex_lock(&loader->lock);
    loader->ending = true;
    pthread_cond_broadcast(&loader->wake);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->threads; i++)
        pthread_join(loader->thread[i], NULL);
    free(loader->thread);
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->wake);
    pthread_cond_destroy(&loader->done);
    pwf_order_free(loader->order);
    pwf_mem_free(loader->pixels);
    pwf_mem_free(loader->items);
    pwf_mem_free(loader);
}

/* Frees the items of a finished batch so that batch + RING can reuse their positions in the ring.
 * Returns false, and frees none, if an image of it is not decoded yet, which can happen after a
 * failed step. */
static bool clear_batch(pwf_loader *l, int64_t batch)
{
    decoded *items = &l->items[ring_place(l, batch * l->share)];
    for (int64_t i = 0; i < l->share; i++)
        if (items[i].state == EMPTY) return false;
    memset(items, 0, (size_t)l->share * sizeof *items);
    return true;
}

void pwf_loader_seek(pwf_loader *loader, int64_t batch)
{
    PWF_ASSERT(batch >= 0);
    pthread_mutex_lock(&loader->lock);
    /* The same batch, or the next after a complete one, keeps the decoded images; any other
     * discards them. */
    const bool next =
        loader->batch >= 0 && batch == loader->batch + 1 && clear_batch(loader, loader->batch);
    if (!next && batch != loader->batch) {
        loader->started++;
        loader->ticket = INT64_MAX; /* no new work while late results arrive */
        while (loader->busy > 0)
            pthread_cond_wait(&loader->done, &loader->lock);
        memset(loader->items, 0, (size_t)(RING * loader->share) * sizeof *loader->items);
        loader->ticket = batch * loader->share;
    }
    loader->batch = batch;
    pthread_cond_broadcast(&loader->wake);
    pthread_mutex_unlock(&loader->lock);
}

pwf_status pwf_loader_take(pwf_loader *loader, int64_t position, float *image, int32_t *label)
{
    PWF_ASSERT(position >= loader->first && position < loader->first + loader->share &&
               loader->batch >= 0);
    const int64_t place =
        ring_place(loader, loader->batch * loader->share + position - loader->first);
    pthread_mutex_lock(&loader->lock);
    if (loader->items[place].state == EMPTY) {
        const double begun = pwf_clock_seconds();
        while (loader->items[place].state == EMPTY)
            pthread_cond_wait(&loader->done, &loader->lock);
        loader->waited += pwf_clock_seconds() - begun;
    }
    /* The pixels of an item that is READY change only after the next seek. */
    const decoded it = loader->items[place];
    pthread_mutex_unlock(&loader->lock);
    if (it.state == FAILED)
        return pwf_dataset_load(loader->dataset, it.key.seed, it.key.pass, it.key.index, image,
                                label);
    pwf_dataset_finish(loader->dataset, it.key, loader->pixels + place * loader->bytes, image);
    *label = it.label;
    return pwf_ok();
}

double pwf_loader_waited(pwf_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    const double waited = loader->waited;
    pthread_mutex_unlock(&loader->lock);
    return waited;
}
