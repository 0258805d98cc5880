/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast back ends against the plain one over a grid of shapes, and the promises of a plan. */
#include "conv_backend.h"
#include "pwf/core/mem.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct arrays {
    int64_t images, results, weights;
    float *x, *y, *dx, *dy, *w, *dw, *b;
} arrays;

static float *numbers(int64_t count, uint32_t seed)
{
    float *out;
    assert_int_equal(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *out, &out).code, PWF_OK);
    for (int64_t i = 0; seed && i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return out;
}

static arrays allocate(const pwf_conv_shape *s)
{
    const int64_t p =
        pwf_conv_extent(s->height, s->kernel_height, s->stride, s->padding.top + s->padding.bottom);
    const int64_t q =
        pwf_conv_extent(s->width, s->kernel_width, s->stride, s->padding.left + s->padding.right);
    arrays a = {.images = s->images * s->height * s->width * s->channels,
                .results = s->images * p * q * s->filters,
                .weights =
                    s->filters * s->channels / s->groups * s->kernel_height * s->kernel_width};
    a.x = numbers(a.images, 1);
    a.dx = numbers(a.images, 0);
    a.y = numbers(a.results, 0);
    a.dy = numbers(a.results, 2);
    a.w = numbers(a.weights, 3);
    a.dw = numbers(a.weights, 4);
    a.b = numbers(s->filters, 5);
    return a;
}

