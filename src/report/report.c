/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens and closes a report and appends its rows: metrics.jsonl and rounds.csv. Called by the run
 * and, for the progress line only, by pwf pack and pwf eval, on world rank 0. Touches files of the
 * run directory and, at the end, the progress line. */
#include "pwf/report/report.h"

#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/rundir/output.h"
#include "report_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char csv_header[] = "round,order,delta,centre,count,mean,spread\n";

/* Nothing is cut before both files are open, so that a failure leaves them as they were. */
static pwf_status open_files(pwf_report *r, int64_t metrics_bytes, int64_t rounds_bytes)
{
    r->dir_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir_fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "open the run directory", r->dir);
    PWF_TRY(pwf_grow_open(&r->metrics, r->dir_fd, r->dir, "metrics.jsonl", metrics_bytes));
    PWF_TRY(pwf_grow_open(&r->rounds, r->dir_fd, r->dir, "rounds.csv", rounds_bytes));
    PWF_TRY(pwf_grow_cut(&r->metrics));
    PWF_TRY(pwf_grow_cut(&r->rounds));
    if (r->rounds.length > 0) return pwf_ok();
    return pwf_grow_append(&r->rounds, csv_header, sizeof csv_header - 1);
}

/* For commands without a run directory, such as pwf pack and pwf eval: no descriptors, so that
 * closing it touches no file. */
pwf_status pwf_report_open_line(bool live, pwf_report **out)
{
    pwf_report *r = calloc(1, sizeof *r);
    *out = r;
    PWF_FAIL_IF(!r, PWF_RESOURCE, "no memory for the progress line");
    r->dir_fd = r->metrics.fd = r->rounds.fd = -1;
    r->live = live;
    return pwf_ok();
}

/* The files are cut to the lengths that the checkpoint stores; a fresh start cuts them to 0. */
pwf_status pwf_report_open(const char *dir, int64_t metrics_bytes, int64_t rounds_bytes, bool live,
                           pwf_report **out)
{
    PWF_TRY(pwf_report_open_line(live, out));
    (*out)->dir = strdup(dir);
    const pwf_status s = (*out)->dir
                             ? open_files(*out, metrics_bytes, rounds_bytes)
                             : PWF_FAIL(PWF_RESOURCE, "no memory for the report of %s", dir);
    if (s.code == PWF_OK) return s;
    pwf_report_close(*out);
    *out = NULL;
    return s;
}

/* Returns the first failure, but closes everything. A failed close may be the only sign that rows
 * did not reach a network file system. */
pwf_status pwf_report_close(pwf_report *report)
{
    if (!report) return pwf_ok();
    if (report->live) pwf_log_wipe_line();
    pwf_status s = pwf_ok();
    const pwf_grow_file *files[2] = {&report->metrics, &report->rounds};
    for (int i = 0; i < 2; i++)
        if (files[i]->fd >= 0 && close(files[i]->fd) != 0 && s.code == PWF_OK)
            s = PWF_FAIL(PWF_IO, "cannot close %s/%s: %s", report->dir, files[i]->name,
                         strerror(errno));
    if (report->dir_fd >= 0) close(report->dir_fd);
    free(report->dir);
    free(report);
    return s;
}

pwf_status pwf_report_write(const pwf_report *report, const char *name, const char *text,
                            size_t bytes)
{
    char path[PWF_PATH];
    PWF_FAIL_IF(!pwf_path_join(path, report->dir, name), PWF_CANTCREATE,
                "the name of the directory %.200s... is too long", report->dir);
    return pwf_output_write(path, text, bytes);
}

pwf_status pwf_report_config(pwf_report *report, const char *text)
{
    return pwf_report_write(report, "config.yaml", text, strlen(text));
}

/* The checkpoint stores the lengths, so the rows must be on disk before it. */
pwf_status pwf_report_lengths(pwf_report *report, int64_t *metrics_bytes, int64_t *rounds_bytes)
{
    const pwf_grow_file *files[2] = {&report->metrics, &report->rounds};
    for (int i = 0; i < 2; i++)
        PWF_FAIL_IF(fsync(files[i]->fd) != 0, PWF_IO, "cannot sync %s/%s: %s", report->dir,
                    files[i]->name, strerror(errno));
    *metrics_bytes = report->metrics.length;
    *rounds_bytes = report->rounds.length;
    return pwf_ok();
}

