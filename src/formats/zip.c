/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of zip archives (PKWARE's APPNOTE 6.3): end record, its 64-bit form, directory, local
 * headers, stored and deflated members, checksums. Called by the readers of PyTorch and NumPy
 * files. Reads the open file, which is untrusted. */
#include "zip.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    END = 22,     /* bytes of the end record without its comment */
    LOCATOR = 20, /* bytes of the locator of the 64-bit end record */
    END64 = 56,   /* bytes of the 64-bit end record without its extensible data */
    ENTRY = 46,   /* bytes of a directory entry without name, extra fields and comment */
    LOCAL = 30,   /* bytes of a local header without name and extra fields */
    COMMENT = 65535,
    MEMBERS_MAX = 20000,
    DIRECTORY_MAX = 64 << 20,
    NAME_MAX_BYTES = 512,
    PIECE = 1 << 18,
    STORED = 0, /* methods */
    DEFLATED = 8
};

/* A little-endian number at any address. */
static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | at[i];
    return x;
}

/* Whether a record begins with its four-byte signature. */
static bool begins(const unsigned char *at, const char *mark)
{
    return memcmp(at, mark, 4) == 0;
}

/* The failure of a damaged archive. */
static pwf_status bad(const pwf_zip *zip, const char *what)
{
    return PWF_FAIL(PWF_DATA, "%s: %s; the archive is damaged or truncated", zip->path, what);
}

/* Offset and size of the central directory. */
typedef struct directory {
    uint64_t entries, bytes, offset;
} directory;

/* Finds the end record, backwards from the end of the file, and its 64-bit form. */
static pwf_status find_directory(const pwf_zip *zip, directory *d)
{
    unsigned char *tail = NULL;
    const uint64_t most = LOCATOR + END + COMMENT;
    const size_t length = (size_t)(zip->bytes < most ? zip->bytes : most);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)length, 1, &tail));
    pwf_status s = pwf_file_pread(zip->fd, zip->path, tail, length, zip->bytes - length);
    size_t at = length;
    bool found = false;
    /* a comment of up to 65,535 bytes can follow the end record */
    while (s.code == PWF_OK && !found && at >= END) {
        const unsigned char *end = tail + at - END;
        found = begins(end, "PK\005\006") && number(end + 20, 2) == length - at;
        if (!found) at--;
    }
    if (s.code == PWF_OK && !found) s = bad(zip, "there is no end record");
    uint64_t second = 0; /* offset of the 64-bit end record; 0: none */
    if (s.code == PWF_OK) {
        const unsigned char *end = tail + at - END;
        *d = (directory){number(end + 10, 2), number(end + 12, 4), number(end + 16, 4)};
        if (at >= END + LOCATOR && begins(end - LOCATOR, "PK\006\007"))
            second = number(end - LOCATOR + 8, 8);
    }
    pwf_mem_free(tail);
    PWF_TRY(s);
    /* no 64-bit end record */
    if (second == 0) return pwf_ok();
    unsigned char end64[END64];
    if (zip->bytes < END64 || second > zip->bytes - END64)
        return bad(zip, "the 64-bit end record lies outside the file");
    PWF_TRY(pwf_file_pread(zip->fd, zip->path, end64, sizeof end64, second));
    if (!begins(end64, "PK\006\006")) return bad(zip, "there is no 64-bit end record");
    *d = (directory){number(end64 + 32, 8), number(end64 + 40, 8), number(end64 + 48, 8)};
    return pwf_ok();
}

/* Replaces sizes and offsets that do not fit in 32 bits with those of the 64-bit extra field
 * (order: plain, packed, header). Returns false if an extra field is truncated. */
static bool read_extra(const unsigned char *extra, size_t length, uint64_t *plain, uint64_t *packed,
                       uint64_t *header)
{
    uint64_t *const wide[] = {plain, packed, header};
    while (length >= 4) {
        const uint64_t id = number(extra, 2), bytes = number(extra + 2, 2);
        if (bytes > length - 4) return false;
        const unsigned char *at = extra + 4;
        uint64_t left = bytes;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*wide[i] != UINT32_MAX) continue;
            if (left < 8) return false;
            *wide[i] = number(at, 8);
            at += 8;
            left -= 8;
        }
        extra += 4 + bytes;
        length -= 4 + bytes;
    }
    return true;
}

/* Finds the contents of a member: they follow its local header, name and extra fields. The name
 * must be the one in the directory. */
