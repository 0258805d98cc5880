/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_WEIGHTS_H
#define PWF_TESTS_FUZZ_WEIGHTS_H

/** Opens a file of weights, lists its tensors and metadata, and reads the values of all tensors of
 * up to 2^16 of them.
 * Local. */
void fuzz_weights(const char *path);

#endif