static void release(arrays *a)
{
    float *const all[] = {a->x, a->y, a->dx, a->dy, a->w, a->dw, a->b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pwf_mem_free(all[i]);
}

/* Runs all passes once; before each the workspace holds NaN, with guard words after its end. */
static void run_in(pwf_precision precision, pwf_tensor_backend backend, const pwf_conv_shape *shape,
                   arrays *a)
{
    pwf_conv *conv;
    const pwf_conv_use use = {true, true, true, true, precision};
    const pwf_status status = pwf_conv_new(backend, shape, use, &conv);
    assert_string_equal(status.text, "");
    const int64_t words = (int64_t)(pwf_conv_workspace(conv) + 3) / 4;
    float *workspace = numbers(words + 16, 0);
    for (int pass = 0; pass < 3; pass++) {
        for (int64_t i = 0; i < words + 16; i++)
            workspace[i] = i < words ? NAN : 77.0f;
        const pwf_status done =
            pass == 0   ? pwf_conv_forward(conv, a->y, a->x, a->w, a->b, workspace)
            : pass == 1 ? pwf_conv_backward_data(conv, a->dx, a->dy, a->w, workspace)
                        : pwf_conv_backward_weights(conv, a->dw, a->dy, a->x, workspace);
        assert_string_equal(done.text, "");
        for (int64_t i = words; i < words + 16; i++)
            assert_true(workspace[i] == 77.0f);
    }
    pwf_mem_free(workspace);
    pwf_conv_free(conv);
}

static void run(pwf_tensor_backend backend, const pwf_conv_shape *shape, arrays *a)
{
    run_in(PWF_FP32, backend, shape, a);
}

static double difference(const float *a, const float *b, int64_t count)
{
    double most = 0.0, size = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return most / size;
}

static const pwf_conv_shape shapes[] = {
    {2, 14, 14, 32, 32, 3, 3, 1, {1, 1, 1, 1}, 1},  {2, 14, 14, 32, 64, 3, 3, 2, {1, 1, 1, 1}, 1},
    {2, 14, 14, 32, 64, 1, 1, 2, {0, 0, 0, 0}, 1},  {3, 28, 28, 1, 32, 3, 3, 2, {1, 1, 1, 1}, 1},
    {1, 32, 32, 3, 64, 7, 7, 2, {3, 3, 3, 3}, 1},   {2, 7, 7, 64, 256, 1, 1, 1, {0, 0, 0, 0}, 1},
    {2, 7, 7, 256, 64, 1, 1, 1, {0, 0, 0, 0}, 1},   {2, 4, 4, 128, 128, 3, 3, 1, {1, 1, 1, 1}, 1},
    {2, 8, 8, 64, 64, 3, 3, 1, {1, 1, 1, 1}, 2},    {2, 8, 8, 32, 32, 3, 3, 1, {1, 1, 1, 1}, 32},
    {2, 9, 5, 7, 11, 3, 3, 1, {1, 1, 1, 1}, 1},     {2, 9, 5, 6, 10, 5, 3, 2, {2, 2, 2, 2}, 2},
    {1, 1, 16, 128, 10, 1, 1, 1, {0, 0, 0, 0}, 1},  {1, 1, 3, 5, 7, 1, 1, 1, {0, 0, 0, 0}, 1},
    {1, 1, 1, 512, 1000, 1, 1, 1, {0, 0, 0, 0}, 1}, {2, 3, 3, 16, 16, 3, 3, 1, {0, 0, 0, 0}, 1},
    {2, 16, 16, 3, 48, 4, 4, 4, {0, 0, 0, 0}, 1},   {1, 6, 6, 4, 8, 1, 1, 1, {1, 1, 1, 1}, 1},
    {2, 9, 8, 6, 10, 3, 3, 2, {0, 1, 2, 1}, 2},     {2, 7, 6, 5, 9, 4, 3, 1, {2, 0, 1, 2}, 1},
};

static void test_against_plain(void **state)
{
    (void)state;
    double worst[PWF_TENSOR_BACKENDS] = {0};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        arrays truth = allocate(&shapes[i]);
        run(PWF_TENSOR_PLAIN, &shapes[i], &truth);
        for (int backend = 0; backend < PWF_TENSOR_PLAIN; backend++) {
            arrays a = allocate(&shapes[i]);
            run((pwf_tensor_backend)backend, &shapes[i], &a);
            const double all[] = {difference(a.y, truth.y, a.results),
                                  difference(a.dx, truth.dx, a.images),
                                  difference(a.dw, truth.dw, a.weights)};
            for (int j = 0; j < 3; j++)
                if (!(all[j] <= worst[backend])) worst[backend] = all[j];
            release(&a);
        }
        release(&truth);
    }
    for (int backend = 0; backend < PWF_TENSOR_PLAIN; backend++) {
        printf("%-28s %.1e\n", pwf_tensor_backend_text(backend).text, worst[backend]);
        assert_true(worst[backend] < 5e-6);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

/* Rounds to eight bits of mantissa by arithmetic. */
static float nearest(float x)
{
    int exponent;
    const double mantissa = frexp((double)x, &exponent);
    if (fabsf(x) < 0x1p-126f) return copysignf(0.0f, x);
    return (float)ldexp(rint(ldexp(mantissa, 8)), exponent - 8);
}

/* bf16 by oneDNN is the plain loops on rounded operands, up to the order of sums. */
static void test_bf16(void **state)
{
    (void)state;
    double worst = 0.0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        arrays truth = allocate(&shapes[i]);
        for (int64_t j = 0; j < truth.images; j++)
            truth.x[j] = nearest(truth.x[j]);
        for (int64_t j = 0; j < truth.results; j++)
            truth.dy[j] = nearest(truth.dy[j]);
        for (int64_t j = 0; j < truth.weights; j++)
            truth.w[j] = nearest(truth.w[j]);
        run(PWF_TENSOR_PLAIN, &shapes[i], &truth);
        for (int backend = 0; backend <= PWF_TENSOR_ONEDNN; backend++) {
            if (backend == PWF_TENSOR_AUTO && pwf_conv_is_linear(&shapes[i])) continue;
            arrays a = allocate(&shapes[i]);
            run_in(PWF_BF16, (pwf_tensor_backend)backend, &shapes[i], &a);
            const double all[] = {difference(a.y, truth.y, a.results),
                                  difference(a.dx, truth.dx, a.images),
                                  difference(a.dw, truth.dw, a.weights)};
            for (int j = 0; j < 3; j++)
                if (!(all[j] <= worst)) worst = all[j];
            release(&a);
        }
        release(&truth);
    }
    printf("bf16 %.1e\n", worst);
    assert_true(worst < 5e-6);
    assert_int_equal(pwf_mem_live(), 0);
}

/* Weights prepacked by one plan serve another, with the bits of calls that pack for themselves. */
static void check_packed(pwf_tensor_backend backend, pwf_precision precision,
                         const pwf_conv_shape *shape)
{
    arrays truth = allocate(shape);
    run_in(precision, backend, shape, &truth);
    const pwf_conv_use use = {true, true, true, true, precision};
    pwf_conv *one, *other;
    arrays a = allocate(shape);
    assert_int_equal(pwf_conv_new(backend, shape, use, &one).code, PWF_OK);
    assert_int_equal(pwf_conv_new(backend, shape, use, &other).code, PWF_OK);
    float *workspace = numbers((int64_t)(pwf_conv_workspace(one) + 3) / 4, 0), *packed;
    const int64_t words = (int64_t)pwf_conv_packed(one) / 4;
    assert_true(words > 0 && words == (int64_t)pwf_conv_packed(other) / 4);
    packed = numbers(words + 16, 6);
    for (int64_t i = 0; i < 16; i++)
        packed[words + i] = 77.0f;
    assert_string_equal(pwf_conv_pack(one, packed, a.w, workspace).text, "");
    for (int64_t i = 0; i < 16; i++)
        assert_true(packed[words + i] == 77.0f);
    pwf_conv_use_packed(other, packed);
    assert_int_equal(pwf_conv_forward(other, a.y, a.x, a.w, a.b, workspace).code, PWF_OK);
    assert_int_equal(pwf_conv_backward_data(other, a.dx, a.dy, a.w, workspace).code, PWF_OK);
    assert_memory_equal(a.y, truth.y, (size_t)a.results * sizeof(float));
    assert_memory_equal(a.dx, truth.dx, (size_t)a.images * sizeof(float));
    /* They are what it reads. */
    memset(packed, 0, (size_t)words * sizeof *packed);
    assert_int_equal(pwf_conv_backward_data(other, a.dx, a.dy, a.w, workspace).code, PWF_OK);
    for (int64_t i = 0; i < a.images; i++)
        assert_true(a.dx[i] == 0.0f);
    pwf_mem_free(workspace);
    pwf_mem_free(packed);
    pwf_conv_free(one);
    pwf_conv_free(other);
    release(&a);
    release(&truth);
}

static void test_packed(void **state)
{
    (void)state;
    for (int precision = 0; precision < PWF_PRECISIONS; precision++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            if (i < 6) check_packed(PWF_TENSOR_ONEDNN, (pwf_precision)precision, &shapes[i]);
            if (pwf_isa_now() != PWF_ISA_BASE && pwf_conv_is_linear(&shapes[i]))
                check_packed(PWF_TENSOR_AUTO, (pwf_precision)precision, &shapes[i]);
        }
    assert_int_equal(pwf_mem_live(), 0);
}

/* Ties round to even, overflow to infinity, denormals to 0; NaN stays NaN. */
static void test_rounding(void **state)
{
    (void)state;
    const float x[] = {1.0f,        0x1.01p0f,  0x1.03p0f,  0x1.010002p0f, -0x1.03p0f,
                       0x1.fep127f, -FLT_MAX,   INFINITY,   NAN,           0x1p-126f,
                       0x1.fp-127f, -0x1p-149f, 0x1.00fp9f, 0x1.7ffp-3f};
    const float y[] = {1.0f,     1.0f, 0x1.04p0f, 0x1.02p0f, -0x1.04p0f, 0x1.fep127f, -INFINITY,
                       INFINITY, NAN,  0x1p-126f, 0.0f,      -0.0f,      0x1p9f,      0x1.8p-3f};
    enum { COUNT = sizeof x / sizeof *x };
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
        float rounded[COUNT];
        uint16_t upper[COUNT];
        pwf_isa_use((pwf_isa)isa);
        pwf_conv_kernels_now()->round_bf16(rounded, x, COUNT);
        pwf_conv_kernels_now()->to_bf16(upper, x, COUNT);
        for (int i = 0; i < COUNT; i++) {
            const uint32_t bits = (uint32_t)upper[i] << 16;
            assert_memory_equal(&rounded[i], &bits, sizeof bits);
            if (isnan(y[i]))
                assert_true(isnan(rounded[i]));
            else
                assert_memory_equal(&rounded[i], &y[i], sizeof bits);
        }
    }
    pwf_isa_use(pwf_isa_best());
}

