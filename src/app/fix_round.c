/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf fix-round: runs one fixing round on the weights in an HDF5 file, as a run does between two
 * phases of training. Called by main on all ranks, each of which owns a range of the weights. The
 * settings of the round come from --set, the attributes of the file, or the defaults, in this
 * order. Reads one file, writes another, and prints a summary on rank 0. */
#include "app.h"

#include "pwf/arrays/round_file.h"
#include "pwf/cluster/round.h"
#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct fix_job {
    const pwf_mesh *mesh;
    const char *in, *out;
    pwf_config given;          /* defaults and --set */
    pwf_fixing_config config;  /* of the one round */
    pwf_round_weights weights; /* this rank's range, [own] each */
    pwf_codebook codebook;     /* empty before the round */
    uint8_t *fixed;            /* [own]: 1 for a fixed weight, as the files store it */
    pwf_round_result result;   /* the same on every rank */
    pwf_round_row *rows;       /* [result.count]: greedy steps in the form of the file */
} fix_job;

/* The parameters of a round: name of the attribute, and key of the setting that describes it. There
 * is one fraction here, where a run has a list. */
typedef struct parameter {
    const char *name, *key;
} parameter;

static const parameter parameters[] = {
    {"fraction", "fixing.fractions"},        {"delta", "fixing.delta"},
    {"delta_growth", "fixing.delta_growth"}, {"min_power", "fixing.min_power"},
    {"zero_fix", "fixing.zero_fix"},         {"max_order", "fixing.max_order"},
    {"sigma_join", "fixing.sigma_join"}};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

static const char *const join_words[] = {PWF_SIGMA_JOIN_WORDS};

static const pwf_app_option options[] = {
    {.name = "--output",
     .letter = "-o",
     .argument = "OUT.h5",
     .required = true,
     .help = "file to write: mu, sigma, fixed, and the greedy steps"},
    {.name = "--set",
     .argument = "NAME=VALUE",
     .key = "",
     .help =
         "fraction, delta, delta_growth, min_power, max_order, zero_fix or sigma_join; default: "
         "the attribute of that name of the input file, else the default of fixing.NAME"},
};

/* Applies NAME=VALUE or fixing.NAME=VALUE to the settings. Only the parameters of one round are
 * accepted: other keys of the group have no effect here. */
static pwf_status set_parameter(const pwf_app_args *args, const char *assignment,
                                pwf_config *config)
{
    const char *name = assignment;
    if (strncmp(name, "fixing.", 7) == 0) name += 7;
    const size_t length = strcspn(name, "=");
    for (int i = 0; i < PARAMETERS; i++) {
        if (strlen(parameters[i].name) != length || strncmp(name, parameters[i].name, length) != 0)
            continue;
        char text[PWF_TEXT];
        if (snprintf(text, sizeof text, "%s%s", parameters[i].key, name + length) >=
            (int)sizeof text)
            return pwf_app_usage(args->command, "--set %.100s...: too long", assignment);
        PWF_TRY(pwf_config_set(config, text));
        if (config->fixing.fractions.count != 1 && i == 0)
            return pwf_app_usage(args->command, "--set %.100s: must be one number", assignment);
        return pwf_ok();
    }
    return pwf_app_usage(args->command, "--set %.100s: there is no such parameter", assignment);
}

/* Reads the command line. The output must not be the input, under any name: a failure while it
 * is written would lose the weights. */
static pwf_status fill(const pwf_app_args *args, fix_job *j)
{
    pwf_config_defaults(&j->given);
    j->in = args->operand[0];
    j->out = pwf_app_value(args, "--output");
    for (int i = 0; i < args->sets; i++)
        PWF_TRY(set_parameter(args, args->set[i].value, &j->given));
    if (pwf_path_is_same(j->in, j->out))
        return pwf_app_usage(args->command, "the output would replace the input %s", j->in);
    return pwf_ok();
}

/* A parameter from --set, else from the attribute of the file, else its default. The fraction has
 * no default: a run takes it from a list with a value per round. */
