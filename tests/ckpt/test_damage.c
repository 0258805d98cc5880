/* SPDX-License-Identifier: BSD-3-Clause */
#include "example.h"
#include "file.h"

#include "pwf/core/rng.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Damage of every kind to one checkpoint file: verify refuses each, and never lets one through. */

static char path[PWF_PATH], older[PWF_PATH];
static unsigned char *bytes, *old_bytes; /* the good files */
static size_t size;
static int fd;
static uint64_t drawn;

static uint32_t draw(void)
{
    uint32_t words[4];
    pwf_rng_words((pwf_stream){11, PWF_RNG_NOISE, 0, 0}, drawn++, words);
    return words[0];
}

static void put(const void *from, size_t n, size_t at)
{
    assert_int_equal(pwrite(fd, from, n, (off_t)at), (ssize_t)n);
}

static void restore(size_t n, size_t at)
{
    put(bytes + at, n, at);
}

static pwf_status refused(const char *what, size_t at)
{
    const pwf_status s = pwf_ckpt_verify(path);
    if (s.code != PWF_DATA) fail_msg("%s at %zu: %s", what, at, pwf_code_name(s.code));
    return s;
}

static pwf_status flip(size_t at, int bit)
{
    const unsigned char other = bytes[at] ^ (unsigned char)(1 << bit);
    put(&other, 1, at);
    const pwf_status s = refused("flip", at);
    restore(1, at);
    return s;
}

static unsigned char *slurp(const char *name)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    size = (size_t)info.st_size;
    unsigned char *all = malloc(size);
    FILE *f = fopen(name, "rb");
    assert_non_null(all);
    assert_non_null(f);
    assert_int_equal(fread(all, 1, size, f), size);
    fclose(f);
    return all;
}

static int setup(void **state)
{
    (void)state;
    pwf_mesh *mesh = NULL;
    assert_int_equal(pwf_mesh_new(1, &mesh).code, PWF_OK);
    assert_int_equal(system("rm -rf damage && mkdir damage"), 0);
    example e = example_new(mesh);
    example_set(&e, 41);
    assert_int_equal(pwf_ckpt_write(mesh, "damage", &e.snapshot, older).code, PWF_OK);
    example_set(&e, 42);
    assert_int_equal(pwf_ckpt_write(mesh, "damage", &e.snapshot, path).code, PWF_OK);
    example_free(&e);
    pwf_mesh_free(mesh);
    old_bytes = slurp(older);
    bytes = slurp(path);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(fd);
    free(bytes);
    free(old_bytes);
    return system("rm -rf damage");
}

