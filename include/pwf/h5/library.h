/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_H5_LIBRARY_H
#define PWF_H5_LIBRARY_H

#include "pwf/core/status.h"

/** The HDF5 library as a whole; includes none of its headers. */

/** From now on, inspecting, examining and loading first let libhdf5 look at a file in a child
 * process: a crafted file that crashes libhdf5 is refused (PWF_DATA) like a damaged one.
 * Local. For programs that have not started MPI, which a fork may harm. */
void pwf_h5_contain(void);

/** The HDF5 library in use, as "HDF5 1.10.8".
 * Local. */
const char *pwf_h5_library(void);

/** Whether that is the release this program was built with; libhdf5 itself ends a process if not.
 * Local. Fails with PWF_LAUNCH. */
pwf_status pwf_h5_check_library(void);

#endif
