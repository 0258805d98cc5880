/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoder of .pwf files. Other programs can use this file and its header with nothing but the C
 * library and xxhash.h. Called by unpack.c and by the export, which checks each file it writes.
 * Works on bytes in memory; invalid input gives a message, never a crash. */
#include "pwf/decoder/pwf_decode.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const char pwf_packed_no_memory[] = "not enough memory for its tables";

enum { HEADER = 128, BITS_MAX = 20, POWER_MAX = 126 };

/* A little-endian number at any address. */
static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | at[i];
    return x;
}

static int has_hash(const void *bytes, size_t count, const unsigned char *stored)
{
    const XXH128_hash_t hash = XXH3_128bits(bytes, count);
    return hash.low64 == number(stored, 8) && hash.high64 == number(stored + 8, 8);
}

/* Reads the tables front to back; `bad` is set once something is missing and stays set. */
typedef struct table_reader {
    const unsigned char *at, *end;
    int bad;
} table_reader;

/* The next bytes, or NULL. */
static const unsigned char *take(table_reader *r, uint64_t bytes)
{
    const unsigned char *from = r->at;
    if (bytes > (uint64_t)(r->end - r->at)) {
        r->bad = 1;
        return NULL;
    }
    r->at += bytes;
    return from;
}

static uint64_t take_number(table_reader *r, int bytes)
{
    const unsigned char *from = take(r, (uint64_t)bytes);
    return from ? number(from, bytes) : 0;
}

/* A varying-length number: seven bits per byte, low ones first, at most five bytes. */
static uint64_t take_varying(table_reader *r)
{
    uint64_t x = 0;
    for (int i = 0; i < 5; i++) {
        const uint64_t byte = take_number(r, 1);
        x |= (byte & 127) << (7 * i);
        if (byte < 128) return x;
    }
    r->bad = 1;
    return 0;
}

/* A string of `bytes` bytes, of which the last, and no other, is NUL. */
static const char *take_text(table_reader *r, uint64_t bytes)
{
    const unsigned char *from = take(r, bytes);
    if (from && bytes > 0 && memchr(from, 0, (size_t)bytes) == from + bytes - 1)
        return (const char *)from;
    r->bad = 1;
    return "";
}

/* ---- tables ---- */

/* One entry of the list of tensors. */
static const char *read_tensor(table_reader *r, pwf_packed *p, pwf_packed_tensor *t)
{
    t->kind = (pwf_packed_kind)take_number(r, 1);
    t->dims = (int)take_number(r, 1);
    t->name = take_text(r, take_number(r, 2));
    t->first = p->elements;
    t->count = 1;
    if (r->bad || t->kind >= PWF_PACKED_KINDS || t->dims > PWF_PACKED_DIMS)
        return "the table of tensors is damaged";
    for (int d = 0; d < t->dims; d++) {
        t->shape[d] = take_number(r, 8);
        if (__builtin_mul_overflow(t->count, t->shape[d], &t->count)) return "a shape is too large";
    }
    if (__builtin_add_overflow(p->elements, t->count, &p->elements) || p->elements > UINT64_C(1)
                                                                                         << 40)
        return "the tensors are too large";
    if (t->kind == PWF_PACKED_CODED) p->coded += t->count;
    return r->bad ? "the table of tensors is cut off" : NULL;
}

/* Increasing integers as differences of varying length, then the frequencies. */
static const char *read_codebook(table_reader *r, pwf_packed *p)
{
    int64_t entry = 0;
    uint64_t sum = 0;
    for (uint32_t k = 0; k < p->codes && !r->bad; k++) {
        const uint64_t step = take_varying(r);
        if (k == 0)
            entry = (int64_t)(step >> 1) ^ -(int64_t)(step & 1); /* 0, -1, 1, -2, ... */
        else
            entry += (int64_t)step + 1;
        if (entry < INT32_MIN || entry > INT32_MAX) return "the codebook is damaged";
        p->entry[k] = (int32_t)entry;
    }
    for (uint32_t k = 0; k <= p->codes && !r->bad; k++) {
        const uint64_t f = take_varying(r);
        if (f > UINT64_C(1) << BITS_MAX || (f == 0 && k < p->codes))
            return "the frequencies are damaged";
        p->frequency[k] = (uint32_t)f;
        sum += f;
    }
    if (r->bad || r->at != r->end) return "the tables are damaged";
    if (p->coded == 0 ? p->codes > 0 || sum > 0 || p->bits > 0 : sum != UINT64_C(1) << p->bits)
        return "the frequencies do not add up to their total";
    return NULL;
}

