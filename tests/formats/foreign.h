/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FOREIGN_H
#define PWF_TESTS_FOREIGN_H

#include "pwf/formats/weights_file.h"

#include <stddef.h>

/* The small files of other programs in tests/formats/golden, which
 * tests/golden/make_weights_golden.py makes, and damage to them. */

enum { TENSORS = 9, COUNTER = 5 }; /* COUNTER: the one that holds no weights */

typedef struct foreign_tensor {
    const char *name;
    int dims;
    int64_t shape[4];
} foreign_tensor;

extern const foreign_tensor tensors[TENSORS];

/* Value i of tensor t. */
float value(int t, int64_t i);

/* Where a file lies; the text is good until the next call. */
const char *golden(const char *name);

/* All names, shapes and values of a file. */
void expect_golden(const char *name, const char *format, const char *inside, const char *prefix);

/* A whole module is refused, and told what to save in its place. */
void expect_module_refused(const char *name);

void write_file(const char *path, const void *bytes, size_t count);

/* A random number, the next of a fixed stream. */
uint32_t draw(void);

/* Opens a file and, if that worked, reads all of it. */
void use(const char *path);

/* Changes a few bytes of a file, or cuts it off, and uses it. */
void damage(const char *name, int times);

#endif
