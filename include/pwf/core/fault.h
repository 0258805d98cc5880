/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_FAULT_H
#define PWF_CORE_FAULT_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Named points at which a test can make the program fail. They are compiled in only with
 * PWF_FAULTS (presets `test` and `asan`); elsewhere a point is the constant success.
 *
 * PWF_TEST_FAULT="point:rank:count:action[:number]" arms one of them: at the count-th time (from 1)
 * that world rank `rank` comes to `point`, it does `action`:
 *   kill   sends itself SIGKILL
 *   stop   sends itself SIGSTOP
 *   usr1, usr2, term   sends itself SIGUSR1, SIGUSR2, SIGTERM
 *   exit   leaves the process at once with code 70
 *   eio    the point returns PWF_IO
 *   delay  sleeps for two seconds, or for `number` seconds, or until a request to stop or save
 *          comes
 *   hang   never returns
 *   nan, nan8   a value becomes not a number, this time or eight times in a row: of several values
 *               that of the given number, modulo how many there are
 *   inf, huge, tiny   likewise: infinite, 1e38, 1e-42
 *   flip        likewise: the bit of the given number is turned, counted over all values
 *   grow, slow, skip   likewise: the loss becomes a hundred times as large, the clock of the rank
 *               says that its work took 1000 s longer, a collective is left out
 *   list   prints "fault point NAME" on stderr; with the point `*` every point does so
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

/** What PWF_FAULT_POINT calls.
 * Local; any thread. Fails with PWF_IO if the armed action is eio. */
pwf_status pwf_fault_point(const char *name);

/** What PWF_FAULT_VALUE calls: whether the caller is to spoil the value of this name now, with an
 * armed action of that name and perhaps a number of times.
 * Local; any thread. */
bool pwf_fault_value(const char *name, const char *action);

/** What PWF_FAULT_SPOIL calls: spoils one of `count` values of a kind, or turns a bit of them, if
 * the caller is to do so now.
 * Local; any thread. */
typedef enum pwf_fault_kind {
    PWF_FAULT_F32,
    PWF_FAULT_F64,
    PWF_FAULT_I32,
    PWF_FAULT_I64
} pwf_fault_kind;
void pwf_fault_spoil(const char *name, pwf_fault_kind kind, void *values, int64_t count);

/** Arms another fault, "point:rank:count:action", or none (NULL), in place of PWF_TEST_FAULT: for
 * tests that go through many of them in one process. Points that are compiled out stay so.
 * Local. */
void pwf_fault_arm(const char *text);

#endif
