/* SPDX-License-Identifier: BSD-3-Clause */
/* The summary sentence, the table, the plots and the numbers in them, from given evaluations. The
 * SVG files must be well-formed XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "report_room.h"
#include "xml_check.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run as the quick start makes it. */
static const double shares[12] = {0, .2, .4, .6, .7, .8, .9, .95, .975, .99, 1, 1};
static const double top1[12] = {.9193, .9188, .9181, .9175, .9178, .9169,
                                .9171, .9166, .9159, .9162, .9155, .9162};
static const int64_t unique[12] = {281034, 225871, 169304, 112871, 84711, 56520,
                                   28377,  14261,  7215,   2987,   160,   160};
static const double entropy[12] = {17.98, 15.31, 12.66, 9.98, 8.73, 7.51,
                                   6.01,  5.22,  4.80,  4.52, 4.33, 4.33};

static void make_rows(pwf_report_eval rows[12])
{
    for (int i = 0; i < 12; i++)
        rows[i] = (pwf_report_eval){.round = i < 11 ? i : 10,
                                    .final = i == 11,
                                    .weights = 306730,
                                    .fixed = shares[i],
                                    .top1 = top1[i],
                                    .top5 = .9978,
                                    .loss = 0.2311 + 0.001 * i,
                                    .unique = unique[i],
                                    .entropy = entropy[i],
                                    .entropy_nonzero = entropy[i] + 0.05 + 0.02 * i};
    rows[11].has_ensemble = true;
    rows[11].ensemble_top1 = .9170;
    rows[11].ensemble_nll = .2317;
    rows[11].ensemble_ece = .0123;
}

static void the_sentence(void **state)
{
    (void)state;
    pwf_report_eval rows[12];
    char text[400];
    make_rows(rows);
    pwf_summary_sentence(text, rows, 12);
    assert_string_equal(text, "100.00 % of 306,730 weights fixed on 160 values (4.33 bits); top-1 "
                              "91.62 %, 0.31 points below the unfixed network (91.93 %).");
    rows[11].top1 = .9210;
    rows[11].weights = 0;
    pwf_summary_sentence(text, rows, 12);
    assert_string_equal(text, "100.00 % of the weights fixed on 160 values (4.33 bits); top-1 "
                              "92.10 %, 0.17 points above the unfixed network (91.93 %).");
    rows[11].top1 = rows[0].top1;
    pwf_summary_sentence(text, rows, 12);
    assert_non_null(strstr(text, "91.93 %, the same as the unfixed network."));
    pwf_summary_sentence(text, rows, 1);
    assert_string_equal(text, "0.00 % of 306,730 weights fixed; 281,034 values (17.98 bits); top-1 "
                              "91.93 %.");
    rows[0].fixed = 306729.0 / 306730; /* nearly all is not all */
    pwf_summary_sentence(text, rows, 1);
    assert_non_null(strstr(text, "99.99 % of"));
}

