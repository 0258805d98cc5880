/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of CIFAR and STL-10 share: the settings, the comparison of all images of a part
 * with the bytes that the test wrote, and the check of a refused data set. No memory may remain
 * allocated after either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "planes.h"
#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

void planes_config(pwf_config *config, pwf_data_format format, int64_t classes, int64_t side)
{
    pwf_config_defaults(config);
    strcpy(config->data.path, ".");
    config->data.format = format;
    config->data.flip = false;
    config->data.mean = (pwf_real_list){1, {0}};
    config->data.std = (pwf_real_list){1, {1.0 / 255.0}};
    config->model.channels = 3;
    config->model.classes = classes;
    config->model.image_size = side;
}

void planes_check(const pwf_config *config, pwf_data_split split, int first, int count,
                  uint8_t (*byte_of)(int number, int row, int column, int channel))
{
    const int side = (int)config->model.image_size;
    float *image = calloc((size_t)(3 * side * side), sizeof *image);
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(config), split, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_int_equal(pwf_dataset_count(d), count);
    assert_false(pwf_dataset_is_decoded(d));
    for (int n = 0; n < count; n++) {
        int32_t label = -1;
        assert_int_equal(pwf_dataset_load(d, 1, 0, n, image, &label).code, PWF_OK);
        assert_int_equal(label, (first + n) % config->model.classes);
        for (int i = 0; i < 3 * side * side; i++) {
            const int row = i / 3 / side, column = i / 3 % side;
            const float difference = image[i] - (float)byte_of(first + n, row, column, i % 3);
            assert_true(difference < 1e-3f && difference > -1e-3f);
        }
    }
    pwf_dataset_free(d);
    free(image);
    assert_int_equal(pwf_mem_live(), 0);
}

void planes_refused(const pwf_config *config, pwf_code code, const char *what)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(config), PWF_TRAIN, &d);
    if (s.code != code || !strstr(s.text, what))
        fail_msg("code %d, \"%s\" lacks \"%s\"", s.code, s.text, what);
    assert_null(d);
    assert_int_equal(pwf_mem_live(), 0);
}
