/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_TENSOR_H
#define PWF_TENSOR_TENSOR_H

#include <stdint.h>

/** The back ends of the tensor room, and what each of their threads must call. Convolutions and
 * linear layers are in conv.h, attention is in attention.h, its matrix products in matmul.h, and
 * all other arithmetic in kernels.h. */

typedef enum pwf_tensor_backend {
    PWF_TENSOR_AUTO,     /* our own product for linear layers and attention, if the machine has an
                            instruction for fma; else oneDNN, else OpenBLAS */
    PWF_TENSOR_ONEDNN,   /* primitives of oneDNN, planned once */
    PWF_TENSOR_OPENBLAS, /* im2col and sgemm */
    PWF_TENSOR_PLAIN,    /* loops; the same bits on every machine */
    PWF_TENSOR_BACKENDS
} pwf_tensor_backend;

/* What the operands of products (convolutions, linear layers, attention) are rounded to: fp32
 * leaves them; bf16, the upper halves of fp32 numbers, is nearest, ties to even. Sums are fp32 in
 * both. */
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

/** Makes the libraries use one thread per call. Every thread that plans or runs anything of this
 * room calls it first.
 * Local. */
void pwf_tensor_thread_start(void);

/** What runs for a pwf_tensor_backend, with versions, for the log:
 * "oneDNN 2.6.3 (avx512), own products (avx512)".
 * Local. Valid until the thread's next call. */
const char *pwf_tensor_backend_text(int64_t backend);

#endif
