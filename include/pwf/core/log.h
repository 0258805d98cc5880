/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_LOG_H
#define PWF_CORE_LOG_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Messages on stderr, one line and one write(2) of at most 4096 bytes each: logfmt with a stable
 * code, or plain sentences on a terminal. stdout is for results. */

typedef enum pwf_level { PWF_LOG_DEBUG, PWF_LOG_INFO, PWF_LOG_WARN, PWF_LOG_ERROR } pwf_level;

/** Sets the rank that messages name. Only rank 0 prints debug and info messages.
 * Local. */
void pwf_log_set_rank(int rank);

/** Suppresses messages below `level`; `plain` selects sentences instead of logfmt.
 * Local. */
void pwf_log_set(pwf_level level, bool plain);

/** Sets the fields phase= and step= of later messages; step < 0 omits step=. `phase` is not copied
 * and must stay valid.
 * Local. */
void pwf_log_at(const char *phase, int64_t step);

/** Where the program is: "rank 1 on n12, phase TRAIN, step 12", as far as known.
 * Local; any thread. */
void pwf_log_place(char text[160]);

/** Draws or redraws a progress line on the cursor's line of the terminal on stderr. The next
 * message, or pwf_log_wipe_line, clears it; without such a line the latter does nothing.
 * Local; any thread. */
void pwf_log_draw_line(const char *text);
void pwf_log_wipe_line(void);

/** Prints one message. `code` is a stable upper-case name listed in docs/reference/messages.md.
 * Local; any thread. Control bytes are escaped. */
void pwf_log(pwf_level level, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Prints a failed status, which all ranks have agreed on, as an error with its source line; only
 * rank 0 prints.
 * Local. */
void pwf_log_status(pwf_status status);

#define PWF_INFO(code, ...) pwf_log(PWF_LOG_INFO, code, __VA_ARGS__)
#define PWF_WARN(code, ...) pwf_log(PWF_LOG_WARN, code, __VA_ARGS__)

#endif
