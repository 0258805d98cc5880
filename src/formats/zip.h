/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_ZIP_H
#define PWF_FORMATS_ZIP_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Members of a zip archive, stored or deflated. */

typedef struct pwf_zip_member {
    const char *name;
    uint64_t header; /* offset of its local header */
    uint64_t offset; /* offset of its bytes in the archive */
    uint64_t packed; /* bytes in the archive; equal to `bytes` if it is stored */
    uint64_t bytes;  /* of its contents */
    uint32_t crc;    /* of its contents */
    bool deflated;
} pwf_zip_member;

typedef struct pwf_zip {
    int fd;           /* set by the caller, who closes it */
    const char *path; /* set by the caller */
    uint64_t bytes;   /* of the archive */
    bool deflated;    /* set by the caller: allows deflated members */
    int count;
    pwf_zip_member *member;
    const pwf_zip_member **sorted; /* by name */
    char *directory;               /* holds the names */
} pwf_zip;

/** Reads the directory of an archive; the caller has set fd, path, bytes and deflated. Members that
 * overlap or have the same name are refused.
 * Local. The caller frees it with pwf_zip_free, also after a failure. Fails with PWF_IO, PWF_DATA
 * or PWF_RESOURCE. */
pwf_status pwf_zip_list(pwf_zip *zip);
void pwf_zip_free(pwf_zip *zip);

/** Looks up a member by name; NULL if there is none.
 * Local. */
const pwf_zip_member *pwf_zip_find(const pwf_zip *zip, const char *name);

/** Reads a stored member and compares its checksum.
 * Local. Fails with PWF_IO, PWF_RESOURCE or PWF_DATA. */
pwf_status pwf_zip_check(const pwf_zip *zip, const pwf_zip_member *member);

/** Reads the first `count` bytes of the contents of a member; the checksum is compared if these are
 * all of them.
 * Local. Fails with PWF_IO, PWF_RESOURCE or PWF_DATA. */
pwf_status pwf_zip_read(const pwf_zip *zip, const pwf_zip_member *member, void *out, size_t count);

#endif
