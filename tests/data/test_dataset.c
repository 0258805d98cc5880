/* SPDX-License-Identifier: BSD-3-Clause */
/* Data sets held in memory, from IDX files: plain and gzip files give the same images, limits and
 * the hash, augmentation as a pure function of (seed, pass, index). Also reads Fashion-MNIST where
 * it is installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "idx_files.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FASHION "/usr/share/datasets/fashion-mnist"

static pwf_dataset *open_good(const pwf_config *config, pwf_data_split split)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    return d;
}

static void plain_and_gzip_are_the_same(void **state)
{
    (void)state;
    pwf_config config;
    small_config(&config, "good");
    pwf_hash hash[2];
    for (int gz = 0; gz < 2; gz++) {
        put_good_files("good", gz != 0);
        pwf_dataset *d = open_good(&config, PWF_TRAIN);
        assert_int_equal(pwf_dataset_count(d), COUNT);
        hash[gz] = pwf_dataset_hash(d);
        for (int i = 0; i < COUNT; i++) {
            float image[SIDE * SIDE];
            int32_t label = -1;
            assert_int_equal(pwf_dataset_load(d, 1, 0, i, image, &label).code, PWF_OK);
            assert_int_equal(label, i % CLASSES);
            for (int k = 0; k < SIDE * SIDE; k++)
                assert_true(image[k] == (float)((16 * i + k) / 255.0));
        }
        pwf_dataset_free(d);
    }
    assert_memory_equal(&hash[0], &hash[1], sizeof hash[0]);
    assert_int_equal(pwf_mem_live(), 0);
}

static void two_gzip_members_are_one_file(void **state)
{
    (void)state;
    put_good_files("members", false);
    uint8_t images[IMAGES_BYTES];
    good_images(images);
    size_t a = 0, b = 0;
    uint8_t *first = gzip_bytes(images, 30, &a);
    uint8_t *second = gzip_bytes(images + 30, IMAGES_BYTES - 30, &b);
    uint8_t both[1000];
    assert_true(a + b <= sizeof both);
    memcpy(both, first, a);
    memcpy(both + a, second, b);
    unlink("members/train-images-idx3-ubyte");
    put_file("members", "train-images-idx3-ubyte.gz", both, a + b, false);
    pwf_config config;
    small_config(&config, "members");
    pwf_dataset *d = open_good(&config, PWF_TRAIN), *plain = open_good(&config, PWF_TEST);
    const pwf_hash x = pwf_dataset_hash(d), y = pwf_dataset_hash(plain);
    assert_memory_equal(&x, &y, sizeof x);
    pwf_dataset_free(d);
    pwf_dataset_free(plain);
    free(first);
    free(second);
}

static void limits_and_hash(void **state)
{
    (void)state;
    put_good_files("good", false);
    pwf_config config;
    small_config(&config, "good");
    config.data.train_limit = 3;
    config.data.test_limit = 100;
    pwf_dataset *train = open_good(&config, PWF_TRAIN), *test = open_good(&config, PWF_TEST);
    assert_int_equal(pwf_dataset_count(train), 3);
    assert_int_equal(pwf_dataset_count(test), COUNT);
    const pwf_hash a = pwf_dataset_hash(train), b = pwf_dataset_hash(test);
    assert_memory_not_equal(&a, &b, sizeof a);
    pwf_dataset_free(train);
    pwf_dataset_free(test);

    uint8_t labels[LABELS_BYTES];
    good_labels(labels);
    labels[12] = 2; /* a changed label changes the hash */
    put_file("good", "t10k-labels-idx1-ubyte", labels, sizeof labels, false);
    test = open_good(&config, PWF_TEST);
    const pwf_hash c = pwf_dataset_hash(test);
    assert_memory_not_equal(&b, &c, sizeof b);
    pwf_dataset_free(test);
}

/* Whether an image is some crop, perhaps mirrored, of image `index`; finds which. */
static bool is_a_crop(const float *image, int index, int pad, bool flip, int *top, int *left)
{
    for (*top = -pad; *top <= pad; ++*top)
        for (*left = -pad; *left <= pad; ++*left)
            for (int mirror = 0; mirror <= (flip ? 1 : 0); mirror++) {
                bool same = true;
                for (int y = 0; y < SIDE && same; y++)
                    for (int x = 0; x < SIDE && same; x++) {
                        const int v = y + *top, u = (mirror ? SIDE - 1 - x : x) + *left;
                        const bool in = v >= 0 && v < SIDE && u >= 0 && u < SIDE;
                        const int byte = in ? 16 * index + SIDE * v + u : 0;
                        same = image[SIDE * y + x] == (float)((byte / 255.0 - 0.5) / 0.25);
                    }
                if (same) return true;
            }
    return false;
}

