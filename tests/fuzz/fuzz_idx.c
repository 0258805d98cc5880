/* SPDX-License-Identifier: BSD-3-Clause */
/* An IDX file, plain or gzip, opened with one to four dimensions. With three, as for images, it is
 * read to the end. */
#include "fuzz.h"
#include "idx.h"

#include <stdio.h>
#include <unistd.h>

static void read_all(pwf_idx *idx)
{
    uint8_t piece[1024];
    int64_t count = 1;
    for (int d = 1; d < 3; d++)
        PWF_ASSERT(pwf_idx_dim(idx, d) >= 1 && pwf_idx_dim(idx, d) <= PWF_IDX_SIDE_MAX);
    for (int d = 0; d < 3; d++)
        PWF_ASSERT(!__builtin_mul_overflow(count, pwf_idx_dim(idx, d), &count));
    if (pwf_idx_read(idx, piece, count < 1024 ? count : 1024).code == PWF_OK &&
        pwf_idx_finish(idx).code == PWF_OK)
        fuzz_accept();
}

void fuzz_one(const uint8_t *data, size_t size)
{
    const int gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    char path[PWF_STATUS_TEXT];
    snprintf(path, sizeof path, "%s", fuzz_file(gzip ? "input.gz" : "input", data, size));
    for (int dims = 1; dims <= PWF_IDX_DIMS; dims++) {
        if (!gzip && size > 3 && data[3] != dims) continue;
        pwf_idx *idx = NULL;
        if (pwf_idx_open(fuzz_folder(), "input", dims, &idx).code != PWF_OK) continue;
        if (dims == 3)
            read_all(idx);
        else
            fuzz_accept();
        pwf_idx_close(idx);
    }
    unlink(path); /* the reader prefers the plain file to the one with .gz */
}
