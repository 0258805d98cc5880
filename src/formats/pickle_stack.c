/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack of the pickle machine and the memory of its values. Each opcode makes at most one
 * value, so memory is bounded by the length of the text. Called by the opcodes (pickle.c) and by
 * what builds objects (pickle_objects.c). Touches only the machine. */
#include "pickle_stack.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1 << 22 };

void pwf_machine_fail(pwf_machine *m, const char *what)
{
    if (!m->wrong) m->wrong = what;
}

/* Makes room for one more element; false without memory. */
bool pwf_machine_room(pwf_machine *m, void *array, int32_t used, int32_t *room, size_t size)
{
    if (used < *room) return true;
    const int32_t more = *room > 0 ? 2 * *room : 256;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = used < NODES_MAX ? realloc(old, (size_t)more * size) : NULL;
    if (!grown) {
        m->memory = true;
        pwf_machine_fail(m, "no memory");
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

/* ---- values ---- */

int32_t pwf_machine_new(pwf_machine *m, pwf_pickle_kind kind)
{
    pwf_pickle *p = m->p;
    if (!pwf_machine_room(m, &p->node, p->nodes, &p->node_room, sizeof *p->node)) return 0;
    p->node[p->nodes] = (pwf_pickle_node){.kind = kind, .first = -1, .last = -1};
    return p->nodes++;
}

void pwf_machine_push(pwf_machine *m, int32_t value)
{
    pwf_pickle *p = m->p;
    if (pwf_machine_room(m, &p->stack, p->depth, &p->stack_room, sizeof *p->stack))
        p->stack[p->depth++] = value;
}

void pwf_machine_push_new(pwf_machine *m, pwf_pickle_kind kind)
{
    pwf_machine_push(m, pwf_machine_new(m, kind));
}

int32_t pwf_machine_pop(pwf_machine *m)
{
    if (m->p->depth > 0) return m->p->stack[--m->p->depth];
    pwf_machine_fail(m, "the stack is empty");
    return pwf_machine_new(m, PWF_PICKLE_NONE);
}

/* Adds a value to a list or dict. */
void pwf_machine_append(pwf_machine *m, int32_t list, int32_t value)
{
    pwf_pickle *p = m->p;
    if (!pwf_machine_room(m, &p->cell, p->cells, &p->cell_room, sizeof *p->cell)) return;
    p->cell[p->cells] = (pwf_pickle_cell){value, -1};
    pwf_pickle_node *n = pwf_machine_at(m, list);
    if (n->last >= 0)
        p->cell[n->last].next = p->cells;
    else
        n->first = p->cells;
    n->last = p->cells++;
    n->number++;
}
