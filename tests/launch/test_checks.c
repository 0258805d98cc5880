/* SPDX-License-Identifier: BSD-3-Clause */
/* The launch checks on surveys of jobs that this machine cannot run: several hosts, many
 * processors, little memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "survey.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { RANKS = 8 };

static pwf_config config;
static pwf_rank_facts facts[RANKS];

/* Ranks on hosts n0, n1, ..., `each` on one, free to use its `processors`. */
static pwf_survey job(int64_t ranks, int64_t each, const char *processors)
{
    pwf_config_defaults(&config);
    memset(facts, 0, sizeof facts);
    for (int r = 0; r < ranks; r++) {
        pwf_machine *m = &facts[r].machine;
        snprintf(m->host, sizeof m->host, "n%d", (int)(r / each));
        assert_true(pwf_processors_parse(processors, &m->own));
        m->parents = m->own;
        m->nodes = 1;
        m->memory = m->memory_process = m->files = m->stack = INT64_MAX;
        m->shared_free = -1;
        strcpy(facts[r].libraries, "MPI of a test");
        strcpy(facts[r].tensors, "loops");
    }
    return (pwf_survey){.config = &config,
                        .facts = facts,
                        .ranks = ranks,
                        .launcher = {"a test", ranks, 0},
                        .variables = ""};
}

static void bind(int rank, const char *processors)
{
    assert_true(pwf_processors_parse(processors, &facts[rank].machine.own));
}

/* The finding of a check. */
static const pwf_finding *look(const pwf_survey *s, const char *name)
{
    static pwf_finding findings[PWF_FINDINGS_MAX];
    const int count = pwf_survey_judge(s, findings);
    for (int i = 0; i < count; i++)
        if (strcmp(findings[i].name, name) == 0) return &findings[i];
    fail_msg("no check %s", name);
    return NULL;
}

static void expect(const pwf_survey *s, const char *name, pwf_finding_level level, const char *seen)
{
    const pwf_finding *f = look(s, name);
    if (!strstr(f->seen, seen)) fail_msg("'%s' instead of '%s'", f->seen, seen);
    if (f->level != level) fail_msg("%s: level %d", f->seen, (int)f->level);
    assert_int_equal(f->code != PWF_OK, level == PWF_FINDING_FAILURE);
}

static void test_hosts(void **state)
{
    (void)state;
    pwf_survey s = job(5, 2, "0-3");
    expect(&s, "launch", PWF_FINDING_OK, "5 ranks on 3 hosts, 2 on one at most, started by a test");
    s = job(4, 4, "0-3");
    expect(&s, "launch", PWF_FINDING_OK, "4 ranks on n0");
}

static void test_threads(void **state)
{
    (void)state;
    pwf_survey s = job(6, 3, "0-5");
    config.parallel.threads = 2;
    expect(&s, "threads", PWF_FINDING_OK, "6 threads on the 6 processors of n0");
    /* One host of the two is smaller. */
    for (int r = 3; r < 6; r++) {
        bind(r, "0-4");
        facts[r].machine.parents = facts[r].machine.own;
    }
    expect(&s, "threads", PWF_FINDING_WARNING, "6 threads on the 5 processors of n1");
    facts[4].machine.quota = 2.5;
    expect(&s, "threads", PWF_FINDING_WARNING,
           "6 threads on n1, whose control group limits them to 2.5 processors");
    /* An unknown number is not a finding. */
    s = job(2, 2, "0");
    memset(&facts[0].machine.own, 0, sizeof facts[0].machine.own);
    facts[0].machine.parents = facts[1].machine.parents = facts[1].machine.own =
        facts[0].machine.own;
    assert_int_equal(look(&s, "threads")->level, PWF_FINDING_OK);
    assert_int_equal(look(&s, "binding")->level, PWF_FINDING_OK);
}

