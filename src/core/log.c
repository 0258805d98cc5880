/* SPDX-License-Identifier: BSD-3-Clause */
/* Log lines on stderr: logfmt with a stable code, or plain sentences on a terminal. Called from
 * everywhere, by any thread; each message is one write(2), so lines of several ranks do not mix.
 * State: rank, level, the phase and step that every line names, and whether a progress line is
 * shown on the terminal. */
#include "pwf/core/log.h"

#include "pwf/core/clock.h"
#include "pwf/core/machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 }; /* bytes, including newline and NUL */

static struct {
    int rank;                    /* of this process */
    pwf_level level;             /* lowest level that is printed */
    bool plain;                  /* sentences instead of logfmt */
    _Atomic(const char *) phase; /* phase and step change while other threads log */
    _Atomic int64_t step;        /* -1: none */
    atomic_bool line;            /* a progress line is on the cursor's line */
} at = {.level = PWF_LOG_INFO, .phase = "", .step = -1};

void pwf_log_set_rank(int rank)
{
    at.rank = rank;
}

void pwf_log_set(pwf_level level, bool plain)
{
    at.level = level;
    at.plain = plain;
}

void pwf_log_at(const char *phase, int64_t step)
{
    at.phase = phase;
    at.step = step;
}

void pwf_log_place(char text[160])
{
    char host[PWF_HOST];
    pwf_host_name(host);
    /* Read once each: another thread may set them meanwhile. */
    const char *phase = at.phase;
    const int64_t step = at.step;
    int used = snprintf(text, 160, "rank %d on %s", at.rank, host);
    if (*phase) used += snprintf(text + used, (size_t)(160 - used), ", phase %.32s", phase);
    if (step >= 0) snprintf(text + used, (size_t)(160 - used), ", step %" PRId64, step);
}

/* Errors are ignored: a closed stderr must not stop a run. */
static void put_stderr(const char *text, size_t count)
{
    const ssize_t written = write(STDERR_FILENO, text, count);
    (void)written;
}

void pwf_log_draw_line(const char *text)
{
    char line[LINE];
    const int n = snprintf(line, sizeof line, "\r%s\033[K", text);
    put_stderr(line, n < LINE ? (size_t)n : LINE - 1);
    atomic_store(&at.line, true);
}

/* The atomic exchange ensures that only one thread wipes the line. */
void pwf_log_wipe_line(void)
{
    if (atomic_exchange(&at.line, false)) put_stderr("\r\033[K", 4);
}

/* Appends to line[LINE] at `used` and returns the new length, at most LINE - 2. */
static int put(char *line, int used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int put(char *line, int used, const char *format, ...)
{
    if (used >= LINE - 2) return used;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line + used, (size_t)(LINE - 1 - used), format, args);
    va_end(args);
    return n < 0 ? used : (used + n > LINE - 2 ? LINE - 2 : used + n);
}

/* Length of the UTF-8 character at `c` in bytes; 0 if it is invalid. */
static int utf8_length(const unsigned char *c)
{
    const int length = *c < 0x80             ? 1
                       : (*c & 0xe0) == 0xc0 ? 2
                       : (*c & 0xf0) == 0xe0 ? 3
                       : (*c & 0xf8) == 0xf0 ? 4
                                             : 0;
    for (int i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80) return 0; /* the terminating NUL also fails this test */
    return length;
}

/* Escapes control bytes, invalid UTF-8 and, if quoted, quotes and backslashes, which would break
 * the line format or the terminal. */
static int put_escaped(char *line, int used, const char *text, bool quoted)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c && used < LINE - 6) {
        const int length = utf8_length(c);
        if (quoted && (*c == '"' || *c == '\\')) {
            used = put(line, used, "\\%c", *c++);
        } else if (*c < 0x20 || *c == 0x7f || length == 0) {
            used = put(line, used, "\\x%02x", *c++);
        } else {
            memcpy(line + used, c, (size_t)length);
            used += length;
            c += length;
        }
    }
    line[used] = '\0';
    return used;
}

/* Formats and writes one line. */
static void emit(pwf_level level, const char *code, const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const plain[] = {"", "", "warning: ", "error: "};
    char line[LINE];
    int used = 0;
    line[0] = '\0';
    if (at.plain) {
        used = put(line, used, "%s", plain[level]);
        if (at.rank > 0) used = put(line, used, "rank %d: ", at.rank);
        used = put_escaped(line, used, text, false);
    } else {
        char utc[25], host[PWF_HOST];
        pwf_clock_utc(utc);
        pwf_host_name(host);
        used =
            put(line, used, "%s level=%s code=%s rank=%d host=", utc, names[level], code, at.rank);
        used = put_escaped(line, used, host, false);
        const char *job = getenv("SLURM_JOB_ID");
        if (job) {
            used = put(line, used, " job=");
            used = put_escaped(line, used, job, false);
        }
        const char *phase = at.phase;
        const int64_t step = at.step;
        if (*phase) used = put(line, used, " phase=%s", phase);
        if (step >= 0) used = put(line, used, " step=%" PRId64, step);
        used = put(line, used, " msg=\"");
        used = put_escaped(line, used > LINE - 8 ? LINE - 8 : used, text, true);
        used = put(line, used, "\"");
    }
    /* A long message is cut; quote and newline still fit. */
    if (used > LINE - 2) used = LINE - 2;
    line[used++] = '\n';
    pwf_log_wipe_line();
    put_stderr(line, (size_t)used);
}

void pwf_log(pwf_level level, const char *code, const char *format, ...)
{
    /* Messages below a warning are the same on all ranks, so only rank 0 prints them. */
    if (level < at.level || (level < PWF_LOG_WARN && at.rank != 0)) return;
    char text[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    emit(level, code, text);
}

void pwf_log_status(pwf_status status)
{
    if (status.code == PWF_OK || at.rank != 0) return;
    char text[LINE];
    if (at.plain)
        snprintf(text, sizeof text, "%s", status.text);
    else
        snprintf(text, sizeof text, "%s [%s:%d]", status.text, status.file, status.line);
    emit(PWF_LOG_ERROR, pwf_code_name(status.code), text);
}
