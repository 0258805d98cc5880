/* SPDX-License-Identifier: BSD-3-Clause */
/* Status, memory, instruction sets, hash and clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/clock.h"
#include "pwf/core/codes.h"
#include "pwf/core/hash.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/core/status.h"
#include "pwf/core/words.h"

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The sanitizer would end the program where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static pwf_status passes_on(pwf_status s, bool *reached)
{
    *reached = false;
    PWF_TRY(s);
    *reached = true;
    return pwf_ok();
}

static void a_status_names_thing_and_place(void **state)
{
    (void)state;
    bool reached = false;
    assert_int_equal(passes_on(pwf_ok(), &reached).code, PWF_OK);
    assert_true(reached);
    const pwf_status s = passes_on(PWF_FAIL(PWF_DATA, "%s is bad at %d", "x.h5", 7), &reached);
    const int line = __LINE__ - 1;
    assert_false(reached);
    assert_int_equal(s.code, PWF_DATA);
    assert_int_equal(s.line, line);
    assert_non_null(strstr(s.file, "test_core.c"));
    assert_string_equal(s.text, "x.h5 is bad at 7");
    char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(PWF_FAIL(PWF_IO, "%s", text).text), PWF_STATUS_TEXT - 1);
}

static void codes_are_exit_codes(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
    } codes[] = {{0, "OK"},      {64, "USAGE"},   {65, "DATA"},     {66, "MISSING"},
                 {69, "LAUNCH"}, {70, "BUG"},     {71, "RESOURCE"}, {73, "CANTCREATE"},
                 {74, "IO"},     {75, "STOPPED"}, {76, "NUMBERS"},  {77, "DENIED"},
                 {78, "CONFIG"}, {79, "STUCK"},   {1, "UNKNOWN"}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_string_equal(pwf_code_name((pwf_code)codes[i].number), codes[i].name);
}

static void a_broken_assertion_aborts(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        PWF_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

static void memory_is_accounted(void **state)
{
    (void)state;
    assert_int_equal(pwf_mem_live(), 0);
    float *a = NULL;
    unsigned char *b = NULL;
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, 1000, sizeof *a, &a).code, PWF_OK);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_DATA, 77, 1, &b).code, PWF_OK);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal((uintptr_t)b % 64, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(a[i] == 0.0f);
    memset(b, 0xff, 77);
    assert_int_equal(pwf_mem_now(PWF_MEM_STATE), 4000);
    assert_int_equal(pwf_mem_now(PWF_MEM_DATA), 77);
    assert_int_equal(pwf_mem_live(), 2);
    pwf_mem_free(a);
    assert_int_equal(pwf_mem_now(PWF_MEM_STATE), 0);
    assert_int_equal(pwf_mem_peak(PWF_MEM_STATE), 4000);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, 10, 8, &a).code, PWF_OK);
    assert_int_equal(pwf_mem_peak(PWF_MEM_STATE), 4000);
    assert_int_equal(pwf_mem_peak_total(), 4077);
    pwf_mem_free(a);
    pwf_mem_free(b);
    pwf_mem_free(NULL);
    assert_int_equal(pwf_mem_live(), 0);
    assert_true(pwf_mem_process_peak() > 100000);
    for (int k = 0; k < PWF_MEM_KINDS; k++)
        assert_true(strlen(pwf_mem_name((pwf_mem_kind)k)) > 3);
}

static void too_much_memory_is_refused(void **state)
{
    (void)state;
    char *p = (char *)1;
    pwf_status s = pwf_mem_alloc(PWF_MEM_GRADIENTS, INT64_MAX, 16, &p);
    assert_int_equal(s.code, PWF_RESOURCE);
    assert_non_null(strstr(s.text, "gradients"));
    assert_null(p);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, -1, 1, &p).code, PWF_RESOURCE);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, INT64_MAX, 1, &p).code, PWF_RESOURCE);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, INT64_C(1) << 60, 2, &p).code, PWF_RESOURCE);
    assert_null(p);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_STATE, 0, 8, &p).code, PWF_OK);
    assert_non_null(p);
    pwf_mem_free(p);
    assert_int_equal(pwf_mem_live(), 0);
    assert_int_equal(pwf_mem_now(PWF_MEM_STATE), 0);
}

static void instruction_sets(void **state)
{
    (void)state;
    assert_int_equal(pwf_isa_now(), pwf_isa_best());
    for (int i = 0; i < PWF_ISA_COUNT; i++) {
        pwf_isa_use((pwf_isa)i);
        assert_true(pwf_isa_now() <= pwf_isa_best());
        assert_true(pwf_isa_now() == (pwf_isa)i || (pwf_isa)i > pwf_isa_best());
    }
    pwf_isa_use(pwf_isa_best());
    assert_true(!pwf_isa_bf16() || pwf_isa_best() == PWF_ISA_AVX512);
    pwf_isa_use_bf16(false);
    assert_false(pwf_isa_bf16());
    pwf_isa_use_bf16(true);
    assert_string_equal(pwf_isa_name(PWF_ISA_BASE), "base");
    assert_string_equal(pwf_isa_name(PWF_ISA_AVX2), "avx2");
    assert_string_equal(pwf_isa_name(PWF_ISA_AVX512), "avx512");
}

static void hash_of_pieces(void **state)
{
    (void)state;
    char text[33];
    pwf_hash_text(pwf_hash_bytes("", 0), text); /* published value of XXH3, 128 bits, no seed */
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    unsigned char bytes[5000];
    for (int i = 0; i < 5000; i++)
        bytes[i] = (unsigned char)(i * i >> 3);
    const pwf_hash whole = pwf_hash_bytes(bytes, sizeof bytes);
    for (size_t piece = 1; piece < 5000; piece = 3 * piece + 1) {
        pwf_hasher h;
        pwf_hasher_begin(&h);
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            const size_t left = sizeof bytes - at;
            pwf_hasher_add(&h, bytes + at, left < piece ? left : piece);
            (void)pwf_hasher_digest(&h); /* a digest does not change the state */
        }
        const pwf_hash same = pwf_hasher_digest(&h);
        assert_memory_equal(&whole, &same, sizeof whole);
    }
    bytes[4999] ^= 1;
    const pwf_hash other = pwf_hash_bytes(bytes, sizeof bytes);
    assert_true(other.lo != whole.lo && other.hi != whole.hi);
}

