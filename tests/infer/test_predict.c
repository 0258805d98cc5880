/* SPDX-License-Identifier: BSD-3-Clause */
/* A small network of random weights on images of three channels: the logits of pwf predict equal
 * those of an executor that gets the same images in its own order, on any number of ranks. Images
 * that do not fit are refused. */
#include "pwf/arrays/predict_file.h"
#include "pwf/core/rng.h"
#include "pwf/infer/infer.h"
#include "pwf/models/families.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"
#include "pwf/tensor/tensor.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 7, CHANNELS = 3, HEIGHT = 9, VALUES = CHANNELS * HEIGHT * HEIGHT, CHUNK = 2 };

static const pwf_mesh *mesh;
static pwf_config config;
static float images[IMAGES][CHANNELS][HEIGHT][HEIGHT];
static float *expected; /* [IMAGES, classes] */
static int64_t classes;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void set(const char *assignment)
{
    good(pwf_config_set(&config, assignment));
}

static bool first(void)
{
    return pwf_mesh_rank(mesh, PWF_WORLD) == 0;
}

/* Rank 0 writes the images as a dataset of a given type and storage; the other ranks wait. */
typedef struct form {
    const char *name;
    hid_t type;
    int dims;
    hsize_t shape[4];
    bool deflated;
} form;

static void write_images(const char *path, const form *f)
{
    if (first()) {
        const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        const hid_t space = H5Screate_simple(f->dims, f->shape, NULL);
        const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
        const hsize_t chunk[4] = {3, 2, 9, 4};
        if (f->deflated) {
            H5Pset_chunk(plist, 4, chunk);
            H5Pset_shuffle(plist);
            H5Pset_deflate(plist, 4);
        }
        const hid_t made =
            H5Dcreate2(file, f->name, f->type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert_true(made >= 0);
        assert_true(H5Dwrite(made, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, images) >= 0);
        H5Dclose(made);
        H5Pclose(plist);
        H5Sclose(space);
        H5Fclose(file);
    }
    pwf_mesh_barrier(mesh);
}

static form usual(void)
{
    return (form){"images", H5T_IEEE_F32LE, 4, {IMAGES, CHANNELS, HEIGHT, HEIGHT}, false};
}

static pwf_status predict(const char *path, pwf_prediction *out)
{
    return pwf_infer_predict(mesh, &config, "model.h5", path, out);
}

static void expect_logits(const char *path)
{
    pwf_prediction p;
    good(predict(path, &p));
    assert_int_equal(p.images, IMAGES);
    assert_int_equal(p.classes, classes);
    assert_memory_equal(p.logits, expected, (size_t)(IMAGES * classes) * sizeof *expected);
    pwf_infer_free_prediction(&p);
}

static void test_logits(void **state)
{
    (void)state;
    form f = usual();
    write_images("plain.h5", &f);
    expect_logits("plain.h5");
    f.deflated = true;
    write_images("deflated.h5", &f);
    expect_logits("deflated.h5");
    f.type = H5T_IEEE_F32BE;
    write_images("big.h5", &f);
    expect_logits("big.h5");
    set("parallel.threads=3");
    expect_logits("plain.h5");
    set("parallel.threads=1");
}

static void expect_refused(const char *path, pwf_code code, const char *says)
{
    pwf_prediction p;
    const pwf_status s = predict(path, &p);
    assert_int_equal(s.code, code);
    if (!strstr(s.text, says)) fail_msg("'%s' does not say: %s", s.text, says);
    assert_null(p.logits);
}

static void test_refused(void **state)
{
    (void)state;
    form f = usual();
    f.name = "pictures";
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_DATA, "has no dataset images; predict takes");
    f = usual();
    f.type = H5T_IEEE_F64LE;
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_DATA, "is not float32");
    f = (form){"images", H5T_IEEE_F32LE, 3, {IMAGES, HEIGHT, HEIGHT}, false};
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_DATA, "has 3 dimensions instead of four");
    f = (form){"images", H5T_IEEE_F32LE, 4, {IMAGES, HEIGHT, HEIGHT, CHANNELS}, false};
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_DATA, "are 9 x 9 x 3 (channels, rows, columns); the model takes");
    f = (form){"images", H5T_IEEE_F32LE, 4, {0, CHANNELS, HEIGHT, HEIGHT}, false};
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_DATA, "is empty");
    expect_refused("none.h5", PWF_MISSING, "none.h5");
    if (first()) {
        FILE *text = fopen("bad.h5", "w");
        fputs("no HDF5 at all", text);
        fclose(text);
    }
    pwf_mesh_barrier(mesh);
    expect_refused("bad.h5", PWF_DATA, "is not an HDF5 file");
}

