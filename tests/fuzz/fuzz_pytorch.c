/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole file of torch.save, an archive or the older sequence of pickles; see also fuzz_pickle. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.pth", data, size));
}
