/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_IMPORT_H
#define PWF_FORMATS_IMPORT_H

#include "pwf/formats/weights_file.h"
#include "pwf/posterior/state.h"
#include "pwf/registry/foreign.h"

/** Import of a weight file into a state: every tensor must belong to a parameter or buffer of the
 * registry and have its shape, and every parameter and buffer must have a tensor. The prefixes
 * "module.", "model." and "_orig_mod." of wrappers are removed, and num_batches_tracked of
 * BatchNorm is ignored. pwf_foreign_names describes other spellings of a family. */

typedef struct pwf_import {
    const pwf_foreign_names *names; /* of the model's family */
    int64_t classes;                /* of the model */
    bool classes_given; /* set by the user: a head with a different number of classes keeps its
                           start values */
    bool size_given; /* set by the user: resamples position embeddings of a different image size */
    void (*say)(void *context, const char *line); /* gets a line for each problem */
    void *context;
    /* results */
    int taken, ignored,
        fresh; /* numbers of tensors: read, not needed, of a head that keeps its start values */
    int64_t file_classes; /* of that head in the file */
    int resampled;        /* position embeddings, 0 or 1 */
    int64_t file_size;    /* image size they were for */
    int64_t rounded;      /* values that fp64 to fp32 changed */
    int problems;
} pwf_import;

/** Fills mu and buffers of a state that holds the whole flat vector; a head with a different number
 * of classes keeps its values.
 * Local. Fails with PWF_DATA when there are problems or non-finite values, or as pwf_weights_read;
 * the state is then partly filled. */
pwf_status pwf_import_weights(const pwf_weights_file *file, pwf_state *state, pwf_import *import);

#endif
