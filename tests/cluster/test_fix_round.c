/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf fix-round on the fifteen published fixtures, on any number of ranks, and the inputs and
 * settings that it refuses. */
#include "inputs.h"

#include "app/app.h"
#include "pwf/arrays/round_file.h"
#include "pwf/mesh/mesh_mpi.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pwf_mesh *mesh;

static bool on_first(void)
{
    return pwf_mesh_rank(mesh, PWF_WORLD) == 0;
}

static void fixture_path(char *path, size_t size, int number)
{
    const char *source = getenv("PWF_SOURCE_DIR");
    snprintf(path, size, "%s/tests/rounds/round_%d.h5", source ? source : ".", number);
}

/* Reads a whole dataset of a file; the caller frees it. */
static void *read_all(const char *path, const char *name, hid_t type, size_t size, int64_t *count)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    *count = (int64_t)H5Sget_simple_extent_npoints(space);
    assert_true(*count >= 0);
    void *data = calloc((size_t)*count + 1, size);
    if (*count) assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    return data;
}

static pwf_round_row *read_rows(const char *path, int64_t *count)
{
    const hid_t t = H5Tcreate(H5T_COMPOUND, sizeof(pwf_round_row));
    H5Tinsert(t, "order", offsetof(pwf_round_row, order), H5T_NATIVE_INT32);
    H5Tinsert(t, "delta", offsetof(pwf_round_row, delta), H5T_NATIVE_DOUBLE);
    H5Tinsert(t, "centre", offsetof(pwf_round_row, centre), H5T_NATIVE_DOUBLE);
    H5Tinsert(t, "count", offsetof(pwf_round_row, count), H5T_NATIVE_INT64);
    pwf_round_row *rows = read_all(path, "steps", t, sizeof *rows, count);
    H5Tclose(t);
    return rows;
}

static void compare_rows(const char *expected, const char *found)
{
    int64_t count = 0, other = 0;
    pwf_round_row *a = read_rows(expected, &count), *b = read_rows(found, &other);
    assert_int_equal(count, other);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(a[i].order, b[i].order);
        assert_int_equal(a[i].count, b[i].count);
        assert_true(a[i].delta == b[i].delta && a[i].centre == b[i].centre);
    }
    free(a);
    free(b);
}

/* mu_out may differ where weights tie at a cut; none of these files has such a tie. */
static void compare_arrays(const char *expected, const char *found)
{
    int64_t n = 0, m = 0;
    float *a = read_all(expected, "mu_out", H5T_NATIVE_FLOAT, sizeof *a, &n);
    float *b = read_all(found, "mu_out", H5T_NATIVE_FLOAT, sizeof *b, &m);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        assert_true(a[i] == b[i]);
    free(a);
    free(b);
    a = read_all(expected, "sigma_out", H5T_NATIVE_FLOAT, sizeof *a, &n);
    b = read_all(found, "sigma_out", H5T_NATIVE_FLOAT, sizeof *b, &m);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-6 * fabs((double)a[i])))
            fail_msg("sigma_out %lld: %.9g is not %.9g", (long long)i, (double)b[i], (double)a[i]);
    free(a);
    free(b);
    uint8_t *c = read_all(expected, "fixed", H5T_NATIVE_UINT8, 1, &n);
    uint8_t *d = read_all(found, "fixed", H5T_NATIVE_UINT8, 1, &m);
    assert_int_equal(n, m);
    assert_memory_equal(c, d, (size_t)n);
    free(c);
    free(d);
}

static pwf_status fix_round(int argc, const char *const *words)
{
    char *argv[16] = {NULL}, copy[16][1024];
    for (int i = 0; i < argc; i++) {
        snprintf(copy[i], sizeof copy[i], "%s", words[i]);
        argv[i] = copy[i];
    }
    pwf_app_args args;
    PWF_TRY(pwf_app_parse(&pwf_app_fix_round, argc, argv, &args));
    return pwf_app_fix_round.run_on(mesh, &args);
}

static void test_fixtures(void **state)
{
    (void)state;
    for (int i = 0; i < 15; i++) {
        char path[1024];
        fixture_path(path, sizeof path, i);
        const char *const words[] = {"fix-round", path, "-o", "out.h5"};
        const pwf_status s = fix_round(4, words);
        if (s.code != PWF_OK) fail_msg("%s", s.text);
        if (on_first()) {
            compare_rows(path, "out.h5");
            compare_arrays(path, "out.h5");
        }
        pwf_mesh_barrier(mesh);
    }
}

