/* SPDX-License-Identifier: BSD-3-Clause */
/* Resizes with pixels identical to Pillow's: horizontal pass, rounding to 8 bits, vertical pass,
 * with 22-bit fixed-point weights. Called by transform.c, data/dataset.c and pack from any thread;
 * the kernels are in resize_kernels.c. */
#include "pwf/core/mem.h"
#include "pwf/image/image.h"
#include "resize_kernels.h"

#include <string.h>

static const pwf_resize_kernels *const tables[PWF_ISA_COUNT] = {
    &pwf_resize_kernels_base, &pwf_resize_kernels_avx2, &pwf_resize_kernels_avx512};

/* The triangle filter. */
static double bilinear(double x)
{
    if (x < 0.0) x = -x;
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys cubic convolution with a = -0.5, as in Pillow. */
static double bicubic(double x)
{
    const double a = -0.5;
    if (x < 0.0) x = -x;
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

/* ceil() without libm. */
static int64_t round_up(double x) /* x >= 0 */
{
    const int64_t whole = (int64_t)x;
    return (double)whole < x ? whole + 1 : whole;
}

/* Converts a weight to fixed point, rounding half away from zero. */
static int32_t fixed_point(double x)
{
    const double scaled = x * (1 << PWF_RESIZE_BITS);
    return (int32_t)(x < 0 ? -0.5 + scaled : 0.5 + scaled);
}

/* Computes the weights of one output row or column, in Pillow's order of operations. */
static void weigh(pwf_weights *w, int64_t place, pwf_image_filter filter, int64_t in, double centre,
                  double support, double stretch, double *scratch)
{
    double sum = 0.0;
    int64_t first = (int64_t)(centre - support + 0.5), end = (int64_t)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > in) end = in;
    for (int64_t k = 0; k < end - first; k++) {
        const double x = ((double)(k + first) - centre + 0.5) * (1.0 / stretch);
        scratch[k] = filter == PWF_BICUBIC ? bicubic(x) : bilinear(x);
        sum += scratch[k];
    }
    for (int64_t k = 0; k < end - first; k++)
        w->weight[place * w->taps + k] = fixed_point(sum != 0.0 ? scratch[k] / sum : scratch[k]);
    w->first[place] = (int32_t)first;
    w->used[place] = (int32_t)(end - first);
}

/* Computes the weights of output rows or columns [from, from + count) when `in` are resized to
 * `out`. */
static pwf_status weights_new(pwf_weights *w, pwf_image_filter filter, int64_t in, int64_t out,
                              int64_t from, int64_t count)
{
    const double scale = (double)in / (double)out, stretch = scale < 1.0 ? 1.0 : scale;
    const double support = (filter == PWF_BICUBIC ? 2.0 : 1.0) * stretch;
    *w = (pwf_weights){.count = count, .taps = 2 * round_up(support) + 1};
    /* One allocation for weight, first and used. */
    double *scratch = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, count * (w->taps + 2), sizeof *w->weight, &w->weight));
    w->first = w->weight + count * w->taps;
    w->used = w->first + count;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, w->taps, sizeof *scratch, &scratch));
    for (int64_t i = 0; i < count; i++)
        weigh(w, i, filter, in, ((double)(from + i) + 0.5) * scale, support, stretch, scratch);
    pwf_mem_free(scratch);
    return pwf_ok();
}

/* Horizontal pass: applies `across` to lines [top, top + rows) of the image. */
static void pass_across(uint8_t *out, const pwf_image *image, int64_t top, int64_t rows,
                        const pwf_weights *across)
{
    const pwf_resize_kernels *k = tables[pwf_isa_now()];
    const int64_t stride = 3 * image->width, out_stride = 3 * across->count;
    const uint8_t *in = image->pixels + stride * top;
    int64_t y = 0;
    for (; y + PWF_RESIZE_ROWS <= rows; y += PWF_RESIZE_ROWS)
        k->rows(out + out_stride * y, in + stride * y, stride, across);
    for (; y < rows; y++)
        k->row(out + out_stride * y, in + stride * y, across);
}

/* Vertical pass: output rows from `lines`, of which the first is line `top` of the image. */
static void pass_down(uint8_t *out, const uint8_t *lines, int64_t bytes, int64_t top,
                      const pwf_weights *down)
{
    const pwf_resize_kernels *k = tables[pwf_isa_now()];
    for (int64_t y = 0; y < down->count; y++)
        k->column(out + bytes * y, lines + bytes * (down->first[y] - top), bytes,
                  down->weight + y * down->taps, down->used[y]);
}

pwf_status pwf_image_resize(const pwf_image *image, int64_t width, int64_t height,
                            pwf_image_filter filter, pwf_image_window window, uint8_t *out)
{
    PWF_ASSERT(window.left >= 0 && window.columns >= 1 && window.left + window.columns <= width);
    PWF_ASSERT(window.top >= 0 && window.rows >= 1 && window.top + window.rows <= height);
    pwf_weights across = {0}, down = {0};
    uint8_t *lines = NULL;
    if (image->width == width && image->height == height) { /* all weights would be 0 or 1 */
        const size_t bytes = (size_t)(3 * window.columns);
        for (int64_t y = 0; y < window.rows; y++)
            memcpy(out + y * (int64_t)bytes,
                   image->pixels + 3 * ((window.top + y) * width + window.left), bytes);
        return pwf_ok();
    }
    pwf_status s = weights_new(&across, filter, image->width, width, window.left, window.columns);
    if (s.code == PWF_OK)
        s = weights_new(&down, filter, image->height, height, window.top, window.rows);
    if (s.code == PWF_OK) {
        /* Only the lines that the rows of the window need. A pass that changes no size has weights
         * 0 and 1 and copies. */
        const int64_t top = down.first[0], last = window.rows - 1;
        const int64_t rows = down.first[last] + down.used[last] - top;
        const int64_t bytes = 3 * window.columns;
        s = pwf_mem_alloc(PWF_MEM_DATA, bytes * rows, 1, &lines);
        if (s.code == PWF_OK) {
            pass_across(lines, image, top, rows, &across);
            pass_down(out, lines, bytes, top, &down);
        }
    }
    pwf_mem_free(lines);
    pwf_mem_free(across.weight);
    pwf_mem_free(down.weight);
    return s;
}
