/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrappers of libhdf5: start, errors, creation, attributes, datasets, parallel open.
 * Called by every room that uses HDF5.
 * Sets and unsets environment variables before libhdf5 reads them. */
#include "pwf/h5/h5.h"
#include "pwf/h5/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libhdf5 reads its environment in its first call. */
void pwf_h5_start(void)
{
    static bool started;
    if (started) return;
    started = true;
    /* Files get their names only when they are complete, so locks are not needed; those of HDF5
     * fail on some parallel file systems. */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    /* plug-ins, drivers and connectors would run code that the user did not ask for */
    unsetenv("HDF5_PLUGIN_PATH");
    unsetenv("HDF5_DRIVER");
    unsetenv("HDF5_VOL_CONNECTOR");
    H5open();
    H5PLset_loading_state(0);
    /* errors are reported through pwf_status */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* Keeps the innermost message of the error stack. */
static herr_t innermost(unsigned n, const H5E_error2_t *error, void *data)
{
    char *text = data;
    if (n == 0 && error->desc) {
        strncpy(text, error->desc, 199);
        text[199] = '\0';
    }
    return 0;
}

/* libhdf5 hides errno, so this opens as many descriptors as libhdf5 needs to open a file: two.
 * Those of the failed call are closed by now. */
static bool can_open_more(void)
{
    const int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int second = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const bool full = second < 0 && (errno == EMFILE || errno == ENFILE);
    if (first >= 0) close(first);
    if (second >= 0) close(second);
    return !full;
}

/* Running out of descriptors is not an error of the file, so it has its own exit code. */
pwf_status pwf_h5_failed(pwf_code code, const char *what, const char *path)
{
    char text[200] = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, text);
    PWF_FAIL_IF(!can_open_more(), PWF_RESOURCE,
                "%s %s: too many open files; raise the limit (ulimit -n)", what, path);
    return PWF_FAIL(code, "%s %s: HDF5 says: %s", what, path, text);
}

/* All files have one format and alignment, so their bytes depend only on their contents. */
pwf_status pwf_h5_create(const char *path, hsize_t first, hid_t *out)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    /* The only driver that accepts a name in /proc; the others resolve the link. */
    H5Pset_fapl_stdio(access);
    /* The newest format of HDF5 1.10: its metadata has checksums. */
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_alignment(access, first, first);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_userblock(create, first);
    H5Pset_obj_track_times(create, false);
    *out = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    /* before another call clears libhdf5's error stack */
    const pwf_status s = *out < 0 ? pwf_h5_failed(PWF_IO, "cannot create", path) : pwf_ok();
    H5Pclose(create);
    H5Pclose(access);
    return s;
}

/* The bytes of a file depend only on its contents. */
hid_t pwf_h5_plain_storage(void)
{
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(create, H5D_CONTIGUOUS);
    H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(create, false);
    return create;
}

/* Attributes have one value; the caller names its type in the file. */
herr_t pwf_h5_put_attribute(hid_t file, const char *name, hid_t type, const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t made = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t e = made < 0 ? -1 : H5Awrite(made, type, value);
    if (made >= 0 && H5Aclose(made) < 0) e = -1;
    H5Sclose(space);
    return e;
}

herr_t pwf_h5_put_text(hid_t file, const char *name, const char *text)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    const herr_t e = pwf_h5_put_attribute(file, name, type, text);
    H5Tclose(type);
    return e;
}

/* Timestamps would make files with equal contents differ. */
herr_t pwf_h5_put_array(hid_t file, const char *name, hid_t stored, hid_t memory, int dims,
                        const int64_t *shape, const void *values)
{
    hsize_t extent[PWF_DIMS] = {0}, count = 1;
    for (int d = 0; d < dims; d++) {
        extent[d] = (hsize_t)shape[d];
        count *= extent[d];
    }
    const hid_t space = H5Screate_simple(dims, extent, NULL);
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(create, false);
    const hid_t set = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, create, H5P_DEFAULT);
    herr_t e = set < 0 ? -1 : 0;
    if (e >= 0 && count > 0) e = H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    if (set >= 0 && H5Dclose(set) < 0) e = -1;
    H5Pclose(create);
    H5Sclose(space);
    return e;
}

/* The selection starts at 0 in all dimensions but the first. */
herr_t pwf_h5_transfer(hid_t set, hid_t type, int dims, int64_t lo, const int64_t *shape,
                       void *into, const void *from)
{
    hsize_t start[PWF_DIMS] = {(hsize_t)lo}, extent[PWF_DIMS] = {0};
    for (int d = 0; d < dims; d++)
        extent[d] = (hsize_t)shape[d];
    const hid_t space = H5Dget_space(set), memory = H5Screate_simple(dims, extent, NULL);
    herr_t e = space < 0 || memory < 0 ? -1 : 0;
    if (e >= 0) e = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL);
    if (e >= 0)
        e = into ? H5Dread(set, type, memory, space, H5P_DEFAULT, into)
                 : H5Dwrite(set, type, memory, space, H5P_DEFAULT, from);
    if (space >= 0) H5Sclose(space);
    if (memory >= 0) H5Sclose(memory);
    return e;
}

