/* SPDX-License-Identifier: BSD-3-Clause */
/* CIFAR's binary files: planes become pixels, the last label is the class, bad files are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANE = 1024, RECORDS = 3, VALUES = 3 * PLANE };

static pwf_config config;

/* The byte of a plane's place in record `number`. */
static uint8_t byte_of(int number, int plane, int i)
{
    return (uint8_t)(7 * number + 50 * plane + 3 * i + i / 32);
}

/* A file whose records count on from `first`; a record's class is its number modulo `classes`. */
static void put_file(const char *name, int first, int labels, int classes, int cut)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    for (int r = first; r < first + RECORDS; r++) {
        if (labels == 2) fputc(19, file); /* the coarse class */
        fputc(r % classes, file);
        for (int plane = 0; plane < 3; plane++)
            for (int i = 0; i < PLANE - (plane == 2 && r == first + RECORDS - 1 ? cut : 0); i++)
                fputc(byte_of(r, plane, i), file);
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
    pwf_config_defaults(&config);
    strcpy(config.data.path, ".");
    config.data.format = PWF_DATA_cifar10;
    config.data.mean = (pwf_real_list){1, {0}};
    config.data.std = (pwf_real_list){1, {1.0 / 255.0}};
    config.data.flip = false;
    config.model.channels = 3;
    config.model.classes = 10;
    config.model.image_size = 32;
    return 0;
}

static void check(pwf_split split, int first, int count, int classes)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_int_equal(pwf_dataset_count(d), count);
    for (int n = 0; n < count; n++) {
        static float image[VALUES];
        int32_t label = -1;
        assert_int_equal(pwf_dataset_load(d, 1, 0, n, image, &label).code, PWF_OK);
        assert_int_equal(label, (first + n) % classes);
        for (int i = 0; i < PLANE; i++)
            for (int c = 0; c < 3; c++) {
                const float difference = image[3 * i + c] - (float)byte_of(first + n, c, i);
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
    check(PWF_TRAIN, 0, 15, 10);
    check(PWF_TEST, 40, 3, 10);
    config.data.train_limit = 7;
    check(PWF_TRAIN, 0, 7, 10);
    config.data.train_limit = 0;
    config.data.format = PWF_DATA_cifar100;
    config.model.classes = 100;
    check(PWF_TRAIN, 60, 3, 100);
    check(PWF_TEST, 97, 3, 100);
}

static void bad_files(void **state)
{
    (void)state;
    put_file("data_batch_3.bin", 6, 1, 10, 5);
    refused(PWF_DATA, "./data_batch_3.bin has 9214 bytes, which is not a whole number of records");
    put_file("data_batch_3.bin", 11, 1, 13, 0);
    refused(PWF_DATA, "./data_batch_3.bin: record 0 is of class 11");
    assert_int_equal(fclose(fopen("data_batch_3.bin", "wb")), 0);
    refused(PWF_DATA, "has 0 bytes");
    assert_int_equal(remove("data_batch_3.bin"), 0);
    refused(PWF_MISSING, "./data_batch_3.bin");
    config.model.classes = 100;
    refused(PWF_CONFIG, "CIFAR-10 has 10 classes");
    config.model.image_size = 28;
    refused(PWF_CONFIG, "32 x 32 pixels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(images_and_classes, make_files),
        cmocka_unit_test_setup(bad_files, make_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
