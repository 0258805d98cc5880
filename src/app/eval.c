/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf eval: evaluates a saved network on the test images. Called by main on all ranks, each of
 * which evaluates its share; rank 0 reads the settings and prints. Reads the network's file and the
 * data. */
#include "app.h"

#include "pwf/core/json.h"
#include "pwf/core/terminal.h"
#include "pwf/infer/infer.h"

#include <stdio.h>
#include <string.h>

static const pwf_app_option options[] = {
    {PWF_APP_OPTION_CONFIG},
    {PWF_APP_OPTION_SET},
    {PWF_APP_OPTION_MODEL},
    {.name = "--ensemble", .help = "also evaluate an ensemble of eval.samples sampled networks"},
    {.name = "--precision",
     .argument = "fp32|bf16",
     .help = "precision of matrix-product inputs; default fp32, as in the evaluations of a run"},
    {PWF_APP_OPTION_JSON},
};

/* What is printed: the network's file, its settings, and what was measured. */
typedef struct eval_page {
    const char *file, *precision; /* "fp32" or "bf16" */
    const pwf_config *config;
    const pwf_evaluation *found;
} eval_page;

/* The results as text. A file without codes has no fixed weights to count, but unique values and
 * entropy are measured in any case. */
static void print_page(const eval_page *p)
{
    const pwf_config *config = p->config;
    const pwf_evaluation *e = p->found;
    const pwf_report_eval *m = &e->measures;
    printf("%s: %s on %lld test images from %s\n\n", p->file, config->model.name,
           (long long)e->images, config->data.path);
    printf("  top-1, top-5        %.2f %%, %.2f %%\n", 100 * m->top1, 100 * m->top5);
    printf("  loss                %.4f (mean negative log-likelihood)\n", m->loss);
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
    if (strcmp(p->precision, "bf16") == 0)
        printf("\nMatrix-product inputs were rounded to bf16; a run evaluates in fp32.\n");
}

/* The results as JSON; the names of the members are a public interface. */
static pwf_status print_json(const eval_page *p)
{
    const pwf_evaluation *e = p->found;
    const pwf_report_eval *m = &e->measures;
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "file", p->file);
    pwf_json_set_text(j, "model", p->config->model.name);
    pwf_json_set_text(j, "data", p->config->data.path);
    pwf_json_set_text(j, "precision", p->precision);
    pwf_json_set_int(j, "images", e->images);
    pwf_json_set_int(j, "step", e->network.facts.position.step);
    pwf_json_set_int(j, "round", e->network.facts.position.round);
    pwf_json_set_int(j, "weights", m->weights);
    if (e->network.has_codes) pwf_json_set_real(j, "fixed", m->fixed);
    pwf_report_measures(j, m);
    return pwf_app_print_json(j);
}

/* All ranks evaluate; rank 0 prints, and all ranks agree on the outcome. The arguments are the same
 * on every rank, so a wrong precision fails on all of them without communication. */
static pwf_status eval(const pwf_mesh *launch, const pwf_app_args *args)
{
    pwf_config config;
    const char *asked = pwf_app_value(args, "--precision");
    pwf_evaluation found;
    const eval_page p = {args->operand[0], asked ? asked : "fp32", &config, &found};
    const bool bf16 = strcmp(p.precision, "bf16") == 0;
    pwf_mesh *mesh = NULL;
    if (!bf16 && strcmp(p.precision, "fp32") != 0)
        return pwf_app_usage(args->command, "--precision %.40s: must be fp32 or bf16", p.precision);
    PWF_TRY(pwf_app_settle_network(launch, args, bf16 ? PWF_BF16 : PWF_FP32, &config));
    PWF_TRY(pwf_mesh_new((int)config.parallel.shards, &mesh));
    pwf_status s = pwf_infer_evaluate(mesh, &config, args->operand[0],
                                      pwf_app_value(args, "--ensemble") != NULL,
                                      pwf_terminal_rewrites(), &found);
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        if (pwf_app_value(args, "--json"))
            s = print_json(&p);
        else
            print_page(&p);
    }
    s = pwf_mesh_agree(mesh, s);
    pwf_mesh_free(mesh);
    return s;
}

const pwf_app_command pwf_app_eval = {
    .name = "pwf eval",
    .operands = "MODEL",
    .help = "Evaluates a checkpoint, model, .pwf, safetensors, PyTorch or NumPy file on the test "
            "images. "
            "Also under mpirun.",
    PWF_APP_OPTIONS(options),
    .run_on = eval,
};
