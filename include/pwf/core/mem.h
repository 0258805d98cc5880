/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_MEM_H
#define PWF_CORE_MEM_H

#include "pwf/core/status.h"

#include <stddef.h>
#include <stdint.h>

/** Accounted memory: every array of size goes through here, so that a rank can say what it holds.
 */

typedef enum pwf_mem_kind {
    PWF_MEM_STATE,       /* posterior, momenta, codes of this rank's shard */
    PWF_MEM_WEIGHTS,     /* sampled weights, whole network */
    PWF_MEM_GRADIENTS,   /* gradients and their exact sums */
    PWF_MEM_ACTIVATIONS, /* slot executors */
    PWF_MEM_DATA,        /* data set and batches */
    PWF_MEM_BUFFERS,     /* everything else */
    PWF_MEM_KINDS
} pwf_mem_kind;

/** Allocates count * size zeroed bytes, aligned to 64, and stores the address in *(T **)pointer.
 * Local; any thread. The caller owns the memory and frees it with pwf_mem_free. A count of 0 gives
 * a valid address. Fails with PWF_RESOURCE (and stores NULL) when the product overflows or the
 * system has no memory; the sentence says how much was wanted and for what. */
pwf_status pwf_mem_alloc(pwf_mem_kind kind, int64_t count, size_t size, void *pointer)
    __attribute__((warn_unused_result));

/** Frees what pwf_mem_alloc gave; NULL is allowed.
 * Local; any thread. */
void pwf_mem_free(void *memory);

/** Bytes of a kind held now, and the most held so far.
 * Local. */
size_t pwf_mem_now(pwf_mem_kind kind);
size_t pwf_mem_peak(pwf_mem_kind kind);

/** The most bytes of all kinds together held at one time so far.
 * Local. */
size_t pwf_mem_peak_total(void);

/** How many allocations have not been freed: 0 at the end of a clean run.
 * Local. */
int64_t pwf_mem_live(void);

/** The most physical memory the process has held (VmHWM), in bytes; 0 where unknown.
 * Local. */
size_t pwf_mem_process_peak(void);

/** A short name for a kind: "state", "weights", ...
 * Local. */
const char *pwf_mem_name(pwf_mem_kind kind);

#endif
