/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CKPT_SHIM_H
#define PWF_TESTS_CKPT_SHIM_H

#include <stdbool.h>

/** A library to preload that makes system calls on files fail, whoever makes them: our code,
 * libhdf5 or MPI-IO. Calls on files whose name has no `where` in it are left alone. */

/* Which call: "open", "read", "write", "sync", "reserve", "rename" or "mode". What happens:
 *   eio, enospc, edquot   the call fails
 *   eopnotsupp            the call fails as on a file system that cannot do it
 *   eintr                 the call is interrupted before it did anything
 *   short                 half of the bytes are transferred
 *   lost                  a write that reports success and does nothing
 *   misdirected           a write that lands 4096 bytes further on
 * at the nth call of that sort (from 1), or at it and all later ones with `ever`. */
typedef struct shim_fault {
    char where[64], call[16], kind[16];
    int nth;
    bool ever;
} shim_fault;

/** Arms a fault, or none (NULL), and begins to count anew. */
void shim_arm(const shim_fault *fault);

/** How many calls have been made to fail since. */
int shim_fired(void);

#endif
