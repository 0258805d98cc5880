/* SPDX-License-Identifier: BSD-3-Clause */
/* A NumPy archive (.npz), opened as a weight file: its list of tensors and all their values are
 * read. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.npz", data, size));
}
