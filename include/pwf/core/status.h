/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_STATUS_H
#define PWF_CORE_STATUS_H

/** The result of a function that can fail: an exit code, a source line and a message.
 *
 * A programming error is a PWF_ASSERT. A failure from outside (file, configuration, memory, MPI,
 * HDF5, NaN) is a pwf_status whose message names the thing, the value, the limit and the cure. A
 * status is a plain value; nothing has to be freed.
 */

/* The exit codes of both programs; 64 to 78 follow sysexits.h, except 76. src/core/codes.c
 * describes each. */
typedef enum pwf_code {
    PWF_OK = 0,
    PWF_USAGE = 64,      /* command line */
    PWF_DATA = 65,       /* data or checkpoint bad */
    PWF_MISSING = 66,    /* data or checkpoint missing */
    PWF_LAUNCH = 69,     /* launched wrongly */
    PWF_BUG = 70,        /* invariant broken */
    PWF_RESOURCE = 71,   /* memory, descriptors */
    PWF_CANTCREATE = 73, /* output cannot be created, or is in use */
    PWF_IO = 74,         /* I/O error */
    PWF_STOPPED = 75,    /* stopped on request, checkpoint saved: run again */
    PWF_NUMBERS = 76,    /* non-finite values, loss spikes, diverging ranks */
    PWF_DENIED = 77,     /* not permitted */
    PWF_CONFIG = 78,     /* a setting is wrong */
    PWF_STUCK = 79       /* watchdog */
} pwf_code;

enum { PWF_STATUS_TEXT = 1000 };

typedef struct pwf_status {
    pwf_code code;
    int line;
    const char *file;
    char text[PWF_STATUS_TEXT];
} pwf_status;

/** The status of success.
 * Local. */
pwf_status pwf_ok(void);

/** A failure with its source line and message, truncated to PWF_STATUS_TEXT - 1 bytes; use
 * PWF_FAIL.
 * Local; any thread. */
pwf_status pwf_status_make(pwf_code code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The name of a code as in log lines: "DATA", "CONFIG", ...
 * Local. */
const char *pwf_code_name(pwf_code code);

/** Prints the failed condition and aborts; use PWF_ASSERT.
 * Local. Does not return. */
_Noreturn void pwf_assert_failed(const char *what, const char *file, int line);

#define PWF_FAIL(code, ...) pwf_status_make((code), __FILE__, __LINE__, __VA_ARGS__)

/* Returns such a failure from the calling function if `condition` holds. */
#define PWF_FAIL_IF(condition, code, ...)                                                          \
    do {                                                                                           \
        if (condition) return PWF_FAIL(code, __VA_ARGS__);                                         \
    } while (0)

/* Returns the status of `call` from the calling function unless it is success. In a collective
 * function `call` must be collective as well, or the ranks diverge. */
#define PWF_TRY(call)                                                                              \
    do {                                                                                           \
        pwf_status pwf_try_status_ = (call);                                                       \
        if (pwf_try_status_.code != PWF_OK) return pwf_try_status_;                                \
    } while (0)

/* For programming errors only; `condition` has no side effects. Always compiled in. */
#define PWF_ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : pwf_assert_failed(#condition, __FILE__, __LINE__))

#endif
