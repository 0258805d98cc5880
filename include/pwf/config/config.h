/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CONFIG_CONFIG_H
#define PWF_CONFIG_CONFIG_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** The settings of a run. One table (src/config/table.c) is the whole surface: it feeds this
 * struct, YAML files, --set, PWF_<GROUP>_<KEY> variables, --help and docs/options.md. Whatever the
 * order of the calls below, a key keeps what the origin of highest rank (pwf_origin) gave it. */

enum { PWF_TEXT = 256, PWF_LIST = 64, PWF_CONFIG_KEYS_MAX = 128 };

typedef struct pwf_int_list {
    int count;
    int64_t at[PWF_LIST];
} pwf_int_list;

typedef struct pwf_real_list {
    int count;
    double at[PWF_LIST];
} pwf_real_list;

typedef struct pwf_text_list {
    int count;
    char at[PWF_LIST][PWF_TEXT];
} pwf_text_list;

/* Choices are stored as the index into the table's list of words; these enums follow it. */
typedef enum pwf_block_kind { PWF_BLOCK_BASIC, PWF_BLOCK_BOTTLENECK } pwf_block_kind;
typedef enum pwf_data_format {
    PWF_DATA_IDX,
    PWF_DATA_IMAGEFOLDER,
    PWF_DATA_HDF5,
    PWF_DATA_CIFAR10,
    PWF_DATA_CIFAR100
} pwf_data_format;
typedef enum pwf_eval_transform { PWF_EVAL_PAPER, PWF_EVAL_TIMM } pwf_eval_transform;
typedef enum pwf_interpolation {
    PWF_INTERPOLATION_BILINEAR,
    PWF_INTERPOLATION_BICUBIC
} pwf_interpolation;
typedef enum pwf_sigma_join {
    PWF_JOIN_STD_MU,
    PWF_JOIN_KEEP,
    PWF_JOIN_DIVIDE_BY_2,
    PWF_JOIN_DIVIDE_BY_10
} pwf_sigma_join;
typedef enum pwf_compat { PWF_COMPAT_PAPER, PWF_COMPAT_REFERENCE } pwf_compat;
typedef enum pwf_export_choice {
    PWF_EXPORT_NONE,
    PWF_EXPORT_LAST,
    PWF_EXPORT_ALL
} pwf_export_choice;
typedef enum pwf_optimiser { PWF_OPTIMISER_SGD, PWF_OPTIMISER_ADAMW } pwf_optimiser;
typedef enum pwf_schedule {
    PWF_SCHEDULE_CONSTANT,
    PWF_SCHEDULE_LINEAR,
    PWF_SCHEDULE_COSINE,
    PWF_SCHEDULE_STEP
} pwf_schedule;
typedef enum pwf_backend_choice {
    PWF_BACKEND_AUTO,
    PWF_BACKEND_ONEDNN,
    PWF_BACKEND_OPENBLAS,
    PWF_BACKEND_PLAIN
} pwf_backend_choice;
/* The first two as pwf_precision of tensor.h. */
typedef enum pwf_precision_choice {
    PWF_PRECISION_FP32,
    PWF_PRECISION_BF16,
    PWF_PRECISION_AUTO
} pwf_precision_choice;
typedef enum pwf_ensemble { PWF_ENSEMBLE_LAST, PWF_ENSEMBLE_ALL, PWF_ENSEMBLE_NONE } pwf_ensemble;
typedef enum pwf_writer { PWF_WRITER_PWRITE, PWF_WRITER_MPIIO } pwf_writer;
typedef enum pwf_log_format { PWF_LOG_AUTO, PWF_LOG_PLAIN, PWF_LOG_LOGFMT } pwf_log_format;
typedef enum pwf_switch { PWF_SWITCH_AUTO, PWF_SWITCH_ON, PWF_SWITCH_OFF } pwf_switch;

