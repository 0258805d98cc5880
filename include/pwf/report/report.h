/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REPORT_REPORT_H
#define PWF_REPORT_REPORT_H

#include "pwf/cluster/round.h"
#include "pwf/core/json.h"
#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** What people and programs see of a run: metrics.jsonl, rounds.csv, the progress line, the final
 * table and the plot. Used on world rank 0 only; all functions are local to it. */

typedef struct pwf_report pwf_report;

/** Opens DIR/metrics.jsonl and DIR/rounds.csv to append to them, cut to the given lengths in bytes
 * (0: a new run; existing content is discarded). `live`: a progress line on the terminal, else log
 * lines. At most one live report exists at a time. If a file is shorter than its length, or no line
 * ends there, it continues after its last complete line, with a warning.
 * Local. The caller owns the report. Fails with PWF_CANTCREATE, PWF_DENIED, PWF_IO or PWF_RESOURCE;
 * nothing is cut then. */
pwf_status pwf_report_open(const char *dir, int64_t metrics_bytes, int64_t rounds_bytes, bool live,
                           pwf_report **out);

/** Opens a report without files, for work that is not a run; only pwf_report_show and
 * pwf_report_close may be used.
 * Local. The caller owns it. Fails with PWF_RESOURCE. */
pwf_status pwf_report_open_line(bool live, pwf_report **out);

/** Wipes the progress line, closes the files and frees the report; NULL is allowed.
 * Local. Fails with PWF_IO. */
pwf_status pwf_report_close(pwf_report *report);

/** Replaces DIR/config.yaml.
 * Local. Fails with PWF_CANTCREATE, PWF_DENIED or PWF_IO. */
pwf_status pwf_report_config(pwf_report *report, const char *text);

/** Flushes all rows to disk and returns the lengths of both files in bytes.
 * Local. Fails with PWF_IO. */
pwf_status pwf_report_lengths(pwf_report *report, int64_t *metrics_bytes, int64_t *rounds_bytes);

/** Appends a row to metrics.jsonl and takes ownership of it. The member "kind" is the type of a
 * row; "evaluation" and "model" belong to this room.
 * Local. Fails with PWF_RESOURCE or PWF_IO; the file then ends with the previous row. */
pwf_status pwf_report_row(pwf_report *report, pwf_json *row);

/** Appends the greedy steps of a round to rounds.csv: all of them or none.
 * Local. Fails with PWF_IO or PWF_RESOURCE. Exact: delta and centre read back to the same bits. */
pwf_status pwf_report_round(pwf_report *report, int64_t round, const pwf_round_result *result);

/* The state of the work in progress. */
typedef struct pwf_report_progress {
    const char *phase; /* "baseline", "round 3/10", "evaluation", "fixing" */
    int64_t phase_done, phase_total;
    double units_done, units_total;
    double images_per_second; /* 0: unknown */
    double loss;              /* 0 or not finite: unknown */
    bool log_now;             /* a log line is due */
} pwf_report_progress;

/** Shows the progress: on a terminal redrawn at most ten times a second, elsewhere one log line at
 * every `log_now`. The time left is estimated from `units_done` of `units_total`, the work of the
 * whole run: steps, evaluations and rounds weighted by their time.
 * Local. */
void pwf_report_show(pwf_report *report, const pwf_report_progress *progress);

/* The results of an evaluation. */
typedef struct pwf_report_eval {
    int64_t round;           /* rounds finished; 0: before the first */
    bool final;              /* the last of the run, with re-estimated BatchNorm statistics */
    double fixed;            /* share of fixed weights, 0 to 1 */
    int64_t weights;         /* posterior parameters; 0: unknown */
    double top1, top5, loss; /* of the mean weights; accuracies 0 to 1 */
    double ece;              /* expected calibration error, 0 to 1 */
    int64_t unique;          /* distinct values of the weights */
    double entropy, entropy_nonzero; /* bits per weight; without zeros */
    bool has_ensemble;
    double ensemble_top1, ensemble_nll, ensemble_ece;
} pwf_report_eval;

/** Sets the members top1 to ensemble_ece of `object` under these names; those of the ensemble only
 * if there is one.
 * Local. */
void pwf_report_measures(pwf_json *object, const pwf_report_eval *evaluation);

/** Appends an evaluation to metrics.jsonl, with step, duration in seconds and fingerprint.
 * Local. Fails with PWF_IO or PWF_RESOURCE. */
pwf_status pwf_report_evaluation(pwf_report *report, const pwf_report_eval *evaluation,
                                 int64_t step, double seconds, const char *fingerprint);

/* Sizes of the final model in the compact form, in bytes unless noted. */
typedef struct pwf_report_compact {
    int64_t file;    /* the whole file */
    int64_t coded;   /* number of weights that have a code */
    int64_t indices; /* their codes, with codebook and frequencies */
    double bound;    /* the entropy of their codes */
    int64_t fp32;    /* all values as fp32, for comparison */
} pwf_report_compact;

/** Appends the sizes to metrics.jsonl.
 * Local. Fails with PWF_IO or PWF_RESOURCE. */
pwf_status pwf_report_model(pwf_report *report, const pwf_report_compact *compact, int64_t step);

/** Writes the table of all evaluations in metrics.jsonl, those before a resume included, to stdout
 * and DIR/summary.txt, and DIR/rounds.svg: accuracy, entropy and unique values over the share of
 * fixed weights. `seconds` is the duration of the run.
 * Local. Fails with PWF_IO, PWF_RESOURCE or PWF_CANTCREATE, or with PWF_DATA if metrics.jsonl
 * cannot be read back. */
pwf_status pwf_report_final(pwf_report *report, const char *title, double seconds);

#endif
