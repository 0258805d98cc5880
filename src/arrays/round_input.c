/* SPDX-License-Identifier: BSD-3-Clause */
/* The input file of pwf fix-round: arrays and parameters. Called on every rank, each of which opens
 * the file for itself and reads its own range. Reads the file through libhdf5, after the checks of
 * user_h5.c. */
#include "pwf/arrays/round_file.h"
#include "pwf/core/mem.h"
#include "user_h5.h"

#include <string.h>

/* Requirements on an array of the input. */
typedef struct wanted {
    const char *name;
    bool real, optional;
} wanted;

enum { MU, SIGMA, FIXED_IN, ARRAYS };

static const wanted arrays[ARRAYS] = {
    {"mu", true, false}, {"sigma", true, false}, {"fixed_in", false, true}};

struct pwf_round_input {
    pwf_user_h5 h5;
    hid_t set[ARRAYS]; /* -1: the file has no such dataset */
    int64_t total;
};

/* fp32, or an 8-bit integer for `fixed_in`. */
static pwf_status check_type(const pwf_round_input *in, const wanted *w, hid_t set)
{
    if (w->real) return pwf_user_h5_real(&in->h5, w->name, set);
    const hid_t type = H5Dget_type(set);
    const bool good = type >= 0 && H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 1;
    if (type >= 0) H5Tclose(type);
    if (good) return pwf_ok();
    return pwf_user_h5_refused(&in->h5, w->name,
                               "is not an 8-bit integer; convert it, for example with numpy's "
                               "astype('u1')");
}

/* One dimension; all arrays have one length. */
static pwf_status check_shape(pwf_round_input *in, const wanted *w, hid_t set)
{
    hsize_t length = 0;
    const hid_t space = H5Dget_space(set);
    const bool good = space >= 0 && H5Sis_simple(space) > 0 &&
                      H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &length, NULL) == 1;
    if (space >= 0) H5Sclose(space);
    if (!good) return pwf_user_h5_refused(&in->h5, w->name, "is not one-dimensional; flatten it");
    if (length == 0) return pwf_user_h5_refused(&in->h5, w->name, "is empty");
    PWF_TRY(pwf_user_h5_fits(&in->h5, w->name, (double)length));
    if (in->total == 0) in->total = (int64_t)length;
    PWF_FAIL_IF(in->total != (int64_t)length, PWF_DATA,
                "%s in %s has %llu elements, but mu has %lld", w->name, in->h5.path,
                (unsigned long long)length, (long long)in->total);
    return pwf_ok();
}

/* Opens one array and checks it. */
static pwf_status open_array(pwf_round_input *in, int index)
{
    const wanted *w = &arrays[index];
    PWF_TRY(pwf_user_h5_dataset(&in->h5, w->name, w->optional, &in->set[index]));
    if (in->set[index] < 0) return pwf_ok();
    PWF_TRY(check_type(in, w, in->set[index]));
    return check_shape(in, w, in->set[index]);
}

/* Opens all arrays. */
static pwf_status open_input(pwf_round_input *in, const char *path)
{
    PWF_TRY(pwf_user_h5_open(path, "fix-round needs mu and sigma in the root group", &in->h5));
    for (int i = 0; i < ARRAYS; i++)
        PWF_TRY(open_array(in, i));
    return pwf_ok();
}

/* After a failure nothing stays open. */
pwf_status pwf_round_input_open(const char *path, pwf_round_input **out)
{
    pwf_round_input *in = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *in, &in));
    in->set[MU] = in->set[SIGMA] = in->set[FIXED_IN] = -1;
    const pwf_status s = open_input(in, path);
    if (s.code != PWF_OK)
        pwf_round_input_close(in);
    else
        *out = in;
    return s;
}

/* Datasets first, then the file. */
void pwf_round_input_close(pwf_round_input *input)
{
    if (!input) return;
    for (int i = 0; i < ARRAYS; i++)
        if (input->set[i] >= 0) H5Oclose(input->set[i]);
    if (input->h5.file >= 0) H5Fclose(input->h5.file);
    pwf_mem_free(input);
}

/* All arrays have this length. */
int64_t pwf_round_input_total(const pwf_round_input *input)
{
    return input->total;
}

