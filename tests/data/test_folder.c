/* SPDX-License-Identifier: BSD-3-Clause */
/* The source imagefolder: which files are listed and in which order, flat validation folders with
 * lists of classes, trees that are refused, damaged files among good ones and data.skip_bad, the
 * validation split, and cropping and mirroring of training images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "folder_config.h"
#include "pictures.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 28, CLASSES = 3, EACH = 5, VAL = 2, VALUES = 3 * SIDE * SIDE };

static pwf_config config;

static pwf_dataset *open_good(pwf_data_split split)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    return d;
}

static void refused(pwf_data_split split, pwf_code code, const char *what)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), split, &d);
    if (s.code != code || !strstr(s.text, what))
        fail_msg("code %d, \"%s\" lacks \"%s\"", s.code, s.text, what);
    assert_null(d);
}

/* Each test uses its own tree, named after the test. */
static void new_tree(const char *name)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s %s_val", name, name);
    assert_int_equal(system(command), 0);
    tree_make(name, CLASSES, EACH, VAL, 3);
    folder_config(&config, name, CLASSES, SIDE);
}

static void put_text(const char *path, const char *text)
{
    bytes_write(path, text, strlen(text));
}

static void classes_and_files_are_in_byte_order(void **state)
{
    (void)state;
    new_tree("order");
    /* Neither images nor classes: ignored. */
    put_text("order/train/n00000001/notes.txt", "x");
    put_text("order/train/n00000001/.hidden.JPEG", "x");
    put_text("order/train/README", "x");
    mkdir("order/train/.cache", 0777);
    pwf_dataset *d = open_good(PWF_TRAIN);
    assert_int_equal(pwf_dataset_count(d), CLASSES * EACH);
    assert_true(pwf_dataset_is_decoded(d));
    float *image = malloc(VALUES * sizeof *image);
    for (int i = 0; i < CLASSES * EACH; i++) {
        char name[100];
        int32_t label = -1;
        snprintf(name, sizeof name, "train/n%08d/n%08d_%d.JPEG", i / EACH, i / EACH, i % EACH);
        assert_string_equal(pwf_dataset_name(d, i), name);
        assert_int_equal(pwf_dataset_load(d, 1, 0, i, image, &label).code, PWF_OK);
        assert_int_equal(label, i / EACH);
    }
    free(image);
    const pwf_hash before = pwf_dataset_hash(d);
    pwf_dataset_free(d);
    assert_int_equal(
        rename("order/train/n00000000/n00000000_1.JPEG", "order/train/n00000000/z.png"), 0);
    d = open_good(PWF_TRAIN);
    assert_string_equal(pwf_dataset_name(d, EACH - 1), "train/n00000000/z.png");
    const pwf_hash after = pwf_dataset_hash(d);
    assert_memory_not_equal(&before, &after, sizeof before);
    pwf_dataset_free(d);
    assert_int_equal(pwf_mem_live(), 0);
}

