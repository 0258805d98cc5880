/* SPDX-License-Identifier: BSD-3-Clause */
/* Spans of the trace: nesting, threads, numbers, spans beyond the capacity, and the text that is
 * taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/core/pool.h"
#include "pwf/core/trace.h"

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What has been recorded, as an array; the caller owns it. */
static json_t *take(int process)
{
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(pwf_trace_take(process, &text, &length).code, PWF_OK);
    assert_int_equal(strlen(text), length);
    char *all = malloc(length + 4);
    assert_non_null(all);
    /* The bracket replaces the first comma. */
    strcpy(all, "[]");
    if (length > 0) {
        memcpy(all, text, length);
        all[0] = '[';
        strcpy(all + length, "]");
    }
    json_error_t error;
    json_t *events = json_loads(all, JSON_REJECT_DUPLICATES, &error);
    if (!events) fail_msg("%s in %s", error.text, all);
    free(text);
    free(all);
    return events;
}

static double number(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static const char *name(const json_t *event)
{
    return json_string_value(json_object_get(event, "name"));
}

static void nothing_while_off(void **state)
{
    (void)state;
    const pwf_span span = pwf_trace_begin("before");
    assert_null(span.name);
    assert_null(pwf_trace_name());
    pwf_trace_end(span);
    json_t *events = take(0);
    assert_int_equal(json_array_size(events), 0);
    json_decref(events);
}

static void spans_nest(void **state)
{
    (void)state;
    const int64_t live = (int64_t)pwf_mem_now(PWF_MEM_BUFFERS);
    const pwf_span before = pwf_trace_begin("before");
    assert_int_equal(pwf_trace_start(pwf_clock_seconds()).code, PWF_OK);
    pwf_trace_end(before); /* was not recorded when it began */
    const pwf_span outer = pwf_trace_begin("outer");
    const pwf_span inner = pwf_trace_begin("inner");
    assert_string_equal(pwf_trace_name(), "inner");
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    pwf_trace_end_of(inner, "slot", -7);
    assert_string_equal(pwf_trace_name(), "outer");
    pwf_trace_drop(pwf_trace_begin("dropped"));
    assert_string_equal(pwf_trace_name(), "outer");
    pwf_trace_end(outer);
    assert_null(pwf_trace_name());
    json_t *events = take(3);
    assert_int_equal(json_array_size(events), 2);
    const json_t *a = json_array_get(events, 0), *b = json_array_get(events, 1);
    assert_string_equal(name(a), "inner");
    assert_string_equal(name(b), "outer");
    assert_true(number(a, "pid") == 3.0 && number(a, "tid") == 0.0);
    assert_true(number(a, "dur") >= 2000.0); /* microseconds */
    assert_true(number(b, "ts") >= 0.0 && number(b, "ts") <= number(a, "ts"));
    assert_true(number(b, "ts") + number(b, "dur") >= number(a, "ts") + number(a, "dur") - 0.002);
    assert_true(number(json_object_get(a, "args"), "slot") == -7.0);
    assert_null(json_object_get(b, "args"));
    json_decref(events);
    const pwf_span open = pwf_trace_begin("open");
    pwf_trace_stop();
    pwf_trace_end(open);
    assert_null(pwf_trace_name());
    events = take(0);
    json_decref(events);
    assert_int_equal(pwf_mem_now(PWF_MEM_BUFFERS), live);
}

static void wait_a_little(void *context, int task, int worker)
{
    (void)context;
    (void)task;
    (void)worker;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Each worker but the caller has one span for the whole loop, ended when the loop is. */
static void workers_have_spans(void **state)
{
    (void)state;
    pwf_pool *pool = NULL;
    assert_int_equal(pwf_pool_new(3, NULL, &pool).code, PWF_OK);
    assert_int_equal(pwf_trace_start(pwf_clock_seconds()).code, PWF_OK);
    for (int run = 0; run < 20; run++) {
        const pwf_span span = pwf_trace_begin("loop");
        pwf_pool_run(pool, 12, wait_a_little, NULL);
        pwf_trace_end(span);
        json_t *events = take(0), *event;
        size_t i;
        int seen[3] = {0};
        json_array_foreach(events, i, event)
        {
            assert_string_equal(name(event), "loop");
            seen[(int)number(event, "tid")]++;
        }
        assert_int_equal(seen[0], 1);
        assert_in_range(seen[1], 0, 1);
        assert_in_range(seen[2], 0, 1);
        json_decref(events);
    }
    pwf_pool_run(pool, 12, wait_a_little, NULL); /* without a span of the caller's */
    json_t *events = take(0);
    assert_int_equal(json_array_size(events), 0);
    json_decref(events);
    pwf_trace_stop();
    pwf_pool_free(pool);
}

static void what_has_no_room_is_counted(void **state)
{
    (void)state;
    assert_int_equal(pwf_trace_start(pwf_clock_seconds()).code, PWF_OK);
    for (int i = 0; i < PWF_TRACE_ROOM + 5; i++)
        pwf_trace_end(pwf_trace_begin("many"));
    json_t *events = take(1);
    assert_int_equal(json_array_size(events), PWF_TRACE_ROOM + 1);
    const json_t *last = json_array_get(events, PWF_TRACE_ROOM);
    assert_string_equal(name(last), "spans left out");
    assert_true(number(json_object_get(last, "args"), "count") == 5.0);
    json_decref(events);
    events = take(1);
    assert_int_equal(json_array_size(events), 0);
    json_decref(events);
    pwf_trace_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_while_off),
        cmocka_unit_test(spans_nest),
        cmocka_unit_test(workers_have_spans),
        cmocka_unit_test(what_has_no_room_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
