/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_BUS_H
#define PWF_CORE_BUS_H

/** A page of mapped memory that its file cannot give (SIGBUS): the shared memory of the host,
 * through which ranks talk, is full, or a mapped file was cut off. */

/** From now on such a page ends the process with PWF_RESOURCE and a sentence that names the file.
 * Local. For after MPI has started, which sets handlers of its own. */
void pwf_bus_listen(void);

#endif
