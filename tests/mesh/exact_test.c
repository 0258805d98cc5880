/* SPDX-License-Identifier: BSD-3-Clause */
/* Exact sums: rounding half to even, limits, order of additions, and the same bits on every
 * instruction set, against a definition in integers; prints the speed. */
#include "pwf/mesh/exact.h"

#include "pwf/core/clock.h"
#include "pwf/core/isa.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* clang-format off: cmocka wants the four above first */
#include <cmocka.h>
/* clang-format on */

enum { N = 1 << 16 };

static float values[N], out[N];
static int64_t sums[N], start[N];

static uint64_t next(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static bool summable(float v)
{
    return (to_bits(v) & 0x7fffffffu) < to_bits(2048.0f);
}

/* Half to even in integers: |v| = m 2^e, in units of 2^-44. */
static int64_t units_of(float v)
{
    if (!summable(v)) return 0;
    const uint32_t bits = to_bits(v) & 0x7fffffffu;
    const int exponent = bits >> 23 ? (int)(bits >> 23) : 1;
    const uint64_t m = (bits & 0x7fffffu) | (bits >> 23 ? 0x800000u : 0u);
    const int shift = exponent - 150 + 44; /* q = m 2^shift */
    uint64_t q;
    if (shift >= 0) {
        q = m << shift;
    } else if (shift < -30) {
        q = 0;
    } else {
        const uint64_t half = (uint64_t)1 << (-shift - 1), rest = m & (2 * half - 1);
        q = m >> -shift;
        if (rest > half || (rest == half && q % 2 == 1)) q++;
    }
    return to_bits(v) >> 31 ? -(int64_t)q : (int64_t)q;
}

/* One rounding, half to even, in integers. */
static float value_of(int64_t s)
{
    const uint64_t a = s < 0 ? 0 - (uint64_t)s : (uint64_t)s;
    if (a == 0) return 0.0f;
    int top = 63;
    while (!(a >> top & 1))
        top--;
    uint64_t m = a;
    int shift = 0;
    if (top > 23) {
        shift = top - 23;
        const uint64_t half = (uint64_t)1 << (shift - 1), rest = a & (2 * half - 1);
        m = a >> shift;
        if (rest > half || (rest == half && m % 2 == 1)) m++;
    }
    const float f = ldexpf((float)(int32_t)m, shift - 44);
    return s < 0 ? -f : f;
}

static void check_add(int64_t count, bool want)
{
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        memcpy(sums, start, sizeof sums);
        assert_int_equal(pwf_exact_add(sums, values, count), want);
        for (int64_t i = 0; i < N; i++)
            if (sums[i] != start[i] + (i < count ? units_of(values[i]) : 0))
                fail_msg("%s: %a added to %lld gives %lld", pwf_isa_name((pwf_isa)isa),
                         (double)values[i], (long long)start[i], (long long)sums[i]);
    }
}

static void adds(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        bool good = true;
        for (int i = 0; i < N; i++) {
            uint32_t bits = (uint32_t)next();
            /* Every exponent that matters, and in odd rounds everything else as well. */
            if (round % 2 == 0) bits = (bits & 0x807fffffu) | (70 + (uint32_t)next() % 68) << 23;
            /* Many with few bits, so that halves come up. */
            if (round % 4 < 2) bits &= 0xfffff000u;
            values[i] = from_bits(bits);
            good &= summable(values[i]);
            start[i] = (int64_t)next() >> 2;
        }
        check_add(N, good);
    }
}

static void adds_halves(void **state)
{
    (void)state;
    memset(start, 0, sizeof start);
    for (int i = 0; i < N; i++)
        values[i] = (float)(i - N / 2) * 0x1p-47f;
    check_add(N, true);
    assert_int_equal(units_of(0.5f * 0x1p-44f), 0);
    assert_int_equal(units_of(1.5f * 0x1p-44f), 2);
    assert_int_equal(units_of(2.5f * 0x1p-44f), 2);
    assert_int_equal(units_of(-3.5f * 0x1p-44f), -4);
    assert_int_equal(units_of(nextafterf(2048.0f, 0.0f)), ((int64_t)1 << 55) - ((int64_t)1 << 31));
}

