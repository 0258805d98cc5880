/* SPDX-License-Identifier: BSD-3-Clause */
/* A data set: opens its source, applies limits and the validation split, and loads single images
 * with crop, mirror, augmentation and normalisation. An image is a pure function of (seed, pass,
 * index). Opened by infer on every rank; images are loaded from any thread, and only the set of
 * skipped files changes, under a lock. */
#include "dataset_parts.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/rng.h"
#include "pwf/data/images.h"
#include "sources.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The damaged files found so far, which data.skip_bad limits. The set changes no image; it only
 * saves decoding a damaged file again. */
typedef struct skips {
    pthread_mutex_t lock;
    int64_t count, room;
    int64_t *index; /* [room], in the order they were found */
} skips;

struct pwf_dataset {
    int64_t count, height, width, channels;
    /* Either all images in memory (images.source is NULL), or a list of images, each of which is
     * read when it is loaded (memory.pixels is NULL). */
    pwf_pixels memory;
    pwf_images images;
    uint32_t *pick; /* [count]: indices in the source; NULL: all of its images */
    float *value;   /* [channels, 256]: value of each byte after normalisation */
    bool train;     /* augmented */
    pwf_data_config config;
    pwf_image_transform transform; /* all zero for test images */
    skips *skipped;
    pwf_hash hash;
};

/* ---- opening --------------------------------------------------------------------------------- */

/* With a table of all 256 byte values, normalisation gives the same bits everywhere. */
static pwf_status make_values(pwf_dataset *d)
{
    const pwf_real_list *mean = &d->config.mean, *std = &d->config.std;
    PWF_FAIL_IF((mean->count != 1 && mean->count != d->channels) ||
                    (std->count != 1 && std->count != d->channels),
                PWF_CONFIG,
                "data.mean has %d values and data.std %d; give one value, or one for each of "
                "the %lld channels",
                mean->count, std->count, (long long)d->channels);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->channels * 256, sizeof *d->value, &d->value));
    for (int64_t c = 0; c < d->channels; c++) {
        const double m = mean->at[mean->count == 1 ? 0 : c], s = std->at[std->count == 1 ? 0 : c];
        PWF_FAIL_IF(!(s > 0), PWF_CONFIG, "data.std must be above 0, not %g", s);
        for (int v = 0; v < 256; v++)
            d->value[256 * c + v] = (float)((v / 255.0 - m) / s);
    }
    return pwf_ok();
}

/* Hash of the shape, pixels and labels of images held in memory: the same bytes in a different
 * shape are different images. */
static pwf_hash hash_pixels(const pwf_dataset *d)
{
    const int64_t shape[4] = {d->count, d->height, d->width, d->channels};
    pwf_hasher h;
    pwf_hasher_begin(&h);
    pwf_hasher_add(&h, shape, sizeof shape);
    pwf_hasher_add(&h, d->memory.pixels, (size_t)(d->count * d->height * d->width * d->channels));
    pwf_hasher_add(&h, d->memory.labels, (size_t)d->count);
    return pwf_hasher_digest(&h);
}

/* Opens a source held in memory, which has checked the shape. */
static pwf_status open_memory(pwf_dataset *d, const pwf_dataset_request *request, bool train,
                              int64_t limit)
{
    PWF_ASSERT(d->config.pad >= 0 && d->config.pad <= PWF_IMAGE_SIDE_MAX);
    PWF_TRY(pwf_source_get(d->config.format)->load(request, train, limit, &d->memory));
    d->count = d->memory.count;
    d->height = d->memory.height;
    d->width = d->memory.width;
    d->channels = d->memory.channels;
    d->hash = hash_pixels(d);
    return pwf_ok();
}

/* Opens a source that lists files. They are sorted by class, so a limit keeps files at even
 * intervals. */
