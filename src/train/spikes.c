/* SPDX-License-Identifier: BSD-3-Clause */
/* A loss that jumps, as after a bit of a weight has turned or when a run begins to diverge. Healthy
 * losses jump too: those of small batches by single images, small ones by any factor. So a loss is
 * never called a jump below what guessing gives, nor before there is something to compare with. */
#include "trainer.h"

#include "pwf/core/select.h"

#include <math.h>
#include <string.h>

enum { FEW = 20 }; /* steps of a phase in which anything goes */

static const double LN_2 = 0.6931471805599453;
static const double IMAGE = 32.0;    /* more than one image of a healthy run loses */
static const double TWICE = 2.0;     /* times the largest, and so many robust deviations */
static const double STRAYS = 8.0;    /* above the median */
static const double NORMAL = 1.4826; /* from the median deviation of normal numbers to theirs */

/* At least the loss of guessing, ln(classes), without a logarithm; and room for a bad image. */
static double guessing(int64_t classes, int64_t batch)
{
    int bits = 0;
    while (((int64_t)1 << bits) < classes)
        bits++;
    return LN_2 * bits + IMAGE / (double)batch;
}

bool pwf_losses_jump(const pwf_losses *past, double loss, double factor, int64_t classes,
                     int64_t batch)
{
    if (factor <= 0.0 || past->count < FEW || loss <= guessing(classes, batch)) return false;
    double most = past->value[0], sorted[PWF_LOSSES_MAX];
    for (int64_t i = 1; i < past->count; i++)
        most = past->value[i] > most ? past->value[i] : most;
    if (loss > factor * most) return true;
    if (loss <= (factor < TWICE ? factor : TWICE) * most) return false;
    memcpy(sorted, past->value, (size_t)past->count * sizeof *sorted);
    const double middle = pwf_median(sorted, past->count);
    for (int64_t i = 0; i < past->count; i++)
        sorted[i] = fabs(sorted[i] - middle);
    return loss - middle > STRAYS * NORMAL * pwf_median(sorted, past->count);
}

void pwf_losses_add(pwf_losses *past, double loss)
{
    if (past->count == PWF_LOSSES_MAX)
        memmove(past->value, past->value + 1, (PWF_LOSSES_MAX - 1) * sizeof *past->value);
    else
        past->count++;
    past->value[past->count - 1] = loss;
}