static pwf_status settle(const fix_job *j, const pwf_round_input *input, const char *name,
                         const char *key, double *value)
{
    bool found = false;
    if (pwf_config_is_set(&j->given, key)) return pwf_ok();
    PWF_TRY(pwf_round_input_number(input, name, value, &found));
    PWF_FAIL_IF(!found && strcmp(name, "fraction") == 0, PWF_CONFIG,
                "%s has no attribute fraction, and there is no --set fraction=VALUE", j->in);
    return pwf_ok();
}

/* The same for an integer; attributes are read as doubles. */
static pwf_status settle_whole(const fix_job *j, const pwf_round_input *input, const char *name,
                               const char *key, int64_t *value)
{
    double number = (double)*value;
    PWF_TRY(settle(j, input, name, key, &number));
    PWF_FAIL_IF(!(number >= -1e6 && number <= 1e6) || (double)(int64_t)number != number, PWF_DATA,
                "the attribute %s of %s is %g: must be an integer from -1000000 to 1000000", name,
                j->in, number);
    *value = (int64_t)number;
    return pwf_ok();
}

/* The same for sigma_join, which is a word. */
static pwf_status settle_join(const fix_job *j, const pwf_round_input *input, pwf_sigma_join *join)
{
    char text[PWF_TEXT] = "";
    bool found = false;
    if (pwf_config_is_set(&j->given, "fixing.sigma_join")) return pwf_ok();
    PWF_TRY(pwf_round_input_text(input, "sigma_join", text, sizeof text, &found));
    for (int i = 0; found && i < PWF_JOIN_COUNT; i++)
        if (strcmp(text, join_words[i]) == 0) {
            *join = (pwf_sigma_join)i;
            return pwf_ok();
        }
    PWF_FAIL_IF(found, PWF_DATA,
                "the attribute sigma_join of %s is '%.100s'; it must be std_mu, keep, "
                "divide_by_2 or divide_by_10",
                j->in, text);
    return pwf_ok();
}

/* Fills all settings; those of the file are validated by the round itself. */
static pwf_status settle_all(fix_job *j, const pwf_round_input *input)
{
    pwf_fixing_config *s = &j->config;
    int64_t zero = j->given.fixing.zero_fix;
    *s = j->given.fixing;
    PWF_TRY(settle(j, input, "fraction", "fixing.fractions", &s->fractions.at[0]));
    PWF_TRY(settle(j, input, "delta", "fixing.delta", &s->delta));
    PWF_TRY(settle(j, input, "delta_growth", "fixing.delta_growth", &s->delta_growth));
    PWF_TRY(settle_whole(j, input, "min_power", "fixing.min_power", &s->min_power));
    PWF_TRY(settle_whole(j, input, "max_order", "fixing.max_order", &s->max_order));
    PWF_TRY(settle_whole(j, input, "zero_fix", "fixing.zero_fix", &zero));
    s->zero_fix = zero != 0;
    return settle_join(j, input, &s->sigma_join);
}

/* Reads this rank's range. A weight that was fixed before keeps its value; any code but PWF_FREE
 * marks it. */
static pwf_status load(fix_job *j)
{
    pwf_round_input *input = NULL;
    PWF_TRY(pwf_round_input_open(j->in, &input));
    pwf_round_weights *w = &j->weights;
    w->total = pwf_round_input_total(input);
    w->own = pwf_shard_range(w->total, pwf_mesh_size(j->mesh, PWF_WORLD),
                             pwf_mesh_rank(j->mesh, PWF_WORLD));
    const int64_t local = pwf_range_length(w->own);
    pwf_status s = settle_all(j, input);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_STATE, local, sizeof *w->mu, &w->mu);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_STATE, local, sizeof *w->sigma, &w->sigma);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_STATE, local, sizeof *w->code, &w->code);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_STATE, local, sizeof *j->fixed, &j->fixed);
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_STATE, PWF_CODES_MAX, sizeof *j->codebook.entry,
                          &j->codebook.entry);
    if (s.code == PWF_OK) s = pwf_round_input_read(input, w->own, w->mu, w->sigma, j->fixed);
    for (int64_t i = 0; i < local && s.code == PWF_OK; i++)
        w->code[i] = j->fixed[i] ? 0 : PWF_FREE;
    j->codebook.min_power = j->config.min_power;
    w->codebook = &j->codebook;
    pwf_round_input_close(input);
    return s;
}

