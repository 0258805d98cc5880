/* SPDX-License-Identifier: BSD-3-Clause */
/* Matches the tensors of a weight file with the parameters and buffers of a network, and reads
 * their values. Called by pwf import, eval and predict on one rank. Reports every problem as a
 * line; reads the file and fills the state. */
#include "pwf/formats/import.h"

#include "positions.h"

#include "pwf/core/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const prefixes[] = {"module.", "model.", "_orig_mod."};

/* A parameter or buffer to fill. Parameters come first, then buffers. */
typedef struct place {
    const char *name;
    int dims;
    int64_t shape[PWF_DIMS], count;
    float *values;
    int tensor;    /* of the file, -1: none yet */
    bool fresh;    /* keeps its start values */
    int64_t front; /* position embeddings that are resampled: tokens before those of the patches */
} place;

typedef struct matching {
    const pwf_weights_file *file;
    pwf_import *import;
    place *place;
    int places;
    bool *used; /* [tensors]: assigned to a place, or not needed */
} matching;

__attribute__((format(printf, 2, 3))) static void complain(pwf_import *import, const char *format,
                                                           ...)
{
    char line[1000];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    import->problems++;
    if (import->say) import->say(import->context, line);
}

/* Lists all parameters and buffers of the registry. */
static void list_places(pwf_state *state, place *out)
{
    const pwf_registry *r = state->registry;
    for (int i = 0; i < pwf_registry_params(r); i++) {
        const pwf_param *p = pwf_registry_param(r, i);
        *out = (place){p->name, p->dims, {0}, p->count, state->mu + p->offset, -1, false, 0};
        memcpy(out++->shape, p->shape, sizeof p->shape);
    }
    for (int i = 0; i < pwf_registry_buffers(r); i++) {
        const pwf_buffer *b = pwf_registry_buffer(r, i);
        *out++ =
            (place){b->name, 1, {b->count}, b->count, state->buffers + b->offset, -1, false, 0};
    }
}

/* Linear search by name; NULL if there is none. */
static place *find(const matching *m, const char *name)
{
    for (int i = 0; i < m->places; i++)
        if (strcmp(m->place[i].name, name) == 0) return &m->place[i];
    return NULL;
}

/* Whether a name begins with a prefix. */
static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* The name without the prefix of a wrapper; NULL if it has none. */
static const char *unwrap(const char *name)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (begins(name, prefixes[i])) return name + strlen(prefixes[i]);
    return NULL;
}

/* Finds a name, also without prefixes and in the spelling of the family. */
static place *find_wrapped(const matching *m, const char *name)
{
    char renamed[PWF_TENSOR_NAME + 1];
    const pwf_foreign_names *names = m->import->names;
    place *found = NULL;
    if (names->rename) {
        names->rename(name, renamed, sizeof renamed);
        name = renamed;
    }
    for (; name && !found; name = unwrap(name))
        found = find(m, name);
    return found;
}

/* Whether a tensor is the counter num_batches_tracked of a BatchNorm. */
static bool counts_batches(const char *name)
{
    static const char last[] = "num_batches_tracked";
    const size_t n = strlen(name), k = sizeof last - 1;
    return n >= k && strcmp(name + n - k, last) == 0;
}

/* Assigns each tensor of the file to its parameter or buffer. */
static void deal(matching *m)
{
    for (int i = 0; i < m->file->count; i++) {
        const char *name = m->file->tensor[i].name;
        place *to = find_wrapped(m, name);
        m->used[i] = to || counts_batches(name);
        if (!to && m->used[i]) m->import->ignored++;
        if (!to) continue;
        if (to->tensor >= 0)
            complain(m->import, "duplicate %s: %s is the same parameter", name,
                     m->file->tensor[to->tensor].name);
        to->tensor = i;
    }
}

/* ---- suggestions ---- */

/* Whether a tensor has the shape of a parameter. */
static bool same_shape(const place *p, const pwf_named_tensor *t)
{
    return p->dims == t->dims &&
           memcmp(p->shape, t->shape, (size_t)t->dims * sizeof *t->shape) == 0;
}

/* Number of characters that two names share at the beginning and at the end. */
static size_t likeness(const char *a, const char *b)
{
    const size_t n = strlen(a), k = strlen(b), least = n < k ? n : k;
    size_t front = 0, back = 0;
    while (front < least && a[front] == b[front])
        front++;
    while (back < least - front && a[n - 1 - back] == b[k - 1 - back])
        back++;
    return front + back;
}

