/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_TERMINAL_H
#define PWF_CORE_TERMINAL_H

#include <stdbool.h>

/** A descriptor of the terminal on which messages of this process appear, or -1 if they go to a
 * file or a program. The stderr of a rank under Open MPI is a pipe to mpirun, so the stderr of
 * mpirun decides. The descriptor is for queries such as the width; messages are written to stderr.
 * Local; the first call must not be concurrent. The descriptor stays open. */
int pwf_terminal_fd(void);

/** Whether there is a terminal that can rewrite a line: TERM is set and not `dumb`.
 * Local; the first call must not be concurrent. */
bool pwf_terminal_rewrites(void);

#endif