/* Reads all tables; each count is bounded by their length. */
static const char *read_tables(pwf_packed *p, const unsigned char *from, uint64_t bytes)
{
    table_reader r = {from, from + bytes, 0};
    p->metadata = take_text(&r, take_number(&r, 4));
    if (r.bad || p->tensors > bytes / 4 || p->codes > bytes) return "the tables are too short";
    /* one more, so that no size is 0 */
    p->tensor = calloc(p->tensors + (size_t)1, sizeof *p->tensor);
    p->entry = calloc(p->codes + (size_t)1, sizeof *p->entry);
    p->frequency = calloc(p->codes + (size_t)1, sizeof *p->frequency);
    if (!p->tensor || !p->entry || !p->frequency) return pwf_packed_no_memory;
    /* each tensor counts its elements into p */
    for (uint32_t t = 0; t < p->tensors; t++) {
        const char *wrong = read_tensor(&r, p, &p->tensor[t]);
        if (wrong) return wrong;
    }
    p->table_bytes = (uint64_t)(r.end - r.at);
    return read_codebook(&r, p);
}

/* Header, tables and lengths are checked here, before any value is decoded. */
const char *pwf_packed_open(pwf_packed *p, const void *bytes, size_t size)
{
    const unsigned char *file = bytes;
    memset(p, 0, sizeof *p);
    if (size < HEADER || memcmp(file, "pwfpack\n", 8) != 0) return "it is not a .pwf file";
    if (!has_hash(file, HEADER - 16, file + HEADER - 16)) return "its header is damaged";
    /* after the hash: a damaged file is not a newer one */
    if (number(file + 8, 4) != 1) return "it has an unknown format version; use a newer program";
    const uint64_t tables = number(file + 56, 8), elements = number(file + 72, 8);
    const uint64_t body = size - HEADER;
    p->tensors = (uint32_t)number(file + 12, 4);
    p->rest = number(file + 32, 8);
    p->codes = (uint32_t)number(file + 40, 4);
    p->min_power = (uint32_t)number(file + 44, 4);
    p->bits = (uint32_t)number(file + 48, 4);
    p->stream_bytes = number(file + 64, 8);
    p->hash[0] = number(file + 80, 8);
    p->hash[1] = number(file + 88, 8);
    if (number(file + 16, 8) != size) return "it is truncated, or has extra bytes at its end";
    /* differences cannot overflow; the sections fill the file exactly */
    if (tables > body || p->stream_bytes > body - tables || p->stream_bytes % 4 != 0 ||
        p->rest > (body - tables) / 4 || p->rest * 4 != body - tables - p->stream_bytes)
        return "its sections do not add up to its length";
    if (p->tensors > PWF_PACKED_TENSORS || p->codes > PWF_PACKED_CODES || p->bits > BITS_MAX ||
        p->min_power > POWER_MAX)
        return "a number in its header exceeds its limit";
    if (!has_hash(file + HEADER, (size_t)body, file + 96)) return "it is damaged";
    const char *wrong = read_tables(p, file + HEADER, tables);
    if (wrong) return wrong;
    p->stream = file + HEADER + tables;
    p->values = p->stream + p->stream_bytes;
    /* elements without a code are stored as fp32 */
    if (p->coded != number(file + 24, 8) || p->elements != elements || p->rest > p->elements ||
        p->elements - p->coded > p->rest)
        return "its counts are inconsistent";
    return NULL;
}

/* Also after a failure. */
void pwf_packed_close(pwf_packed *p)
{
    free(p->tensor);
    free(p->entry);
    free(p->frequency);
    memset(p, 0, sizeof *p);
}

