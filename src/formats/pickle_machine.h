/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_MACHINE_H
#define PWF_FORMATS_PICKLE_MACHINE_H

#include "pickle.h"

#include <stdbool.h>
#include <stddef.h>

/** The stack machine that reads a pickle. */

typedef struct pwf_pickle_machine {
    pwf_pickle *p;
    const unsigned char *in, *at, *end;
    uint64_t memoized; /* memo slots that opcode 0x94 has used, in order */
    const char *wrong; /* the first failure; NULL: none */
    bool memory;       /* the failure is that memory ran out */
} pwf_pickle_machine;

/** Records a failure; later ones are ignored.
 * Local. */
void pwf_pickle_fail(pwf_pickle_machine *m, const char *what);

/** The node of a value; the address is valid until the next value is made.
 * Local. */
static inline pwf_pickle_node *pwf_pickle_at(const pwf_pickle_machine *m, int32_t value)
{
    return &m->p->node[value];
}

/** Makes a value and returns its number; 0, which always exists, if memory runs out.
 * Local. */
int32_t pwf_pickle_new(pwf_pickle_machine *m, pwf_pickle_kind kind);

/** The stack. Popping from an empty one fails and returns a new value.
 * Local. */
void pwf_pickle_push(pwf_pickle_machine *m, int32_t value);
void pwf_pickle_push_new(pwf_pickle_machine *m, pwf_pickle_kind kind);
int32_t pwf_pickle_pop(pwf_pickle_machine *m);

/** Adds a value to a list or dict.
 * Local. */
void pwf_pickle_append(pwf_pickle_machine *m, int32_t list, int32_t value);

/** Makes room for one more element in the array whose address is `array`. Returns false, and
 * records the failure, if memory runs out.
 * Local. */
bool pwf_pickle_room(pwf_pickle_machine *m, void *array, int32_t used, int32_t *room, size_t size);

/** Operations on a name (of a module and an object in it), on a function and its arguments, on a
 * class and its arguments, on an object and its state, on a reference to a storage. Except for the
 * first, which has parameters, they pop their operands; all push their result.
 * Local. */
void pwf_pickle_name(pwf_pickle_machine *m, const char *module, size_t module_length,
                     const char *word, size_t length);
void pwf_pickle_stack_name(pwf_pickle_machine *m);
void pwf_pickle_reduce(pwf_pickle_machine *m);
void pwf_pickle_new_object(pwf_pickle_machine *m);
void pwf_pickle_build(pwf_pickle_machine *m);
void pwf_pickle_persistent(pwf_pickle_machine *m);

#endif
