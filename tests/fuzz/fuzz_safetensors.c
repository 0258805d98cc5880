/* SPDX-License-Identifier: BSD-3-Clause */
/* A safetensors file, opened as a weight file: its header, metadata, list of tensors and all their
 * values are read. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.safetensors", data, size));
}
