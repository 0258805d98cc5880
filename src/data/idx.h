/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_IDX_H
#define PWF_DATA_IDX_H

#include "pwf/core/status.h"

#include <stdint.h>

/** IDX, the format of MNIST: two zero bytes, a type (8: unsigned bytes), the number of dimensions,
 * each dimension as a big-endian 32-bit number, then the bytes. Plain or compressed with gzip. */

enum { PWF_IDX_DIMS = 4, PWF_IDX_SIDE_MAX = 16384, PWF_IDX_RATIO_MAX = 1100 };

typedef struct pwf_idx pwf_idx;

/** Opens ROOT/STEM or ROOT/STEM.gz, in this order, and reads the header of `dims` dimensions. A
 * header that claims more bytes than the file can hold (gzip expands at most 1,032 times) is
 * refused.
 * Local. The caller owns it. Fails with PWF_MISSING, PWF_DENIED, PWF_DATA, PWF_IO, PWF_RESOURCE. */
pwf_status pwf_idx_open(const char *root, const char *stem, int dims, pwf_idx **out);
void pwf_idx_close(pwf_idx *idx);

/** The path of the file, for messages; the size of dimension `axis`.
 * Local. */
const char *pwf_idx_path(const pwf_idx *idx);
int64_t pwf_idx_dim(const pwf_idx *idx, int axis);

/** Reads the next `count` bytes after the header.
 * Local. Fails with PWF_DATA (truncated, damaged) or PWF_IO. */
pwf_status pwf_idx_read(pwf_idx *idx, uint8_t *bytes, int64_t count);

/** Reads the rest of the data, and checks that the file ends there and that its gzip checksums
 * match.
 * Local. Fails as pwf_idx_read. */
pwf_status pwf_idx_finish(pwf_idx *idx);

#endif
