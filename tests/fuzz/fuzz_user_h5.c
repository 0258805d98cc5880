/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 files of users: weights for fix-round and images for predict, in the older and newer HDF5
 * format. Input: one byte that selects the file; then changes, see h5_changes.h. */
#include "fuzz.h"
#include "h5_changes.h"
#include "pwf/arrays/predict_file.h"
#include "pwf/arrays/round_file.h"

#include <stdlib.h>
#include <string.h>

enum { FILES = 4, ELEMENTS_MAX = 1 << 20 };

static const char *const names[FILES] = {"round_old", "round_new", "images_old", "images_new"};
static fuzz_h5 *files[FILES];

static void read_round(const char *path)
{
    pwf_round_input *in = NULL;
    double number = 0;
    char text[64];
    bool found = false;
    if (pwf_round_input_open(path, &in).code != PWF_OK) return;
    const int64_t total = pwf_round_input_total(in);
    PWF_ASSERT(total > 0);
    if (pwf_round_input_number(in, "fraction", &number, &found).code == PWF_OK &&
        pwf_round_input_text(in, "sigma_join", text, sizeof text, &found).code == PWF_OK && found)
        PWF_ASSERT(strlen(text) < sizeof text);
    const pwf_range own = {0, total < ELEMENTS_MAX ? total : ELEMENTS_MAX};
    float *mu = malloc((size_t)own.hi * sizeof *mu), *sigma = malloc((size_t)own.hi * sizeof *mu);
    uint8_t *fixed = malloc((size_t)own.hi);
    PWF_ASSERT(mu && sigma && fixed);
    if (pwf_round_input_read(in, own, mu, sigma, fixed).code == PWF_OK) fuzz_accept();
    free(mu);
    free(sigma);
    free(fixed);
    pwf_round_input_close(in);
}

static void read_images(const char *path)
{
    pwf_predict_input *in = NULL;
    int64_t shape[4];
    if (pwf_predict_input_open(path, &in).code != PWF_OK) return;
    pwf_predict_input_shape(in, shape);
    double elements = 1;
    for (int d = 1; d < 4; d++) {
        PWF_ASSERT(shape[d] > 0);
        elements *= (double)shape[d];
    }
    if (elements <= ELEMENTS_MAX) {
        float *image = malloc((size_t)(shape[1] * shape[2] * shape[3]) * sizeof *image);
        PWF_ASSERT(image);
        if (pwf_predict_input_read(in, shape[0] - 1, 1, image).code == PWF_OK) fuzz_accept();
        free(image);
    }
    pwf_predict_input_close(in);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static uint8_t bytes[FUZZ_H5_MAX];
    for (int i = 0; i < FILES && !files[i]; i++)
        files[i] = fuzz_h5_read(PWF_FUZZ_FILES, names[i]);
    if (size < 1) return;
    const unsigned which = data[0] % FILES;
    const size_t length = fuzz_h5_change(files[which], data + 1, size - 1, bytes);
    const char *path = fuzz_file("in.h5", bytes, length);
    if (which < 2)
        read_round(path);
    else
        read_images(path);
}
