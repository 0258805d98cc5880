/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of a flat validation folder: data.val_list and, after a zero byte, data.val_classes,
 * for a tree of two classes and a few files. No listed file may lie outside the tree. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "fuzz.h"

#include "pwf/config/config.h"
#include "pwf/data/images.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pwf_config config;
static char root[PATH_MAX];

static void make_tree(void)
{
    static const char *const folders[] = {"train", "train/cat", "train/dog", "val", "val/more"};
    static const char *const files[] = {"val/a.jpg", "val/b.JPEG", "val/c.png", "val/more/d.jpg"};
    char path[PWF_PATH + 32];
    pwf_config_defaults(&config);
    snprintf(config.data.path, sizeof config.data.path, "%s/tree", fuzz_folder());
    PWF_ASSERT(mkdir(config.data.path, 0700) == 0 && realpath(config.data.path, root));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", config.data.path, folders[i]);
        PWF_ASSERT(mkdir(path, 0700) == 0);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "tree/%s", files[i]);
        fuzz_file(path, (const uint8_t *)"x", 1);
    }
    snprintf(path, sizeof path, "%s/val/out.jpg", config.data.path);
    PWF_ASSERT(symlink(fuzz_file("outside.jpg", (const uint8_t *)"x", 1), path) == 0);
    config.data.format = PWF_DATA_imagefolder;
    config.model.channels = 3;
    config.model.classes = 2;
    strcpy(config.data.val_list, "list");
}

void fuzz_one(const uint8_t *data, size_t size)
{
    pwf_images images;
    if (!config.data.path[0]) make_tree();
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t list = zero ? (size_t)(zero - data) : size;
    fuzz_file("tree/list", data, list);
    config.data.val_classes[0] = '\0';
    if (zero) {
        fuzz_file("tree/kit", zero + 1, size - list - 1);
        strcpy(config.data.val_classes, "kit");
    }
    const pwf_status s = pwf_images_open(pwf_config_dataset(&config), false, &images);
    if (s.code == PWF_OK) {
        fuzz_accept();
        PWF_ASSERT(images.count > 0);
    }
    for (int64_t i = 0; s.code == PWF_OK && i < images.count; i++) {
        const pwf_images_item item = pwf_images_get(&images, i);
        char path[PWF_TEXT + 4096], real[PATH_MAX];
        PWF_ASSERT(item.label == 0 || item.label == 1);
        snprintf(path, sizeof path, "%s/%s", config.data.path, item.name);
        PWF_ASSERT(realpath(path, real) && strncmp(real, root, strlen(root)) == 0 &&
                   real[strlen(root)] == '/');
    }
    pwf_images_close(&images);
}
