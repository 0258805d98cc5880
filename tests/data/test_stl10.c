/* SPDX-License-Identifier: BSD-3-Clause */
/* The source stl10 on files that this test writes: layout of the planes, labels, limits; short,
 * long and damaged files, and networks of other shapes, are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planes.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <stdio.h>

enum { SIDE = 96, TRAIN = 12, TEST = 3 };

static pwf_config config;

/* The byte of image `n` at a pixel and channel. */
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

/* Image n has class n % 10; the file numbers classes from 1. */
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
    planes_config(&config, PWF_DATA_stl10, 10, SIDE);
    return 0;
}

static void images_and_classes(void **state)
{
    (void)state;
    planes_check(&config, PWF_TRAIN, 0, TRAIN, byte_of);
    planes_check(&config, PWF_TEST, 50, TEST, byte_of);
    config.data.train_limit = 5;
    planes_check(&config, PWF_TRAIN, 0, 5, byte_of);
}

/* The same bytes give the same hash; a changed label changes it. */
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
    planes_refused(&config, PWF_DATA,
                   "./train_X.bin has 331777 bytes, which is not a whole number of images");
    put_images("train_X.bin", 0, 0, 0);
    planes_refused(&config, PWF_DATA, "./train_X.bin has 0 bytes");
    put_images("train_X.bin", 0, TRAIN - 1, 0);
    planes_refused(&config, PWF_DATA,
                   "./train_y.bin has 12 labels, but ./train_X.bin has 11 images");
    put_images("train_X.bin", 0, TRAIN, 0);
    FILE *f = fopen("train_y.bin", "r+b");
    for (int bad = 0; bad < 12; bad += 11) {
        assert_int_equal(fseek(f, 7, SEEK_SET), 0);
        fputc(bad, f);
        fflush(f);
        config.data.train_limit = 2; /* labels past the limit are checked too */
        planes_refused(&config, PWF_DATA, "./train_y.bin: byte 7 is");
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(remove("train_y.bin"), 0);
    planes_refused(&config, PWF_MISSING, "./train_y.bin does not exist");
}

static void other_networks(void **state)
{
    (void)state;
    config.model.classes = 100;
    planes_refused(&config, PWF_CONFIG, "STL-10 has 10 classes");
    config.model.image_size = 224;
    planes_refused(&config, PWF_CONFIG, "STL-10 images have 96 x 96 pixels and 3 channels");
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
