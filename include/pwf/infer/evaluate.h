/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_INFER_EVALUATE_H
#define PWF_INFER_EVALUATE_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/infer/engine.h"
#include "pwf/report/report.h"

/** Measures of a network on the test images (docs/explanation/method.md, section 5). */

/** How an evaluation takes part in a run. */
typedef struct pwf_evaluation_hooks {
    /* Agrees on a status as pwf_mesh_agree does; may fail with PWF_STOPPED on all ranks to end the
     * evaluation early. Collective. */
    pwf_status (*agree)(void *context, pwf_status local);
    /* Shows progress: `done` of `total`, after `passes` more passes over the test images (a
     * fraction). Called on the MPI thread, often many times a second. */
    void (*progress)(void *context, const char *what, int64_t done, int64_t total, double passes);
    void *context;
} pwf_evaluation_hooks;

/** Measures the state of an engine that has test images: accuracy, loss and calibration of the mean
 * weights in `precision`, and with `ensemble` of the averaged probabilities of eval.samples draws.
 * `position` seeds the draws (step) and labels the result. `hooks` may be NULL.
 * Collective over the mesh. `out` is the same on every rank, except that `unique` and the entropies
 * are set on rank 0 only. Exact: the same bits for any mesh. Fails with PWF_NUMBERS (logits that
 * are not finite), PWF_RESOURCE, or as loading images and hooks->agree do. */
pwf_status pwf_engine_evaluate(pwf_engine *engine, const pwf_position *position,
                               pwf_precision precision, bool ensemble,
                               const pwf_evaluation_hooks *hooks, pwf_report_eval *out);

#endif
