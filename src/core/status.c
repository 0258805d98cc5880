/* SPDX-License-Identifier: BSD-3-Clause */
/* Status values, which functions return for failures from outside, and failed assertions, which end
 * the process with abort(). Called from everywhere, by any thread. No state: a status is a plain
 * value that owns nothing. */
#include "pwf/core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

pwf_status pwf_ok(void)
{
    pwf_status s;
    s.code = PWF_OK;
    s.line = 0;
    s.file = "";
    s.text[0] = '\0';
    return s;
}

pwf_status pwf_status_make(pwf_code code, const char *file, int line, const char *format, ...)
{
    pwf_status s;
    s.code = code;
    s.line = line;
    s.file = file;
    va_list args;
    va_start(args, format);
    vsnprintf(s.text, sizeof s.text, format, args);
    va_end(args);
    return s;
}

_Noreturn void pwf_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "pwf: internal error: assertion %s failed at %s:%d\n", what, file, line);
    fflush(stderr);
    abort();
}
