/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_MACHINE_H
#define PWF_CORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/** What the host offers this process: processors, memory, limits. For messages only; no result
 * depends on it. */

enum { PWF_PROCESSORS_MAX = 2048, PWF_HOST = 65 };

/* A set of processors (hardware threads), numbered as by the kernel. */
typedef struct pwf_processors {
    uint64_t bits[PWF_PROCESSORS_MAX / 64];
} pwf_processors;

typedef struct pwf_machine {
    char host[PWF_HOST];
    pwf_processors own, parents; /* affinity of this process, and of it and its parent */
    int64_t online;              /* processors of the host */
    int64_t nodes;               /* of memory (NUMA); 1 where unknown */
    double quota;                /* processors that the control group grants; 0: no limit */
    int64_t memory;              /* bytes of the host, or the limit of the control group */
    int64_t memory_free;         /* bytes that the host could still allocate */
    int64_t memory_process;      /* RLIMIT_AS or RLIMIT_DATA, bytes; INT64_MAX: no limit */
    int64_t files, stack;        /* RLIMIT_NOFILE and RLIMIT_STACK; INT64_MAX: no limit */
    int64_t shared_free;         /* bytes free in /dev/shm; -1 where there is none */
} pwf_machine;

/** The name of this host, "?" if the system does not say; cut to PWF_HOST - 1 bytes.
 * Local; any thread. */
void pwf_host_name(char host[PWF_HOST]);

/** Collects the facts. An unknown limit is reported as no limit.
 * Local. */
void pwf_machine_look(pwf_machine *out);

/** The limits of the control groups (versions 1 and 2) of a process, including parent groups:
 * processors (0: no limit) and bytes of memory (INT64_MAX: no limit). `proc` is /proc/self except
 * in tests.
 * Local. */
void pwf_machine_groups(const char *proc, double *quota, int64_t *memory);

/** The number of processors in a set, whether two sets are equal, and their union (into `set`).
 * Local. */
int64_t pwf_processors_count(const pwf_processors *set);
bool pwf_processors_equal(const pwf_processors *a, const pwf_processors *b);
void pwf_processors_join(pwf_processors *set, const pwf_processors *more);

/** Parses a list in the format of the kernel, "0-3,8". Returns false, and an empty set, on an
 * error.
 * Local. */
bool pwf_processors_parse(const char *text, pwf_processors *out);

enum { PWF_PROCESSORS_TEXT = 48 };

/** The list in the same format; one that is too long ends with "...".
 * Local. */
void pwf_processors_text(const pwf_processors *set, char text[PWF_PROCESSORS_TEXT]);

#endif
