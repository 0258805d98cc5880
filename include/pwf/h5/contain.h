/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_H5_CONTAIN_H
#define PWF_H5_CONTAIN_H

#include "pwf/core/status.h"

/** Calls `look` in a child process and waits for it, so that a crash of libhdf5 there does not
 * reach this process. Does nothing unless pwf_h5_contain has been called. The caller repeats the
 * work of `look` in its own process.
 * Local. Fails with PWF_RESOURCE, or PWF_DATA if the child crashed or used too much processor
 * time. */
pwf_status pwf_h5_in_child(const char *path, void (*look)(void *context), void *context);

#endif
