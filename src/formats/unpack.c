/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a .pwf file whole, through the decoder.
 * Called by pwf inspect, eval and predict on one rank.
 * The file is untrusted: what it claims is bounded by its length. */
#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "pwf/formats/unpacked.h"

#include <unistd.h>

/* Reads the whole file. */
static pwf_status read_bytes(const char *path, pwf_unpacked *out)
{
    int fd = -1;
    PWF_TRY(pwf_file_open_read(path, &fd, &out->size));
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, out->size, 1, &out->bytes);
    if (s.code == PWF_OK) s = pwf_file_pread(fd, path, out->bytes, (size_t)out->size, 0);
    close(fd);
    return s;
}

/* Turns a message of the decoder into a status. */
static pwf_status refused(const char *path, const char *wrong)
{
    return PWF_FAIL(wrong == pwf_packed_no_memory ? PWF_RESOURCE : PWF_DATA, "%s: %s", path, wrong);
}

/* Opens, bounds and decodes the file. */
static pwf_status unpack(const char *path, pwf_unpacked *out)
{
    pwf_packed *p = &out->packed;
    PWF_TRY(read_bytes(path, out));
    const char *wrong = pwf_packed_open(p, out->bytes, (size_t)out->size);
    /* codes can take much less than a bit, so a small file may have many elements; this bounds
     * them */
    if (!wrong && p->elements > UINT64_C(1) << 28 && p->elements / 64 > (uint64_t)out->size)
        wrong = "it claims more elements than a file of its length should have";
    if (wrong) return refused(path, wrong);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, p->tensors, sizeof *out->part, &out->part));
    PWF_TRY(
        pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)p->elements, sizeof *out->values, &out->values));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)p->elements, sizeof *out->code, &out->code));
    wrong = pwf_packed_values(p, out->values, out->code);
    if (wrong) return refused(path, wrong);
    for (uint32_t t = 0; t < p->tensors; t++) {
        const pwf_packed_tensor *from = &p->tensor[t];
        PWF_FAIL_IF(from->dims > PWF_DIMS, PWF_DATA,
                    "%s: %s has %d dimensions; at most %d are supported", path, from->name,
                    from->dims, PWF_DIMS);
        pwf_loaded_part *part = &out->part[t];
        *part = (pwf_loaded_part){.name = from->name,
                                  .dims = from->dims,
                                  .count = (int64_t)from->count,
                                  .buffer = from->kind == PWF_PACKED_BUFFER,
                                  .values = out->values + from->first,
                                  .code = from->kind == PWF_PACKED_CODED ? out->code + from->first
                                                                         : NULL};
        for (int d = 0; d < from->dims; d++)
            part->shape[d] = (int64_t)from->shape[d];
    }
    return pwf_ok();
}

/* After a failure everything is freed. */
pwf_status pwf_unpack(const char *path, pwf_unpacked *out)
{
    *out = (pwf_unpacked){0};
    const pwf_status s = unpack(path, out);
    if (s.code != PWF_OK) pwf_unpack_free(out);
    return s;
}

void pwf_unpack_free(pwf_unpacked *unpacked)
{
    pwf_packed_close(&unpacked->packed);
    pwf_mem_free(unpacked->part);
    pwf_mem_free(unpacked->values);
    pwf_mem_free(unpacked->code);
    pwf_mem_free(unpacked->bytes);
    *unpacked = (pwf_unpacked){0};
}
