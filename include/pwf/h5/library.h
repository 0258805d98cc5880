/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_H5_LIBRARY_H
#define PWF_H5_LIBRARY_H

#include "pwf/core/status.h"

/** The HDF5 library as a whole; includes none of its headers. */

/** From this call on, files are inspected and loaded in a child process first: a crafted file that
 * crashes libhdf5 is refused (PWF_DATA) like a damaged one.
 * Local. Only for programs that have not started MPI, since they fork. */
void pwf_h5_contain(void);

/** Name and release of the HDF5 library in use, for example "HDF5 1.10.8".
 * Local. */
const char *pwf_h5_library(void);

/** Checks that the loaded library is of the release that the program was built with; libhdf5 itself
 * would abort the process.
 * Local. Fails with PWF_LAUNCH. */
pwf_status pwf_h5_check_library(void);

#endif
