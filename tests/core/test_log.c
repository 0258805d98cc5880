/* SPDX-License-Identifier: BSD-3-Clause */
/* Log lines: fields and escapes of logfmt, sentences on a terminal, levels and ranks, the progress
 * line, and lines longer than the limit. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/log.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int file = -1, kept = -1;
static char name[32];

static void capture(void)
{
    strcpy(name, "log_XXXXXX");
    file = mkstemp(name);
    kept = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
}

static const char *captured(void)
{
    static char text[60000];
    dup2(kept, STDERR_FILENO);
    close(kept);
    const ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    close(file);
    unlink(name);
    return text;
}

static int fresh(void **state)
{
    (void)state;
    pwf_log_set_rank(0);
    pwf_log_set(PWF_LOG_INFO, false);
    pwf_log_at("", -1);
    pwf_log_wipe_line();
    unsetenv("SLURM_JOB_ID");
    return 0;
}

static void a_line_of_fields(void **state)
{
    (void)state;
    pwf_log_at("ckpt.write", 1200);
    setenv("SLURM_JOB_ID", "881", 1);
    capture();
    PWF_WARN("CKPT_NOSPC", "path \"%s\" is\nfull\t\\", "a b");
    const char *text = captured();
    assert_non_null(strstr(text, "Z level=warn code=CKPT_NOSPC rank=0 host="));
    assert_non_null(strstr(text, " job=881 phase=ckpt.write step=1200 "
                                 "msg=\"path \\\"a b\\\" is\\x0afull\\x09\\\\\"\n"));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
}

static void levels_and_ranks(void **state)
{
    (void)state;
    capture();
    pwf_log(PWF_LOG_DEBUG, "A", "below the level");
    PWF_INFO("B", "of rank 0");
    pwf_log_set_rank(3);
    PWF_INFO("C", "of rank 3");
    PWF_WARN("D", "of rank 3");
    pwf_log_set(PWF_LOG_ERROR, false);
    PWF_WARN("E", "below the level");
    const char *text = captured();
    assert_null(strstr(text, "code=A"));
    assert_non_null(strstr(text, "level=info code=B rank=0"));
    assert_null(strstr(text, "code=C"));
    assert_non_null(strstr(text, "level=warn code=D rank=3"));
    assert_null(strstr(text, "code=E"));
}

static void sentences_for_people(void **state)
{
    (void)state;
    pwf_log_set(PWF_LOG_INFO, true);
    capture();
    PWF_INFO("A", "hello \"you\"");
    pwf_log_status(PWF_FAIL(PWF_DATA, "x is bad"));
    pwf_log_status(pwf_ok());
    pwf_log_set_rank(2);
    PWF_WARN("B", "careful\033[2J");
    pwf_log_status(PWF_FAIL(PWF_DATA, "all ranks know it, one says it"));
    assert_string_equal(captured(), "hello \"you\"\nerror: x is bad\n"
                                    "warning: rank 2: careful\\x1b[2J\n");
}

static void a_status_has_its_place(void **state)
{
    (void)state;
    capture();
    pwf_log_status(PWF_FAIL(PWF_DATA, "x is bad"));
    const char *text = captured();
    assert_non_null(strstr(text, "level=error code=DATA rank=0"));
    assert_non_null(strstr(text, "msg=\"x is bad [tests/core/test_log.c:"));
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char *words = malloc(20001);
    assert_non_null(words);
    for (int kind = 0; kind < 3; kind++) {
        memset(words, kind == 0 ? 'x' : kind == 1 ? '"' : '\n', 20000);
        words[20000] = '\0';
        for (int plain = 0; plain < 2; plain++) {
            pwf_log_set(PWF_LOG_INFO, plain != 0);
            capture();
            PWF_INFO("LONG", "%s", words);
            const char *text = captured();
            const size_t length = strlen(text);
            assert_true(length > 4000 && length <= 4096);
            assert_int_equal(strcspn(text, "\n"), length - 1);
            if (!plain) assert_true(text[length - 2] == '"');
        }
    }
    free(words);
}

static void the_progress_line_is_wiped_first(void **state)
{
    (void)state;
    pwf_log_set(PWF_LOG_INFO, true);
    capture();
    pwf_log_draw_line("10 %");
    pwf_log_draw_line("11 %");
    PWF_INFO("A", "one");
    pwf_log_draw_line("12 %");
    pwf_log(PWF_LOG_DEBUG, "B", "not printed, nothing wiped");
    PWF_INFO("C", "two");
    PWF_INFO("D", "no line to wipe");
    assert_string_equal(captured(), "\r10 %\033[K\r11 %\033[K\r\033[Kone\n"
                                    "\r12 %\033[K\r\033[Ktwo\nno line to wipe\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_of_fields, fresh),
        cmocka_unit_test_setup(levels_and_ranks, fresh),
        cmocka_unit_test_setup(sentences_for_people, fresh),
        cmocka_unit_test_setup(a_status_has_its_place, fresh),
        cmocka_unit_test_setup(long_messages_are_cut, fresh),
        cmocka_unit_test_setup(the_progress_line_is_wiped_first, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
