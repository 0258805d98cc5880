/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_BUS_H
#define PWF_CORE_BUS_H

/** SIGBUS: an access to a page of mapped memory that its file cannot provide, because the shared
 * memory of the host is full or a mapped file was truncated. */

/** Installs a handler that ends the process with PWF_RESOURCE and a message that names the file.
 * Local. Call it after MPI_Init, which installs handlers of its own. */
void pwf_bus_listen(void);

#endif