static void other_trees_are_refused(void **state)
{
    (void)state;
    new_tree("refused");
    config.model.classes = CLASSES + 1;
    refused(PWF_TRAIN, PWF_DATA, "refused/train has 3 class folders, but model.classes is 4");
    config.model.classes = CLASSES;
    mkdir("refused/val/unknown", 0777);
    refused(PWF_TEST, PWF_DATA, "refused/val/unknown is a class folder that train/ does not have");
    rmdir("refused/val/unknown");
    config.model.channels = 1;
    refused(PWF_TRAIN, PWF_CONFIG, "model.channels is 1");
    config.model.channels = 3;
    mkdir("refused/train/n00000002/sub.JPEG", 0777);
    refused(PWF_TRAIN, PWF_DATA, "sub.JPEG is a folder; images must lie");
    rmdir("refused/train/n00000002/sub.JPEG");
    mkdir("refused/train/n00000002/more", 0777);
    refused(PWF_TRAIN, PWF_DATA, "refused/train/n00000002/more is a folder");
    rmdir("refused/train/n00000002/more");
    mkfifo("refused/train/n00000002/pipe.JPEG", 0777);
    refused(PWF_TRAIN, PWF_DATA, "pipe.JPEG is not a regular file");
    unlink("refused/train/n00000002/pipe.JPEG");
    config.data.resize = SIDE - 1;
    refused(PWF_TRAIN, PWF_CONFIG, "data.resize (27) must be at least model.image_size (28)");
    refused(PWF_TEST, PWF_CONFIG, "data.resize (27) must be at least model.image_size (28)");
    pwf_dataset *d = NULL;
    config.data.format = PWF_DATA_idx; /* must not matter for a folder */
    pwf_dataset_request request = pwf_config_dataset(&config);
    request.folder = "refused/val";
    assert_int_equal(pwf_dataset_open(request, PWF_TEST, &d).code, PWF_CONFIG);
    config.data.eval_transform = PWF_EVAL_TIMM; /* does not use data.resize */
    assert_int_equal(pwf_dataset_open(request, PWF_TEST, &d).code, PWF_OK);
    pwf_dataset_free(d);
    folder_config(&config, "refused", CLASSES, SIDE);
    assert_int_equal(symlink("/etc/passwd", "refused/train/n00000002/link.JPEG"), 0);
    refused(PWF_TRAIN, PWF_DATA, "is a link to /etc/passwd, outside data.path");
    unlink("refused/train/n00000002/link.JPEG");
    assert_int_equal(symlink("nowhere", "refused/train/n00000002/link.JPEG"), 0);
    refused(PWF_TRAIN, PWF_MISSING, "link.JPEG");
    unlink("refused/train/n00000002/link.JPEG");
    assert_int_equal(symlink("n00000002_0.JPEG", "refused/train/n00000002/link.JPEG"), 0);
    d = open_good(PWF_TRAIN);
    assert_int_equal(pwf_dataset_count(d), CLASSES * EACH + 1);
    pwf_dataset_free(d);
    assert_int_equal(system("rm refused/train/n00000001/*"), 0);
    refused(PWF_TRAIN, PWF_DATA, "refused/train/n00000001 has no .jpeg, .jpg or .png file");
    snprintf(config.data.path, sizeof config.data.path, "nowhere");
    refused(PWF_TRAIN, PWF_MISSING, "cannot list nowhere/train");
    assert_int_equal(pwf_mem_live(), 0);
}

/* val/ as ImageNet distributes it, with all images in one folder, and the forms of the list. */
static void flat_validation_folder(void **state)
{
    (void)state;
    new_tree("flat");
    assert_int_equal(system("mv flat/val/n*/* flat/val; rmdir flat/val/n????????"), 0);
    refused(PWF_TEST, PWF_DATA, "set data.val_list to the list of their classes");
    snprintf(config.data.val_list, sizeof config.data.val_list, "val.txt");
    refused(PWF_TEST, PWF_MISSING, "flat/val.txt");
    static const char *const lists[] = {
        "n00000002_1.JPEG n00000002\nn00000000_0.JPEG n00000000\nn00000001_1.JPEG n00000001\n",
        "n00000002_1.JPEG 2\r\nn00000000_0.JPEG 0\r\n\r\nn00000001_1.JPEG 1",
        ("ImageId,PredictionString\nn00000002_1,n00000002 1 2 3 4\nn00000000_0,n00000000\n"
         "n00000001_1,n00000001 5 6 7 8\n")};
    static const char *const names[] = {"val/n00000000_0.JPEG", "val/n00000001_1.JPEG",
                                        "val/n00000002_1.JPEG"};
    float *image = malloc(VALUES * sizeof *image);
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        put_text("flat/val.txt", lists[l]);
        pwf_dataset *d = open_good(PWF_TEST);
        assert_int_equal(pwf_dataset_count(d), 3);
        for (int i = 0; i < 3; i++) {
            int32_t label = -1;
            assert_string_equal(pwf_dataset_name(d, i), names[i]);
            assert_int_equal(pwf_dataset_load(d, 1, 0, i, image, &label).code, PWF_OK);
            assert_int_equal(label, i);
        }
        pwf_dataset_free(d);
    }
    free(image);
    put_text("flat/val.txt", "n00000002_1.JPEG\n");
    refused(PWF_TEST, PWF_DATA, "flat/val.txt, line 1: must have a file name and its class");
    put_text("flat/val.txt", "n00000002_1.JPEG 1\nn00000002_0.JPEG 3\n");
    refused(PWF_TEST, PWF_DATA, "line 2: 3 is neither a class of train/ nor a number from 0 to 2");
    put_text("flat/val.txt", "n00000002_1.JPEG 1\nn00000002_1.JPEG 2\n");
    refused(PWF_TEST, PWF_DATA, "names val/n00000002_1.JPEG twice");
    put_text("flat/val.txt", "../val.txt.JPEG 1\n");
    refused(PWF_TEST, PWF_MISSING, "val.txt.JPEG");
    put_text("flat/val.txt", "gone.JPEG 1\n");
    refused(PWF_TEST, PWF_MISSING, "flat/val/gone.JPEG");
    put_text("flat/val.txt", "n00000002_1.JPEG 1\n");
    assert_int_equal(rename("flat/val", "flat_val"), 0);
    assert_int_equal(symlink("../flat_val", "flat/val"), 0);
    refused(PWF_TEST, PWF_DATA, "outside data.path");
    unlink("flat/val");
    assert_int_equal(rename("flat_val", "flat/val"), 0);
    put_text("flat/val.txt", "\n\n");
    refused(PWF_TEST, PWF_DATA, "flat/val.txt names no images");
    bytes_write("flat/val.txt", "a\0b", 3);
    refused(PWF_TEST, PWF_DATA, "zero byte");
    assert_int_equal(pwf_mem_live(), 0);
}

