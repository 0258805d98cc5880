/* SPDX-License-Identifier: BSD-3-Clause */
/* Detects loss spikes, as after a bit flip in a weight or when a run begins to diverge. Healthy
 * losses jump too: in small batches because of a single image, and losses near 0 by any factor. A
 * loss is therefore never a spike below the loss of guessing, nor before there is a history. Called
 * by the guard and the step; pure functions of the history in the checkpoint. */
#include "guard.h"

#include "pwf/core/select.h"

#include <math.h>
#include <string.h>

enum { HISTORY_MIN = 20 }; /* losses needed before a spike can be found */

static const double LN_2 = 0.6931471805599453;
static const double IMAGE_LOSS = 32.0;     /* above the loss of a single image in a healthy run */
static const double LARGEST = 2.0;         /* times the largest loss of the history */
static const double DEVIATIONS = 8.0;      /* robust standard deviations above the median */
static const double MAD_TO_SIGMA = 1.4826; /* median absolute deviation to sigma, normal data */

/* An upper bound of the loss of guessing, ln(classes), without a logarithm, plus room for one bad
 * image in the batch. */
static double guessing_loss(int64_t classes, int64_t batch)
{
    int bits = 0;
    while (((int64_t)1 << bits) < classes)
        bits++;
    return LN_2 * bits + IMAGE_LOSS / (double)batch;
}

bool pwf_losses_spike(const pwf_losses *past, double loss, double factor, int64_t classes,
                      int64_t batch)
{
    if (factor <= 0.0 || past->count < HISTORY_MIN || loss <= guessing_loss(classes, batch))
        return false;
    double largest = past->value[0], values[PWF_LOSSES_MAX];
    for (int64_t i = 1; i < past->count; i++)
        largest = past->value[i] > largest ? past->value[i] : largest;
    if (loss > factor * largest) return true;
    if (loss <= (factor < LARGEST ? factor : LARGEST) * largest) return false;
    memcpy(values, past->value, (size_t)past->count * sizeof *values);
    const double middle = pwf_median(values, past->count);
    for (int64_t i = 0; i < past->count; i++)
        values[i] = fabs(values[i] - middle);
    return loss - middle > DEVIATIONS * MAD_TO_SIGMA * pwf_median(values, past->count);
}

void pwf_losses_add(pwf_losses *past, double loss)
{
    if (past->count == PWF_LOSSES_MAX)
        memmove(past->value, past->value + 1, (PWF_LOSSES_MAX - 1) * sizeof *past->value);
    else
        past->count++;
    past->value[past->count - 1] = loss;
}
