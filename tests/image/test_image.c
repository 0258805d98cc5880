/* SPDX-License-Identifier: BSD-3-Clause */
/* JPEG and PNG decoding and resizing against Pillow's pixels (tests/golden/make_image_golden.py),
 * the two transforms of evaluation, and damaged files: every truncation, false claims of size, too
 * many scans, and random changes, all within the limits of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "data/folder_config.h"
#include "data/pictures.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"
#include "pwf/data/file.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE = 200, FILES_MAX = 32, TOLERANCE = 1 };

/* The encoded files, for the tests that damage them. */
static struct {
    char name[64];
    uint8_t *bytes;
    int64_t size;
} files[FILES_MAX];
static int file_count;
static int rounds = 500;

static uint8_t *read_bytes(FILE *in, int64_t size)
{
    uint8_t *bytes = malloc((size_t)size);
    if (!bytes || fread(bytes, 1, (size_t)size, in) != (size_t)size || getc(in) != '\n')
        fail_msg("the golden file is cut short");
    return bytes;
}

static FILE *open_golden(void)
{
    char path[4096];
    const char *root = getenv("PWF_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/image/golden/images.golden", root ? root : ".");
    FILE *in = fopen(path, "rb");
    if (!in) fail_msg("cannot open %s", path);
    return in;
}

static void compare(const char *what, const uint8_t *ours, const uint8_t *pillow, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i++)
        if (abs(ours[i] - pillow[i]) > TOLERANCE)
            fail_msg("%s: byte %lld is %d, Pillow's is %d", what, (long long)i, ours[i], pillow[i]);
}

static void check_decoded(FILE *in, const char *name, int width, int height, bool kept,
                          pwf_image *image)
{
    const int f = file_count - 1;
    pwf_image_free(image);
    const pwf_status s = pwf_image_decode(name, files[f].bytes, files[f].size, image);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    if (!kept) return;
    uint8_t *pillow = read_bytes(in, 3 * width * height);
    compare(name, image->pixels, pillow, 3 * width * height);
    free(pillow);
}

static void check_resized(FILE *in, const char *line, const pwf_image *image)
{
    int width = 0, height = 0, filter = 0, left = 0, top = 0, columns = 0, rows = 0;
    assert_int_equal(sscanf(line, "resize %d %d %d %d %d %d %d", &width, &height, &filter, &left,
                            &top, &columns, &rows),
                     7);
    uint8_t *pillow = read_bytes(in, 3 * columns * rows),
            *ours = malloc((size_t)(3 * columns * rows));
    const pwf_isa best = pwf_isa_best();
    for (int isa = 0; isa <= (int)best; isa++) {
        pwf_isa_use((pwf_isa)isa);
        memset(ours, 7, (size_t)(3 * columns * rows));
        assert_int_equal(pwf_image_resize(image, width, height, (pwf_image_filter)filter,
                                          (pwf_image_window){left, top, columns, rows}, ours)
                             .code,
                         PWF_OK);
        compare(line, ours, pillow, 3 * columns * rows);
    }
    pwf_isa_use(best);
    free(pillow);
    free(ours);
}

/* Both transforms of evaluation, on a folder with one image. */
static void check_eval(FILE *in, const char *line)
{
    char name[64], path[256];
    int side = 0, crop = 0;
    int32_t label = -1;
    assert_int_equal(sscanf(line, "eval %63s %d %d", name, &side, &crop), 3);
    uint8_t *pillow = read_bytes(in, 3 * side * side), *ours = malloc((size_t)(3 * side * side));
    float *image = malloc((size_t)(3 * side * side) * sizeof *image);
    snprintf(path, sizeof path, "eval_%s/val/one", name);
    for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
        *slash = '\0';
        mkdir(path, 0777);
    }
    mkdir(path, 0777);
    snprintf(path, sizeof path, "eval_%s/val/one/a.JPEG", name);
    bytes_write(path, files[file_count - 1].bytes, (size_t)files[file_count - 1].size);
    snprintf(path, sizeof path, "eval_%s", name);
    pwf_config config;
    folder_config(&config, path, 1, side);
    config.data.resize = side * 8 / 7;
    config.data.eval_transform = crop ? PWF_EVAL_TIMM : PWF_EVAL_PAPER;
    config.data.crop_pct = crop / 1000.0;
    pwf_dataset *d = NULL;
    pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TEST, &d);
    if (s.code == PWF_OK) s = pwf_dataset_load(d, 1, 0, 0, image, &label);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_int_equal(label, 0);
    for (int i = 0; i < 3 * side * side; i++)
        ours[i] = (uint8_t)lrintf(image[i]);
    compare(line, ours, pillow, 3 * side * side);
    pwf_dataset_free(d);
    free(pillow);
    free(ours);
    free(image);
}

