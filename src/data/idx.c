/* SPDX-License-Identifier: BSD-3-Clause */
/* The IDX file format of MNIST, plain or gzip. Called by source_idx.c while a data set is opened,
 * one thread per file; reads the file it opened. Sizes in the header are checked against the length
 * of the file before memory depends on them. */
#define ZLIB_CONST
#include "idx.h"

#include "pwf/core/watch.h"
#include "pwf/data/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 65536 };

struct pwf_idx {
    int fd;
    bool gz, stream_open, ended; /* ended: between gzip members, or after the last */
    z_stream stream;
    int64_t size;            /* of the file */
    int64_t taken;           /* bytes of the file read so far */
    int64_t given, promised; /* bytes delivered, header included; bytes that the header states */
    int dims;
    int64_t dim[PWF_IDX_DIMS];
    char path[PWF_PATH];
    uint8_t in[CHUNK];
};

const char *pwf_idx_path(const pwf_idx *idx)
{
    return idx->path;
}

int64_t pwf_idx_dim(const pwf_idx *idx, int axis)
{
    PWF_ASSERT(axis >= 0 && axis < idx->dims);
    return idx->dim[axis];
}

/* Also closes a file whose opening failed. */
void pwf_idx_close(pwf_idx *idx)
{
    if (!idx) return;
    if (idx->stream_open) inflateEnd(&idx->stream);
    if (idx->fd >= 0) close(idx->fd);
    free(idx);
}

/* Reads up to `room` bytes as stored on disk; 0 at the end of the file. */
static pwf_status read_file(pwf_idx *x, uint8_t *bytes, size_t room, size_t *got)
{
    for (;;) {
        const ssize_t n = read(x->fd, bytes, room);
        /* Tells the watchdog that a slow file system still makes progress. */
        pwf_watch_beat();
        if (n >= 0) {
            *got = (size_t)n;
            x->taken += n;
            return pwf_ok();
        }
        PWF_FAIL_IF(errno != EINTR, PWF_IO, "cannot read %s at byte %lld: %s", x->path,
                    (long long)x->taken, strerror(errno));
    }
}

/* The position is in compressed bytes, which gzip -t reports too. */
static pwf_status damaged(const pwf_idx *x, const char *what)
{
    return PWF_FAIL(PWF_DATA,
                    "%s is damaged at byte %lld of %lld (%s); download it again, and check "
                    "it with gzip -t",
                    x->path, (long long)(x->taken - (int64_t)x->stream.avail_in),
                    (long long)x->size, what);
}

/* One call of inflate into the output buffer of the stream. *more is false at the end of the file.
 */
static pwf_status inflate_some(pwf_idx *x, bool *more)
{
    *more = true;
    if (x->stream.avail_in == 0) {
        size_t got = 0;
        PWF_TRY(read_file(x, x->in, CHUNK, &got));
        x->stream.next_in = x->in;
        x->stream.avail_in = (uInt)got;
        /* The end of the file; the caller knows whether a member was complete. */
        if (got == 0) {
            *more = false;
            return pwf_ok();
        }
    }
    if (x->ended) { /* another gzip member, as in `cat a.gz b.gz` */
        if (inflateReset(&x->stream) != Z_OK) return damaged(x, "zlib cannot start again");
        x->ended = false;
    }
    /* Z_BUF_ERROR: more input is needed, which the next call reads. */
    const int r = inflate(&x->stream, Z_NO_FLUSH);
    if (r == Z_STREAM_END)
        x->ended = true;
    else if (r == Z_MEM_ERROR)
        return PWF_FAIL(PWF_RESOURCE, "no memory to unpack %s", x->path);
    else if (r != Z_OK && r != Z_BUF_ERROR)
        return damaged(x, x->stream.msg ? x->stream.msg : "not a gzip stream");
    return pwf_ok();
}

/* Reads `count` unpacked bytes; fewer only at the end of the file. */
static pwf_status pull(pwf_idx *x, uint8_t *bytes, int64_t count, int64_t *got)
{
    /* Piece by piece, because a call may deliver less than there is room for. */
    *got = 0;
    while (*got < count) {
        const int64_t left = count - *got;
        /* avail_out has 32 bits, and one read returns less than 2 GiB. */
        const size_t room = left < (1 << 30) ? (size_t)left : (size_t)1 << 30;
        size_t n = 0;
        bool more = true;
        if (x->gz) {
            x->stream.next_out = bytes + *got;
            x->stream.avail_out = (uInt)room;
            PWF_TRY(inflate_some(x, &more));
            n = room - x->stream.avail_out;
        } else {
            PWF_TRY(read_file(x, bytes + *got, room, &n));
            more = n > 0;
        }
        *got += (int64_t)n;
        if (!more) break;
    }
    x->given += *got;
    return pwf_ok();
}

pwf_status pwf_idx_read(pwf_idx *idx, uint8_t *bytes, int64_t count)
{
    int64_t got = 0;
    PWF_TRY(pull(idx, bytes, count, &got));
    PWF_FAIL_IF(got < count, PWF_DATA,
                "%s is truncated: it ends after %lld bytes%s, but its header states "
                "%lld; download it again",
                idx->path, (long long)idx->given, idx->gz ? " unpacked" : "",
                (long long)idx->promised);
    return pwf_ok();
}