static pwf_status find_bytes(const pwf_zip *zip, pwf_zip_member *m, size_t name_length)
{
    unsigned char local[LOCAL];
    char name[NAME_MAX_BYTES];
    if (zip->bytes < LOCAL || m->header > zip->bytes - LOCAL)
        return bad(zip, "a member lies outside the file");
    PWF_TRY(pwf_file_pread(zip->fd, zip->path, local, sizeof local, m->header));
    const uint64_t skip = number(local + 26, 2) + number(local + 28, 2);
    if (!begins(local, "PK\003\004") || number(local + 26, 2) != name_length)
        return bad(zip, "a member does not begin at its offset in the directory");
    m->offset = m->header + LOCAL + skip;
    if (m->offset > zip->bytes || m->packed > zip->bytes - m->offset)
        return bad(zip, "a member lies outside the file");
    PWF_TRY(pwf_file_pread(zip->fd, zip->path, name, name_length, m->header + LOCAL));
    if (memcmp(name, m->name, name_length) != 0)
        return bad(zip, "a member has a different name in the directory");
    return pwf_ok();
}

/* A deflated member expands to at most 1,032 times its compressed size (zlib's manual); larger
 * claims are refused, so a small file cannot make the reader allocate much memory. */
static pwf_status check_method(const pwf_zip *zip, pwf_zip_member *m, uint64_t method,
                               uint64_t flags)
{
    m->deflated = method == DEFLATED;
    if ((flags & 1) == 0 && method == STORED && m->packed == m->bytes) return pwf_ok();
    PWF_FAIL_IF((flags & 1) != 0 || !m->deflated || !zip->deflated, PWF_DATA,
                "%s has compressed or encrypted members; save it with torch.save, which "
                "stores them plainly",
                zip->path);
    if (m->bytes / 1032 > m->packed) return bad(zip, "a member claims too many bytes");
    return pwf_ok();
}

/* Reads one entry of the directory. Moves the name one byte towards the start of the buffer to make
 * room for a terminating NUL. */
static pwf_status read_entry(pwf_zip *zip, unsigned char *at, size_t left, size_t *used)
{
    if (left < ENTRY || !begins(at, "PK\001\002")) return bad(zip, "the directory is truncated");
    const size_t name = (size_t)number(at + 28, 2), extra = (size_t)number(at + 30, 2);
    const size_t comment = (size_t)number(at + 32, 2);
    if (name + extra + comment > left - ENTRY) return bad(zip, "the directory is truncated");
    if (name == 0 || name >= NAME_MAX_BYTES || memchr(at + ENTRY, '\0', name))
        return bad(zip, "a member has no name, or one that is too long");
    pwf_zip_member *m = &zip->member[zip->count++];
    *m = (pwf_zip_member){.header = number(at + 42, 4),
                          .packed = number(at + 20, 4),
                          .bytes = number(at + 24, 4),
                          .crc = (uint32_t)number(at + 16, 4)};
    if (!read_extra(at + ENTRY + name, extra, &m->bytes, &m->packed, &m->header))
        return bad(zip, "an extra field is truncated");
    PWF_TRY(check_method(zip, m, number(at + 10, 2), number(at + 8, 2)));
    memmove(at + ENTRY - 1, at + ENTRY, name);
    at[ENTRY - 1 + name] = '\0';
    m->name = (const char *)at + ENTRY - 1;
    *used = ENTRY + name + extra + comment;
    return find_bytes(zip, m, name);
}

/* Order of members by offset. */
static int by_header(const void *a, const void *b)
{
    const pwf_zip_member *x = *(const pwf_zip_member *const *)a;
    const pwf_zip_member *y = *(const pwf_zip_member *const *)b;
    return (x->header > y->header) - (x->header < y->header);
}

/* Order of members by name. */
static int by_name(const void *a, const void *b)
{
    const pwf_zip_member *x = *(const pwf_zip_member *const *)a;
    const pwf_zip_member *y = *(const pwf_zip_member *const *)b;
    return strcmp(x->name, y->name);
}

/* Overlapping members are refused: reading them all would let a small file take hours. */
static pwf_status sort_members(pwf_zip *zip)
{
    const size_t count = (size_t)zip->count;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, zip->count, sizeof *zip->sorted, &zip->sorted));
    for (int i = 0; i < zip->count; i++)
        zip->sorted[i] = &zip->member[i];
    qsort(zip->sorted, count, sizeof *zip->sorted, by_header);
    for (int i = 1; i < zip->count; i++)
        if (zip->sorted[i - 1]->offset + zip->sorted[i - 1]->packed > zip->sorted[i]->header)
            return bad(zip, "two members overlap");
    qsort(zip->sorted, count, sizeof *zip->sorted, by_name);
    for (int i = 1; i < zip->count; i++)
        if (strcmp(zip->sorted[i - 1]->name, zip->sorted[i]->name) == 0)
            return bad(zip, "two members have the same name");
    return pwf_ok();
}