static void expect_bits(const arrays *a, const arrays *truth)
{
    assert_memory_equal(a->y, truth->y, (size_t)a->results * sizeof(float));
    assert_memory_equal(a->dx, truth->dx, (size_t)a->images * sizeof(float));
    assert_memory_equal(a->dw, truth->dw, (size_t)a->weights * sizeof(float));
}

/* With the built-in product, whichever back end `auto` would choose. */
static void run_product(pwf_precision precision, const pwf_conv_shape *s, arrays *a)
{
    pwf_conv conv = {.shape = *s, .use = {true, true, true, true, precision}};
    assert_int_equal(pwf_conv_product.plan(&conv).code, PWF_OK);
    float *workspace = numbers((int64_t)(conv.workspace / sizeof *workspace), 0);
    pwf_conv_product.forward(&conv, a->y, a->x, a->w, a->b, workspace);
    pwf_conv_product.backward_data(&conv, a->dx, a->dy, a->w, workspace);
    pwf_conv_product.backward_weights(&conv, a->dw, a->dy, a->x, workspace);
    pwf_mem_free(workspace);
}

/* On linear layers our own product has the bits of the plain loops, with and without the
 * instruction for bf16; in fp32 `auto` uses it. */
static void test_linear_bits(void **state)
{
    (void)state;
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++)
        for (int precision = 0; precision < PWF_PRECISIONS; precision++)
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                if (!pwf_conv_is_linear(&shapes[i])) continue;
                pwf_isa_use((pwf_isa)isa);
                arrays truth = allocate(&shapes[i]), own = allocate(&shapes[i]);
                arrays without = allocate(&shapes[i]), chosen = allocate(&shapes[i]);
                run_in((pwf_precision)precision, PWF_TENSOR_PLAIN, &shapes[i], &truth);
                run_product((pwf_precision)precision, &shapes[i], &own);
                expect_bits(&own, &truth);
                pwf_isa_use_bf16(false);
                run_product((pwf_precision)precision, &shapes[i], &without);
                pwf_isa_use_bf16(true);
                expect_bits(&without, &truth);
                if (isa > PWF_ISA_BASE && precision == PWF_FP32) {
                    run(PWF_TENSOR_AUTO, &shapes[i], &chosen);
                    expect_bits(&chosen, &truth);
                }
                release(&truth);
                release(&own);
                release(&without);
                release(&chosen);
            }
    pwf_isa_use(pwf_isa_best());
}

