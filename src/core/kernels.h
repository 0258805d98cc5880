/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_CORE_KERNELS_H
#define PWF_SRC_CORE_KERNELS_H

#include "pwf/core/hash.h"
#include "pwf/core/isa.h"
#include "pwf/core/rng.h"

/* The kernels of pwf_rng_*: words of `quads` counters from `first` on; words to numbers. */
PWF_KERNEL_DECLARE(void, pwf_philox_quads,
                   (uint32_t * out, pwf_stream s, uint64_t first, int64_t quads))
PWF_KERNEL_DECLARE(void, pwf_words_to_normals, (float *out, const uint32_t *words, int64_t quads))
PWF_KERNEL_DECLARE(void, pwf_words_to_uniforms, (float *out, const uint32_t *words, int64_t quads))

/* pwf_hash_bytes. */
PWF_KERNEL_DECLARE(pwf_hash, pwf_hash_of, (const void *bytes, size_t count))

#endif