/* Lists of classes without file names, in the order of the images: by name, or by the numbers of
 * ImageNet's development kit. */
static void lists_of_classes_alone(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "n00000000\nn00000000\nn00000001\nn00000001\nn00000002\nn00000002\n", "3\n3\n1\r\n1\n2\n2",
        ("n00000002_1.JPEG 2\nn00000002_0.JPEG 2\nn00000000_0.JPEG 3\nn00000000_1.JPEG 3\n"
         "n00000001_0.JPEG 1\nn00000001_1.JPEG 1\n")};
    new_tree("alone");
    assert_int_equal(system("mv alone/val/n*/* alone/val; rmdir alone/val/n????????"), 0);
    snprintf(config.data.val_list, sizeof config.data.val_list, "truth.txt");
    put_text("alone/truth.txt", lists[1]);
    refused(PWF_TEST, PWF_DATA, "alone/truth.txt, line 1: a number without a file name");
    put_text("alone/kit.txt", "n00000001 tench, Tinca tinca\nn00000002\n\nn00000000\n");
    for (int l = 0; l < 3; l++) {
        put_text("alone/truth.txt", lists[l]);
        snprintf(config.data.val_classes, sizeof config.data.val_classes, "%s",
                 l > 0 ? "kit.txt" : "");
        pwf_dataset *d = open_good(PWF_TEST);
        assert_int_equal(pwf_dataset_count(d), CLASSES * VAL);
        float *image = malloc(VALUES * sizeof *image);
        for (int i = 0; i < CLASSES * VAL; i++) {
            int32_t label = -1;
            char name[40];
            snprintf(name, sizeof name, "val/n%08d_%d.JPEG", i / VAL, i % VAL);
            assert_string_equal(pwf_dataset_name(d, i), name);
            assert_int_equal(pwf_dataset_load(d, 1, 0, i, image, &label).code, PWF_OK);
            assert_int_equal(label, i / VAL);
        }
        free(image);
        pwf_dataset_free(d);
    }
    put_text("alone/truth.txt", "1\n1\n1\n1\n1\n");
    refused(PWF_TEST, PWF_DATA, "truth.txt has classes for 5 images, but alone/val has 6");
    put_text("alone/truth.txt", "1\n1\n1\n1\n1\n1\n1\n");
    refused(PWF_TEST, PWF_DATA, "truth.txt has more lines than the 6 images of alone/val");
    put_text("alone/truth.txt", "0\n1\n1\n1\n1\n1\n");
    refused(PWF_TEST, PWF_DATA, "line 1: 0 is neither a class of train/ nor a number from 1 to 3");
    put_text("alone/kit.txt", "n00000001\nn00000007\n");
    refused(PWF_TEST, PWF_DATA, "alone/kit.txt: n00000007 is not a class of train/");
    snprintf(config.data.val_classes, sizeof config.data.val_classes, "none.txt");
    refused(PWF_TEST, PWF_MISSING, "alone/none.txt");
    assert_int_equal(pwf_mem_live(), 0);
}

/* Undamaged images are all decoded; a file that grew, shrank or disappeared is named. */
static void damaged_files_are_named(void **state)
{
    (void)state;
    new_tree("strict");
    float *image = malloc(VALUES * sizeof *image);
    int32_t label = 0;
    pwf_dataset *d = open_good(PWF_TRAIN);
    assert_int_equal(truncate("strict/train/n00000001/n00000001_2.JPEG", 1000), 0);
    pwf_status s = pwf_dataset_load(d, 1, 0, EACH + 2, image, &label);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "strict/train/n00000001/n00000001_2.JPEG"));
    unlink("strict/train/n00000001/n00000001_3.JPEG");
    s = pwf_dataset_load(d, 1, 0, EACH + 3, image, &label);
    assert_int_equal(s.code, PWF_MISSING);
    pwf_dataset_free(d);
    /* After opening again the listed size is right, and the decoder finds the truncation. */
    d = open_good(PWF_TRAIN);
    s = pwf_dataset_load(d, 1, 0, EACH + 2, image, &label);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "n00000001_2.JPEG is truncated"));
    const int64_t *index = NULL;
    assert_int_equal(pwf_dataset_skipped(d, &index), 0);
    pwf_dataset_free(d);
    free(image);
    assert_int_equal(pwf_mem_live(), 0);
}

