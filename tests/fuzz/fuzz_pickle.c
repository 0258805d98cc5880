/* SPDX-License-Identifier: BSD-3-Clause */
/* A pickle in an archive like those of torch.save, with a correct checksum and the storages "0" to
 * "2" of 4, 16 and 64 floats. */
#include "fuzz.h"
#include "weights.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MEMBERS = 4, STORAGE_MAX = 256 };

typedef struct archive {
    uint8_t *bytes;
    size_t used;
} archive;

static void put(archive *a, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        a->bytes[a->used++] = (uint8_t)(number >> 8 * i);
}

static void put_bytes(archive *a, const void *bytes, size_t size)
{
    if (size > 0) memcpy(a->bytes + a->used, bytes, size);
    a->used += size;
}

/* The fields that local header and directory have in common. */
static void put_member(archive *a, const char *name, uint32_t crc, size_t size)
{
    put(a, 20, 2); /* version; then flags, method, time and date */
    put(a, 0, 8);
    put(a, crc, 4);
    put(a, size, 4);
    put(a, size, 4);
    put(a, strlen(name), 2);
    put(a, 0, 2);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static const char *const names[MEMBERS] = {"a/data.pkl", "a/data/0", "a/data/1", "a/data/2"};
    static const uint8_t zeros[STORAGE_MAX];
    const size_t sizes[MEMBERS] = {size, 16, 64, STORAGE_MAX};
    uint32_t crc[MEMBERS], at[MEMBERS];
    archive a = {malloc(size + 4096), 0};
    PWF_ASSERT(a.bytes);
    for (int m = 0; m < MEMBERS; m++) {
        const uint8_t *bytes = m == 0 ? data : zeros;
        crc[m] = (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)sizes[m]);
        at[m] = (uint32_t)a.used;
        put(&a, 0x04034b50, 4);
        put_member(&a, names[m], crc[m], sizes[m]);
        put_bytes(&a, names[m], strlen(names[m]));
        put_bytes(&a, bytes, sizes[m]);
    }
    const size_t directory = a.used;
    for (int m = 0; m < MEMBERS; m++) {
        put(&a, 0x02014b50, 4);
        put(&a, 20, 2);
        put_member(&a, names[m], crc[m], sizes[m]);
        put(&a, 0, 6); /* comment, disk, inner attributes */
        put(&a, 0, 4);
        put(&a, at[m], 4);
        put_bytes(&a, names[m], strlen(names[m]));
    }
    const size_t end = a.used;
    put(&a, 0x06054b50, 4);
    put(&a, 0, 4);
    put(&a, MEMBERS, 2);
    put(&a, MEMBERS, 2);
    put(&a, end - directory, 4);
    put(&a, directory, 4);
    put(&a, 0, 2);
    fuzz_weights(fuzz_file("weights.pth", a.bytes, a.used));
    free(a.bytes);
}
