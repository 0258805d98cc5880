/* SPDX-License-Identifier: BSD-3-Clause */
/* Attention against its definition in double, on every back end; and the same bits on every
 * instruction set and by plain loops. */
#include "pwf/core/isa.h"
#include "pwf/tensor/attention.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 77, DEPTH = 40, HEADS = 2, GAP = 3, ROOM = TOKENS * (3 * HEADS * DEPTH + GAP) };
enum { WORK = 128 * 1024, GUARD = 16 };

/* Arrays of two heads with a gap after each token; the tests work on the second head. */
typedef struct arrays {
    float y[ROOM], dqkv[ROOM];
} arrays;

static float qkv[ROOM], dy[ROOM], before[ROOM], alone[ROOM];
static arrays now, right;
static double p[TOKENS][TOKENS], dp[TOKENS][TOKENS];
static _Alignas(64) float saved[TOKENS * (TOKENS + 32)], workspace[WORK + GUARD];

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8 ^ *seed;
}

static void fill(float *out, uint32_t seed, float size)
{
    for (int i = 0; i < ROOM; i++)
        out[i] = size * (float)(int32_t)draw(&seed) * 0x1p-31f;
}

static pwf_attention shape_of(int64_t tokens, int64_t depth, pwf_precision precision)
{
    return (pwf_attention){.tokens = tokens,
                           .depth = depth,
                           .stride_qkv = 3 * HEADS * depth + GAP,
                           .stride_y = HEADS * depth + GAP,
                           .precision = precision};
}

static void guard(size_t bytes)
{
    assert_true(bytes % 64 == 0 && bytes / sizeof *workspace <= WORK);
    for (size_t i = 0; i <= WORK + GUARD - 1; i++)
        workspace[i] = i < bytes / sizeof *workspace ? NAN : 77.0f;
}

static void assert_guarded(size_t bytes)
{
    for (size_t i = bytes / sizeof *workspace; i < WORK + GUARD; i++)
        assert_true(workspace[i] == 77.0f);
}

static int other_bits(const float *a, const float *b)
{
    int count = 0;
    for (int i = 0; i < ROOM; i++)
        count += memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]));
    return count;
}

static void run(pwf_tensor_backend backend, const pwf_attention *shape, bool add, arrays *out)
{
    pwf_attention copy = *shape, *const s = &copy;
    copy.backend = backend;
    const int64_t q = s->depth, k = q + HEADS * s->depth, v = k + HEADS * s->depth;
    assert_int_equal(pwf_attention_check(s).code, PWF_OK);
    assert_true(pwf_attention_saved(s) <= sizeof saved && pwf_attention_saved(s) % 64 == 0);
    memcpy(out->y, before, sizeof before);
    memcpy(out->dqkv, before, sizeof before);
    size_t bytes = pwf_attention_workspace(s, false);
    guard(bytes);
    assert_int_equal(
        pwf_attention_forward(s, out->y + q, saved, qkv + q, qkv + k, qkv + v, workspace).code,
        PWF_OK);
    assert_guarded(bytes);
    memcpy(alone, before, sizeof before);
    guard(bytes);
    assert_int_equal(
        pwf_attention_forward(s, alone + q, NULL, qkv + q, qkv + k, qkv + v, workspace).code,
        PWF_OK);
    assert_guarded(bytes);
    assert_int_equal(other_bits(alone, out->y), 0);
    bytes = pwf_attention_workspace(s, true);
    guard(bytes);
    const pwf_attention_past past = {qkv + q, qkv + k, qkv + v, out->y + q, dy + q, saved};
    assert_int_equal(pwf_attention_backward(s, out->dqkv + q, out->dqkv + k, out->dqkv + v, add,
                                            &past, workspace)
                         .code,
                     PWF_OK);
    assert_guarded(bytes);
}

/* Element c of token i of a part (0: q, 1: k, 2: v) of the second head. */
static int64_t at(const pwf_attention *s, int part, int64_t i, int64_t c)
{
    return i * s->stride_qkv + (HEADS * part + 1) * s->depth + c;
}

static int64_t at_y(const pwf_attention *s, int64_t i, int64_t c)
{
    return i * s->stride_y + s->depth + c;
}

/* p, its gradient, and that of the scores in its place. */
static void define(const pwf_attention *s)
{
    for (int64_t i = 0; i < s->tokens; i++) {
        double top = -INFINITY, sum = 0.0, mean = 0.0;
        for (int64_t j = 0; j < s->tokens; j++) {
            p[i][j] = dp[i][j] = 0.0;
            for (int64_t c = 0; c < s->depth; c++) {
                p[i][j] += (double)qkv[at(s, 0, i, c)] * (double)qkv[at(s, 1, j, c)];
                dp[i][j] += (double)dy[at_y(s, i, c)] * (double)qkv[at(s, 2, j, c)];
            }
            p[i][j] /= sqrt((double)s->depth);
            top = p[i][j] > top ? p[i][j] : top;
        }
        for (int64_t j = 0; j < s->tokens; j++)
            sum += p[i][j] = exp(p[i][j] - top);
        for (int64_t j = 0; j < s->tokens; j++)
            mean += (p[i][j] /= sum) * dp[i][j];
        for (int64_t j = 0; j < s->tokens; j++)
            dp[i][j] = p[i][j] * (dp[i][j] - mean) / sqrt((double)s->depth);
    }
}

