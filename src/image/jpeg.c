/* SPDX-License-Identifier: BSD-3-Clause */
/* Decodes JPEG files to RGB with libjpeg-turbo, including CMYK and YCCK as Pillow converts them.
 * Called by decode.c from any thread; no state. Limits on memory and scans keep a small hostile
 * file from occupying a worker. */
#include "decode.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it first */

#include <jerror.h>
#include <jpeglib.h>
#include <stdlib.h>
#include <string.h>

/* libjpeg reports an error by calling error_exit, which must not return: it jumps back to
 * pwf_jpeg_decode. Everything that lives across the jump is in this struct, not in locals. */
typedef struct jpeg_reader {
    struct jpeg_decompress_struct info; /* first: libjpeg hands back its address */
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const char *name;
    const uint8_t *bytes;
    int64_t size;
    pwf_image *out;
    uint8_t *inks; /* one line of CMYK, from libjpeg's pool */
    pwf_status status;
} jpeg_reader;

enum { LINES = 8, ALL_SCANS_MAX = 1 << 30 }; /* pixels of all scans together */

/* Leaves libjpeg with a status. */
static _Noreturn void give_up(jpeg_reader *r, pwf_status status)
{
    r->status = status;
    longjmp(r->back, 1);
}

/* Turns a fatal error of libjpeg into a status. */
static void error_exit(j_common_ptr common)
{
    jpeg_reader *r = (jpeg_reader *)common;
    char text[JMSG_LENGTH_MAX];
    const int code = common->err->msg_code;
    common->err->format_message(common, text);
    if (code == JERR_OUT_OF_MEMORY)
        give_up(r, PWF_FAIL(PWF_RESOURCE, "no memory to decode %s", r->name));
    if (code == JERR_NO_BACKING_STORE)
        give_up(r, PWF_FAIL(PWF_DATA, "%s needs more than %d MiB to decode", r->name,
                            PWF_IMAGE_MEMORY_MAX >> 20));
    give_up(r, PWF_FAIL(PWF_DATA, "%s is damaged: %s", r->name, text));
}

/* Warnings are counted, not printed. */
static void emit_message(j_common_ptr common, int level)
{
    if (level < 0) common->err->num_warnings++;
}

/* Suppresses messages, which libjpeg would print to stderr. */
static void output_message(j_common_ptr common)
{
    (void)common;
}

static void init_source(j_decompress_ptr info)
{
    (void)info;
}

/* The default source of libjpeg would insert an end marker and fill the rest with grey. */
static boolean fill_input_buffer(j_decompress_ptr info)
{
    jpeg_reader *r = (jpeg_reader *)info;
    give_up(r, PWF_FAIL(PWF_DATA, "%s is truncated: it ends within the image, after %lld bytes",
                        r->name, (long long)r->size));
}

/* Skipping past the end is truncation. */
static void skip_input_data(j_decompress_ptr info, long bytes)
{
    if (bytes <= 0) return;
    if ((size_t)bytes > info->src->bytes_in_buffer) fill_input_buffer(info);
    info->src->next_input_byte += bytes;
    info->src->bytes_in_buffer -= (size_t)bytes;
}

/* Limits the scans: one of a few bytes makes the decoder process the whole image once more. */
static void check_scans(j_common_ptr common)
{
    jpeg_reader *r = (jpeg_reader *)common;
    const int64_t scans = r->info.input_scan_number;
    if (scans > PWF_IMAGE_SCANS_MAX || scans * r->out->width * r->out->height > ALL_SCANS_MAX)
        give_up(r, PWF_FAIL(PWF_DATA, "%s has too many scans (%lld so far) of %lld x %lld pixels",
                            r->name, (long long)scans, (long long)r->out->width,
                            (long long)r->out->height));
}

static void set_up(jpeg_reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    info->err = jpeg_std_error(&r->errors);
    r->errors.error_exit = error_exit;
    r->errors.emit_message = emit_message;
    r->errors.output_message = output_message;
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = r->bytes,
        .bytes_in_buffer = (size_t)r->size,
        .init_source = init_source,
        .fill_input_buffer = fill_input_buffer,
        .skip_input_data = skip_input_data,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = init_source,
    };
    r->progress.progress_monitor = check_scans;
}

/* CMYK is converted here, everything else by libjpeg. */
static void choose_colours(jpeg_reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    const int n = info->num_components;
    if (n != 1 && n != 3 && n != 4)
        give_up(r, PWF_FAIL(PWF_DATA, "%s has %d colour components; it must have 1, 3 or 4",
                            r->name, n));
    info->out_color_space = n == 4 ? JCS_CMYK : JCS_RGB;
}

/* a * b / 255, rounded, for bytes. */
static int scaled(int a, int b)
{
    const int product = a * b + 128;
    return (product + (product >> 8)) >> 8;
}

/* One line of inverted CMYK, as Adobe writes it: 255 is no ink. Converted as by Pillow's
 * convert("RGB"). */
static void mix_inks(uint8_t *rgb, const uint8_t *inks, int64_t width)
{
    for (int64_t x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            const int light = inks[4 * x + 3];
            const int value = light - scaled(255 - inks[4 * x + c], light);
            rgb[3 * x + c] = (uint8_t)(value < 0 ? 0 : value);
        }
}

/* Reads up to LINES lines per call; CMYK one line at a time, through `inks`. */
static void read_lines(jpeg_reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    const int64_t width = r->out->width;
    while (info->output_scanline < info->output_height) {
        uint8_t *line[LINES];
        uint8_t *next = r->out->pixels + 3 * width * info->output_scanline;
        const JDIMENSION left = info->output_height - info->output_scanline;
        if (r->inks) {
            if (jpeg_read_scanlines(info, &r->inks, 1) == 1) mix_inks(next, r->inks, width);
            continue;
        }
        const JDIMENSION lines = left < LINES ? left : LINES;
        for (JDIMENSION i = 0; i < lines; i++)
            line[i] = next + 3 * width * i;
        jpeg_read_scanlines(info, line, lines);
    }
}

/* The body between setjmp and clean-up; every failure leaves through give_up. */
static void decode(jpeg_reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    jpeg_create_decompress(info);
    info->src = &r->source;
    info->progress = &r->progress;
    jpeg_read_header(info, TRUE);
    choose_colours(r);
    const pwf_status s = pwf_image_new(r->name, info->image_width, info->image_height, r->out);
    if (s.code != PWF_OK) give_up(r, s);
    info->mem->max_memory_to_use =
        (long)PWF_IMAGE_MEMORY_MAX - (long)(3 * r->out->width * r->out->height + r->size);
    jpeg_start_decompress(info);
    if (info->output_width != info->image_width || info->output_height != info->image_height)
        give_up(r,
                PWF_FAIL(PWF_DATA, "%s is damaged: its size changes while it is decoded", r->name));
    if (info->out_color_space == JCS_CMYK)
        r->inks =
            info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, 4 * (size_t)r->out->width);
    read_lines(r);
    jpeg_finish_decompress(info); /* the end of the file must be there, as for Pillow */
    r->out->warnings = r->errors.num_warnings;
}

pwf_status pwf_jpeg_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out)
{
    jpeg_reader *r = calloc(1, sizeof *r);
    PWF_FAIL_IF(!r, PWF_RESOURCE, "no memory to decode %s", name);
    r->name = name;
    r->bytes = bytes;
    r->size = size;
    r->out = out;
    r->status = pwf_ok();
    set_up(r);
    if (setjmp(r->back) == 0) decode(r);
    const pwf_status s = r->status;
    jpeg_destroy_decompress(&r->info);
    free(r);
    return s;
}
