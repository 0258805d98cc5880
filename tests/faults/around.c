/* SPDX-License-Identifier: BSD-3-Clause */
/* A library that the tests preload into every rank to simulate an environment. PWF_TEST_AROUND is
 * one of: clock:OFFSET:SKEW:JUMP   the wall clock is OFFSET seconds ahead, SKEW more on each rank,
 *                            and JUMP more from its 200th reading on
 *   fsync:N                  SIGUSR1 comes before and after the work of the N-th fsync
 *   handler                  SIGUSR2 comes inside every handler of another signal
 *   host:NAME                the name of this host */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock)(clockid_t, struct timespec *);
static int (*real_action)(int, const struct sigaction *, struct sigaction *);
static int (*real_sync)(int);
static int (*real_host)(char *, size_t);

static long long offset, jump;
static int strike;
static int in_handler;
static char host[64];
static atomic_int readings, syncs;
static void (*handlers[NSIG])(int);

#define FIND(name) dlsym(RTLD_NEXT, #name) // NOLINT

/* Also called by the wrappers: libraries may call them before the constructors have run. */
__attribute__((constructor)) static void begin(void)
{
    if (real_clock) return;
    const char *what = getenv("PWF_TEST_AROUND"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    long long skew = 0;
    *(void **)&real_clock = FIND(clock_gettime);
    *(void **)&real_action = FIND(sigaction);
    *(void **)&real_sync = FIND(fsync);
    *(void **)&real_host = FIND(gethostname);
    if (!what || !rank) return; /* the launcher is not affected */
    if (sscanf(what, "clock:%lld:%lld:%lld", &offset, &skew, &jump) == 3)
        offset += skew * atoi(rank);
    (void)sscanf(what, "fsync:%d", &strike);
    (void)sscanf(what, "host:%63s", host);
    in_handler = strcmp(what, "handler") == 0;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    begin();
    const int result = real_clock(id, t);
    if (id != CLOCK_REALTIME || result != 0) return result;
    t->tv_sec += offset;
    if (jump != 0 && ++readings > 200) t->tv_sec += jump;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return 0;
}

int fsync(int fd)
{
    begin();
    const int now = ++syncs == strike;
    if (now) kill(getpid(), SIGUSR1);
    const int result = real_sync(fd);
    if (now) {
        kill(getpid(), SIGUSR1);
        fprintf(stderr, "fault signal in fsync %d\n", strike);
    }
    return result;
}

int gethostname(char *name, size_t size)
{
    begin();
    if (!*host) return real_host(name, size);
    snprintf(name, size, "%s", host);
    return 0;
}

static void nest(int number)
{
    static const char text[] = "fault signal in a handler\n";
    raise(SIGUSR2);
    handlers[number](number);
    raise(SIGUSR2);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
}

/* Only the handlers of pwf, which are those without SA_SIGINFO. */
int sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
    begin();
    const int ours = number == SIGUSR1 || number == SIGTERM || number == SIGINT;
    if (!in_handler || !ours || !action || (action->sa_flags & SA_SIGINFO) ||
        action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN)
        return real_action(number, action, before);
    struct sigaction other = *action;
    handlers[number] = action->sa_handler;
    other.sa_handler = nest;
    return real_action(number, &other, before);
}
