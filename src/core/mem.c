/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounted memory: every large array is allocated here, zeroed and aligned to 64 bytes, so that a
 * rank can report what it holds and tests can detect leaks. Called by every room, from any thread.
 * State: atomic counters of bytes per kind. */
#include "pwf/core/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One cache line before each allocation records its size and kind for pwf_mem_free. */
enum { HEADER = 64 };

typedef struct header {
    size_t bytes;
    pwf_mem_kind kind;
} header;

static atomic_size_t held[PWF_MEM_KINDS], peak[PWF_MEM_KINDS], held_total, peak_total;
static atomic_llong live;

/* *high = max(*high, value), atomically. */
static void raise_peak(atomic_size_t *high, size_t value)
{
    size_t seen = atomic_load(high);
    while (seen < value && !atomic_compare_exchange_weak(high, &seen, value)) {
    }
}

pwf_status pwf_mem_alloc(pwf_mem_kind kind, int64_t count, size_t size, void *pointer)
{
    /* memcpy, because *pointer has any object pointer type. */
    char *base = NULL;
    size_t bytes = 0;
    memcpy(pointer, &base, sizeof base);
    PWF_FAIL_IF(count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) ||
                    bytes > SIZE_MAX / 2,
                PWF_RESOURCE, "%lld elements of %zu bytes for %s exceed the address space",
                (long long)count, size, pwf_mem_name(kind));
    /* aligned_alloc requires a multiple of the alignment. */
    size_t padded = (bytes + HEADER + 63) / 64 * 64;
    base = aligned_alloc(64, padded);
    PWF_FAIL_IF(!base, PWF_RESOURCE,
                "out of memory: cannot allocate %.1f MiB for %s; use more ranks or nodes, more "
                "parallel.shards, parallel.recompute, or a smaller batch",
                (double)bytes / 1048576.0, pwf_mem_name(kind));
    memset(base, 0, padded);
    const header h = {bytes, kind};
    memcpy(base, &h, sizeof h);
    /* Each counter is exact; the peaks of kind and total need not occur at the same time. */
    raise_peak(&peak[kind], atomic_fetch_add(&held[kind], bytes) + bytes);
    raise_peak(&peak_total, atomic_fetch_add(&held_total, bytes) + bytes);
    atomic_fetch_add(&live, 1);
    char *memory = base + HEADER;
    memcpy(pointer, &memory, sizeof memory);
    return pwf_ok();
}

void pwf_mem_free(void *memory)
{
    if (!memory) return;
    /* The header holds what to subtract. */
    char *base = (char *)memory - HEADER;
    header h;
    memcpy(&h, base, sizeof h);
    atomic_fetch_sub(&held[h.kind], h.bytes);
    atomic_fetch_sub(&held_total, h.bytes);
    atomic_fetch_sub(&live, 1);
    free(base);
}

size_t pwf_mem_now(pwf_mem_kind kind)
{
    return atomic_load(&held[kind]);
}

size_t pwf_mem_peak(pwf_mem_kind kind)
{
    return atomic_load(&peak[kind]);
}

size_t pwf_mem_peak_total(void)
{
    return atomic_load(&peak_total);
}

int64_t pwf_mem_live(void)
{
    return atomic_load(&live);
}

size_t pwf_mem_process_peak(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return 0;
    char line[256];
    size_t kib = 0;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %zu kB", &kib) == 1) break;
    fclose(f);
    return kib * 1024;
}

const char *pwf_mem_name(pwf_mem_kind kind)
{
    static const char *const names[PWF_MEM_KINDS] = {"state",       "weights", "gradients",
                                                     "activations", "data",    "buffers"};
    return names[kind];
}
