/* SPDX-License-Identifier: BSD-3-Clause */
/* The input file of pwf predict: the dataset `images`.
 * Called on every rank, each of which opens the file for itself.
 * Reads the file through libhdf5, after the checks of user_h5.c. */
#include "pwf/arrays/predict_file.h"
#include "pwf/core/mem.h"
#include "user_h5.h"

#include <string.h>

static const char name[] = "images";

struct pwf_predict_input {
    pwf_user_h5 h5;
    hid_t set; /* -1: not open */
    int64_t shape[4];
};

/* Four dimensions, none of them 0. */
static pwf_status check_shape(pwf_predict_input *in)
{
    hsize_t shape[H5S_MAX_RANK];
    double elements = 1;
    const hid_t space = H5Dget_space(in->set);
    const int dims = space < 0 ? -1 : H5Sget_simple_extent_dims(space, shape, NULL);
    if (space >= 0) H5Sclose(space);
    PWF_FAIL_IF(dims != 4, PWF_DATA,
                "the dataset images in %s has %d dimensions instead of four: images, "
                "channels, rows, columns",
                in->h5.path, dims);
    for (int d = 0; d < 4; d++) {
        if (shape[d] == 0) return pwf_user_h5_refused(&in->h5, name, "is empty");
        if (shape[d] > INT32_MAX)
            return pwf_user_h5_refused(&in->h5, name, "has a dimension of more than 2^31 - 1");
        in->shape[d] = (int64_t)shape[d];
        elements *= (double)shape[d];
    }
    return pwf_user_h5_fits(&in->h5, name, elements);
}

/* Opens the dataset and checks type, shape and storage. */
static pwf_status open_input(pwf_predict_input *in, const char *path)
{
    PWF_TRY(pwf_user_h5_open(
        path, "predict takes the dataset images [N, C, H, W] of the root group", &in->h5));
    PWF_TRY(pwf_user_h5_dataset(&in->h5, name, false, &in->set));
    PWF_TRY(pwf_user_h5_real(&in->h5, name, in->set));
    return check_shape(in);
}

/* After a failure nothing stays open. */
pwf_status pwf_predict_input_open(const char *path, pwf_predict_input **out)
{
    pwf_predict_input *in = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *in, &in));
    in->set = -1;
    const pwf_status s = open_input(in, path);
    if (s.code != PWF_OK)
        pwf_predict_input_close(in);
    else
        *out = in;
    return s;
}

/* Closes the dataset before its file. */
void pwf_predict_input_close(pwf_predict_input *input)
{
    if (!input) return;
    if (input->set >= 0) H5Oclose(input->set);
    if (input->h5.file >= 0) H5Fclose(input->h5.file);
    pwf_mem_free(input);
}

/* Known since the file was opened. */
void pwf_predict_input_shape(const pwf_predict_input *input, int64_t shape[4])
{
    memcpy(shape, input->shape, sizeof input->shape);
}

/* One hyperslab of whole images; libhdf5 converts the byte order. */
pwf_status pwf_predict_input_read(const pwf_predict_input *input, int64_t lo, int64_t count,
                                  float *out)
{
    const int64_t shape[4] = {count, input->shape[1], input->shape[2], input->shape[3]};
    if (pwf_h5_transfer(input->set, H5T_NATIVE_FLOAT, 4, lo, shape, out, NULL) >= 0)
        return pwf_ok();
    return pwf_h5_failed(PWF_DATA, "cannot read the images of", input->h5.path);
}
