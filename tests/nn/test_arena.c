/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks in use at the same time never overlap, and memory is reused. */
#include "arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BLOCKS = 120, TIMES = 60 };

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void test_random(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 50; round++) {
        pwf_arena_block b[BLOCKS];
        size_t total, sum = 0;
        for (int i = 0; i < BLOCKS; i++) {
            const int first = (int)(next(&seed) % TIMES), length = (int)(next(&seed) % 10);
            b[i] = (pwf_arena_block){
                .bytes = next(&seed) % 5000, .first = first, .last = first + length};
        }
        assert_int_equal(pwf_arena_plan(b, BLOCKS, &total).code, 0);
        for (int i = 0; i < BLOCKS; i++) {
            assert_true(b[i].offset % 64 == 0 && b[i].offset + b[i].bytes <= total);
            sum += b[i].bytes;
            for (int j = 0; j < i; j++) {
                const int together = b[i].first <= b[j].last && b[j].first <= b[i].last;
                const int overlap = b[i].offset < b[j].offset + b[j].bytes &&
                                    b[j].offset < b[i].offset + b[i].bytes;
                assert_false(together && overlap);
            }
        }
        assert_true(total < sum / 2);
    }
}

/* A chain, each block alive with the next: two are enough. */
static void test_chain(void **state)
{
    (void)state;
    pwf_arena_block b[20];
    size_t total;
    for (int i = 0; i < 20; i++)
        b[i] = (pwf_arena_block){.bytes = 1000, .first = i, .last = i + 1};
    assert_int_equal(pwf_arena_plan(b, 20, &total).code, 0);
    assert_int_equal(total, 2 * 1024);
    assert_int_equal(pwf_arena_plan(b, 0, &total).code, 0);
    assert_int_equal(total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
