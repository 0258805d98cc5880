/* SPDX-License-Identifier: BSD-3-Clause */
/* replay CORPUS...: runs the target on every file of these folders, in order of their names. It
 * fails if none is accepted, because then the target does not get past the first check. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    const size_t size = (size_t)ftell(file);
    uint8_t *data = malloc(size + !size); /* exact length: reads past the end are detected */
    rewind(file);
    const int bad = !data || fread(data, 1, size, file) != size;
    fclose(file);
    printf("%s: %zu bytes\n", path, size);
    fflush(stdout); /* the name is printed before a crash */
    if (!bad) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return bad;
}

int main(int argc, char **argv)
{
    int files = 0, bad = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entry = NULL;
        const int count = scandir(argv[i], &entry, is_file, alphasort);
        if (count < 0) fprintf(stderr, "cannot list %s\n", argv[i]);
        for (int e = 0; e < count; e++, files++) {
            bad += run_file(argv[i], entry[e]->d_name);
            free(entry[e]);
        }
        free(entry);
    }
    printf("%d files, of which %lld were taken\n", files, (long long)fuzz_accepted());
    return bad > 0 || fuzz_accepted() == 0;
}
