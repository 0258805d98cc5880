/* SPDX-License-Identifier: BSD-3-Clause */
/* Weight files of torch.save before PyTorch 1.6: golden files, rules of the format, pickles that
 * are too large, every byte of a file changed, and random damage. A pickled module is refused. */
#include "foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_golden(void **state)
{
    (void)state;
    static const char *const plain[] = {"f32", "f16", "bf16", "f64", "channels_last", "parameters"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        char name[32];
        snprintf(name, sizeof name, "old_%s.pth", plain[i]);
        expect_golden(name, "PyTorch", "", "");
    }
    expect_golden("old_ema.pth", "PyTorch", "model_ema", "module.");
    expect_golden("old_early.pth", "PyTorch", "state_dict", "");
}

static void test_module_is_refused(void **state)
{
    (void)state;
    expect_module_refused("old_module.pth");
}

/* ---- by hand: a file of one tensor "a" of two numbers ---- */

/* The pickles of a valid file, as texts of bytes. */
#define MAGIC "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define VERSION "\x80\x02M\xe9\x03."
#define MACHINE(little) "\x80\x02}U\x0dlittle_endian" little "s."
#define FRONT MAGIC VERSION MACHINE("\x88")
#define STORAGE(key, count, view) "(U\x07storagectorch\nFloatStorage\n" key "U\3cpu" count view "tQ"
#define TENSOR(storage) "ctorch._utils\n_rebuild_tensor\n(" storage "K\x00K\x02\x85K\x01\x85tR"
#define OBJECT(tensor) "\x80\x02}U\1a" tensor "s."
#define GOOD_STORAGE STORAGE("U\x01k", "K\x02", "N")
#define GOOD_OBJECT OBJECT(TENSOR(GOOD_STORAGE))
#define KEYS "\x80\x02]U\1ka."
#define COUNT "\2\0\0\0\0\0\0\0"
#define VALUES "\0\0\x80\x3f\0\0\0\xc0"

/* A file as a text with zero bytes, and the expected message. */
#define ROW(says, ...)                                                                             \
    {                                                                                              \
        __VA_ARGS__, sizeof(__VA_ARGS__) - 1, says                                                 \
    }

