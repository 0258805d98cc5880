/* SPDX-License-Identifier: BSD-3-Clause */
/* Weight files of other programs: the list of formats, and what all of them share. Called by
 * import, inspect, eval and predict on one rank. Opens and reads the file, which is untrusted;
 * nothing in it is executed. */
#include "pwf/formats/weights_file.h"

#include "pwf/core/file.h"
#include "reader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Formats in the order in which they are tried. The last one gets the files that none recognises,
 * and reports what is wrong with them. */
#define READERS(X) X(npz) X(pytorch_zip) X(pytorch_pickles) X(safetensors)

#define DECLARE(name) extern const pwf_reader pwf_reader_##name;
#define ADDRESS(name) &pwf_reader_##name,
READERS(DECLARE)
static const pwf_reader *const readers[] = {READERS(ADDRESS)};
enum { READER_COUNT = sizeof readers / sizeof readers[0] };

/* Index of the format of a file; READER_COUNT: none. */
static int find_reader(const unsigned char *first, size_t bytes)
{
    int i = 0;
    while (i < READER_COUNT && !readers[i]->recognise(first, bytes))
        i++;
    return i;
}

bool pwf_weights_recognise(const unsigned char *first, size_t bytes)
{
    return find_reader(first, bytes) < READER_COUNT;
}

/* Finds the format by the first bytes and lists the tensors. */
static pwf_status list(pwf_weights_file *file)
{
    unsigned char first[PWF_WEIGHTS_FIRST] = {0};
    const size_t bytes = file->bytes < sizeof first ? (size_t)file->bytes : sizeof first;
    PWF_FAIL_IF(bytes < 9, PWF_DATA, "%s has only %zu bytes: too short for a weight file",
                file->path, bytes);
    PWF_TRY(pwf_file_pread(file->fd, file->path, first, bytes, 0));
    PWF_FAIL_IF(memcmp(first, "\211HDF\r\n\032\n", 8) == 0 || memcmp(first, "pwfckpt\n", 8) == 0,
                PWF_DATA,
                "%s is an HDF5 file; weights come from safetensors, PyTorch or NumPy files, and "
                "models of this program need no import",
                file->path);
    const int i = find_reader(first, bytes);
    file->reader = readers[i < READER_COUNT ? i : READER_COUNT - 1];
    file->format = file->reader->name;
    return file->reader->list(file);
}

/* The descriptor stays open, since values are read later. */
pwf_status pwf_weights_open(const char *path, pwf_weights_file **out)
{
    *out = NULL;
    int fd = -1;
    int64_t bytes = 0;
    PWF_TRY(pwf_file_open_read(path, &fd, &bytes));
    pwf_weights_file *file = calloc(1, sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        close(fd);
        return PWF_FAIL(PWF_RESOURCE, "no memory to open %s", path);
    }
    *file = (pwf_weights_file){.fd = fd, .path = copy, .bytes = (uint64_t)bytes};
    pwf_status s = list(file);
    /* an empty list is never useful */
    if (s.code == PWF_OK && file->count == 0)
        s = PWF_FAIL(PWF_DATA, "%s contains no tensors", path);
    if (s.code == PWF_OK) s = pwf_weights_check_unique(file);
    if (s.code == PWF_OK)
        *out = file;
    else
        pwf_weights_close(file);
    return s;
}

/* The reader frees its own memory first. */
void pwf_weights_close(pwf_weights_file *file)
{
    if (!file) return;
    if (file->fd >= 0) close(file->fd);
    for (int i = 0; i < file->count; i++)
        free(file->tensor[i].name);
    if (file->reader && file->reader->close) file->reader->close(file);
    pwf_json_free(file->header);
    free(file->tensor);
    free(file->place);
    free(file->path);
    free(file);
}

typedef struct visiting {
    pwf_json_visit visit;
    void *context;
} visiting;

/* Only safetensors have metadata: members of __metadata__. */
static pwf_status visit_metadata(void *context, const char *key, const pwf_json *value)
{
    const visiting *v = context;
    return strcmp(key, "__metadata__") == 0 ? pwf_json_each(value, v->visit, v->context) : pwf_ok();
}

/* Other formats have no header. */
pwf_status pwf_weights_metadata(const pwf_weights_file *file, pwf_json_visit visit, void *context)
{
    visiting v = {visit, context};
    return file->header ? pwf_json_each(file->header, visit_metadata, &v) : pwf_ok();
}

/* Tensors of non-weight types are listed, but cannot be read. */
pwf_status pwf_weights_read(const pwf_weights_file *file, int index, float *out, int64_t *rounded)
{
    const pwf_named_tensor *t = &file->tensor[index];
    PWF_FAIL_IF(t->dtype > PWF_DTYPE_F64, PWF_DATA,
                "%s: '%s' has the type %s, which is not a weight type", file->path, t->name,
                pwf_dtype_name(t->dtype));
    return file->reader->read ? file->reader->read(file, index, out, rounded)
                              : pwf_weights_read_place(file, index, out, rounded);
}