/* Every number of the directory is bounded before it is used. */
pwf_status pwf_zip_list(pwf_zip *zip)
{
    directory d = {0, 0, 0};
    PWF_TRY(find_directory(zip, &d));
    if (d.offset > zip->bytes || d.bytes > zip->bytes - d.offset)
        return bad(zip, "the directory lies outside the file");
    if (d.entries > MEMBERS_MAX || d.bytes > DIRECTORY_MAX || d.entries > d.bytes / ENTRY)
        return bad(zip, "the directory is too large");
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)d.bytes, 1, &zip->directory));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)d.entries, sizeof *zip->member, &zip->member));
    PWF_TRY(pwf_file_pread(zip->fd, zip->path, zip->directory, (size_t)d.bytes, d.offset));
    size_t at = 0;
    for (uint64_t i = 0; i < d.entries; i++) {
        size_t used = 0;
        PWF_TRY(read_entry(zip, (unsigned char *)zip->directory + at, (size_t)d.bytes - at, &used));
        at += used;
    }
    return sort_members(zip);
}

/* May also be called after pwf_zip_list has failed. */
void pwf_zip_free(pwf_zip *zip)
{
    pwf_mem_free(zip->sorted);
    pwf_mem_free(zip->member);
    pwf_mem_free(zip->directory);
    zip->sorted = NULL;
    zip->member = NULL;
    zip->directory = NULL;
}

/* Names are unique, so binary search finds the only one. */
const pwf_zip_member *pwf_zip_find(const pwf_zip *zip, const char *name)
{
    const pwf_zip_member key = {.name = name}, *wanted = &key;
    const pwf_zip_member *const *found =
        bsearch(&wanted, zip->sorted, (size_t)zip->count, sizeof *zip->sorted, by_name);
    return found ? *found : NULL;
}

/* Reads in pieces: a storage can be larger than memory. */
pwf_status pwf_zip_check(const pwf_zip *zip, const pwf_zip_member *member)
{
    unsigned char *piece = NULL;
    const int64_t room = member->bytes < PIECE ? (int64_t)member->bytes : PIECE;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, room, 1, &piece)); /* members may be many and small */
    uLong crc = 0;
    pwf_status s = pwf_ok();
    for (uint64_t at = 0; s.code == PWF_OK && at < member->bytes; at += PIECE) {
        const uint64_t n = member->bytes - at < PIECE ? member->bytes - at : PIECE;
        s = pwf_file_pread(zip->fd, zip->path, piece, (size_t)n, member->offset + at);
        if (s.code == PWF_OK) crc = crc32_z(crc, piece, (size_t)n);
    }
    if (s.code == PWF_OK && crc != member->crc)
        s = PWF_FAIL(PWF_DATA, "%s is damaged in its member %s: the checksum differs", zip->path,
                     member->name);
    pwf_mem_free(piece);
    return s;
}

/* The failure of one member. */
static pwf_status damaged(const pwf_zip *zip, const pwf_zip_member *member)
{
    return PWF_FAIL(PWF_DATA, "%s is damaged in its member %s", zip->path, member->name);
}

/* Inflates the first `count` bytes of a member; `z` has been initialised, `piece` has PIECE bytes.
 */
static pwf_status inflate_member(const pwf_zip *zip, const pwf_zip_member *member, z_stream *z,
                                 unsigned char *piece, unsigned char *out, size_t count)
{
    uint64_t in = 0;
    size_t done = 0;
    int e = Z_OK;
    while (done < count && e == Z_OK) {
        if (z->avail_in == 0) {
            const uint64_t n = member->packed - in < PIECE ? member->packed - in : PIECE;
            if (n == 0) return damaged(zip, member);
            PWF_TRY(pwf_file_pread(zip->fd, zip->path, piece, (size_t)n, member->offset + in));
            z->next_in = piece;
            z->avail_in = (uInt)n;
            in += n;
        }
        const size_t room = count - done < PIECE ? count - done : PIECE;
        z->next_out = out + done;
        z->avail_out = (uInt)room;
        e = inflate(z, Z_NO_FLUSH);
        done += room - z->avail_out;
    }
    return done == count ? pwf_ok() : damaged(zip, member);
}

/* Sets zlib up for one member. */
static pwf_status unpack(const pwf_zip *zip, const pwf_zip_member *member, void *out, size_t count)
{
    unsigned char *piece = NULL;
    z_stream z = {.next_in = NULL};
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, PIECE, 1, &piece));
    pwf_status s = pwf_ok();
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) { /* negative: no zlib header around the data */
        s = PWF_FAIL(PWF_RESOURCE, "no memory to unpack %s", zip->path);
    } else {
        s = inflate_member(zip, member, &z, piece, out, count);
        inflateEnd(&z);
    }
    pwf_mem_free(piece);
    return s;
}

/* Only the whole contents have a checksum. */
pwf_status pwf_zip_read(const pwf_zip *zip, const pwf_zip_member *member, void *out, size_t count)
{
    PWF_ASSERT(count <= member->bytes);
    PWF_TRY(member->deflated ? unpack(zip, member, out, count)
                             : pwf_file_pread(zip->fd, zip->path, out, count, member->offset));
    if (count < member->bytes) return pwf_ok();
    return crc32_z(0, out, count) == member->crc ? pwf_ok() : damaged(zip, member);
}
