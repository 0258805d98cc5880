/* SPDX-License-Identifier: BSD-3-Clause */
/* Random changes of training images, as torchvision and timm define them. Called by transform.c,
 * and for random erasing by data/dataset.c, from any thread; every draw is a function of (seed,
 * pass, index), and the pixels are the same bits everywhere. */
#include "augment.h"

#include "affine.h"
#include "colour.h"
#include "draws.h"

#include <math.h>
#include <string.h>

/* Tries of a random crop and of random erasing, as in torchvision and timm. */
enum { TRIES = 10 };

static int64_t rounded(double x) /* x >= 0 */
{
    return (int64_t)(x + 0.5);
}

/* ---- crop ------------------------------------------------------------------------------------ */

pwf_image_window pwf_crop_draw(const pwf_augment_config *config, pwf_image_key key, int64_t width,
                               int64_t height)
{
    const double area = (double)width * (double)height;
    const double *scale = config->crop_scale.at, *ratios = config->crop_ratio.at;
    pwf_draws draws = pwf_draws_of_image(key, PWF_RNG_CROP);
    pwf_image_window box = {0, 0, width, height};
    for (int i = 0; i < TRIES; i++) {
        const double target = area * pwf_draw_between(&draws, scale[0], scale[1]);
        const double ratio = pwf_draw_log_uniform(&draws, ratios[0], ratios[1]);
        const double down = pwf_draw_uniform(&draws), right = pwf_draw_uniform(&draws);
        box.columns = rounded(sqrt(target * ratio));
        box.rows = rounded(sqrt(target / ratio));
        if (box.columns < 1 || box.columns > width || box.rows < 1 || box.rows > height) continue;
        box.top = (int64_t)(down * (double)(height - box.rows + 1));
        box.left = (int64_t)(right * (double)(width - box.columns + 1));
        return box;
    }
    /* No try succeeded: take the largest central part with an allowed ratio. */
    const double now = (double)width / (double)height;
    box.columns = now > ratios[1] ? rounded((double)height * ratios[1]) : width;
    box.rows = now < ratios[0] ? rounded((double)width / ratios[0]) : height;
    box.columns = box.columns < 1 ? 1 : box.columns > width ? width : box.columns;
    box.rows = box.rows < 1 ? 1 : box.rows > height ? height : box.rows;
    box.left = (width - box.columns) / 2;
    box.top = (height - box.rows) / 2;
    return box;
}

/* ---- colour jitter --------------------------------------------------------------------------- */

/* A factor from max(0, 1 - spread) to 1 + spread. */
static float factor_of(double uniform, double spread)
{
    const double low = spread < 1.0 ? 1.0 - spread : 0.0;
    return (float)(low + (1.0 + spread - low) * uniform);
}

/* The numbers of all four changes are drawn even if some are off, so that switching one on does
 * not change the others. */
void pwf_jitter(const pwf_augment_config *config, pwf_image_key key, uint8_t *rgb, int64_t pixels)
{
    pwf_draws draws = pwf_draws_of_image(key, PWF_RNG_JITTER);
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        const int64_t j = pwf_draw_below(&draws, i + 1);
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    double uniform[4];
    for (int i = 0; i < 4; i++)
        uniform[i] = pwf_draw_uniform(&draws);
    for (int i = 0; i < 4; i++) {
        if (order[i] == 0 && config->brightness > 0.0)
            pwf_colour_brightness(rgb, pixels, factor_of(uniform[0], config->brightness));
        else if (order[i] == 1 && config->contrast > 0.0)
            pwf_colour_contrast(rgb, pixels, factor_of(uniform[1], config->contrast));
        else if (order[i] == 2 && config->saturation > 0.0)
            pwf_colour_saturation(rgb, pixels, factor_of(uniform[2], config->saturation));
        else if (order[i] == 3 && config->hue > 0.0)
            pwf_colour_hue(rgb, pixels, config->hue * (2.0 * uniform[3] - 1.0));
    }
}

