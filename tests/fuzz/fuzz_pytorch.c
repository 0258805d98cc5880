/* SPDX-License-Identifier: BSD-3-Clause */
/* What torch.save makes, an archive or the older row of pickles, all of it; fuzz_pickle has the
 * pickle of an archive. */
#include "fuzz.h"
#include "weights.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_weights(fuzz_file("model.pth", data, size));
}
