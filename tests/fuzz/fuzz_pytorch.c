/* SPDX-License-Identifier: BSD-3-Clause */
/* The archive that torch.save makes, all of it; fuzz_pickle has the pickle in it. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.pth", data, size));
}