static void test_binding(void **state)
{
    (void)state;
    pwf_survey s = job(4, 2, "0-15");
    config.parallel.threads = 4;
    expect(&s, "binding", PWF_FINDING_OK, "every processor");
    const char *const good[] = {"0-3", "4-7", "0,2,4,6", "8-15"};
    for (int r = 0; r < 4; r++)
        bind(r, good[r]);
    expect(&s, "binding", PWF_FINDING_OK, "ranks are bound: rank 0 to processors 0-3");
    assert_int_equal(look(&s, "threads")->level, PWF_FINDING_OK);
    bind(3, "8");
    expect(&s, "binding", PWF_FINDING_WARNING,
           "the 4 threads of rank 3 on n1 may only use 1 of 16 processors (8)");
    assert_non_null(strstr(look(&s, "binding")->cure, "--map-by slot:PE=4"));
    /* Enough for each, but not for both. The same processors of another host are others. */
    bind(0, "0-5");
    bind(1, "0-5");
    bind(2, "0-5");
    bind(3, "6-11");
    expect(&s, "binding", PWF_FINDING_WARNING,
           "the 8 threads of rank 0 and 1 more on n0 may only use 6 of 16 processors (0-5)");
    bind(1, "6-9");
    assert_int_equal(look(&s, "binding")->level, PWF_FINDING_OK);
    /* Two decoding threads can share four processors with four workers, but not one. */
    bind(1, "8-11");
    config.data.format = PWF_DATA_imagefolder;
    config.data.threads = 2;
    assert_int_equal(look(&s, "binding")->level, PWF_FINDING_OK);
    config.parallel.threads = 1;
    bind(1, "8");
    expect(&s, "binding", PWF_FINDING_WARNING,
           "the 3 threads of rank 1 on n0, decoding included, may only use 1 of 16 processors (8)");
    config.data.format = PWF_DATA_idx;
    assert_int_equal(look(&s, "binding")->level, PWF_FINDING_OK);
    /* A shortage of all ranks of a host is reported once, for the host. */
    s = job(4, 4, "0-1");
    expect(&s, "threads", PWF_FINDING_WARNING, "4 threads on the 2 processors of n0");
    assert_int_equal(look(&s, "binding")->level, PWF_FINDING_OK);
    s = job(4, 4, "0-7");
    facts[0].machine.nodes = 2;
    expect(&s, "binding", PWF_FINDING_NOTE, "between the 2 memory nodes of n0");
}

static void test_memory(void **state)
{
    (void)state;
    pwf_survey s = job(4, 2, "0-3");
    s.described = s.has_needs = true;
    s.needs = (pwf_needs){.rank_bytes = 3.0 * 1073741824.0};
    facts[0].machine.memory = (int64_t)8 << 30;
    expect(&s, "memory", PWF_FINDING_OK, "at least 6.0 GiB for 2 ranks on a host; n0 has 8.0 GiB");
    facts[3].machine.memory = (int64_t)5 << 30;
    expect(&s, "memory", PWF_FINDING_WARNING,
           "2 ranks on n1 need at least 6.0 GiB, but may have 5.0 GiB");
    facts[2].machine.memory_process = (int64_t)512 << 20;
    expect(&s, "memory", PWF_FINDING_WARNING, "rank 2 on n1 may have 512.0 MiB (ulimit)");
    facts[1].machine.files = 135;
    expect(&s, "limits", PWF_FINDING_WARNING, "rank 1 on n0 may open only 135 files");
    facts[1].machine.files = 136;
    assert_int_equal(look(&s, "limits")->level, PWF_FINDING_OK);
}

