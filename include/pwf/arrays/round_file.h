/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_ARRAYS_ROUND_FILE_H
#define PWF_ARRAYS_ROUND_FILE_H

#include "pwf/mesh/mesh.h"
#include "pwf/shard/shard.h"

/** The HDF5 files of `pwf fix-round`, which people write and read with any HDF5 tool. In: 1-D
 * datasets `mu` and `sigma` (float32) and optionally `fixed_in` (8-bit integer, non-zero: fixed) of
 * one length, parameters as attributes of the root group. Out: `steps` (order int32, delta float64,
 * centre float64, count int64), `mu_out`, `sigma_out` (float32), `fixed` (uint8), and the
 * parameters. */

typedef struct pwf_round_input pwf_round_input;

/** Opens an input file and checks its contents: hard links to 1-D datasets of one length and of
 * the types above, without virtual or external storage and without filters other than deflate,
 * shuffle and Fletcher-32.
 * Local: every rank opens the file for itself. The caller owns the input. Fails with PWF_MISSING,
 * PWF_DENIED, PWF_IO or PWF_DATA, naming the dataset; *out is then NULL. */
pwf_status pwf_round_input_open(const char *path, pwf_round_input **out);

/** Closes the file; NULL is allowed.
 * Local. */
void pwf_round_input_close(pwf_round_input *input);

/** The number of weights.
 * Local. */
int64_t pwf_round_input_total(const pwf_round_input *input);

/** Reads a number or a string (at most `size` bytes with its NUL) stored as an attribute of the
 * root group. *found says whether it exists; if not, the value is unchanged.
 * Local. Fails with PWF_DATA if it is of another type, not a single value, or too long. */
pwf_status pwf_round_input_number(const pwf_round_input *input, const char *name, double *value,
                                  bool *found);
pwf_status pwf_round_input_text(const pwf_round_input *input, const char *name, char *text,
                                size_t size, bool *found);

/** Reads elements [own.lo, own.hi) of the datasets; `fixed` becomes all 0 if the file has no
 * `fixed_in`.
 * Local. Fails with PWF_IO or PWF_DATA. */
pwf_status pwf_round_input_read(const pwf_round_input *input, pwf_range own, float *mu,
                                float *sigma, uint8_t *fixed);

/* A row of `steps`. */
typedef struct pwf_round_row {
    int32_t order;
    double delta, centre;
    int64_t count;
} pwf_round_row;

/* An attribute of the output: a string, an integer or a real number. */
typedef struct pwf_round_attribute {
    const char *name;
    const char *text; /* if not NULL */
    bool integer;
    double value;
} pwf_round_attribute;

/* The contents of an output; `rows` and `attributes` are those of rank 0. */
typedef struct pwf_round_output {
    int64_t total;
    pwf_range own; /* the parts of all ranks are disjoint and cover [0, total) */
    const float *mu, *sigma;
    const uint8_t *fixed;
    const pwf_round_row *rows;
    int64_t row_count;
    const pwf_round_attribute *attributes;
    int attribute_count;
} pwf_round_output;

/** Writes an output file under a temporary name next to it, reads all of it back through a new
 * descriptor, and renames it; a regular file of that name is replaced.
 * Collective over the world. Each rank writes its own part by independent transfers, because MPI-IO
 * may report a failed collective transfer as a success. Fails with PWF_CANTCREATE, PWF_DENIED or
 * PWF_IO, the same on all ranks; no file is left. */
pwf_status pwf_round_output_write(const pwf_mesh *mesh, const char *path,
                                  const pwf_round_output *output);

#endif
