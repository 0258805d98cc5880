/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_STATUS_H
#define PWF_CORE_STATUS_H

/** What a function that can fail returns: an exit code, a place and a sentence.
 *
 * Two kinds of failure are kept apart. A bug of ours is PWF_ASSERT. What comes from outside (file,
 * configuration, memory, MPI, HDF5, NaN) is a pwf_status whose sentence names the thing and the
 * way out. A status is a plain value: nobody owns it and nothing is freed.
 */

/* The exit codes of both programs; 64 to 78 follow sysexits.h. src/core/codes.c says when. */
typedef enum pwf_code {
    PWF_OK = 0,
    PWF_USAGE = 64,      /* command line */
    PWF_DATA = 65,       /* data or checkpoint bad */
    PWF_MISSING = 66,    /* data or checkpoint missing */
    PWF_LAUNCH = 69,     /* launched wrongly */
    PWF_BUG = 70,        /* invariant broken */
    PWF_RESOURCE = 71,   /* memory, descriptors */
    PWF_CANTCREATE = 73, /* cannot create output, or it is in use */
    PWF_IO = 74,         /* I/O error */
    PWF_STOPPED = 75,    /* stopped on request, checkpoint saved: run again */
    PWF_NUMBERS = 76,    /* loss or gradients not finite */
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

/** A failure with its place and sentence; use PWF_FAIL.
 * Local. A text that is too long is cut. */
pwf_status pwf_status_make(pwf_code code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The name of a code as messages print it: "DATA", "CONFIG", ...
 * Local. */
const char *pwf_code_name(pwf_code code);

/** Prints what was broken and aborts; use PWF_ASSERT.
 * Local. Does not return. */
_Noreturn void pwf_assert_failed(const char *what, const char *file, int line);

#define PWF_FAIL(code, ...) pwf_status_make((code), __FILE__, __LINE__, __VA_ARGS__)

/* Leaves the calling function with the status of `call` unless that is success. In a collective
 * function `call` must itself be collective, or the ranks part company. */
#define PWF_TRY(call)                                                                              \
    do {                                                                                           \
        pwf_status pwf_try_status_ = (call);                                                       \
        if (pwf_try_status_.code != PWF_OK) return pwf_try_status_;                                \
    } while (0)

/* For bugs of ours only; the condition has no side effects. Always compiled in. */
#define PWF_ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : pwf_assert_failed(#condition, __FILE__, __LINE__))

#endif