/* The same with random ranges of whole blocks per rank, by calling pwf_cluster_round directly. */
static void test_dealt_parts(void **state)
{
    (void)state;
    for (int i = 0; i < 15; i++) {
        char path[1024];
        fixture_path(path, sizeof path, i);
        pwf_round_input *input = NULL;
        bool found = false;
        assert_int_equal(pwf_round_input_open(path, &input).code, PWF_OK);
        problem p = problem_new(pwf_round_input_total(input));
        const pwf_range all = {0, p.total};
        assert_int_equal(pwf_round_input_read(input, all, p.mu, p.sigma, p.fixed).code, PWF_OK);
        double power = 0, zero = 0, order = 0;
        pwf_round_input_number(input, "fraction", &p.settings.fractions.at[0], &found);
        pwf_round_input_number(input, "delta", &p.settings.delta, &found);
        pwf_round_input_number(input, "delta_growth", &p.settings.delta_growth, &found);
        pwf_round_input_number(input, "min_power", &power, &found);
        pwf_round_input_number(input, "zero_fix", &zero, &found);
        pwf_round_input_number(input, "max_order", &order, &found);
        assert_true(found);
        pwf_round_input_close(input);
        p.settings.min_power = (int64_t)power;
        p.settings.zero_fix = zero != 0;
        p.settings.max_order = (int64_t)order;
        solution s;
        assert_int_equal(solve(mesh, &p, (uint64_t)i + 1, 0, &s).code, PWF_OK);
        int64_t rows = 0, n = 0;
        pwf_round_row *expected = read_rows(path, &rows);
        float *mu = read_all(path, "mu_out", H5T_NATIVE_FLOAT, sizeof *mu, &n);
        assert_int_equal(s.result.count, rows);
        for (int64_t k = 0; k < rows; k++)
            assert_true(s.result.steps[k].centre == expected[k].centre &&
                        s.result.steps[k].count == expected[k].count &&
                        s.result.steps[k].delta == expected[k].delta);
        for (int64_t k = 0; k < n; k++)
            assert_true(s.mu[k] == mu[k]);
        free(expected);
        free(mu);
        solution_free(&s);
        problem_free(&p);
    }
}

static void test_options(void **state)
{
    (void)state;
    char path[1024];
    fixture_path(path, sizeof path, 2);
    const char *const words[] = {"fix-round", path,
                                 "--output",  "options.h5",
                                 "--set",     "fraction=0.25",
                                 "--set",     "fixing.sigma_join=keep"};
    const pwf_status s = fix_round(8, words);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    if (on_first()) {
        int64_t n = 0, m = 0, fixed = 0;
        float *a = read_all(path, "sigma", H5T_NATIVE_FLOAT, sizeof *a, &n);
        float *b = read_all("options.h5", "sigma_out", H5T_NATIVE_FLOAT, sizeof *b, &m);
        uint8_t *f = read_all("options.h5", "fixed", H5T_NATIVE_UINT8, 1, &m);
        for (int64_t i = 0; i < m; i++)
            fixed += f[i];
        assert_int_equal(fixed, 5000);
        assert_memory_equal(a, b, (size_t)n * sizeof *a);
        free(a);
        free(b);
        free(f);
        pwf_round_input *input = NULL;
        const pwf_status refused = pwf_round_input_open("options.h5", &input);
        assert_int_equal(refused.code, PWF_DATA);
        assert_non_null(strstr(refused.text, "no dataset mu"));
    }
    pwf_mesh_barrier(mesh);
}

/* ---- refusals ---- */

static hid_t bad_file;

