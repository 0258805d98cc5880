/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_REGISTERS_H
#define PWF_TESTS_REGISTERS_H

#include <stddef.h>

/* The instructions that the ceilings measure. Each kind is compiled for its own instruction set and
 * may be called where its `here` is true. */

/* Does a piece of work and returns the floating-point operations in it. */
typedef struct registers_kind {
    const char *name;
    double (*work)(void);
    int here;
} registers_kind;

/* fp32 multiply-adds on the best instruction set of this machine. */
registers_kind registers_fp32(void);

/* bf16 products added in fp32, by vectors and by tiles. */
registers_kind registers_bf16_vectors(void);
registers_kind registers_bf16_tiles(void);

/* Copies with the widest loads and stores, which unlike memcpy do not go around the caches. The
 * arrays are aligned to 64 and `bytes` is a multiple of 256. */
void registers_copy(void *to, const void *from, size_t bytes);

#endif
