/* SPDX-License-Identifier: BSD-3-Clause */
/* Lays out an HDF5 file of contiguous arrays at known offsets, which many ranks then fill with
 * pwrite. Called by pwf pack on rank 0. Builds the layout in a file in memory and copies that to
 * the given descriptor. */
#define _XOPEN_SOURCE 700 /* ftruncate */
#include "pwf/h5/flat_file.h"
#include "pwf/core/file.h"
#include "pwf/h5/h5.h"
#include "pwf/rundir/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The little-endian type of an array in the file. */
static hid_t stored_type(const pwf_flat_array *a)
{
    if (a->type != PWF_FLAT_TEXT)
        return H5Tcopy(a->type == PWF_FLAT_U8    ? H5T_STD_U8LE
                       : a->type == PWF_FLAT_I32 ? H5T_STD_I32LE
                                                 : H5T_STD_I64LE);
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, (size_t)a->text);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

/* Creates one contiguous dataset and notes its offset. */
static pwf_status make_array(hid_t file, pwf_flat_array *a)
{
    hsize_t shape[4];
    for (int d = 0; d < a->dims; d++) {
        PWF_ASSERT(a->shape[d] > 0);
        shape[d] = (hsize_t)a->shape[d];
    }
    const hid_t type = stored_type(a), space = H5Screate_simple(a->dims, shape, NULL);
    const hid_t create = pwf_h5_plain_storage();
    const hid_t set = H5Dcreate2(file, a->name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    const haddr_t offset = set < 0 ? HADDR_UNDEF : H5Dget_offset(set);
    const pwf_status s = offset == HADDR_UNDEF
                             ? pwf_h5_failed(PWF_IO, "cannot create the dataset", a->name)
                             : pwf_ok();
    a->offset = (uint64_t)offset;
    if (set >= 0) H5Dclose(set);
    H5Pclose(create);
    if (space >= 0) H5Sclose(space);
    H5Tclose(type);
    return s;
}

/* Creates the file in memory. */
static pwf_status lay_out_in(const char *name, int64_t first, const pwf_flat_text *texts,
                             int text_count, pwf_flat_array *arrays, int array_count)
{
    pwf_h5_start();
    hid_t file = -1;
    PWF_TRY(pwf_h5_create(name, (hsize_t)first, &file));
    pwf_status s = pwf_ok();
    for (int i = 0; i < array_count && s.code == PWF_OK; i++)
        s = make_array(file, &arrays[i]);
    for (int i = 0; i < text_count && s.code == PWF_OK; i++)
        if (pwf_h5_put_text(file, texts[i].name, texts[i].value) < 0)
            s = pwf_h5_failed(PWF_IO, "cannot create the attribute", texts[i].name);
    if (H5Fclose(file) < 0 && s.code == PWF_OK) s = pwf_h5_failed(PWF_IO, "cannot close", name);
    return s;
}

/* The layout is made in memory; only its data is copied, so arrays stay holes. */
pwf_status pwf_flat_lay_out(int fd, const char *path, int64_t first, const pwf_flat_text *texts,
                            int text_count, pwf_flat_array *arrays, int array_count, int64_t *bytes)
{
    struct stat info;
    char name[PWF_MEMORY_NAME];
    int memory = -1;
    PWF_TRY(pwf_output_memory(&memory, name));
    pwf_status s = lay_out_in(name, first, texts, text_count, arrays, array_count);
    if (s.code == PWF_OK && fstat(memory, &info) != 0)
        s = PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat the layout of", path);
    if (s.code == PWF_OK && ftruncate(fd, info.st_size) != 0)
        s = PWF_FAIL(PWF_IO, "cannot set the length of %s to %lld bytes: %s", path,
                     (long long)info.st_size, strerror(errno));
    if (s.code == PWF_OK) s = pwf_output_copy(memory, "the layout", fd, path);
    if (s.code == PWF_OK) *bytes = info.st_size;
    close(memory);
    return s;
}