static void make_array(const char *name, hid_t type, int dims, hsize_t length, hid_t plist)
{
    const hsize_t shape[2] = {length, 2};
    const hid_t space = H5Screate_simple(dims, shape, NULL);
    const hid_t set = H5Dcreate2(bad_file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void make_bad(int kind)
{
    const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hid_t type = H5T_IEEE_F32LE;
    hsize_t length = 100;
    bad_file = H5Fcreate("bad.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (kind != 0) make_array("mu", H5T_IEEE_F32LE, 1, 100, H5P_DEFAULT);
    if (kind == 1) type = H5T_IEEE_F64LE;
    if (kind == 2) length = 99;
    if (kind == 4) H5Pset_external(plist, "elsewhere.bin", 0, 400);
    if (kind == 5) {
        const hsize_t chunk = 10;
        H5Pset_chunk(plist, 1, &chunk);
        H5Pset_scaleoffset(plist, H5Z_SO_FLOAT_DSCALE, 2);
    }
    if (kind == 6) H5Lcreate_soft("/mu", bad_file, "sigma", H5P_DEFAULT, H5P_DEFAULT);
    if (kind == 7) H5Lcreate_external("other.h5", "/mu", bad_file, "sigma", 0, 0);
    if (kind == 8) H5Gclose(H5Gcreate2(bad_file, "sigma", 0, 0, 0));
    if (kind == 9) {
        const hsize_t n = 100;
        const hid_t space = H5Screate_simple(1, &n, NULL);
        H5Pset_virtual(plist, space, "other.h5", "mu", space);
        H5Sclose(space);
    }
    if (kind == 10) {
        const hsize_t chunk = 1024;
        H5Pset_chunk(plist, 1, &chunk);
        H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
        length = (hsize_t)1 << 50;
    }
    if (kind < 6 || kind > 8) make_array("sigma", type, kind == 3 ? 2 : 1, length, plist);
    if (kind == 11) make_array("fixed_in", H5T_STD_I32LE, 1, 100, H5P_DEFAULT);
    H5Pclose(plist);
    H5Fclose(bad_file);
}

static void assert_says(pwf_status s, pwf_code code, const char *word)
{
    if (s.code != code || !strstr(s.text, word))
        fail_msg("%d instead of %d, or no \"%s\" in: %s", (int)s.code, (int)code, word, s.text);
    if (access("refused.h5", F_OK) == 0) fail_msg("a refused run left a file");
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char *const says[] = {"no dataset mu",
                                       "not float32",
                                       "has 99 elements",
                                       "one-dimensional",
                                       "other files",
                                       "filter",
                                       "link",
                                       "link",
                                       "not a dataset",
                                       "virtual",
                                       "cannot hold",
                                       "8-bit integer",
                                       "fraction"};
    for (int kind = 0; kind < 13; kind++) {
        if (on_first()) make_bad(kind);
        pwf_mesh_barrier(mesh);
        const char *const words[] = {"fix-round", "bad.h5", "-o", "refused.h5"};
        assert_says(fix_round(4, words), kind == 12 ? PWF_CONFIG : PWF_DATA, says[kind]);
    }
}

/* Truncated and damaged files: a status in every case, and no output file. */
static void test_truncated(void **state)
{
    (void)state;
    char path[1024];
    fixture_path(path, sizeof path, 7);
    FILE *from = fopen(path, "rb");
    static char bytes[1 << 20];
    const size_t size = fread(bytes, 1, sizeof bytes, from);
    fclose(from);
    for (size_t keep = 0; keep < size; keep += size / 12 + 1) {
        if (on_first()) {
            FILE *to = fopen("bad.h5", "wb");
            fwrite(bytes, 1, keep, to);
            fclose(to);
        }
        pwf_mesh_barrier(mesh);
        const char *const words[] = {"fix-round", "bad.h5", "-o", "refused.h5"};
        assert_says(fix_round(4, words), PWF_DATA, "bad.h5");
    }
}

static void test_bad_commands(void **state)
{
    (void)state;
    char path[1024];
    fixture_path(path, sizeof path, 0);
    static const struct {
        const char *words[6];
        int count;
        pwf_code code;
        const char *says;
    } cases[] = {
        {{"fix-round"}, 1, PWF_USAGE, "no IN.h5 given"},
        {{"fix-round", "@"}, 2, PWF_USAGE, "no -o given"},
        {{"fix-round", "@", "-o"}, 3, PWF_USAGE, "needs an argument"},
        {{"fix-round", "@", "-o", "@"}, 4, PWF_USAGE, "replace the input"},
        {{"fix-round", "@", "-o", "refused.h5", "-x"}, 5, PWF_USAGE, "-x"},
        {{"fix-round", "@", "-o", "refused.h5", "--set", "optim.lr=1"}, 6, PWF_USAGE, "lr"},
        {{"fix-round", "@", "-o", "refused.h5", "--set", "delta=-1"}, 6, PWF_CONFIG, "delta"},
        {{"fix-round", "@", "-o", "refused.h5", "--set", "fraction=2"}, 6, PWF_CONFIG, "2"},
        {{"fix-round", "none.h5", "-o", "refused.h5"}, 4, PWF_MISSING, "none.h5"},
        {{"fix-round", "@", "-o", "none/refused.h5"}, 4, PWF_CANTCREATE, "none"},
        {{"fix-round", "@", "-o", "."}, 4, PWF_CANTCREATE, "."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[6];
        for (int k = 0; k < cases[i].count; k++)
            words[k] = strcmp(cases[i].words[k], "@") == 0 ? path : cases[i].words[k];
        assert_says(fix_round(cases[i].count, words), cases[i].code, cases[i].says);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),  cmocka_unit_test(test_dealt_parts),
        cmocka_unit_test(test_options),   cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_bad_commands)};
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || pwf_mesh_new(1, &mesh).code != PWF_OK)
        return 1;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    /* other ranks still wait for a rank that failed */
    if (cmocka_run_group_tests(tests, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, 1);
    pwf_mesh_free(mesh);
    if (pwf_mem_live() != 0) MPI_Abort(MPI_COMM_WORLD, 3);
    pwf_mesh_stop();
    return 0;
}
