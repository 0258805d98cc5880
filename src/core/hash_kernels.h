/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_HASH_KERNELS_H
#define PWF_CORE_HASH_KERNELS_H

#include "pwf/core/hash.h"
#include "pwf/core/isa.h"

/* pwf_hash_bytes, once per instruction set. */
pwf_hash pwf_hash_of_base(const void *bytes, size_t count);
pwf_hash pwf_hash_of_avx2(const void *bytes, size_t count);
pwf_hash pwf_hash_of_avx512(const void *bytes, size_t count);

#endif