static void clocks(void **state)
{
    (void)state;
    const double start = pwf_clock_seconds();
    const struct timespec wait = {0, 20000000};
    nanosleep(&wait, NULL);
    const double passed = pwf_clock_seconds() - start;
    assert_true(passed >= 0.0199 && passed < 10);
    char text[25];
    pwf_clock_utc(text);
    assert_int_equal(strlen(text), 24);
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (int i = 0; i < 24; i++)
        assert_true(form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i]);
}

/* --help and the manual page print the same table; each code has one row, in ascending order. */
static void exit_codes_page_is_current(void **state)
{
    (void)state;
    const char *folder = getenv("PWF_SOURCE_DIR");
    for (int i = 1; i < pwf_code_count; i++)
        assert_true(pwf_code_rows[i - 1].code < pwf_code_rows[i].code);
    if (!folder) skip();
    char path[4096], there[1 << 14] = "", *now = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&now, &size);
    assert_non_null(out);
    pwf_codes_print_markdown(out);
    fclose(out);
    snprintf(path, sizeof path, "%s/docs/reference/exit-codes.md", folder);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    there[fread(there, 1, sizeof there - 1, in)] = '\0';
    fclose(in);
    if (strcmp(now, there) != 0) {
        out = fopen("exit-codes.md", "w");
        if (out) fputs(now, out), fclose(out);
        fail_msg("%s differs from the table; copy exit-codes.md from the test's folder over it",
                 path);
    }
    free(now);
}

static void nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"--output", "--resume", "--config", NULL};
    assert_string_equal(pwf_word_nearest("--ouptut", words), "--output");
    assert_string_equal(pwf_word_nearest("--resum", words), "--resume");
    assert_null(pwf_word_nearest("--verbose", words));
    assert_int_equal(pwf_word_distance("abc", "acb"), 1);
    assert_int_equal(pwf_word_distance("", "abc"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_names_thing_and_place),
        cmocka_unit_test(codes_are_exit_codes),
        cmocka_unit_test(a_broken_assertion_aborts),
        cmocka_unit_test(memory_is_accounted),
        cmocka_unit_test(too_much_memory_is_refused),
        cmocka_unit_test(instruction_sets),
        cmocka_unit_test(hash_of_pieces),
        cmocka_unit_test(clocks),
        cmocka_unit_test(exit_codes_page_is_current),
        cmocka_unit_test(nearest_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