/* Reads to the end, because gzip stores its checksum there. */
pwf_status pwf_idx_finish(pwf_idx *idx)
{
    uint8_t scratch[4096];
    while (idx->given < idx->promised) {
        const int64_t left = idx->promised - idx->given;
        PWF_TRY(pwf_idx_read(idx, scratch, left < 4096 ? left : 4096));
    }
    int64_t got = 0;
    PWF_TRY(pull(idx, scratch, 1, &got));
    PWF_FAIL_IF(got > 0, PWF_DATA,
                "%s has more than the %lld bytes that its header states; it is not an "
                "IDX file of these dimensions",
                idx->path, (long long)idx->promised);
    if (idx->gz && !idx->ended) return damaged(idx, "it ends before its gzip checksum");
    return pwf_ok();
}

/* IDX stores its dimensions most significant byte first. */
static uint32_t big_endian(const uint8_t b[4])
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Two zero bytes, type 8 (unsigned bytes), number of dimensions. */
static pwf_status check_magic(const pwf_idx *x, const uint8_t m[4])
{
    PWF_FAIL_IF(!x->gz && m[0] == 0x1f && m[1] == 0x8b, PWF_DATA,
                "%s holds gzip data; give its name the ending .gz", x->path);
    PWF_FAIL_IF(m[0] != 0 || m[1] != 0 || m[2] != 8, PWF_DATA,
                "%s is not an IDX file of unsigned bytes: it begins with %02x %02x %02x "
                "%02x, not 00 00 08 %02x",
                x->path, m[0], m[1], m[2], m[3], x->dims);
    PWF_FAIL_IF(m[3] != x->dims, PWF_DATA, "%s has %d dimensions (byte 3), but must have %d%s",
                x->path, m[3], x->dims,
                m[3] == 1 && x->dims == 3 ? " (labels instead of images?)" : "");
    return pwf_ok();
}

/* The file must be able to hold the product of the dimensions. */
static pwf_status check_size(pwf_idx *x)
{
    int64_t product = 1;
    bool over = false;
    for (int d = 0; d < x->dims; d++) {
        PWF_FAIL_IF(x->dim[d] == 0 || (d > 0 && x->dim[d] > PWF_IDX_SIDE_MAX), PWF_DATA,
                    "%s: dimension %d, at byte %d, is %lld; 1 to %lld are allowed", x->path, d + 1,
                    4 + 4 * d, (long long)x->dim[d],
                    d > 0 ? (long long)PWF_IDX_SIDE_MAX : (long long)UINT32_MAX);
        over = over || __builtin_mul_overflow(product, x->dim[d], &product);
    }
    over = over || __builtin_add_overflow(product, x->given, &x->promised);
    /* Deflate expands at most 1,032 times, so a larger claim cannot be true. */
    const int64_t most = x->gz ? x->size * PWF_IDX_RATIO_MAX : x->size;
    if (over || x->promised > most) {
        PWF_FAIL_IF(!over && !x->gz, PWF_DATA,
                    "%s is truncated: it has %lld bytes, but its header states %lld; "
                    "download it again",
                    x->path, (long long)x->size, (long long)x->promised);
        return PWF_FAIL(PWF_DATA, "%s: its header states more than a file of %lld bytes can hold",
                        x->path, (long long)x->size);
    }
    return pwf_ok();
}

/* `promised` is first the length of the header itself, then that of header and data. */
static pwf_status read_header(pwf_idx *x, int dims)
{
    x->dims = dims;
    x->promised = 4 + 4 * dims;
    uint8_t b[4];
    PWF_TRY(pwf_idx_read(x, b, 4));
    PWF_TRY(check_magic(x, b));
    for (int d = 0; d < dims; d++) {
        PWF_TRY(pwf_idx_read(x, b, 4));
        x->dim[d] = big_endian(b);
    }
    return check_size(x);
}

/* fd stays -1 if there is no such file. */
static pwf_status open_file(pwf_idx *x, const char *root, const char *stem, const char *ending)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", stem, ending);
    return pwf_data_open_in(root, name, x->path, &x->fd, &x->size);
}

/* The plain file first, then the compressed one. */
static pwf_status open_any(pwf_idx *x, const char *root, const char *stem)
{
    PWF_TRY(open_file(x, root, stem, ""));
    if (x->fd < 0) {
        PWF_TRY(open_file(x, root, stem, ".gz"));
        x->gz = true;
    }
    PWF_FAIL_IF(x->fd < 0, PWF_MISSING,
                "neither %s nor %s.gz is in data.path \"%s\"; the Debian package "
                "dataset-fashion-mnist installs them in /usr/share/datasets/fashion-mnist",
                stem, stem, root);
    PWF_FAIL_IF(x->size > INT64_MAX / PWF_IDX_RATIO_MAX, PWF_DATA, "%s is too large", x->path);
    if (!x->gz) return pwf_ok();
    PWF_FAIL_IF(inflateInit2(&x->stream, 16 + MAX_WBITS) != Z_OK, PWF_RESOURCE,
                "no memory to unpack %s", x->path);
    x->stream_open = true;
    return pwf_ok();
}

/* The header is checked before any memory depends on it. */
pwf_status pwf_idx_open(const char *root, const char *stem, int dims, pwf_idx **out)
{
    PWF_ASSERT(dims >= 1 && dims <= PWF_IDX_DIMS);
    *out = NULL;
    pwf_idx *x = calloc(1, sizeof *x);
    PWF_FAIL_IF(!x, PWF_RESOURCE, "no memory to read %s", stem);
    x->fd = -1;
    pwf_status s = open_any(x, root, stem);
    if (s.code == PWF_OK) s = read_header(x, dims);
    if (s.code != PWF_OK) {
        pwf_idx_close(x);
        return s;
    }
    *out = x;
    return pwf_ok();
}
