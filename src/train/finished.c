/* SPDX-License-Identifier: BSD-3-Clause */
/* What one does with a finished network. */
#include "pwf/train/train.h"
#include "trainer.h"

static pwf_status evaluate(pwf_trainer *t, const char *file, bool ensemble, pwf_evaluation *out)
{
    PWF_TRY(pwf_network_read(t->mesh, file, t->state, &out->network));
    if (ensemble && !out->network.has_sigma)
        return PWF_FAIL(PWF_DATA,
                        "%s has no sigma to draw weights with: only a checkpoint of a Bayesian "
                        "phase or a round has",
                        file);
    t->position = out->network.facts.position;
    out->images = pwf_dataset_count(t->test_data);
    return pwf_evaluate_measure(t, ensemble, &out->measures);
}

pwf_status pwf_train_evaluate(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                              bool ensemble, pwf_evaluation *out)
{
    pwf_trainer *t = NULL;
    PWF_TRY(pwf_trainer_new_network(mesh, config, true, &t));
    const pwf_status status = evaluate(t, file, ensemble, out);
    pwf_trainer_free(t);
    return status;
}
