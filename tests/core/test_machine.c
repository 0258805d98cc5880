/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of processors as text, and the limits of control groups of both versions, read from folders
 * that imitate /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/machine.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void expect(double quota, int64_t memory)
{
    double q;
    int64_t m;
    pwf_machine_groups("groups", &q, &m);
    assert_true(q == quota);
    assert_int_equal(m, memory);
}

/* The test runs in a folder of its own, where an earlier run may have left its files. */
static void make_folders(void)
{
    const char *const folders[] = {"groups",     "groups/v2",      "groups/v2/job",
                                   "groups/cpu", "groups/cpu/job", "groups/v2/job/step",
                                   "groups/mem", "groups/mem/job"};
    const char *const files[] = {"cpu.max", "memory.max", "cpu.cfs_quota_us", "cpu.cfs_period_us",
                                 "memory.limit_in_bytes"};
    char path[80];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        mkdir(folders[i], 0755);
        for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
            snprintf(path, sizeof path, "%s/%s", folders[i], files[k]);
            unlink(path);
        }
    }
}

/* Version 2: the smallest limit of the group and its parents counts. */
static void test_second(void **state)
{
    (void)state;
    make_folders();
    put("groups/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n"
                            "30 1 0:28 / groups/v2 rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
    put("groups/cgroup", "0::/job/step\n");
    expect(0.0, INT64_MAX);
    put("groups/v2/job/step/cpu.max", "max 100000\n");
    put("groups/v2/job/step/memory.max", "max\n");
    expect(0.0, INT64_MAX);
    put("groups/v2/job/cpu.max", "250000 100000\n");
    put("groups/v2/job/memory.max", "1073741824\n");
    expect(2.5, 1073741824);
    put("groups/v2/job/step/cpu.max", "50000 100000\n");
    put("groups/v2/job/step/memory.max", "2147483648\n");
    expect(0.5, 1073741824);
    /* In a container the root of the mount is the group's own folder. */
    put("groups/mountinfo", "30 1 0:28 /job groups/v2 rw - cgroup2 cgroup2 rw\n");
    put("groups/v2/cpu.max", "300000 100000\n");
    put("groups/cgroup", "0::/job\n");
    expect(3.0, INT64_MAX);
}

/* Version 1: a mount for each kind of limit, and "no limit" is a large number. */
static void test_first(void **state)
{
    (void)state;
    make_folders();
    put("groups/mountinfo", "32 1 0:29 / groups/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                            "35 1 0:32 / groups/mem rw - cgroup cgroup rw,memory\n");
    put("groups/cgroup", "5:memory:/job\n3:cpuset:/\n1:cpu,cpuacct:/job\n0::/\n");
    put("groups/cpu/job/cpu.cfs_quota_us", "-1\n");
    put("groups/cpu/job/cpu.cfs_period_us", "100000\n");
    put("groups/mem/job/memory.limit_in_bytes", "9223372036854771712\n");
    expect(0.0, INT64_MAX);
    put("groups/cpu/job/cpu.cfs_quota_us", "150000\n");
    put("groups/mem/memory.limit_in_bytes", "4096000\n");
    expect(1.5, 4096000);
    put("groups/cgroup", "nonsense\n:\n");
    expect(0.0, INT64_MAX);
    unlink("groups/mountinfo");
    expect(0.0, INT64_MAX);
}

static void test_processors(void **state)
{
    (void)state;
    pwf_processors a, b;
    char text[PWF_PROCESSORS_TEXT];
    assert_true(pwf_processors_parse("0-3,8,64-65\n", &a));
    assert_int_equal(pwf_processors_count(&a), 7);
    pwf_processors_text(&a, text);
    assert_string_equal(text, "0-3,8,64-65");
    assert_true(pwf_processors_parse("2047", &b));
    pwf_processors_join(&b, &a);
    assert_int_equal(pwf_processors_count(&b), 8);
    assert_false(pwf_processors_equal(&a, &b));
    assert_true(pwf_processors_parse("0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32", &a));
    pwf_processors_text(&a, text);
    assert_string_equal(text, "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,...");
    const char *const bad[] = {
        "", "a", "3-1", "2048", "1,", "1-", "1;2", "-1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(pwf_processors_parse(bad[i], &a));
        assert_int_equal(pwf_processors_count(&a), 0);
    }
}

static void test_look(void **state)
{
    (void)state;
    pwf_machine m;
    pwf_machine_look(&m);
    assert_true(m.host[0] != '\0');
    assert_true(pwf_processors_count(&m.own) >= 1);
    assert_true(pwf_processors_count(&m.own) <= pwf_processors_count(&m.parents));
    assert_true(m.online >= 1 && m.nodes >= 1);
    assert_true(m.memory > 0 && m.memory_free > 0 && m.files > 0 && m.stack > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
