/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole file of torch.save, a zip archive or the older sequence of pickles, opened as a weight
 * file. Changes rarely pass the checksums of an archive; fuzz_pickle reaches the pickle in it. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.pth", data, size));
}
