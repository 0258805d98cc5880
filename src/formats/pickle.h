/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_PICKLE_H
#define PWF_FORMATS_PICKLE_H

#include "pickle_values.h"
#include "pwf/core/status.h"

#include <stddef.h>

/** Reader of the pickles that torch.save writes for a state dict. It knows the opcodes that build
 * tuples, lists, dicts, texts and numbers, and a few names: OrderedDict, the functions that
 * rebuild a tensor or a Parameter, Parameter itself, the storage types. Any other name and whatever
 * is built from it becomes an opaque value; nothing is imported, called or executed. */

/** Reads the pickle at *at of `bytes` bytes, which must outlive the result; *at moves after it, to
 * the end if it is cut off; *top is the value.
 * Local. The caller frees it with pwf_pickle_free, also after a failure. Fails with PWF_RESOURCE,
 * or PWF_DATA with the offset of the opcode. */
pwf_status pwf_pickle_read(pwf_pickle *p, const unsigned char *in, size_t bytes, size_t *at,
                           int32_t *top);

#endif