static void the_table(void **state)
{
    (void)state;
    pwf_report_eval rows[12];
    make_rows(rows);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    pwf_summary_print(out, rows, 12);
    fclose(out);
    static const char *const lines[] = {
        "round  fixed %  top-1 %  top-5 %      loss       unique  entropy  without zeros\n",
        "    0     0.00    91.93    99.78    0.2311      281,034    17.98          18.03\n",
        "    8    97.50    91.59    99.78    0.2391        7,215     4.80           5.01\n",
        "   10   100.00    91.55    99.78    0.2411          160     4.33           4.58\n",
        "  end   100.00    91.62    99.78    0.2421          160     4.33           4.60\n",
        "Ensemble: top-1 91.70 %, negative log-likelihood 0.2317, calibration error 1.23 %.\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i])) fail_msg("%s is missing from\n%s", lines[i], text);
    assert_null(strchr(text, '\r'));
    free(text);
}

/* Draws `count` rows, keeps the picture as NAME.svg in the working directory, and checks it. */
static char *draw(const pwf_report_eval *rows, int count, const char *title, const char *name)
{
    char *text = NULL, sentence[400], path[64];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    pwf_summary_sentence(sentence, rows, count);
    if (strstr(sentence, "nan")) strcpy(sentence, "not a number");
    pwf_plot_svg(out, title, sentence, rows, count);
    fclose(out);
    snprintf(path, sizeof path, "%s.svg", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    const char *wrong = xml_check(text);
    if (wrong) fail_msg("%s: %s", path, wrong);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf\""));
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

static void the_plots(void **state)
{
    (void)state;
    pwf_report_eval rows[12];
    make_rows(rows);
    static const int counts[] = {1, 2, 12};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "plot_%d", counts[i]);
        char *text = draw(rows, counts[i], "resnet_micro on Fashion-MNIST", name);
        assert_int_equal(occurrences(text, "<circle"), 4 * counts[i]);
        assert_int_equal(occurrences(text, "<path"), 4);
        assert_int_equal(occurrences(text, "class=\"unfixed\""), counts[i] > 1);
        free(text);
    }
}

static void odd_plots(void **state)
{
    (void)state;
    pwf_report_eval rows[12];
    make_rows(rows);
    free(draw(rows, 12, "a < b & c > d \"quoted\" \x01 \xff\xc0\x80 \xc3\xa9 \xed\xa0\x80",
              "plot_title"));
    /* From chance to the end; everything equal; nothing finite. */
    rows[0].top1 = 0.1;
    free(draw(rows, 12, "from chance to the end", "plot_wide"));
    for (int i = 0; i < 12; i++) {
        rows[i].top1 = 1;
        rows[i].unique = 1;
        rows[i].entropy = rows[i].entropy_nonzero = 0;
    }
    free(draw(rows, 12, "one value", "plot_flat"));
    for (int i = 0; i < 12; i++) {
        rows[i].top1 = rows[i].entropy = rows[i].entropy_nonzero = (double)NAN;
        rows[i].unique = 0;
    }
    free(draw(rows, 12, "nothing", "plot_nothing"));
    for (int i = 0; i < 12; i++) {
        rows[i].top1 = 0;
        rows[i].unique = INT64_MAX;
        rows[i].entropy = rows[i].entropy_nonzero = 1e300;
    }
    free(draw(rows, 12, "too much", "plot_much"));
}

static void numbers_as_people_read_them(void **state)
{
    (void)state;
    char text[40], count[32];
    static const struct {
        double seconds;
        const char *left, *duration;
    } cases[] = {{-1, "", "0 s"},
                 {0, "about 5 s left", "0 s"},
                 {37, "about 40 s left", "37 s"},
                 {54.9, "about 55 s left", "55 s"},
                 {56, "about 1 min left", "56 s"},
                 {89, "about 1 min left", "1 min 29 s"},
                 {200, "about 3 min left", "3 min 20 s"},
                 {3569, "about 59 min left", "59 min 29 s"},
                 {3600, "about 1 h left", "1 h 00 min"},
                 {7900, "about 2 h 10 min left", "2 h 11 min"},
                 {300000, "about 3 days left", "83 h 20 min"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pwf_text_left(text, cases[i].seconds);
        assert_string_equal(text, cases[i].left);
        pwf_text_duration(text, cases[i].seconds);
        assert_string_equal(text, cases[i].duration);
    }
    static const struct {
        int64_t value;
        const char *text;
    } counts[] = {
        {0, "0"}, {999, "999"}, {1000, "1,000"}, {306730, "306,730"}, {-1234567, "-1,234,567"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        pwf_text_count(count, counts[i].value);
        assert_string_equal(count, counts[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sentence),
        cmocka_unit_test(the_table),
        cmocka_unit_test(the_plots),
        cmocka_unit_test(odd_plots),
        cmocka_unit_test(numbers_as_people_read_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
