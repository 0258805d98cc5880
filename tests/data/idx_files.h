/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_IDX_FILES_H
#define PWF_TESTS_IDX_FILES_H

#include "pwf/config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small IDX files for the tests, written to the folder DIR under the working directory. */
enum {
    COUNT = 5,
    SIDE = 4,
    CLASSES = 3,
    IMAGES_BYTES = 16 + COUNT * SIDE * SIDE,
    LABELS_BYTES = 13
};

/* The bytes of a valid pair of files: pixel k of image i is 16 i + k, label i is i % 3. */
void good_images(uint8_t bytes[IMAGES_BYTES]);
void good_labels(uint8_t bytes[LABELS_BYTES]);

/* Writes DIR/NAME, through gzip if `gz`. */
void put_file(const char *dir, const char *name, const void *bytes, size_t count, bool gz);
/* Creates DIR if needed and removes the eight possible files from it. */
void clear_files(const char *dir);
/* Writes a valid training and test pair. */
void put_good_files(const char *dir, bool gz);
/* The bytes of a gzip file with these contents; the caller frees them. */
uint8_t *gzip_bytes(const void *bytes, size_t count, size_t *size);
/* A configuration for the valid pair: no augmentation, mean 0, std 1. */
void small_config(pwf_config *config, const char *dir);

#endif
