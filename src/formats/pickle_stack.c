/* SPDX-License-Identifier: BSD-3-Clause */
/* The values that a pickle builds, and the stack of the machine that builds them. Each opcode makes
 * at most one value, and no array has more than NODES_MAX elements, which bounds the memory. Called
 * by pickle.c and pickle_objects.c, and by the readers of PyTorch files, which look up tensors.
 * Touches only these values. */
#include "pickle_machine.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1 << 22 };

void pwf_pickle_fail(pwf_pickle_machine *m, const char *what)
{
    if (!m->wrong) m->wrong = what;
}

/* Makes room for one more element; false if memory runs out or NODES_MAX is reached. */
bool pwf_pickle_room(pwf_pickle_machine *m, void *array, int32_t used, int32_t *room, size_t size)
{
    if (used < *room) return true;
    const int32_t more = *room > 0 ? 2 * *room : 256;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = used < NODES_MAX ? realloc(old, (size_t)more * size) : NULL;
    if (!grown) {
        m->memory = true;
        pwf_pickle_fail(m, "no memory");
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

/* ---- values ---- */

int32_t pwf_pickle_new(pwf_pickle_machine *m, pwf_pickle_kind kind)
{
    pwf_pickle *p = m->p;
    if (!pwf_pickle_room(m, &p->node, p->nodes, &p->node_room, sizeof *p->node)) return 0;
    p->node[p->nodes] = (pwf_pickle_node){.kind = kind, .first = -1, .last = -1};
    return p->nodes++;
}

void pwf_pickle_push(pwf_pickle_machine *m, int32_t value)
{
    pwf_pickle *p = m->p;
    if (pwf_pickle_room(m, &p->stack, p->depth, &p->stack_room, sizeof *p->stack))
        p->stack[p->depth++] = value;
}

void pwf_pickle_push_new(pwf_pickle_machine *m, pwf_pickle_kind kind)
{
    pwf_pickle_push(m, pwf_pickle_new(m, kind));
}

int32_t pwf_pickle_pop(pwf_pickle_machine *m)
{
    if (m->p->depth > 0) return m->p->stack[--m->p->depth];
    pwf_pickle_fail(m, "the stack is empty");
    return pwf_pickle_new(m, PWF_PICKLE_NONE);
}

/* Adds a value to a list or dict. */
void pwf_pickle_append(pwf_pickle_machine *m, int32_t list, int32_t value)
{
    pwf_pickle *p = m->p;
    if (!pwf_pickle_room(m, &p->cell, p->cells, &p->cell_room, sizeof *p->cell)) return;
    p->cell[p->cells] = (pwf_pickle_cell){value, -1};
    pwf_pickle_node *n = pwf_pickle_at(m, list);
    if (n->last >= 0)
        p->cell[n->last].next = p->cells;
    else
        n->first = p->cells;
    n->last = p->cells++;
    n->number++;
}

void pwf_pickle_free(pwf_pickle *p)
{
    free(p->node);
    free(p->cell);
    free(p->stack);
    free(p->memo);
    *p = (pwf_pickle){0};
}

int32_t pwf_pickle_find(const pwf_pickle *p, int32_t dict, const char *key)
{
    if (p->node[dict].kind != PWF_PICKLE_DICT) return -1;
    int32_t cell = p->node[dict].first;
    while (cell >= 0) {
        const pwf_pickle_node *k = &p->node[p->cell[cell].node];
        const int32_t value = p->cell[cell].next;
        if (value < 0) return -1;
        if (k->kind == PWF_PICKLE_TEXT && k->length == strlen(key) &&
            memcmp(k->text, key, k->length) == 0)
            return p->cell[value].node;
        cell = p->cell[value].next;
    }
    return -1;
}
