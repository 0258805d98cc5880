/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.npz", data, size));
}
