/* SPDX-License-Identifier: BSD-3-Clause */
/* A test file of CIFAR-10 and of CIFAR-100. A data set that opens is loaded whole, and every label
 * must be a class. */
#include "fuzz.h"

#include "pwf/config/config.h"
#include "pwf/data/dataset.h"

#include <stdio.h>
#include <string.h>

static pwf_config config;

static void load(pwf_data_format format, int64_t classes)
{
    static float image[3 * 32 * 32];
    pwf_dataset *set = NULL;
    config.data.format = format;
    config.model.classes = classes;
    if (pwf_dataset_open(pwf_config_dataset(&config), PWF_TEST, &set).code != PWF_OK) return;
    fuzz_accept();
    for (int64_t i = 0; i < pwf_dataset_count(set); i++) {
        int32_t label = -1;
        fuzz_must(pwf_dataset_load(set, 1, 0, i, image, &label));
        PWF_ASSERT(label >= 0 && label < classes);
    }
    pwf_dataset_free(set);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    if (!config.data.path[0]) {
        pwf_config_defaults(&config);
        snprintf(config.data.path, sizeof config.data.path, "%s", fuzz_folder());
        config.model.image_size = 32;
        config.model.channels = 3;
        config.data.mean.count = config.data.std.count = 1;
        config.data.mean.at[0] = config.data.std.at[0] = 0.5;
    }
    fuzz_file("test_batch.bin", data, size);
    fuzz_file("test.bin", data, size);
    load(PWF_DATA_cifar10, 10);
    load(PWF_DATA_cifar100, 100);
}
