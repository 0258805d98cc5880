/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_TENSOR_H
#define PWF_TENSOR_TENSOR_H

#include <stddef.h>
#include <stdint.h>

/** The back ends of the tensor room, and what each thread must call before it uses them.
 * Convolutions and linear layers are in conv.h, attention in attention.h, its matrix products in
 * matmul.h, all other arithmetic in kernels.h. */

typedef enum pwf_tensor_backend {
    PWF_TENSOR_AUTO,     /* the built-in product for linear layers and attention if there is an fma
                            instruction; else oneDNN; OpenBLAS for shapes oneDNN lacks */
    PWF_TENSOR_ONEDNN,   /* oneDNN primitives */
    PWF_TENSOR_OPENBLAS, /* im2col and sgemm */
    PWF_TENSOR_PLAIN,    /* simple loops; the same bits on every machine */
    PWF_TENSOR_BACKENDS
} pwf_tensor_backend;

/* Precision of the operands of matrix products (convolutions, linear layers, attention). fp32 does
 * not round; bf16, the upper half of an fp32 number, rounds to nearest, ties to even. Sums are fp32
 * in both. */
typedef enum pwf_precision {
    PWF_FP32,
    PWF_BF16,
    PWF_PRECISIONS,
    PWF_PRECISION_AUTO = PWF_PRECISIONS /* of a configuration: chosen when the run begins */
} pwf_precision;

/* Rows and columns of zeros around an image, in pixels. */
typedef struct pwf_padding {
    int64_t top, left, bottom, right;
} pwf_padding;

/** The same number of pixels on each side.
 * Local. */
static inline pwf_padding pwf_padding_around(int64_t pixels)
{
    return (pwf_padding){pixels, pixels, pixels, pixels};
}

/** Bytes rounded up to whole cache lines, to which workspaces are cut.
 * Local. */
static inline size_t pwf_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/** Makes the libraries use one thread per call. Every thread calls it before it plans or runs
 * anything of this room.
 * Local. */
void pwf_tensor_thread_start(void);

typedef struct pwf_tensor_text {
    char text[96];
} pwf_tensor_text;

/** The libraries and instruction sets of a pwf_tensor_backend, for the log:
 * "oneDNN 2.6.3 (avx512), built-in products (avx512)".
 * Local; any thread. */
pwf_tensor_text pwf_tensor_backend_text(int64_t backend);

#endif
