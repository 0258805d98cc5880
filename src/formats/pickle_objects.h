/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_OBJECTS_H
#define PWF_FORMATS_PICKLE_OBJECTS_H

#include "pickle_stack.h"

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
