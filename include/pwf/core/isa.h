/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_ISA_H
#define PWF_CORE_ISA_H

#include <stdbool.h>

/** Instruction sets. A kernel file (KERNELS in the CMakeLists.txt of a room) is compiled once for
 * each; PWF_KERNEL(name) names its functions, and a table in the room selects among them. The
 * source is the same and writes every fma() out, so all instruction sets give the same bits. */

typedef enum pwf_isa { PWF_ISA_BASE, PWF_ISA_AVX2, PWF_ISA_AVX512, PWF_ISA_COUNT } pwf_isa;

#define PWF_KERNEL_JOIN_(name, isa) name##_##isa
#define PWF_KERNEL_JOIN(name, isa) PWF_KERNEL_JOIN_(name, isa)
#define PWF_KERNEL(name) PWF_KERNEL_JOIN(name, PWF_ISA)

/* Declares the variants of a kernel or of a table of kernels; an array of them in the order of
 * pwf_isa. */
#define PWF_KERNEL_DECLARE(type, name, arguments)                                                  \
    type name##_base arguments;                                                                    \
    type name##_avx2 arguments;                                                                    \
    type name##_avx512 arguments;
#define PWF_KERNEL_VARIANTS(name)                                                                  \
    {                                                                                              \
        name##_base, name##_avx2, name##_avx512                                                    \
    }

/** The instruction set in use: the best one of this machine unless pwf_isa_use lowered it.
 * Local; any thread. */
pwf_isa pwf_isa_now(void);

/** The best instruction set of this machine.
 * Local. */
pwf_isa pwf_isa_best(void);

/** Selects `isa`, or the best one of this machine if that is lower. For tests and benchmarks.
 * Local. Call it before worker threads start. */
void pwf_isa_use(pwf_isa isa);

/** Whether kernels use the bf16 dot product of AVX512_BF16: the machine has it, PWF_ISA_AVX512 is
 * in use, and pwf_isa_use_bf16 has not disabled it.
 * Local; any thread. */
bool pwf_isa_bf16(void);

/** Enables or disables AVX512_BF16. For tests and benchmarks.
 * Local. Call it before worker threads start. */
void pwf_isa_use_bf16(bool use);

/** "base", "avx2" or "avx512".
 * Local. */
const char *pwf_isa_name(pwf_isa isa);

#endif
