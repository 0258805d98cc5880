/* SPDX-License-Identifier: BSD-3-Clause */
/* The HDF5 layout of a checkpoint: one walk over all groups and datasets that either creates them
 * or checks them. Called by the commit on rank 0 and by all readers. Uses libhdf5 on files in
 * memory; no MPI. */
#include "layout.h"

#include "fields.h"
#include "pwf/core/mem.h"
#include "pwf/rundir/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANY = -1, PATH = 512, TEXT_MAX = 16 << 20 };

typedef enum item_type { GROUP, F32, I16, I32, I64, U64, F64, TEXT } item_type;

/* One entry of the layout: a group, or a contiguous dataset. */
typedef struct item {
    const char *path;
    item_type type;
    int64_t links; /* of a group */
    int dims;      /* 0: scalar; ANY: shape unknown, only the count is checked */
    hsize_t shape[PWF_DIMS];
    int64_t count;    /* elements, or bytes of a string; ANY: not checked */
    const void *data; /* NULL: filled in later */
    int64_t *offset;  /* position in the file: set by make, compared by check; NULL: neither */
    const int64_t *min_power; /* the attribute of the codebook; NULL: none */
} item;

/* A walk over the layout: `visit` creates or checks each entry. */
typedef struct walk {
    pwf_status (*visit)(hid_t file, const item *line);
    hid_t file;
    pwf_file *tables;
    const pwf_registry *registry;
    const pwf_layout *layout; /* NULL when checking */
} walk;

/* The HDF5 type of an entry in the file; the caller closes it. */
static hid_t stored_type(item_type type, int64_t bytes)
{
    const hid_t numbers[] = {[F32] = H5T_IEEE_F32LE, [I16] = H5T_STD_I16LE, [I32] = H5T_STD_I32LE,
                             [I64] = H5T_STD_I64LE,  [U64] = H5T_STD_U64LE, [F64] = H5T_IEEE_F64LE};
    if (type != TEXT) return H5Tcopy(numbers[type]);
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, (size_t)bytes);
    H5Tset_strpad(text, H5T_STR_NULLPAD);
    return text;
}

/* ---- making a file ---- */

