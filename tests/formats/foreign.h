/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FOREIGN_H
#define PWF_TESTS_FOREIGN_H

#include "pwf/formats/weights_file.h"

#include <stddef.h>

/* The small weight files in tests/formats/golden, made by tests/golden/make_weights_golden.py, and
 * damage to them. */

enum { TENSORS = 9, COUNTER = 5 }; /* COUNTER: the tensor that is not a weight */

typedef struct foreign_tensor {
    const char *name;
    int dims;
    int64_t shape[4];
} foreign_tensor;

extern const foreign_tensor tensors[TENSORS];

/* Value i of tensor t. */
float value(int t, int64_t i);

/* The path of a file; valid until the next call. */
const char *golden(const char *name);

/* Checks all names, shapes and values of a file. */
void expect_golden(const char *name, const char *format, const char *inside, const char *prefix);

/* A pickled module is refused with a message that says what to save instead. */
void expect_module_refused(const char *name);

void write_file(const char *path, const void *bytes, size_t count);

/* The next random number of a fixed stream. */
uint32_t draw(void);

/* Opens a file and, on success, reads all of it. */
void use(const char *path);

/* Changes a few bytes of a file, or truncates it, and reads it. */
void damage(const char *name, int times);

#endif
