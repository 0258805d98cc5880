/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets libhdf5 read a file in a child process first. The hashes of a file detect accidental damage,
 * but whoever crafts a file can compute them too, and libhdf5 then trusts its metadata. Called by
 * the checkpoint readers of the commands; forks, so MPI must not have started. */
#include "pwf/h5/contain.h"
#include "pwf/h5/library.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 60 }; /* of processor time; a large file takes less than one */

static bool contained;

void pwf_h5_contain(void)
{
    contained = true;
}

/* Limits time and core dumps of the child, and runs the trial. */
static _Noreturn void run_child(void (*look)(void *context), void *context)
{
    const struct rlimit core = {0, 0};
    struct rlimit time;
    setrlimit(RLIMIT_CORE, &core);
    if (getrlimit(RLIMIT_CPU, &time) == 0 && time.rlim_cur > SECONDS_MAX) {
        time.rlim_cur = SECONDS_MAX; /* SIGXCPU then ends the child */
        setrlimit(RLIMIT_CPU, &time);
    }
    look(context);
    _exit(PWF_OK);
}

pwf_status pwf_h5_in_child(const char *path, void (*look)(void *context), void *context)
{
    if (!contained) return pwf_ok();
    const pid_t child = fork();
    if (child == 0) run_child(look, context);
    PWF_FAIL_IF(child < 0, PWF_RESOURCE, "cannot start a process to check %s: %s", path,
                strerror(errno));
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        PWF_FAIL_IF(errno != EINTR, PWF_RESOURCE, "cannot wait for the process that checks %s: %s",
                    path, strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == PWF_OK) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "libhdf5 cannot read %s (%s) although its hashes match: the file was modified "
                    "deliberately; do not use it",
                    path,
                    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it exited with an error");
}