/* The facts of a parameter that only some networks of the family have, or NULL. */
static const pwf_foreign_extra *extra_of(const matching *m, const char *name)
{
    for (const pwf_foreign_extra *e = m->import->names->extras; e && e->prefix; e++)
        if (begins(name, e->prefix)) return e;
    return NULL;
}

/* Reports a parameter that the file lacks, with the closest extra tensor. */
static void say_missing(matching *m, const place *p)
{
    const char *best = NULL;
    char shape[PWF_SHAPE_TEXT];
    size_t most = strlen(p->name) / 2;
    for (int i = 0; i < m->file->count; i++) {
        const pwf_named_tensor *t = &m->file->tensor[i];
        if (m->used[i] || !same_shape(p, t) || likeness(p->name, t->name) <= most) continue;
        most = likeness(p->name, t->name);
        best = t->name;
    }
    pwf_shape_text(p->dims, p->shape, shape);
    const pwf_foreign_extra *extra = extra_of(m, p->name);
    if (extra)
        complain(m->import, "missing  %s %s: %s", p->name, shape, extra->missing);
    else if (best)
        complain(m->import, "missing  %s %s: perhaps it is the file's %s", p->name, shape, best);
    else
        complain(m->import, "missing  %s %s: is the file of a different model?", p->name, shape);
}

/* Reports a tensor that no parameter takes. */
static void say_extra(matching *m, int index)
{
    const pwf_named_tensor *t = &m->file->tensor[index];
    const place *best = NULL;
    char shape[PWF_SHAPE_TEXT];
    size_t most = strlen(t->name) / 2;
    for (int i = 0; i < m->places; i++) {
        const place *p = &m->place[i];
        if (p->tensor >= 0 || !same_shape(p, t) || likeness(p->name, t->name) <= most) continue;
        most = likeness(p->name, t->name);
        best = p;
    }
    pwf_shape_text(t->dims, t->shape, shape);
    const pwf_foreign_extra *extra = extra_of(m, t->name);
    if (extra)
        complain(m->import, "extra    %s %s: %s", t->name, shape, extra->extra);
    else if (best)
        complain(m->import, "extra    %s %s: rename it to %s?", t->name, shape, best->name);
    else
        complain(m->import, "extra    %s %s: this model has no such parameter", t->name, shape);
}

/* ---- shapes ---- */

/* Whether a shape differs from that of the head only in the number of classes. */
static bool is_other_head(const matching *m, const place *p, const pwf_named_tensor *t)
{
    bool head = false;
    for (const char *const *h = m->import->names->heads; *h; h++)
        head = head || begins(p->name, *h);
    return head && p->dims == t->dims && p->dims >= 1 && p->shape[0] == m->import->classes &&
           memcmp(p->shape + 1, t->shape + 1, (size_t)(t->dims - 1) * sizeof *t->shape) == 0;
}

/* Side of a square grid of this many points; 0: not a square. */
static int64_t side_of(int64_t points)
{
    int64_t side = 0;
    if (points > INT64_C(1) << 40) return 0;
    while (side * side < points)
        side++;
    return side * side == points ? side : 0;
}

/* Whether p is the position embedding of a vision transformer and t that for a different image
 * size. *front gets the number of tokens before the patches, sides[] those of the grids in model
 * and file. */
static bool is_other_grid(const matching *m, const place *p, const pwf_named_tensor *t,
                          int64_t *front, int64_t sides[2])
{
    const pwf_foreign_names *names = m->import->names;
    if (!names->positions || strcmp(p->name, names->positions) != 0 || p->dims != 3 ||
        t->dims != 3 || t->shape[0] != 1 || p->shape[2] != t->shape[2])
        return false;
    *front = 0;
    for (const char *const *token = names->class_tokens; *token; token++)
        *front += find(m, *token) != NULL;
    sides[0] = side_of(p->shape[1] - *front);
    sides[1] = side_of(t->shape[1] - *front);
    return sides[0] > 0 && sides[1] > 0;
}

