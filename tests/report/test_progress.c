/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line at every width, the estimate of the time left on a virtual clock, and what a
 * terminal and a batch log show. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/virtual_clock.h"
#include "pwf/core/log.h"
#include "report_room.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pwf_report_progress sample = {.phase = "round 3/10",
                                           .phase_done = 412,
                                           .phase_total = 936,
                                           .units_done = 43.9,
                                           .units_total = 100,
                                           .images_per_second = 12345.4,
                                           .loss = 0.23416};

static void the_line_fits_every_width(void **state)
{
    (void)state;
    char line[256];
    pwf_progress_line(line, &sample, 170, 200);
    assert_string_equal(line, "round 3/10  412/936  [========>           ]  43 %  12,345 images/s  "
                              "loss 0.2342  about 3 min left");
    pwf_progress_line(line, &sample, 170, 79);
    assert_string_equal(line, "round 3/10  412/936  43 %  12,345 images/s  about 3 min left");
    pwf_progress_line(line, &sample, 170, 40);
    assert_string_equal(line, "round 3/10  43 %  about 3 min left");
    pwf_progress_line(line, &sample, 170, 12);
    assert_string_equal(line, "round 3/10");
    for (int columns = 0; columns < 200; columns++) {
        pwf_progress_line(line, &sample, 170, columns);
        assert_true((int)strlen(line) <= columns);
        assert_true(columns < 10 || strncmp(line, "round 3/10", 10) == 0);
    }
    /* Unknown values are not shown. */
    const pwf_report_progress bare = {.phase = "evaluation", .loss = (double)NAN};
    pwf_progress_line(line, &bare, -1, 200);
    assert_string_equal(line, "evaluation  [>                   ]  0 %");
    pwf_report_progress full = sample;
    full.units_done = full.units_total;
    pwf_progress_line(line, &full, 0, 200);
    assert_non_null(strstr(line, "[====================]  100 %"));
    full.units_done = 99.99;
    pwf_progress_line(line, &full, 0, 200);
    assert_non_null(strstr(line, "  99 %"));
    char long_phase[1000];
    memset(long_phase, 'x', sizeof long_phase);
    long_phase[999] = '\0';
    full.phase = long_phase;
    pwf_progress_line(line, &full, 1, 30);
    assert_int_equal(strlen(line), 30);
}

static void time_left_follows_the_pace(void **state)
{
    (void)state;
    pwf_pace pace = {0};
    double now = 1000, left = 0;
    /* Resumed at unit 500 of 1000: what the earlier process did does not count. */
    assert_true(pwf_pace_left(&pace, now, 500, 1000) < 0);
    for (int i = 1; i <= 100; i++)
        left = pwf_pace_left(&pace, now += 1, 500 + i, 1000);
    assert_true(fabs(left - 400) < 1);
    assert_true(fabs(pwf_pace_left(&pace, now, 600, 1000) - 400) < 1); /* no time has passed */
    /* One slow step moves it little. */
    left = pwf_pace_left(&pace, now += 5, 601, 1000);
    assert_true(left > 399 && left < 399 * 1.08);
    /* A slower phase is learned: a tenth of the speed for ten minutes. */
    for (int i = 1; i <= 600; i++)
        left = pwf_pace_left(&pace, now += 1, 601 + i * 0.1, 1000);
    assert_true(left > 2000 && left < 3500);
    assert_true(pwf_pace_left(&pace, now += 1, 1000, 1000) == 0);
    /* Too early for an estimate, and no progress. */
    pace = (pwf_pace){0};
    pwf_pace_left(&pace, 0, 0, 10);
    assert_true(pwf_pace_left(&pace, 1, 1, 10) < 0);
    pace = (pwf_pace){0};
    pwf_pace_left(&pace, 0, 0, 10);
    assert_true(pwf_pace_left(&pace, 100, 0, 10) < 0);
}

/* Returns what `work` prints on stderr. */
static char *stderr_of(void (*work)(bool), bool live)
{
    char name[] = "stderr_XXXXXX";
    const int file = mkstemp(name), kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    dup2(file, STDERR_FILENO);
    work(live);
    dup2(kept, STDERR_FILENO);
    close(kept);
    const off_t size = lseek(file, 0, SEEK_END);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(pread(file, text, (size_t)size, 0), size);
    close(file);
    unlink(name);
    return text;
}

static void show_much(bool live)
{
    char dir[] = "run_XXXXXX";
    pwf_report *r = NULL;
    if (!mkdtemp(dir) || pwf_report_open(dir, 0, 0, live, &r).code != PWF_OK) abort();
    for (int i = 0; i < 45000; i++) {
        pwf_report_progress p = sample;
        p.log_now = i % 10000 == 0 && i < 30000;
        pwf_report_show(r, &p);
        if (i == 5) PWF_INFO("TEST", "a message");
        virtual_advance(1e-5);
    }
    if (pwf_report_close(r).code != PWF_OK) abort();
    PWF_INFO("TEST", "after the end");
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

static void a_terminal_gets_one_line(void **state)
{
    (void)state;
    char *text = stderr_of(show_much, true);
    const int draws = occurrences(text, "\rround 3/10");
    assert_true(draws >= 2 && draws <= 5); /* in 0.45 s, at most ten times a second */
    assert_int_equal(occurrences(text, "PROGRESS"), 0);
    /* Wiped before the message, and at the end. */
    assert_non_null(strstr(text, "\r\033[K2"));
    const char *end = strstr(text, "after the end");
    assert_non_null(end);
    assert_int_equal(occurrences(text, "\n"), 2);
    free(text);
}

static void a_batch_log_gets_plain_lines(void **state)
{
    (void)state;
    char *text = stderr_of(show_much, false);
    assert_null(strchr(text, '\r'));
    assert_null(strchr(text, '\033'));
    const int lines = occurrences(text, "code=PROGRESS");
    assert_true(lines >= 1 && lines <= 3);
    assert_non_null(
        strstr(text, "msg=\"round 3/10 412/936, loss 0.2342, 12,345 images/s, 43 % of the run"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_fits_every_width),
        cmocka_unit_test(time_left_follows_the_pace),
        cmocka_unit_test(a_terminal_gets_one_line),
        cmocka_unit_test(a_batch_log_gets_plain_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
