/* SPDX-License-Identifier: BSD-3-Clause */
/* The sources cifar10 and cifar100 on files that this test writes: channel planes become pixels,
 * the last label byte is the class, limits; files of wrong length or with a wrong label, and
 * networks of other shapes, are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "planes.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORDS = 3 };

static pwf_config config;

/* The byte of a pixel and channel in record `number`. */
static uint8_t byte_of(int number, int row, int column, int channel)
{
    return (uint8_t)(7 * number + 50 * channel + 3 * (SIDE * row + column) + row);
}

/* Writes records `first` to `first + RECORDS`, of class number % classes, the last one `cut` bytes
 * too short. */
static void put_file(const char *name, int first, int labels, int classes, int cut)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    for (int r = first; r < first + RECORDS; r++) {
        if (labels == 2) fputc(19, file); /* the coarse class */
        fputc(r % classes, file);
        for (int plane = 0; plane < 3; plane++)
            for (int i = 0; i < PLANE - (plane == 2 && r == first + RECORDS - 1 ? cut : 0); i++)
                fputc(byte_of(r, i / SIDE, i % SIDE, plane), file);
    }
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    (void)state;
    for (int part = 1; part <= 5; part++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", part);
        put_file(name, RECORDS * (part - 1), 1, 10, 0);
    }
    put_file("test_batch.bin", 40, 1, 10, 0);
    put_file("train.bin", 60, 2, 100, 0);
    put_file("test.bin", 97, 2, 100, 0);
    planes_config(&config, PWF_DATA_cifar10, 10, SIDE);
    return 0;
}

static void images_and_classes(void **state)
{
    (void)state;
    planes_check(&config, PWF_TRAIN, 0, 15, byte_of);
    planes_check(&config, PWF_TEST, 40, 3, byte_of);
    config.data.train_limit = 7;
    planes_check(&config, PWF_TRAIN, 0, 7, byte_of);
    config.data.train_limit = 0;
    config.data.format = PWF_DATA_cifar100;
    config.model.classes = 100;
    planes_check(&config, PWF_TRAIN, 60, 3, byte_of);
    planes_check(&config, PWF_TEST, 97, 3, byte_of);
}

static void bad_files(void **state)
{
    (void)state;
    put_file("data_batch_3.bin", 6, 1, 10, 5);
    planes_refused(&config, PWF_DATA,
                   "./data_batch_3.bin has 9214 bytes, which is not a whole number of records");
    put_file("data_batch_3.bin", 11, 1, 13, 0);
    planes_refused(&config, PWF_DATA, "./data_batch_3.bin: record 0 is of class 11");
    assert_int_equal(fclose(fopen("data_batch_3.bin", "wb")), 0);
    planes_refused(&config, PWF_DATA, "has 0 bytes");
    assert_int_equal(remove("data_batch_3.bin"), 0);
    planes_refused(&config, PWF_MISSING, "./data_batch_3.bin");
    config.model.classes = 100;
    planes_refused(&config, PWF_CONFIG, "CIFAR-10 has 10 classes");
    config.model.image_size = 28;
    planes_refused(&config, PWF_CONFIG, "32 x 32 pixels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(images_and_classes, make_files),
        cmocka_unit_test_setup(bad_files, make_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
