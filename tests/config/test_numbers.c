/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in configurations: decimals, powers, suffixes, locales, and texts that read back to the
 * same bits. */
#include "config/cases.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static double number(const char *text, const char *unit)
{
    double value = -12345;
    const char *wrong = pwf_number_read(text, unit, &value);
    if (wrong) fail_msg("%s %s", text, wrong);
    return value;
}

static void test_natural_forms(void **state)
{
    (void)state;
    assert_true(number("0", NULL) == 0 && !signbit(number("-0", NULL)));
    assert_true(number("+1.5", NULL) == 1.5 && number("-.5", NULL) == -0.5);
    assert_true(number("1e-3", NULL) == 0.001 && number("1E+3", NULL) == 1000);
    assert_true(number("2^-11", NULL) == 0x1p-11 && number("-2^4", NULL) == -16);
    assert_true(number("2^-1074", NULL) == 0x1p-1074 && number("2^1023", NULL) == 0x1p1023);
    assert_true(number("10^-3", NULL) == 1e-3 && number("10^6", NULL) == 1e6);
    assert_true(number("4096", "bytes") == 4096 && number("8MiB", "bytes") == 8 * 0x1p20);
    assert_true(number("1.5 GiB", "bytes") == 1.5 * 0x1p30 && number("2^4KiB", "bytes") == 16384);
    assert_true(number("2GB", "bytes") == 2e9 && number("7B", "bytes") == 7);
    assert_true(number("90", "seconds") == 90 && number("500ms", "seconds") == 0.5);
    assert_true(number("30min", "seconds") == 1800 && number("12h", "seconds") == 43200);
    assert_true(number("1.5d", "seconds") == 129600);
    assert_true(isinf(number("1e999", NULL)) && isinf(number("-2^5000", NULL)));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         " ",        "abc",       "inf",     "-inf",  "nan",  ".nan",  ".inf",
        "infinity", "0x10",     "0x1p3",     "0o17",    "017",   "-007", "1_000", "1,5",
        "1.5f",     "--1",      "+-1",       "1e",      "1e+",   "e5",   ".",     "-",
        "+",        "2^",       "2^-",       "3^2",     "2^1.5", "2^x",  "2**3",  "1 2",
        "8MiB",     "30min",    "1.2.3",     "1e-9999", "1m",    "٣",    "1\t",   "\n1",
        "2^-1075",  "10^-9999", "2^9999999", "1e5x",    "00",    "00.5", "1%"};
    double value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!pwf_number_read(bad[i], NULL, &value)) fail_msg("'%s' was read as a number", bad[i]);
    assert_non_null(pwf_number_read("8mib", "bytes", &value));
    assert_non_null(pwf_number_read("8min", "bytes", &value));
    assert_non_null(pwf_number_read("3M", "seconds", &value));
    char digits[5000];
    memset(digits, '9', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    assert_non_null(pwf_number_read(digits, NULL, &value));
}

/* SplitMix64; the tests must be the same everywhere. */
static uint64_t random_bits(uint64_t *at)
{
    uint64_t z = (*at += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void assert_round_trip(double value)
{
    char text[PWF_NUMBER_TEXT];
    pwf_number_write(value, text);
    double back = number(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0) fail_msg("%a became %s", value, text);
}

static void test_written_reads_back(void **state)
{
    (void)state;
    uint64_t at = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_bits(&at);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) assert_round_trip(value);
        float small = (float)((double)(bits >> 40) * 0x1p-24);
        assert_round_trip((double)small);
        assert_round_trip((double)(bits >> 11));
    }
    for (int k = -1074; k < 1024; k++) {
        assert_round_trip(ldexp(1, k));
        assert_round_trip(-ldexp(1, k));
    }
    assert_round_trip(DBL_MAX);
    assert_round_trip(DBL_TRUE_MIN);
}

static void test_shortest_form(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1, "1"},
                 {20, "20"},
                 {0x1p-11, "2^-11"},
                 {0.0025, "0.0025"},
                 {1e-4, "0.0001"},
                 {0.125, "0.125"},
                 {-0x1p-30, "-2^-30"},
                 {1e12, "1e+12"},
                 {0x1p40, "2^40"},
                 {4294967295.0, "4294967295"},
                 {0.975, "0.975"},
                 {1.0 / 3, "0.3333333333333333"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PWF_NUMBER_TEXT];
        pwf_number_write(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* A locale with a decimal comma: the system's, or one made here from its sources. */
static bool enter_comma_locale(void)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "de_DE")) return true;
    if (system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >localedef.log 2>&1") == -1) return false;
    setenv("LOCPATH", ".", 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void test_locale_plays_no_part(void **state)
{
    (void)state;
    if (!enter_comma_locale()) skip();
    char text[PWF_NUMBER_TEXT];
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5"); /* the locale is really in force */
    static pwf_config c, back;
    pwf_config_defaults(&c);
    assert_true(c.optim.lr == 0.001 && c.data.mean.at[1] == 0.456);
    assert_ok(pwf_config_set(&c, "optim.lr=0.25"));
    assert_int_equal(pwf_config_set(&c, "optim.lr=0,5").code, PWF_CONFIG);
    char *written;
    assert_ok(pwf_config_write(&c, &written));
    assert_non_null(strstr(written, "lr: 0.25"));
    setlocale(LC_ALL, "C");
    pwf_config_defaults(&back);
    assert_ok(read_yaml(&back, written));
    assert_ok(pwf_config_same(&c, &back));
    free(written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_natural_forms),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_written_reads_back),   cmocka_unit_test(test_shortest_form),
        cmocka_unit_test(test_locale_plays_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
