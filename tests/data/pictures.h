/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_PICTURES_H
#define PWF_TESTS_PICTURES_H

#include <stddef.h>
#include <stdint.h>

/* Pictures drawn for the tests, and files of them. Trouble ends the program. */

typedef struct picture {
    int width, height;
    uint8_t *rgb; /* [height, width, 3] */
} picture;

/* Draws coloured shapes: the class determines colour and shape, the seed determines positions,
 * sizes and brightness. The same bytes on every machine. */
picture picture_draw(int width, int height, int class, uint64_t seed);

/* The kinds of files found in folders of photographs, including a PNG file named .JPEG. */
typedef enum picture_kind {
    PICTURE_JPEG,
    PICTURE_PROGRESSIVE,
    PICTURE_GREY,
    PICTURE_CMYK,
    PICTURE_PNG
} picture_kind;

/* The bytes of a file; the caller frees them. */
uint8_t *picture_encode(const picture *p, picture_kind kind, size_t *size);

void picture_write(const char *path, const picture *p, picture_kind kind);
void bytes_write(const char *path, const void *bytes, size_t size);

/* The next word of a pseudo-random sequence; a number in [0, count) made from it. */
uint64_t next_word(uint64_t *state);
int next_below(uint64_t *state, int count);

/* Creates DIR/train and DIR/val with a folder per class and pictures of odd sizes around 500 x 375
 * in them: a pure function of the arguments. Of sixteen pictures of a class, one is progressive,
 * one grey, one CMYK and one a PNG named .JPEG. DIR must not exist. */
void tree_make(const char *dir, int classes, int per_class, int val_per_class, uint64_t seed);

#endif
