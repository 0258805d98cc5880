/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes NumPy archives in memory, stored or deflated, with any header, right or wrong. Used by
 * test_npz, also to write the corpus of the fuzz target npz. */
#include "npz.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put(unsigned char *at, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(x >> (8 * i));
}

/* The .npy form: magic, version, length of the header, header padded to 64 bytes, values. */
static size_t make_array(unsigned char *out, int version, const char *header, const void *values,
                         size_t bytes)
{
    const size_t start = version == 1 ? 10 : 12, text = strlen(header);
    const size_t length = (start + text + 1 + 63) / 64 * 64 - start;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    put(out + 8, length, version == 1 ? 2 : 4);
    memcpy(out + start, header, text);
    memset(out + start + text, ' ', length - text - 1);
    out[start + length - 1] = '\n';
    if (bytes > 0) memcpy(out + start + length, values, bytes);
    return start + length + bytes;
}

static size_t pack(unsigned char *in, size_t bytes, unsigned char *out)
{
    z_stream z = {.next_in = in, .avail_in = (uInt)bytes, .next_out = out, .avail_out = NPZ_BYTES};
    if (deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return z.total_out;
}

void npz_add(npz *to, const char *member, int version, const char *header, const void *values,
             size_t bytes)
{
    static unsigned char plain[NPZ_BYTES], packed[NPZ_BYTES];
    const size_t name = strlen(member), size = make_array(plain, version, header, values, bytes);
    const size_t stored = to->deflated ? pack(plain, size, packed) : size;
    unsigned char *local = to->bytes + to->length, *entry = to->directory + to->directory_length;
    memset(local, 0, 30);
    memset(entry, 0, 46);
    memcpy(local, "PK\003\004\024", 5);
    put(local + 8, to->deflated ? 8 : 0, 2);
    put(local + 14, crc32(0, plain, (uInt)size), 4);
    put(local + 18, stored, 4);
    put(local + 22, size, 4);
    put(local + 26, name, 2);
    memcpy(entry, "PK\001\002\024\003", 6);
    memcpy(entry + 6, local + 4, 26); /* version to name length, as in the local header */
    put(entry + 42, to->length, 4);
    memcpy(local + 30, member, name);
    memcpy(entry + 46, member, name);
    memcpy(local + 30 + name, to->deflated ? packed : plain, stored);
    to->length += 30 + name + stored;
    to->directory_length += 46 + name;
    to->members++;
}

void npz_end(npz *to)
{
    unsigned char *end = to->bytes + to->length + to->directory_length;
    memcpy(to->bytes + to->length, to->directory, to->directory_length);
    memset(end, 0, 22);
    memcpy(end, "PK\005\006", 4);
    put(end + 8, (uint64_t)to->members, 2);
    put(end + 10, (uint64_t)to->members, 2);
    put(end + 12, to->directory_length, 4);
    put(end + 16, to->length, 4);
    to->length += to->directory_length + 22;
}
