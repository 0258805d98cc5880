/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of evaluations and the sentence that summarises a run, as text. Called by summary.c
 * and, for the unfixed network, by plot.c. Pure functions of the rows; write to the given stream.
 */
#include "report_room.h"

#include <inttypes.h>
#include <math.h>

/* Evaluations before the first round have round 0; the last of them is the reference. */
const pwf_report_eval *pwf_summary_unfixed(const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *found = NULL;
    for (int i = 0; i < count; i++)
        if (rows[i].round == 0 && !rows[i].final) found = &rows[i];
    return found;
}

/* Percent rounded down to two decimals, so that 100.00 % means all weights. The small term absorbs
 * the rounding error of the product. */
static double whole_percent(double share)
{
    return share >= 1 ? 100 : floor(share * 10000 + 1e-6) / 100;
}

/* Accuracy differences below half of the last printed digit count as equal. */
void pwf_summary_sentence(char text[400], const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *last = &rows[count - 1], *before = pwf_summary_unfixed(rows, count);
    char weights[32] = "the", values[32], against[120] = "";
    if (last->weights > 0) pwf_text_count(weights, last->weights);
    pwf_text_count(values, last->unique);
    if (before && before != last) {
        const double points = 100 * (last->top1 - before->top1);
        if (fabs(points) < 0.005)
            snprintf(against, sizeof against, ", the same as the unfixed network");
        else
            snprintf(against, sizeof against, ", %.2f points %s the unfixed network (%.2f %%)",
                     fabs(points), points < 0 ? "below" : "above", 100 * before->top1);
    }
    snprintf(text, 400, "%.2f %% of %s weights fixed%s %s value%s (%.2f bits); top-1 %.2f %%%s.",
             whole_percent(last->fixed), weights, last->fixed >= 1 ? " on" : ";", values,
             last->unique == 1 ? "" : "s", last->entropy, 100 * last->top1, against);
}

/* One row per evaluation, then the most recent ensemble, which not every evaluation has. */
void pwf_summary_print(FILE *out, const pwf_report_eval *rows, int count)
{
    fprintf(out, "%5s  %7s  %7s  %7s  %8s  %11s  %7s  %13s\n", "round", "fixed %", "top-1 %",
            "top-5 %", "loss", "unique", "entropy", "without zeros");
    bool final = false;
    for (int i = 0; i < count; i++) {
        const pwf_report_eval *e = &rows[i];
        char round[24], values[32];
        snprintf(round, sizeof round, "%" PRId64, e->round);
        pwf_text_count(values, e->unique);
        final = final || e->final;
        fprintf(out, "%5s  %7.2f  %7.2f  %7.2f  %8.4f  %11s  %7.2f  %13.2f\n",
                e->final ? "end" : round, whole_percent(e->fixed), 100 * e->top1, 100 * e->top5,
                e->loss, values, e->entropy, e->entropy_nonzero);
    }
    fprintf(out, "Entropy in bits per weight.");
    if (final)
        fprintf(out, " Row end: after the last round, with re-estimated BatchNorm statistics.");
    fprintf(out, "\n");
    for (int i = count - 1; i >= 0; i--)
        if (rows[i].has_ensemble) {
            fprintf(out,
                    "Ensemble%s: top-1 %.2f %%, negative log-likelihood %.4f, calibration "
                    "error %.2f %%.\n",
                    i == count - 1 ? "" : " of an earlier evaluation", 100 * rows[i].ensemble_top1,
                    rows[i].ensemble_nll, 100 * rows[i].ensemble_ece);
            break;
        }
}

/* Sizes of model.pwf; the entropy bound is rounded up to whole bytes. */
void pwf_summary_compact(FILE *out, const pwf_report_compact *compact)
{
    char file[32], indices[32], coded[32], bound[32], fp32[32];
    if (compact->file == 0) return;
    pwf_text_count(file, compact->file);
    pwf_text_count(indices, compact->indices);
    pwf_text_count(coded, compact->coded);
    pwf_text_count(bound, (int64_t)ceil(compact->bound));
    pwf_text_count(fp32, compact->fp32);
    fprintf(out,

            "As model.pwf %s bytes: %s for the codes of %s weights (entropy bound %s), the rest "
            "fp32. All weights as fp32: %s bytes.\n",
            file, indices, coded, bound, fp32);
}
