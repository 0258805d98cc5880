/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_CHECKPOINT_H
#define PWF_TESTS_FUZZ_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

/** Recomputes length, root hash and header hash in the file that holds these bytes, if its tables
 * are valid enough; `bytes` gets the length and the header hash too. Local. Aborts on failure. */
void fuzz_correct_checkpoint(const char *path, uint8_t *bytes, size_t size);

#endif
