/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_PATHS_H
#define PWF_CKPT_PATHS_H

#include "pwf/core/status.h"

/** Fails unless `dir` is a directory that strangers cannot write to.
 * Local. Fails with PWF_CANTCREATE or PWF_DENIED. */
pwf_status pwf_path_check_folder(const char *dir);

/** Makes the names in a directory durable.
 * Local. Fails with PWF_IO. */
pwf_status pwf_path_sync_folder(const char *dir);

#endif