static void test_alike(void **state)
{
    (void)state;
    pwf_survey s = job(4, 2, "0-3");
    strcpy(facts[3].libraries, "another MPI");
    expect(&s, "libraries", PWF_FINDING_FAILURE,
           "rank 3 on n1 has another MPI, but rank 0 has MPI of a test");
    strcpy(facts[2].tensors, "vectors");
    expect(&s, "arithmetic", PWF_FINDING_WARNING,
           "rank 2 on n1 computes with vectors, but rank 0 with loops");
    s = job(4, 2, "0-3");
    facts[0].bf16 = facts[1].bf16 = facts[3].bf16 = true;
    expect(&s, "arithmetic", PWF_FINDING_OK, "loops");
    config.parallel.precision = PWF_BF16;
    expect(&s, "arithmetic", PWF_FINDING_WARNING,
           "rank 2 on n1 computes with loops, bf16 without instructions for it, but rank 0 with "
           "loops, bf16 with instructions for it");
    facts[2].bf16 = true;
    expect(&s, "arithmetic", PWF_FINDING_OK, "loops, bf16 with instructions for it");
    memset(facts, 0, sizeof facts);
    s = job(4, 2, "0-3");
    config.parallel.precision = PWF_BF16;
    expect(&s, "arithmetic", PWF_FINDING_WARNING, "loops, bf16 without instructions for it");
    /* A single rank of a host has no others to send messages to there. */
    s = job(3, 2, "0-3");
    facts[2].machine.shared_free = 1024;
    assert_int_equal(look(&s, "messages")->level, PWF_FINDING_OK);
    facts[0].machine.shared_free = 1024;
    expect(&s, "messages", PWF_FINDING_WARNING, "/dev/shm of n0");
    facts[0].machine.shared_free = -1;
    const char *const slow[] = {"tcp,self", "^vader", "^sm,openib"};
    const char *const fast[] = {"", "self,vader,tcp", "^openib", "self,sm"};
    for (int i = 0; i < 3; i++) {
        strcpy(facts[1].transports, slow[i]);
        assert_int_equal(look(&s, "messages")->level, PWF_FINDING_NOTE);
    }
    for (int i = 0; i < 4; i++) {
        strcpy(facts[1].transports, fast[i]);
        assert_int_equal(look(&s, "messages")->level, PWF_FINDING_OK);
    }
}

/* Of an unusable directory, only why it is unusable is reported. */
static void test_directory(void **state)
{
    (void)state;
    pwf_finding findings[PWF_FINDINGS_MAX];
    pwf_survey s = job(2, 2, "0-3");
    const int without = pwf_survey_judge(&s, findings);
    s.in_directory = s.described = s.has_needs = true;
    s.directory = s.shared = pwf_ok();
    s.found = (pwf_directory){.locks = true, .kind = "nfs", .free_bytes = (int64_t)3 << 30};
    s.needs = (pwf_needs){.checkpoint_bytes = 1073741824.0, .checkpoints = 3};
    strcpy(config.output, "here");
    assert_int_equal(pwf_survey_judge(&s, findings), without + 4);
    expect(&s, "directory", PWF_FINDING_OK, "here can be created in  (nfs); all ranks see it");
    expect(&s, "space", PWF_FINDING_OK, "3.0 GiB free; up to 3 checkpoints of 1.0 GiB");
    s.needs.checkpoints = 4;
    config.checkpoint.keep_every = 10;
    expect(&s, "space", PWF_FINDING_WARNING, "4 checkpoints of 1.0 GiB, and those of");
    s.found.locks = false;
    expect(&s, "lock", PWF_FINDING_NOTE, "nfs has no locks between hosts");
    s.shared = PWF_FAIL(PWF_CANTCREATE, "not seen");
    expect(&s, "directory", PWF_FINDING_FAILURE, "not seen");
    s.directory = PWF_FAIL(PWF_DENIED, "closed");
    expect(&s, "directory", PWF_FINDING_FAILURE, "closed");
    assert_int_equal(pwf_survey_judge(&s, findings), without + 2);
    config.parallel.threads = config.parallel.slots;
    expect(&s, "workers", PWF_FINDING_FAILURE, "are more workers than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_binding), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_alike),   cmocka_unit_test(test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