/* Creates a group, without times. */
static pwf_status make_group(hid_t file, const item *line)
{
    if (line->path[1] == '\0') return pwf_ok(); /* the root group exists */
    const hid_t create = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(create, false); /* equal states give equal files */
    const hid_t group = H5Gcreate2(file, line->path, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    if (group < 0) return pwf_h5_failed(PWF_IO, "cannot create the group", line->path);
    H5Gclose(group);
    return pwf_ok();
}

/* Writes min_power of the codebook. */
static herr_t make_attribute(hid_t set, const int64_t *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute =
        H5Acreate2(set, "min_power", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t e = attribute < 0 ? -1 : H5Awrite(attribute, H5T_NATIVE_INT64, value);
    if (attribute >= 0) H5Aclose(attribute);
    H5Sclose(space);
    return e;
}

/* Creates one entry and notes its offset. */
static pwf_status make(hid_t file, const item *line)
{
    if (line->type == GROUP) return make_group(file, line);
    const hid_t type = stored_type(line->type, line->count);
    const hid_t space =
        line->dims == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(line->dims, line->shape, NULL);
    const hid_t create = pwf_h5_plain_storage();
    const hid_t set = H5Dcreate2(file, line->path, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    bool good = set >= 0;
    /* Files and memory have the same types: both are little-endian. */
    if (good && line->data && line->count > 0)
        good = H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, line->data) >= 0;
    if (good && line->min_power) good = make_attribute(set, line->min_power) >= 0;
    if (good && line->offset) {
        const haddr_t offset = line->count > 0 ? H5Dget_offset(set) : PWF_FIRST_BLOCK;
        good = offset != HADDR_UNDEF;
        *line->offset = (int64_t)offset;
    }
    pwf_status s = pwf_ok();
    if (!good) s = pwf_h5_failed(PWF_IO, "cannot create the dataset", line->path);
    if (set >= 0) H5Dclose(set);
    H5Pclose(create);
    if (space >= 0) H5Sclose(space);
    H5Tclose(type);
    return s;
}

/* ---- checking a file ---- */

/* A group must be a hard link and have the expected number of members. */
static pwf_status check_group(hid_t file, const item *line)
{
    H5L_info_t link;
    PWF_FAIL_IF(line->path[1] != '\0' && (H5Lget_info(file, line->path, &link, H5P_DEFAULT) < 0 ||
                                          link.type != H5L_TYPE_HARD),
                PWF_DATA, "the group %s is missing or a link", line->path);
    H5G_info_t info;
    PWF_FAIL_IF(H5Gget_info_by_name(file, line->path, &info, H5P_DEFAULT) < 0, PWF_DATA,
                "the group %s is missing", line->path);
    PWF_FAIL_IF((int64_t)info.nlinks != line->links, PWF_DATA,
                "the group %s holds %lld entries instead of %lld", line->path,
                (long long)info.nlinks, (long long)line->links);
    return pwf_ok();
}

/* Number of elements; -1 on overflow, which libhdf5 does not detect. */
static int64_t count_elements(int dims, const hsize_t *shape)
{
    int64_t count = dims < 0 ? -1 : 1;
    for (int d = 0; d < dims && count >= 0; d++)
        if (__builtin_mul_overflow(count, shape[d], &count)) count = -1;
    return count;
}

/* Checks type and shape; *wrong gets the failure, or keeps its value. */
static void check_shape(hid_t set, const item *line, const char **wrong)
{
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    /* the length of a string is part of its type */
    const bool text = line->type == TEXT;
    const hid_t want = text ? -1 : stored_type(line->type, 0);
    hsize_t shape[H5S_MAX_RANK] = {0};
    const int dims = H5Sget_simple_extent_dims(space, shape, NULL);
    int64_t count = count_elements(dims, shape);
    if (text && (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
                 H5Tget_size(type) > TEXT_MAX || dims != 0))
        *wrong = "is not a string of fixed length";
    else if (!text && H5Tequal(type, want) <= 0)
        *wrong = "has the wrong type";
    else if (line->dims != ANY && dims != line->dims)
        *wrong = "has the wrong number of dimensions";
    else if (H5Sget_simple_extent_type(space) == H5S_NULL || count < 0)
        *wrong = "has an invalid shape";
    if (text) count = (int64_t)H5Tget_size(type);
    if (line->count != ANY && count != line->count) *wrong = "has the wrong number of elements";
    for (int d = 0; line->dims > 0 && line->count != ANY && !*wrong && d < dims; d++)
        if (shape[d] != line->shape[d]) *wrong = "has the wrong shape";
    if (want >= 0) H5Tclose(want);
    H5Sclose(space);
    H5Tclose(type);
}

/* A dataset must be contiguous, in the file, and at the offset of its extent. */
static void check_storage(hid_t set, const item *line, const char **wrong)
{
    const hid_t create = H5Dget_create_plist(set);
    if (H5Pget_layout(create) != H5D_CONTIGUOUS || H5Pget_external_count(create) != 0 ||
        H5Pget_nfilters(create) != 0)
        *wrong = "is chunked, filtered or stored outside the file";
    H5Pclose(create);
    H5O_info_t info;
    if (H5Oget_info(set, &info) < 0 || info.rc != 1 ||
        info.num_attrs != (line->min_power ? 1U : 0U))
        *wrong = "has unexpected links or attributes";
    if (!*wrong && line->offset && line->count > 0 && H5Dget_offset(set) != (haddr_t)*line->offset)
        *wrong = "is not at the offset in the table of extents";
}

/* Checks one entry of a file. */
static pwf_status check(hid_t file, const item *line)
{
    if (line->type == GROUP) return check_group(file, line);
    H5L_info_t link;
    PWF_FAIL_IF(H5Lget_info(file, line->path, &link, H5P_DEFAULT) < 0, PWF_DATA,
                "the dataset %s is missing", line->path);
    PWF_FAIL_IF(link.type != H5L_TYPE_HARD, PWF_DATA, "%s is a link, not a dataset", line->path);
    const hid_t set = H5Dopen2(file, line->path, H5P_DEFAULT);
    if (set < 0) return pwf_h5_failed(PWF_DATA, "cannot open the dataset", line->path);
    const char *wrong = NULL;
    check_shape(set, line, &wrong);
    if (!wrong) check_storage(set, line, &wrong);
    H5Dclose(set);
    PWF_FAIL_IF(wrong, PWF_DATA, "the dataset %s %s", line->path, wrong);
    return pwf_ok();
}

/* ---- the table ---- */

/* A group with this many members. */
static pwf_status visit_group(const walk *w, const char *path, int64_t links)
{
    return w->visit(w->file, &(item){.path = path, .type = GROUP, .links = links});
}

/* A one-dimensional dataset. */
static pwf_status visit_list(const walk *w, const char *path, item_type type, int64_t count,
                             const void *data, int64_t *offset)
{
    return w->visit(w->file, &(item){.path = path,
                                     .type = type,
                                     .dims = 1,
                                     .shape = {(hsize_t)count},
                                     .count = count,
                                     .data = data,
                                     .offset = offset});
}

/* A dataset of one value. */
static pwf_status visit_scalar(const walk *w, const char *path, item_type type, const void *data)
{
    return w->visit(w->file, &(item){.path = path, .type = type, .count = 1, .data = data});
}

/* HDF5 has no string of 0 bytes: an empty one is stored as one NUL. */
static pwf_status visit_text(const walk *w, const char *path, const char *text)
{
    const int64_t bytes = !text ? ANY : *text ? (int64_t)strlen(text) : 1;
    return w->visit(w->file, &(item){.path = path, .type = TEXT, .count = bytes, .data = text});
}

/* One group per array, with one dataset per parameter. */
static pwf_status visit_array(const walk *w, const pwf_file_array *array, pwf_extent *extents)
{
    const pwf_header *h = &w->tables->header;
    const int64_t rows = array->posterior ? h->posterior_params : h->params;
    char path[PATH];
    snprintf(path, sizeof path, "/%s", array->name);
    PWF_TRY(visit_group(w, path, rows));
    for (int64_t i = 0; i < rows; i++) {
        item line = {.path = path,
                     .type = array->size == 2 ? I16 : F32,
                     .dims = ANY,
                     .count = extents[i].count,
                     .offset = &extents[i].offset};
        if (w->registry) {
            const pwf_param *p = pwf_registry_param(w->registry, (int)i);
            line.dims = p->dims;
            line.count = p->count;
            for (int d = 0; d < p->dims; d++)
                line.shape[d] = (hsize_t)p->shape[d];
        }
        snprintf(path, sizeof path, "/%s/%s", array->name, w->tables->name[i]);
        PWF_TRY(w->visit(w->file, &line));
    }
    return pwf_ok();
}

/* The tables: block hashes, extents, names. */
static pwf_status visit_hashes(const walk *w)
{
    pwf_header *h = &w->tables->header;
    PWF_TRY(visit_group(w, "/hashes", h->arrays + 2));
    char path[PATH];
    for (int64_t i = 0; i < h->arrays; i++) {
        pwf_file_array *a = &h->array[i];
        snprintf(path, sizeof path, "/hashes/%s", a->name);
        PWF_TRY(w->visit(w->file, &(item){.path = path,
                                          .type = U64,
                                          .dims = 2,
                                          .shape = {(hsize_t)a->blocks, 2},
                                          .count = a->blocks * 2,
                                          .offset = (int64_t *)&a->hashes}));
    }
    PWF_TRY(w->visit(w->file, &(item){.path = "/hashes/extents",
                                      .type = I64,
                                      .dims = 2,
                                      .shape = {(hsize_t)h->extent_rows, 4},
                                      .count = h->extent_rows * 4,
                                      .offset = (int64_t *)&h->extents}));
    /* never 0 bytes: a network has parameters */
    return w->visit(w->file, &(item){.path = "/hashes/names",
                                     .type = TEXT,
                                     .count = h->names_bytes,
                                     .data = w->layout ? w->tables->text : NULL,
                                     .offset = (int64_t *)&h->names});
}

/* One dataset per buffer. */
static pwf_status visit_buffers(const walk *w)
{
    const pwf_header *h = &w->tables->header;
    PWF_TRY(visit_group(w, "/buffers", h->buffers));
    char path[PATH];
    for (int64_t i = 0; i < h->buffers; i++) {
        int64_t count = ANY;
        const float *data = NULL;
        if (w->registry) {
            const pwf_buffer *b = pwf_registry_buffer(w->registry, (int)i);
            count = b->count;
            if (w->layout) data = w->layout->state->buffers + b->offset;
        }
        snprintf(path, sizeof path, "/buffers/%s", w->tables->name[h->params + i]);
        PWF_TRY(visit_list(w, path, F32, count, data, NULL));
    }
    return pwf_ok();
}

/* The entries, with min_power as an attribute. */
static pwf_status visit_codebook(const walk *w)
{
    static const int64_t some = 0;
    const pwf_codebook *book = w->layout ? &w->layout->state->codebook : NULL;
    const int64_t count = book ? book->count : ANY;
    return w->visit(w->file, &(item){.path = "/codebook",
                                     .type = I32,
                                     .dims = 1,
                                     .shape = {(hsize_t)count},
                                     .count = count,
                                     .data = book ? book->entry : NULL,
                                     .min_power = book ? &book->min_power : &some});
}

/* Number of fields of a group in a format version. */
static int64_t count_members(const char *group, size_t length, uint32_t version)
{
    int count = 0;
    int64_t members = 0;
    const pwf_field *fields = pwf_fields(&count);
    for (int i = 0; i < count; i++)
        members += fields[i].since <= version && strncmp(fields[i].path, group, length) == 0 &&
                   fields[i].path[length] == '/';
    return members;
}

/* Visits the group of a field when the field is its first; `last` is the path of the field before.
 */
static pwf_status visit_group_of(const walk *w, const pwf_field *field, const char *last)
{
    char group[PATH];
    const size_t length = (size_t)(strrchr(field->path, '/') - field->path);
    if (length == 0 || strncmp(last, field->path, length + 1) == 0) return pwf_ok();
    snprintf(group, sizeof group, "%.*s", (int)length, field->path);
    return visit_group(w, group, count_members(group, length, w->tables->header.version));
}

/* One row of the field table. */
static pwf_status visit_field(const walk *w, const pwf_field *field)
{
    const void *member = w->layout ? pwf_field_member(field, w->layout->facts) : NULL;
    const pwf_losses *losses = member;
    switch (field->type) {
    case PWF_FIELD_I64:
    case PWF_FIELD_COUNT:
        return visit_scalar(w, field->path, I64, member);
    case PWF_FIELD_F64:
        return visit_scalar(w, field->path, F64, member);
    case PWF_FIELD_HASH:
        return visit_list(w, field->path, U64, 2, member, NULL);
    case PWF_FIELD_LOSSES:
        return visit_list(w, field->path, F64, losses ? losses->count : ANY,
                          losses ? losses->value : NULL, NULL);
    case PWF_FIELD_LONG_TEXT:
        return visit_text(w, field->path, member ? *(const char *const *)member : NULL);
    case PWF_FIELD_TEXT:
        break;
    }
    return visit_text(w, field->path, member);
}

/* All rows that the format version has. */
static pwf_status visit_fields(const walk *w)
{
    int count = 0;
    const char *last = "";
    const pwf_field *fields = pwf_fields(&count);
    for (int i = 0; i < count; i++) {
        if (fields[i].since > w->tables->header.version) continue;
        PWF_TRY(visit_group_of(w, &fields[i], last));
        PWF_TRY(visit_field(w, &fields[i]));
        last = fields[i].path;
    }
    return pwf_ok();
}

/* The whole layout; the order of creation decides the bytes. */
static pwf_status visit_all(const walk *w)
{
    const pwf_header *h = &w->tables->header;
    /* 7: hashes, buffers, codebook, state, model, data_hash, run */
    PWF_TRY(visit_group(w, "/", h->arrays + 7));
    pwf_extent *extents = w->tables->extents;
    for (int64_t i = 0; i < h->arrays; i++) {
        PWF_TRY(visit_array(w, &h->array[i], extents));
        extents += h->array[i].posterior ? h->posterior_params : h->params;
    }
    PWF_TRY(visit_hashes(w));
    PWF_TRY(visit_buffers(w));
    PWF_TRY(visit_codebook(w));
    return visit_fields(w);
}

/* ---- entry points ---- */

/* A final model holds only what prediction needs: means and codes. */
static bool in_kind(uint32_t kind, const char *array)
{
    return kind == PWF_KIND_CHECKPOINT || strcmp(array, "mu") == 0 || strcmp(array, "code") == 0;
}

_Static_assert((int)PWF_STATE_ARRAYS_MAX <= (int)PWF_FILE_ARRAYS,
               "the header has room for every array");

/* Describes the arrays of the state in the header. */
static void plan_arrays(const pwf_state *state, pwf_header *h)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(state, arrays);
    for (int i = 0; i < count; i++) {
        if (!in_kind(h->kind, arrays[i].name)) continue;
        pwf_file_array *a = &h->array[h->arrays++];
        PWF_ASSERT(strlen(arrays[i].name) < sizeof a->name);
        memcpy(a->name, arrays[i].name, strlen(arrays[i].name));
        a->size = (uint32_t)arrays[i].size;
        a->posterior = arrays[i].posterior;
        a->elements = arrays[i].posterior ? state->posterior : state->total;
        a->blocks = pwf_block_count(a->elements);
        h->extent_rows += a->posterior ? h->posterior_params : h->params;
    }
}

/* Name i of the registry: parameters, then buffers. */
static const char *name_at(const pwf_registry *registry, int64_t params, int64_t i)
{
    const char *name = i < params ? pwf_registry_param(registry, (int)i)->name
                                  : pwf_registry_buffer(registry, (int)(i - params))->name;
    PWF_ASSERT(*name && strlen(name) < PWF_NAME && !strpbrk(name, "/\n "));
    return name;
}

/* Fills in names and extents; offsets are set by `make`. */
static pwf_status plan_tables(const pwf_registry *registry, pwf_file *file)
{
    pwf_header *h = &file->header;
    const int64_t names = h->params + h->buffers;
    for (int64_t i = 0; i < names; i++)
        h->names_bytes += (int64_t)strlen(name_at(registry, h->params, i)) + 1;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->names_bytes + 1, 1, &file->text));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, names, sizeof *file->name, &file->name));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->extent_rows, sizeof(pwf_extent), &file->extents));
    char *at = file->text;
    for (int64_t i = 0; i < names; i++) {
        file->name[i] = name_at(registry, h->params, i);
        const size_t n = strlen(file->name[i]);
        memcpy(at, file->name[i], n);
        at[n] = '\n';
        at += n + 1;
    }
    pwf_extent *e = file->extents;
    for (int64_t a = 0; a < h->arrays; a++)
        for (int64_t i = 0; i < (h->array[a].posterior ? h->posterior_params : h->params); i++) {
            const pwf_param *p = pwf_registry_param(registry, (int)i);
            *e++ = (pwf_extent){.array = a, .start = p->offset, .count = p->count};
        }
    return pwf_ok();
}

