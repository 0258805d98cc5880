/* SPDX-License-Identifier: BSD-3-Clause */
/* The output file of pwf predict. Called by that command on rank 0.
 * libhdf5 creates the file in memory, where no write can fail.
 * pwf_output_write then writes its bytes to the disk. */
#include "pwf/arrays/predict_file.h"
#include "pwf/core/mem.h"
#include "pwf/h5/h5.h"
#include "pwf/rundir/output.h"

#include <string.h>

/* Adds the names as strings of one length, padded with zero bytes. */
static pwf_status add_names(hid_t file, const pwf_logits *logits, herr_t *e)
{
    size_t longest = 1;
    for (int64_t i = 0; i < logits->images; i++)
        if (strlen(logits->names[i]) > longest) longest = strlen(logits->names[i]);
    char *all = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, logits->images, longest, &all));
    for (int64_t i = 0; i < logits->images; i++)
        memcpy(all + (size_t)i * longest, logits->names[i], strlen(logits->names[i]));
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, longest);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    *e = pwf_h5_put_array(file, "names", type, type, 1, &logits->images, all);
    H5Tclose(type);
    pwf_mem_free(all);
    return pwf_ok();
}

/* Adds the logits, the names and the attribute `model`. */
static pwf_status fill(hid_t file, const pwf_logits *logits)
{
    const int64_t shape[2] = {logits->images, logits->classes};
    const hid_t type = H5T_IEEE_F32LE;
    herr_t e = pwf_h5_put_array(file, "logits", type, type, 2, shape, logits->values);
    if (e >= 0 && logits->names) PWF_TRY(add_names(file, logits, &e));
    if (e >= 0) e = pwf_h5_put_text(file, "model", logits->model);
    if (e >= 0) e = H5Fflush(file, H5F_SCOPE_GLOBAL);
    return e < 0 ? pwf_h5_failed(PWF_RESOURCE, "cannot create", "the file of logits") : pwf_ok();
}

/* Writes the file in memory to the disk. */
static pwf_status write_image(hid_t file, const char *path)
{
    char *bytes = NULL;
    const ssize_t size = H5Fget_file_image(file, NULL, 0);
    /* the length first, then the bytes */
    if (size < 0) return pwf_h5_failed(PWF_RESOURCE, "cannot create", path);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size, 1, &bytes));
    const pwf_status s = H5Fget_file_image(file, bytes, (size_t)size) == size
                             ? pwf_output_write(path, bytes, (size_t)size)
                             : pwf_h5_failed(PWF_RESOURCE, "cannot create", path);
    pwf_mem_free(bytes);
    return s;
}

/* Creates and removes a partial file, so that hours of work do not end without a result. */
pwf_status pwf_logits_check(const char *path)
{
    pwf_output output;
    PWF_TRY(pwf_output_begin(&output, path));
    pwf_output_drop(&output);
    return pwf_ok();
}

/* The file is built in memory and its image is written without libhdf5. */
pwf_status pwf_logits_write(const char *path, const pwf_logits *logits)
{
    pwf_h5_start();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    /* in memory, grown by 1 MiB, never written by libhdf5 */
    H5Pset_fapl_core(access, 1 << 20, false);
    /* The oldest format: the image of a newer one would be marked as open for writing. */
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V110);
    H5Pset_obj_track_times(create, false);
    const hid_t file = H5Fcreate("logits", H5F_ACC_TRUNC, create, access);
    pwf_status s = file < 0 ? pwf_h5_failed(PWF_RESOURCE, "cannot create", path) : pwf_ok();
    H5Pclose(create);
    H5Pclose(access);
    if (s.code == PWF_OK) s = fill(file, logits);
    if (s.code == PWF_OK) s = write_image(file, path);
    if (file >= 0) H5Fclose(file);
    return s;
}
