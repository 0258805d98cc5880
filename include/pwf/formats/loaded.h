/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_LOADED_H
#define PWF_FORMATS_LOADED_H

#include "pwf/core/hash.h"
#include "pwf/posterior/state.h"
#include "pwf/rundir/facts.h"

/** A checkpoint or model file in the memory of one process, for the commands. */

enum { PWF_NAME = 256 }; /* bytes of a parameter's name, NUL included */

/* What a checkpoint or model file holds, without its arrays. */
typedef struct pwf_loaded_info {
    pwf_facts facts;
    bool is_model; /* a final model, not a checkpoint */
    int64_t posterior, total, fixed, unique;
    double entropy, entropy_nonzero;
    int64_t bytes; /* of the file */
    int codebook;  /* centres */
    pwf_hash fingerprint;
    pwf_hash root; /* the hash in the first block, over all but the arrays and that block */
} pwf_loaded_info;

/* One parameter or buffer. */
typedef struct pwf_loaded_part {
    const char *name;
    int dims;
    int64_t shape[PWF_DIMS], count;
    bool buffer;
    float *values;       /* mean of the posterior, value of a plain parameter or buffer */
    const int16_t *code; /* posterior parameters only, else NULL */
    const float *sigma;  /* the same, and only of a checkpoint */
} pwf_loaded_part;

typedef struct pwf_loaded {
    pwf_loaded_info info;
    char *config;       /* settings of the run, YAML */
    int count, buffers; /* parts; the last `buffers` of them are buffers */
    pwf_loaded_part *part;
    pwf_codebook codebook;
    float *mu, *sigma, *buffer; /* the parts point into these */
    int16_t *code;
    char *names;
} pwf_loaded;

#endif