/* The parameters of the posterior come first in a registry. */
pwf_status pwf_layout_plan(const pwf_state *state, const pwf_facts *facts, uint32_t kind,
                           pwf_file *file)
{
    const pwf_registry *registry = state->registry;
    pwf_header *h = &file->header;
    *h = (pwf_header){.version = PWF_FORMAT, .kind = kind, .step = facts->position.step};
    h->posterior = state->posterior;
    h->total = state->total;
    h->params = pwf_registry_params(registry);
    h->buffers = pwf_registry_buffers(registry);
    /* parameters with a posterior come first */
    while (h->posterior_params < h->params &&
           pwf_registry_param(registry, (int)h->posterior_params)->posterior)
        h->posterior_params++;
    plan_arrays(state, h);
    return plan_tables(registry, file);
}

/* The walk creates groups and datasets in a fixed order, which fixes their offsets. */
pwf_status pwf_layout_make(const pwf_layout *layout)
{
    pwf_h5_start();
    const char *path = layout->path;
    hid_t file = -1;
    PWF_TRY(pwf_h5_create(path, PWF_FIRST_BLOCK, &file));
    const walk w = {make, file, layout->file, layout->state->registry, layout};
    pwf_status s = visit_all(&w);
    if (H5Fclose(file) < 0 && s.code == PWF_OK) s = pwf_h5_failed(PWF_IO, "cannot close", path);
    return s;
}