static void test_not_finite(void **state)
{
    (void)state;
    const form f = usual();
    for (int i = 0; i < 2; i++) {
        const float before = images[5][1][2][3];
        images[5][1][2][3] = i == 0 ? NAN : -INFINITY;
        write_images("bad.h5", &f);
        expect_refused("bad.h5", PWF_DATA,
                       "image 5 has a value that is not finite: channel 1, row 2, column 3");
        images[5][1][2][3] = before;
    }
    /* finite images with logits that are not */
    for (int k = 0; k < HEIGHT; k++)
        images[6][0][4][k] = 1e38f;
    write_images("bad.h5", &f);
    expect_refused("bad.h5", PWF_NUMBERS, "the logits of image 6 are not finite");
}

static void test_output(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "tench/b.JPEG", "c"};
    const pwf_logits logits = {3, 2, &images[0][0][0][0], names, "resnet"};
    char text[3][12];
    float back[3][2];
    if (!first()) return;
    good(pwf_logits_write("logits.h5", &logits));
    good(pwf_logits_write("logits.h5", &logits)); /* replaces it */
    const hid_t file = H5Fopen("logits.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t made = H5Dopen2(file, "logits", H5P_DEFAULT);
    assert_true(H5Dread(made, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >= 0);
    assert_memory_equal(back, logits.values, sizeof back);
    H5Dclose(made);
    made = H5Dopen2(file, "names", H5P_DEFAULT);
    const hid_t type = H5Dget_type(made);
    assert_int_equal(H5Tget_size(type), sizeof text[0]);
    assert_true(H5Dread(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0);
    assert_memory_equal(text[1], "tench/b.JPEG", 12);
    assert_string_equal(text[2], "c");
    H5Tclose(type);
    H5Dclose(made);
    H5Fclose(file);
    assert_int_equal(pwf_logits_check("nowhere/x.h5").code, PWF_CANTCREATE);
    assert_int_equal(pwf_logits_check(".").code, PWF_CANTCREATE);
    good(pwf_logits_check("new.h5"));
    assert_null(fopen("new.h5", "r"));
}

/* Writes the model file and computes the expected logits, chunk by chunk as pwf predict does. */
static void make_model(void)
{
    pwf_registry *registry = NULL;
    pwf_graph *graph = NULL;
    pwf_executor *executor = NULL;
    pwf_state *state = NULL;
    char *text = NULL;
    pwf_tensor_thread_start();
    good(pwf_model_build(pwf_config_model(&config), &registry, &graph));
    int64_t shape[3];
    pwf_graph_shape(graph, &shape[0], &shape[1], &shape[2], &classes);
    const int64_t total = pwf_registry_total_count(registry);
    good(pwf_state_new(registry, (pwf_range){0, total}, 5, 7, &state));
    /* variances that let large values grow beyond fp32 */
    memset(state->buffers, 0, (size_t)pwf_registry_buffer_count(registry) * sizeof(float));
    good(pwf_config_write(&config, &text));
    pwf_snapshot snapshot = {.state = state, .facts = {.seed = 1, .slots = 8, .config = text}};
    snprintf(snapshot.facts.model, PWF_FACT_TEXT, "%s", config.model.name);
    good(pwf_ckpt_write_model(mesh, "model.h5", &snapshot));
    for (int64_t i = 0; i < IMAGES * VALUES; i++) {
        uint32_t words[4];
        pwf_rng_words((pwf_stream){3, PWF_RNG_NOISE, 0, 0}, (uint64_t)i, words);
        (&images[0][0][0][0])[i] = (float)((double)words[0] * 0x1p-31 - 1.0);
    }
    good(pwf_executor_new(graph, CHUNK, PWF_MODE_PREDICT, PWF_FP32, &executor));
    expected = malloc((size_t)(IMAGES * classes) * sizeof *expected);
    for (int64_t lo = 0; lo < IMAGES; lo += CHUNK) {
        float *input = pwf_executor_images(executor);
        const float *logits = NULL;
        int64_t at = 0;
        for (int64_t i = lo; i < lo + CHUNK; i++)
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < HEIGHT; x++)
                    for (int c = 0; c < CHANNELS; c++)
                        input[at++] = i < IMAGES ? images[i][c][y][x] : 0.0f;
        good(pwf_executor_forward(executor, state->mu, state->buffers, &logits));
        for (int64_t i = lo; i < lo + CHUNK && i < IMAGES; i++)
            memcpy(expected + i * classes, logits + (i - lo) * classes,
                   (size_t)classes * sizeof *logits);
    }
    free(text);
    pwf_executor_free(executor);
    pwf_state_free(state);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_output)};
    pwf_mesh *world = NULL;
    good(pwf_mesh_start(&argc, &argv));
    good(pwf_mesh_new(1, &world));
    mesh = world;
    pwf_config_defaults(&config);
    set("model.name=resnet");
    set("model.depths=1,1");
    set("model.widths=8,16");
    set("model.classes=6");
    set("model.image_size=9");
    set("eval.batch=2");
    set("parallel.precision=fp32");
    make_model();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(expected);
    pwf_mesh_free(world);
    pwf_mesh_stop();
    return failed;
}