/* ---- RandAugment ----------------------------------------------------------------------------- */

/* timm: a factor around 1; without `increasing`, from 0.1 to 1.9. */
static double enhancement(double share, bool negative, bool increasing)
{
    if (!increasing) return share * 1.8 + 0.1;
    const double factor = 1.0 + (negative ? -share * 0.9 : share * 0.9);
    return factor > 0.1 ? factor : 0.1;
}

/* What the magnitude of an operation means. */
typedef enum rule {
    UNUSED,
    SIGNED, /* up to `most` in either direction */
    LEVEL,  /* a whole number up to `most`; if `increasing`, from `most` down */
    WHOLE,  /* a whole number up to `most` */
    FACTOR  /* see enhancement() */
} rule;

static const struct {
    rule rule;
    double most;
    /* One of these; NULL for sharpness and the geometric operations. */
    void (*plain)(uint8_t *rgb, int64_t pixels);
    void (*level)(uint8_t *rgb, int64_t pixels, int level);
    void (*factor)(uint8_t *rgb, int64_t pixels, float factor);
} operations[PWF_OP_COUNT] = {
    [PWF_OP_AUTOCONTRAST] = {.plain = pwf_colour_autocontrast},
    [PWF_OP_EQUALIZE] = {.plain = pwf_colour_equalize},
    [PWF_OP_INVERT] = {.level = pwf_colour_solarize}, /* threshold 0: every value */
    [PWF_OP_ROTATE] = {.rule = SIGNED, .most = 30.0}, /* degrees */
    [PWF_OP_POSTERIZE] = {.rule = LEVEL, .most = 4.0, .level = pwf_colour_posterize},
    [PWF_OP_SOLARIZE] = {.rule = LEVEL, .most = 256.0, .level = pwf_colour_solarize},
    [PWF_OP_SOLARIZE_ADD] = {.rule = WHOLE, .most = 110.0, .level = pwf_colour_solarize_add},
    [PWF_OP_COLOR] = {.rule = FACTOR, .factor = pwf_colour_saturation},
    [PWF_OP_CONTRAST] = {.rule = FACTOR, .factor = pwf_colour_contrast},
    [PWF_OP_BRIGHTNESS] = {.rule = FACTOR, .factor = pwf_colour_brightness},
    [PWF_OP_SHARPNESS] = {.rule = FACTOR},
    [PWF_OP_SHEAR_X] = {.rule = SIGNED, .most = 0.3},
    [PWF_OP_SHEAR_Y] = {.rule = SIGNED, .most = 0.3},
    [PWF_OP_TRANSLATE_X] = {.rule = SIGNED, .most = 0.45}, /* share of the side */
    [PWF_OP_TRANSLATE_Y] = {.rule = SIGNED, .most = 0.45},
};

double pwf_operation_argument(pwf_operation operation, double magnitude, bool negative,
                              bool increasing)
{
    const double share = magnitude / 10.0, most = operations[operation].most;
    switch (operations[operation].rule) {
    case SIGNED:
        return (negative ? -1.0 : 1.0) * share * most;
    case LEVEL:
        return increasing ? most - (int)(share * most) : (int)(share * most);
    case WHOLE:
        return (int)(share * most);
    case FACTOR:
        return enhancement(share, negative, increasing);
    default:
        return 0.0;
    }
}

/* The geometric operations as maps from output to input pixels. */
static pwf_affine map_of(pwf_operation operation, double argument, int64_t width, int64_t height)
{
    pwf_affine map = {{1.0, 0.0, 0.0, 0.0, 1.0, 0.0}};
    if (operation == PWF_OP_ROTATE)
        map = pwf_affine_rotation(argument, width, height);
    else if (operation == PWF_OP_SHEAR_X)
        map.at[1] = argument;
    else if (operation == PWF_OP_SHEAR_Y)
        map.at[3] = argument;
    else if (operation == PWF_OP_TRANSLATE_X)
        map.at[2] = argument * (double)width;
    else
        map.at[5] = argument * (double)height;
    return map;
}

