/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the mesh share: they run for every number of shards that divides the number of
 * ranks. */
#include "mesh/meshes.h"

#include "mesh_private.h"
#include "pwf/core/mem.h"

#include <stdio.h>
#include <stdlib.h>

pwf_mesh *mesh;

int64_t mixed(int64_t rank, int64_t index)
{
    uint64_t x = (uint64_t)index * 0x9e3779b97f4a7c15u + (uint64_t)rank * 0xd1b54a32d192ed03u + 1;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 32;
    return (int64_t)(x >> 9) - ((int64_t)1 << 54);
}

int run_over_meshes(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    /* Without it a rank that fails would leave the others waiting. */
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    const pwf_status started = pwf_mesh_start(&argc, &argv);
    if (started.code != PWF_OK) {
        fprintf(stderr, "%s\n", started.text);
        return 1;
    }
    int rank, size, failed = 0;
    MPI_Comm comms[3] = {MPI_COMM_WORLD, MPI_COMM_NULL, MPI_COMM_NULL};
    const char *names[3] = {"world", "duplicate", "reversed"};
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_dup(MPI_COMM_WORLD, &comms[1]);
    MPI_Comm_split(MPI_COMM_WORLD, 0, size - rank, &comms[2]);
    cmocka_set_message_output(rank == 0 ? CM_OUTPUT_STDOUT : CM_OUTPUT_SUBUNIT);
    if (rank != 0 && freopen("/dev/null", "w", stdout) == NULL) abort();
    const int64_t chunk = pwf_mesh_chunk;
    for (int c = 0; c < 3; c++)
        for (int shards = 1; shards <= size; shards++) {
            if (size % shards != 0) continue;
            for (int few = 0; few < 2; few++) {
                pwf_mesh_chunk = few ? 1000 : chunk;
                pwf_mesh_long_sum = few ? 1 : 4096;
                const pwf_status s = pwf_mesh_new_on(comms[c], shards, &mesh);
                if (s.code != PWF_OK) abort();
                char group[96];
                snprintf(group, sizeof group, "%s, %d shards of %d ranks%s", names[c], shards, size,
                         few ? ", small calls" : "");
                failed += _cmocka_run_group_tests(group, tests, count, NULL, NULL);
                pwf_mesh_free(mesh);
                if (pwf_mem_live() != 0) abort();
            }
        }
    MPI_Comm_free(&comms[1]);
    MPI_Comm_free(&comms[2]);
    pwf_mesh_stop();
    return failed != 0;
}
