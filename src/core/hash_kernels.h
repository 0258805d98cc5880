/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_HASH_KERNELS_H
#define PWF_CORE_HASH_KERNELS_H

#include "pwf/core/hash.h"
#include "pwf/core/isa.h"

/* pwf_hash_bytes, once per instruction set. */
PWF_KERNEL_DECLARE(pwf_hash, pwf_hash_of, (const void *bytes, size_t count))

#endif
