/* SPDX-License-Identifier: BSD-3-Clause */
/* Products of matrices inside larger arrays, for attention: chooses the built-in product, a library
 * or the plain loops. In bf16 a library or the plain loops multiply rounded fp32 copies in the
 * workspace. Called on the thread of an executor; no state. */
#include "pwf/tensor/matmul.h"

#include "tables.h"

#include <cblas.h>
#include <limits.h>
#include <oneapi/dnnl/dnnl.h>

/* `auto` prefers the built-in product wherever it is fast. */
bool pwf_matmul_ours(pwf_tensor_backend backend)
{
    return backend == PWF_TENSOR_AUTO && pwf_product_fast();
}

pwf_status pwf_matmul_check(pwf_tensor_backend backend, const pwf_matmul *shape)
{
    const int64_t all[] = {shape->rows,     shape->columns,  shape->inner,
                           shape->stride_y, shape->stride_a, shape->stride_b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        PWF_FAIL_IF(all[i] > INT_MAX && backend != PWF_TENSOR_PLAIN && !pwf_matmul_ours(backend),
                    PWF_CONFIG,
                    "a matrix product of %lldx%lldx%lld exceeds the 32-bit sizes of this "
                    "parallel.backend; use auto or plain",
                    (long long)shape->rows, (long long)shape->columns, (long long)shape->inner);
    if (shape->precision == PWF_BF16 && backend == PWF_TENSOR_OPENBLAS)
        return pwf_openblas_no_bf16();
    return pwf_ok();
}

/* bf16 needs rounded copies of a and b, unless the product is the built-in one, which packs them.
 */
size_t pwf_matmul_workspace(pwf_tensor_backend backend, const pwf_matmul *shape)
{
    if (pwf_matmul_ours(backend)) return pwf_product_workspace(shape);
    if (shape->precision == PWF_FP32) return 0;
    return (size_t)((shape->rows + shape->columns) * shape->inner) * sizeof(float);
}

/* out = factor * x rounded to bf16, without gaps between the rows. */
static void round_rows(float *out, float factor, const float *x, int64_t rows, int64_t length,
                       int64_t stride)
{
    for (int64_t i = 0; i < rows; i++, out += length, x += stride) {
        for (int64_t j = 0; j < length; j++)
            out[j] = factor * x[j];
        pwf_conv_kernels_now()->round_bf16(out, out, length);
    }
}

/* The product of rounded copies; denormals count as zeros, as in bf16 instructions. */
static pwf_status run_rounded(pwf_tensor_backend backend, const pwf_matmul *m, float *y, bool add,
                              float factor, const float *a, const float *b, float *workspace)
{
    float *other = workspace + m->rows * m->inner;
    pwf_matmul dense =
        pwf_matmul_dense(m->rows, m->columns, m->inner, m->transpose_a, m->transpose_b, PWF_FP32);
    dense.stride_y = m->stride_y;
    round_rows(workspace, 1.0f, a, m->transpose_a ? m->inner : m->rows, dense.stride_a,
               m->stride_a);
    round_rows(other, factor, b, m->transpose_b ? m->columns : m->inner, dense.stride_b,
               m->stride_b);
    const unsigned before = pwf_flush_begin(PWF_BF16);
    const pwf_status status = pwf_matmul_run(backend, &dense, y, add, 1.0f, workspace, other, NULL);
    pwf_flush_end(before);
    return status;
}

/* y = factor a b + share y, row-major. */
static pwf_status run_onednn(const pwf_matmul *m, float *y, float share, float factor,
                             const float *a, const float *b)
{
    const dnnl_status_t status =
        dnnl_sgemm(m->transpose_a ? 'T' : 'N', m->transpose_b ? 'T' : 'N', m->rows, m->columns,
                   m->inner, factor, a, m->stride_a, b, m->stride_b, share, y, m->stride_y);
    if (status == dnnl_success) return pwf_ok();
    return PWF_FAIL(PWF_BUG, "oneDNN: a matrix product failed with status %d", (int)status);
}

/* The same by OpenBLAS, whose sizes are 32-bit; pwf_matmul_check has checked them. */
static void run_openblas(const pwf_matmul *m, float *y, float share, float factor, const float *a,
                         const float *b)
{
    cblas_sgemm(CblasRowMajor, m->transpose_a ? CblasTrans : CblasNoTrans,
                m->transpose_b ? CblasTrans : CblasNoTrans, (int)m->rows, (int)m->columns,
                (int)m->inner, factor, a, (int)m->stride_a, b, (int)m->stride_b, share, y,
                (int)m->stride_y);
}

pwf_status pwf_matmul_run(pwf_tensor_backend backend, const pwf_matmul *shape, float *y, bool add,
                          float factor, const float *a, const float *b, void *workspace)
{
    const float share = add ? 1.0f : 0.0f;
    if (pwf_matmul_ours(backend)) {
        pwf_product_once(shape, y, add, factor, a, b, workspace);
        return pwf_ok();
    }
    if (shape->precision == PWF_BF16)
        return run_rounded(backend, shape, y, add, factor, a, b, workspace);
    switch (backend) {
    case PWF_TENSOR_PLAIN:
        pwf_kernels_now()->matmul_plain(y, add, factor, a, b, shape);
        return pwf_ok();
    case PWF_TENSOR_OPENBLAS:
        run_openblas(shape, y, share, factor, a, b);
        return pwf_ok();
    default:
        return run_onednn(shape, y, share, factor, a, b);
    }
}
