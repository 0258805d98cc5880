/* SPDX-License-Identifier: BSD-3-Clause */
/* unpack FILE.pwf: writes all values, tensor by tensor, to the standard output. It is built from
 * the decoder alone, as a program of a user would be. */
#include "pwf/decoder/pwf_decode.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) return NULL;
    const long length = ftell(f);
    unsigned char *bytes = length > 0 ? malloc((size_t)length) : NULL;
    rewind(f);
    *size = bytes ? fread(bytes, 1, (size_t)length, f) : 0;
    fclose(f);
    return bytes;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    unsigned char *bytes = argc == 2 ? slurp(argv[1], &size) : NULL;
    pwf_packed p;
    const char *wrong = bytes ? pwf_packed_open(&p, bytes, size) : "usage: unpack FILE.pwf";
    float *values = wrong ? NULL : malloc(p.elements * sizeof *values + 1);
    if (values) wrong = pwf_packed_values(&p, values, NULL);
    if (values && !wrong && fwrite(values, sizeof *values, p.elements, stdout) != p.elements)
        wrong = "cannot write";
    if (wrong) fprintf(stderr, "unpack: %s\n", wrong);
    if (bytes) pwf_packed_close(&p);
    free(values);
    free(bytes);
    return wrong ? 1 : 0;
}
