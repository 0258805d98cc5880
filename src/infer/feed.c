/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens the images of an engine, deals with damaged files, and says which slots a rank computes. A
 * damaged file is found by the rank whose slot, or chunk of an evaluation, contains it;
 * data.skip_bad limits the number of damaged files over all ranks, so the ranks exchange what they
 * find. Called by the engine when it starts, by the training slots and by evaluations. Reads image
 * files, writes rows of metrics, communicates in pwf_feed_compare and pwf_feed_agree_skips only. */
#include "pwf/infer/feed.h"

#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

pwf_status pwf_feed_open(pwf_feed *feed, bool training)
{
    const pwf_config *c = feed->config;
    if (training) PWF_TRY(pwf_dataset_open(pwf_config_dataset(c), PWF_TRAIN, &feed->train));
    PWF_TRY(pwf_dataset_open(pwf_config_dataset(c), PWF_TEST, &feed->test));
    if (!training) return pwf_ok();
    return pwf_order_new(pwf_dataset_count(feed->train), c->train.batch, (uint32_t)c->train.seed,
                         &feed->order);
}

void pwf_feed_close(pwf_feed *feed)
{
    pwf_loader_free(feed->loader); /* first: its threads use the data set */
    pwf_order_free(feed->order);
    pwf_dataset_free(feed->train);
    pwf_dataset_free(feed->test);
    *feed = (pwf_feed){.train = NULL};
}

/* Images in memory are compared by their pixels, others by names, file sizes and classes in order:
 * an image must be the same whichever rank loads it. */
pwf_status pwf_feed_compare(const pwf_feed *feed)
{
    const pwf_hash none = {0, 0};
    const pwf_hash hashes[2] = {feed->train ? pwf_dataset_hash(feed->train) : none,
                                feed->test ? pwf_dataset_hash(feed->test) : none};
    pwf_status status =
        pwf_mesh_same(feed->mesh, hashes, sizeof hashes, "set of images in data.path");
    if (status.code != PWF_OK) status.code = PWF_DATA;
    return status;
}

pwf_hash pwf_feed_hash(const pwf_feed *feed)
{
    const pwf_hash hashes[2] = {pwf_dataset_hash(feed->train), pwf_dataset_hash(feed->test)};
    return pwf_hash_bytes(hashes, sizeof hashes);
}

/* Each rank gets consecutive slots; the counts of two ranks differ by at most one. */
int64_t pwf_feed_first_slot(const pwf_feed *feed, int rank)
{
    return pwf_range_split(feed->config->parallel.slots, pwf_mesh_size(feed->mesh, PWF_WORLD),
                           rank);
}

/* Images that need no decoding are read by the workers themselves, without loader threads. */
pwf_status pwf_feed_start_loader(pwf_feed *feed)
{
    const pwf_config *c = feed->config;
    const int rank = pwf_mesh_rank(feed->mesh, PWF_WORLD);
    const int64_t first = pwf_feed_first_slot(feed, rank);
    const int64_t slots = pwf_feed_first_slot(feed, rank + 1) - first;
    const int64_t images = c->train.batch / c->parallel.slots;
    if (c->data.threads == 0 || !pwf_dataset_is_decoded(feed->train)) return pwf_ok();
    return pwf_loader_new(feed->train, c->train.batch, first * images, slots * images,
                          (uint32_t)c->train.seed, (int)c->data.threads, &feed->loader);
}

void pwf_feed_seek(pwf_feed *feed, int64_t batch)
{
    pwf_order_seek(feed->order, batch);
    if (feed->loader) pwf_loader_seek(feed->loader, batch);
}

/* Both ways load the same bits: augmentation is a function of seed, pass and image. */
pwf_status pwf_feed_load(const pwf_feed *feed, int64_t position, float *image, int32_t *label)
{
    if (feed->loader) return pwf_loader_take(feed->loader, position, image, label);
    return pwf_dataset_load(feed->train, (uint32_t)feed->config->train.seed,
                            pwf_order_pass(feed->order), pwf_order_image(feed->order, position),
                            image, label);
}

/* For qsort. */
static int compare_indices(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Writes a row of metrics for a file that is skipped from now on; `step` counts finished steps. */
static pwf_status write_row(const pwf_feed *feed, const char *file, int64_t step)
{
    if (!feed->report) return pwf_ok();
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "skipped");
    pwf_json_set_int(row, "step", step);
    pwf_json_set_text(row, "file", file);
    return pwf_report_row(feed->report, row);
}

/* Skips the files found[count], the same on all ranks. A file that two ranks found occurs
 * twice and is handled once. */
static pwf_status note(const pwf_feed *feed, const pwf_dataset *data, int64_t *found, int64_t count,
                       int64_t step)
{
    qsort(found, (size_t)count, sizeof *found, compare_indices);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && found[i] == found[i - 1]) continue;
        PWF_TRY(write_row(feed, pwf_dataset_name(data, found[i]), step));
        PWF_TRY(pwf_dataset_skip(data, found[i]));
    }
    return pwf_ok();
}

/* Every rank gathers what is new on any rank: first the counts, then the indices, so in the usual
 * case without damaged files one small message per rank suffices. */
pwf_status pwf_feed_agree_skips(pwf_feed *feed, pwf_data_split split, int64_t step)
{
    const pwf_dataset *data = split == PWF_TRAIN ? feed->train : feed->test;
    if (feed->config->data.skip_bad == 0 || !pwf_dataset_is_decoded(data)) return pwf_ok();
    const int ranks = pwf_mesh_size(feed->mesh, PWF_WORLD);
    const int rank = pwf_mesh_rank(feed->mesh, PWF_WORLD);
    int64_t *known = &feed->skipped[split];
    int64_t counts[PWF_SLOTS_MAX], offset[PWF_SLOTS_MAX + 1] = {0}, *found = NULL;
    const int64_t *mine = NULL;
    counts[rank] = pwf_dataset_skipped(data, &mine) - *known;
    pwf_mesh_gather_items(feed->mesh, PWF_WORLD, counts, sizeof *counts);
    for (int r = 0; r < ranks; r++)
        offset[r + 1] = offset[r] + counts[r] * (int64_t)sizeof *found;
    const int64_t all = offset[ranks] / (int64_t)sizeof *found;
    if (all == 0) return pwf_ok();
    PWF_TRY(pwf_mesh_agree(feed->mesh, pwf_mem_alloc(PWF_MEM_DATA, all, sizeof *found, &found)));
    memcpy((char *)found + offset[rank], mine + *known, (size_t)counts[rank] * sizeof *found);
    pwf_mesh_gather(feed->mesh, PWF_WORLD, found, offset);
    const pwf_status status = note(feed, data, found, all, step);
    pwf_mem_free(found);
    *known = pwf_dataset_skipped(data, &mine);
    return pwf_mesh_agree(feed->mesh, status);
}