static pwf_status open_images(pwf_dataset *d, const pwf_dataset_request *request, bool train,
                              int64_t limit)
{
    PWF_TRY(pwf_images_open(*request, train, &d->images));
    /* The hash is that of the whole list; hash_pick adds the selection. */
    const int64_t files = d->images.count;
    d->hash = d->images.hash;
    PWF_FAIL_IF(files > UINT32_MAX, PWF_DATA, "the data set has more than 2^32 - 1 images");
    d->count = limit > 0 && limit < files ? limit : files;
    d->height = d->width = request->side;
    d->channels = 3;
    const bool resizes =
        d->train ? !d->transform.config.crop : d->config.eval_transform == PWF_EVAL_PAPER;
    PWF_FAIL_IF(resizes && d->config.resize < d->width, PWF_CONFIG,
                "data.resize (%lld) must be at least model.image_size (%lld), which is cropped "
                "from it",
                (long long)d->config.resize, (long long)d->width);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *d->skipped, &d->skipped));
    pthread_mutex_init(&d->skipped->lock, NULL);
    d->skipped->room = d->config.skip_bad;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->skipped->room, sizeof(int64_t), &d->skipped->index));
    if (d->count == files) return pwf_ok();
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, d->count, sizeof *d->pick, &d->pick));
    for (int64_t i = 0; i < d->count; i++)
        d->pick[i] = (uint32_t)((double)i * (double)files / (double)d->count);
    return pwf_ok();
}

/* Keeps the images that the seed draws for validation, or all others, in order. */
static pwf_status split_off(pwf_dataset *d, const pwf_dataset_request *request, bool validation)
{
    static const int64_t DRAW = (int64_t)1 << 40; /* a pass number that training never reaches */
    const int64_t all = d->count;
    const int64_t held = (int64_t)(d->config.validation * (double)all + 0.5);
    PWF_FAIL_IF(held < 1 || held >= all, PWF_CONFIG,
                "data.validation leaves %lld of %lld images for training; both parts need "
                "at least one",
                (long long)(all - held), (long long)all);
    pwf_order *order = NULL;
    /* Marks the held-out images, so that both splits keep the order of the source. */
    uint8_t *is_held = NULL;
    uint32_t *pick = NULL;
    pwf_status s = pwf_order_new(all, all, request->seed, &order);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, all, 1, &is_held);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, all, sizeof *pick, &pick);
    if (s.code == PWF_OK) {
        pwf_order_seek(order, DRAW);
        for (int64_t i = 0; i < held; i++)
            is_held[pwf_order_image(order, i)] = 1;
        d->count = 0;
        for (int64_t i = 0; i < all; i++)
            if ((is_held[i] != 0) == validation)
                pick[d->count++] = d->pick ? d->pick[i] : (uint32_t)i;
        pwf_mem_free(d->pick);
        d->pick = pick;
    }
    pwf_order_free(order);
    pwf_mem_free(is_held);
    return s;
}

/* The selection is part of the identity of the data set. */
static void hash_pick(pwf_dataset *d)
{
    pwf_hasher h;
    if (!d->pick) return;
    pwf_hasher_begin(&h);
    pwf_hasher_add(&h, &d->hash, sizeof d->hash);
    pwf_hasher_add(&h, d->pick, (size_t)d->count * sizeof *d->pick);
    d->hash = pwf_hasher_digest(&h);
}

/* With data.validation, both splits come from the training images. */
static pwf_status fill(pwf_dataset *d, const pwf_dataset_request *request, pwf_data_split split)
{
    /* The held-out images are test images, and therefore not augmented. */
    const bool held_out = d->config.validation > 0.0;
    const bool train = split == PWF_TRAIN || held_out;
    const int64_t limit = train ? d->config.train_limit : d->config.test_limit;
    d->train = split == PWF_TRAIN;
    if (d->train) d->transform = pwf_image_transform_of(request->augment, &d->config.mean);
    if (pwf_data_is_held(d->config.format))
        PWF_TRY(open_memory(d, request, train, limit));
    else
        PWF_TRY(open_images(d, request, train, limit));
    PWF_TRY(make_values(d));
    if (held_out) {
        PWF_TRY(split_off(d, request, split == PWF_TEST));
        const int64_t most = d->config.test_limit;
        if (split == PWF_TEST && most > 0 && most < d->count) d->count = most;
    }
    hash_pick(d);
    return pwf_ok();
}