/* clang-format off: one file a line */
static const struct {
    const char *bytes;
    size_t count;
    const char *says; /* NULL: valid */
} rows[] = {
    ROW(NULL, FRONT GOOD_OBJECT KEYS COUNT VALUES),
    ROW("torch.save", "\x80\x02K\x07." VERSION MACHINE("\x88") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("torch.save", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x18." VERSION MACHINE(
                          "\x88") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("version", MAGIC "\x80\x02M\xea\x03." MACHINE("\x88") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("version", MAGIC "\x80\x02U\1a." MACHINE("\x88") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("big-endian", MAGIC VERSION MACHINE("\x89") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("does not say", MAGIC VERSION MACHINE("K\x01") GOOD_OBJECT KEYS COUNT VALUES),
    ROW("does not say", MAGIC VERSION "\x80\x02}." GOOD_OBJECT KEYS COUNT VALUES),
    ROW("opcode", FRONT OBJECT("P") KEYS COUNT VALUES),
    ROW("view",
        FRONT OBJECT(TENSOR(STORAGE("U\x01k", "K\x02", "(U\x01vK\x00K\x02t"))) KEYS COUNT VALUES),
    ROW("no list", FRONT GOOD_OBJECT "\x80\x02N." COUNT VALUES),
    ROW("no tensor", FRONT GOOD_OBJECT "\x80\x02]K\1a." COUNT VALUES),
    ROW("no tensor", FRONT GOOD_OBJECT "\x80\x02]U\1la." COUNT VALUES),
    ROW("no tensor", FRONT GOOD_OBJECT "\x80\x02]U\2kka." COUNT VALUES),
    ROW("twice", FRONT GOOD_OBJECT "\x80\x02]U\1kaU\1ka." COUNT VALUES COUNT VALUES),
    ROW("missing", FRONT GOOD_OBJECT "\x80\x02]."),
    ROW("2 elements has 1", FRONT GOOD_OBJECT KEYS "\1\0\0\0\0\0\0\0" VALUES),
    ROW("2 elements has -", FRONT GOOD_OBJECT KEYS "\2\0\0\0\0\0\0\xff" VALUES),
    ROW("1 bytes after", FRONT GOOD_OBJECT KEYS COUNT VALUES "x"),
    ROW("truncated in a storage", FRONT GOOD_OBJECT KEYS COUNT "x"),
    ROW("truncated before", FRONT GOOD_OBJECT KEYS "x"),
    ROW("truncated", FRONT GOOD_OBJECT),
    ROW("elements has", FRONT OBJECT(TENSOR(STORAGE("U\x01k", "\x8a\x08\0\0\0\0\0\0\0\x40", "N")))
                            KEYS "\0\0\0\0\0\0\0\x40" VALUES),
    ROW("outside its storage",
        FRONT OBJECT(TENSOR(STORAGE("U\x01k", "K\x01", "N"))) KEYS "\1\0\0\0\0\0\0\0"
                                                                   "\0\0\x80\x3f"),
    ROW("two types or lengths", FRONT "\x80\x02}(U\1a" TENSOR(GOOD_STORAGE) "U\1b" TENSOR(
                                    STORAGE("U\x01k", "K\x03", "N")) "u." KEYS COUNT VALUES),
    ROW("not pairs", FRONT "\x80\2ccollections\nOrderedDict\n(]K\1atR." KEYS),
};
/* clang-format on */

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pwf_weights_file *file = NULL;
        write_file("made.pth", rows[i].bytes, rows[i].count);
        const pwf_status s = pwf_weights_open("made.pth", &file);
        const bool right =
            rows[i].says ? s.code == PWF_DATA && strstr(s.text, rows[i].says) : s.code == PWF_OK;
        if (!right) fail_msg("row %d: %s", (int)i, s.text);
        float out[2] = {0};
        int64_t rounded = 0;
        if (file) assert_int_equal(pwf_weights_read(file, 0, out, &rounded).code, PWF_OK);
        if (file) assert_true(out[0] == 1.0f && out[1] == -2.0f);
        pwf_weights_close(file);
    }
}

/* Pickles that continue after the bytes that are read. */
static void test_pickle_too_large(void **state)
{
    (void)state;
    static const char front[] = MAGIC VERSION MACHINE("\x88") "\x80\x02T\0\0\0\x02";
    enum { BYTES = 17 << 20 };
    char *bytes = calloc(BYTES, 1);
    pwf_weights_file *file = NULL;
    assert_non_null(bytes);
    memcpy(bytes, front, sizeof front - 1);
    write_file("made.pth", bytes, BYTES);
    free(bytes);
    const pwf_status s = pwf_weights_open("made.pth", &file);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "too large"));
    remove("made.pth");
}

/* A shorter file is refused. One changed byte is refused, or is in a name or a shape, or changes at
 * most one value; without checksums no more can be detected. */
static void test_every_byte(void **state)
{
    (void)state;
    unsigned char good[8192], bad[8192];
    FILE *f = fopen(golden("old_f32.pth"), "rb");
    assert_non_null(f);
    const size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    pwf_weights_file *file = NULL;
    for (size_t length = 0; length < n; length++) {
        write_file("damaged", good, length);
        assert_int_equal(pwf_weights_open("damaged", &file).code, PWF_DATA);
    }
    int refused = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(bad, good, n);
        bad[i] ^= 0x41;
        write_file("damaged", bad, n);
        use("damaged");
        refused += pwf_weights_open("damaged", &file).code == PWF_DATA;
        int changed = 0;
        for (int t = 0; file && t < file->count && t < TENSORS; t++) {
            const pwf_named_tensor *found = &file->tensor[t];
            float values[64] = {0};
            int64_t rounded = 0;
            if (strcmp(found->name, tensors[t].name) != 0 || found->dtype != PWF_DTYPE_F32 ||
                found->dims != tensors[t].dims ||
                memcmp(found->shape, tensors[t].shape,
                       (size_t)found->dims * sizeof *found->shape) != 0)
                continue;
            assert_int_equal(pwf_weights_read(file, t, values, &rounded).code, PWF_OK);
            for (int64_t k = 0; k < found->count; k++)
                changed += values[k] != value(t, k);
        }
        if (i >= n - 8) assert_true(file && changed <= 1); /* in the last storage */
        pwf_weights_close(file);
        file = NULL;
    }
    assert_true(refused > (int)n / 3);
}

static void test_damage(void **state)
{
    (void)state;
    damage("old_ema.pth", 1000);
    damage("old_channels_last.pth", 1000);
    damage("old_early.pth", 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_module_is_refused),
        cmocka_unit_test(test_rules),      cmocka_unit_test(test_pickle_too_large),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
