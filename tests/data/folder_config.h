/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FOLDER_CONFIG_H
#define PWF_TESTS_FOLDER_CONFIG_H

#include "pwf/config/config.h"

#include <stdio.h>

/* A configuration for class folders under `dir`, images cropped to `side` from 8/7 of it. A value
 * after normalisation is the byte itself, to rounding. */
static inline void folder_config(pwf_config *config, const char *dir, int classes, int side)
{
    pwf_config_defaults(config);
    snprintf(config->data.path, sizeof config->data.path, "%s", dir);
    config->data.format = PWF_DATA_imagefolder;
    config->data.mean = (pwf_real_list){1, {0}};
    config->data.std = (pwf_real_list){1, {1.0 / 255.0}};
    config->data.resize = side * 8 / 7;
    config->model.channels = 3;
    config->model.classes = classes;
    config->model.image_size = side;
}

#endif