pwf_status pwf_dataset_open(pwf_dataset_request request, pwf_data_split split, pwf_dataset **out)
{
    pwf_dataset *d = NULL;
    *out = NULL;
    PWF_FAIL_IF(!request.folder && !request.data->path[0], PWF_CONFIG,
                "data.path is not set; set it, or the variable PWF_DATA_PATH, to the "
                "directory of the images");
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *d, &d));
    d->config = *request.data;
    if (request.folder) { /* no limits or validation split; a damaged file is a failure */
        d->config.format = PWF_DATA_imagefolder;
        d->config.validation = 0.0;
        d->config.test_limit = d->config.skip_bad = 0;
    }
    request.data = &d->config;
    const pwf_status s = fill(d, &request, split);
    if (s.code == PWF_OK)
        *out = d;
    else
        pwf_dataset_free(d);
    return s;
}

/* Also frees a data set whose opening failed. */
void pwf_dataset_free(pwf_dataset *dataset)
{
    if (!dataset) return;
    if (dataset->skipped) {
        pthread_mutex_destroy(&dataset->skipped->lock);
        pwf_mem_free(dataset->skipped->index);
        pwf_mem_free(dataset->skipped);
    }
    pwf_images_close(&dataset->images);
    pwf_mem_free(dataset->memory.pixels);
    pwf_mem_free(dataset->memory.labels);
    pwf_mem_free(dataset->pick);
    pwf_mem_free(dataset->value);
    pwf_mem_free(dataset);
}

int64_t pwf_dataset_count(const pwf_dataset *dataset)
{
    return dataset->count;
}

pwf_hash pwf_dataset_hash(const pwf_dataset *dataset)
{
    return dataset->hash;
}

bool pwf_dataset_is_decoded(const pwf_dataset *dataset)
{
    return dataset->images.source != NULL;
}

int64_t pwf_dataset_image_bytes(const pwf_dataset *dataset)
{
    return dataset->height * dataset->width * dataset->channels;
}

/* ---- augmentation ---------------------------------------------------------------------------- */

/* Draws the words of a training image: two decide its position, one its mirroring. */
static void draw(pwf_image_key key, uint32_t words[4])
{
    const pwf_stream stream = {key.seed, PWF_RNG_AUGMENT, (uint64_t)key.pass, 0};
    pwf_rng_words(stream, (uint64_t)key.index, words);
}

/* Maps a random word to one of `places` positions. */
static int64_t place_of(uint32_t word, int64_t places)
{
    return (int64_t)((word * (uint64_t)places) >> 32);
}

/* Maps an index of the data set to one of the source. */
static int64_t at(const pwf_dataset *d, int64_t index)
{
    return d->pick ? d->pick[index] : index;
}

/* Random shift by data.pad and mirroring, then the random crop of augment.crop, which requires
 * data.pad 0. */
static pwf_status load_memory(const pwf_dataset *d, pwf_image_key key, uint8_t *out)
{
    uint32_t words[4] = {0};
    int64_t top = 0, left = 0;
    const int64_t H = d->height, W = d->width, C = d->channels;
    const int64_t pad = d->config.pad;
    const bool augmented = d->train && (pad > 0 || d->config.flip);
    if (augmented) {
        draw(key, words);
        top = place_of(words[0], 2 * pad + 1) - pad;
        left = place_of(words[1], 2 * pad + 1) - pad;
    }
    const bool mirrored = augmented && d->config.flip && (words[2] >> 31) != 0;
    const uint8_t *pixels = d->memory.pixels + at(d, key.index) * H * W * C;
    /* Pixels from outside the image are black, byte 0. */
    for (int64_t y = 0; y < H; y++) {
        const int64_t from_y = y + top;
        for (int64_t x = 0; x < W; x++) {
            const int64_t from_x = (mirrored ? W - 1 - x : x) + left;
            const bool inside = from_y >= 0 && from_y < H && from_x >= 0 && from_x < W;
            for (int64_t c = 0; c < C; c++)
                out[(y * W + x) * C + c] = inside ? pixels[(from_y * W + from_x) * C + c] : 0;
        }
    }
    return d->transform.config.crop ? pwf_image_crop_pixels(&d->transform, key, out, W, H, C)
                                    : pwf_ok();
}

