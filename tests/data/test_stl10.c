/* SPDX-License-Identifier: BSD-3-Clause */
/* The source stl10 on files that this test writes: layout of the planes, labels, limits; short,
 * long and damaged files, and networks of other shapes, are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <stdio.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, VALUES = 3 * PLANE, TRAIN = 12, TEST = 3 };

static pwf_config config;

/* The byte of image `n` at a pixel. */
static uint8_t byte_of(int n, int row, int column, int channel)
{
    return (uint8_t)(n * 31 + row * 7 + column * 3 + channel * 101 + row * column / 5);
}

/* Writes images `first` to `first + count`, and `extra` bytes after them. */
static void put_images(const char *name, int first, int count, int extra)
{
    FILE *f = fopen(name, "wb");
    for (int n = first; n < first + count; n++)
        for (int channel = 0; channel < 3; channel++)
            for (int column = 0; column < SIDE; column++)
                for (int row = 0; row < SIDE; row++)
                    fputc(byte_of(n, row, column, channel), f);
    for (int i = 0; i < extra; i++)
        fputc(0, f);
    assert_int_equal(fclose(f), 0);
}

/* Image n is of class n % 10, which the file counts from 1. */
static void put_labels(const char *name, int first, int count)
{
    FILE *f = fopen(name, "wb");
    for (int n = first; n < first + count; n++)
        fputc(1 + n % 10, f);
    assert_int_equal(fclose(f), 0);
}

static int make_files(void **state)
{
    (void)state;
    put_images("train_X.bin", 0, TRAIN, 0);
    put_labels("train_y.bin", 0, TRAIN);
    put_images("test_X.bin", 50, TEST, 0);
    put_labels("test_y.bin", 50, TEST);
    pwf_config_defaults(&config);
    strcpy(config.data.path, ".");
    config.data.format = PWF_DATA_stl10;
    config.data.flip = false;
    config.data.mean = (pwf_real_list){1, {0}};
    config.data.std = (pwf_real_list){1, {1.0 / 255.0}};
    config.model.classes = 10;
    config.model.image_size = SIDE;
    return 0;
}

static void check(pwf_split split, int first, int count)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_int_equal(pwf_dataset_count(d), count);
    assert_false(pwf_dataset_is_decoded(d));
    for (int n = 0; n < count; n++) {
        static float image[VALUES];
        int32_t label = -1;
        assert_int_equal(pwf_dataset_load(d, 1, 0, n, image, &label).code, PWF_OK);
        assert_int_equal(label, (first + n) % 10);
        for (int row = 0; row < SIDE; row++)
            for (int column = 0; column < SIDE; column++)
                for (int c = 0; c < 3; c++) {
                    const float difference = image[3 * (row * SIDE + column) + c] -
                                             (float)byte_of(first + n, row, column, c);
                    assert_true(difference < 1e-3f && difference > -1e-3f);
                }
    }
    pwf_dataset_free(d);
    assert_int_equal(pwf_mem_live(), 0);
}

static void refused(pwf_code code, const char *what)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d);
    if (s.code != code || !strstr(s.text, what))
        fail_msg("code %d, \"%s\" lacks \"%s\"", s.code, s.text, what);
    assert_null(d);
    assert_int_equal(pwf_mem_live(), 0);
}

static void images_and_classes(void **state)
{
    (void)state;
    check(PWF_TRAIN, 0, TRAIN);
    check(PWF_TEST, 50, TEST);
    config.data.train_limit = 5;
    check(PWF_TRAIN, 0, 5);
}

/* The same bytes give the same hash, a changed label another. */
static void hash_covers_labels(void **state)
{
    (void)state;
    pwf_hash hashes[3];
    for (int i = 0; i < 3; i++) {
        pwf_dataset *d = NULL;
        if (i == 2) put_labels("train_y.bin", 1, TRAIN);
        assert_int_equal(pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d).code, PWF_OK);
        hashes[i] = pwf_dataset_hash(d);
        pwf_dataset_free(d);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof hashes[0]);
    assert_memory_not_equal(&hashes[0], &hashes[2], sizeof hashes[0]);
}

static void bad_files(void **state)
{
    (void)state;
    put_images("train_X.bin", 0, TRAIN, 1);
    refused(PWF_DATA, "./train_X.bin has 331777 bytes, which is not a whole number of images");
    put_images("train_X.bin", 0, 0, 0);
    refused(PWF_DATA, "./train_X.bin has 0 bytes");
    put_images("train_X.bin", 0, TRAIN - 1, 0);
    refused(PWF_DATA, "./train_y.bin has 12 labels, but ./train_X.bin has 11 images");
    put_images("train_X.bin", 0, TRAIN, 0);
    FILE *f = fopen("train_y.bin", "r+b");
    for (int bad = 0; bad < 12; bad += 11) {
        assert_int_equal(fseek(f, 7, SEEK_SET), 0);
        fputc(bad, f);
        fflush(f);
        config.data.train_limit = 2; /* labels past the limit are checked too */
        refused(PWF_DATA, "./train_y.bin: byte 7 is");
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(remove("train_y.bin"), 0);
    refused(PWF_MISSING, "./train_y.bin does not exist");
}

static void other_networks(void **state)
{
    (void)state;
    config.model.classes = 100;
    refused(PWF_CONFIG, "STL-10 has 10 classes");
    config.model.image_size = 224;
    refused(PWF_CONFIG, "STL-10 images have 96 x 96 pixels and 3 channels");
    config.data.skip_bad = 1;
    config.model.image_size = SIDE;
    assert_non_null(strstr(pwf_config_check(&config).text, "data.skip_bad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(images_and_classes, make_files),
        cmocka_unit_test_setup(hash_covers_labels, make_files),
        cmocka_unit_test_setup(bad_files, make_files),
        cmocka_unit_test_setup(other_networks, make_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