void pwf_operation_apply(pwf_operation operation, double argument, const pwf_image_transform *t,
                         uint8_t *rgb, int64_t width, int64_t height, uint8_t *scratch)
{
    const int64_t pixels = width * height;
    if (operations[operation].plain) {
        operations[operation].plain(rgb, pixels);
    } else if (operations[operation].level) {
        operations[operation].level(rgb, pixels, (int)argument);
    } else if (operations[operation].factor) {
        operations[operation].factor(rgb, pixels, (float)argument);
    } else if (operation == PWF_OP_SHARPNESS) {
        pwf_colour_sharpness(rgb, width, height, (float)argument, scratch);
    } else {
        const pwf_affine map = map_of(operation, argument, width, height);
        /* Not in place: each output pixel reads several input pixels. */
        pwf_affine_apply(scratch, rgb, width, height, &map, t->config.interpolation == PWF_BICUBIC,
                         t->fill);
        memcpy(rgb, scratch, (size_t)(3 * pixels));
    }
}

void pwf_randaugment(const pwf_image_transform *t, pwf_image_key key, uint8_t *rgb, int64_t width,
                     int64_t height, uint8_t *scratch)
{
    const pwf_augment_config *c = &t->config;
    for (int64_t layer = 0; layer < c->rand_layers; layer++) {
        pwf_draws d = pwf_draws_of_image(key, PWF_RNG_RANDAUGMENT);
        d.stream.sample = (uint32_t)layer;
        const pwf_operation operation = (pwf_operation)pwf_draw_below(&d, PWF_OP_COUNT);
        const bool skipped = pwf_draw_uniform(&d) >= c->rand_prob;
        const bool negative = pwf_draw_word(&d) >> 31 != 0;
        double magnitude = c->rand_magnitude + c->rand_std * (double)pwf_draw_normal(&d);
        if (skipped) continue;
        magnitude = magnitude < 0.0 ? 0.0 : magnitude > 10.0 ? 10.0 : magnitude;
        const double argument =
            pwf_operation_argument(operation, magnitude, negative, c->rand_increasing);
        pwf_operation_apply(operation, argument, t, rgb, width, height, scratch);
    }
}

/* ---- random erasing -------------------------------------------------------------------------- */

/* Fills a box with normal noise from a separate sample of the stream. */
static void put_noise(const pwf_draws *d, pwf_image_window box, float *image, int64_t width,
                      int64_t channels)
{
    pwf_stream stream = d->stream;
    stream.sample = 1; /* sample 0 draws the position */
    const int64_t line = box.columns * channels;
    for (int64_t y = 0; y < box.rows; y++)
        pwf_rng_normals(image + ((box.top + y) * width + box.left) * channels, stream, y * line,
                        line);
}

void pwf_image_erase(const pwf_image_transform *t, pwf_image_key key, float *image, int64_t width,
                     int64_t height, int64_t channels)
{
    if (t->config.erase <= 0.0) return;
    pwf_draws draws = pwf_draws_of_image(key, PWF_RNG_ERASE);
    if (pwf_draw_uniform(&draws) >= t->config.erase) return;
    for (int i = 0; i < TRIES; i++) {
        const double area = (double)(width * height) * pwf_draw_between(&draws, 0.02, 1.0 / 3.0);
        const double ratio = pwf_draw_log_uniform(&draws, 0.3, 1.0 / 0.3);
        pwf_image_window box = {.rows = rounded(sqrt(area * ratio)),
                                .columns = rounded(sqrt(area / ratio))};
        if (box.columns >= width || box.rows >= height) continue;
        box.top = pwf_draw_below(&draws, height - box.rows + 1);
        box.left = pwf_draw_below(&draws, width - box.columns + 1);
        put_noise(&draws, box, image, width, channels);
        return;
    }
}
