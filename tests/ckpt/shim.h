/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CKPT_SHIM_H
#define PWF_TESTS_CKPT_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/** A library to preload that makes system calls on files fail, whoever makes them: our code,
 * libhdf5 or MPI-IO. Calls on files whose name has no `where` in it are left alone. */

/* Which call: "open", "read", "write", "transfer" (the last two), "sync", "reserve", "length",
 * "rename", "remove", "mode", or "name" (open, rename and remove). What happens:
 *   eio, enospc, edquot, erofs   the call fails
 *   eopnotsupp            the call fails as on a file system that cannot do it
 *   eintr                 the call is interrupted before it did anything
 *   short                 half of the bytes are transferred
 *   lost                  a write that reports success and does nothing
 *   misdirected           a write that lands 4096 bytes further on
 *   torn                  a write that reports success and does its first half
 *   zeroed, turned        a transfer that reports success and brings zeros, or one bit wrong
 *   slow                  the call takes five seconds longer
 *   kill                  the process is killed before the call
 *   count                 nothing; preloaded, it says how many there were when the process ends
 * at the nth call of that sort (from 1), or at it and all later ones with `ever`. `where` may be
 * several, with | between them. */
typedef struct shim_fault {
    char where[128], call[16], kind[16];
    int nth;
    bool ever;
} shim_fault;

/* In a program that knows nothing of it, preloaded: PWF_SHIM="RANK WHERE CALL KIND NTH once|ever"
 * arms a fault on one rank, or on all with -1; it says so on stderr when it strikes first.
 * PWF_SHIM_STORM=1 sends every rank a signal each millisecond that interrupts what it does. */

/** Arms a fault, or none (NULL), and begins to count anew. */
void shim_arm(const shim_fault *fault);

/** How many calls have been made to fail since. */
int shim_fired(void);

/* A call that succeeded. */
typedef struct shim_event {
    char call[16]; /* "create", "write", "length", "sync", "rename", "link", "remove" */
    char from[256],
        to[256];           /* names: what was made or removed; with rename and link also the new */
    uint64_t inode;        /* of the file, or of the directory that was synced */
    int64_t offset, bytes; /* of a write; of "length" the length as bytes */
    const struct iovec *piece; /* of a write */
} shim_event;

/** Has every call on a file whose name has `where` in it told to `see`; NULL ends it. */
void shim_watch(const char *where, void (*see)(const shim_event *event));

#endif
