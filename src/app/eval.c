/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf eval: the measures of a finished network. */
#include "app.h"
#include "network.h"
#include "pwf/core/json.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pwf_status usage(const char *problem, const char *what)
{
    return PWF_FAIL(PWF_USAGE,
                    "%s%.200s; usage: pwf eval MODEL [-c FILE.yaml] [--set KEY=VALUE ...] "
                    "[--model NAME] [--ensemble] [--precision fp32|bf16] [--json]",
                    problem, what);
}

typedef struct command {
    pwf_app_network network;
    bool ensemble, json;
} command;

static pwf_status read_precision(const char *word, pwf_app_network *network)
{
    if (strcmp(word, "fp32") != 0 && strcmp(word, "bf16") != 0)
        return usage("--precision is fp32 or bf16, not ", word);
    network->precision = strcmp(word, "bf16") == 0 ? PWF_PRECISION_BF16 : PWF_PRECISION_FP32;
    return pwf_ok();
}

static pwf_status parse(int argc, char **argv, command *c)
{
    memset(c, 0, sizeof *c);
    for (int i = 1; i < argc; i++) {
        bool taken = false;
        PWF_TRY(pwf_app_network_option(argc, argv, &i, &c->network, &taken));
        if (taken) continue;
        if (strcmp(argv[i], "--ensemble") == 0)
            c->ensemble = true;
        else if (strcmp(argv[i], "--json") == 0)
            c->json = true;
        else if (strcmp(argv[i], "--precision") == 0 && i + 1 < argc)
            PWF_TRY(read_precision(argv[++i], &c->network));
        else if (argv[i][0] == '-' && argv[i][1])
            return usage("no option, or no value for ", argv[i]);
        else if (c->network.file)
            return usage("more than one file: ", argv[i]);
        else
            c->network.file = argv[i];
    }
    return c->network.file ? pwf_ok() : usage("no file given", "");
}

static void print_page(const command *c, const pwf_config *config, const pwf_evaluation *e)
{
    const pwf_report_eval *m = &e->measures;
    printf("%s: %s on %lld test images from %s\n\n", c->network.file, config->model.name,
           (long long)e->images, config->data.path);
    printf("  top-1, top-5        %.2f %%, %.2f %%\n", 100 * m->top1, 100 * m->top5);
    printf("  log-likelihood      %.4f, negative\n", m->loss);
    printf("  calibration error   %.2f %%\n", 100 * m->ece);
    if (m->has_ensemble)
        printf(
            "  ensemble of %-7lld top-1 %.2f %%, negative log-likelihood %.4f, calibration error "
            "%.2f %%\n",
            (long long)config->eval.samples, 100 * m->ensemble_top1, m->ensemble_nll,
            100 * m->ensemble_ece);
    if (e->network.has_codes) printf("  fixed               %.2f %%\n", 100 * m->fixed);
    printf("  unique values       %lld\n", (long long)m->unique);
    printf("  entropy             %.3f bits, %.3f without zeros\n", m->entropy, m->entropy_nonzero);
    if (c->network.precision == PWF_PRECISION_BF16)
        printf("\nMeasured with products of bf16 numbers; measures of record are of fp32.\n");
}

static pwf_status print_json(const command *c, const pwf_config *config, const pwf_evaluation *e)
{
    const pwf_report_eval *m = &e->measures;
    char *text = NULL;
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "file", c->network.file);
    pwf_json_set_text(j, "model", config->model.name);
    pwf_json_set_text(j, "data", config->data.path);
    pwf_json_set_text(j, "precision", c->network.precision == PWF_PRECISION_BF16 ? "bf16" : "fp32");
    pwf_json_set_int(j, "images", e->images);
    pwf_json_set_int(j, "step", e->network.position.step);
    pwf_json_set_int(j, "round", e->network.position.round);
    pwf_json_set_int(j, "weights", m->weights);
    if (e->network.has_codes) pwf_json_set_real(j, "fixed", m->fixed);
    pwf_report_measures(j, m);
    const pwf_status s = pwf_json_text(j, 2, &text);
    if (s.code == PWF_OK) puts(text);
    free(text);
    pwf_json_free(j);
    return s;
}

static pwf_status print(const command *c, const pwf_config *config, const pwf_evaluation *e)
{
    if (c->json) return print_json(c, config, e);
    print_page(c, config, e);
    return pwf_ok();
}

pwf_status pwf_app_eval(const pwf_mesh *launch, int argc, char **argv)
{
    static command c; /* the settings are much for a stack */
    static pwf_config config;
    pwf_mesh *mesh = NULL;
    pwf_evaluation found;
    PWF_TRY(pwf_mesh_agree(launch, parse(argc, argv, &c)));
    PWF_TRY(pwf_app_network_settle(launch, &c.network, &config));
    PWF_TRY(pwf_mesh_new((int)config.parallel.shards, &mesh));
    pwf_status s = pwf_train_evaluate(mesh, &config, c.network.file, c.ensemble, &found);
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0) s = print(&c, &config, &found);
    s = pwf_mesh_agree(mesh, s);
    pwf_mesh_free(mesh);
    return s;
}