static void still_good(void)
{
    const pwf_status s = pwf_ckpt_verify(path);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void test_flip_in_each_page(void **state)
{
    (void)state;
    int flips = 0;
    for (size_t page = 0; page < size; page += 4096)
        for (int i = 0; i < 3; i++, flips++) {
            const size_t n = size - page < 4096 ? size - page : 4096;
            flip(page + draw() % n, (int)(draw() % 8));
        }
    print_message("%d flips, all refused\n", flips);
    still_good();
}

static void test_flip_outside_arrays(void **state)
{
    (void)state;
    pwf_file file;
    assert_int_equal(pwf_file_open(path, &file).code, PWF_OK);
    int flips = 0;
    for (size_t at = 0; at < PWF_FIRST_BLOCK; at++)
        for (int bit = 0; bit < 8; bit++, flips++)
            flip(at, bit);
    /* The tables, every byte; the rest has been met by page. */
    const size_t extents = (size_t)file.header.extent_rows * sizeof(pwf_extent);
    for (size_t at = file.header.extents; at < file.header.extents + extents; at++, flips++)
        flip(at, (int)(draw() % 8));
    for (size_t at = file.header.names; at < file.header.names + (size_t)file.header.names_bytes;
         at++, flips++)
        flip(at, (int)(draw() % 8));
    for (int64_t a = 0; a < file.header.arrays; a++)
        for (size_t i = 0; i < (size_t)file.header.array[a].blocks * 16; i++, flips++)
            flip(file.header.array[a].hashes + i, (int)(draw() % 8));
    pwf_file_close(&file);
    print_message("%d flips, all refused\n", flips);
    still_good();
}

/* A flip in an array is blamed on the array and on the parameter, or on the two between which its
 * block lies. */
static void test_names_the_piece(void **state)
{
    (void)state;
    pwf_file file;
    assert_int_equal(pwf_file_open(path, &file).code, PWF_OK);
    const pwf_extent *e = file.extents;
    for (int64_t a = 0; a < file.header.arrays; a++) {
        const pwf_file_array *array = &file.header.array[a];
        const int64_t rows = array->posterior ? file.header.posterior_params : file.header.params;
        for (int64_t i = 0; i < rows; i++, e++) {
            const size_t at =
                (size_t)(e->offset + (int64_t)(draw() % (uint64_t)e->count) * array->size);
            const pwf_status s = flip(at, (int)(draw() % 8));
            if (!strstr(s.text, array->name)) fail_msg("%s: not %s", s.text, array->name);
            if (!strstr(s.text, file.name[i]) && !strstr(s.text, " between "))
                fail_msg("%s: not %s", s.text, file.name[i]);
        }
    }
    pwf_file_close(&file);
}

/* Pages of zeros, of another place, and of an older checkpoint. */
static void test_wrong_pages(void **state)
{
    (void)state;
    static const unsigned char zeros[4096];
    int changed = 0;
    for (size_t page = 0; page < size; page += 4096) {
        const size_t n = size - page < 4096 ? size - page : 4096;
        const size_t other = draw() % (uint32_t)(size / 4096) * 4096;
        const unsigned char *sources[] = {zeros, bytes + (other + n <= size ? other : 0),
                                          page + n <= size ? old_bytes + page : zeros};
        for (int i = 0; i < 3; i++) {
            if (memcmp(sources[i], bytes + page, n) == 0) continue;
            put(sources[i], n, page);
            refused("page", page);
            restore(n, page);
            changed++;
        }
    }
    /* the first block of one, the rest of the other */
    put(old_bytes, PWF_FIRST_BLOCK, 0);
    refused("splice", 0);
    restore(PWF_FIRST_BLOCK, 0);
    print_message("%d pages, all refused\n", changed);
    still_good();
}

static void test_truncation(void **state)
{
    (void)state;
    int cuts = 0;
    for (size_t at = size - 1; at + 4096 >= size; at--, cuts++) {
        assert_int_equal(ftruncate(fd, (off_t)at), 0);
        refused("truncation", at);
    }
    for (size_t at = (size - 4097) / 4096 * 4096 + 4096; at > 0; cuts++) {
        at -= 4096;
        assert_int_equal(ftruncate(fd, (off_t)at), 0);
        refused("truncation", at);
    }
    restore(size, 0);
    still_good();
    put("x", 1, size);
    const pwf_status s = refused("one byte more", size);
    assert_non_null(strstr(s.text, "behind its end"));
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    print_message("%d truncations, all refused\n", cuts);
    still_good();
}

/* A newer format is refused as such, however the rest of its first block looks. */
static void test_newer(void **state)
{
    (void)state;
    pwf_header h;
    memcpy(&h, bytes, sizeof h);
    h.version = PWF_FORMAT + 1;
    h.own = pwf_hash_bytes(&h, offsetof(pwf_header, own));
    put(&h, sizeof h, 0);
    const pwf_status s = refused("version", 0);
    assert_non_null(strstr(s.text, "newer"));
    restore(sizeof h, 0);
}

/* Hashes made good again after the damage: what is left are the checks of every number. */
static void test_crafted(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 4096, 1ULL << 31, 1ULL << 62, ~0ULL, 1ULL << 63};
    int let_through = 0;
    for (int i = 0; i < 4000; i++) {
        pwf_header h;
        memcpy(&h, bytes, sizeof h);
        const size_t field = 2 + draw() % (16 - 2 + 7 * 5); /* 8 bytes each */
        uint64_t value = 0;
        memcpy(&value, (char *)&h + 8 * field, 8);
        const uint32_t how = draw() % 9;
        value = how < 7 ? values[how] : how == 7 ? value + 1 : value - 1;
        memcpy((char *)&h + 8 * field, &value, 8);
        h.own = pwf_hash_bytes(&h, offsetof(pwf_header, own));
        put(&h, sizeof h, 0);
        pwf_ckpt_info info;
        const pwf_status s = pwf_ckpt_inspect(path, &info);
        if (s.code == PWF_OK)
            let_through++;
        else
            assert_int_equal(s.code, PWF_DATA);
    }
    restore(sizeof(pwf_header), 0);
    /* A value that is the same again is no contradiction. */
    print_message("4000 crafted first blocks, %d of them consistent\n", let_through);
    still_good();
}

/* Tables changed, with root and own hash made good again: either refused, or opened without harm.
 */
static void test_crafted_tables(void **state)
{
    (void)state;
    pwf_header good;
    memcpy(&good, bytes, sizeof good);
    for (int i = 0; i < 400; i++) {
        const size_t extents = (size_t)good.extent_rows * sizeof(pwf_extent);
        const bool names = draw() % 4 == 0;
        const size_t at = names ? good.names + draw() % (uint64_t)good.names_bytes
                                : good.extents + draw() % extents;
        const unsigned char value = (unsigned char)draw();
        put(&value, 1, at);
        pwf_file file = {.fd = fd, .path = path, .header = good};
        file.extents = malloc(extents);
        assert_non_null(file.extents);
        memcpy(file.extents, bytes + good.extents, extents);
        /* root over the good extents: where the bytes outside lie is then as before */
        assert_int_equal(pwf_file_root(&file, &file.header.root).code, PWF_OK);
        free(file.extents);
        pwf_file_seal(&file.header);
        put(&file.header, sizeof file.header, 0);
        pwf_ckpt_info info;
        const pwf_status s = pwf_ckpt_inspect(path, &info);
        assert_true(s.code == PWF_DATA || value == bytes[at]);
        restore(1, at);
    }
    restore(sizeof(pwf_header), 0);
    still_good();
}

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flip_in_each_page), cmocka_unit_test(test_flip_outside_arrays),
        cmocka_unit_test(test_names_the_piece),   cmocka_unit_test(test_wrong_pages),
        cmocka_unit_test(test_truncation),        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_crafted),           cmocka_unit_test(test_crafted_tables),
    };
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    pwf_mesh_stop();
    return failed;
}
