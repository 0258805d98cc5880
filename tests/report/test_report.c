/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a report: rows are appended, cut back on resume and read back for the summary;
 * links, damaged files and a full disk are reported. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/mem.h"
#include "report_room.h"

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];

static int fresh(void **state)
{
    (void)state;
    strcpy(dir, "run_XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void path_of(char path[64], const char *name)
{
    snprintf(path, 64, "%s/%s", dir, name);
}

static char *read_text(const char *name)
{
    char path[64];
    path_of(path, name);
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    char *text = calloc(1, 100000);
    assert_non_null(text);
    const size_t n = fread(text, 1, 99999, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void holds(const char *name, const char *expected)
{
    char *text = read_text(name);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static pwf_report *open_good(int64_t metrics, int64_t rounds)
{
    pwf_report *r = NULL;
    const pwf_status s = pwf_report_open(dir, metrics, rounds, false, &r);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    return r;
}

static void refused(int64_t metrics, int64_t rounds, pwf_code code, const char *word)
{
    pwf_report *r = NULL;
    const pwf_status s = pwf_report_open(dir, metrics, rounds, false, &r);
    if (s.code != code || !strstr(s.text, word)) fail_msg("code %d: %s", (int)s.code, s.text);
    assert_null(r);
}

static void step_row(pwf_report *r, int step)
{
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "step");
    pwf_json_set_int(row, "step", step);
    assert_int_equal(pwf_report_row(r, row).code, PWF_OK);
}

static void round_rows(pwf_report *r, int64_t round)
{
    pwf_round_step steps[2] = {{.order = 1,
                                .delta = 1,
                                .centre = 0.0625,
                                .count = 12345,
                                .mean = 0.0625123456789,
                                .spread = 0.001},
                               {.order = 4,
                                .delta = 2097153.0 / 1024,
                                .centre = -2097151.0 / 128,
                                .count = 1,
                                .mean = -1e-9}};
    const pwf_round_result result = {.steps = steps, .count = 2};
    assert_int_equal(pwf_report_round(r, round, &result).code, PWF_OK);
}

#define HEADER "round,order,delta,centre,count,mean,spread\n"
#define ROUND_1                                                                                    \
    "1,1,1,0.0625,12345,0.0625123457,0.001\n1,4,2048.0009765625,-16383.9921875,1,-1e-09,0\n"

static void rows_are_cut_back_on_resume(void **state)
{
    (void)state;
    pwf_report *r = open_good(0, 0);
    step_row(r, 1);
    round_rows(r, 1);
    int64_t metrics = 0, rounds = 0;
    assert_int_equal(pwf_report_lengths(r, &metrics, &rounds).code, PWF_OK);
    holds("metrics.jsonl", "{\"kind\": \"step\", \"step\": 1}\n");
    holds("rounds.csv", HEADER ROUND_1);
    assert_int_equal(metrics, 28);
    assert_int_equal(rounds, (int64_t)strlen(HEADER ROUND_1));
    step_row(r, 2);
    round_rows(r, 2);
    assert_int_equal(pwf_report_close(r).code, PWF_OK);

    r = open_good(metrics, rounds);
    step_row(r, 3);
    assert_int_equal(pwf_report_close(r).code, PWF_OK);
    holds("metrics.jsonl",
          "{\"kind\": \"step\", \"step\": 1}\n{\"kind\": \"step\", \"step\": 3}\n");
    holds("rounds.csv", HEADER ROUND_1);

    r = open_good(0, 0); /* from the start again */
    assert_int_equal(pwf_report_close(r).code, PWF_OK);
    holds("metrics.jsonl", "");
    holds("rounds.csv", HEADER);
    struct stat st;
    char path[64];
    path_of(path, "metrics.jsonl");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 022, 0);
}

static void files_that_do_not_fit(void **state)
{
    (void)state;
    pwf_report *r = open_good(28, 43); /* missing files: created */
    step_row(r, 1);
    step_row(r, 2);
    pwf_report_close(r);
    holds("rounds.csv", HEADER);
    r = open_good(57, 44); /* shorter than the checkpoint says */
    pwf_report_close(r);
    holds("metrics.jsonl",
          "{\"kind\": \"step\", \"step\": 1}\n{\"kind\": \"step\", \"step\": 2}\n");
    holds("rounds.csv", HEADER);
    r = open_good(40, 43); /* in the middle of a line */
    step_row(r, 3);
    pwf_report_close(r);
    holds("metrics.jsonl",
          "{\"kind\": \"step\", \"step\": 1}\n{\"kind\": \"step\", \"step\": 3}\n");
    char path[64], other[64];
    path_of(path, "metrics.jsonl");
    path_of(other, "other");
    unlink(path);
    assert_int_equal(symlink("other", path), 0);
    refused(0, 0, PWF_DENIED, "symbolic link");
    assert_int_equal(access(other, F_OK), -1); /* nothing written through the link */
    unlink(path);
    path_of(path, "rounds.csv");
    path_of(other, "config.yaml");
    unlink(other);
    assert_int_equal(link(path, other), 0);
    refused(0, 0, PWF_DENIED, "hard link");
    unlink(other);
    path_of(path, "metrics.jsonl");
    unlink(path);
    mkdir(path, 0777);
    refused(0, 0, PWF_CANTCREATE, "metrics.jsonl");
    strcpy(dir, "no-such-folder");
    refused(0, 0, PWF_CANTCREATE, "no-such-folder");
}

static void the_configuration_is_replaced(void **state)
{
    (void)state;
    pwf_report *r = open_good(0, 0);
    for (int i = 0; i < 2; i++) /* again on resume */
        assert_int_equal(pwf_report_config(r, i ? "model:\n" : "longer text\n").code, PWF_OK);
    pwf_report_close(r);
    holds("config.yaml", "model:\n");
}

/* A full disk, simulated by a file size limit: no incomplete line remains. */
static void a_failed_write_leaves_whole_lines(void **state)
{
    (void)state;
    pwf_report *r = open_good(0, 0);
    step_row(r, 1);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 40;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGXFSZ, &ignore, &before);
    setrlimit(RLIMIT_FSIZE, &small);
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "a row that is longer than the rest of the disk");
    const pwf_status s = pwf_report_row(r, row);
    setrlimit(RLIMIT_FSIZE, &old);
    sigaction(SIGXFSZ, &before, NULL);
    assert_int_equal(s.code, PWF_IO);
    assert_non_null(strstr(s.text, "cannot append to"));
    holds("metrics.jsonl", "{\"kind\": \"step\", \"step\": 1}\n");
    step_row(r, 2);
    holds("metrics.jsonl",
          "{\"kind\": \"step\", \"step\": 1}\n{\"kind\": \"step\", \"step\": 2}\n");
    pwf_report_close(r);
}

static void evaluate(pwf_report *r, int64_t round, bool final)
{
    const pwf_report_eval e = {.round = round,
                               .final = final,
                               .weights = 306730,
                               .fixed = round == 0 ? 0 : 1,
                               .top1 = round == 0 ? 0.9193 : 0.9162,
                               .top5 = 0.9978,
                               .loss = 0.25,
                               .unique = round == 0 ? 281034 : 160,
                               .entropy = round == 0 ? 17.98 : 4.33,
                               .entropy_nonzero = round == 0 ? 17.98 : 4.4,
                               .has_ensemble = final,
                               .ensemble_top1 = 0.917,
                               .ensemble_nll = 0.23,
                               .ensemble_ece = 0.01};
    assert_int_equal(pwf_report_evaluation(r, &e, 100 * round, 1.5, "00ff").code, PWF_OK);
}

/* Redirects the output of pwf_report_final to a file. */
static pwf_status final_to(pwf_report *r, const char *name)
{
    char path[64];
    path_of(path, name);
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    dup2(fileno(f), STDOUT_FILENO);
    const pwf_status s = pwf_report_final(r, "a title", 261);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    fclose(f);
    return s;
}

static void the_final_table_knows_what_was_before_a_resume(void **state)
{
    (void)state;
    pwf_report *r = open_good(0, 0);
    step_row(r, 1);
    evaluate(r, 0, false);
    int64_t metrics = 0, rounds = 0;
    pwf_report_lengths(r, &metrics, &rounds);
    evaluate(r, 0, false); /* lost with the stop */
    pwf_report_close(r);
    r = open_good(metrics, rounds);
    evaluate(r, 1, false);
    evaluate(r, 1, true);
    const pwf_report_compact compact = {165327, 306730, 152371, 151995.2, 1237672};
    assert_int_equal(pwf_report_model(r, &compact, 100).code, PWF_OK);
    const pwf_status s = final_to(r, "stdout.txt");
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    pwf_report_close(r);
    static const char expected[] =
        "a title\n"
        "100.00 % of 306,730 weights fixed on 160 values (4.33 bits); top-1 91.62 %, 0.31 points "
        "below the unfixed network (91.93 %).\n\n"
        "round  fixed %  top-1 %  top-5 %      loss       unique  entropy  without zeros\n"
        "    0     0.00    91.93    99.78    0.2500      281,034    17.98          17.98\n"
        "    1   100.00    91.62    99.78    0.2500          160     4.33           4.40\n"
        "  end   100.00    91.62    99.78    0.2500          160     4.33           4.40\n"
        "Entropy in bits per weight. Row end: after the last round, with re-estimated BatchNorm "
        "statistics.\n"
        "Ensemble: top-1 91.70 %, negative log-likelihood 0.2300, calibration error 1.00 %.\n"
        "As model.pwf 165,327 bytes: 152,371 for the codes of 306,730 weights (entropy bound "
        "151,996), the rest fp32. All weights as fp32: 1,237,672 bytes.\n"
        "Took 4 min 21 s.\n";
    holds("summary.txt", expected);
    holds("stdout.txt", expected);
    char *svg = read_text("rounds.svg");
    assert_non_null(svg);
    assert_non_null(strstr(svg, "</svg>\n"));
    free(svg);
    assert_int_equal(pwf_mem_live(), 0);

    /* Every line is a JSON object with all its members. */
    char *text = read_text("metrics.jsonl");
    char *line = strchr(text, '\n') + 1;
    pwf_json *row = NULL;
    assert_int_equal(pwf_json_parse(line, strcspn(line, "\n"), &row).code, PWF_OK);
    double value = 0;
    const char *word = "";
    assert_true(pwf_json_get_real(row, "top1", &value) && value == 0.9193);
    assert_true(pwf_json_get_text(row, "fingerprint", &word));
    assert_string_equal(word, "00ff");
    assert_false(pwf_json_get_real(row, "ensemble_top1", &value));
    pwf_json_free(row);
    free(text);
}

static void a_damaged_metrics_file_is_named(void **state)
{
    (void)state;
    pwf_report *r = open_good(0, 0);
    evaluate(r, 0, false);
    assert_int_equal(final_to(r, "stdout.txt").code, PWF_OK);
    char path[64];
    path_of(path, "metrics.jsonl");
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"kind\": \"evaluation\", \"round\": 1}\n", f);
    fclose(f);
    pwf_status s = final_to(r, "stdout.txt");
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "metrics.jsonl, line 2: an evaluation with a number missing"));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"kind\": \"eval", f);
    fclose(f);
    s = final_to(r, "stdout.txt");
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "metrics.jsonl, line 1: invalid JSON"));
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(final_to(r, "stdout.txt").code, PWF_OK);
    holds("stdout.txt", "a title\nThere are no evaluations.\n\nTook 4 min 21 s.\n");
    pwf_report_close(r);
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_are_cut_back_on_resume, fresh),
        cmocka_unit_test_setup(files_that_do_not_fit, fresh),
        cmocka_unit_test_setup(the_configuration_is_replaced, fresh),
        cmocka_unit_test_setup(a_failed_write_leaves_whole_lines, fresh),
        cmocka_unit_test_setup(the_final_table_knows_what_was_before_a_resume, fresh),
        cmocka_unit_test_setup(a_damaged_metrics_file_is_named, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
