/* SPDX-License-Identifier: BSD-3-Clause */
/* IDX files that must be refused: cut off at every byte, every changed bit of the header, contents
 * that do not fit the settings, files that are missing or not regular, gzip gzip_bombs, and random
 * changes. None may crash, leak or allocate by a size that only the header states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "idx_files.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static pwf_config config;

/* Opens the training part of `bad`, which must fail with `code` and a message that contains
 * `word`. */
static void refused(pwf_code code, const char *word)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d);
    if (s.code != code || !strstr(s.text, word))
        fail_msg("code %d, not %d with \"%s\": %s", (int)s.code, (int)code, word, s.text);
    assert_null(d);
    assert_int_equal(pwf_mem_live(), 0);
}

static int fresh(void **state)
{
    (void)state;
    put_good_files("bad", false);
    small_config(&config, "bad");
    return 0;
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    uint8_t images[IMAGES_BYTES], labels[LABELS_BYTES];
    good_images(images);
    good_labels(labels);
    for (size_t n = 0; n < sizeof images; n++) {
        put_file("bad", IMAGES, images, n, false);
        refused(PWF_DATA, IMAGES " is truncated");
    }
    put_file("bad", IMAGES, images, sizeof images, false);
    for (size_t n = 0; n < sizeof labels; n++) {
        put_file("bad", LABELS, labels, n, false);
        refused(PWF_DATA, LABELS " is truncated");
    }
    unlink("bad/" LABELS);
    size_t size = 0;
    uint8_t *packed = gzip_bytes(labels, sizeof labels, &size);
    for (size_t n = 0; n < size; n++) {
        put_file("bad", LABELS ".gz", packed, n, false);
        refused(PWF_DATA, LABELS ".gz");
    }
    free(packed);
}

