/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_MACHINE_H
#define PWF_CORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/** What the host gives this process: processors, memory, limits. All of it is for messages; nothing
 * that is computed depends on it. */

enum { PWF_PROCESSORS_MAX = 2048, PWF_HOST = 65 };

/* A set of processors (hardware threads), as the system numbers them. */
typedef struct pwf_processors {
    uint64_t bits[PWF_PROCESSORS_MAX / 64];
} pwf_processors;

typedef struct pwf_machine {
    char host[PWF_HOST];
    pwf_processors own, parents; /* where this process, and the one that started it, may run */
    int64_t online;              /* processors of the host */
    int64_t nodes;               /* of memory (NUMA); 1 where unknown */
    double quota;                /* processors' worth of time the control group gives; 0: all */
    int64_t memory;              /* bytes of the host, or what the control group allows of them */
    int64_t memory_free;         /* bytes of the host not in use */
    int64_t memory_process;      /* RLIMIT_AS or RLIMIT_DATA, bytes; INT64_MAX: no limit */
    int64_t files, stack;        /* RLIMIT_NOFILE and RLIMIT_STACK; INT64_MAX: no limit */
    int64_t shared_free;         /* bytes free in /dev/shm; -1 where there is none */
} pwf_machine;

/** The name of this host, "?" if the system does not say; cut to PWF_HOST - 1 bytes.
 * Local; any thread. */
void pwf_host_name(char host[PWF_HOST]);

/** Looks around. What cannot be found out is left as if there were no limit.
 * Local. */
void pwf_machine_look(pwf_machine *out);

/** The limits of the control groups (versions 1 and 2) of the process that `proc` describes,
 * /proc/self as a rule, and all groups around them: processors' worth of time (0: no limit) and
 * bytes of memory (INT64_MAX: no limit).
 * Local. */
void pwf_machine_groups(const char *proc, double *quota, int64_t *memory);

/** How many processors a set has, whether two are the same, and their union (in `set`).
 * Local. */
int64_t pwf_processors_count(const pwf_processors *set);
bool pwf_processors_equal(const pwf_processors *a, const pwf_processors *b);
void pwf_processors_join(pwf_processors *set, const pwf_processors *more);

/** Reads a list as the system writes them, "0-3,8"; false, and an empty set, if it is none.
 * Local. */
bool pwf_processors_parse(const char *text, pwf_processors *out);

/** Writes such a list; one that is too long ends with "...".
 * Local. */
enum { PWF_PROCESSORS_TEXT = 48 };
void pwf_processors_text(const pwf_processors *set, char text[PWF_PROCESSORS_TEXT]);

#endif
