/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIGBUS handler: a child process that reads a truncated mapped file ends with PWF_RESOURCE and
 * names the file; other SIGBUS signals keep their default action. */
#define _XOPEN_SOURCE 700 /* mkstemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/bus.h"
#include "pwf/core/status.h"

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 8192 };

/* How a child that reads the second page of a file ends, and its output. */
static int touch_page(off_t length, bool killed, char text[1024])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        char name[] = "page.XXXXXX";
        const int fd = mkstemp(name);
        dup2(ends[1], STDERR_FILENO);
        pwf_bus_listen();
        if (killed) raise(SIGBUS);
        if (fd < 0 || ftruncate(fd, length) != 0) _exit(1);
        volatile char *page = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        page[BYTES - 1] = 1;
        _exit(unlink(name));
    }
    int status = 0;
    close(ends[1]);
    const ssize_t n = read(ends[0], text, 1023);
    text[n < 0 ? 0 : n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_page_behind_the_end_of_a_file(void **state)
{
    (void)state;
    char text[1024];
    int status = touch_page(BYTES, false, text);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = touch_page(100, false, text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), PWF_RESOURCE);
    assert_non_null(strstr(text, "RESOURCE"));
    assert_non_null(strstr(text, "/page."));
}

static void a_signal_from_outside_is_none_of_ours(void **state)
{
    (void)state;
    char text[1024];
    const int status = touch_page(BYTES, true, text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_behind_the_end_of_a_file),
        cmocka_unit_test(a_signal_from_outside_is_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