static void every_header_bit(void **state)
{
    (void)state;
    for (int bit = 0; bit < 8 * 16; bit++) {
        uint8_t images[IMAGES_BYTES];
        good_images(images);
        images[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put_file("bad", IMAGES, images, sizeof images, false);
        refused(PWF_DATA, IMAGES);
    }
    fresh(NULL);
    for (int bit = 0; bit < 8 * 8; bit++) {
        uint8_t labels[LABELS_BYTES];
        good_labels(labels);
        labels[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put_file("bad", LABELS, labels, sizeof labels, false);
        refused(PWF_DATA, LABELS);
    }
}

static void wrong_contents(void **state)
{
    (void)state;
    uint8_t images[IMAGES_BYTES + 1], labels[LABELS_BYTES];
    good_images(images);
    images[IMAGES_BYTES] = 0;
    put_file("bad", IMAGES, images, sizeof images, false);
    refused(PWF_DATA, "more than the 96 bytes");
    fresh(NULL);
    good_labels(labels);
    labels[10] = CLASSES;
    put_file("bad", LABELS, labels, sizeof labels, false);
    refused(PWF_DATA, "label 2, at byte 10, is class 3, but model.classes is 3");
    labels[10] = 0;
    labels[7] = COUNT - 1;
    put_file("bad", LABELS, labels, sizeof labels - 1, false);
    refused(PWF_DATA, "5 images, but");
    put_file("bad", LABELS, images, IMAGES_BYTES, false);
    refused(PWF_DATA, "3 dimensions (byte 3), but must have 1");
    fresh(NULL);
    put_file("bad", IMAGES, labels, sizeof labels, false);
    refused(PWF_DATA, "labels instead of images?");
    size_t size = 0;
    uint8_t *packed = gzip_bytes(images, IMAGES_BYTES, &size);
    put_file("bad", IMAGES, packed, size, false);
    refused(PWF_DATA, "ending .gz");
    free(packed);
    unlink("bad/" IMAGES);
    put_file("bad", IMAGES ".gz", images, IMAGES_BYTES, false);
    refused(PWF_DATA, "damaged at byte");
}

static void wrong_settings(void **state)
{
    (void)state;
    config.model.image_size = 28;
    refused(PWF_DATA, "4 x 4 pixels (bytes 8 to 15), but model.image_size is 28");
    config.model.image_size = SIDE;
    config.model.channels = 3;
    refused(PWF_DATA, "model.channels is 3");
    config.model.channels = 1;
    config.data.mean.count = 3;
    refused(PWF_CONFIG, "data.mean");
    config.data.mean.count = 1;
    config.data.std.at[0] = 0;
    refused(PWF_CONFIG, "data.std");
}

static void missing_files(void **state)
{
    (void)state;
    unlink("bad/" IMAGES);
    refused(PWF_MISSING, "dataset-fashion-mnist");
    snprintf(config.data.path, sizeof config.data.path, "no-such-folder");
    refused(PWF_MISSING, "neither " IMAGES " nor " IMAGES ".gz is in data.path \"no-such-folder\"");
}

static void not_regular(void **state)
{
    (void)state;
    unlink("bad/" IMAGES);
    assert_int_equal(mkdir("bad/" IMAGES, 0777), 0);
    refused(PWF_DATA, "not a regular file");
    rmdir("bad/" IMAGES);
    assert_int_equal(mkfifo("bad/" IMAGES, 0666), 0);
    refused(PWF_DATA, "not a regular file"); /* without waiting for a writer */
    unlink("bad/" IMAGES);
    assert_int_equal(symlink("/dev/zero", "bad/" IMAGES), 0);
    refused(PWF_DATA, "outside data.path");
    unlink("bad/" IMAGES);
    assert_int_equal(symlink(IMAGES, "bad/" IMAGES), 0);
    refused(PWF_DATA, "cannot open");
    unlink("bad/" IMAGES);
    assert_int_equal(symlink("t10k-images-idx3-ubyte", "bad/" IMAGES), 0);
    pwf_dataset *d = NULL;
    assert_int_equal(pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d).code, PWF_OK);
    pwf_dataset_free(d);
}

/* Writes a gzip file of the header `head` and `count` zeros. */
static void put_bomb(const uint8_t head[16], size_t count)
{
    uint8_t *zeros = calloc(count + 16, 1);
    assert_non_null(zeros);
    memcpy(zeros, head, 16);
    put_file("bad", IMAGES, zeros, count + 16, true);
    free(zeros);
}

static void gzip_bombs(void **state)
{
    (void)state;
    unlink("bad/" IMAGES);
    uint8_t head[IMAGES_BYTES];
    good_images(head);
    put_bomb(head, (size_t)64 << 20); /* 64 MiB, while the header states 80 bytes */
    const size_t before = pwf_mem_peak(PWF_MEM_DATA);
    refused(PWF_DATA, "more than the 96 bytes");
    assert_true(pwf_mem_peak(PWF_MEM_DATA) <= before + 4096);
    memset(head + 4, 0xff, 4); /* 2^32 - 1 images of 4 x 4 in a small file */
    put_bomb(head, 1 << 20);
    refused(PWF_DATA, "header states more than");
    memset(head + 8, 0xff, 8); /* the product would overflow 64 bits if sides were not limited */
    put_bomb(head, 1 << 20);
    refused(PWF_DATA, "dimension 2, at byte 8, is 4294967295");
    unlink("bad/" IMAGES ".gz");
    put_file("bad", IMAGES, head, sizeof head, false);
    refused(PWF_DATA, "dimension 2, at byte 8");
}

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* One to four random changes of a file: a changed byte, truncation, a repeated piece. */
static size_t mutate(uint8_t *bytes, size_t size, size_t room, uint64_t *seed)
{
    for (uint64_t n = 1 + next(seed) % 4; n > 0; n--) {
        const size_t at = size ? (size_t)(next(seed) % size) : 0;
        const uint64_t kind = next(seed) % 8;
        if (kind == 0) {
            size = at;
        } else if (kind == 1 && size < room) {
            const size_t length = (size_t)(next(seed) % (room - size) + 1);
            const size_t take = length < size - at ? length : size - at;
            memmove(bytes + at + take, bytes + at, size - at);
            size += take;
        } else if (size) {
            bytes[kind == 2 && size > 16 ? at % 16 : at] = (uint8_t)next(seed);
        }
    }
    return size;
}

static void mutated(bool gz, int count, uint64_t seed)
{
    enum { ROOM = 512 };
    uint8_t images[IMAGES_BYTES], labels[LABELS_BYTES], bytes[ROOM];
    good_images(images);
    good_labels(labels);
    clear_files("bad");
    put_good_files("bad", gz);
    size_t sizes[2] = {sizeof images, sizeof labels};
    uint8_t *good[2] = {images, labels};
    for (int k = 0; k < 2 && gz; k++)
        good[k] = gzip_bytes(good[k], sizes[k], &sizes[k]);
    int accepted = 0;
    for (int i = 0; i < count; i++) {
        const int k = (int)(next(&seed) % 2);
        const char *name = k ? (gz ? LABELS ".gz" : LABELS) : gz ? IMAGES ".gz" : IMAGES;
        memcpy(bytes, good[k], sizes[k]);
        put_file("bad", name, bytes, mutate(bytes, sizes[k], ROOM, &seed), false);
        pwf_dataset *d = NULL;
        const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d);
        if (s.code != PWF_OK && (s.code != PWF_DATA || !strstr(s.text, "bad/train-")))
            fail_msg("mutation %d: code %d: %s", i, (int)s.code, s.text);
        accepted += s.code == PWF_OK;
        pwf_dataset_free(d);
        assert_int_equal(pwf_mem_live(), 0);
        put_file("bad", name, good[k], sizes[k], false);
    }
    printf("%d of %d random changes of %s files accepted\n", accepted, count,
           gz ? "gzip" : "plain");
    for (int k = 0; k < 2 && gz; k++)
        free(good[k]);
}

static void random_changes(void **state)
{
    (void)state;
    mutated(false, 2000, 1);
    mutated(true, 2000, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cut_at_every_byte, fresh),
        cmocka_unit_test_setup(every_header_bit, fresh),
        cmocka_unit_test_setup(wrong_contents, fresh),
        cmocka_unit_test_setup(wrong_settings, fresh),
        cmocka_unit_test_setup(missing_files, fresh),
        cmocka_unit_test_setup(not_regular, fresh),
        cmocka_unit_test_setup(gzip_bombs, fresh),
        cmocka_unit_test_setup(random_changes, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