typedef struct pwf_config {
    char output[PWF_TEXT]; /* run directory; belongs to the run */
    struct {
        char name[PWF_TEXT];
        int64_t block; /* pwf_block_kind */
        pwf_int_list depths, widths;
        int64_t stem_kernel, stem_stride;
        bool stem_pool;
        int64_t growth;
        int64_t patch, width, depth, heads;
        double mlp_ratio;
        bool distilled;
        int64_t channels, classes, image_size;
        char init[PWF_TEXT]; /* file with start weights */
    } model;
    struct {
        int64_t format; /* pwf_data_format */
        char path[PWF_TEXT];
        pwf_real_list mean, std;
        bool flip;
        int64_t pad;
        int64_t train_limit, test_limit; /* 0: all images */
        double validation;
        char val_list[PWF_TEXT], val_classes[PWF_TEXT];
        int64_t resize;
        int64_t eval_transform; /* pwf_eval_transform */
        double crop_pct;
        int64_t skip_bad, threads;
    } data;
    struct {
        bool crop;
        pwf_real_list crop_scale, crop_ratio; /* from, to */
        int64_t interpolation;                /* pwf_interpolation */
        double brightness, contrast, saturation, hue;
        int64_t rand_layers; /* 0: no RandAugment */
        double rand_magnitude, rand_std, rand_prob;
        bool rand_increasing;
        double erase;         /* probability */
        double mixup, cutmix; /* alpha; 0: off */
        double mix_prob, mix_switch;
    } augment;
    struct {
        double sigma_scale, sigma_min, sigma_max, reg_weight, reg_target;
    } posterior;
    struct {
        pwf_real_list fractions;
        double first_epochs, epochs;
        double delta, delta_growth;
        int64_t max_order, min_power;
        bool zero_fix;
        int64_t sigma_join; /* pwf_sigma_join */
        int64_t compat;     /* pwf_compat */
        pwf_text_list exclude;
        int64_t export; /* pwf_export_choice; belongs to the run */
    } fixing;
    struct {
        int64_t seed, batch;
        double baseline_epochs, baseline_lr;
        int64_t baseline_schedule; /* pwf_schedule */
        double label_smoothing;
        int64_t norm_batches;
    } train;
    struct {
        int64_t name; /* pwf_optimiser */
        double lr, momentum, beta2, eps, weight_decay, clip_norm;
        int64_t schedule; /* pwf_schedule */
        double warmup, step_epochs, step_factor;
    } optim;
    struct {
        int64_t slots;
        int64_t backend;         /* pwf_backend_choice */
        int64_t precision;       /* pwf_precision_choice; of a run that has begun never auto */
        int64_t shards, threads; /* belong to the run */
        bool recompute;          /* likewise */
    } parallel;
    struct {                           /* belongs to the run */
        int64_t every;                 /* steps; 0: only at the end of phases and rounds */
        double minutes, failure_hours; /* 0: not by the clock */
        int64_t keep, keep_every;      /* keep_every in steps; 0: none */
        int64_t writer;                /* pwf_writer */
        bool async;                    /* written beside the steps that follow */
        int64_t stop_after;            /* steps of this process; 0: no limit */
        double max_time;               /* minutes of this process; 0: no limit */
    } checkpoint;
    struct { /* belongs to the run; seconds, 0: no limit */
        double start, step, fix, evaluate, checkpoint, finish;
        int64_t interval; /* steps; 0: ranks are not compared at intervals */
        bool memory;      /* the state at rest is hashed */
        double spike;     /* times the largest loss before; 0: any is taken */
    } watchdog;
    struct {
        int64_t samples, bins, batch;
        int64_t ensemble; /* pwf_ensemble */
    } eval;
    struct {              /* belongs to the run */
        int64_t interval; /* steps */
        int64_t level;    /* pwf_level */
        int64_t format;   /* pwf_log_format */
        int64_t progress; /* pwf_switch */
        bool trace;
        int64_t trace_from, trace_steps;
    } log;
    /* Where each key's value came from; index as in the table, pwf_origin. */
    unsigned char origin[PWF_CONFIG_KEYS_MAX];
} pwf_config;

typedef enum pwf_origin {
    PWF_FROM_DEFAULT,
    PWF_FROM_CHECKPOINT,
    PWF_FROM_YAML,
    PWF_FROM_ENVIRONMENT,
    PWF_FROM_OPTION
} pwf_origin;

/** Sets every key to its default: the published settings.
 * Local. */
void pwf_config_defaults(pwf_config *config);

/** Reads a YAML file (64 KiB at most) over `config`.
 * Local. Fails with PWF_MISSING, PWF_DENIED or PWF_IO when it cannot be read, else PWF_CONFIG with
 * "file:line:column: ..." and the allowed range or the nearest key; `config` is then partly set. */
pwf_status pwf_config_read_file(pwf_config *config, const char *path);

/** Reads YAML text; `name` stands for the file in messages, `origin` is noted for its keys.
 * Local. Fails as pwf_config_read_file. */
pwf_status pwf_config_read_text(pwf_config *config, const char *text, size_t length,
                                const char *name, pwf_origin origin);

/** Applies every PWF_<GROUP>_<KEY> variable of the environment (PWF_OUTPUT for `output`). Other
 * variables beginning with PWF_ and a group's name are refused; PWF_TEST_* is left alone.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_config_read_environment(pwf_config *config);

/** Applies one "group.key=value" of the command line.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_config_set(pwf_config *config, const char *assignment);

/* A family of networks as far as the configuration is concerned; the models room has the rows. */
typedef struct pwf_config_family {
    const char *name;        /* of model.name, for a network of the dimensions in `keys` */
    const char *const *keys; /* "model.depths" and so on; NULL ends */
    /* Checks these keys together; fails with PWF_CONFIG. NULL: nothing to check. */
    pwf_status (*check)(const struct pwf_config *config);
} pwf_config_family;

/** Checks what only several keys together can tell (slots divide the batch, fractions rise to at
 * most 1, one mean per channel or one for all, a preset's model.name without keys that it decides,
 * ...). `families` is pwf_model_families(); a NULL pointer ends it, NULL stands for none.
 * Local. Fails with PWF_CONFIG, naming the keys. */
pwf_status pwf_config_check(const pwf_config *config, const pwf_config_family *const *families);

/** The whole configuration as commented YAML that reads back to the same bits; keys that a preset's
 * model.name decides are left out. `families` as for pwf_config_check.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE. */
pwf_status pwf_config_write(const pwf_config *config, const pwf_config_family *const *families,
                            char **text);

/** Fails with PWF_CONFIG, naming each key and both values, if `now` differs from `stored` in a key
 * that does not belong to the run.
 * Local. */
pwf_status pwf_config_same(const pwf_config *stored, const pwf_config *now);

/** A run keeps the precision it began with: parallel.precision auto of `now` becomes the stored
 * one. Where `stored` has auto itself, nothing was stored, and the run is of before there was a
 * choice: both are fp32.
 * Local. */
void pwf_config_keep_precision(pwf_config *stored, pwf_config *now);

/** Where the value of a key, as "model.depths", came from.
 * Local. */
pwf_origin pwf_config_origin(const pwf_config *config, const char *key);

/** Whether something other than the defaults set a key, as "model.depths".
 * Local. */
bool pwf_config_is_set(const pwf_config *config, const char *key);

/** Prints every key with type, default, range and meaning: for --help (plain) or docs (Markdown).
 * Local. */
void pwf_config_print_help(FILE *out);
void pwf_config_print_markdown(FILE *out);

/** The YAML library in use, as "libyaml 0.2.5".
 * Local. */
const char *pwf_config_library(void);

#endif
