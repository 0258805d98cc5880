/* SPDX-License-Identifier: BSD-3-Clause */
/* Applies the group augment of the configuration to one image: crop, RandAugment, colour jitter,
 * erasing. Called by dataset.c from any thread. Every draw is a function of (seed, pass, index),
 * so a resumed run sees the same images; no files and no state. */
#include "transform.h"

#include "decode.h"
#include "pwf/core/mem.h"

#include <string.h>

/* RandAugment fills uncovered pixels with the mean colour, as timm does. */
pwf_transform pwf_transform_of(const pwf_dataset_request *request)
{
    const pwf_real_list *mean = &request->data->mean;
    pwf_transform t = {
        .crops = request->augment->crop,
        .crop = {.scale = {request->augment->crop_scale.at[0], request->augment->crop_scale.at[1]},
                 .ratio = {request->augment->crop_ratio.at[0], request->augment->crop_ratio.at[1]}},
        .jitter = {request->augment->brightness, request->augment->contrast,
                   request->augment->saturation, request->augment->hue},
        .rand = {.layers = request->augment->rand_layers,
                 .magnitude = request->augment->rand_magnitude,
                 .std = request->augment->rand_std,
                 .probability = request->augment->rand_prob,
                 .increasing = request->augment->rand_increasing,
                 .bicubic = request->augment->interpolation == PWF_BICUBIC},
        .erase = request->augment->erase,
    };
    t.filter = t.rand.bicubic ? PWF_BICUBIC : PWF_BILINEAR;
    t.colours = t.rand.layers > 0 || t.jitter.brightness > 0.0 || t.jitter.contrast > 0.0 ||
                t.jitter.saturation > 0.0 || t.jitter.hue > 0.0;
    t.erases = t.erase > 0.0;
    for (int c = 0; c < 3; c++) {
        const double grey = 255.0 * mean->at[mean->count == 3 ? c : 0];
        t.rand.fill[c] = (uint8_t)(grey <= 0.0 ? 0.0 : grey >= 255.0 ? 255.0 : grey + 0.5);
    }
    return t;
}

pwf_status pwf_transform_crop(const pwf_transform *t, pwf_draw_key key, const pwf_image *picture,
                              int64_t width, int64_t height, uint8_t *out)
{
    pwf_image part = {0};
    const pwf_window whole = {0, 0, width, height};
    pwf_draws draws = pwf_draws_of_image(key.seed, PWF_RNG_CROP, key.pass, key.index);
    const pwf_box box = pwf_crop_draw(&t->crop, &draws, picture->width, picture->height);
    pwf_status s = pwf_image_new("a part of an image", box.columns, box.rows, &part);
    if (s.code == PWF_OK) {
        for (int64_t y = 0; y < box.rows; y++)
            memcpy(part.pixels + 3 * y * box.columns,
                   picture->pixels + 3 * ((box.top + y) * picture->width + box.left),
                   (size_t)(3 * box.columns));
        s = pwf_image_resize(&part, width, height, t->filter, whole, out);
    }
    pwf_image_free(&part);
    return s;
}

/* A grey image becomes three equal channels, because all operations work on colours. */
static void widen(uint8_t *rgb, const uint8_t *pixels, int64_t count, int64_t channels)
{
    if (channels == 3) memcpy(rgb, pixels, (size_t)(3 * count));
    for (int64_t i = 0; channels == 1 && i < count; i++)
        memset(rgb + 3 * i, pixels[i], 3);
}

/* The first channels of each pixel; all three are equal for a grey image. */
static void narrow(uint8_t *pixels, const uint8_t *rgb, int64_t count, int64_t channels)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(pixels + i * channels, rgb + 3 * i, (size_t)channels);
}

pwf_status pwf_transform_crop_pixels(const pwf_transform *t, pwf_draw_key key, uint8_t *pixels,
                                     int64_t width, int64_t height, int64_t channels)
{
    pwf_image picture = {0};
    uint8_t *out = NULL;
    PWF_ASSERT(channels == 1 || channels == 3);
    pwf_status s = pwf_image_new("an image", width, height, &picture);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, 3 * width * height, 1, &out);
    if (s.code == PWF_OK) {
        widen(picture.pixels, pixels, width * height, channels);
        s = pwf_transform_crop(t, key, &picture, width, height, out);
    }
    if (s.code == PWF_OK) narrow(pixels, out, width * height, channels);
    pwf_image_free(&picture);
    pwf_mem_free(out);
    return s;
}

pwf_status pwf_transform_colours(const pwf_transform *t, pwf_draw_key key, uint8_t *pixels,
                                 int64_t width, int64_t height, int64_t channels)
{
    uint8_t *rgb = NULL;
    const int64_t count = width * height;
    PWF_ASSERT(channels == 1 || channels == 3);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 6 * count, 1, &rgb));
    const pwf_draws rand = pwf_draws_of_image(key.seed, PWF_RNG_RANDAUGMENT, key.pass, key.index);
    pwf_draws jitter = pwf_draws_of_image(key.seed, PWF_RNG_JITTER, key.pass, key.index);
    widen(rgb, pixels, count, channels);
    pwf_randaugment(&t->rand, &rand, rgb, width, height, rgb + 3 * count);
    pwf_jitter(&t->jitter, &jitter, rgb, count);
    narrow(pixels, rgb, count, channels);
    pwf_mem_free(rgb);
    return pwf_ok();
}

void pwf_transform_erase(const pwf_transform *t, pwf_draw_key key, float *image, int64_t width,
                         int64_t height, int64_t channels)
{
    pwf_draws draws = pwf_draws_of_image(key.seed, PWF_RNG_ERASE, key.pass, key.index);
    pwf_erase(t->erase, &draws, image, width, height, channels);
}