/* Opens an attribute of the root group; *out is -1 if there is none. */
static pwf_status open_attribute(const pwf_round_input *in, const char *name, hid_t *out)
{
    *out = -1;
    const htri_t exists = H5Aexists(in->h5.file, name);
    if (exists == 0) return pwf_ok();
    *out = exists < 0 ? -1 : H5Aopen(in->h5.file, name, H5P_DEFAULT);
    if (*out < 0) return pwf_h5_failed(PWF_DATA, "cannot read the attributes of", in->h5.path);
    const hid_t space = H5Aget_space(*out);
    const hssize_t points = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (space >= 0) H5Sclose(space);
    if (points == 1) return pwf_ok();
    H5Aclose(*out);
    *out = -1;
    return PWF_FAIL(PWF_DATA, "the attribute %s of %s is not a single value", name, in->h5.path);
}

/* An integer or a real number of any width; libhdf5 converts it. */
pwf_status pwf_round_input_number(const pwf_round_input *input, const char *name, double *value,
                                  bool *found)
{
    hid_t attribute = -1;
    *found = false;
    PWF_TRY(open_attribute(input, name, &attribute));
    if (attribute < 0) return pwf_ok();
    const hid_t type = H5Aget_type(attribute);
    const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    double read = 0.0;
    pwf_status s = pwf_ok();
    if (class != H5T_INTEGER && class != H5T_FLOAT)
        s = PWF_FAIL(PWF_DATA, "the attribute %s of %s is not a number", name, input->h5.path);
    else if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &read) < 0)
        s = pwf_h5_failed(PWF_DATA, "cannot read the attributes of", input->h5.path);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attribute);
    if (s.code != PWF_OK) return s;
    *value = read;
    *found = true;
    return s;
}

/* h5py writes strings of variable length, other tools of fixed length; both are accepted. */
static pwf_status read_text(const pwf_round_input *in, const char *name, hid_t attribute,
                            hid_t type, char *text, size_t size)
{
    char *words = NULL;
    char fixed[PWF_PATH] = "";
    PWF_FAIL_IF(H5Tget_class(type) != H5T_STRING, PWF_DATA,
                "the attribute %s of %s is not a string", name, in->h5.path);
    const bool variable = H5Tis_variable_str(type) > 0;
    PWF_FAIL_IF(!variable && H5Tget_size(type) >= sizeof fixed, PWF_DATA,
                "the attribute %s of %s is too long", name, in->h5.path);
    if (H5Aread(attribute, type, variable ? (void *)&words : (void *)fixed) < 0)
        return pwf_h5_failed(PWF_DATA, "cannot read the attributes of", in->h5.path);
    const char *from = variable ? words : fixed;
    const size_t length = from ? strlen(from) : 0;
    const bool fits = length < size;
    if (fits && from) memcpy(text, from, length + 1);
    if (words) H5free_memory(words);
    PWF_FAIL_IF(!fits, PWF_DATA, "the attribute %s of %s is too long", name, in->h5.path);
    return pwf_ok();
}

/* A string that is too long for the caller is refused, not truncated. */
pwf_status pwf_round_input_text(const pwf_round_input *input, const char *name, char *text,
                                size_t size, bool *found)
{
    hid_t attribute = -1;
    *found = false;
    PWF_TRY(open_attribute(input, name, &attribute));
    if (attribute < 0) return pwf_ok();
    const hid_t type = H5Aget_type(attribute);
    pwf_status s = type < 0
                       ? pwf_h5_failed(PWF_DATA, "cannot read the attributes of", input->h5.path)
                       : read_text(input, name, attribute, type, text, size);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attribute);
    *found = s.code == PWF_OK;
    return s;
}

/* A rank without weights reads nothing. */
pwf_status pwf_round_input_read(const pwf_round_input *input, pwf_range own, float *mu,
                                float *sigma, uint8_t *fixed)
{
    void *to[ARRAYS] = {mu, sigma, fixed};
    const hid_t type[ARRAYS] = {H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, H5T_NATIVE_UINT8};
    const int64_t count = own.hi > own.lo ? pwf_range_length(own) : 0;
    if (input->set[FIXED_IN] < 0) memset(fixed, 0, (size_t)count);
    for (int i = 0; i < ARRAYS && count > 0; i++) {
        if (input->set[i] < 0) continue;
        /* a negative signed value means "fixed", too; converted to unsigned, libhdf5 would clip it
         * to 0 */
        hid_t as = type[i];
        const hid_t stored = H5Dget_type(input->set[i]);
        if (i == FIXED_IN && H5Tget_sign(stored) == H5T_SGN_2) as = H5T_NATIVE_INT8;
        H5Tclose(stored);
        if (pwf_h5_transfer(input->set[i], as, 1, own.lo, &count, to[i], NULL) < 0)
            return pwf_h5_failed(PWF_DATA, "cannot read the datasets of", input->h5.path);
    }
    return pwf_ok();
}
