/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_RNG_KERNELS_H
#define PWF_CORE_RNG_KERNELS_H

#include "pwf/core/isa.h"
#include "pwf/core/rng.h"

/* The kernels behind pwf_rng_*: words of `quads` counters from `first` on; words to numbers. */
#define PWF_DECLARE(isa)                                                                           \
    void pwf_philox_quads_##isa(uint32_t *out, pwf_stream s, uint64_t first, int64_t quads);       \
    void pwf_words_to_normals_##isa(float *out, const uint32_t *words, int64_t quads);             \
    void pwf_words_to_uniforms_##isa(float *out, const uint32_t *words, int64_t quads);
PWF_DECLARE(base)
PWF_DECLARE(avx2)
PWF_DECLARE(avx512)
#undef PWF_DECLARE

#endif
