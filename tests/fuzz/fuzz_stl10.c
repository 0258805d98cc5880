/* SPDX-License-Identifier: BSD-3-Clause */
/* The test part of STL-10, data.format stl10. Input: three bytes, low first, that give the length
 * of test_X.bin, whose contents do not matter to the reader; then test_y.bin. A data set that opens
 * is loaded whole, and every label must be a class. */
#include "fuzz.h"

#include "pwf/config/config.h"
#include "pwf/data/dataset.h"

#include <stdio.h>

enum { SIDE = 96, IMAGE = 3 * SIDE * SIDE, LENGTH_MAX = 4 * IMAGE + 1, CLASSES = 10 };

static pwf_config config;

void fuzz_one(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[LENGTH_MAX];
    static float image[IMAGE];
    pwf_dataset *set = NULL;
    if (size < 3) return;
    if (!config.data.path[0]) {
        pwf_config_defaults(&config);
        snprintf(config.data.path, sizeof config.data.path, "%s", fuzz_folder());
        config.data.format = PWF_DATA_stl10;
        config.data.mean = config.data.std = (pwf_real_list){1, {0.5}};
        config.model.channels = 3;
        config.model.classes = CLASSES;
        config.model.image_size = SIDE;
    }
    const size_t length = (size_t)(data[0] | data[1] << 8 | data[2] << 16);
    fuzz_file("test_X.bin", zeros, length < LENGTH_MAX ? length : LENGTH_MAX);
    fuzz_file("test_y.bin", data + 3, size - 3);
    if (pwf_dataset_open(pwf_config_dataset(&config), PWF_TEST, &set).code != PWF_OK) return;
    fuzz_accept();
    for (int64_t i = 0; i < pwf_dataset_count(set); i++) {
        int32_t label = -1;
        fuzz_must(pwf_dataset_load(set, 1, 0, i, image, &label));
        PWF_ASSERT(label >= 0 && label < CLASSES);
    }
    pwf_dataset_free(set);
}
