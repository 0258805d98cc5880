/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_FIELDS_H
#define PWF_CKPT_FIELDS_H

#include "file.h"
#include "pwf/h5/h5.h"
#include "pwf/mesh/mesh.h"
#include "pwf/rundir/facts.h"

/** The fields of a checkpoint: one table that layout, writing, reading, fingerprint, inspection and
 * the comparison on resume walk. Its rows are in pwf/rundir/facts.h, with the structs that hold the
 * values. */

typedef enum pwf_field_type {
    PWF_FIELD_I64,
    PWF_FIELD_COUNT, /* an I64 that must be >= 0 */
    PWF_FIELD_F64,
    PWF_FIELD_HASH,      /* pwf_hash, stored as uint64 [2] */
    PWF_FIELD_TEXT,      /* char [PWF_FACT_TEXT] */
    PWF_FIELD_LONG_TEXT, /* const char *; pwf_fields_read leaves it alone */
    PWF_FIELD_LOSSES     /* pwf_losses, stored as float64 [count] */
} pwf_field_type;

/* What a resuming run does with the value in the file. */
typedef enum pwf_field_resume {
    PWF_RESUME_TAKE, /* continue from it */
    PWF_RESUME_SAME, /* refuse the file if the run's value differs, unless that is a hash of 0 */
    PWF_RESUME_KEEP  /* ignore it: the run has its own */
} pwf_field_resume;

typedef struct pwf_field {
    const char *path;
    pwf_field_type type;
    size_t member;   /* offset in pwf_facts */
    uint32_t since;  /* first format version that has it */
    int fingerprint; /* position in the fingerprint, from 1; 0: not part of it */
    pwf_field_resume resume;
    const char *name; /* of a PWF_RESUME_SAME field in messages; NULL: its path */
} pwf_field;

/** The table, and its length.
 * Local. */
const pwf_field *pwf_fields(int *count);

/** The member of a row.
 * Local. */
const void *pwf_field_member(const pwf_field *field, const pwf_facts *facts);

/** Sets the facts that describe the file being written rather than the run.
 * Local. */
void pwf_fields_stamp(pwf_facts *facts, const pwf_mesh *mesh);

/** Reads all fields of an open file except long texts; those that the format version of the file
 * does not have become 0.
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_fields_read(hid_t h5, const pwf_file *file, pwf_facts *out);

/** Compares the fields of a file with those of the run that resumes from it.
 * Local. Fails with PWF_DATA, naming the field and both values. */
pwf_status pwf_fields_compare(const char *path, const pwf_facts *file, const pwf_facts *run);

/** Copies every field except those marked PWF_RESUME_KEEP.
 * Local. */
void pwf_fields_take(const pwf_facts *file, pwf_facts *run);

/** Adds the integers of the fingerprint to a hash, then its hashes and texts.
 * Local. */
void pwf_fields_hash(const pwf_facts *facts, pwf_hasher *hasher);

#endif