/* Reads a dataset, or an attribute of it, whole. */
pwf_status pwf_h5_read(hid_t file, const char *name, const char *attribute, hid_t type,
                       int64_t count, void *out)
{
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return pwf_h5_failed(PWF_DATA, "cannot open the dataset", name);
    const hid_t member = attribute ? H5Aopen(set, attribute, H5P_DEFAULT) : -1;
    const hid_t space = attribute ? (member < 0 ? -1 : H5Aget_space(member)) : H5Dget_space(set);
    pwf_status s = pwf_ok();
    const hssize_t points = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (points != count)
        s = PWF_FAIL(PWF_DATA, "the dataset %s has %lld elements instead of %lld", name,
                     (long long)points, (long long)count);
    else if (count > 0 && (attribute ? H5Aread(member, type, out)
                                     : H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out)) < 0)
        s = pwf_h5_failed(PWF_DATA, "cannot read the dataset", name);
    if (space >= 0) H5Sclose(space);
    if (member >= 0) H5Aclose(member);
    H5Dclose(set);
    return s;
}

/* Only strings of fixed length; the result always ends with NUL. */
pwf_status pwf_h5_read_text(hid_t file, const char *name, char **out)
{
    *out = NULL;
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return pwf_h5_failed(PWF_DATA, "cannot open the dataset", name);
    pwf_status s = pwf_ok();
    const hid_t type = H5Dget_type(set);
    const size_t bytes = type < 0 ? 0 : H5Tget_size(type);
    if (bytes == 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
        s = PWF_FAIL(PWF_DATA, "the dataset %s is not a string of fixed length", name);
    else if (!(*out = calloc(bytes + 1, 1)))
        s = PWF_FAIL(PWF_RESOURCE, "no memory for the %zu bytes of %s", bytes, name);
    else if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out) < 0)
        s = pwf_h5_failed(PWF_DATA, "cannot read the dataset", name);
    if (s.code != PWF_OK) {
        free(*out);
        *out = NULL;
    }
    if (type >= 0) H5Tclose(type);
    H5Dclose(set);
    return s;
}

/* Number of elements; libhdf5 counts those of a scalar as 1. */
pwf_status pwf_h5_count(hid_t file, const char *name, int64_t *count)
{
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = set < 0 ? -1 : H5Dget_space(set);
    *count = space < 0 ? -1 : (int64_t)H5Sget_simple_extent_npoints(space);
    pwf_status s = pwf_ok();
    if (*count < 0) s = pwf_h5_failed(PWF_DATA, "cannot open the dataset", name);
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return s;
}

/* More dimensions than PWF_DIMS are refused before they are copied. */
pwf_status pwf_h5_shape(hid_t file, const char *name, int *dims, int64_t shape[PWF_DIMS])
{
    hsize_t extent[H5S_MAX_RANK];
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = set < 0 ? -1 : H5Dget_space(set);
    *dims = space < 0 ? -1 : H5Sget_simple_extent_dims(space, extent, NULL);
    pwf_status s = pwf_ok();
    if (*dims < 0)
        s = pwf_h5_failed(PWF_DATA, "cannot open the dataset", name);
    else if (*dims > PWF_DIMS)
        s = PWF_FAIL(PWF_DATA, "the dataset %s has %d dimensions; at most %d are supported", name,
                     *dims, PWF_DIMS);
    for (int d = 0; s.code == PWF_OK && d < *dims; d++)
        shape[d] = (int64_t)extent[d];
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return s;
}

const char *pwf_h5_library(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    pwf_h5_start(); /* the first call of libhdf5 reads the environment */
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}

/* Compares the headers of the build with the library that is loaded. */
pwf_status pwf_h5_check_library(void)
{
    char built[32];
    const char *loaded = pwf_h5_library();
    snprintf(built, sizeof built, "HDF5 %d.%d.%d", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
    if (strcmp(built, loaded) == 0) return pwf_ok();
    return PWF_FAIL(PWF_LAUNCH,
                    "%s is loaded, but pwf was built with %s: load the module it was built with, "
                    "or rebuild pwf",
                    loaded, built);
}

/* With collective metadata all ranks make the same metadata calls, and rank 0 reads for them. */
pwf_status pwf_h5_open_parallel(MPI_Comm comm, const char *path, hid_t *out)
{
    pwf_h5_start();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(access, comm, MPI_INFO_NULL);
    H5Pset_all_coll_metadata_ops(access, true);
    H5Pset_coll_metadata_write(access, true);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    *out = H5Fopen(path, H5F_ACC_RDWR, access);
    const pwf_status s =
        *out < 0 ? pwf_h5_failed(PWF_IO, "cannot open on all ranks", path) : pwf_ok();
    H5Pclose(access);
    return s;
}

/* Flushes the metadata, which is why it can hang on a broken disk. */
pwf_status pwf_h5_close_parallel(hid_t file, const char *path)
{
    if (H5Fclose(file) < 0) return pwf_h5_failed(PWF_IO, "cannot close on all ranks", path);
    return pwf_ok();
}