static void adds_every_length(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        values[i] = (float)i - 1000.25f;
        start[i] = i;
    }
    for (int i = 2000; i < N; i++)
        values[i] = 1.0f;
    for (int64_t count = 0; count < 70; count++)
        check_add(count, true);
}

static void refuses(void **state)
{
    (void)state;
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY, 2048.0f, -2048.0f, 3e38f};
    memset(start, 0, sizeof start);
    for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++)
        for (int at = 0; at < 40; at++) {
            for (int i = 0; i < N; i++)
                values[i] = i % 2 ? 2047.99f : 1e-45f;
            values[at] = bad[b];
            check_add(40, false);
            check_add(at, true);
        }
}

static void check_value(int64_t count)
{
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        memset(out, 0x7f, sizeof out);
        pwf_exact_value(out, start, count);
        for (int64_t i = 0; i < count; i++)
            if (to_bits(out[i]) != to_bits(value_of(start[i])))
                fail_msg("%s: %lld units give %a, not %a", pwf_isa_name((pwf_isa)isa),
                         (long long)start[i], (double)out[i], (double)value_of(start[i]));
        if (count < N) assert_int_equal(to_bits(out[count]), 0x7f7f7f7fu);
    }
}

static void gives_values(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            start[i] = (int64_t)next() >> (next() % 63);
            /* Halves and their neighbours at every size: where two roundings go wrong. */
            if (round % 2) {
                const int top = 25 + (int)(next() % 38);
                const int64_t one = (int64_t)1 << top;
                const int64_t step = (int64_t)(next() & 0xffffff) << (top - 24);
                start[i] = one - 1 + step + (int64_t)(next() % 3) - 1;
                if (next() & 1) start[i] = -start[i];
            }
            /* Half of the groups hold small sums alone. */
            if (i / 64 % 2) start[i] %= (int64_t)1 << 53;
        }
        start[0] = INT64_MIN;
        start[1] = INT64_MAX;
        start[64] = (int64_t)1 << 53;
        start[65] = -((int64_t)1 << 53);
        start[130] = 0;
        check_value(N);
        for (int64_t count = 0; count < 130 && round < 2; count++)
            check_value(count);
    }
}

static void speed(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 22, TIMES = 5 };
    float *v = malloc(LENGTH * sizeof *v), *result = malloc(LENGTH * sizeof *result);
    int64_t *s = calloc(LENGTH, sizeof *s);
    assert_true(v != NULL && s != NULL && result != NULL);
    for (int i = 0; i < LENGTH; i++)
        v[i] = (float)((double)(int64_t)next() * 0x1p-66);
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        memset(s, 0, LENGTH * sizeof *s);
        for (int kind = 0; kind < 4; kind++) {
            const int64_t length = kind % 2 ? 4096 : LENGTH, times = LENGTH / length;
            double best = 1e9;
            for (int t = 0; t < TIMES; t++) {
                const double from = pwf_clock_seconds();
                for (int64_t k = 0; k < times; k++) {
                    if (kind < 2) assert_true(pwf_exact_add(s, v, length));
                    if (kind >= 2) pwf_exact_value(result, s, length);
                }
                const double took = pwf_clock_seconds() - from;
                if (took < best) best = took;
            }
            print_message("%-6s %-5s %7lld elements: %.2f ns per element\n",
                          pwf_isa_name((pwf_isa)isa), kind < 2 ? "add" : "value", (long long)length,
                          best / LENGTH * 1e9);
        }
    }
    free(v);
    free(s);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds),    cmocka_unit_test(adds_halves),
        cmocka_unit_test(refuses), cmocka_unit_test(adds_every_length),
        cmocka_unit_test(speed),   cmocka_unit_test(gives_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
