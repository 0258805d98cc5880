/* SPDX-License-Identifier: BSD-3-Clause */
/* LLVMFuzzerTestOneInput: runs the target on one input and aborts if it has leaked memory or a
 * descriptor, or has used more memory than an input may cost. */
#include "fuzz.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MEMORY_MAX = 640 << 20 }; /* bytes: PWF_IMAGE_MEMORY_MAX, and the picture */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

/* The number that the next descriptor gets. */
static int next_descriptor(void)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("no descriptor left");
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t live = pwf_mem_live();
    const int descriptor = next_descriptor();
    pwf_log_set(PWF_LOG_ERROR, true);
    fuzz_one(data, size);
    if (pwf_mem_live() != live) fail("memory leaked");
    if (next_descriptor() != descriptor) fail("a descriptor was left open");
    if (pwf_mem_peak_total() > MEMORY_MAX) fail("more memory was taken than an input may cost");
    return 0;
}
