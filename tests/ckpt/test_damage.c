/* SPDX-License-Identifier: BSD-3-Clause */
/* Damage of every kind to a checkpoint file: verify refuses each damaged file. Without arguments,
 * also that the message names the damaged part. As `test_damage cuts|flips|pages K N`, cases K,
 * K + N, ... of all truncations, all flipped bits (each one outside the arrays, three per page), or
 * all pages that are zeroed or replaced; the previous checkpoint must then be found. Prints
 * "KIND*COUNT what" for tests/faults.sh. `test_damage newer FILE` fakes a later format version. */
#include "example.h"
#include "file.h"

#include "pwf/core/log.h"
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

/* The message about a flipped bit in an array names the array and the parameter, or the first and
 * last parameter of its block. */
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
            if (!strstr(s.text, file.name[i]) && !strstr(s.text, "(parameters "))
                fail_msg("%s: not %s", s.text, file.name[i]);
        }
    }
    pwf_file_close(&file);
}

/* The first block of a later format version; the rest of the file is arbitrary. */
static void make_newer(void)
{
    pwf_header h;
    assert_int_equal(pread(fd, &h, sizeof h, 0), (ssize_t)sizeof h);
    h.version = PWF_FORMAT + 1;
    h.own = pwf_hash_bytes(&h, offsetof(pwf_header, own));
    put(&h, sizeof h, 0);
}

static void test_newer(void **state)
{
    (void)state;
    make_newer();
    const pwf_status s = refused("version", 0);
    assert_non_null(strstr(s.text, "newer"));
    restore(sizeof(pwf_header), 0);
}

/* The hashes are recomputed after the damage, so only the checks of each number can detect it. */
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
        pwf_loaded_info info;
        const pwf_status s = pwf_ckpt_inspect(path, true, &info);
        if (s.code == PWF_OK)
            let_through++;
        else
            assert_int_equal(s.code, PWF_DATA);
    }
    restore(sizeof(pwf_header), 0);
    /* The random value may equal the original one. */
    print_message("4000 crafted first blocks, %d of them consistent\n", let_through);
    still_good();
}

/* Changed tables with recomputed root and own hash: they are refused, or opened without harm. */
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
        /* the root hash over the original extents, which define the bytes outside the arrays */
        assert_int_equal(pwf_file_root(&file, -1, &file.header.root).code, PWF_OK);
        free(file.extents);
        pwf_file_seal(&file.header);
        put(&file.header, sizeof file.header, 0);
        pwf_loaded_info info;
        const pwf_status s = pwf_ckpt_inspect(path, true, &info);
        assert_true(s.code == PWF_DATA || value == bytes[at]);
        restore(1, at);
    }
    restore(sizeof(pwf_header), 0);
    still_good();
}

/* ---- sweeps, for tests/faults.sh ---- */

static struct {
    int64_t next, from, stride; /* of the cases */
    int64_t refused;            /* since the last report */
    const pwf_mesh *mesh;
} sweep;

/* Whether the next case is a requested one. */
static bool is_wanted(void)
{
    return sweep.next++ % sweep.stride == sweep.from;
}

/* The damaged file is refused with a message, and the previous checkpoint is found. */
static void judge(const char *what, size_t at)
{
    static char found_path[PWF_PATH];
    bool found = false;
    const pwf_status s = pwf_ckpt_verify(path);
    const pwf_status f = pwf_ckpt_find(sweep.mesh, "damage", found_path, &found);
    const char *kind = "refused";
    if (s.code == PWF_OK || f.code != PWF_OK || strcmp(found_path, older) != 0)
        kind = "wrong";
    else if (s.code != PWF_DATA)
        kind = "code";
    else if (!strstr(s.text, path))
        kind = "silent";
    if (strcmp(kind, "refused") == 0)
        sweep.refused++;
    else
        printf("%s %s at %zu: %s %s\n", kind, what, at, pwf_code_name(s.code), s.text);
}

static void report(const char *what)
{
    if (sweep.refused > 0)
        printf("refused*%lld %s: the one before is used\n", (long long)sweep.refused, what);
    sweep.refused = 0;
}

static void sweep_cuts(void)
{
    for (size_t at = 0; at < size; at += at + 8192 <= size ? 4096 : 1) {
        if (!is_wanted()) continue;
        assert_true(ftruncate(fd, (off_t)at) == 0);
        judge("cut off", at);
        restore(size - at, at);
    }
    if (is_wanted()) {
        put("x", 1, size);
        judge("one byte more", size);
        assert_true(ftruncate(fd, (off_t)size) == 0);
    }
    report("cut off, at pages and in the last page at each byte");
}

