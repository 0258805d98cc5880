/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/data/dataset.h"

#include "idx.h"
#include "pwf/core/mem.h"
#include "pwf/core/rng.h"

#include <string.h>

struct pwf_dataset {
    int64_t count, height, width, channels;
    uint8_t *pixels; /* [count, height, width, channels] */
    uint8_t *labels;
    float *value; /* [channels, 256]: what a byte is after normalisation */
    bool flip;    /* both augmentations are off in the test part */
    int64_t pad;
    pwf_hash hash;
};

static pwf_status check_labels(const pwf_idx *file, const uint8_t *labels, int64_t count,
                               int64_t classes)
{
    for (int64_t i = 0; i < count; i++)
        if (labels[i] >= classes)
            return PWF_FAIL(PWF_DATA,
                            "%s: label %lld, at byte %lld, is class %d, but model.classes is %lld, "
                            "so classes run from 0 to %lld",
                            pwf_idx_path(file), (long long)i, (long long)(8 + i), labels[i],
                            (long long)classes, (long long)(classes - 1));
    return pwf_ok();
}

static pwf_status read_labels(pwf_dataset *d, pwf_idx *file, int64_t classes)
{
    uint8_t *all = NULL;
    const int64_t count = pwf_idx_dim(file, 0);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->count, 1, &d->labels));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, count, 1, &all));
    pwf_status s = pwf_idx_read(file, all, count);
    if (s.code == PWF_OK) s = pwf_idx_finish(file);
    if (s.code == PWF_OK) s = check_labels(file, all, count, classes);
    if (s.code == PWF_OK) memcpy(d->labels, all, (size_t)d->count);
    pwf_mem_free(all);
    return s;
}

/* The images past the limit are read and checked too, but not kept. */
static pwf_status read_images(pwf_dataset *d, pwf_idx *file)
{
    const int64_t bytes = d->height * d->width * d->channels;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->count, (size_t)bytes, &d->pixels));
    PWF_TRY(pwf_idx_read(file, d->pixels, d->count * bytes));
    return pwf_idx_finish(file);
}

static pwf_status check_shape(const pwf_config *config, const pwf_idx *images,
                              const pwf_idx *labels)
{
    const int64_t height = pwf_idx_dim(images, 1), width = pwf_idx_dim(images, 2);
    const int64_t side = config->model.image_size;
    if (height != side || width != side)
        return PWF_FAIL(PWF_DATA,
                        "%s: images are %lld x %lld pixels (bytes 8 to 15), but model.image_size "
                        "is %lld",
                        pwf_idx_path(images), (long long)height, (long long)width, (long long)side);
    if (config->model.channels != 1)
        return PWF_FAIL(PWF_DATA,
                        "%s: images of this format have one channel, but model.channels is %lld",
                        pwf_idx_path(images), (long long)config->model.channels);
    if (pwf_idx_dim(images, 0) != pwf_idx_dim(labels, 0))
        return PWF_FAIL(PWF_DATA, "%s has %lld images, but %s has %lld labels; they are not a pair",
                        pwf_idx_path(images), (long long)pwf_idx_dim(images, 0),
                        pwf_idx_path(labels), (long long)pwf_idx_dim(labels, 0));
    return pwf_ok();
}

/* A table of all 256 bytes makes normalisation the same bits everywhere. */
static pwf_status make_values(pwf_dataset *d, const pwf_config *config)
{
    const pwf_real_list *mean = &config->data.mean, *std = &config->data.std;
    if ((mean->count != 1 && mean->count != d->channels) ||
        (std->count != 1 && std->count != d->channels))
        return PWF_FAIL(PWF_CONFIG,
                        "data.mean has %d numbers and data.std %d; give one, or one for each of "
                        "the %lld channels",
                        mean->count, std->count, (long long)d->channels);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->channels * 256, sizeof *d->value, &d->value));
    for (int64_t c = 0; c < d->channels; c++) {
        const double m = mean->at[mean->count == 1 ? 0 : c], s = std->at[std->count == 1 ? 0 : c];
        if (!(s > 0)) return PWF_FAIL(PWF_CONFIG, "data.std must be above 0, not %g", s);
        for (int v = 0; v < 256; v++)
            d->value[256 * c + v] = (float)((v / 255.0 - m) / s);
    }
    return pwf_ok();
}

