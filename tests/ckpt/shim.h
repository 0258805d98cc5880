/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CKPT_SHIM_H
#define PWF_TESTS_CKPT_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/** A library to preload that makes system calls on files fail, whether pwf, libhdf5 or MPI-IO makes
 * them. Calls on files whose name does not contain `where` are not changed. */

/* Which call: "open", "read", "write", "transfer" (the last two), "sync", "reserve", "length",
 * "rename", "remove", "mode", or "name" (open, rename and remove). What happens:
 *   eio, enospc, edquot, erofs   the call fails
 *   eopnotsupp            the call fails as on a file system that cannot do it
 *   eintr                 the call is interrupted before it did anything
 *   short                 half of the bytes are transferred
 *   lost                  a write that reports success and does nothing
 *   misdirected           a write that lands 4096 bytes further on
 *   torn                  a write that reports success and does its first half
 *   zeroed, turned        a transfer that reports success and delivers zeros, or flips a bit
 *   slow                  the call takes five seconds longer
 *   kill                  the process is killed before the call
 *   count                 nothing; the number of calls is printed when the process ends
 * at the nth call of that sort (from 1), or at it and all later ones with `ever`. `where` may be
 * several texts, separated by |. */
typedef struct shim_fault {
    char where[128], call[16], kind[16];
    int nth;
    bool ever;
} shim_fault;

/* Any program can be started with the library preloaded: PWF_SHIM="RANK WHERE CALL KIND NTH
 * once|ever" arms a fault on one rank, or on all with -1, and prints a line on stderr when it fires
 * for the first time. PWF_SHIM_STORM=1 interrupts every rank by a signal each millisecond. */

/** Arms a fault, or none (NULL), and resets the counters. */
void shim_arm(const shim_fault *fault);

/** Number of calls that the fault has hit since. */
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

/** Passes every successful call on a file whose name contains `where` to `see`; NULL ends this. */
void shim_watch(const char *where, void (*see)(const shim_event *event));

#endif
