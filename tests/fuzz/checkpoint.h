/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_CHECKPOINT_H
#define PWF_TESTS_FUZZ_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

/** Makes length, root hash and own hash right in the file that holds these bytes, as far as its
 * tables are good enough for it; `bytes` gets the length and the own hash too.
 * Local. Aborts on failure. */
void fuzz_mend_checkpoint(const char *path, uint8_t *bytes, size_t size);

#endif
