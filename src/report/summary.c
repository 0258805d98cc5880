/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends a report: reads the evaluations back from metrics.jsonl, those before a resume included, and
 * writes summary.txt, rounds.svg and the summary on stdout. Called by the run on world rank 0 when
 * it has finished. Touches files of the run directory. */
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "report_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the sizes of the compact form from a row of kind "model"; false if one is missing. */
static bool read_compact(const pwf_json *row, pwf_report_compact *c)
{
    return pwf_json_get_int(row, "pwf_bytes", &c->file) &&
           pwf_json_get_int(row, "coded", &c->coded) &&
           pwf_json_get_int(row, "index_bytes", &c->indices) &&
           pwf_json_get_real(row, "bound_bytes", &c->bound) &&
           pwf_json_get_int(row, "fp32_bytes", &c->fp32);
}

/* Reads a row of kind "evaluation"; false if a required number is missing. Weights, calibration
 * error and ensemble are optional. */
static bool read_evaluation(const pwf_json *row, pwf_report_eval *e)
{
    *e = (pwf_report_eval){0};
    pwf_json_get_int(row, "weights", &e->weights);
    pwf_json_get_real(row, "ece", &e->ece);
    e->has_ensemble = pwf_json_get_real(row, "ensemble_top1", &e->ensemble_top1) &&
                      pwf_json_get_real(row, "ensemble_nll", &e->ensemble_nll) &&
                      pwf_json_get_real(row, "ensemble_ece", &e->ensemble_ece);
    return pwf_json_get_int(row, "round", &e->round) &&
           pwf_json_get_bool(row, "final", &e->final) &&
           pwf_json_get_real(row, "fixed", &e->fixed) && pwf_json_get_real(row, "top1", &e->top1) &&
           pwf_json_get_real(row, "top5", &e->top5) && pwf_json_get_real(row, "loss", &e->loss) &&
           pwf_json_get_int(row, "unique", &e->unique) &&
           pwf_json_get_real(row, "entropy", &e->entropy) &&
           pwf_json_get_real(row, "entropy_nonzero", &e->entropy_nonzero);
}

/* What is read back from metrics.jsonl. */
typedef struct evaluations {
    pwf_report_eval *at; /* [count] */
    int count;
    pwf_report_compact compact; /* file 0: there is no such row */
} evaluations;

/* Adds a row. There are few, about one per round, so the array grows by one. */
static pwf_status append(evaluations *all, const pwf_report_eval *e)
{
    pwf_report_eval *more = realloc(all->at, (size_t)(all->count + 1) * sizeof *more);
    PWF_FAIL_IF(!more, PWF_RESOURCE, "no memory for the summary");
    all->at = more;
    all->at[all->count++] = *e;
    return pwf_ok();
}

/* Reads one line of metrics.jsonl, ignoring rows of other kinds. `number` counts from 1. */
static pwf_status read_line(const pwf_report *r, const char *line, size_t length, int64_t number,
                            evaluations *all)
{
    pwf_json *row = NULL;
    const char *kind = "", *wrong = NULL;
    pwf_report_eval e;
    const pwf_status parsed = pwf_json_parse(line, length, &row);
    pwf_status s = parsed;
    if (s.code == PWF_DATA) wrong = parsed.text;
    if (s.code == PWF_OK) pwf_json_get_text(row, "kind", &kind);
    if (strcmp(kind, "evaluation") == 0) {
        if (read_evaluation(row, &e))
            s = append(all, &e);
        else
            wrong = "an evaluation with a number missing";
    }
    if (strcmp(kind, "model") == 0 && !read_compact(row, &all->compact))
        wrong = "a model row with a size missing";
    if (wrong)
        s = PWF_FAIL(PWF_DATA, "%s/metrics.jsonl, line %" PRId64 ": %.500s", r->dir, number, wrong);
    pwf_json_free(row);
    return s;
}

/* Reads all of metrics.jsonl through the descriptor of the run directory. */
static pwf_status read_evaluations(const pwf_report *r, evaluations *all)
{
    const int fd = openat(r->dir_fd, r->metrics.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (!in) {
        const int error = errno;
        if (fd >= 0) close(fd);
        return PWF_FAIL(PWF_DATA, "cannot read back %s/metrics.jsonl: %s", r->dir, strerror(error));
    }
    char *line = NULL;
    size_t room = 0;
    pwf_status s = pwf_ok();
    ssize_t length = 0;
    for (int64_t number = 1; s.code == PWF_OK && (length = getline(&line, &room, in)) > 0; number++)
        s = read_line(r, line, (size_t)length, number, all);
    if (s.code == PWF_OK && ferror(in))
        s = PWF_FAIL(PWF_IO, "cannot read back %s/metrics.jsonl", r->dir);
    free(line);
    fclose(in);
    return s;
}

/* Text in memory; `text` and `size` are valid after page_end. The caller frees `text`. */
typedef struct page {
    FILE *out;
    char *text;
    size_t size;
} page;

/* Opens a stream into memory. */
static pwf_status page_begin(page *p)
{
    *p = (page){NULL, NULL, 0};
    p->out = open_memstream(&p->text, &p->size);
    return p->out ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for the summary");
}

/* Closes the stream; fails if a write to memory failed. */
static pwf_status page_end(page *p)
{
    const bool bad = ferror(p->out) != 0;
    return fclose(p->out) == 0 && !bad ? pwf_ok()
                                       : PWF_FAIL(PWF_RESOURCE, "no memory for the summary");
}

/* summary.txt, and the same text on stdout. */
static pwf_status write_summary(const pwf_report *r, const char *title, const char *sentence,
                                const evaluations *all, double seconds)
{
    page p;
    char took[40];
    PWF_TRY(page_begin(&p));
    pwf_text_duration(took, seconds);
    fprintf(p.out, "%s\n%s\n\n", title, sentence);
    if (all->count) pwf_summary_print(p.out, all->at, all->count);
    pwf_summary_compact(p.out, &all->compact);
    fprintf(p.out, "Took %s.\n", took);
    pwf_status s = page_end(&p);
    if (s.code == PWF_OK) s = pwf_report_write(r, "summary.txt", p.text, p.size);
    if (s.code == PWF_OK) {
        pwf_log_wipe_line();
        if (pwf_file_append(STDOUT_FILENO, "the output", p.text, p.size).code != PWF_OK)
            s = PWF_FAIL(PWF_IO, "cannot write the summary to stdout: %s; it is in %s/summary.txt",
                         strerror(errno), r->dir);
    }
    free(p.text);
    return s;
}

/* rounds.svg, complete in memory before the file is replaced. */
static pwf_status write_plot(const pwf_report *r, const char *title, const char *sentence,
                             const evaluations *all)
{
    page p;
    PWF_TRY(page_begin(&p));
    pwf_plot_svg(p.out, title, sentence, all->at, all->count);
    pwf_status s = page_end(&p);
    if (s.code == PWF_OK) s = pwf_report_write(r, "rounds.svg", p.text, p.size);
    free(p.text);
    return s;
}

/* Without evaluations there is no plot. */
pwf_status pwf_report_final(pwf_report *report, const char *title, double seconds)
{
    evaluations all = {0};
    char sentence[400] = "There are no evaluations.";
    pwf_status s = read_evaluations(report, &all);
    if (s.code == PWF_OK && all.count) pwf_summary_sentence(sentence, all.at, all.count);
    if (s.code == PWF_OK && all.count) s = write_plot(report, title, sentence, &all);
    if (s.code == PWF_OK) s = write_summary(report, title, sentence, &all, seconds);
    free(all.at);
    return s;
}