/* A row is one append, so that a killed run leaves complete lines. */
pwf_status pwf_report_row(pwf_report *report, pwf_json *row)
{
    char *text = NULL;
    pwf_status s = pwf_json_text(row, 0, &text);
    pwf_json_free(row);
    if (s.code != PWF_OK) return s;
    const size_t length = strlen(text);
    text[length] = '\n'; /* replaces the NUL */
    s = pwf_grow_append(&report->metrics, text, length + 1);
    free(text);
    return s;
}

/* The shortest of 9, 13 or 17 digits that reads back to the same double. */
static void exact(char text[32], double value)
{
    for (int digits = 9; digits <= 17; digits += 4) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

/* All rows of a round are one append, so that a killed run leaves whole rounds. Delta and centre
 * read back to the same bits; mean and spread have 9 digits. */
pwf_status pwf_report_round(pwf_report *report, int64_t round, const pwf_round_result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    PWF_FAIL_IF(!out, PWF_RESOURCE, "no memory for the rows of round %" PRId64, round);
    for (int64_t i = 0; i < result->count; i++) {
        const pwf_round_step *s = &result->steps[i];
        char delta[32], centre[32];
        exact(delta, s->delta);
        exact(centre, s->centre);
        fprintf(out, "%" PRId64 ",%" PRId32 ",%s,%s,%" PRId64 ",%.9g,%.9g\n", round, s->order,
                delta, centre, s->count, s->mean, s->spread);
    }
    const pwf_status s =
        fclose(out) != 0 ? PWF_FAIL(PWF_RESOURCE, "no memory for the rows of round %" PRId64, round)
                         : pwf_grow_append(&report->rounds, text, size);
    free(text);
    return s;
}

/* Field names are part of the format of metrics.jsonl. */
pwf_status pwf_report_model(pwf_report *report, const pwf_report_compact *compact, int64_t step)
{
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "model");
    pwf_json_set_int(row, "step", step);
    pwf_json_set_int(row, "pwf_bytes", compact->file);
    pwf_json_set_int(row, "coded", compact->coded);
    pwf_json_set_int(row, "index_bytes", compact->indices);
    pwf_json_set_real(row, "bound_bytes", compact->bound);
    pwf_json_set_int(row, "fp32_bytes", compact->fp32);
    return pwf_report_row(report, row);
}

/* The names are those of both metrics.jsonl and pwf eval --json. */
void pwf_report_measures(pwf_json *object, const pwf_report_eval *evaluation)
{
    pwf_json_set_real(object, "top1", evaluation->top1);
    pwf_json_set_real(object, "top5", evaluation->top5);
    pwf_json_set_real(object, "loss", evaluation->loss);
    pwf_json_set_real(object, "ece", evaluation->ece);
    pwf_json_set_int(object, "unique", evaluation->unique);
    pwf_json_set_real(object, "entropy", evaluation->entropy);
    pwf_json_set_real(object, "entropy_nonzero", evaluation->entropy_nonzero);
    if (evaluation->has_ensemble) {
        pwf_json_set_real(object, "ensemble_top1", evaluation->ensemble_top1);
        pwf_json_set_real(object, "ensemble_nll", evaluation->ensemble_nll);
        pwf_json_set_real(object, "ensemble_ece", evaluation->ensemble_ece);
    }
}

/* Field names are part of the format of metrics.jsonl. */
pwf_status pwf_report_evaluation(pwf_report *report, const pwf_report_eval *evaluation,
                                 int64_t step, double seconds, const char *fingerprint)
{
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "evaluation");
    pwf_json_set_int(row, "step", step);
    pwf_json_set_int(row, "round", evaluation->round);
    pwf_json_set_bool(row, "final", evaluation->final);
    pwf_json_set_real(row, "seconds", seconds);
    pwf_json_set_int(row, "weights", evaluation->weights);
    pwf_json_set_real(row, "fixed", evaluation->fixed);
    pwf_report_measures(row, evaluation);
    pwf_json_set_text(row, "fingerprint", fingerprint ? fingerprint : "");
    return pwf_report_row(report, row);
}
