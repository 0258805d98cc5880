/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer `mpiio`: all shards fill the arrays of a laid-out checkpoint through parallel HDF5
 * with independent transfers. Called by the commit, which opens and closes the file. Opening and
 * closing datasets is collective; the transfers are independent. */
#include "layout.h"

#include <stdio.h>
#include <string.h>

/* Writes elements [lo, hi) of a row-major dataset as at most 2 * dims - 1 boxes. Each step takes
 * the largest whole rows, planes, ... that begin at `lo`. */
static pwf_status write_range(hid_t set, const char *path, hid_t type, const pwf_param *p,
                              int64_t lo, int64_t hi, size_t size, const char *data)
{
    const hid_t space = H5Dget_space(set);
    pwf_status s = pwf_ok();
    if (space < 0) s = pwf_h5_failed(PWF_IO, "cannot write the dataset", path);
    while (s.code == PWF_OK && lo < hi) {
        int level = p->dims - 1;
        int64_t unit = 1; /* elements per step along `level` */
        while (level > 0 && lo % (unit * p->shape[level]) == 0 &&
               hi - lo >= unit * p->shape[level]) {
            unit *= p->shape[level];
            level--;
        }
        const int64_t place = lo / unit % p->shape[level];
        int64_t steps = (hi - lo) / unit;
        if (steps > p->shape[level] - place) steps = p->shape[level] - place;
        hsize_t start[PWF_DIMS], count[PWF_DIMS];
        int64_t rest = lo;
        for (int d = p->dims - 1; d >= 0; d--) {
            start[d] = (hsize_t)(rest % p->shape[d]);
            rest /= p->shape[d];
            count[d] = (hsize_t)(d > level ? p->shape[d] : d == level ? steps : 1);
        }
        const hsize_t n = (hsize_t)(steps * unit);
        const hid_t memory = H5Screate_simple(1, &n, NULL);
        if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
            H5Dwrite(set, type, memory, space, H5P_DEFAULT, data) < 0)
            s = pwf_h5_failed(PWF_IO, "cannot write the dataset", path);
        H5Sclose(memory);
        data += n * size;
        lo += (int64_t)n;
    }
    if (space >= 0) H5Sclose(space);
    return s;
}

/* Writes this rank's part of one parameter. Every rank opens and closes the dataset, whatever
 * failed before, because that is collective; the transfer is independent. */
static pwf_status write_param(hid_t file, const pwf_state_array *array, const pwf_param *p,
                              pwf_range own)
{
    char path[PWF_NAME + 32];
    snprintf(path, sizeof path, "/%s/%s", array->name, p->name);
    const pwf_range part = pwf_range_meet(own, (pwf_range){p->offset, p->offset + p->count});
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    if (set < 0) return pwf_h5_failed(PWF_IO, "cannot open the dataset", path);
    pwf_status s = pwf_ok();
    if (part.lo < part.hi)
        s = write_range(set, path, array->real ? H5T_IEEE_F32LE : H5T_STD_I16LE, p,
                        part.lo - p->offset, part.hi - p->offset, array->size,
                        (const char *)array->data + (part.lo - own.lo) * (int64_t)array->size);
    if (H5Dclose(set) < 0 && s.code == PWF_OK)
        s = pwf_h5_failed(PWF_IO, "cannot close the dataset", path);
    return s;
}

pwf_status pwf_mpiio_write(hid_t file, const pwf_file *tables, const pwf_state *state)
{
    const pwf_header *h = &tables->header;
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(state, arrays);
    pwf_status s = pwf_ok();
    for (int64_t a = 0; a < h->arrays; a++)
        for (int i = 0; i < count; i++) {
            /* a model file has only some of the arrays */
            if (strcmp(arrays[i].name, h->array[a].name) != 0) continue;
            const pwf_range own = arrays[i].posterior ? state->own_posterior : state->own;
            const int64_t params = arrays[i].posterior ? h->posterior_params : h->params;
            for (int64_t p = 0; p < params; p++) {
                const pwf_status one =
                    write_param(file, &arrays[i], pwf_registry_param(state->registry, (int)p), own);
                if (s.code == PWF_OK) s = one;
            }
        }
    return s;
}
