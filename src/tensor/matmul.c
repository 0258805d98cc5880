/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/tensor/matmul.h"

#include "tables.h"

#include <cblas.h>
#include <limits.h>
#include <oneapi/dnnl/dnnl.h>

static bool ours(pwf_tensor_backend backend)
{
    return backend == PWF_TENSOR_AUTO && pwf_product_fast();
}

pwf_status pwf_matmul_check(pwf_tensor_backend backend, const pwf_matmul *m)
{
    const int64_t all[] = {m->rows, m->columns, m->inner, m->stride_y, m->stride_a, m->stride_b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] > INT_MAX && backend != PWF_TENSOR_PLAIN && !ours(backend))
            return PWF_FAIL(PWF_CONFIG, "a matrix product of %lldx%lldx%lld is too large",
                            (long long)m->rows, (long long)m->columns, (long long)m->inner);
    return pwf_ok();
}

size_t pwf_matmul_workspace(pwf_tensor_backend backend, const pwf_matmul *m)
{
    return ours(backend) ? pwf_product_workspace(m) : 0;
}

static pwf_status run_onednn(const pwf_matmul *m, float *y, float share, float factor,
                             const float *a, const float *b)
{
    const dnnl_status_t status =
        dnnl_sgemm(m->transpose_a ? 'T' : 'N', m->transpose_b ? 'T' : 'N', m->rows, m->columns,
                   m->inner, factor, a, m->stride_a, b, m->stride_b, share, y, m->stride_y);
    if (status == dnnl_success) return pwf_ok();
    return PWF_FAIL(PWF_BUG, "oneDNN: a matrix product failed with status %d", (int)status);
}

static void run_openblas(const pwf_matmul *m, float *y, float share, float factor, const float *a,
                         const float *b)
{
    cblas_sgemm(CblasRowMajor, m->transpose_a ? CblasTrans : CblasNoTrans,
                m->transpose_b ? CblasTrans : CblasNoTrans, (int)m->rows, (int)m->columns,
                (int)m->inner, factor, a, (int)m->stride_a, b, (int)m->stride_b, share, y,
                (int)m->stride_y);
}

pwf_status pwf_matmul_run(pwf_tensor_backend backend, const pwf_matmul *m, float *y, bool add,
                          float factor, const float *a, const float *b, void *workspace)
{
    const float share = add ? 1.0f : 0.0f;
    if (ours(backend)) {
        pwf_product_once(m, y, add, factor, a, b, workspace);
        return pwf_ok();
    }
    switch (backend) {
    case PWF_TENSOR_PLAIN:
        pwf_matmul_plain_now(y, add, factor, a, b, m);
        return pwf_ok();
    case PWF_TENSOR_OPENBLAS:
        run_openblas(m, y, share, factor, a, b);
        return pwf_ok();
    default:
        return run_onednn(m, y, share, factor, a, b);
    }
}
