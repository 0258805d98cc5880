/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_FAULT_H
#define PWF_CORE_FAULT_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Fault injection: named points at which a test can make the program fail. Compiled in only with
 * PWF_FAULTS (presets `test` and `asan`); otherwise a point is the constant success.
 *
 * PWF_TEST_FAULT="point:rank:count:action[:number]" arms one point: on the count-th visit (from 1)
 * of world rank `rank` it performs `action`:
 * - `kill`, `stop`: sends SIGKILL or SIGSTOP to the process
 * - `usr1`, `usr2`, `term`: sends SIGUSR1, SIGUSR2 or SIGTERM to the process
 * - `exit`: ends the process with code 70
 * - `eio`: the point returns PWF_IO, on `number` visits in a row (default 1)
 * - `delay`: sleeps for two seconds, or `number` seconds, or until a request to stop or save
 * - `hang`: never returns
 * - `nan`, `inf`, `huge`, `tiny`: replaces value `number`, modulo the number of values, by NaN,
 *   infinity, 1e38 or 1e-42; `nan8` does so on eight visits in a row
 * - `flip`: flips bit `number`, counted over all values
 * - `grow`, `slow`, `skip`: multiplies the loss by 100; adds 1000 s to the rank's measured work;
 *   leaves a collective out
 * - `list`: prints "fault point NAME" on stderr; with the point `*` every point does so
 */

#ifdef PWF_FAULTS
#define PWF_FAULT_POINT(name) pwf_fault_point(name)
#define PWF_FAULT_VALUE(name, action) pwf_fault_value(name, action)
#define PWF_FAULT_SPOIL(name, kind, values, count) pwf_fault_spoil(name, kind, values, count)
#else
#define PWF_FAULT_POINT(name) pwf_ok()
#define PWF_FAULT_VALUE(name, action) false
#define PWF_FAULT_SPOIL(name, kind, values, count) ((void)(values), (void)(count))
#endif

/** Performs the armed action, if any; use PWF_FAULT_POINT.
 * Local; any thread. Fails with PWF_IO if the armed action is eio. */
pwf_status pwf_fault_point(const char *name);

/** Whether the caller must apply `action` at this point now; use PWF_FAULT_VALUE. The armed action
 * may have a repeat count appended.
 * Local; any thread. */
bool pwf_fault_value(const char *name, const char *action);

/* Type of the elements that pwf_fault_spoil changes. */
typedef enum pwf_fault_kind {
    PWF_FAULT_F32,
    PWF_FAULT_F64,
    PWF_FAULT_I32,
    PWF_FAULT_I64
} pwf_fault_kind;

/** Corrupts one of values[count], or flips one of their bits, if that is the armed action; use
 * PWF_FAULT_SPOIL.
 * Local; any thread. */
void pwf_fault_spoil(const char *name, pwf_fault_kind kind, void *values, int64_t count);

/** Replaces the armed fault, in the format of PWF_TEST_FAULT; NULL disarms. For tests that go
 * through many faults in one process.
 * Local; any thread. */
void pwf_fault_arm(const char *text);

#endif
