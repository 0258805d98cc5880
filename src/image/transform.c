/* SPDX-License-Identifier: BSD-3-Clause */
/* Applies the group augment of the configuration to one image: crop, RandAugment, colour jitter.
 * Called by data/dataset.c from any thread. Every draw is a function of (seed, pass, index), so a
 * resumed run sees the same images; no files and no state. */
#include "augment.h"
#include "pwf/core/mem.h"

#include <string.h>

pwf_image_transform pwf_image_transform_of(const pwf_augment_config *config,
                                           const pwf_real_list *mean)
{
    pwf_image_transform t = {.config = *config};
    for (int c = 0; c < 3; c++) {
        const double grey = 255.0 * mean->at[mean->count == 3 ? c : 0];
        t.fill[c] = (uint8_t)(grey <= 0.0 ? 0.0 : grey >= 255.0 ? 255.0 : grey + 0.5);
    }
    return t;
}

pwf_status pwf_image_crop(const pwf_image_transform *t, pwf_image_key key, const pwf_image *image,
                          int64_t width, int64_t height, uint8_t *out)
{
    pwf_image part = {0};
    const pwf_image_window whole = {0, 0, width, height};
    const pwf_image_window box = pwf_crop_draw(&t->config, key, image->width, image->height);
    pwf_status s = pwf_image_new("a part of an image", box.columns, box.rows, &part);
    if (s.code == PWF_OK) {
        for (int64_t y = 0; y < box.rows; y++)
            memcpy(part.pixels + 3 * y * box.columns,
                   image->pixels + 3 * ((box.top + y) * image->width + box.left),
                   (size_t)(3 * box.columns));
        s = pwf_image_resize(&part, width, height, t->config.interpolation, whole, out);
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

/* Keeps the first channels of each pixel; a grey image has three equal ones. */
static void narrow(uint8_t *pixels, const uint8_t *rgb, int64_t count, int64_t channels)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(pixels + i * channels, rgb + 3 * i, (size_t)channels);
}

/* Works on a copy with three channels: decoded images have three, and the resize expects them. */
pwf_status pwf_image_crop_pixels(const pwf_image_transform *t, pwf_image_key key, uint8_t *pixels,
                                 int64_t width, int64_t height, int64_t channels)
{
    pwf_image picture = {0};
    uint8_t *out = NULL;
    PWF_ASSERT(channels == 1 || channels == 3);
    pwf_status s = pwf_image_new("an image", width, height, &picture);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, 3 * width * height, 1, &out);
    if (s.code == PWF_OK) {
        widen(picture.pixels, pixels, width * height, channels);
        s = pwf_image_crop(t, key, &picture, width, height, out);
    }
    if (s.code == PWF_OK) narrow(pixels, out, width * height, channels);
    pwf_image_free(&picture);
    pwf_mem_free(out);
    return s;
}

pwf_status pwf_image_vary_colours(const pwf_image_transform *t, pwf_image_key key, uint8_t *pixels,
                                  int64_t width, int64_t height, int64_t channels)
{
    /* Both changes work in place on `rgb`; its second half is scratch memory. */
    const pwf_augment_config *c = &t->config;
    uint8_t *rgb = NULL;
    const int64_t count = width * height;
    if (c->rand_layers <= 0 && c->brightness <= 0.0 && c->contrast <= 0.0 && c->saturation <= 0.0 &&
        c->hue <= 0.0)
        return pwf_ok();
    PWF_ASSERT(channels == 1 || channels == 3);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 6 * count, 1, &rgb));
    widen(rgb, pixels, count, channels);
    pwf_randaugment(t, key, rgb, width, height, rgb + 3 * count);
    pwf_jitter(c, key, rgb, count);
    narrow(pixels, rgb, count, channels);
    pwf_mem_free(rgb);
    return pwf_ok();
}