/* ---- values ---- */

/* The state of the range coder (rANS, Duda 2013): x in [2^31, 2^63), refilled by 32 bits. */
typedef struct coder {
    uint64_t x;
    const unsigned char *at, *end;
    uint16_t *symbol; /* [2^bits]: the symbol in whose interval each slot lies */
    uint32_t *start;  /* [codes + 1]: first slots of the intervals */
    float *value;     /* [codes] */
} coder;

/* Builds the symbol table and loads the first state. */
static const char *start_coder(const pwf_packed *p, coder *c)
{
    float unit = 1.0f;
    c->symbol = malloc((sizeof *c->symbol) << p->bits);
    c->start = malloc((p->codes + (size_t)1) * sizeof *c->start);
    c->value = malloc((p->codes + (size_t)1) * sizeof *c->value);
    if (!c->symbol || !c->start || !c->value) return pwf_packed_no_memory;
    /* 2^-min_power, exact */
    for (uint32_t i = 0; i < p->min_power; i++)
        unit *= 0.5f;
    uint32_t at = 0;
    /* symbol `codes` stands for a weight of a coded tensor that is stored as fp32 */
    for (uint32_t k = 0; k <= p->codes; k++) {
        c->start[k] = at;
        for (uint32_t i = 0; i < p->frequency[k]; i++)
            c->symbol[at++] = (uint16_t)k;
        if (k < p->codes) c->value[k] = (float)p->entry[k] * unit;
    }
    c->end = p->stream + p->stream_bytes;
    if (p->stream_bytes < 8) return "the stream is too short";
    c->x = number(p->stream, 8);
    c->at = p->stream + 8;
    return c->x >> 31 == 0 || c->x >> 63 != 0 ? "the stream is damaged" : NULL;
}

/* Decodes all coded tensors. */
static const char *decode(const pwf_packed *p, coder *c, float *out, int16_t *code)
{
    const uint64_t mask = (UINT64_C(1) << p->bits) - 1;
    uint64_t used = 0; /* values of the rest */
    for (uint32_t t = 0; t < p->tensors; t++) {
        const pwf_packed_tensor *tensor = &p->tensor[t];
        for (uint64_t i = tensor->first; i < tensor->first + tensor->count; i++) {
            uint32_t k = p->codes;
            if (tensor->kind == PWF_PACKED_CODED) {
                const uint64_t slot = c->x & mask;
                k = c->symbol[slot];
                /* the inverse of the step of the encoder */
                c->x = p->frequency[k] * (c->x >> p->bits) + slot - c->start[k];
                if (c->x < UINT64_C(1) << 31) {
                    if (c->at == c->end) return "the stream is too short";
                    c->x = c->x << 32 | number(c->at, 4);
                    c->at += 4;
                }
            }
            if (k < p->codes) {
                out[i] = c->value[k];
            } else {
                if (used == p->rest) return "the fp32 values are too few";
                memcpy(&out[i], p->values + 4 * used++, sizeof *out);
            }
            if (code) code[i] = k < p->codes ? (int16_t)k : -1;
        }
    }
    if (used != p->rest) return "there are more fp32 values than elements";
    /* the encoder started from this state */
    if (p->coded > 0 && (c->at != c->end || c->x != UINT64_C(1) << 31))
        return "the stream does not end in the start state of the encoder";
    return NULL;
}

/* Decodes in one pass over the tensors and compares the hash of all values at the end. */
const char *pwf_packed_values(const pwf_packed *p, float *out, int16_t *code)
{
    coder c = {0};
    const char *wrong = p->coded > 0 ? start_coder(p, &c) : NULL;
    if (!wrong) wrong = decode(p, &c, out, code);
    free(c.symbol);
    free(c.start);
    free(c.value);
    if (wrong) return wrong;
    const XXH128_hash_t hash = XXH3_128bits(out, (size_t)p->elements * sizeof *out);
    if (hash.low64 != p->hash[0] || hash.high64 != p->hash[1])
        return "the hash of the values does not match";
    return NULL;
}
