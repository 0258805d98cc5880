/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_ISA_H
#define PWF_CORE_ISA_H

#include <stdbool.h>

/** Instruction sets. A kernel file (KERNELS in a room's CMakeLists.txt) is compiled once for each;
 * its functions are named with PWF_KERNEL(name) and found through a table per room. The source is
 * the same and spells out every fma(), so the results are the same bits. */

typedef enum pwf_isa { PWF_ISA_BASE, PWF_ISA_AVX2, PWF_ISA_AVX512, PWF_ISA_COUNT } pwf_isa;

#define PWF_KERNEL_JOIN_(name, isa) name##_##isa
#define PWF_KERNEL_JOIN(name, isa) PWF_KERNEL_JOIN_(name, isa)
#define PWF_KERNEL(name) PWF_KERNEL_JOIN(name, PWF_ISA)

/** The instruction set in use: the best this machine has, unless pwf_isa_use said otherwise.
 * Local; any thread. */
pwf_isa pwf_isa_now(void);

/** The best instruction set of this machine.
 * Local. */
pwf_isa pwf_isa_best(void);

/** Uses `isa` from now on, or the best this machine has if that is less. For tests and benchmarks,
 * before any worker thread starts.
 * Local. */
void pwf_isa_use(pwf_isa isa);

/** Whether this machine has an instruction for products of pairs of bf16 numbers (AVX512_BF16) and
 * it is in use, as it is with PWF_ISA_AVX512 unless pwf_isa_use_bf16 said otherwise.
 * Local; any thread. */
bool pwf_isa_bf16(void);

/** Uses that instruction from now on if this machine has it, or does not. For tests and
 * benchmarks, before any worker thread starts.
 * Local. */
void pwf_isa_use_bf16(bool use);

/** "base", "avx2" or "avx512".
 * Local. */
const char *pwf_isa_name(pwf_isa isa);

#endif
