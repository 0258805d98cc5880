/* SPDX-License-Identifier: BSD-3-Clause */
/* Mixup and CutMix of the image pairs of a slot. Called by the slot workers of train for each
 * slot, on any thread. A pure function of (seed, batch, slot), so the mixture is the same on every
 * mesh; no files and no state. */
#include "pwf/image/mix.h"

#include "draws.h"

#include <math.h>

/* Draws a box of area 1 - share around a random centre, clipped at the borders; mix->share becomes
 * the share of the area outside it. */
static void draw_box(pwf_image_mix *mix, pwf_draws *d, double share, int64_t width, int64_t height)
{
    const double side = sqrt(1.0 - share);
    const int64_t half_height = (int64_t)((double)height * side) / 2;
    const int64_t half_width = (int64_t)((double)width * side) / 2;
    const int64_t y = pwf_draw_below(d, height), x = pwf_draw_below(d, width);
    const int64_t bottom = y + half_height < height ? y + half_height : height;
    const int64_t right = x + half_width < width ? x + half_width : width;
    mix->top = y > half_height ? y - half_height : 0;
    mix->left = x > half_width ? x - half_width : 0;
    mix->rows = bottom - mix->top;
    mix->columns = right - mix->left;
    mix->share =
        (float)(1.0 - (double)(mix->rows * mix->columns) / ((double)width * (double)height));
}

pwf_image_mix pwf_image_draw_mix(const pwf_augment_config *config, uint32_t seed, int64_t batch,
                                 int64_t slot, int64_t width, int64_t height)
{
    const double mixup = config->mixup, cutmix = config->cutmix;
    pwf_image_mix mix = {.share = 1.0f};
    if (mixup <= 0.0 && cutmix <= 0.0) return mix;
    pwf_draws d = {.stream = {seed, PWF_RNG_MIX, (uint64_t)batch, (uint32_t)slot}};
    const bool mixed = pwf_draw_uniform(&d) < config->mix_prob;
    const bool cut = pwf_draw_uniform(&d) < config->mix_switch;
    if (!mixed) return mix;
    mix.cut = cutmix > 0.0 && (mixup <= 0.0 || cut);
    const double share = pwf_draw_beta(&d, mix.cut ? cutmix : mixup);
    if (mix.cut)
        draw_box(&mix, &d, share, width, height);
    else
        mix.share = (float)share;
    return mix;
}

/* CutMix exchanges the box of both images of a pair. */
static void swap(float *a, float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float swapped = a[i];
        a[i] = b[i];
        b[i] = swapped;
    }
}

/* Mixup of both images of a pair, with the shares exchanged. */
static void blend(float *a, float *b, int64_t count, float share)
{
    const float rest = 1.0f - share;
    for (int64_t i = 0; i < count; i++) {
        const float x = a[i], y = b[i];
        a[i] = share * x + rest * y;
        b[i] = share * y + rest * x;
    }
}

void pwf_image_apply_mix(const pwf_image_mix *mix, float *images, int64_t count, int64_t width,
                         int64_t height, int64_t channels)
{
    const int64_t line = width * channels, image = height * line;
    if (mix->share == 1.0f) return;
    for (int64_t i = 0; i < count / 2; i++) {
        float *a = images + i * image, *b = images + (count - 1 - i) * image;
        if (!mix->cut) {
            blend(a, b, image, mix->share);
            continue;
        }
        for (int64_t y = mix->top; y < mix->top + mix->rows; y++) {
            const int64_t at = y * line + mix->left * channels;
            swap(a + at, b + at, mix->columns * channels);
        }
    }
}