/* Marks position embeddings to be resampled, or reports that the image size must be given. */
static void take_grid(matching *m, place *p, int64_t front, const int64_t sides[2])
{
    const place *patches = find(m, m->import->names->patches);
    const long long patch = patches ? (long long)patches->shape[2] : 0;
    m->import->file_size = sides[1] * patch;
    if (m->import->size_given) {
        p->front = front;
        m->import->resampled++;
    } else {
        complain(m->import,
                 "shape    %s: %lldx%lld patches in the model, %lldx%lld in the file; "
                 "--image-size %lld uses them as they are, --image-size %lld resamples them",
                 p->name, (long long)sides[0], (long long)sides[0], (long long)sides[1],
                 (long long)sides[1], (long long)sides[1] * patch, (long long)sides[0] * patch);
    }
}

/* Compares the shapes of a parameter and its tensor. */
static void check_shape(matching *m, place *p)
{
    const pwf_named_tensor *t = &m->file->tensor[p->tensor];
    char here[PWF_SHAPE_TEXT], there[PWF_SHAPE_TEXT];
    int64_t front = 0, sides[2];
    if (same_shape(p, t)) return;
    if (is_other_grid(m, p, t, &front, sides)) {
        take_grid(m, p, front, sides);
        return;
    }
    pwf_shape_text(p->dims, p->shape, here);
    pwf_shape_text(t->dims, t->shape, there);
    if (!is_other_head(m, p, t)) {
        complain(m->import,
                 "shape    %s: %s in the model, %s in the file; is the file of a model of a "
                 "different size?",
                 p->name, here, there);
    } else if (m->import->classes_given) {
        p->fresh = true;
        m->import->fresh++;
        m->import->file_classes = t->shape[0];
    } else {
        complain(m->import,
                 "shape    %s: %s in the model, %s in the file; --classes %lld takes this head, "
                 "--classes %lld starts a fresh one",
                 p->name, here, there, (long long)t->shape[0], (long long)m->import->classes);
    }
}

/* Copies the tokens before the patches and resamples the grid. */
static pwf_status read_grid(matching *m, const place *p)
{
    const int64_t count = m->file->tensor[p->tensor].count, width = p->shape[2];
    const int64_t front = p->front * width;
    float *values = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *values, &values));
    pwf_status s = pwf_weights_read(m->file, p->tensor, values, &m->import->rounded);
    if (s.code == PWF_OK)
        s = pwf_positions_resample(values + front, side_of(count / width - p->front),
                                   p->values + front, side_of(p->shape[1] - p->front), width);
    if (s.code == PWF_OK) memcpy(p->values, values, (size_t)front * sizeof *values);
    pwf_mem_free(values);
    return s;
}

/* Reads the values of one parameter or buffer. */
static pwf_status read_place(matching *m, const place *p)
{
    if (p->front > 0)
        PWF_TRY(read_grid(m, p));
    else
        PWF_TRY(pwf_weights_read(m->file, p->tensor, p->values, &m->import->rounded));
    for (int64_t i = 0; i < p->count; i++)
        PWF_FAIL_IF(!isfinite(p->values[i]), PWF_DATA,
                    "element %lld of %s is not a finite fp32 number", (long long)i, p->name);
    m->import->taken++;
    return pwf_ok();
}

/* Checks all names and shapes before it reads the first value. */
static pwf_status match(matching *m)
{
    deal(m);
    for (int i = 0; i < m->places; i++)
        if (m->place[i].tensor < 0)
            say_missing(m, &m->place[i]);
        else
            check_shape(m, &m->place[i]);
    for (int i = 0; i < m->file->count; i++)
        if (!m->used[i]) say_extra(m, i);
    PWF_FAIL_IF(m->import->problems > 0, PWF_DATA,
                "%d difference%s between the tensors of the file and those of the model",
                m->import->problems, m->import->problems == 1 ? "" : "s");
    for (int i = 0; i < m->places; i++)
        if (!m->place[i].fresh) PWF_TRY(read_place(m, &m->place[i]));
    return pwf_ok();
}

pwf_status pwf_import_weights(const pwf_weights_file *file, pwf_state *state, pwf_import *import)
{
    PWF_ASSERT(state->own.lo == 0 && state->own.hi == state->total);
    matching m = {.file = file, .import = import};
    m.places = pwf_registry_params(state->registry) + pwf_registry_buffers(state->registry);
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, m.places, sizeof *m.place, &m.place);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_BUFFERS, file->count, sizeof *m.used, &m.used);
    if (s.code == PWF_OK) {
        list_places(state, m.place);
        s = match(&m);
    }
    pwf_mem_free(m.place);
    pwf_mem_free(m.used);
    return s;
}