static void pixels_are_pillows(void **state)
{
    (void)state;
    FILE *in = open_golden();
    char line[LINE];
    int resized = 0, evaluated = 0;
    pwf_image image = {0};
    while (fgets(line, sizeof line, in)) {
        char name[64];
        int size = 0, width = 0, height = 0, kept = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "image %63s %d %d %d %d", name, &size, &width, &height, &kept) == 5) {
            assert_true(file_count < FILES_MAX);
            snprintf(files[file_count].name, sizeof files[0].name, "%s", name);
            files[file_count].size = size;
            files[file_count++].bytes = read_bytes(in, size);
            check_decoded(in, name, width, height, kept != 0, &image);
        } else if (strncmp(line, "resize ", 7) == 0) {
            check_resized(in, line, &image);
            resized++;
        } else {
            check_eval(in, line);
            evaluated++;
        }
    }
    fclose(in);
    pwf_image_free(&image);
    assert_int_equal(file_count, 16);
    assert_int_equal(resized, 13 * 4 + 3 + 3 * 4);
    assert_int_equal(evaluated, 12);
    assert_int_equal(pwf_mem_live(), 0);
}

/* Decodes a copy of exactly `size` bytes, so that the address sanitizer sees reads past its end. */
static pwf_status decode_copy(const char *name, const uint8_t *bytes, int64_t size)
{
    uint8_t *copy = malloc(size ? (size_t)size : 1);
    pwf_image image;
    memcpy(copy, bytes, (size_t)size);
    const pwf_status s = pwf_image_decode(name, copy, size, &image);
    if (s.code == PWF_OK) {
        volatile int sum = 0; /* reads every pixel */
        for (int64_t i = 0; i < 3 * image.width * image.height; i++)
            sum = sum + image.pixels[i];
    } else {
        assert_null(image.pixels);
        assert_non_null(strstr(s.text, name));
    }
    pwf_image_free(&image);
    free(copy);
    return s;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    assert_true(file_count > 0);
    for (int f = 0; f < file_count; f++) {
        const int64_t stride = files[f].size > 2500 ? 7 : 1;
        for (int64_t size = 0; size < files[f].size; size += size < 700 ? 1 : stride)
            assert_int_equal(decode_copy(files[f].name, files[f].bytes, size).code, PWF_DATA);
        assert_int_equal(decode_copy(files[f].name, files[f].bytes, files[f].size - 1).code,
                         PWF_DATA);
        assert_int_equal(decode_copy(files[f].name, files[f].bytes, files[f].size).code, PWF_OK);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

/* A changed byte gives other pixels or a failure. All of a PNG file but its signature has
 * checksums, so every change of a part that is read is a failure. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    uint64_t random = 5;
    int refused = 0, decoded = 0;
    for (int f = 0; f < file_count; f++) {
        uint8_t *bytes = malloc((size_t)files[f].size);
        for (int round = 0; round < rounds; round++) {
            memcpy(bytes, files[f].bytes, (size_t)files[f].size);
            const int headers = files[f].size < 700 ? (int)files[f].size : 700;
            const int changes = 1 + round % 3;
            for (int i = 0; i < changes; i++)
                bytes[next_below(&random, round % 2 ? (int)files[f].size : headers)] ^=
                    (uint8_t)(1 + next_below(&random, 255));
            const pwf_status s = decode_copy(files[f].name, bytes, files[f].size);
            if (s.code == PWF_OK)
                decoded++;
            else
                refused++;
            assert_true(s.code == PWF_OK || s.code == PWF_DATA);
            if (strncmp(files[f].name, "png", 3) == 0 && changes == 1)
                assert_int_equal(s.code, PWF_DATA);
        }
        free(bytes);
    }
    assert_true(refused > 2 * rounds && decoded > 2 * rounds);
    print_message("%d changed files: %d refused, %d decoded\n", refused + decoded, refused,
                  decoded);
    assert_int_equal(pwf_mem_live(), 0);
}

/* Headers that claim sizes beyond the limits are refused before memory of that size is allocated.
 */
static void large_claims_are_refused(void **state)
{
    (void)state;
    picture p = picture_draw(24, 16, 1, 1);
    for (int kind = PICTURE_JPEG; kind <= PICTURE_PNG; kind++) {
        size_t size = 0, at = 0;
        uint8_t *bytes = picture_encode(&p, (picture_kind)kind, &size);
        if (kind == PICTURE_PNG) {
            at = 18; /* the low half of the width; the checksum is no longer right, but that comes
                        later */
        } else {
            while (!(bytes[at] == 0xff && (bytes[at + 1] == 0xc0 || bytes[at + 1] == 0xc2)))
                at++;
            at += 5; /* height, then width */
        }
        bytes[at] = 0x4f;
        bytes[at + 1] = 0xff;
        const size_t peak = pwf_mem_peak_total();
        const pwf_status s = decode_copy("claim", bytes, (int64_t)size);
        assert_int_equal(s.code, PWF_DATA);
        if (kind != PICTURE_PNG) assert_non_null(strstr(s.text, "20479"));
        assert_int_equal(pwf_mem_peak_total(), peak);
        free(bytes);
    }
    free(p.rgb);
}

/* A progressive file needs all its coefficients at once: a small one that claims 8192 x 8000 pixels
 * in full colour would need 393 MB in addition to the pixels. */
static void memory_is_bounded(void **state)
{
    (void)state;
    picture p = picture_draw(24, 16, 1, 1);
    size_t size = 0, at = 0;
    uint8_t *bytes = picture_encode(&p, PICTURE_PROGRESSIVE, &size);
    while (!(bytes[at] == 0xff && bytes[at + 1] == 0xc2))
        at++;
    const uint8_t sides[4] = {8000 >> 8, 8000 & 255, 8192 >> 8, 8192 & 255};
    memcpy(bytes + at + 5, sides, sizeof sides);
    assert_int_equal(bytes[at + 11], 0x22); /* 4:2:0 subsampling */
    bytes[at + 11] = 0x11;
    const pwf_status s = decode_copy("large.JPEG", bytes, (int64_t)size);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "large.JPEG needs more than 512 MiB to decode"));
    assert_int_equal(pwf_mem_live(), 0);
    free(bytes);
    free(p.rgb);
}

