/* SPDX-License-Identifier: BSD-3-Clause */
/* Types and shapes of tensors, and the conversion of stored values to fp32. Called by the readers
 * of weight files and by the commands that print lists of tensors. Pure functions: no files, no
 * state. */
#include "tensor_list.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int size;
} dtypes[PWF_DTYPES] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},     {"I64", 8},
                        {"U64", 8}, {"I32", 4}, {"U32", 4},  {"I16", 2},     {"U16", 2},
                        {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

const char *pwf_dtype_name(pwf_dtype dtype)
{
    return dtypes[dtype].name;
}

int pwf_dtype_size(pwf_dtype dtype)
{
    return dtypes[dtype].size;
}

void pwf_shape_text(int dims, const int64_t *shape, char text[PWF_SHAPE_TEXT])
{
    int at = snprintf(text, PWF_SHAPE_TEXT, "[");
    for (int d = 0; d < dims; d++)
        at += snprintf(text + at, (size_t)(PWF_SHAPE_TEXT - at), "%s%lld", d > 0 ? ", " : "",
                       (long long)shape[d]);
    snprintf(text + at, (size_t)(PWF_SHAPE_TEXT - at), "]");
}

/* The fp32 number with these bits. */
static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every half-precision number is an fp32 number: the exponent is rebased, a denormal is scaled. */
static float from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fffU;
    if (rest >= 0x7c00) return from_bits(sign | 0x7f800000U | (rest & 0x3ff) << 13);
    if (rest >= 0x400) return from_bits(sign | ((rest << 13) + (112U << 23)));
    const float x = (float)rest * 0x1p-24f;
    return sign ? -x : x;
}

void pwf_tensor_convert(pwf_dtype dtype, const unsigned char *in, int64_t count, float *out,
                        int64_t *rounded)
{
    if (dtype == PWF_DTYPE_F32) {
        if (count > 0) memcpy(out, in, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint16_t half = 0;
        double x = 0.0;
        if (dtype == PWF_DTYPE_F64) {
            memcpy(&x, in + 8 * i, sizeof x);
            out[i] = (float)x;
            *rounded += (double)out[i] < x || (double)out[i] > x;
            continue;
        }
        memcpy(&half, in + 2 * i, sizeof half);
        out[i] = dtype == PWF_DTYPE_F16 ? from_half(half) : from_bits((uint32_t)half << 16);
    }
}
