/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CONFIG_CASES_H
#define PWF_TESTS_CONFIG_CASES_H

#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads YAML text called "t.yaml" over `config`. */
static inline pwf_status read_yaml(pwf_config *config, const char *text)
{
    return pwf_config_read_text(config, text, strlen(text), "t.yaml", PWF_FROM_YAML);
}

static inline void assert_ok(pwf_status status)
{
    if (status.code != PWF_OK) fail_msg("%s", status.text);
}

#endif
