/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_MACHINE_H
#define PWF_FORMATS_PICKLE_MACHINE_H

#include "pickle.h"

/** The stack machine that reads a pickle, and the objects that its names build. */

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

/** What opcodes do with a name (of a module and of what is in it), a function and its arguments, a
 * class and its arguments, an object and its state, the reference to a storage: each takes its
 * operands, the first apart, from the stack and leaves its result there.
 * Local. */
void pwf_machine_name(pwf_machine *m, const char *module, size_t module_length, const char *word,
                      size_t length);
void pwf_machine_stack_name(pwf_machine *m);
void pwf_machine_reduce(pwf_machine *m);
void pwf_machine_new_object(pwf_machine *m);
void pwf_machine_build(pwf_machine *m);
void pwf_machine_persistent(pwf_machine *m);

#endif
