/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_INFER_INFER_H
#define PWF_INFER_INFER_H

#include "pwf/ckpt/network.h"
#include "pwf/config/config.h"
#include "pwf/report/report.h"

/** Evaluation and prediction with the network of a file. */

/** Result of an evaluation. */
typedef struct pwf_evaluation {
    pwf_network network;      /* what the file contains besides the weights */
    int64_t images;           /* test images */
    pwf_report_eval measures; /* `unique` and the entropies on rank 0 only */
} pwf_evaluation;

/** Measures the network of a file of any format on the test images of the configuration; with
 * `ensemble` also the mean of eval.samples draws from its posterior. parallel.precision is the
 * precision of matrix-product inputs. `live` on rank 0 shows progress on its terminal.
 * Collective over the mesh; all ranks pass the same other arguments. Exact: in fp32, for a
 * checkpoint, the values that the trainer measured in its state. Fails with PWF_DATA (no posterior
 * to draw from), PWF_NUMBERS, or as opening the images, building the model and reading the file
 * do. */
pwf_status pwf_infer_evaluate(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                              bool ensemble, bool live, pwf_evaluation *out);

/** Logits of a set of images. */
typedef struct pwf_prediction {
    int64_t images, classes;
    float *logits; /* [images, classes] */
    const char *
        *names; /* [images]: files relative to the folder; NULL for images of an HDF5 file */
    char *text; /* storage of the names */
} pwf_prediction;

/** Computes the logits of the network of a file. `images` is an HDF5 file with normalised values in
 * the dataset `images`, or a folder whose image files, at any depth, are transformed as test images
 * are (data.*). They are processed in chunks of eval.batch images.
 * Collective over the mesh; all ranks get all logits. Exact: the same bits for any number of ranks
 * and threads. The caller frees the result with pwf_infer_free_prediction. Fails with PWF_DATA
 * (images that do not fit the model, are not finite or cannot be decoded), PWF_NUMBERS (a logit is
 * not finite), or as building the model and reading the files do; nothing is then held. */
pwf_status pwf_infer_predict(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                             const char *images, pwf_prediction *out);

/** Frees what a prediction holds.
 * Local. */
void pwf_infer_free_prediction(pwf_prediction *prediction);

#endif
