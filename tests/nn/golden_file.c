/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the golden files of tests/golden: cases with integers and tensors, all in text. */
#include "golden_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void need(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "golden file: %s\n", what);
    exit(1);
}

static void next_line(golden_file *g)
{
    need(fgets(g->line, sizeof g->line, g->file) != NULL, "it ends early");
}

void golden_open(golden_file *g, const char *name)
{
    const char *source = getenv("PWF_SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/nn/golden/%s", source ? source : ".", name);
    g->file = fopen(path, "rb");
    need(g->file != NULL, path);
    next_line(g);
    need(strcmp(g->line, "pwf-golden 1\n") == 0, "not a golden file");
    next_line(g);
}

void golden_close(golden_file *g)
{
    fclose(g->file);
}

static void read_tensor(golden_file *g, golden_tensor *t)
{
    const int fields = sscanf(g->line, "tensor %63s %d %ld %ld %ld %ld", t->name, &t->dims,
                              &t->shape[0], &t->shape[1], &t->shape[2], &t->shape[3]);
    need(fields == 2 + t->dims, "a tensor line is wrong");
    t->count = 1;
    for (int i = 0; i < t->dims; i++)
        t->count *= t->shape[i];
    t->data = aligned_alloc(64, ((size_t)t->count * sizeof(float) + 63) / 64 * 64);
    need(t->data != NULL, "no memory");
    need(fread(t->data, sizeof(float), (size_t)t->count, g->file) == (size_t)t->count,
         "a tensor is cut off");
    next_line(g); /* the newline after the values */
}

bool golden_next(golden_file *g, golden_case *c)
{
    memset(c, 0, sizeof *c);
    if (strcmp(g->line, "end\n") == 0) return false;
    need(sscanf(g->line, "case %63s", c->name) == 1, "a case was expected");
    next_line(g);
    while (strncmp(g->line, "case ", 5) != 0 && strcmp(g->line, "end\n") != 0) {
        if (strncmp(g->line, "int ", 4) == 0) {
            need(c->ints < GOLDEN_INTS, "too many integers");
            need(sscanf(g->line, "int %63s %ld", c->integer[c->ints].name,
                        &c->integer[c->ints].value) == 2,
                 "an int line is wrong");
            c->ints++;
        } else {
            need(c->tensors < GOLDEN_TENSORS, "too many tensors");
            read_tensor(g, &c->tensor[c->tensors++]);
        }
        next_line(g);
    }
    return true;
}

void golden_case_free(golden_case *c)
{
    for (int i = 0; i < c->tensors; i++)
        free(c->tensor[i].data);
}

const golden_tensor *golden_find(const golden_case *c, const char *name)
{
    for (int i = 0; i < c->tensors; i++)
        if (strcmp(c->tensor[i].name, name) == 0) return &c->tensor[i];
    return NULL;
}

int64_t golden_int(const golden_case *c, const char *name)
{
    for (int i = 0; i < c->ints; i++)
        if (strcmp(c->integer[i].name, name) == 0) return c->integer[i].value;
    return 0;
}

double golden_difference(const float *a, const float *b, int64_t count)
{
    double most = 0.0, size = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d; /* a NaN counts as the largest */
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return size > 0.0 ? most / size : most;
}
