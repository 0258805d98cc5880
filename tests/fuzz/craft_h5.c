/* SPDX-License-Identifier: BSD-3-Clause */
/* craft_h5 OUT ckpt|model|round_old|round_new|images_old|images_new INPUT|SEED: writes the file
 * that an input of fuzz_ckpt_h5 or fuzz_user_h5 describes, or one with a few random changes. */
#include "checkpoint.h"
#include "fuzz.h"
#include "h5_changes.h"
#include "pwf/core/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 4096 };

/* An input is a file, a seed a number. The first byte of either selects the valid file. */
static size_t read_input(const char *word, uint8_t input[INPUT_MAX])
{
    char *end = NULL;
    const uint64_t seed = strtoull(word, &end, 10);
    if (*end) {
        FILE *file = fopen(word, "rb");
        PWF_ASSERT(file);
        const size_t size = fread(input, 1, INPUT_MAX, file);
        fclose(file);
        return size;
    }
    uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
    const size_t size = 1 + 5 * (1 + seed % 4);
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        input[i] = (uint8_t)(state >> 56);
        if (i % 5 == 3) input[i] = input[i] % 4 == 0; /* one byte or two */
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[FUZZ_H5_MAX], input[INPUT_MAX];
    PWF_ASSERT(argc == 4);
    const bool own = strcmp(argv[2], "ckpt") == 0 || strcmp(argv[2], "model") == 0;
    fuzz_h5 *file = fuzz_h5_read(own ? PWF_FUZZ_CORPUS "/checkpoint" : PWF_FUZZ_FILES, argv[2]);
    const size_t size = read_input(argv[3], input);
    PWF_ASSERT(size > 0);
    const size_t length = fuzz_h5_change(file, input + 1, size - 1, bytes);
    const int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PWF_ASSERT(fd >= 0);
    fuzz_must(pwf_file_pwrite(fd, argv[1], bytes, length, 0));
    close(fd);
    if (own) fuzz_correct_checkpoint(argv[1], bytes, length);
    fuzz_h5_free(file);
    return PWF_OK;
}
