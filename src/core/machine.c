/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host offers this process: processors, NUMA nodes, memory, limits of control groups.
 * Called by the launch checks and `pwf doctor` for messages; no result depends on it. Reads /proc
 * and /sys; no state. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "pwf/core/machine.h"

#include "pwf/core/file.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- sets of processors ---- */

/* Whether processor i is in the set. */
static bool has(const pwf_processors *set, int i)
{
    return set->bits[i / 64] >> (i % 64) & 1;
}

static void add(pwf_processors *set, int i)
{
    set->bits[i / 64] |= (uint64_t)1 << (i % 64);
}

int64_t pwf_processors_count(const pwf_processors *set)
{
    int64_t count = 0;
    for (int i = 0; i < PWF_PROCESSORS_MAX / 64; i++)
        count += __builtin_popcountll(set->bits[i]);
    return count;
}

bool pwf_processors_equal(const pwf_processors *a, const pwf_processors *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void pwf_processors_join(pwf_processors *set, const pwf_processors *more)
{
    for (int i = 0; i < PWF_PROCESSORS_MAX / 64; i++)
        set->bits[i] |= more->bits[i];
}

/* Parses one number of a list; false if there is none or it is out of range. */
static bool read_number(const char **at, int *out)
{
    char *end;
    if (**at < '0' || **at > '9') return false;
    /* A number too long for `long` becomes LONG_MAX, which is out of range. */
    const long value = strtol(*at, &end, 10);
    *at = end;
    *out = (int)value;
    return value < PWF_PROCESSORS_MAX;
}

bool pwf_processors_parse(const char *text, pwf_processors *out)
{
    pwf_processors set = {.bits = {0}};
    memset(out, 0, sizeof *out);
    for (const char *at = text;; at++) {
        int first, last;
        if (!read_number(&at, &first)) return false;
        last = first;
        if (*at == '-') {
            at++;
            if (!read_number(&at, &last) || last < first) return false;
        }
        /* Lists may overlap; the set is a union. */
        for (int i = first; i <= last; i++)
            add(&set, i);
        if (*at != ',') {
            if (*at != '\0' && *at != '\n') return false;
            *out = set;
            return true;
        }
    }
}

void pwf_processors_text(const pwf_processors *set, char text[PWF_PROCESSORS_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < PWF_PROCESSORS_MAX; i++) {
        if (!has(set, i)) continue;
        int last = i;
        while (last + 1 < PWF_PROCESSORS_MAX && has(set, last + 1))
            last++;
        char part[32];
        const int n = last == i ? snprintf(part, sizeof part, "%s%d", used ? "," : "", i)
                                : snprintf(part, sizeof part, "%s%d-%d", used ? "," : "", i, last);
        if (used + (size_t)n + sizeof ",..." > PWF_PROCESSORS_TEXT) {
            strcpy(text + used, used ? ",..." : "...");
            return;
        }
        memcpy(text + used, part, (size_t)n + 1);
        used += (size_t)n;
        i = last;
    }
}

/* The affinity mask of a process; empty if unknown. */
static void look_at_process(pid_t pid, pwf_processors *out)
{
    memset(out, 0, sizeof *out);
    /* A plain cpu_set_t ends at processor 1023. */
    cpu_set_t *set = CPU_ALLOC(PWF_PROCESSORS_MAX);
    const size_t bytes = CPU_ALLOC_SIZE(PWF_PROCESSORS_MAX);
    if (!set) return;
    CPU_ZERO_S(bytes, set);
    if (sched_getaffinity(pid, bytes, set) == 0)
        for (int i = 0; i < PWF_PROCESSORS_MAX; i++)
            if (CPU_ISSET_S((size_t)i, bytes, set)) add(out, i);
    CPU_FREE(set);
}

/* ---- control groups ---- */

/* Reads the first line of folder/name. */
static bool read_line(const char *folder, const char *name, char *line, size_t room)
{
    char path[PWF_PATH];
    if (!pwf_path_join(path, folder, name)) return false;
    FILE *f = fopen(path, "re");
    if (!f) return false;
    const bool read = fgets(line, (int)room, f) != NULL;
    fclose(f);
    return read;
}

/* Reads an integer from folder/name. */
static bool read_whole(const char *folder, const char *name, long long *out)
{
    char line[64];
    return read_line(folder, name, line, sizeof line) && sscanf(line, "%lld", out) == 1;
}

/* Applies the limits of one group, of version 1 or 2, whose files differ. */
static void read_group(const char *folder, double *quota, int64_t *memory)
{
    char line[64];
    long long time = -1, period = 0, bytes = 0;
    if (read_line(folder, "cpu.max", line, sizeof line)) {
        if (sscanf(line, "%lld %lld", &time, &period) != 2) time = -1; /* "max" */
    } else if (!read_whole(folder, "cpu.cfs_quota_us", &time) ||
               !read_whole(folder, "cpu.cfs_period_us", &period)) {
        time = -1;
    }
    if (time > 0 && period > 0) {
        const double share = (double)time / (double)period;
        if (*quota <= 0.0 || share < *quota) *quota = share;
    }
    /* Version 1 reports "no limit" as a number near LLONG_MAX. */
    if ((read_whole(folder, "memory.max", &bytes) ||
         read_whole(folder, "memory.limit_in_bytes", &bytes)) &&
        bytes > 0 && bytes < LLONG_MAX / 2 && bytes < *memory)
        *memory = bytes;
}

/* Applies the limits of a group and of its parents, up to the mount point. */
static void read_groups(const char *mount, const char *group, double *quota, int64_t *memory)
{
    char folder[2 * PWF_PATH];
    /* The smallest limit on the way up is the one in force. */
    const size_t top = strlen(mount);
    snprintf(folder, sizeof folder, "%s%s", mount, group);
    for (;;) {
        read_group(folder, quota, memory);
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < top) return;
        *slash = '\0';
    }
}

