/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes and loads checkpoints of the example state (example.h), for tests that kill the process or
 * compare files. Each command is collective over all ranks and returns the exit code of its status.
 */

/* ckpt_program SHARDS write DIR FROM TO [mpiio|async]
 *                                         writes steps FROM to TO, pruning after each; prints
 *                                         "committed STEP" once a write has returned
 * ckpt_program SHARDS model DIR           writes model.h5
 * ckpt_program SHARDS load DIR ...        finds and loads the newest checkpoint of each directory;
 *                                         fails unless it is exactly the state of its step; prints
 *                                         "loaded STEP FINGERPRINT"
 * ckpt_program SHARDS again DIR COUNT [mpiio|async]
 *                                         loads, then writes the next COUNT steps
 * ckpt_program SHARDS prune DIR           loads, then keeps the newest two
 * ckpt_program SHARDS same FILE FILE ...  fails unless all files are equal outside /run */
#include "example.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool first;

static int report(pwf_status s)
{
    if (first) fprintf(stderr, "failed: %s: %s\n", pwf_code_name(s.code), s.text);
    return (int)s.code;
}

static int write_steps(const pwf_mesh *mesh, const char *dir, int64_t from, int64_t to,
                       const char *way)
{
    example e = example_new(mesh);
    int code = 0;
    for (int64_t step = from; code == 0 && step <= to; step++) {
        static char path[PWF_PATH];
        const pwf_status s = example_write(&e, mesh, dir, way, step, path);
        if (s.code != PWF_OK) {
            code = report(s);
            break;
        }
        if (first) {
            printf("committed %lld\n", (long long)step);
            fflush(stdout);
        }
        example_prune(&e, mesh, dir, way, step);
    }
    example_free(&e);
    return code;
}

static int write_model(const pwf_mesh *mesh, const char *dir)
{
    example e = example_new(mesh);
    example_set(&e, 1);
    char path[PWF_PATH];
    pwf_path_join(path, dir, "model.h5");
    const pwf_status s = pwf_ckpt_write_model(mesh, path, &e.snapshot);
    example_free(&e);
    return s.code == PWF_OK ? 0 : report(s);
}

/* `step` gets what was loaded. */
static int load_newest(const pwf_mesh *mesh, const char *dir, int64_t *step)
{
    example e = example_new(mesh);
    const pwf_status s = example_load(&e, mesh, dir, step);
    int code = 0;
    if (s.code != PWF_OK) {
        code = report(s);
    } else if (*step < 0) {
        code = report(PWF_FAIL(PWF_BUG, "what was loaded from %s is not what was written", dir));
    } else {
        char text[33];
        pwf_hash_text(example_fingerprint(&e, mesh), text);
        if (first) printf("loaded %lld %s\n", (long long)*step, text);
        fflush(stdout);
    }
    example_free(&e);
    return code;
}

/* ---- same ---- */

typedef struct pair {
    hid_t other;
    int64_t compared;
    bool same;
} pair;

static bool same_bytes(hid_t a, hid_t b)
{
    const hid_t ta = H5Dget_type(a), tb = H5Dget_type(b), sa = H5Dget_space(a),
                sb = H5Dget_space(b);
    bool same = H5Tequal(ta, tb) > 0 && H5Sextent_equal(sa, sb) > 0;
    const size_t bytes = (size_t)H5Sget_simple_extent_npoints(sa) * H5Tget_size(ta);
    char *x = calloc(bytes + 1, 1), *y = calloc(bytes + 1, 1);
    same = same && x && y;
    if (same && bytes > 0)
        same = H5Dread(a, ta, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0 &&
               H5Dread(b, tb, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0 && memcmp(x, y, bytes) == 0;
    free(x);
    free(y);
    H5Tclose(ta);
    H5Tclose(tb);
    H5Sclose(sa);
    H5Sclose(sb);
    return same;
}

static herr_t compare(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    pair *p = context;
    if (info->type != H5O_TYPE_DATASET || strncmp(name, "run/", 4) == 0) return 0;
    const hid_t a = H5Dopen2(file, name, H5P_DEFAULT), b = H5Dopen2(p->other, name, H5P_DEFAULT);
    if (a < 0 || b < 0 || !same_bytes(a, b)) {
        fprintf(stderr, "%s differs\n", name);
        p->same = false;
    }
    p->compared++;
    if (a >= 0) H5Dclose(a);
    if (b >= 0) H5Dclose(b);
    return 0;
}

static int same(const char *x, const char *y)
{
    const hid_t a = H5Fopen(x, H5F_ACC_RDONLY, H5P_DEFAULT),
                b = H5Fopen(y, H5F_ACC_RDONLY, H5P_DEFAULT);
    pair p = {.other = b, .same = a >= 0 && b >= 0};
    if (p.same) H5Ovisit(a, H5_INDEX_NAME, H5_ITER_INC, compare, &p);
    if (a >= 0) H5Fclose(a);
    if (b >= 0) H5Fclose(b);
    printf("same %lld datasets\n", (long long)p.compared);
    return p.same && p.compared > 40 ? 0 : PWF_BUG;
}

int main(int argc, char **argv)
{
    pwf_mesh *mesh = NULL;
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || argc < 4) return PWF_USAGE;
    const pwf_status s = pwf_mesh_new(atoi(argv[1]), &mesh);
    if (s.code != PWF_OK) return report(s);
    first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    int code = PWF_USAGE;
    int64_t step = 0;
    const char *last = argv[argc - 1];
    const bool named = strcmp(last, "mpiio") == 0 || strcmp(last, "async") == 0;
    const char *way = named ? last : "pwrite";
    if (strcmp(argv[2], "write") == 0 && (argc == 6 || argc == 7))
        code = write_steps(mesh, argv[3], atoll(argv[4]), atoll(argv[5]), way);
    else if (strcmp(argv[2], "model") == 0)
        code = write_model(mesh, argv[3]);
    else if (strcmp(argv[2], "load") == 0)
        for (int i = 3; i < argc && (i == 3 || code == 0); i++)
            code = load_newest(mesh, argv[i], &step);
    else if (strcmp(argv[2], "again") == 0 && argc >= 5) {
        code = load_newest(mesh, argv[3], &step);
        if (code == 0) code = write_steps(mesh, argv[3], step + 1, step + atoll(argv[4]), way);
    } else if (strcmp(argv[2], "prune") == 0) {
        code = load_newest(mesh, argv[3], &step);
        if (code == 0) pwf_ckpt_prune(mesh, argv[3], (pwf_retention){.step = step, .keep = 2});
    } else if (strcmp(argv[2], "same") == 0)
        for (int i = 4; i < argc && (i == 4 || code == 0); i++)
            code = same(argv[3], argv[i]);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return code;
}
