/* SPDX-License-Identifier: BSD-3-Clause */
/* normalised FILE.yaml OUT.h5: writes the normalised test images of a run in the format that
 * `pwf predict` reads, and prints their labels, one per line. */
#include "pwf/config/config.h"
#include "pwf/data/dataset.h"

#include <hdf5.h>
#include <stdlib.h>

static void must(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "normalised: %s\n", what);
    exit(1);
}

int main(int argc, char **argv)
{
    static pwf_config config;
    pwf_dataset *data = NULL;
    must(argc == 3, "usage: normalised FILE.yaml OUT.h5");
    pwf_config_defaults(&config);
    pwf_status s = pwf_config_read_file(&config, argv[1]);
    if (s.code == PWF_OK) s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TEST, &data);
    must(s.code == PWF_OK, s.text);
    const hsize_t side = (hsize_t)config.model.image_size,
                  channels = (hsize_t)config.model.channels;
    const hsize_t shape[4] = {(hsize_t)pwf_dataset_count(data), channels, side, side};
    const hsize_t pixels = side * side;
    float *one = malloc(pixels * channels * sizeof *one);
    float *all = malloc(shape[0] * channels * pixels * sizeof *all);
    for (hsize_t i = 0; i < shape[0]; i++) {
        int32_t label = 0;
        s = pwf_dataset_load(data, 0, 0, (int64_t)i, one, &label);
        must(s.code == PWF_OK, s.text);
        for (hsize_t p = 0; p < pixels; p++)
            for (hsize_t c = 0; c < channels; c++)
                all[(i * channels + c) * pixels + p] = one[p * channels + c];
        printf("%d\n", label);
    }
    const hid_t file = H5Fcreate(argv[2], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(4, shape, NULL);
    const hid_t set =
        H5Dcreate2(file, "images", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    must(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0, "no write");
    H5Dclose(set);
    H5Sclose(space);
    must(H5Fclose(file) >= 0, "no close");
    free(one);
    free(all);
    pwf_dataset_free(data);
    return 0;
}
