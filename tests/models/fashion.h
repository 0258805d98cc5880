/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_MODELS_FASHION_H
#define PWF_TESTS_MODELS_FASHION_H

#include "pwf/config/config.h"

#include <string.h>

/* Sets the network of configs/fashion_mnist.yaml: a resnet of three stages on 28 x 28 grey pixels.
 */
static inline void set_fashion_net(pwf_model_config *model)
{
    strcpy(model->name, "resnet");
    model->block = PWF_BLOCK_BASIC;
    model->depths = (pwf_int_list){3, {1, 1, 1}};
    model->widths = (pwf_int_list){3, {32, 64, 128}};
    model->stem_kernel = 3;
    model->stem_stride = 2;
    model->stem_pool = false;
    model->channels = 1;
    model->classes = 10;
    model->image_size = 28;
}

#endif