/* The group of this process in the hierarchy of a mount. In /proc/self/cgroup version 2 has no
 * controller names; version 1 lists controllers, one of which is among the options of the mount. */
static bool find_group(const char *proc, bool second, const char *options, char *group)
{
    char path[PWF_PATH], line[2 * PWF_PATH];
    bool found = false;
    snprintf(path, sizeof path, "%s/cgroup", proc);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':'), *at = names ? strchr(names + 1, ':') : NULL;
        if (!at) continue;
        *at++ = '\0';
        names++;
        if (second) {
            found = *names == '\0';
        } else if (*names) {
            char *rest = NULL;
            for (char *n = strtok_r(names, ",", &rest); n && !found; n = strtok_r(NULL, ",", &rest))
                found = (strcmp(n, "cpu") == 0 || strcmp(n, "memory") == 0) && strstr(options, n);
        }
        if (found) snprintf(group, PWF_PATH, "%s", at);
    }
    fclose(f);
    return found;
}

void pwf_machine_groups(const char *proc, double *quota, int64_t *memory)
{
    char path[PWF_PATH], line[4 * PWF_PATH];
    *quota = 0.0;
    *memory = INT64_MAX;
    snprintf(path, sizeof path, "%s/mountinfo", proc);
    FILE *f = fopen(path, "re");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        char root[PWF_PATH], mount[PWF_PATH], kind[64], options[512], group[PWF_PATH];
        const char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
            sscanf(dash, " - %63s %*s %511s", kind, options) != 2)
            continue;
        const bool second = strcmp(kind, "cgroup2") == 0; /* version 2 of control groups */
        if (!second && strcmp(kind, "cgroup") != 0) continue;
        if (!find_group(proc, second, options, group)) continue;
        /* In a container the mount point is the group of the container. */
        const size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);
        const char *below = strncmp(group, root, shown) == 0 ? group + shown : "";
        read_groups(mount, strcmp(below, "/") == 0 ? "" : below, quota, memory);
    }
    fclose(f);
}

/* ---- all ---- */

/* The soft limit of a resource; INT64_MAX: none or unknown. */
static int64_t limit_of(int resource)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > INT64_MAX)
        return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

/* Memory of the host, limits of the process, and free shared memory. */
static void look_at_memory(pwf_machine *m)
{
    char line[256];
    long long kib = 0;
    m->memory = m->memory_free = INT64_MAX;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemTotal: %lld kB", &kib) == 1) m->memory = kib * 1024;
        if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1) m->memory_free = kib * 1024;
    }
    if (f) fclose(f);
    const int64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    m->memory_process = space < data ? space : data;
    struct statvfs shared;
    m->shared_free =
        statvfs("/dev/shm", &shared) == 0 ? (int64_t)(shared.f_bavail * shared.f_frsize) : -1;
}

void pwf_host_name(char host[PWF_HOST])
{
    memset(host, 0, PWF_HOST);
    if (gethostname(host, PWF_HOST - 1) != 0 || host[0] == '\0') strcpy(host, "?");
}

void pwf_machine_look(pwf_machine *out)
{
    memset(out, 0, sizeof *out);
    pwf_host_name(out->host);
    look_at_process(0, &out->own);
    look_at_process(getppid(), &out->parents);
    pwf_processors_join(&out->parents, &out->own);
    /* All processors of the host, whether this process may use them or not. */
    out->online = sysconf(_SC_NPROCESSORS_ONLN);
    char line[256];
    pwf_processors nodes;
    out->nodes = 1;
    if (read_line("/sys/devices/system/node", "online", line, sizeof line) &&
        pwf_processors_parse(line, &nodes))
        out->nodes = pwf_processors_count(&nodes);
    look_at_memory(out);
    int64_t allowed;
    pwf_machine_groups("/proc/self", &out->quota, &allowed);
    /* The limit of the group counts if it is below the memory of the host. */
    if (allowed < out->memory) out->memory = allowed;
    out->files = limit_of(RLIMIT_NOFILE);
    out->stack = limit_of(RLIMIT_STACK);
}
