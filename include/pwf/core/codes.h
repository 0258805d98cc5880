/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_CODES_H
#define PWF_CORE_CODES_H

#include "pwf/core/status.h"

#include <stdio.h>

/** The table of exit codes. `--help` and docs/reference/exit-codes.md are printed from it. */

typedef struct pwf_code_row {
    pwf_code code;
    const char *name;    /* as messages print it: "DATA" */
    const char *meaning; /* one clause, without a full stop */
    const char *action;  /* what a scheduler should do */
} pwf_code_row;

/* Ascending; one row for each value of pwf_code. */
extern const pwf_code_row pwf_code_rows[];
extern const int pwf_code_count;

/** Prints the table as the page docs/reference/exit-codes.md.
 * Local. */
void pwf_codes_print_markdown(FILE *out);

#endif
