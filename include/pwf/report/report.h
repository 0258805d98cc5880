/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REPORT_REPORT_H
#define PWF_REPORT_REPORT_H

#include "pwf/cluster/round.h"
#include "pwf/core/json.h"
#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** What people and programs see of a run: metrics.jsonl, rounds.csv, the progress line, the final
 * table and the plots. World rank 0 alone uses this room; all functions are local to it. */

typedef struct pwf_report pwf_report;

/** Opens DIR/metrics.jsonl and DIR/rounds.csv for appending, cut back to the given lengths (0: new
 * files, whatever was there). `live`: a progress line on the terminal; else plain lines without
 * carriage returns. At most one live report exists at a time.
 * A file that is shorter, or in which no line ends there, goes on behind its last whole line, with
 * a warning.
 * Local. The caller owns it. Fails with PWF_CANTCREATE, PWF_DENIED, PWF_IO or PWF_RESOURCE;
 * nothing is cut then. */
pwf_status pwf_report_open(const char *dir, int64_t metrics_bytes, int64_t rounds_bytes, bool live,
                           pwf_report **out);

/** A report of work that is not a run: without files, for pwf_report_show alone.
 * Local. The caller owns it. Fails with PWF_RESOURCE. */
pwf_status pwf_report_open_line(bool live, pwf_report **out);

/** Wipes the progress line and closes the files; NULL is allowed.
 * Local. Fails with PWF_IO. */
pwf_status pwf_report_close(pwf_report *report);

/** Writes DIR/config.yaml anew.
 * Local. Fails with PWF_CANTCREATE, PWF_DENIED or PWF_IO. */
pwf_status pwf_report_config(pwf_report *report, const char *text);

/** Lengths of both files now, all rows flushed to disk.
 * Local. Fails with PWF_IO. */
pwf_status pwf_report_lengths(pwf_report *report, int64_t *metrics_bytes, int64_t *rounds_bytes);

/** Appends one row to metrics.jsonl and takes ownership of it. A member "kind" says what a row is;
 * "evaluation" is this room's own.
 * Local. Fails with PWF_IO (the file then ends with the row before) or PWF_RESOURCE. */
pwf_status pwf_report_row(pwf_report *report, pwf_json *row);

/** Appends the greedy steps of a round to rounds.csv: all of them or none.
 * Local. Fails with PWF_IO or PWF_RESOURCE. Delta and centre read back exactly. */
pwf_status pwf_report_round(pwf_report *report, int64_t round, const pwf_round_result *result);

/* What is being done. */
typedef struct pwf_report_progress {
    const char *phase; /* "baseline", "round 3/10", "evaluation", "fixing" */
    int64_t phase_done, phase_total;
    double units_done, units_total;
    double images_per_second; /* 0: not told */
    double loss;              /* 0 or not finite: not told */
    bool log_now;
} pwf_report_progress;

/** Tells what is being done; drawn at most ten times a second on a terminal, and as one plain line
 * at every `log_now` elsewhere. `units_done` of `units_total` is the whole run's work (steps,
 * evaluations and rounds weighed by their time), from which the time left is told.
 * Local. */
void pwf_report_show(pwf_report *report, const pwf_report_progress *progress);

/* A finished evaluation. */
typedef struct pwf_report_eval {
    int64_t round;   /* 0: before the first */
    bool final;      /* the last of the run, after BatchNorm's statistics were re-estimated */
    double fixed;    /* share */
    int64_t weights; /* posterior parameters; 0: not told */
    double top1, top5, loss; /* mean weights; top1 and top5 as shares */
    double ece;              /* of the mean weights: expected calibration error, a share */
    int64_t unique;
    double entropy, entropy_nonzero;
    bool has_ensemble;
    double ensemble_top1, ensemble_nll, ensemble_ece;
} pwf_report_eval;

/** Sets what was measured as members of `object`: top1 to ensemble_ece, under the names above; the
 * ensemble's if there is one.
 * Local. */
void pwf_report_measures(pwf_json *object, const pwf_report_eval *evaluation);

/** Appends an evaluation to metrics.jsonl; `step`, `seconds` and `fingerprint` go with it.
 * Local. Fails with PWF_IO or PWF_RESOURCE. */
pwf_status pwf_report_evaluation(pwf_report *report, const pwf_report_eval *evaluation,
                                 int64_t step, double seconds, const char *fingerprint);

/* Sizes of the final model's compact form in bytes. */
typedef struct pwf_report_compact {
    int64_t file;    /* all of it */
    int64_t coded;   /* weights in it that have a code */
    int64_t indices; /* what their codes take, with codebook and frequencies */
    double bound;    /* what their entropy alone would take */
    int64_t fp32;    /* all values as fp32, for comparison */
} pwf_report_compact;

/** Appends them to metrics.jsonl.
 * Local. Fails with PWF_IO or PWF_RESOURCE. */
pwf_status pwf_report_model(pwf_report *report, const pwf_report_compact *compact, int64_t step);

/** Writes the table of all evaluations in metrics.jsonl (also those before a resume) to stdout and
 * DIR/summary.txt, and DIR/rounds.svg: accuracy, entropy and unique values over the fixed share.
 * Local. Fails with PWF_IO, PWF_RESOURCE, PWF_CANTCREATE, or PWF_DATA when
 * metrics.jsonl cannot be read back. */
pwf_status pwf_report_final(pwf_report *report, const char *title, double seconds);

#endif
