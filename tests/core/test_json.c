/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON objects: what is written, members read back, limits and errors of the parser, and failures
 * while members are set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/json.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static pwf_json *sample(void)
{
    pwf_json *j = pwf_json_new(), *inner = pwf_json_new();
    pwf_json_set_text(j, "z", "quote \" and \n");
    pwf_json_set_int(j, "a", INT64_MIN);
    pwf_json_set_real(j, "half", 0.5);
    pwf_json_set_real(j, "nothing", (double)NAN);
    pwf_json_set_real(j, "large", (double)INFINITY);
    pwf_json_set_bool(j, "yes", true);
    const int64_t values[] = {1, -2, INT64_MAX};
    pwf_json_set_ints(j, "list", values, 3);
    pwf_json_set_int(inner, "k", 1);
    pwf_json_set_object(j, "inner", inner);
    for (int i = 0; i < 2; i++) {
        pwf_json *item = pwf_json_new();
        pwf_json_set_int(item, "i", i);
        pwf_json_append(j, "items", item);
    }
    return j;
}

static const char expected[] =
    "{\"z\": \"quote \\\" and \\n\", \"a\": -9223372036854775808, \"half\": 0.5, \"nothing\": "
    "null, "
    "\"large\": null, \"yes\": true, \"list\": [1, -2, 9223372036854775807], \"inner\": {\"k\": "
    "1}, "
    "\"items\": [{\"i\": 0}, {\"i\": 1}]}";

static void writing(void **state)
{
    (void)state;
    pwf_json *j = sample();
    char *text = NULL;
    assert_int_equal(pwf_json_text(j, 0, &text).code, PWF_OK);
    assert_string_equal(text, expected);
    free(text);
    assert_int_equal(pwf_json_text(j, 2, &text).code, PWF_OK);
    assert_non_null(strstr(text, "\n  \"yes\": true,\n"));
    free(text);
    pwf_json_free(j);
}

static void any_bytes(void **state)
{
    (void)state;
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "good", "\xc3\xa9");
    pwf_json_set_text(j, "bad", "a\xc3\xff");
    char *text = NULL;
    assert_int_equal(pwf_json_text(j, 0, &text).code, PWF_OK);
    assert_string_equal(text, "{\"good\": \"\xc3\xa9\", \"bad\": \"a??\"}");
    free(text);
    pwf_json_free(j);
}

static void failures_are_kept(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(pwf_json_text(NULL, 0, &text).code, PWF_RESOURCE);
    assert_null(text);
    pwf_json_set_int(NULL, "a", 1);
    pwf_json_set_text(NULL, "a", "b");
    pwf_json_append(NULL, "a", pwf_json_new());
    pwf_json_set_object(NULL, "a", pwf_json_new());
    pwf_json_free(NULL);
    pwf_json *j = pwf_json_new();
    pwf_json_set_object(j, "a", NULL); /* as after a failed pwf_json_new */
    pwf_json_set_int(j, "b", 1);
    assert_int_equal(pwf_json_text(j, 0, &text).code, PWF_RESOURCE);
    pwf_json_free(j);
}

static void reading_back(void **state)
{
    (void)state;
    pwf_json *j = NULL;
    assert_int_equal(pwf_json_parse(expected, strlen(expected), &j).code, PWF_OK);
    int64_t i = 5;
    double x = 5;
    const char *t = "";
    bool b = false;
    assert_true(pwf_json_get_int(j, "a", &i) && i == INT64_MIN);
    assert_true(pwf_json_get_real(j, "half", &x) && x == 0.5);
    assert_true(pwf_json_get_real(j, "nothing", &x) && isnan(x));
    assert_true(pwf_json_get_real(j, "a", &x) && x == -0x1p63);
    assert_true(pwf_json_get_text(j, "z", &t));
    assert_string_equal(t, "quote \" and \n");
    assert_true(pwf_json_get_bool(j, "yes", &b) && b);
    i = 5;
    assert_false(pwf_json_get_int(j, "half", &i) || pwf_json_get_int(j, "none", &i));
    assert_false(pwf_json_get_real(j, "z", &x) || pwf_json_get_text(j, "a", &t));
    assert_false(pwf_json_get_bool(j, "a", &b));
    assert_int_equal(i, 5);
    char *text = NULL;
    assert_int_equal(pwf_json_text(j, 0, &text).code, PWF_OK);
    assert_string_equal(text, expected);
    free(text);
    pwf_json_free(j);
}

static void bad_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {{"", "invalid JSON"},
                 {"{", "invalid JSON"},
                 {"[1]", "not an object"},
                 {"{\"a\": 1, \"a\": 2}", "invalid JSON: duplicate"},
                 {"{\"a\": 1} x", "invalid JSON: end of file expected"},
                 {"{\"a\":\n nul}", "line 2, column 4"},
                 {"{\"a\": 1e999}", "invalid JSON"},
                 {"{\"a\": \"\xff\"}", "invalid JSON"},
                 {"{\"a\": NaN}", "invalid JSON"},
                 {"{\"a\": \"\\u0000\"}", "invalid JSON"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pwf_json *j = (pwf_json *)1;
        const pwf_status s = pwf_json_parse(cases[i].text, strlen(cases[i].text), &j);
        if (s.code != PWF_DATA || !strstr(s.text, cases[i].word))
            fail_msg("%s: %d %s", cases[i].text, (int)s.code, s.text);
        assert_null(j);
    }
    /* Deep nesting is refused, not followed. */
    enum { DEEP = 100000 };
    char *deep = malloc(DEEP + 6);
    assert_non_null(deep);
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', DEEP);
    pwf_json *j = NULL;
    assert_int_equal(pwf_json_parse(deep, DEEP + 5, &j).code, PWF_DATA);
    /* Cut at every byte, and every single bit flipped: read or refused, never more. */
    char copy[sizeof expected];
    for (size_t n = 0; n < sizeof expected - 1; n++) {
        assert_int_equal(pwf_json_parse(expected, n, &j).code, PWF_DATA);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, expected, sizeof copy);
            copy[n] ^= (char)(1 << bit);
            const pwf_status s = pwf_json_parse(copy, sizeof copy - 1, &j);
            assert_true(s.code == PWF_OK || s.code == PWF_DATA);
            pwf_json_free(j);
        }
    }
    free(deep);
}

/* Small text that would be large in memory: "{},{},..." is refused, the same as one text is read.
 */
static void too_many_values(void **state)
{
    (void)state;
    const size_t pairs = PWF_JSON_VALUES_MAX / 2, length = 3 * pairs + 8;
    char *text = malloc(length);
    pwf_json *j = NULL;
    assert_non_null(text);
    memcpy(text, "{\"a\": [", 7);
    for (size_t i = 0; i < pairs; i++)
        memcpy(text + 7 + 3 * i, "{},", 3);
    pwf_status s = pwf_json_parse(text, length, &j);
    assert_int_equal(s.code, PWF_DATA);
    assert_non_null(strstr(s.text, "values"));
    text[6] = '"';
    memcpy(text + length - 2, "\"}", 2);
    assert_int_equal(pwf_json_parse(text, length, &j).code, PWF_OK);
    pwf_json_free(j);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing),           cmocka_unit_test(any_bytes),
        cmocka_unit_test(failures_are_kept), cmocka_unit_test(reading_back),
        cmocka_unit_test(bad_text),          cmocka_unit_test(too_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
