/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws pictures with pseudo-random shapes in the colour of a class, encodes them as JPEG of every
 * kind and as PNG, and writes trees of them for data.format imagefolder. Used by the tests of
 * images and folders, by pwf pack's tests and by synthetic_tree. The same seed gives the same
 * files. */
#include "pictures.h"

#include <errno.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

static _Noreturn void trouble(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *memory(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p) trouble("memory");
    return p;
}

/* splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
uint64_t next_word(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int next_below(uint64_t *state, int count)
{
    return (int)((next_word(state) >> 32) * (uint64_t)count >> 32);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* A saturated colour; neighbouring classes are far apart on the circle of 1536 hues. */
static void class_colour(int class, int light, uint8_t rgb[3])
{
    const int hue = (int)(((uint32_t) class * 949u) % 1536u), part = hue % 256;
    const int ramp[6][3] = {{255, part, 0},       {255 - part, 255, 0}, {0, 255, part},
                            {0, 255 - part, 255}, {part, 0, 255},       {255, 0, 255 - part}};
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)((40 + ramp[hue / 256][c] * 3 / 4) * light / 256);
}

enum { SHAPES = 4 };

typedef struct shape {
    int kind, x, y, radius;
} shape;

static bool is_inside(const shape *s, int x, int y)
{
    const int dx = abs(x - s->x), dy = abs(y - s->y), r = s->radius;
    switch (s->kind) {
    case 0:
        return dx * dx + dy * dy < r * r; /* disc */
    case 1:
        return dx < r && dy < r; /* square */
    case 2:
        return dx + dy < r; /* diamond */
    default:
        return dx < r && dy < r && (dx < r / 3 || dy < r / 3); /* cross */
    }
}

picture picture_draw(int width, int height, int class, uint64_t seed)
{
    enum { COUNT = 3 };
    uint64_t state = seed;
    uint8_t back[3], front[3];
    shape shapes[COUNT];
    picture p = {width, height, memory(3 * (size_t)width * (size_t)height)};
    const int least = width < height ? width : height;
    class_colour(class, 110 + next_below(&state, 70), back);
    class_colour(class + 7, 180 + next_below(&state, 76), front);
    for (int i = 0; i < COUNT; i++)
        shapes[i] = (shape){class % SHAPES, next_below(&state, width), next_below(&state, height),
                            least / 8 + next_below(&state, least / 5 + 1)};
    const int tilt = next_below(&state, 64);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            bool inside = false;
            for (int i = 0; i < COUNT; i++)
                inside = inside || is_inside(&shapes[i], x, y);
            uint8_t *to = p.rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)(inside ? front[c] : back[c] + tilt * x / width);
        }
    return p;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* CMYK as Adobe writes it: 255 is no ink, and black is not used. */
static void encode_lines(struct jpeg_compress_struct *info, const picture *p, picture_kind kind)
{
    const int channels = info->input_components;
    uint8_t *line = memory((size_t)channels * (size_t)p->width);
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            const uint8_t *rgb = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
            uint8_t *to = line + channels * x;
            if (kind == PICTURE_GREY)
                to[0] = (uint8_t)((rgb[0] + 2 * rgb[1] + rgb[2]) / 4);
            else
                memcpy(to, rgb, 3);
            if (kind == PICTURE_CMYK) to[3] = 255;
        }
        jpeg_write_scanlines(info, &line, 1);
    }
    free(line);
}

static uint8_t *encode_jpeg(const picture *p, picture_kind kind, size_t *size)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long count = 0;
    info.err = jpeg_std_error(&errors); /* exits on an error */
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &count);
    info.image_width = (JDIMENSION)p->width;
    info.image_height = (JDIMENSION)p->height;
    info.input_components = kind == PICTURE_GREY ? 1 : kind == PICTURE_CMYK ? 4 : 3;
    info.in_color_space = kind == PICTURE_GREY   ? JCS_GRAYSCALE
                          : kind == PICTURE_CMYK ? JCS_CMYK
                                                 : JCS_RGB;
    jpeg_set_defaults(&info);
    if (kind == PICTURE_CMYK) jpeg_set_colorspace(&info, JCS_YCCK);
    if (kind == PICTURE_PROGRESSIVE) jpeg_simple_progression(&info);
    jpeg_set_quality(&info, 75, TRUE);
    jpeg_start_compress(&info, TRUE);
    encode_lines(&info, p, kind);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    *size = count;
    return bytes;
}

static uint8_t *encode_png(const picture *p, size_t *size)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->width,
                       .height = (png_uint_32)p->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *bytes = memory(count);
    if (!png_image_write_to_memory(&image, bytes, &count, 0, p->rgb, 0, NULL)) trouble("PNG");
    *size = count;
    return bytes;
}

uint8_t *picture_encode(const picture *p, picture_kind kind, size_t *size)
{
    return kind == PICTURE_PNG ? encode_png(p, size) : encode_jpeg(p, kind, size);
}

void bytes_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) trouble(path);
}

void picture_write(const char *path, const picture *p, picture_kind kind)
{
    size_t size = 0;
    uint8_t *bytes = picture_encode(p, kind, &size);
    bytes_write(path, bytes, size);
    free(bytes);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void make_dir(const char *path)
{
    if (mkdir(path, 0777) != 0) trouble(path);
}

static void put_picture(const char *path, int class, int number, uint64_t seed)
{
    static const picture_kind unusual[16] = {
        [3] = PICTURE_PROGRESSIVE, [7] = PICTURE_GREY, [11] = PICTURE_CMYK, [15] = PICTURE_PNG};
    uint64_t state = seed;
    int width = 420 + next_below(&state, 160), height = 300 + next_below(&state, 150);
    if (next_below(&state, 4) == 0) { /* portrait */
        const int swapped = width;
        width = height;
        height = swapped;
    }
    picture p = picture_draw(width, height, class, next_word(&state));
    picture_write(path, &p, unusual[number % 16]);
    free(p.rgb);
}

void tree_make(const char *dir, int classes, int per_class, int val_per_class, uint64_t seed)
{
    static const char *const parts[2] = {"train", "val"};
    make_dir(dir);
    for (int part = 0; part < 2; part++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, parts[part]);
        make_dir(path);
        for (int class = 0; class < classes; class ++) {
            const int n = snprintf(path, sizeof path, "%s/%s/n%08d", dir, parts[part], class);
            make_dir(path);
            for (int i = 0; i < (part ? val_per_class : per_class); i++) {
                uint64_t state = seed;
                state = next_word(&state) + (uint64_t)part;
                state = next_word(&state) + (uint64_t) class;
                state = next_word(&state) + (uint64_t)i;
                snprintf(path + n, sizeof path - (size_t)n, "/n%08d_%d.JPEG", class, i);
                put_picture(path, class, i, next_word(&state));
            }
        }
    }
}
