/* SPDX-License-Identifier: BSD-3-Clause */
/* A stand-in for ImageNet: `synthetic_tree DIR CLASSES IMAGES_PER_CLASS VAL_PER_CLASS SEED` makes a
 * tree for data.format imagefolder; see pictures.h. */
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **word)
{
    long long number[4] = {0};
    for (int i = 0; i < 4 && count == 6; i++) {
        char *end = NULL;
        number[i] = strtoll(word[i + 2], &end, 10);
        if (*end || number[i] < 0 || (i < 3 && number[i] > 1000000)) count = 0;
    }
    if (count != 6) {
        fprintf(stderr, "synthetic_tree DIR CLASSES IMAGES_PER_CLASS VAL_PER_CLASS SEED\n");
        return 64;
    }
    tree_make(word[1], (int)number[0], (int)number[1], (int)number[2], (uint64_t)number[3]);
    return 0;
}