static void turn(const char *what, size_t at, int bit)
{
    const unsigned char other = bytes[at] ^ (unsigned char)(1 << bit);
    if (!is_wanted()) return;
    put(&other, 1, at);
    judge(what, at);
    restore(1, at);
}

static void turn_all(const char *what, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        for (int bit = 0; bit < 8; bit++)
            turn(what, at, bit);
}

/* Whether a byte is outside the arrays: in HDF5 headers, tables or small datasets. */
static void sweep_flips(void)
{
    pwf_file file;
    assert_true(pwf_file_open(path, &file).code == PWF_OK);
    turn_all("first block", 0, PWF_FIRST_BLOCK);
    report("a bit of the first block turned");
    size_t at = PWF_FIRST_BLOCK;
    while (at < size) { /* up to the next array, which may be in several pieces */
        size_t next = size, end = size;
        for (int64_t i = 0; i < file.header.extent_rows; i++) {
            const pwf_extent *e = &file.extents[i];
            if ((size_t)e->offset < at || (size_t)e->offset >= next) continue;
            next = (size_t)e->offset;
            end = next + (size_t)e->count * file.header.array[e->array].size;
        }
        turn_all("outside the arrays", at, next);
        at = end;
    }
    report("a bit outside the arrays turned");
    for (size_t page = 0; page < size; page += 4096)
        for (int i = 0; i < 3; i++)
            turn("page", page + draw() % (uint32_t)(size - page < 4096 ? size - page : 4096),
                 (int)(draw() % 8));
    report("three bits of each page turned, one at a time");
    pwf_file_close(&file);
}

static void sweep_pages(void)
{
    static const unsigned char zeros[4096];
    for (size_t page = 0; page < size; page += 4096) {
        const size_t n = size - page < 4096 ? size - page : 4096;
        const size_t other = draw() % (uint32_t)(size / 4096) * 4096;
        const struct {
            const char *what;
            const unsigned char *from;
        } sources[] = {{"page of zeros", zeros},
                       {"page of another place", bytes + other},
                       {"older page", old_bytes + page}};
        for (int i = 0; i < 3; i++) {
            if (memcmp(sources[i].from, bytes + page, n) == 0 || !is_wanted()) continue;
            put(sources[i].from, n, page);
            judge(sources[i].what, page);
            restore(n, page);
        }
        /* If all bytes from here on are equal, the spliced file equals the good one. */
        if (page == 0 || memcmp(old_bytes + page, bytes + page, size - page) == 0) continue;
        if (is_wanted()) {
            put(old_bytes, page, 0);
            judge("spliced", page);
            restore(page, 0);
        }
        if (other == page || n < 4096 || memcmp(bytes + other, bytes + page, n) == 0) continue;
        if (is_wanted()) {
            put(bytes + page, n, other);
            put(bytes + other, n, page);
            judge("swapped", page);
            restore(n, page);
            restore(n, other);
        }
    }
    report("pages zeroed, of another place, older, swapped, spliced");
}

static int run_sweep(char **argument)
{
    pwf_mesh *mesh = NULL;
    if (pwf_mesh_new(1, &mesh).code != PWF_OK || setup(NULL) != 0) return PWF_BUG;
    pwf_log_set(PWF_LOG_ERROR, true);
    sweep.mesh = mesh;
    sweep.from = atoll(argument[2]);
    sweep.stride = atoll(argument[3]);
    if (strcmp(argument[1], "cuts") == 0) sweep_cuts();
    if (strcmp(argument[1], "flips") == 0) sweep_flips();
    if (strcmp(argument[1], "pages") == 0) sweep_pages();
    if (pwf_ckpt_verify(path).code != PWF_OK) printf("wrong the good file is not good any more\n");
    pwf_mesh_free(mesh);
    return teardown(NULL);
}

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK) return 1;
    if (argc == 3) {
        fd = open(argv[2], O_RDWR);
        make_newer();
        close(fd);
        pwf_mesh_stop();
        return 0;
    }
    if (argc == 4) {
        const int code = run_sweep(argv);
        pwf_mesh_stop();
        return code;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_the_piece),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_crafted),
        cmocka_unit_test(test_crafted_tables),
    };
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    pwf_mesh_stop();
    return failed;
}
