/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DECODE_H
#define PWF_DECODE_H

#include <stddef.h>
#include <stdint.h>

/** Decoder of .pwf files (docs/reference/pwf-format.md): network weights as entropy-coded indices
 * into a codebook of integers, the rest as fp32. Needs the C library and, to compile, xxhash.h.
 * Safe on any input: every size is checked before it is used, and memory is at most a small
 * multiple of the file's tables, plus 2 MiB. For a little-endian machine.
 *
 *     pwf_packed p;
 *     const char *wrong = pwf_packed_open(&p, bytes, size);
 *     float *values = wrong ? NULL : malloc(p.elements * sizeof *values);
 *     if (!wrong) wrong = pwf_packed_values(&p, values, NULL);
 *     for (uint32_t t = 0; !wrong && t < p.tensors; t++)
 *         use(p.tensor[t].name, p.tensor[t].dims, p.tensor[t].shape, values + p.tensor[t].first);
 *     pwf_packed_close(&p);
 */

enum { PWF_PACKED_DIMS = 8, PWF_PACKED_TENSORS = 100000, PWF_PACKED_CODES = 32767 };

typedef enum pwf_packed_kind {
    PWF_PACKED_PLAIN,  /* parameter, all fp32 */
    PWF_PACKED_CODED,  /* parameter, indices and fp32 */
    PWF_PACKED_BUFFER, /* running statistics, fp32 */
    PWF_PACKED_KINDS
} pwf_packed_kind;

typedef struct pwf_packed_tensor {
    const char *name; /* in the caller's bytes */
    pwf_packed_kind kind;
    int dims;
    uint64_t shape[PWF_PACKED_DIMS];
    uint64_t first, count; /* its values are [first, first + count) of all */
} pwf_packed_tensor;

typedef struct pwf_packed {
    uint32_t tensors;
    pwf_packed_tensor *tensor;
    uint64_t elements;                    /* values of all tensors */
    uint64_t coded;                       /* values of the coded tensors */
    uint64_t rest;                        /* values stored as fp32 */
    uint32_t codes;                       /* entries of the codebook */
    uint32_t min_power;                   /* value of code k is entry[k] * 2^-min_power */
    int32_t *entry;                       /* [codes], in increasing order */
    uint32_t bits;                        /* the frequencies add up to 2^bits */
    uint32_t *frequency;                  /* [codes + 1]; the last stands for a value in fp32 */
    const char *metadata;                 /* JSON, ends with NUL, in the caller's bytes */
    const unsigned char *stream, *values; /* in the caller's bytes */
    uint64_t stream_bytes, table_bytes;
    uint64_t hash[2]; /* XXH3-128 of all values, low word first */
} pwf_packed;

/** Returned by the functions below when memory runs out; it says nothing about the file. */
extern const char pwf_packed_no_memory[];

/** Checks a file of `size` bytes and reads its tables.
 * Local. `bytes` must outlive `p`; the caller ends it with pwf_packed_close, also after a failure.
 * Returns NULL, or what is wrong. */
const char *pwf_packed_open(pwf_packed *p, const void *bytes, size_t size);

/** Decodes all p->elements values, tensor by tensor, and compares their hash; `code`, if not NULL,
 * gets the code of each element, -1 for one stored as fp32.
 * Local. Exact. Returns NULL, or what is wrong; `out` is then undefined. */
const char *pwf_packed_values(const pwf_packed *p, float *out, int16_t *code);

/** Frees what open has allocated.
 * Local. */
void pwf_packed_close(pwf_packed *p);

#endif
