/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_FUZZ_H
#define PWF_TESTS_FUZZ_FUZZ_H

#include "pwf/core/status.h"

#include <stddef.h>
#include <stdint.h>

/** Interface of the fuzz targets. A target is one file that defines fuzz_one; it is linked with
 * libFuzzer (preset `fuzz`) or with replay.c, which runs the files of tests/fuzz/corpus. */

/** Reads one input with a reader of pwf. The reader may refuse it, but must not crash, hang, leak
 * or violate its interface. Local. */
void fuzz_one(const uint8_t *data, size_t size);

/** Calls fuzz_one and aborts if it has leaked memory or a descriptor, or has used more memory than
 * an input may cost. Returns 0. Local. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Records that the reader accepted the input. replay.c requires at least one such input in every
 * corpus, so that a changed format does not make a target end at the first check.
 * Local. */
void fuzz_accept(void);
int64_t fuzz_accepted(void);

/** Aborts if a call that must succeed has failed.
 * Local. */
void fuzz_must(pwf_status status);

/** The scratch folder of this process, in $TMPDIR or the working directory, and the path of a file
 * in it that gets these bytes. The text lives until the next call. Local. Aborts on failure. */
const char *fuzz_folder(void);
const char *fuzz_file(const char *name, const uint8_t *data, size_t size);

#endif
