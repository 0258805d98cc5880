/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_TERMINAL_H
#define PWF_CORE_TERMINAL_H

#include <stdbool.h>

/** A descriptor of the terminal on which this process's messages (stderr) are read, or -1 if they
 * go to a file or a program. Open MPI gives a rank a pipe for stderr and copies it to the stderr of
 * mpirun; so for a rank that mpirun started itself, that one is looked at.
 * Local; not for several threads at once the first time. The descriptor stays open; it is for
 * questions (its width), messages are written to stderr. */
int pwf_terminal_fd(void);

/** Whether that terminal can rewrite a line: it is there and TERM is not `dumb`.
 * Local; as above. */
bool pwf_terminal_rewrites(void);

#endif