/* Mirrors an image left to right, in place. */
static void mirror(uint8_t *pixels, int64_t width, int64_t height)
{
    for (int64_t y = 0; y < height; y++) {
        uint8_t *row = pixels + 3 * width * y;
        for (int64_t a = 0, b = width - 1; a < b; a++, b--)
            for (int c = 0; c < 3; c++) {
                const uint8_t swapped = row[3 * a + c];
                row[3 * a + c] = row[3 * b + c];
                row[3 * b + c] = swapped;
            }
    }
}

/* Half of a margin, rounded half to even as in torchvision's CenterCrop. */
static int64_t centre(int64_t margin)
{
    const int64_t half = margin / 2;
    return margin % 2 == 0 ? half : half + half % 2;
}

/* Decodes, resizes and crops; train images at a random position and mirrored at random. */
static pwf_status load_file(const pwf_dataset *d, pwf_image_key key, uint8_t *out)
{
    pwf_image image;
    uint32_t words[4] = {0};
    const int64_t side = d->width;
    PWF_TRY(pwf_images_read(&d->images, at(d, key.index), &image));
    int64_t width = d->config.resize, height = d->config.resize;
    pwf_image_filter filter = PWF_BILINEAR;
    if (!d->train && d->config.eval_transform == PWF_EVAL_TIMM) {
        const int64_t shorter = (int64_t)((double)side / d->config.crop_pct);
        const int64_t w = image.width, h = image.height;
        /* timm: the shorter side becomes side / crop_pct, the other one in proportion. */
        filter = PWF_BICUBIC;
        width = w <= h ? shorter : shorter * w / h;
        height = h <= w ? shorter : shorter * h / w;
    }
    pwf_image_window window = {centre(width - side), centre(height - side), side, side};
    if (d->train) {
        draw(key, words);
        window.top = place_of(words[0], height - side + 1);
        window.left = place_of(words[1], width - side + 1);
    }
    const pwf_status s = d->transform.config.crop
                             ? pwf_image_crop(&d->transform, key, &image, side, side, out)
                             : pwf_image_resize(&image, width, height, filter, window, out);
    pwf_image_free(&image);
    if (s.code == PWF_OK && d->train && d->config.flip && (words[2] >> 31) != 0)
        mirror(out, side, side);
    return s;
}

/* ---- loading and damaged files --------------------------------------------------------------- */

/* Whether a file is known to be damaged. The caller holds the lock. */
static bool holds(const skips *s, int64_t index)
{
    for (int64_t i = 0; i < s->count; i++)
        if (s->index[i] == index) return true;
    return false;
}

static bool is_skipped(const pwf_dataset *d, int64_t index)
{
    pthread_mutex_lock(&d->skipped->lock);
    const bool found = holds(d->skipped, index);
    pthread_mutex_unlock(&d->skipped->lock);
    return found;
}

/* Looks up and adds under one lock: two threads may find the same file damaged at the same time. */
static pwf_status skip(const pwf_dataset *d, int64_t index, bool *added)
{
    skips *s = d->skipped;
    pthread_mutex_lock(&s->lock);
    const bool known = holds(s, index), fits = s->count < s->room;
    *added = !known && fits;
    if (*added) s->index[s->count++] = index;
    pthread_mutex_unlock(&s->lock);
    if (known || fits) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s is damaged, as are %lld other files; data.skip_bad tolerates no more",
                    pwf_dataset_name(d, index), (long long)s->room);
}

