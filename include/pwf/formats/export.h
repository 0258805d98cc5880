/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_EXPORT_H
#define PWF_FORMATS_EXPORT_H

#include "pwf/formats/loaded.h"

/** Export of weights for other programs: mean weights and buffers of a checkpoint or model file
 * (docs/reference/pwf-format.md). A file gets its name only when all of it is on disk. */

/** Writes safetensors: fp32 under the names of the file, metadata, and for each BatchNorm the
 * counter num_batches_tracked (int64: the steps), so that a strict load_state_dict accepts it.
 * Local. *bytes gets the length. Fails with PWF_CANTCREATE, PWF_DENIED, PWF_IO or PWF_RESOURCE and
 * leaves no file. */
pwf_status pwf_export_safetensors(const pwf_loaded *from, const char *path, int64_t *bytes);

/* Bytes of a .pwf file by contents. */
typedef struct pwf_export_sizes {
    int64_t file;
    int64_t coded;  /* weights that have a code */
    double bound;   /* of their indices: entropy of the codes times their number, in bytes */
    int64_t stream; /* coded indices */
    int64_t tables; /* codebook and frequencies */
    int64_t rest;   /* fp32 values */
    int64_t other;  /* names, shapes, metadata, header */
} pwf_export_sizes;

/** Writes the compact form. A weight is coded if it has a code and exactly the value of that code;
 * the rest is stored as fp32. The result is decoded and compared bit by bit before it gets its
 * name. `path` NULL: only *sizes is computed.
 * Local. Fails as pwf_export_safetensors. Needs memory of about the length of the file. */
pwf_status pwf_export_packed(const pwf_loaded *from, const char *path, pwf_export_sizes *sizes);

#endif
