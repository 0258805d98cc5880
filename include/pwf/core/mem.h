/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_MEM_H
#define PWF_CORE_MEM_H

#include "pwf/core/status.h"

#include <stddef.h>
#include <stdint.h>

/** Accounted memory: every large array is allocated here, so that a rank can report what it holds.
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

/** Allocates count * size zeroed bytes, aligned to 64 bytes, and stores the address in
 * *(T **)pointer; a count of 0 gives a valid address.
 * Local; any thread. The caller frees the memory with pwf_mem_free. Fails with PWF_RESOURCE, and
 * stores NULL, if the product overflows or memory runs out. */
pwf_status pwf_mem_alloc(pwf_mem_kind kind, int64_t count, size_t size, void *pointer)
    __attribute__((warn_unused_result));

/** Frees memory of pwf_mem_alloc; NULL is allowed.
 * Local; any thread. */
void pwf_mem_free(void *memory);

/** Bytes of a kind held now, and their maximum so far.
 * Local. */
size_t pwf_mem_now(pwf_mem_kind kind);
size_t pwf_mem_peak(pwf_mem_kind kind);

/** Maximum so far of the bytes of all kinds together.
 * Local. */
size_t pwf_mem_peak_total(void);

/** Number of allocations that have not been freed: 0 at the end of a clean run.
 * Local. */
int64_t pwf_mem_live(void);

/** Peak resident memory of the process (VmHWM) in bytes; 0 if unknown.
 * Local. */
size_t pwf_mem_process_peak(void);

/** A short name for a kind: "state", "weights", ...
 * Local. */
const char *pwf_mem_name(pwf_mem_kind kind);

#endif
