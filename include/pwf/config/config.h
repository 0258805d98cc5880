/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CONFIG_CONFIG_H
#define PWF_CONFIG_CONFIG_H

#include "pwf/ckpt/config.h"
#include "pwf/cluster/config.h"
#include "pwf/core/list.h"
#include "pwf/core/log.h"
#include "pwf/core/status.h"
#include "pwf/data/dataset.h"
#include "pwf/image/config.h"
#include "pwf/models/config.h"
#include "pwf/optim/config.h"
#include "pwf/posterior/config.h"

#include <stdio.h>

/** The configuration of a run. One table (src/config/table.c) defines every key; it drives
 * YAML files, --set, PWF_<GROUP>_<KEY> variables, --help and docs/reference/options.md.
 * Whatever the order of the calls below, a key keeps the value of the origin with the highest
 * precedence (pwf_origin).
 *
 * A group is declared by the room that uses it, in include/pwf/ROOM/config.h, so that rooms depend
 * on their own settings only and this room stands above them. Groups of the run as a whole are
 * declared here. */

enum { PWF_CONFIG_KEYS_MAX = 128 };

typedef struct pwf_train_config {
    int64_t seed, batch; /* images of a step, all ranks together */
    double baseline_epochs, baseline_lr;
    pwf_schedule_kind baseline_schedule;
    double label_smoothing;
    int64_t norm_batches;
} pwf_train_config;

typedef struct pwf_parallel_config {
    int64_t slots;
    pwf_tensor_backend backend;
    pwf_precision precision; /* PWF_PRECISION_AUTO only before the run begins */
    int64_t shards, threads;
    bool recompute;
} pwf_parallel_config;

/* Limits in seconds; 0: no limit. */
typedef struct pwf_watchdog_config {
    double start, step, fix, evaluate, checkpoint, finish;
    int64_t interval; /* steps between comparisons of the ranks; 0: none */
    bool memory;      /* hash the state between steps */
    double spike;     /* multiple of the largest recent loss; 0: no check */
} pwf_watchdog_config;

typedef enum pwf_ensemble { PWF_ENSEMBLE_LAST, PWF_ENSEMBLE_ALL, PWF_ENSEMBLE_NONE } pwf_ensemble;

typedef struct pwf_eval_config {
    int64_t samples, bins, batch;
    pwf_ensemble ensemble;
} pwf_eval_config;

typedef enum pwf_log_format { PWF_LOG_AUTO, PWF_LOG_PLAIN, PWF_LOG_LOGFMT } pwf_log_format;
typedef enum pwf_switch { PWF_SWITCH_AUTO, PWF_SWITCH_ON, PWF_SWITCH_OFF } pwf_switch;

typedef struct pwf_log_config {
    int64_t interval; /* steps */
    pwf_level level;
    pwf_log_format format;
    pwf_switch progress;
    bool trace;
    int64_t trace_from, trace_steps;
} pwf_log_config;

typedef struct pwf_config {
    char output[PWF_PATH]; /* run directory */
    pwf_model_config model;
    pwf_data_config data;
    pwf_augment_config augment;
    pwf_posterior_config posterior;
    pwf_fixing_config fixing;
    pwf_train_config train;
    pwf_optim_config optim;
    pwf_parallel_config parallel;
    pwf_checkpoint_config checkpoint;
    pwf_watchdog_config watchdog;
    pwf_eval_config eval;
    pwf_log_config log;
    /* pwf_origin of each key's value; indexed as the table. */
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

/** Reads a YAML file (128 KiB at most) over `config`.
 * Local. Fails with PWF_MISSING, PWF_DENIED, PWF_IO or PWF_RESOURCE if it cannot be read, else
 * with PWF_CONFIG, naming file, line and column, and the allowed range or the nearest key;
 * `config` is then partly set. */
pwf_status pwf_config_read_file(pwf_config *config, const char *path);

/** Reads YAML text. `name` is the name of the file in messages, `origin` the origin of its keys.
 * Local. Fails as pwf_config_read_file. */
pwf_status pwf_config_read_text(pwf_config *config, const char *text, size_t length,
                                const char *name, pwf_origin origin);

/** Applies every PWF_<GROUP>_<KEY> variable of the environment (PWF_OUTPUT for `output`). Other
 * variables that begin with PWF_ and the name of a group are refused; PWF_TEST_* is ignored.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_config_read_environment(pwf_config *config);

/** Applies one "group.key=value" of the command line.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_config_set(pwf_config *config, const char *assignment);

/** Checks rules between several keys: slots divide the batch, fractions increase, one mean per
 * channel or one for all, no keys of a family that model.name does not read, and so on.
 * Local. Fails with PWF_CONFIG, naming the keys. */
pwf_status pwf_config_check(const pwf_config *config);

/** Writes the whole configuration as commented YAML that reads back to the same bits, without keys
 * of a family that model.name does not read.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE. */
pwf_status pwf_config_write(const pwf_config *config, char **text);

/** Fails with PWF_CONFIG, naming each key and both values, if `now` differs from `stored` in a key
 * that is not resumable.
 * Local. */
pwf_status pwf_config_same(const pwf_config *stored, const pwf_config *now);

/** Keeps the precision of a resumed run: parallel.precision auto in `now` becomes the stored one.
 * If `stored` has auto, its checkpoint predates the key and both become fp32.
 * Local. */
void pwf_config_keep_precision(pwf_config *stored, pwf_config *now);

/** The origin of the value of a key, for example "model.depths".
 * Local. */
pwf_origin pwf_config_origin(const pwf_config *config, const char *key);

/** Whether the value of a key, for example "model.depths", is not from the defaults.
 * Local. */
bool pwf_config_is_set(const pwf_config *config, const char *key);

/** What pwf_dataset_open and pwf_model_build take from the configuration.
 * Local. The result points into `config`. */
pwf_dataset_request pwf_config_dataset(const pwf_config *config);
pwf_model_request pwf_config_model(const pwf_config *config);

/** Prints every key with type, default, range and meaning: as plain text for --help or as Markdown
 * for docs/reference/options.md.
 * Local. */
void pwf_config_print_help(FILE *out);
void pwf_config_print_markdown(FILE *out);

/** Returns the version of libyaml in use, for example "0.2.5".
 * Local. */
const char *pwf_config_library(void);

#endif
