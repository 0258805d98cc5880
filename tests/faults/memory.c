/* SPDX-License-Identifier: BSD-3-Clause */
/* A preloaded library that makes allocations fail. With PWF_TEST_MEMORY="N once|ever" the N-th
 * allocation of the program itself fails, or this and all later ones; "0 count" prints their number
 * when the process ends. Allocations of libraries never fail: libhdf5, MPI and oneDNN would crash.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's names of the functions replaced here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static uintptr_t lo, hi; /* address range of the program's code */
static long nth;
static bool ever, tells;
static atomic_long calls;

static int find_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X)) continue;
        lo = info->dlpi_addr + h->p_vaddr;
        hi = lo + h->p_memsz;
    }
    return 1; /* the first object is the program */
}

__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("PWF_TEST_MEMORY");
    char how[8] = "";
    if (!what || sscanf(what, "%ld %7s", &nth, how) != 2) return;
    unsetenv("PWF_TEST_MEMORY"); /* not for children */
    ever = strcmp(how, "ever") == 0;
    tells = strcmp(how, "count") == 0;
    dl_iterate_phdr(find_program, NULL);
}

__attribute__((destructor)) static void end(void)
{
    if (tells) fprintf(stderr, "memory: %ld allocations\n", calls);
}

static bool fails(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    if (at < lo || at >= hi) return false;
    const long n = ++calls;
    if (n != nth && !(ever && n > nth)) return false;
    static const char text[] = "memory: ran out\n";
    if (n == nth && write(STDERR_FILENO, text, sizeof text - 1) < 0) abort();
    errno = ENOMEM;
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return fails(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(CALLER) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = fails(CALLER) ? NULL : __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

char *strdup(const char *text)
{
    char *copy = fails(CALLER) ? NULL : __libc_malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}
