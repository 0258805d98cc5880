/* SPDX-License-Identifier: BSD-3-Clause */
/* IDX files for the tests of the source idx: small valid images and labels, plain or gzip, and
 * settings that open them. Used by test_dataset, test_idx_bad and test_transform. */
#include "idx_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

void good_images(uint8_t b[IMAGES_BYTES])
{
    static const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    memcpy(b, header, 16);
    for (int i = 0; i < COUNT * SIDE * SIDE; i++)
        b[16 + i] = (uint8_t)i;
}

void good_labels(uint8_t b[LABELS_BYTES])
{
    static const uint8_t header[8] = {0, 0, 8, 1, 0, 0, 0, COUNT};
    memcpy(b, header, 8);
    for (int i = 0; i < COUNT; i++)
        b[8 + i] = (uint8_t)(i % CLASSES);
}

uint8_t *gzip_bytes(const void *bytes, size_t count, size_t *size)
{
    z_stream z = {0};
    const size_t room = count + count / 100 + 1000;
    uint8_t *out = malloc(room);
    if (!out || deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    uint8_t *copy = malloc(count + 1);
    if (!copy) abort();
    memcpy(copy, bytes, count);
    z.next_in = copy;
    z.avail_in = (uInt)count;
    z.next_out = out;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    *size = z.total_out;
    deflateEnd(&z);
    free(copy);
    return out;
}

void put_file(const char *dir, const char *name, const void *bytes, size_t count, bool gz)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", dir, name, gz ? ".gz" : "");
    size_t size = count;
    uint8_t *packed = gz ? gzip_bytes(bytes, count, &size) : NULL;
    FILE *f = fopen(path, "wb");
    if (!f || (size > 0 && fwrite(gz ? packed : bytes, size, 1, f) != 1)) abort();
    fclose(f);
    free(packed);
}

static const char *const names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

void clear_files(const char *dir)
{
    mkdir(dir, 0777);
    for (int i = 0; i < 8; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s%s", dir, names[i % 4], i < 4 ? "" : ".gz");
        if (unlink(path) != 0) rmdir(path);
    }
}

void put_good_files(const char *dir, bool gz)
{
    uint8_t images[IMAGES_BYTES], labels[LABELS_BYTES];
    good_images(images);
    good_labels(labels);
    clear_files(dir);
    for (int i = 0; i < 4; i++)
        put_file(dir, names[i], i % 2 ? labels : images, i % 2 ? sizeof labels : sizeof images, gz);
}

void small_config(pwf_config *config, const char *dir)
{
    memset(config, 0, sizeof *config);
    snprintf(config->data.path, sizeof config->data.path, "%s", dir);
    config->data.mean = (pwf_real_list){1, {0}};
    config->data.std = (pwf_real_list){1, {1}};
    config->model.channels = 1;
    config->model.classes = CLASSES;
    config->model.image_size = SIDE;
}