/* Names must equal those of the registry, in its order, before shapes can be compared by index. */
static pwf_status check_names(const pwf_file *file, const pwf_registry *registry)
{
    const pwf_header *h = &file->header;
    PWF_FAIL_IF(h->params != pwf_registry_params(registry) ||
                    h->buffers != pwf_registry_buffers(registry),
                PWF_DATA,
                "%s has %lld parameters and %lld buffers, the model of this run %d and %d: "
                "it is a checkpoint of another model",
                file->path, (long long)h->params, (long long)h->buffers,
                pwf_registry_params(registry), pwf_registry_buffers(registry));
    for (int64_t i = 0; i < h->params + h->buffers; i++) {
        const char *name = name_at(registry, h->params, i);
        PWF_FAIL_IF(strcmp(name, file->name[i]) != 0, PWF_DATA,
                    "%s has %s where the model of this run has %s: it belongs to another "
                    "model",
                    file->path, file->name[i], name);
    }
    /* the same names, but other shapes or another set of parameters with a posterior */
    PWF_FAIL_IF(h->posterior != pwf_registry_posterior_count(registry) ||
                    h->total != pwf_registry_total_count(registry),
                PWF_DATA,
                "%s has %lld posterior elements out of %lld, the model of this run has %lld out "
                "of %lld: their shapes or fixing.exclude differ",
                file->path, (long long)h->posterior, (long long)h->total,
                (long long)pwf_registry_posterior_count(registry),
                (long long)pwf_registry_total_count(registry));
    const pwf_extent *e = file->extents;
    for (int64_t a = 0; a < h->arrays; a++)
        for (int64_t i = 0; i < (h->array[a].posterior ? h->posterior_params : h->params); i++, e++)
            PWF_FAIL_IF(e->count != pwf_registry_param(registry, (int)i)->count, PWF_DATA,
                        "%s has %lld elements in %s, the model of this run has %lld", file->path,
                        (long long)e->count, file->name[i],
                        (long long)pwf_registry_param(registry, (int)i)->count);
    return pwf_ok();
}