/* Greedy steps and fixed weights in the form that the file stores. */
static pwf_status prepare_rows(fix_job *j)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, j->result.count, sizeof *j->rows, &j->rows));
    for (int64_t i = 0; i < j->result.count; i++) {
        const pwf_round_step *s = &j->result.steps[i];
        j->rows[i] = (pwf_round_row){s->order, s->delta, s->centre, s->count};
    }
    for (int64_t i = 0; i < pwf_range_length(j->weights.own); i++)
        j->fixed[i] = j->weights.code[i] != PWF_FREE;
    return pwf_ok();
}

/* The output file also stores the settings that were used. */
static pwf_status save(fix_job *j)
{
    const pwf_fixing_config *s = &j->config;
    const pwf_round_attribute attributes[] = {
        {"fraction", NULL, false, s->fractions.at[0]},
        {"delta", NULL, false, s->delta},
        {"delta_growth", NULL, false, s->delta_growth},
        {"min_power", NULL, true, (double)s->min_power},
        {"zero_fix", NULL, true, s->zero_fix ? 1.0 : 0.0},
        {"max_order", NULL, true, (double)s->max_order},
        {"sigma_join", join_words[s->sigma_join], false, 0.0}};
    PWF_TRY(pwf_mesh_agree(j->mesh, prepare_rows(j)));
    const pwf_round_output output = {.total = j->weights.total,
                                     .own = j->weights.own,
                                     .mu = j->weights.mu,
                                     .sigma = j->weights.sigma,
                                     .fixed = j->fixed,
                                     .rows = j->rows,
                                     .row_count = j->result.count,
                                     .attributes = attributes,
                                     .attribute_count = PARAMETERS};
    return pwf_round_output_write(j->mesh, j->out, &output);
}

/* Rank 0 prints the summary. */
static pwf_status run(fix_job *j)
{
    PWF_TRY(pwf_mesh_agree(j->mesh, load(j)));
    PWF_TRY(pwf_cluster_round(j->mesh, &j->config, 0, &j->weights, &j->result));
    PWF_TRY(save(j));
    if (pwf_mesh_rank(j->mesh, PWF_WORLD) == 0)
        printf("%s: %lld of %lld weights fixed, %lld greedy steps, %d centres\n", j->out,
               (long long)j->result.fixed, (long long)j->weights.total, (long long)j->result.count,
               j->codebook.count);
    return pwf_ok();
}

/* Frees everything on each path; unused pointers are NULL. The command line is checked on every
 * rank, since some ranks may not see the files. */
static pwf_status fix_round(const pwf_mesh *mesh, const pwf_app_args *args)
{
    fix_job j = {.mesh = mesh};
    pwf_status s = pwf_mesh_agree(mesh, fill(args, &j));
    if (s.code == PWF_OK) s = run(&j);
    pwf_mem_free(j.weights.mu);
    pwf_mem_free(j.weights.sigma);
    pwf_mem_free(j.weights.code);
    pwf_mem_free(j.codebook.entry);
    pwf_mem_free(j.fixed);
    pwf_mem_free(j.rows);
    pwf_mem_free(j.result.steps);
    return s;
}

const pwf_app_command pwf_app_fix_round = {
    .name = "pwf fix-round",
    .operands = "IN.h5",
    .help =
        "Runs one fixing round on the datasets mu, sigma and fixed_in of an HDF5 file. Also under "
        "mpirun.",
    PWF_APP_OPTIONS(options),
    .run_on = fix_round,
};
