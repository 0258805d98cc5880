/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_STACK_H
#define PWF_FORMATS_PICKLE_STACK_H

#include "pickle_values.h"

#include <stdbool.h>
#include <stddef.h>

/** The stack machine that reads a pickle. */

typedef struct pwf_machine {
    pwf_pickle *p;
    const unsigned char *in, *at, *end;
    uint64_t memoized; /* slots that were given in turn */
    const char *wrong; /* the first thing that was wrong */
    bool memory;       /* there was none */
} pwf_machine;

/** Notes what is wrong; the first call counts.
 * Local. */
void pwf_machine_fail(pwf_machine *m, const char *what);

/** A value; the address is good until the next one is made.
 * Local. */
static inline pwf_pickle_node *pwf_machine_at(const pwf_machine *m, int32_t value)
{
    return &m->p->node[value];
}

/** Makes a value; 0, one that is always there, without memory.
 * Local. */
int32_t pwf_machine_new(pwf_machine *m, pwf_pickle_kind kind);

/** The stack. An empty one fails and gives a new value.
 * Local. */
void pwf_machine_push(pwf_machine *m, int32_t value);
void pwf_machine_push_new(pwf_machine *m, pwf_pickle_kind kind);
int32_t pwf_machine_pop(pwf_machine *m);

/** Adds a value to a list or dict.
 * Local. */
void pwf_machine_append(pwf_machine *m, int32_t list, int32_t value);

/** Makes room for one more element in the array whose address is `array`; false, and the machine
 * has failed, without memory.
 * Local. */
bool pwf_machine_room(pwf_machine *m, void *array, int32_t used, int32_t *room, size_t size);

#endif
