/* SPDX-License-Identifier: BSD-3-Clause */
/* Decodes PNG files to 8-bit RGB with libpng. Called by decode.c from any thread; no state. The
 * chunks are checked before libpng sees them, so that a stated length cannot make it allocate more
 * than the file has. */
#include "decode.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* As in jpeg.c, errors jump back; everything that lives across the jump is in this struct. */
typedef struct png_reader {
    png_structp png;
    png_infop info;
    jmp_buf back;
    const char *name;
    const uint8_t *bytes;
    size_t size, taken;
    pwf_image *out;
    png_bytep *rows;
    pwf_status status;
} png_reader;

enum { CHUNKS_MAX = 256, CHUNK_BYTES_MAX = 8 << 20 };

/* Leaves libpng with a status. */
static _Noreturn void give_up(png_reader *r, pwf_status status)
{
    r->status = status;
    longjmp(r->back, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    png_reader *r = png_get_error_ptr(png);
    give_up(r, PWF_FAIL(PWF_DATA, "%s is damaged: %s", r->name, text));
}

static void on_warning(png_structp png, png_const_charp text)
{
    png_reader *r = png_get_error_ptr(png);
    (void)text;
    r->out->warnings++;
}

/* The file ends before the image does. */
static _Noreturn void cut_short(png_reader *r)
{
    give_up(r, PWF_FAIL(PWF_DATA, "%s is truncated: it ends within the image, after %zu bytes",
                        r->name, r->size));
}

/* Checks the lengths of all chunks, since libpng allocates some of them before it reads them. */
static void check_chunks(png_reader *r)
{
    for (size_t at = 8;;) { /* length, name, content, checksum */
        if (r->size - at < 12) cut_short(r);
        const uint8_t *chunk = r->bytes + at;
        const size_t length = png_get_uint_32(chunk);
        if (length > r->size - at - 12) cut_short(r);
        if (memcmp(chunk + 4, "IEND", 4) == 0) return;
        at += 12 + length;
    }
}

/* The input of libpng, from memory. */
static void read_bytes(png_structp png, png_bytep to, size_t count)
{
    png_reader *r = png_get_io_ptr(png);
    if (count > r->size - r->taken) cut_short(r);
    memcpy(to, r->bytes + r->taken, count);
    r->taken += count;
}

/* Everything becomes 8-bit RGB. */
static void choose_colours(png_reader *r)
{
    png_set_strip_16(r->png);
    png_set_expand(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_strip_alpha(r->png);
}

/* The body between setjmp and clean-up; every failure leaves through give_up. */
static void decode(png_reader *r)
{
    check_chunks(r);
    png_set_user_limits(r->png, PWF_IMAGE_SIDE_MAX, PWF_IMAGE_SIDE_MAX);
    png_set_chunk_cache_max(r->png, CHUNKS_MAX);
    png_set_chunk_malloc_max(r->png, CHUNK_BYTES_MAX);
    png_set_read_fn(r->png, r, read_bytes);
    png_read_info(r->png, r->info);
    const int64_t width = png_get_image_width(r->png, r->info);
    const int64_t height = png_get_image_height(r->png, r->info);
    const pwf_status s = pwf_image_new(r->name, width, height, r->out);
    if (s.code != PWF_OK) give_up(r, s);
    choose_colours(r);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != 3 * (size_t)width)
        give_up(r, PWF_FAIL(PWF_DATA, "%s: its colours cannot be converted to RGB", r->name));
    r->rows = calloc((size_t)height, sizeof *r->rows);
    if (!r->rows) give_up(r, PWF_FAIL(PWF_RESOURCE, "no memory to decode %s", r->name));
    for (int64_t y = 0; y < height; y++)
        r->rows[y] = r->out->pixels + 3 * width * y;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
}

pwf_status pwf_png_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out)
{
    png_reader *r = calloc(1, sizeof *r);
    PWF_FAIL_IF(!r, PWF_RESOURCE, "no memory to decode %s", name);
    r->name = name;
    r->bytes = bytes;
    r->size = (size_t)size;
    r->out = out;
    r->status = pwf_ok();
    if (setjmp(r->back) == 0) {
        r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
        if (r->png) r->info = png_create_info_struct(r->png);
        if (!r->info) give_up(r, PWF_FAIL(PWF_RESOURCE, "no memory to decode %s", name));
        decode(r);
    }
    const pwf_status s = r->status;
    if (r->png) png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->rows);
    free(r);
    return s;
}
