/* SPDX-License-Identifier: BSD-3-Clause */
/* Every setting of the group augment, on data sets of folders and in memory: it changes training
 * images only, does not shift the random numbers of other settings, and gives the same images
 * whether they are loaded directly or ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "folder_config.h"
#include "idx_files.h"
#include "pictures.h"
#include "pwf/core/mem.h"
#include "pwf/data/loader.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 28, KINDS = 3, EACH = 4, ALL = KINDS * EACH, VALUES = 3 * EDGE * EDGE, PASSES = 3 };

static const char *const settings[] = {"crop=true",      "brightness=0.4", "contrast=0.4",
                                       "saturation=0.4", "hue=0.2",        "rand_layers=3",
                                       "erase=0.9"};
enum { SETTINGS = sizeof settings / sizeof settings[0] };

static void set(pwf_config *config, const char *setting)
{
    char text[100];
    snprintf(text, sizeof text, "augment.%s", setting);
    assert_int_equal(pwf_config_set(config, text).code, PWF_OK);
}

static pwf_dataset *open_good(const pwf_config *config, pwf_data_split split)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    return d;
}

/* Loads all images of a few passes, backwards or forwards. */
static float *load_all(const pwf_config *config, pwf_data_split split, bool backwards)
{
    pwf_dataset *d = open_good(config, split);
    const int64_t count = pwf_dataset_count(d), all = PASSES * count;
    const int64_t side = config->model.image_size, values = side * side * config->model.channels;
    float *images = malloc((size_t)(all * values) * sizeof *images);
    for (int64_t i = 0; i < all; i++) {
        const int64_t now = backwards ? all - 1 - i : i;
        int32_t label = -1;
        assert_int_equal(
            pwf_dataset_load(d, 1, now / count, now % count, images + now * values, &label).code,
            PWF_OK);
        assert_true(label >= 0);
    }
    pwf_dataset_free(d);
    return images;
}

static int changed(const float *a, const float *b, int64_t images, int64_t values)
{
    int count = 0;
    for (int64_t i = 0; i < images; i++)
        count += memcmp(a + i * values, b + i * values, (size_t)values * sizeof *a) != 0;
    return count;
}

/* Each setting changes many training images, the same in any order of loading, and no test image.
 */
static void check_settings(const pwf_config *base, int64_t count, int64_t test_count)
{
    const int64_t values = base->model.image_size * base->model.image_size * base->model.channels;
    float *plain = load_all(base, PWF_TRAIN, false), *test = load_all(base, PWF_TEST, false);
    for (int i = 0; i < SETTINGS; i++) {
        pwf_config config = *base;
        set(&config, settings[i]);
        float *now = load_all(&config, PWF_TRAIN, false);
        float *again = load_all(&config, PWF_TRAIN, true);
        float *tested = load_all(&config, PWF_TEST, false);
        const bool colour = i == 3 || i == 4; /* these do not change grey images */
        const int images = changed(now, plain, PASSES * count, values);
        printf("%-16s %d of %d\n", settings[i], images, (int)(PASSES * count));
        if (colour && base->model.channels == 1)
            assert_int_equal(images, 0);
        else
            assert_true(images > PASSES * count / 2);
        assert_int_equal(changed(now, again, PASSES * count, values), 0);
        assert_int_equal(changed(tested, test, PASSES * test_count, values), 0);
        free(now);
        free(again);
        free(tested);
    }
    free(plain);
    free(test);
}

static void every_setting_works_on_folders(void **state)
{
    (void)state;
    pwf_config config;
    folder_config(&config, "tree", KINDS, EDGE);
    config.data.flip = true;
    check_settings(&config, ALL, KINDS);
    assert_int_equal(pwf_mem_live(), 0);
}

static void every_setting_works_in_memory(void **state)
{
    (void)state;
    pwf_config config, small;
    put_good_files("memory", false);
    small_config(&small, "memory");
    pwf_config_defaults(&config);
    config.data = small.data;
    config.model = small.model;
    config.data.flip = true;
    check_settings(&config, COUNT, COUNT);
    assert_int_equal(pwf_mem_live(), 0);
}

/* Adding random erasing changes images only inside the box, and the box is that of erasing alone:
 * the settings do not share random numbers. */
static void settings_do_not_share_random_numbers(void **state)
{
    (void)state;
    pwf_config base, crop, erase, both;
    folder_config(&base, "tree", KINDS, EDGE);
    crop = erase = base;
    for (int i = 0; i < SETTINGS - 1; i++)
        set(&crop, settings[i]);
    both = crop;
    set(&erase, settings[SETTINGS - 1]);
    set(&both, settings[SETTINGS - 1]);
    float *plain = load_all(&base, PWF_TRAIN, false), *cropped = load_all(&crop, PWF_TRAIN, false);
    float *erased = load_all(&erase, PWF_TRAIN, false), *all = load_all(&both, PWF_TRAIN, false);
    int64_t noise = 0;
    for (int64_t i = 0; i < PASSES * ALL * (int64_t)VALUES; i++) {
        const bool in_box = erased[i] != plain[i];
        noise += in_box;
        assert_true(all[i] == (in_box ? erased[i] : cropped[i]));
    }
    assert_true(noise > PASSES * ALL * (int64_t)VALUES / 50);
    free(plain);
    free(cropped);
    free(erased);
    free(all);
}

static void loading_ahead_gives_the_same(void **state)
{
    (void)state;
    enum { BATCH = 5 };
    pwf_config config;
    folder_config(&config, "tree", KINDS, EDGE);
    for (int i = 0; i < SETTINGS; i++)
        set(&config, settings[i]);
    pwf_dataset *d = open_good(&config, PWF_TRAIN);
    pwf_loader *loader = NULL;
    pwf_order *order = NULL;
    assert_int_equal(pwf_loader_new(d, BATCH, 0, BATCH, 9, 2, &loader).code, PWF_OK);
    assert_int_equal(pwf_order_new(pwf_dataset_count(d), BATCH, 9, &order).code, PWF_OK);
    for (int64_t batch = 0; batch < 6; batch++) {
        pwf_loader_seek(loader, batch);
        pwf_order_seek(order, batch);
        for (int64_t i = 0; i < BATCH; i++) {
            static float now[VALUES], ahead[VALUES];
            int32_t label[2];
            assert_int_equal(pwf_dataset_load(d, 9, pwf_order_pass(order),
                                              pwf_order_image(order, i), now, &label[0])
                                 .code,
                             PWF_OK);
            assert_int_equal(pwf_loader_take(loader, i, ahead, &label[1]).code, PWF_OK);
            assert_memory_equal(now, ahead, sizeof now);
            assert_int_equal(label[0], label[1]);
        }
    }
    pwf_loader_free(loader);
    pwf_order_free(order);
    pwf_dataset_free(d);
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_works_on_folders),
        cmocka_unit_test(every_setting_works_in_memory),
        cmocka_unit_test(settings_do_not_share_random_numbers),
        cmocka_unit_test(loading_ahead_gives_the_same),
    };
    if (system("rm -rf tree") != 0) return 1;
    tree_make("tree", KINDS, EACH, 1, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
