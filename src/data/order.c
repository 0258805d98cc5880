/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the training images: one permutation per pass over the data, drawn from (seed,
 * pass). Used by feed, loader and dataset (validation split); one thread seeks, any thread reads.
 * No files, no MPI. */
#include "pwf/core/mem.h"
#include "pwf/core/rng.h"
#include "pwf/data/dataset.h"

/* The permutation of the current pass, and the position of the current batch in it. */
struct pwf_order {
    int64_t images, batch, batches; /* batches of one pass */
    uint32_t seed;
    int64_t pass, first; /* first: index of the first image of the batch in `image` */
    uint32_t *image;     /* the permutation of this pass */
};

/* The last images of a pass that do not fill a batch are dropped; the next pass has others. */
pwf_status pwf_order_new(int64_t images, int64_t batch, uint32_t seed, pwf_order **out)
{
    *out = NULL;
    PWF_ASSERT(images >= 1 && batch >= 1);
    PWF_FAIL_IF(batch > images, PWF_CONFIG,
                "train.batch is %lld, but there are only %lld training images; lower "
                "train.batch or raise data.train_limit",
                (long long)batch, (long long)images);
    PWF_FAIL_IF(images > UINT32_MAX, PWF_DATA, "%lld images are more than 2^32 - 1",
                (long long)images);
    pwf_order *o = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *o, &o));
    *o = (pwf_order){
        .images = images, .batch = batch, .batches = images / batch, .seed = seed, .pass = -1};
    const pwf_status s = pwf_mem_alloc(PWF_MEM_DATA, images, sizeof *o->image, &o->image);
    if (s.code != PWF_OK) {
        pwf_order_free(o);
        return s;
    }
    pwf_order_seek(o, 0);
    *out = o;
    return s;
}

void pwf_order_free(pwf_order *order)
{
    if (!order) return;
    pwf_mem_free(order->image);
    pwf_mem_free(order);
}

/* Draws a uniform integer in [0, n): multiply and shift, rejecting the few words that would favour
 * some integers (Lemire, TOMACS 2019). The words come from counter `at`; `sample` advances in the
 * rare case that all four are rejected. */
static uint32_t below(uint32_t n, pwf_stream stream, uint64_t at)
{
    const uint32_t reject = (uint32_t)-n % n;
    for (stream.sample = 0;; stream.sample++) {
        uint32_t words[4];
        pwf_rng_words(stream, at, words);
        for (int i = 0; i < 4; i++) {
            const uint64_t product = (uint64_t)words[i] * n;
            if ((uint32_t)product >= reject) return (uint32_t)(product >> 32);
        }
    }
}

/* Fisher-Yates shuffle for the current pass. */
static void shuffle(pwf_order *o)
{
    const pwf_stream stream = {o->seed, PWF_RNG_ORDER, (uint64_t)o->pass, 0};
    for (int64_t i = 0; i < o->images; i++)
        o->image[i] = (uint32_t)i;
    for (int64_t i = o->images - 1; i > 0; i--) {
        const uint32_t j = below((uint32_t)(i + 1), stream, (uint64_t)i);
        const uint32_t swapped = o->image[i];
        o->image[i] = o->image[j];
        o->image[j] = swapped;
    }
}

/* Batches are numbered across passes, so a resumed run seeks without replaying anything. */
void pwf_order_seek(pwf_order *order, int64_t batch_number)
{
    PWF_ASSERT(batch_number >= 0);
    const int64_t pass = batch_number / order->batches;
    order->first = batch_number % order->batches * order->batch;
    if (pass == order->pass) return;
    order->pass = pass;
    shuffle(order);
}

int64_t pwf_order_image(const pwf_order *order, int64_t position)
{
    PWF_ASSERT(position >= 0 && position < order->batch);
    return order->image[order->first + position];
}

int64_t pwf_order_pass(const pwf_order *order)
{
    return order->pass;
}
