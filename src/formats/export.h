/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_EXPORT_PARTS_H
#define PWF_FORMATS_EXPORT_PARTS_H

#include "pwf/core/json.h"
#include "pwf/formats/export.h"

/** The metadata of .pwf and safetensors files; all values are strings, as safetensors requires.
 * Local. The caller owns it; NULL if memory runs out. */
pwf_json *pwf_export_metadata(const pwf_loaded *from);

#endif