/* Opens a copy in memory of everything but the arrays. It holds exactly the bytes that were hashed;
 * reading the file again could return different ones. */
static pwf_status open_copy(const pwf_file *file, hid_t *open)
{
    char name[PWF_MEMORY_NAME];
    int copy = -1;
    *open = -1;
    PWF_TRY(pwf_output_memory(&copy, name));
    pwf_status s = pwf_ok();
    /* the arrays become holes */
    if (ftruncate(copy, (off_t)file->header.bytes) != 0)
        s = PWF_FAIL(PWF_RESOURCE, "cannot create a file in memory: %s", strerror(errno));
    if (s.code == PWF_OK) s = pwf_file_check_root(file, copy);
    if (s.code == PWF_OK) {
        const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        H5Pset_fapl_stdio(access); /* this driver opens names in /proc */
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
        *open = H5Fopen(name, H5F_ACC_RDONLY, access);
        if (*open < 0) s = pwf_h5_failed(PWF_DATA, "cannot open as HDF5", file->path);
        H5Pclose(access);
    }
    close(copy);
    return s;
}

/* Everything is checked before a single dataset is read. */
pwf_status pwf_layout_open(const pwf_file *file, const pwf_registry *registry, hid_t *out)
{
    hid_t open = -1;
    pwf_h5_start();
    *out = -1;
    if (registry) PWF_TRY(check_names(file, registry));
    PWF_TRY(open_copy(file, &open));
    /* checking compares offsets with the tables and changes nothing in them */
    const walk w = {check, open, (pwf_file *)file, registry, NULL};
    const pwf_status s = visit_all(&w);
    if (s.code != PWF_OK) {
        H5Fclose(open);
        return PWF_FAIL(s.code, "%s: %s; the file was made by another program", file->path, s.text);
    }
    *out = open;
    return pwf_ok();
}
