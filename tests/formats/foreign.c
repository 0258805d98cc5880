/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of weight files share: the expected tensors of the golden files
 * (tests/golden/make_weights_golden.py), files of modules that must be refused, and random damage
 * that must be noticed or harmless. */
#include "foreign.h"

#include "pwf/core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *golden(const char *name)
{
    static char path[1024];
    const char *folder = getenv("PWF_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/formats/golden/%s", folder ? folder : ".", name);
    return path;
}

const foreign_tensor tensors[TENSORS] = {{"conv1.weight", 4, {2, 1, 3, 3}},
                                         {"bn1.weight", 1, {2}},
                                         {"bn1.bias", 1, {2}},
                                         {"bn1.running_mean", 1, {2}},
                                         {"bn1.running_var", 1, {2}},
                                         {"bn1.num_batches_tracked", 0, {0}},
                                         {"layer1.0.conv1.weight", 4, {2, 2, 3, 3}},
                                         {"fc.weight", 2, {3, 2}},
                                         {"fc.bias", 1, {3}}};

float value(int t, int64_t i)
{
    return (float)((37 * i + 11 * t) % 255 - 127) / 64;
}

void expect_golden(const char *name, const char *format, const char *inside, const char *prefix)
{
    pwf_weights_file *file = NULL;
    const pwf_status s = pwf_weights_open(golden(name), &file);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_string_equal(file->format, format);
    assert_string_equal(file->inside, inside);
    assert_int_equal(file->count, TENSORS);
    for (int t = 0; t < TENSORS; t++) {
        const pwf_named_tensor *found = &file->tensor[t];
        float values[64];
        int64_t rounded = 0;
        assert_memory_equal(found->name, prefix, strlen(prefix));
        assert_string_equal(found->name + strlen(prefix), tensors[t].name);
        assert_int_equal(found->dims, tensors[t].dims);
        assert_memory_equal(found->shape, tensors[t].shape,
                            (size_t)found->dims * sizeof *found->shape);
        const pwf_status read = pwf_weights_read(file, t, values, &rounded);
        assert_int_equal(read.code, t == COUNTER ? PWF_DATA : PWF_OK);
        assert_int_equal(rounded, 0);
        for (int64_t i = 0; t != COUNTER && i < found->count; i++)
            if (values[i] != value(t, i)) fail_msg("%s: %s[%d]", name, found->name, (int)i);
    }
    pwf_weights_close(file);
}

void expect_module_refused(const char *name)
{
    pwf_weights_file *file = NULL;
    const pwf_status s = pwf_weights_open(golden(name), &file);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "state_dict()"));
    assert_null(file);
}

void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

/* ---- damage ---- */

static uint64_t drawn;

uint32_t draw(void)
{
    uint32_t words[4];
    pwf_rng_words((pwf_stream){23, PWF_RNG_NOISE, 0, 0}, drawn++, words);
    return words[0];
}

/* Opens a file and, on success, reads all of it. */
void use(const char *path)
{
    pwf_weights_file *file = NULL;
    if (pwf_weights_open(path, &file).code != PWF_OK) return;
    for (int t = 0; t < file->count; t++) {
        const pwf_named_tensor *found = &file->tensor[t];
        int64_t rounded = 0;
        if (found->count > 1 << 16) continue;
        float *values = malloc((size_t)found->count * sizeof *values + 1);
        assert_non_null(values);
        (void)pwf_weights_read(file, t, values, &rounded);
        free(values);
    }
    pwf_weights_close(file);
}

void damage(const char *name, int times)
{
    unsigned char good[8192], bad[8192];
    FILE *f = fopen(golden(name), "rb");
    assert_non_null(f);
    const size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    for (int i = 0; i < times; i++) {
        size_t length = n;
        memcpy(bad, good, n);
        const uint32_t changes = draw() % 4;
        for (uint32_t k = 0; k <= changes; k++)
            bad[draw() % n] = (unsigned char)(draw() % 3 == 0 ? 0xff : draw());
        if (draw() % 8 == 0) length = draw() % n;
        write_file("damaged", bad, length);
        use("damaged");
    }
}
