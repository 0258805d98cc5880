/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_DATA_PLANES_H
#define PWF_TESTS_DATA_PLANES_H

#include "pwf/config/config.h"

/* Tests of sources that are held in memory and store channel planes: CIFAR and STL-10. */

/* Settings for the files of a format in the current folder, without augmentation. A value after
 * normalisation is the byte itself, to rounding. */
void planes_config(pwf_config *config, pwf_data_format format, int64_t classes, int64_t side);

/* The part has `count` images, image n the class (first + n) % model.classes and the bytes that
 * `byte_of` gives for number first + n. */
void planes_check(const pwf_config *config, pwf_data_split split, int first, int count,
                  uint8_t (*byte_of)(int number, int row, int column, int channel));

/* Opening the training part fails with this code and a message that contains `what`. */
void planes_refused(const pwf_config *config, pwf_code code, const char *what);

#endif
