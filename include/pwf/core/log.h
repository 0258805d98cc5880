/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_LOG_H
#define PWF_CORE_LOG_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Messages on stderr: one line, one write(2) of at most 4096 bytes, logfmt with a stable code.
 * On a terminal the same message is printed as a plain sentence. stdout is for results. */

typedef enum pwf_level { PWF_LOG_DEBUG, PWF_LOG_INFO, PWF_LOG_WARN, PWF_LOG_ERROR } pwf_level;

/** Says which rank speaks; rank 0 alone prints debug and info.
 * Local. */
void pwf_log_set_rank(int rank);

/** Messages below `level` are not printed; `plain` prints sentences instead of logfmt.
 * Local. */
void pwf_log_set(pwf_level level, bool plain);

/** Where the program is, for the fields phase= and step=; step < 0 leaves it out. `phase` must
 * stay valid.
 * Local. */
void pwf_log_at(const char *phase, int64_t step);

/** Writes "rank 1 on n12, phase step, step 12", as far as known.
 * Local; any thread. */
void pwf_log_place(char text[160]);

/** Something that wipes a live progress line before a message is printed; NULL for none.
 * Local. */
void pwf_log_set_before(void (*wipe)(void));

/** Prints one message; `code` is a stable upper-case name listed in docs/reference/messages.md.
 * Local; any thread. Control bytes are escaped. */
void pwf_log(pwf_level level, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Prints a failed status that all ranks agree on as an error, with its place; rank 0 alone does.
 * Local. */
void pwf_log_status(pwf_status status);

#define PWF_INFO(code, ...) pwf_log(PWF_LOG_INFO, code, __VA_ARGS__)
#define PWF_WARN(code, ...) pwf_log(PWF_LOG_WARN, code, __VA_ARGS__)

#endif
