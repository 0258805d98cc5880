/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_LIST_H
#define PWF_CORE_LIST_H

#include <stdbool.h>
#include <stdint.h>

/** Values of configuration keys: strings and short lists of fixed capacity, so that a configuration
 * is one block of memory that can be copied and broadcast as it is. */

enum { PWF_TEXT = 256, PWF_LIST = 64 }; /* bytes of a string with its NUL; entries of a list */

typedef struct pwf_int_list {
    int count;
    int64_t at[PWF_LIST];
} pwf_int_list;

typedef struct pwf_real_list {
    int count;
    double at[PWF_LIST];
} pwf_real_list;

typedef struct pwf_text_list {
    int count;
    char at[PWF_LIST][PWF_TEXT];
} pwf_text_list;

#endif