static void damaged_files_are_replaced(void **state)
{
    (void)state;
    new_tree("skipped");
    put_text("skipped/train/n00000000/n00000000_3.JPEG", "damaged");
    put_text("skipped/train/n00000000/n00000000_4.JPEG", "");
    put_text("skipped/train/n00000002/n00000002_4.JPEG", "at the end");
    config.data.skip_bad = 2;
    pwf_dataset *d = open_good(PWF_TRAIN);
    float *image = malloc(VALUES * sizeof *image), *next = malloc(VALUES * sizeof *image);
    int32_t label = -1, next_label = -1;
    const int64_t *index = NULL;
    assert_int_equal(pwf_dataset_load(d, 1, 7, 3, image, &label).code, PWF_OK);
    assert_int_equal(pwf_dataset_load(d, 1, 7, 5, next, &next_label).code, PWF_OK);
    assert_int_equal(label, 1); /* the first image of the next class */
    assert_int_equal(next_label, 1);
    assert_memory_equal(image, next, VALUES * sizeof *image);
    assert_int_equal(pwf_dataset_skipped(d, &index), 2);
    assert_int_equal(index[0], 3);
    assert_int_equal(index[1], 4);
    assert_int_equal(pwf_dataset_load(d, 1, 7, 4, image, &label).code, PWF_OK);
    assert_memory_equal(image, next, VALUES * sizeof *image);
    assert_int_equal(pwf_dataset_skipped(d, &index), 2);
    const pwf_status s = pwf_dataset_load(d, 1, 7, CLASSES * EACH - 1, image, &label);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "n00000002_4.JPEG is damaged, as are 2 other files"));
    pwf_dataset_free(d);

    config.data.skip_bad =
        3; /* the first image replaces the last; files found by other ranks count */
    d = open_good(PWF_TRAIN);
    assert_int_equal(pwf_dataset_skip(d, 4).code, PWF_OK);
    assert_int_equal(pwf_dataset_skip(d, 4).code, PWF_OK);
    assert_int_equal(pwf_dataset_skipped(d, &index), 1);
    assert_int_equal(pwf_dataset_load(d, 1, 7, CLASSES * EACH - 1, image, &label).code, PWF_OK);
    assert_int_equal(label, 0);
    assert_int_equal(pwf_dataset_skipped(d, &index), 2);
    pwf_dataset_free(d);
    free(image);
    free(next);
    assert_int_equal(pwf_mem_live(), 0);
}

typedef struct meeting {
    pwf_dataset *dataset;
    pthread_barrier_t begin;
    int64_t index[2];
} meeting;

static void *load_one(void *argument)
{
    meeting *m = argument;
    float *image = malloc(VALUES * sizeof *image);
    int32_t label = -1;
    const int64_t index = pthread_barrier_wait(&m->begin) ? m->index[0] : m->index[1];
    const pwf_status s = pwf_dataset_load(m->dataset, 1, 0, index, image, &label);
    free(image);
    return s.code == PWF_OK ? m : NULL;
}

/* Two threads that decode the same damaged files at the same time count each file once. */
static void damaged_files_are_counted_once(void **state)
{
    (void)state;
    new_tree("at_once");
    enum { BAD = 2 * EACH };
    for (int i = 0; i < BAD; i++) {
        char path[100];
        snprintf(path, sizeof path, "at_once/train/n%08d/n%08d_%d.JPEG", i / EACH, i / EACH,
                 i % EACH);
        put_text(path, "");
    }
    config.data.skip_bad = 2 * BAD;
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *other = NULL;
        const int64_t *index = NULL;
        meeting m = {.dataset = open_good(PWF_TRAIN), .index = {0, 0}};
        pthread_barrier_init(&m.begin, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, load_one, &m), 0);
        assert_non_null(load_one(&m));
        pthread_join(thread, &other);
        assert_non_null(other);
        assert_int_equal(pwf_dataset_skipped(m.dataset, &index), BAD);
        pthread_barrier_destroy(&m.begin);
        pwf_dataset_free(m.dataset);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

