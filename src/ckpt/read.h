/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_READ_H
#define PWF_CKPT_READ_H

#include "layout.h"
#include "pwf/ckpt/ckpt.h"

/** Reading the small part of a checkpoint or model file, for one rank. */

/** Reads the codebook; out->entry, if NULL, is allocated (pwf_mem_free), else it has room for
 * PWF_CODES_MAX.
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_read_codebook(hid_t h5, pwf_codebook *out);

/** Reads all buffers in a row; *count gets their number, *out the memory (pwf_mem_free).
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_read_buffers(hid_t h5, const pwf_file *file, float **out, int64_t *count);

/** Compares every block of every array with its hash.
 * Local. Fails as pwf_file_check. */
pwf_status pwf_read_check_arrays(const pwf_file *file);

#endif
