/* SPDX-License-Identifier: BSD-3-Clause */
/* NumPy archives as weight files: stored and deflated members, every type, all header versions,
 * large arrays; arrays and members that are refused, checksums, and random damage. */
#include "foreign.h"
#include "npz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static npz made;

static void save(const char *name)
{
    npz_end(&made);
    write_file(name, made.bytes, made.length);
}

static pwf_weights_file *open_good(const char *name)
{
    pwf_weights_file *file = NULL;
    const pwf_status s = pwf_weights_open(name, &file);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_string_equal(file->format, "NumPy");
    return file;
}

#define HEADER(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

static void add_all(bool deflated)
{
    const float f4[6] = {1, -2, 3.5F, 0, 5, 0x1p-20F};
    const double f8[2] = {0.1, -4};
    const uint16_t f2[3] = {0x3c00, 0xc000, 0x0001}; /* 1, -2, 2^-24 */
    const int64_t counter = 7;
    made = (npz){.deflated = deflated};
    npz_add(&made, "conv1.weight.npy", 1, HEADER("<f4", "(2, 3)"), f4, sizeof f4);
    npz_add(&made, "fc.bias.npy", 2, HEADER("<f8", "(2,)"), f8, sizeof f8);
    npz_add(&made, "half.npy", 3, HEADER("<f2", "(3, 1)"), f2, sizeof f2);
    npz_add(&made, "bn.num_batches_tracked.npy", 1, HEADER("<i8", "()"), &counter, 8);
    npz_add(&made, "empty.npy", 1, HEADER("<f4", "(0, 4)"), NULL, 0);
}

static void expect_all(const char *name)
{
    float out[6];
    int64_t rounded = 0;
    pwf_weights_file *file = open_good(name);
    assert_int_equal(file->count, 5);
    const pwf_named_tensor *t = &file->tensor[0];
    assert_string_equal(t->name, "conv1.weight");
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->shape[0], 2);
    assert_int_equal(t->shape[1], 3);
    assert_int_equal(pwf_weights_read(file, 0, out, &rounded).code, PWF_OK);
    assert_true(out[0] == 1 && out[2] == 3.5F && out[5] == 0x1p-20F && rounded == 0);
    assert_int_equal(pwf_weights_read(file, 1, out, &rounded).code, PWF_OK);
    assert_true(out[0] == 0.1F && out[1] == -4 && rounded == 1);
    assert_int_equal(pwf_weights_read(file, 2, out, &rounded).code, PWF_OK);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24F);
    assert_int_equal(file->tensor[3].dims, 0);
    assert_int_equal(pwf_weights_read(file, 3, out, &rounded).code, PWF_DATA);
    assert_int_equal(file->tensor[4].count, 0);
    assert_int_equal(pwf_weights_read(file, 4, out, &rounded).code, PWF_OK);
    pwf_weights_close(file);
}

static void test_read(void **state)
{
    (void)state;
    add_all(false);
    save("stored.npz");
    expect_all("stored.npz");
    add_all(true);
    save("deflated.npz");
    expect_all("deflated.npz");
}

/* Larger than the pieces in which members are read. */
static void test_large(void **state)
{
    (void)state;
    enum { VALUES = 60000 };
    static float in[VALUES], out[VALUES];
    for (int i = 0; i < VALUES; i++)
        in[i] = (float)(draw() % 1000);
    for (int deflated = 0; deflated < 2; deflated++) {
        int64_t rounded = 0;
        made = (npz){.deflated = deflated != 0};
        npz_add(&made, "w.npy", 1, HEADER("<f4", "(60000,)"), in, sizeof in);
        save("large.npz");
        pwf_weights_file *file = open_good("large.npz");
        assert_int_equal(pwf_weights_read(file, 0, out, &rounded).code, PWF_OK);
        assert_memory_equal(in, out, sizeof in);
        pwf_weights_close(file);
    }
}

static void expect_refused(const char *header, size_t bytes, const char *why)
{
    const float zero[8] = {0};
    pwf_weights_file *file = NULL;
    made = (npz){.deflated = false};
    npz_add(&made, "w.npy", 1, header, zero, bytes);
    save("refused.npz");
    const pwf_status s = pwf_weights_open("refused.npz", &file);
    assert_int_equal(s.code, PWF_DATA);
    assert_null(file);
    if (!strstr(s.text, why)) fail_msg("%s: not '%s'", s.text, why);
}

static void test_refused(void **state)
{
    (void)state;
    expect_refused(HEADER(">f4", "(2,)"), 8, "big-endian");
    expect_refused(HEADER("|O", "(2,)"), 8, "Python objects");
    expect_refused(HEADER("<c8", "(1,)"), 8, "unknown type");
    expect_refused("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8,
                   "fields");
    expect_refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }", 8,
                   "Fortran order");
    expect_refused("{'descr': '<f4', 'fortran_order': False, }", 8, "no shape");
    expect_refused(HEADER("<f4", "(3,)"), 8, "does not match its shape");
    expect_refused(HEADER("<f4", "(-2,)"), 8, "no shape");
    expect_refused(HEADER("<f4", "(99999999999, 99999999999)"), 8, "too large");
    expect_refused(HEADER("<f4", "(1,1,1,1,1,1,1,1,1)"), 4, "too many dimensions");
}

static void test_other_members(void **state)
{
    (void)state;
    pwf_weights_file *file = NULL;
    add_all(false);
    npz_add(&made, "readme.txt", 1, HEADER("<f4", "(0,)"), NULL, 0);
    save("other.npz");
    const pwf_status s = pwf_weights_open("other.npz", &file);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "readme.txt is not an array"));
}

/* Random damage gives a failure or other values, never a crash. */
static void test_damage(void **state)
{
    (void)state;
    for (int deflated = 0; deflated < 2; deflated++) {
        add_all(deflated != 0);
        npz_end(&made);
        for (int i = 0; i < 500; i++) {
            static unsigned char bad[NPZ_BYTES];
            memcpy(bad, made.bytes, made.length);
            for (uint32_t k = draw() % 4 + 1; k > 0; k--)
                bad[draw() % made.length] = (unsigned char)draw();
            write_file("damaged", bad, draw() % 8 == 0 ? draw() % made.length : made.length);
            use("damaged");
        }
    }
}

/* A flipped bit in a value is found when the array is read. */
static void test_checksum(void **state)
{
    (void)state;
    static float in[2000], out[2000];
    int64_t rounded = 0;
    made = (npz){.deflated = false};
    npz_add(&made, "w.npy", 1, HEADER("<f4", "(2000,)"), in, sizeof in);
    npz_end(&made);
    made.bytes[6000] ^= 1;
    write_file("damaged.npz", made.bytes, made.length);
    pwf_weights_file *file = open_good("damaged.npz");
    const pwf_status s = pwf_weights_read(file, 0, out, &rounded);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "w.npy"));
    pwf_weights_close(file);
}

/* The seeds of fuzz_npz, into the working directory. */
static void write_seeds(void)
{
    const float w[6] = {1, 2, 3, 4, 5, 6};
    for (int deflated = 0; deflated < 2; deflated++) {
        made = (npz){.deflated = deflated != 0};
        npz_add(&made, "fc.weight.npy", 1, HEADER("<f4", "(2, 3)"), w, sizeof w);
        npz_add(&made, "fc.bias.npy", 1, HEADER("<f2", "(3,)"), w, 6);
        save(deflated ? "deflated" : "stored");
    }
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        write_seeds();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_other_members),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