/* Plain loops in bf16 are those in fp32 on rounded numbers. */
static void test_plain_bf16(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        arrays in = allocate(&shapes[i]), rounded = allocate(&shapes[i]);
        pwf_conv_kernels_now()->round_bf16(rounded.x, in.x, in.images);
        pwf_conv_kernels_now()->round_bf16(rounded.dy, in.dy, in.results);
        pwf_conv_kernels_now()->round_bf16(rounded.w, in.w, in.weights);
        assert_memory_not_equal(rounded.x, in.x, (size_t)in.images * sizeof(float));
        run_in(PWF_BF16, PWF_TENSOR_PLAIN, &shapes[i], &in);
        run(PWF_TENSOR_PLAIN, &shapes[i], &rounded);
        expect_bits(&in, &rounded);
        release(&in);
        release(&rounded);
    }
}

/* Only what was asked for is planned, and that takes no more workspace than everything. */
static void test_forward_only(void **state)
{
    (void)state;
    for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++) {
        pwf_conv *forward, *all;
        const pwf_conv_use both[] = {{true, false, false, false, PWF_FP32},
                                     {true, true, true, true, PWF_FP32}};
        assert_int_equal(
            pwf_conv_new((pwf_tensor_backend)backend, &shapes[0], both[0], &forward).code, PWF_OK);
        assert_int_equal(pwf_conv_new((pwf_tensor_backend)backend, &shapes[0], both[1], &all).code,
                         PWF_OK);
        assert_true(pwf_conv_workspace(forward) <= pwf_conv_workspace(all));
        assert_string_equal(forward->backend->name, all->backend->name);
        pwf_conv_free(forward);
        pwf_conv_free(all);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_non_null(strstr(pwf_tensor_backend_text(PWF_TENSOR_AUTO).text, "oneDNN "));
    assert_non_null(strstr(pwf_tensor_backend_text(PWF_TENSOR_OPENBLAS).text, "OpenBLAS "));
    assert_non_null(strstr(pwf_tensor_backend_text(PWF_TENSOR_PLAIN).text, "plain"));
}

static void test_extent(void **state)
{
    (void)state;
    assert_int_equal(pwf_conv_extent(28, 3, 2, 2), 14);
    assert_int_equal(pwf_conv_extent(7, 3, 2, 2), 4);
    assert_int_equal(pwf_conv_extent(3, 3, 1, 0), 1);
    assert_int_equal(pwf_conv_extent(2, 3, 2, 0), 0);
    assert_int_equal(pwf_conv_extent(0, 1, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain), cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_packed),        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_linear_bits),   cmocka_unit_test(test_plain_bf16),
        cmocka_unit_test(test_forward_only),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_extent)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
