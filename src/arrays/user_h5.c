/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of HDF5 files that users made with any tool, before libhdf5 reads data from them. Called
 * by the input files of fix-round and predict. The files are untrusted, so every size is checked
 * against the length of the file. */
#include "user_h5.h"

#include "pwf/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deflate shrinks data by a factor of about 1,000 at most: a file that claims more would only cause
 * a large allocation. */
enum { MOST_SHRUNK = 1100 };

pwf_status pwf_user_h5_refused(const pwf_user_h5 *in, const char *name, const char *why)
{
    return PWF_FAIL(PWF_DATA, "the dataset %s in %s %s", name, in->path, why);
}

/* Checks that the path is a regular file with the signature of HDF5, before libhdf5 opens it. */
static pwf_status check_file(pwf_user_h5 *in)
{
    const int fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "open", in->path);
    const bool known = fstat(fd, &info) == 0;
    close(fd);
    PWF_FAIL_IF(!known || !S_ISREG(info.st_mode), PWF_DATA, "%s is not a regular file", in->path);
    in->bytes = (int64_t)info.st_size;
    PWF_FAIL_IF(H5Fis_hdf5(in->path) <= 0, PWF_DATA, "%s is not an HDF5 file", in->path);
    return pwf_ok();
}

/* A regular file only: a pipe or device could block the job. */
pwf_status pwf_user_h5_open(const char *path, const char *needs, pwf_user_h5 *in)
{
    pwf_h5_start();
    *in = (pwf_user_h5){.file = -1, .needs = needs};
    PWF_FAIL_IF(strlen(path) >= PWF_PATH, PWF_MISSING, "the name %.200s... is too long", path);
    memcpy(in->path, path, strlen(path) + 1);
    PWF_TRY(check_file(in));
    in->file = H5Fopen(in->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    return in->file < 0 ? pwf_h5_failed(PWF_DATA, "cannot open", in->path) : pwf_ok();
}

/* Only a hard link to a dataset is followed. */
static pwf_status check_link(const pwf_user_h5 *in, const char *name, bool optional, bool *found)
{
    H5L_info_t info;
    const htri_t exists = H5Lexists(in->file, name, H5P_DEFAULT);
    *found = exists > 0;
    if (exists < 0) return pwf_h5_failed(PWF_DATA, "cannot read the root group of", in->path);
    if (!*found && optional) return pwf_ok();
    PWF_FAIL_IF(!*found, PWF_DATA, "%s has no dataset %s; %s", in->path, name, in->needs);
    if (H5Lget_info(in->file, name, &info, H5P_DEFAULT) < 0)
        return pwf_h5_failed(PWF_DATA, "cannot read the root group of", in->path);
    if (info.type != H5L_TYPE_HARD)
        return pwf_user_h5_refused(in, name,
                                   "is a soft or external link; copy the data into the file");
    return pwf_ok();
}

/* Refuses virtual and external storage and all but three harmless filters. */
static pwf_status check_storage(const pwf_user_h5 *in, const char *name, hid_t plist)
{
    const H5D_layout_t layout = H5Pget_layout(plist);
    if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED && layout != H5D_COMPACT)
        return pwf_user_h5_refused(in, name,
                                   "is stored as a virtual dataset; copy the data into the file");
    if (H5Pget_external_count(plist) != 0)
        return pwf_user_h5_refused(in, name,
                                   "is stored in other files; copy the data into this one");
    const int filters = H5Pget_nfilters(plist);
    for (int i = 0; i < filters; i++) {
        unsigned flags = 0, values[1];
        size_t count = 0;
        char text[1];
        const H5Z_filter_t f =
            H5Pget_filter2(plist, (unsigned)i, &flags, &count, values, 0, text, NULL);
        if (f != H5Z_FILTER_DEFLATE && f != H5Z_FILTER_SHUFFLE && f != H5Z_FILTER_FLETCHER32)
            return pwf_user_h5_refused(in, name,
                                       "has a filter other than deflate, shuffle and Fletcher-32; "
                                       "remove the other filters, for example with h5repack");
    }
    return filters < 0 ? pwf_h5_failed(PWF_DATA, "cannot read the filters in", in->path) : pwf_ok();
}

/* Checks link and storage before any data is read. */
pwf_status pwf_user_h5_dataset(const pwf_user_h5 *in, const char *name, bool optional, hid_t *set)
{
    bool found = false;
    *set = -1;
    PWF_TRY(check_link(in, name, optional, &found));
    if (!found) return pwf_ok();
    *set = H5Oopen(in->file, name, H5P_DEFAULT);
    if (*set < 0) return pwf_h5_failed(PWF_DATA, "cannot open a dataset of", in->path);
    if (H5Iget_type(*set) != H5I_DATASET) return pwf_user_h5_refused(in, name, "is not a dataset");
    const hid_t plist = H5Dget_create_plist(*set);
    if (plist < 0) return pwf_h5_failed(PWF_DATA, "cannot examine a dataset of", in->path);
    const pwf_status s = check_storage(in, name, plist);
    H5Pclose(plist);
    return s;
}

pwf_status pwf_user_h5_real(const pwf_user_h5 *in, const char *name, hid_t set)
{
    const hid_t type = H5Dget_type(set);
    const bool good =
        type >= 0 && (H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F32BE) > 0);
    if (type >= 0) H5Tclose(type);
    if (good) return pwf_ok();
    return pwf_user_h5_refused(in, name,
                               "is not float32; convert it, for example with numpy's astype('f4')");
}

/* Refuses a dataset larger than deflate could pack into a file of this length. */
pwf_status pwf_user_h5_fits(const pwf_user_h5 *in, const char *name, double elements)
{
    if (elements <= (double)in->bytes * MOST_SHRUNK) return pwf_ok();
    return PWF_FAIL(
        PWF_DATA,
        "the dataset %s claims %.0f elements, which a file of %lld bytes (%s) cannot hold", name,
        elements, (long long)in->bytes, in->path);
}
