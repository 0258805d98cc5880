/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer of the small network of tiny.yaml, for tests of its parts. Include after cmocka's
 * headers. */
#ifndef TESTS_TRAIN_FIXTURE_H
#define TESTS_TRAIN_FIXTURE_H

#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>

static pwf_mesh *mesh;
static pwf_config config;

static inline void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static inline void set(const char *assignment)
{
    good(pwf_config_set(&config, assignment));
}

static inline int rank_here(void)
{
    return pwf_mesh_rank(mesh, PWF_WORLD);
}

/* Starts MPI and reads the configuration; one shard, so that all ranks are replicas. */
static inline void begin(int *argc, char ***argv)
{
    char path[PWF_TEXT];
    good(pwf_mesh_start(argc, argv));
    good(pwf_mesh_new(1, &mesh));
    pwf_config_defaults(&config);
    snprintf(path, sizeof path, "%s/tests/train/tiny.yaml", getenv("PWF_SOURCE_DIR"));
    good(pwf_config_read_file(&config, path));
    set("parallel.precision=fp32");
    set("train.batch=16");
}

static inline void end(void)
{
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
}

#endif
