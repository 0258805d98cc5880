/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_NN_GOLDEN_FILE_H
#define PWF_TESTS_NN_GOLDEN_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Reads what tests/golden/make_network_golden.py writes. An error in a file ends the program. */

enum { GOLDEN_NAME = 64, GOLDEN_TENSORS = 128, GOLDEN_INTS = 32 };

typedef struct golden_tensor {
    char name[GOLDEN_NAME];
    int dims;
    int64_t shape[4], count;
    float *data;
} golden_tensor;

typedef struct golden_case {
    char name[GOLDEN_NAME];
    int ints, tensors;
    struct {
        char name[GOLDEN_NAME];
        int64_t value;
    } integer[GOLDEN_INTS];
    golden_tensor tensor[GOLDEN_TENSORS];
} golden_case;

typedef struct golden_file {
    FILE *file;
    char line[256]; /* the next one */
} golden_file;

/* Opens a file of this folder by its name. */
void golden_open(golden_file *golden, const char *name);
void golden_close(golden_file *golden);

/* Reads the next case; false at the end. Free it before the next one. */
bool golden_next(golden_file *golden, golden_case *out);
void golden_case_free(golden_case *c);

/* By name; a missing tensor is NULL, a missing integer 0. */
const golden_tensor *golden_find(const golden_case *c, const char *name);
int64_t golden_int(const golden_case *c, const char *name);

/* max |a - b| / max |b|; b is the reference. */
double golden_difference(const float *a, const float *b, int64_t count);

#endif
