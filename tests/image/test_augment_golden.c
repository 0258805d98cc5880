/* SPDX-License-Identifier: BSD-3-Clause */
/* Every operation against Pillow, and what is drawn against the formulas of torchvision and timm;
 * tests/golden/make_augment_golden.py describes the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "augment.h"
#include "colour.h"
#include "pwf/config/config.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 256, PIXELS_MAX = 32 * 32 };

static const char *const names[PWF_OP_COUNT] = {
    "AutoContrast", "Equalize",    "Invert", "Rotate",     "Posterize",
    "Solarize",     "SolarizeAdd", "Color",  "Contrast",   "Brightness",
    "Sharpness",    "ShearX",      "ShearY", "TranslateX", "TranslateY"};

typedef struct reader {
    FILE *file;
    char line[LINE];
    int64_t width, height;
    uint8_t picture[3 * PIXELS_MAX], wanted[3 * PIXELS_MAX], now[3 * PIXELS_MAX];
    uint8_t scratch[3 * PIXELS_MAX];
    int cases;
} reader;

static void open_golden(reader *r)
{
    char path[4096];
    const char *source = getenv("PWF_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/image/golden/augment.golden", source ? source : ".");
    memset(r, 0, sizeof *r);
    r->file = fopen(path, "rb");
    assert_non_null(r->file);
    assert_non_null(fgets(r->line, LINE, r->file));
    assert_string_equal(r->line, "pwf-augment 1\n");
}

static void read_pixels(reader *r, uint8_t *pixels)
{
    const size_t bytes = (size_t)(3 * r->width * r->height);
    assert_true(bytes <= sizeof r->picture);
    assert_int_equal(fread(pixels, 1, bytes, r->file), bytes);
    assert_int_equal(fgetc(r->file), '\n');
}

/* Reads up to the next line that begins with `word`, and its pixels; false at the end. */
static bool next(reader *r, const char *word)
{
    static const char *const with_pixels[] = {"op ", "jitter ", "rand ", "resized "};
    for (;;) {
        assert_non_null(fgets(r->line, LINE, r->file));
        if (strcmp(r->line, "end\n") == 0) break;
        if (sscanf(r->line, "picture %ld %ld", &r->width, &r->height) == 2)
            read_pixels(r, r->picture);
        for (int i = 0; i < 4; i++)
            if (strncmp(r->line, with_pixels[i], strlen(with_pixels[i])) == 0)
                read_pixels(r, r->wanted);
        if (strncmp(r->line, word, strlen(word)) != 0) continue;
        memcpy(r->now, r->picture, sizeof r->now);
        r->cases++;
        return true;
    }
    fclose(r->file);
    return false;
}

static void compare(const reader *r)
{
    for (int64_t i = 0; i < 3 * r->width * r->height; i++)
        if (r->now[i] != r->wanted[i])
            fail_msg("%.*s: pixel %ld, channel %ld is %d, Pillow's %d", (int)strcspn(r->line, "\n"),
                     r->line, (long)(i / 3), (long)(i % 3), r->now[i], r->wanted[i]);
}

static int operation_of(const char *name)
{
    for (int i = 0; i < PWF_OP_COUNT; i++)
        if (strcmp(names[i], name) == 0) return i;
    return PWF_OP_COUNT;
}

static pwf_image_transform transform_of(const char *interpolation)
{
    return (pwf_image_transform){.config = {.rand_magnitude = 9,
                                            .rand_std = 0.5,
                                            .rand_prob = 0.5,
                                            .interpolation = strcmp(interpolation, "bicubic") == 0
                                                                 ? PWF_BICUBIC
                                                                 : PWF_BILINEAR},
                                 .fill = {124, 116, 104}};
}

static void operations_are_pillows(void **state)
{
    (void)state;
    reader r;
    char name[32], interpolation[32];
    double argument = 0.0;
    open_golden(&r);
    while (next(&r, "op ")) {
        assert_int_equal(sscanf(r.line, "op %31s %lf %31s", name, &argument, interpolation), 3);
        const pwf_image_transform t = transform_of(interpolation);
        if (strcmp(name, "Hue") == 0)
            pwf_colour_hue(r.now, r.width * r.height, argument);
        else
            pwf_operation_apply((pwf_operation)operation_of(name), argument, &t, r.now, r.width,
                                r.height, r.scratch);
        compare(&r);
    }
    assert_true(r.cases > 150);
}

static void levels_are_timms(void **state)
{
    (void)state;
    reader r;
    char name[32];
    double magnitude = 0.0, argument = 0.0;
    int negative = 0, increasing = 0;
    open_golden(&r);
    while (next(&r, "level ")) {
        assert_int_equal(sscanf(r.line, "level %31s %lf %d %d %lf", name, &magnitude, &negative,
                                &increasing, &argument),
                         5);
        const double mine = pwf_operation_argument((pwf_operation)operation_of(name), magnitude,
                                                   negative != 0, increasing != 0);
        if (fabs(mine - argument) > 1e-14) fail_msg("%s gives %.17g", r.line, mine);
    }
    assert_int_equal(r.cases, 15 * 4 * 2 * 2);
}