/* The shape goes in as well: the same bytes cut differently are other images. */
static pwf_status make_hash(pwf_dataset *d)
{
    pwf_hasher *h = pwf_hasher_new();
    if (!h) return PWF_FAIL(PWF_RESOURCE, "no memory to hash the data set");
    const int64_t shape[4] = {d->count, d->height, d->width, d->channels};
    pwf_hasher_add(h, shape, sizeof shape);
    pwf_hasher_add(h, d->pixels, (size_t)(d->count * d->height * d->width * d->channels));
    pwf_hasher_add(h, d->labels, (size_t)d->count);
    d->hash = pwf_hasher_digest(h);
    pwf_hasher_free(h);
    return pwf_ok();
}

static pwf_status fill(pwf_dataset *d, const pwf_config *config, pwf_split split, pwf_idx *images,
                       pwf_idx *labels)
{
    PWF_TRY(check_shape(config, images, labels));
    const int64_t limit = split == PWF_TRAIN ? config->data.train_limit : config->data.test_limit;
    d->count = pwf_idx_dim(images, 0);
    if (limit > 0 && limit < d->count) d->count = limit;
    d->height = pwf_idx_dim(images, 1);
    d->width = pwf_idx_dim(images, 2);
    d->channels = 1;
    if (split == PWF_TRAIN) {
        d->flip = config->data.flip;
        d->pad = config->data.pad;
    }
    PWF_TRY(make_values(d, config));
    PWF_TRY(read_labels(d, labels, config->model.classes));
    PWF_TRY(read_images(d, images));
    return make_hash(d);
}

pwf_status pwf_dataset_open(const pwf_config *config, pwf_split split, pwf_dataset **out)
{
    static const char *const stems[2][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                            {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}};
    *out = NULL;
    PWF_ASSERT(config->data.pad >= 0 && config->data.pad <= PWF_IDX_SIDE_MAX);
    pwf_idx *images = NULL, *labels = NULL;
    pwf_dataset *d = NULL;
    pwf_status s = pwf_idx_open(config->data.path, stems[split][0], 3, &images);
    if (s.code == PWF_OK) s = pwf_idx_open(config->data.path, stems[split][1], 1, &labels);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *d, &d);
    if (s.code == PWF_OK) s = fill(d, config, split, images, labels);
    pwf_idx_close(images);
    pwf_idx_close(labels);
    if (s.code != PWF_OK) {
        pwf_dataset_free(d);
        return s;
    }
    *out = d;
    return s;
}

void pwf_dataset_free(pwf_dataset *d)
{
    if (!d) return;
    pwf_mem_free(d->pixels);
    pwf_mem_free(d->labels);
    pwf_mem_free(d->value);
    pwf_mem_free(d);
}

int64_t pwf_dataset_count(const pwf_dataset *d)
{
    return d->count;
}

pwf_hash pwf_dataset_hash(const pwf_dataset *d)
{
    return d->hash;
}

/* What augmentation does to one image: where the crop begins, relative to the image. */
typedef struct placement {
    int64_t top, left;
    bool mirrored;
} placement;

static placement draw(const pwf_dataset *d, uint32_t seed, int64_t pass, int64_t index)
{
    placement p = {0, 0, false};
    if (d->pad == 0 && !d->flip) return p;
    const pwf_stream stream = {seed, PWF_RNG_AUGMENT, (uint64_t)pass, 0};
    uint32_t words[4];
    pwf_rng_words(stream, (uint64_t)index, words);
    const uint64_t places = (uint64_t)(2 * d->pad + 1);
    p.top = (int64_t)((words[0] * places) >> 32) - d->pad;
    p.left = (int64_t)((words[1] * places) >> 32) - d->pad;
    p.mirrored = d->flip && (words[2] >> 31) != 0;
    return p;
}

pwf_status pwf_dataset_load(const pwf_dataset *d, uint32_t seed, int64_t pass, int64_t index,
                            float *image, int32_t *label)
{
    PWF_ASSERT(index >= 0 && index < d->count && pass >= 0);
    const placement p = draw(d, seed, pass, index);
    const int64_t H = d->height, W = d->width, C = d->channels;
    const uint8_t *pixels = d->pixels + index * H * W * C;
    for (int64_t y = 0; y < H; y++) {
        const int64_t from_y = y + p.top;
        for (int64_t x = 0; x < W; x++) {
            const int64_t from_x = (p.mirrored ? W - 1 - x : x) + p.left;
            const bool inside = from_y >= 0 && from_y < H && from_x >= 0 && from_x < W;
            for (int64_t c = 0; c < C; c++) {
                const uint8_t byte = inside ? pixels[(from_y * W + from_x) * C + c] : 0;
                image[(y * W + x) * C + c] = d->value[256 * c + byte];
            }
        }
    }
    *label = d->labels[index];
    return pwf_ok();
}
