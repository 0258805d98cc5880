/* SPDX-License-Identifier: BSD-3-Clause */
/* Chooses the instruction set of the kernels, once per process. Called by every room that has a
 * table of kernels. State: the choice, which tests and benchmarks may lower before threads start.
 * All kernels give the same bits, so the choice changes speed only. */
#include "pwf/core/isa.h"

#include <stdatomic.h>

static atomic_int chosen = -1;   /* pwf_isa; -1 until the first use */
static atomic_bool without_bf16; /* AVX512_BF16 switched off */

pwf_isa pwf_isa_best(void)
{
    /* The sets that PWF_ISA_FLAGS_* in cmake/Rooms.cmake permit; bmi2 implies bmi. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi2"))
        return PWF_ISA_BASE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return PWF_ISA_AVX512;
    return PWF_ISA_AVX2;
}

pwf_isa pwf_isa_now(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        /* Threads that run this at the same time store the same value. */
        isa = (int)pwf_isa_best();
        atomic_store(&chosen, isa);
    }
    return (pwf_isa)isa;
}

void pwf_isa_use(pwf_isa isa)
{
    const pwf_isa best = pwf_isa_best();
    atomic_store(&chosen, (int)(isa < best ? isa : best));
}

bool pwf_isa_bf16(void)
{
    if (atomic_load_explicit(&without_bf16, memory_order_relaxed)) return false;
    return pwf_isa_now() == PWF_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}

void pwf_isa_use_bf16(bool use)
{
    atomic_store(&without_bf16, !use);
}

const char *pwf_isa_name(pwf_isa isa)
{
    static const char *const names[PWF_ISA_COUNT] = {"base", "avx2", "avx512"};
    return names[isa];
}