static void augmentation_is_a_pure_function(void **state)
{
    (void)state;
    put_good_files("good", false);
    pwf_config config;
    small_config(&config, "good");
    config.data.mean.at[0] = 0.5;
    config.data.std.at[0] = 0.25;
    config.data.pad = 2;
    config.data.flip = true;
    pwf_dataset *d = open_good(&config, PWF_TRAIN), *again = open_good(&config, PWF_TRAIN);
    float first[SIDE * SIDE], second[SIDE * SIDE];
    int32_t label = 0;
    int seen[5][5] = {{0}}, differ = 0;
    for (int pass = 0; pass < 400; pass++) {
        const int i = 1 + pass % (COUNT - 1);
        int top = 0, left = 0;
        assert_int_equal(pwf_dataset_load(d, 7, pass, i, first, &label).code, PWF_OK);
        assert_true(is_a_crop(first, i, 2, true, &top, &left));
        seen[top + 2][left + 2]++;
        /* Neither loading other images in between nor opening again changes an image. */
        assert_int_equal(pwf_dataset_load(again, 9, pass + 3, 0, second, &label).code, PWF_OK);
        assert_int_equal(pwf_dataset_load(again, 7, pass, i, second, &label).code, PWF_OK);
        assert_memory_equal(first, second, sizeof first);
        assert_int_equal(pwf_dataset_load(d, 7, pass + 1, i, second, &label).code, PWF_OK);
        differ += memcmp(first, second, sizeof first) != 0;
    }
    for (int i = 0; i < 25; i++)
        assert_true(seen[i / 5][i % 5] > 0);
    assert_true(differ > 350);
    pwf_dataset_free(d);
    pwf_dataset_free(again);

    /* The test part is never augmented. */
    d = open_good(&config, PWF_TEST);
    assert_int_equal(pwf_dataset_load(d, 7, 0, 1, first, &label).code, PWF_OK);
    assert_int_equal(pwf_dataset_load(d, 8, 5, 1, second, &label).code, PWF_OK);
    assert_memory_equal(first, second, sizeof first);
    assert_true(first[0] == (float)((16 / 255.0 - 0.5) / 0.25));
    pwf_dataset_free(d);
}

/* The sum of all bytes, from values normalised with mean 0 and std 1/255. */
static double byte_sum(const pwf_dataset *d, int64_t pixels, int histogram[10])
{
    double sum = 0;
    float image[784];
    for (int64_t i = 0; i < pwf_dataset_count(d); i++) {
        int32_t label = 0;
        pwf_dataset_load(d, 1, 0, i, image, &label);
        histogram[label]++;
        for (int64_t k = 0; k < pixels; k++)
            sum += (double)image[k];
    }
    return sum;
}

static void fashion_mnist(void **state)
{
    (void)state;
    if (access(FASHION "/train-images-idx3-ubyte.gz", R_OK) != 0) skip();
    pwf_config config;
    small_config(&config, FASHION);
    config.data.std.at[0] = 1.0 / 255.0;
    config.model.classes = 10;
    config.model.image_size = 28;
    static const int64_t counts[2] = {60000, 10000};
    static const double means[2] = {72.94035223214286, 73.14656658163265};
    static const int first[5] = {9, 0, 0, 3, 0};
    for (int split = 0; split < 2; split++) {
        pwf_dataset *d = open_good(&config, (pwf_data_split)split);
        assert_int_equal(pwf_dataset_count(d), counts[split]);
        int histogram[10] = {0};
        const double mean = byte_sum(d, 784, histogram) / (double)(counts[split] * 784);
        assert_true(fabs(mean - means[split]) < 1e-9);
        for (int c = 0; c < 10; c++)
            assert_int_equal(histogram[c], counts[split] / 10);
        for (int i = 0; i < 5 && split == 0; i++) {
            float image[784];
            int32_t label = -1;
            pwf_dataset_load(d, 1, 0, i, image, &label);
            assert_int_equal(label, first[i]);
        }
        pwf_dataset_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_are_the_same),
        cmocka_unit_test(two_gzip_members_are_one_file),
        cmocka_unit_test(limits_and_hash),
        cmocka_unit_test(augmentation_is_a_pure_function),
        cmocka_unit_test(fashion_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