static void jitter_is_torchvisions(void **state)
{
    (void)state;
    reader r;
    pwf_augment_config c = {0};
    pwf_image_key key;
    open_golden(&r);
    while (next(&r, "jitter ")) {
        assert_int_equal(sscanf(r.line, "jitter %lf %lf %lf %lf %u %ld %ld", &c.brightness,
                                &c.contrast, &c.saturation, &c.hue, &key.seed, &key.pass,
                                &key.index),
                         7);
        pwf_jitter(&c, key, r.now, r.width * r.height);
        compare(&r);
    }
    assert_int_equal(r.cases, 12);
}

static void randaugment_is_timms(void **state)
{
    (void)state;
    reader r;
    char interpolation[32];
    int layers = 0, increasing = 0, changed = 0;
    pwf_image_key key;
    open_golden(&r);
    while (next(&r, "rand ")) {
        assert_int_equal(sscanf(r.line, "rand %d %d %31s %u %ld %ld", &layers, &increasing,
                                interpolation, &key.seed, &key.pass, &key.index),
                         6);
        pwf_image_transform t = transform_of(interpolation);
        t.config.rand_layers = layers;
        t.config.rand_increasing = increasing != 0;
        pwf_randaugment(&t, key, r.now, r.width, r.height, r.scratch);
        compare(&r);
        changed += memcmp(r.now, r.picture, (size_t)(3 * r.width * r.height)) != 0;
    }
    assert_int_equal(r.cases, 24);
    assert_true(changed > 12);
}

static void resized_crops_are_pillows(void **state)
{
    (void)state;
    reader r;
    char interpolation[32];
    pwf_image_key key;
    open_golden(&r);
    while (next(&r, "resized ")) {
        assert_int_equal(sscanf(r.line, "resized %31s %u %ld %ld", interpolation, &key.seed,
                                &key.pass, &key.index),
                         4);
        pwf_config config;
        pwf_config_defaults(&config);
        config.augment.crop = true;
        if (strcmp(interpolation, "bilinear") == 0) config.augment.interpolation = PWF_BILINEAR;
        const pwf_image_transform t = pwf_image_transform_of(&config.augment, &config.data.mean);
        assert_int_equal(pwf_image_crop_pixels(&t, key, r.now, r.width, r.height, 3).code, PWF_OK);
        compare(&r);
    }
    assert_int_equal(r.cases, 6);
}

static void crops_are_torchvisions(void **state)
{
    (void)state;
    reader r;
    pwf_augment_config c = {0};
    double *scale = c.crop_scale.at, *ratio = c.crop_ratio.at;
    pwf_image_key key;
    long width = 0, height = 0;
    pwf_image_window box;
    open_golden(&r);
    while (next(&r, "crop ")) {
        assert_int_equal(sscanf(r.line, "crop %ld %ld %lf %lf %lf %lf %u %ld %ld %ld %ld %ld %ld",
                                &width, &height, &scale[0], &scale[1], &ratio[0], &ratio[1],
                                &key.seed, &key.pass, &key.index, &box.left, &box.top, &box.columns,
                                &box.rows),
                         13);
        const pwf_image_window mine = pwf_crop_draw(&c, key, width, height);
        if (memcmp(&mine, &box, sizeof box) != 0)
            fail_msg("%s gives %ld %ld %ld %ld", r.line, (long)mine.left, (long)mine.top,
                     (long)mine.columns, (long)mine.rows);
    }
    assert_int_equal(r.cases, 28);
}

/* The erased pixels are the box of timm's formula in every channel, filled with normal noise. */
static void erasing_is_timms(void **state)
{
    (void)state;
    reader r;
    const pwf_image_transform t = {.config = {.erase = 0.7}};
    pwf_image_key key;
    long width = 0, height = 0;
    double sum = 0.0, squares = 0.0, count = 0.0;
    pwf_image_window box;
    open_golden(&r);
    while (next(&r, "erase ")) {
        assert_int_equal(sscanf(r.line, "erase %ld %ld %u %ld %ld %ld %ld %ld %ld", &width, &height,
                                &key.seed, &key.pass, &key.index, &box.left, &box.top, &box.columns,
                                &box.rows),
                         9);
        float *image = calloc((size_t)(width * height * 3), sizeof *image);
        pwf_image_erase(&t, key, image, width, height, 3);
        for (int64_t i = 0; i < width * height * 3; i++) {
            const int64_t y = i / 3 / width, x = i / 3 % width;
            const bool inside = y >= box.top && y < box.top + box.rows && x >= box.left &&
                                x < box.left + box.columns;
            /* noise is almost never exactly 0 */
            if (inside != (image[i] != 0.0f))
                fail_msg("%s: pixel %ld, %ld", r.line, (long)x, (long)y);
            sum += (double)image[i];
            squares += (double)(image[i] * image[i]);
            count += inside;
        }
        free(image);
    }
    assert_int_equal(r.cases, 28);
    assert_true(count > 1e5 && fabs(sum / count) < 0.02 && fabs(squares / count - 1.0) < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_pillows), cmocka_unit_test(levels_are_timms),
        cmocka_unit_test(jitter_is_torchvisions), cmocka_unit_test(randaugment_is_timms),
        cmocka_unit_test(crops_are_torchvisions), cmocka_unit_test(resized_crops_are_pillows),
        cmocka_unit_test(erasing_is_timms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
