/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_POSITIONS_H
#define PWF_FORMATS_POSITIONS_H

#include "pwf/core/status.h"

#include <stdint.h>

/** Resamples position embeddings: in [from, from, channels] to out [to, to, channels], both
 * row-major, bicubic with antialiasing: the same as PyTorch's interpolate(mode="bicubic",
 * antialias=True), which timm uses for weights of a different image size. Local. Sums in double,
 * rounded once. Fails with PWF_RESOURCE. */
pwf_status pwf_positions_resample(const float *in, int64_t from, float *out, int64_t to,
                                  int64_t channels);

#endif