/* The largest distance from the definition. */
static double distance(const pwf_attention *s, const arrays *a, bool add)
{
    double most = 0.0;
    define(s);
    for (int64_t i = 0; i < s->tokens; i++)
        for (int64_t c = 0; c < s->depth; c++) {
            double y = 0.0, d[3] = {0.0, 0.0, 0.0};
            for (int64_t j = 0; j < s->tokens; j++) {
                y += p[i][j] * (double)qkv[at(s, 2, j, c)];
                d[0] += dp[i][j] * (double)qkv[at(s, 1, j, c)];
                d[1] += dp[j][i] * (double)qkv[at(s, 0, j, c)];
                d[2] += p[j][i] * (double)dy[at_y(s, j, c)];
            }
            most = fmax(most, fabs((double)a->y[at_y(s, i, c)] - y));
            for (int part = 0; part < 3; part++) {
                const int64_t to = at(s, part, i, c);
                if (add) d[part] += (double)before[to];
                most = fmax(most, fabs((double)a->dqkv[to] - d[part]));
            }
        }
    return most;
}

static void assert_others_untouched(const pwf_attention *s, const arrays *a)
{
    for (int64_t i = 0; i < ROOM; i++) {
        const int64_t c = i % s->stride_qkv, in_y = i % s->stride_y - s->depth;
        const bool mine = c < 3 * HEADS * s->depth && c / s->depth % HEADS == 1;
        if (!mine || i / s->stride_qkv >= s->tokens) assert_true(a->dqkv[i] == before[i]);
        if (in_y < 0 || in_y >= s->depth || i / s->stride_y >= s->tokens)
            assert_true(a->y[i] == before[i]);
    }
}

static const int64_t sizes[][2] = {{1, 1},   {5, 3},   {16, 8},  {23, 16}, {24, 33},
                                   {25, 40}, {48, 17}, {49, 32}, {77, 40}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void fill_all(float size)
{
    fill(qkv, 1, size);
    fill(dy, 2, 1.0f);
    fill(before, 3, 1.0f);
}

static void test_definition(void **state)
{
    (void)state;
    fill_all(2.0f);
    for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++)
        for (int kind = 0; kind < 4; kind++)
            for (int i = 0; i < SIZES; i++) {
                const bool add = kind & 1;
                const pwf_precision precision = kind & 2 ? PWF_BF16 : PWF_FP32;
                pwf_attention s = shape_of(sizes[i][0], sizes[i][1], precision);
                if (backend == PWF_TENSOR_OPENBLAS && precision == PWF_BF16) {
                    s.backend = PWF_TENSOR_OPENBLAS;
                    assert_int_equal(pwf_attention_check(&s).code, PWF_CONFIG);
                    continue;
                }
                run((pwf_tensor_backend)backend, &s, add, &now);
                assert_others_untouched(&s, &now);
                assert_true(distance(&s, &now, add) < (precision == PWF_BF16 ? 0.05 : 1e-5));
            }
}

static void compare(pwf_tensor_backend backend, const pwf_attention *s, bool add)
{
    run(backend, s, add, &now);
    assert_int_equal(other_bits(now.y, right.y), 0);
    assert_int_equal(other_bits(now.dqkv, right.dqkv), 0);
}

static void check_bits(const pwf_attention *s, bool add)
{
    pwf_isa_use(PWF_ISA_BASE);
    run(PWF_TENSOR_PLAIN, s, add, &right);
    for (int isa = PWF_ISA_BASE + 1; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        compare(PWF_TENSOR_PLAIN, s, add);
        compare(PWF_TENSOR_AUTO, s, add);
        pwf_isa_use_bf16(false);
        compare(PWF_TENSOR_AUTO, s, add);
        pwf_isa_use_bf16(true);
    }
    pwf_isa_use(pwf_isa_best());
}

static void check_all_bits(void)
{
    for (int i = 0; i < SIZES; i++)
        for (int precision = 0; precision < PWF_PRECISIONS; precision++) {
            const pwf_attention s = shape_of(sizes[i][0], sizes[i][1], (pwf_precision)precision);
            check_bits(&s, false);
            check_bits(&s, true);
        }
}

static void test_bits(void **state)
{
    (void)state;
    fill_all(2.0f);
    check_all_bits();
}

/* Scores far apart, infinite scores, NaN, and denormal operands. */
static void test_special_numbers(void **state)
{
    (void)state;
    static const float special[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-45f, -1e-40f, 3e38f};
    fill_all(100.0f);
    check_all_bits();
    float *const all[] = {qkv, dy, before};
    for (int i = 0; i < 3; i++) {
        uint32_t seed = 5 + (uint32_t)i;
        for (int j = 0; j < ROOM; j++)
            if (draw(&seed) % 900 == 0) all[i][j] = special[draw(&seed) % 8];
    }
    check_all_bits();
}

/* A NaN in a query changes its own row and no other. */
static void test_spoilt_row(void **state)
{
    (void)state;
    fill_all(1.0f);
    const pwf_attention s = shape_of(77, 40, PWF_FP32);
    qkv[at(&s, 0, 30, 7)] = NAN;
    run(PWF_TENSOR_AUTO, &s, false, &now);
    for (int64_t i = 0; i < s.tokens; i++)
        assert_true(isnan(now.y[at_y(&s, i, 0)]) == (i == 30));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition), cmocka_unit_test(test_bits),
        cmocka_unit_test(test_special_numbers), cmocka_unit_test(test_spoilt_row)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
