/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests/golden/compare_images.py drives.
 *
 *   image_tool pixels       reads lines "FILE WIDTH HEIGHT FILTER OUT" (size 0 x 0: as decoded) and
 *                           writes the pixels to OUT; answers each with a line "WIDTH HEIGHT"
 *   image_tool rate TREE [KEY=VALUE ...]
 *                           loads every training image once, as a step does, on one thread, with
 *                           the settings of ImageNet and these; writes their number and the
 *                           seconds of processor time */
#include "folder_config.h"
#include "pictures.h"
#include "pwf/data/dataset.h"
#include "pwf/data/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pwf_status put_pixels(const char *file, int width, int height, int filter, const char *out)
{
    pwf_image image;
    PWF_TRY(pwf_data_read_image("/", file, -1, &image));
    if (width == 0) {
        width = (int)image.width;
        height = (int)image.height;
    }
    uint8_t *pixels = malloc(3 * (size_t)width * (size_t)height);
    if (!pixels) return PWF_FAIL(PWF_RESOURCE, "no memory");
    const pwf_image_window all = {0, 0, width, height};
    const pwf_status s =
        pwf_image_resize(&image, width, height, filter ? PWF_BICUBIC : PWF_BILINEAR, all, pixels);
    pwf_image_free(&image);
    if (s.code == PWF_OK) bytes_write(out, pixels, 3 * (size_t)width * (size_t)height);
    free(pixels);
    if (s.code == PWF_OK) printf("%d %d\n", width, height);
    return s;
}

static pwf_status pixels_of_all(void)
{
    char line[1000], file[400], out[400];
    int width = 0, height = 0, filter = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%399s %d %d %d %399s", file, &width, &height, &filter, out) != 5)
            return PWF_FAIL(PWF_USAGE, "not a line: %s", line);
        PWF_TRY(put_pixels(file, width, height, filter, out));
    }
    return pwf_ok();
}

static pwf_status rate(const char *tree, char **settings, int count)
{
    enum { SIDE = 224 };
    static float image[3 * SIDE * SIDE];
    int32_t label = 0;
    pwf_config config;
    pwf_dataset *d = NULL;
    folder_config(&config, tree, 1, SIDE);
    for (int i = 0; i < count; i++)
        PWF_TRY(pwf_config_set(&config, settings[i]));
    PWF_TRY(pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d));
    const clock_t begun = clock();
    pwf_status s = pwf_ok();
    for (int64_t i = 0; i < pwf_dataset_count(d) && s.code == PWF_OK; i++)
        s = pwf_dataset_load(d, 1, 0, i, image, &label);
    if (s.code == PWF_OK)
        printf("%lld %.9f\n", (long long)pwf_dataset_count(d),
               (double)(clock() - begun) / CLOCKS_PER_SEC);
    pwf_dataset_free(d);
    return s;
}

int main(int count, char **word)
{
    pwf_status s =
        PWF_FAIL(PWF_USAGE, "image_tool pixels, or image_tool rate TREE [KEY=VALUE ...]");
    if (count == 2 && strcmp(word[1], "pixels") == 0) s = pixels_of_all();
    if (count >= 3 && strcmp(word[1], "rate") == 0) s = rate(word[2], word + 3, count - 3);
    if (s.code != PWF_OK) fprintf(stderr, "%s\n", s.text);
    return (int)s.code;
}
