/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_CODER_H
#define PWF_FORMATS_CODER_H

#include "pwf/core/status.h"

#include <stddef.h>
#include <stdint.h>

/** The entropy coder of .pwf files (docs/reference/pwf-format.md): rANS with one table of
 * frequencies for all symbols. */

enum { PWF_CODER_BITS = 20 };

/** Chooses `bits` and frequencies, which add up to 2^bits, for symbols with these counts, so that
 * codes and table of frequencies together are shortest. Returns the length of the codes in bits. At
 * least one count is not 0, and there are fewer than 2^16 symbols.
 * Local. A symbol with count 0 gets frequency 0. */
double pwf_coder_plan(const int64_t *count, int symbols, uint32_t *frequency, uint32_t *bits);

/** Encodes `count` symbols to *bytes bytes at *out, which the caller frees with pwf_mem_free.
 * Local. `cost` is the result of pwf_coder_plan. Fails with PWF_RESOURCE. */
pwf_status pwf_coder_encode(const uint16_t *symbol, int64_t count, const uint32_t *frequency,
                            int symbols, uint32_t bits, double cost, unsigned char **out,
                            int64_t *bytes);

/** Writes a number as the tables store it, seven bits per byte, and returns its bytes.
 * Local. */
int pwf_coder_varying(uint64_t x, unsigned char out[10]);

#endif