/* Called when another rank found this file damaged: every rank skips the same files. */
pwf_status pwf_dataset_skip(const pwf_dataset *dataset, int64_t index)
{
    bool added;
    PWF_ASSERT(dataset->skipped && index >= 0 && index < dataset->count);
    return skip(dataset, index, &added);
}

int64_t pwf_dataset_skipped(const pwf_dataset *dataset, const int64_t **index)
{
    *index = dataset->skipped ? dataset->skipped->index : NULL;
    return dataset->skipped ? dataset->skipped->count : 0;
}

/* Images held in memory have no names. */
const char *pwf_dataset_name(const pwf_dataset *dataset, int64_t index)
{
    return pwf_dataset_is_decoded(dataset)
               ? pwf_images_get(&dataset->images, at(dataset, index)).name
               : "";
}

pwf_status pwf_dataset_bytes(const pwf_dataset *dataset, pwf_image_key key, uint8_t *out,
                             int32_t *label)
{
    PWF_ASSERT(key.index >= 0 && key.index < dataset->count && key.pass >= 0);
    if (pwf_dataset_is_decoded(dataset)) {
        *label = pwf_images_get(&dataset->images, at(dataset, key.index)).label;
        PWF_TRY(load_file(dataset, key, out));
    } else {
        *label = dataset->memory.labels[at(dataset, key.index)];
        PWF_TRY(load_memory(dataset, key, out));
    }
    return pwf_image_vary_colours(&dataset->transform, key, out, dataset->width, dataset->height,
                                  dataset->channels);
}

/* A damaged file is replaced by the next valid one, so that the image stays a pure function of the
 * index. */
static pwf_status load_or_skip(const pwf_dataset *d, pwf_image_key key, uint8_t *out,
                               int32_t *label)
{
    for (int64_t tried = 0; tried < d->count; tried++) {
        const int64_t now = (key.index + tried) % d->count;
        if (d->skipped && is_skipped(d, now)) continue;
        const pwf_status s =
            pwf_dataset_bytes(d, (pwf_image_key){key.seed, key.pass, now}, out, label);
        const bool bad = s.code == PWF_DATA || s.code == PWF_MISSING;
        if (!bad || !d->skipped || d->skipped->room == 0) return s;
        bool added = false;
        PWF_TRY(skip(d, now, &added));
        if (added) PWF_WARN("SKIPPED", "%s; the next valid file replaces it", s.text);
    }
    return PWF_FAIL(PWF_DATA, "all %lld image files are damaged", (long long)d->count);
}

void pwf_dataset_finish(const pwf_dataset *dataset, pwf_image_key key, const uint8_t *bytes,
                        float *image)
{
    const int64_t C = dataset->channels, pixels = dataset->height * dataset->width;
    const float *value = dataset->value;
    /* `value` is a table per channel. */
    for (int64_t i = 0; C == 3 && i < 3 * pixels; i += 3) { /* unrolled, which halves the time */
        image[i] = value[bytes[i]];
        image[i + 1] = value[256 + bytes[i + 1]];
        image[i + 2] = value[512 + bytes[i + 2]];
    }
    for (int64_t i = 0; C != 3 && i < pixels; i++)
        for (int64_t c = 0; c < C; c++)
            image[i * C + c] = value[256 * c + bytes[i * C + c]];
    pwf_image_erase(&dataset->transform, key, image, dataset->width, dataset->height, C);
}

pwf_status pwf_dataset_load(const pwf_dataset *dataset, uint32_t seed, int64_t pass, int64_t index,
                            float *image, int32_t *label)
{
    const pwf_image_key key = {seed, pass, index};
    uint8_t small[4096], *bytes = small;
    /* MNIST and CIFAR images fit on the stack, which saves an allocation per image. */
    if (pwf_dataset_image_bytes(dataset) > (int64_t)sizeof small)
        PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, pwf_dataset_image_bytes(dataset), 1, &bytes));
    const pwf_status s = load_or_skip(dataset, key, bytes, label);
    if (s.code == PWF_OK) pwf_dataset_finish(dataset, key, bytes, image);
    if (bytes != small) pwf_mem_free(bytes);
    return s;
}
