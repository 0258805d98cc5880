/* SPDX-License-Identifier: BSD-3-Clause */
/* Evaluates the network of a file: `pwf eval` calls it. Opens the test images, reads the file into
 * the engine's state and runs the measures of evaluate.c; writes no file. Shows progress on the
 * terminal of rank 0. */
#include "pwf/infer/infer.h"

#include "pwf/infer/evaluate.h"
#include "pwf/models/families.h"

/* What the progress line is computed from. */
typedef struct line {
    const pwf_mesh *mesh;
    pwf_report *report; /* on rank 0, if progress is shown */
    double done, total; /* passes over the test images */
} line;

/* The hooks of an evaluation outside a run: nothing can ask it to stop, and progress is shown on
 * the terminal only. */
static pwf_status agree(void *context, pwf_status local)
{
    const line *l = context;
    return pwf_mesh_agree(l->mesh, local);
}

static void show(void *context, const char *what, int64_t done, int64_t total, double passes)
{
    line *l = context;
    l->done += passes;
    if (!l->report) return;
    const pwf_report_progress p = {.phase = what,
                                   .phase_done = done,
                                   .phase_total = total,
                                   .units_done = l->done,
                                   .units_total = l->total};
    pwf_report_show(l->report, &p);
}

/* Reads the weights and measures them. An ensemble needs the sigma of each weight, which only some
 * files contain. Collective. */
static pwf_status evaluate(pwf_engine *e, const char *file, bool ensemble, line *l,
                           pwf_evaluation *out)
{
    const pwf_evaluation_hooks hooks = {agree, show, l};
    const pwf_foreign_names *names = pwf_model_foreign_names(e->config->model.name);
    PWF_TRY(pwf_network_read(e->mesh, file, names, e->state, &out->network));
    PWF_FAIL_IF(ensemble && !out->network.has_sigma, PWF_DATA,
                "%s has no sigma to draw weights with: only checkpoints of a Bayesian "
                "phase or of a round contain it",
                file);
    out->images = pwf_dataset_count(e->feed.test);
    return pwf_engine_evaluate(e, &out->network.facts.position, e->config->parallel.precision,
                               ensemble, &hooks, &out->measures);
}

pwf_status pwf_infer_evaluate(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                              bool ensemble, bool live, pwf_evaluation *out)
{
    pwf_engine *e = NULL;
    line l = {.mesh = mesh, .total = ensemble ? 1.0 + (double)config->eval.samples : 1.0};
    PWF_TRY(pwf_engine_new(mesh, config, PWF_TO_EVALUATE, &e));
    pwf_status status = pwf_ok();
    if (live && pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = pwf_report_open_line(true, &l.report);
    status = pwf_mesh_agree(mesh, status);
    if (status.code == PWF_OK) status = evaluate(e, file, ensemble, &l, out);
    const pwf_status closed = pwf_report_close(l.report);
    pwf_engine_free(e);
    return status.code == PWF_OK ? closed : status;
}