static void other_formats_are_refused(void **state)
{
    (void)state;
    static const char gif[] = "GIF89a and more";
    assert_non_null(strstr(decode_copy("x.JPEG", (const uint8_t *)gif, sizeof gif).text,
                           "x.JPEG is neither a JPEG nor a PNG file"));
    assert_non_null(strstr(decode_copy("y.JPEG", (const uint8_t *)gif, 0).text, "y.JPEG is empty"));
    pwf_image image;
    char here[PWF_PATH];
    pwf_data_resolve(".", here);
    assert_int_equal(pwf_data_read_image(here, "./none.JPEG", -1, &image).code, PWF_MISSING);
    assert_null(image.pixels);
    bytes_write("link_target.JPEG", files[0].bytes, (size_t)files[0].size);
    assert_int_equal(pwf_data_read_image(here, "./link_target.JPEG", files[0].size, &image).code,
                     PWF_OK);
    pwf_image_free(&image);
    const pwf_status s = pwf_data_read_image(here, "./link_target.JPEG", files[0].size + 1, &image);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "when it was listed"));
}

/* A progressive file can repeat a scan of a few bytes, each of which costs a pass over the image.
 */
static void many_scans_are_refused(void **state)
{
    (void)state;
    picture p = picture_draw(800, 700, 1, 1);
    size_t size = 0, start = 0, scans = 0;
    uint8_t *bytes = picture_encode(&p, PICTURE_PROGRESSIVE, &size);
    for (size_t i = 0; i + 1 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xda) start = i;
    assert_true(start > 0);
    const size_t scan = size - 2 - start, copies = 2 * PWF_IMAGE_SCANS_MAX;
    uint8_t *bomb = malloc(size + copies * scan);
    memcpy(bomb, bytes, size - 2);
    for (scans = 0; scans < copies; scans++)
        memcpy(bomb + size - 2 + scans * scan, bytes + start, scan);
    memcpy(bomb + size - 2 + copies * scan, bytes + size - 2, 2);
    const pwf_status s = decode_copy("bomb", bomb, (int64_t)(size + copies * scan));
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "too many scans"));
    free(bomb);
    free(bytes);
    free(p.rgb);
}

static int free_files(void **state)
{
    (void)state;
    while (file_count > 0)
        free(files[--file_count].bytes);
    return 0;
}

/* `test_image ROUNDS` makes this number of changes per file. */
int main(int count, char **word)
{
    if (count == 2) rounds = atoi(word[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_pillows),        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(changed_bytes_do_no_harm),  cmocka_unit_test(large_claims_are_refused),
        cmocka_unit_test(other_formats_are_refused), cmocka_unit_test(many_scans_are_refused),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, free_files);
}
