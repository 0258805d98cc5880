/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_H
#define PWF_FORMATS_PICKLE_H

#include "pwf/core/status.h"
#include "pwf/formats/tensors.h"

#include <stddef.h>

/** Reader of the pickles that torch.save writes for a state dict. It knows the opcodes that build
 * tuples, lists, dicts, strings and numbers, and a few names: OrderedDict, the functions that
 * rebuild a tensor or a Parameter, Parameter itself, the storage types. Any other name, and
 * anything built from it, becomes an opaque value; nothing is imported, called or executed. */

typedef enum pwf_pickle_kind {
    PWF_PICKLE_NONE, /* also booleans and numbers whose value is not needed */
    PWF_PICKLE_INT,
    PWF_PICKLE_TEXT,
    PWF_PICKLE_LIST, /* and tuple */
    PWF_PICKLE_DICT, /* its items alternate between key and value */
    PWF_PICKLE_NAME, /* of a class or function */
    PWF_PICKLE_STORAGE,
    PWF_PICKLE_TENSOR,
    PWF_PICKLE_MARK,
    PWF_PICKLE_OPAQUE
} pwf_pickle_kind;

/* A value is the index of its node. The items of a list are chained by `next` through cells. */
typedef struct pwf_pickle_node {
    pwf_pickle_kind kind;
    int32_t first, last; /* cells of a list or dict, -1: none; of a tensor: first is its storage */
    int64_t number;      /* INT: its value; NAME: which name; STORAGE: elements; TENSOR: index
                            of its first element; LIST, DICT: items; NONE: 1 for true */
    const char *text;    /* TEXT, the key of a STORAGE; OPAQUE: the bytes of a large number */
    uint32_t length;
    pwf_dtype dtype;       /* of a STORAGE */
    int32_t shape, stride; /* TENSOR: lists of INT */
} pwf_pickle_node;

typedef struct pwf_pickle_cell {
    int32_t node, next;
} pwf_pickle_cell;

typedef struct pwf_pickle {
    pwf_pickle_node *node;
    pwf_pickle_cell *cell;
    int32_t nodes, node_room, cells, cell_room;
    int32_t *stack, *memo;
    int32_t depth, stack_room, memo_room;
} pwf_pickle;

/** Reads the pickle at *at of `bytes` bytes, which must outlive the result; *at moves past it, or
 * to the end if it is truncated; *top is the value.
 * Local. The caller frees it with pwf_pickle_free, also after a failure. Fails with PWF_RESOURCE,
 * or PWF_DATA with the offset of the opcode. */
pwf_status pwf_pickle_read(pwf_pickle *p, const unsigned char *in, size_t bytes, size_t *at,
                           int32_t *top);

/** Frees the values; a zeroed pickle is allowed.
 * Local. */
void pwf_pickle_free(pwf_pickle *p);

/** Looks up a string key in a dict; -1 if there is none.
 * Local. */
int32_t pwf_pickle_find(const pwf_pickle *p, int32_t dict, const char *key);

#endif