/* Both parts together are the training images, for all other settings. */
static void validation_splits_the_training_images(void **state)
{
    (void)state;
    new_tree("parted");
    config.data.validation = 0.3;
    char first[CLASSES * EACH][100];
    pwf_hash hash[2];
    for (int seed = 0; seed < 2; seed++) {
        config.train.seed = 1 + seed;
        pwf_dataset *train = open_good(PWF_TRAIN), *held = open_good(PWF_TEST);
        assert_int_equal(pwf_dataset_count(held), 5); /* 4.5 rounded */
        assert_int_equal(pwf_dataset_count(train), 10);
        int64_t a = 0, b = 0;
        for (int i = 0; i < CLASSES * EACH; i++) { /* merging the two gives the sorted list */
            char name[100];
            snprintf(name, sizeof name, "train/n%08d/n%08d_%d.JPEG", i / EACH, i / EACH, i % EACH);
            const bool is_held = b < 5 && strcmp(pwf_dataset_name(held, b), name) == 0;
            assert_string_equal(is_held ? name : pwf_dataset_name(train, a), name);
            snprintf(first[i], sizeof first[i], "%s", name);
            if (is_held)
                b++;
            else
                a++;
        }
        hash[seed] = pwf_dataset_hash(held);
        /* Held out images are not augmented. */
        float *x = malloc(VALUES * sizeof *x), *y = malloc(VALUES * sizeof *y);
        int32_t label = 0;
        assert_int_equal(pwf_dataset_load(held, 1, 0, 2, x, &label).code, PWF_OK);
        assert_int_equal(pwf_dataset_load(held, 2, 9, 2, y, &label).code, PWF_OK);
        assert_memory_equal(x, y, VALUES * sizeof *x);
        free(x);
        free(y);
        pwf_dataset_free(train);
        pwf_dataset_free(held);
    }
    assert_memory_not_equal(&hash[0], &hash[1], sizeof hash[0]);
    config.data.train_limit = 6;
    pwf_dataset *train = open_good(PWF_TRAIN), *held = open_good(PWF_TEST);
    assert_int_equal(pwf_dataset_count(train) + pwf_dataset_count(held), 6);
    pwf_dataset_free(train);
    pwf_dataset_free(held);
    config.data.train_limit = 0;
    config.data.validation = 0.01;
    refused(PWF_TRAIN, PWF_CONFIG, "data.validation leaves 15 of 15 images for training");
    assert_int_equal(pwf_mem_live(), 0);
}

/* Training images are all crops and mirrored crops of the resized square, and nothing else. */
static void augmentation_crops_and_mirrors(void **state)
{
    (void)state;
    enum { SQUARE = 20, CROP = 18 };
    new_tree("crops");
    config.model.image_size = SQUARE;
    config.data.resize = SQUARE;
    config.data.flip = false;
    pwf_dataset *d = open_good(PWF_TRAIN);
    float whole[3 * SQUARE * SQUARE], part[3 * CROP * CROP], again[3 * CROP * CROP];
    int32_t label = 0;
    assert_int_equal(pwf_dataset_load(d, 1, 0, 4, whole, &label).code, PWF_OK);
    pwf_dataset_free(d);
    config.model.image_size = CROP;
    config.data.flip = true;
    d = open_good(PWF_TRAIN);
    int seen[3][3][2] = {{{0}}};
    for (int pass = 0; pass < 300; pass++) {
        int matches = 0;
        assert_int_equal(pwf_dataset_load(d, 1, pass, 4, part, &label).code, PWF_OK);
        assert_int_equal(pwf_dataset_load(d, 1, pass, 4, again, &label).code, PWF_OK);
        assert_memory_equal(part, again, sizeof part);
        for (int k = 0; k < 18; k++) {
            const int top = k / 6, left = k / 2 % 3, mirror = k % 2;
            bool same = true;
            for (int i = 0; i < CROP * CROP && same; i++) {
                const int y = top + i / CROP;
                const int x = left + (mirror ? CROP - 1 - i % CROP : i % CROP);
                same = memcmp(part + 3 * i, whole + 3 * (y * SQUARE + x), 3 * sizeof *part) == 0;
            }
            if (same) seen[top][left][mirror]++;
            matches += same;
        }
        assert_true(matches >= 1);
    }
    for (int k = 0; k < 18; k++)
        assert_true(seen[k / 6][k / 2 % 3][k % 2] > 0);
    pwf_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_files_are_in_byte_order),
        cmocka_unit_test(other_trees_are_refused),
        cmocka_unit_test(flat_validation_folder),
        cmocka_unit_test(lists_of_classes_alone),
        cmocka_unit_test(damaged_files_are_named),
        cmocka_unit_test(damaged_files_are_replaced),
        cmocka_unit_test(damaged_files_are_counted_once),
        cmocka_unit_test(validation_splits_the_training_images),
        cmocka_unit_test(augmentation_crops_and_mirrors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
