/* SPDX-License-Identifier: BSD-3-Clause */
/* The partition of a vector into shards: ranges are whole blocks in rank order, cover the vector,
 * and their lengths differ by at most one block. */
#include "pwf/shard/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* clang-format off: cmocka wants the four above first */
#include <cmocka.h>
/* clang-format on */

static void ranges(void **state)
{
    (void)state;
    const int64_t totals[] = {0,        1,
                              4095,     4096,
                              4097,     8192,
                              40961,    306730,
                              25503912, (int64_t)1 << 40,
                              999999,   INT64_MAX - 5,
                              INT64_MAX};
    for (size_t t = 0; t < sizeof totals / sizeof totals[0]; t++)
        for (int size = 1; size <= 70; size++) {
            const int64_t n = totals[t], blocks = pwf_block_count(n);
            int64_t at = 0;
            for (int r = 0; r < size; r++) {
                const pwf_range p = pwf_shard_range(n, size, r);
                assert_int_equal(p.lo, at);
                assert_true(p.hi >= p.lo && p.hi <= n);
                assert_true(p.lo % PWF_BLOCK == 0 || p.lo == n);
                const int64_t held = pwf_block_count(p.hi - p.lo);
                assert_true(held == blocks / size || held == blocks / size + 1);
                const __int128 first = (__int128)r * blocks / size;
                assert_true((__int128)p.lo == (first * PWF_BLOCK < n ? first * PWF_BLOCK : n));
                at = p.hi;
            }
            assert_int_equal(at, n);
        }
}

static void meets(void **state)
{
    (void)state;
    for (int64_t a = 0; a < 6; a++)
        for (int64_t b = a; b < 6; b++)
            for (int64_t c = 0; c < 6; c++)
                for (int64_t d = c; d < 6; d++) {
                    const pwf_range m = pwf_range_meet((pwf_range){a, b}, (pwf_range){c, d});
                    assert_true(m.hi >= m.lo);
                    for (int64_t i = 0; i < 6; i++)
                        assert_int_equal(i >= m.lo && i < m.hi, i >= a && i < b && i >= c && i < d);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges), cmocka_unit_test(meets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
