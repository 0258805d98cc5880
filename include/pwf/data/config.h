/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_CONFIG_H
#define PWF_DATA_CONFIG_H

#include "pwf/core/file.h"
#include "pwf/core/list.h"

/** The group `data` of the configuration. docs/reference/options.md describes each key. */

/* One row per source of images: its name in data.format and its description in the help. The source
 * itself is the constant pwf_source_NAME in a file src/data/source_*.c. Checkpoints store the name,
 * not its number, so rows may be added anywhere. */
#define PWF_DATA_SOURCES(ROW)                                                                      \
    ROW(idx, "the four IDX files of the MNIST family, plain or .gz")                               \
    ROW(imagefolder, "JPEG and PNG files in train/CLASS and val/CLASS")                            \
    ROW(hdf5, "the archives train.h5 and val.h5 that pwf pack writes")                             \
    ROW(cifar10, "the binary files of CIFAR-10")                                                   \
    ROW(cifar100, "the binary files of CIFAR-100")                                                 \
    ROW(stl10, "the labelled binary files of STL-10")

#define PWF_DATA_INDEX(name, text) PWF_DATA_##name,
typedef enum pwf_data_format { PWF_DATA_SOURCES(PWF_DATA_INDEX) PWF_DATA_COUNT } pwf_data_format;
#undef PWF_DATA_INDEX

typedef enum pwf_data_eval_transform { PWF_EVAL_PAPER, PWF_EVAL_TIMM } pwf_data_eval_transform;

typedef struct pwf_data_config {
    pwf_data_format format;
    char path[PWF_PATH];
    pwf_real_list mean, std; /* of pixels in [0, 1]; one value, or one per channel */
    bool flip;
    int64_t pad;                     /* pixels on each side */
    int64_t train_limit, test_limit; /* images; 0: all */
    double validation;               /* share of the training images */
    char val_list[PWF_PATH], val_classes[PWF_PATH];
    int64_t resize; /* pixels */
    pwf_data_eval_transform eval_transform;
    double crop_pct;
    int64_t skip_bad; /* files */
    int64_t threads;
} pwf_data_config;

#endif
