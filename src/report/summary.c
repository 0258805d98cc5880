/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "report_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const pwf_report_eval *pwf_summary_unfixed(const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *found = NULL;
    for (int i = 0; i < count; i++)
        if (rows[i].round == 0 && !rows[i].final) found = &rows[i];
    return found;
}

/* Rounded down to two decimals: 100.00 % means every one. */
static double whole_percent(double share)
{
    return share >= 1 ? 100 : floor(share * 10000 + 1e-6) / 100;
}

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
                     fabs(points), points < 0 ? "under" : "above", 100 * before->top1);
    }
    snprintf(text, 400, "%.2f %% of %s weights fixed%s %s value%s (%.2f bits); top-1 %.2f %%%s.",
             whole_percent(last->fixed), weights, last->fixed >= 1 ? " on" : ";", values,
             last->unique == 1 ? "" : "s", last->entropy, 100 * last->top1, against);
}

void pwf_summary_table(FILE *out, const pwf_report_eval *rows, int count)
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
    fprintf(out, "Entropy in bits for each weight.");
    if (final) fprintf(out, " End: after the last round, BatchNorm's statistics estimated anew.");
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
            "fp32; all as fp32 %s.\n",
            file, indices, coded, bound, fp32);
}

static bool read_compact(const pwf_json *row, pwf_report_compact *c)
{
    return pwf_json_get_int(row, "pwf_bytes", &c->file) &&
           pwf_json_get_int(row, "coded", &c->coded) &&
           pwf_json_get_int(row, "index_bytes", &c->indices) &&
           pwf_json_get_real(row, "bound_bytes", &c->bound) &&
           pwf_json_get_int(row, "fp32_bytes", &c->fp32);
}

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

typedef struct evaluations {
    pwf_report_eval *at;
    int count, room;
    pwf_report_compact compact; /* file 0: not told */
} evaluations;

static pwf_status append(evaluations *all, const pwf_report_eval *e)
{
    if (all->count == all->room) {
        pwf_report_eval *more = NULL;
        const int room = all->room ? 2 * all->room : 32;
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, room, sizeof *more, &more));
        if (all->count) memcpy(more, all->at, (size_t)all->count * sizeof *more);
        pwf_mem_free(all->at);
        all->at = more;
        all->room = room;
    }
    all->at[all->count++] = *e;
    return pwf_ok();
}

static pwf_status read_line(const pwf_report *r, const char *line, size_t length, int64_t number,
                            evaluations *all)
{
    pwf_json *row = NULL;
    pwf_status s = pwf_json_parse(line, length, &row);
    if (s.code == PWF_DATA)
        return PWF_FAIL(PWF_DATA, "%s/metrics.jsonl, line %" PRId64 ": %.500s", r->dir, number,
                        s.text);
    if (s.code != PWF_OK) return s;
    const char *kind = "";
    pwf_report_eval e;
    if (pwf_json_get_text(row, "kind", &kind) && strcmp(kind, "evaluation") == 0) {
        if (read_evaluation(row, &e))
            s = append(all, &e);
        else
            s = PWF_FAIL(PWF_DATA,
                         "%s/metrics.jsonl, line %" PRId64
                         ": an evaluation without all its numbers",
                         r->dir, number);
    }
    if (strcmp(kind, "model") == 0 && !read_compact(row, &all->compact) && s.code == PWF_OK)
        s = PWF_FAIL(PWF_DATA,
                     "%s/metrics.jsonl, line %" PRId64 ": sizes of the model without all numbers",
                     r->dir, number);
    pwf_json_free(row);
    return s;
}

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

/* Text that grows, and what comes of it. */
typedef struct page {
    FILE *out;
    char *text;
    size_t size;
} page;

static pwf_status page_begin(page *p)
{
    *p = (page){NULL, NULL, 0};
    p->out = open_memstream(&p->text, &p->size);
    return p->out ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for the summary");
}

static pwf_status page_end(page *p)
{
    const bool bad = ferror(p->out) != 0;
    return fclose(p->out) == 0 && !bad ? pwf_ok()
                                       : PWF_FAIL(PWF_RESOURCE, "no memory for the summary");
}

static pwf_status write_summary(const pwf_report *r, const char *title, const char *sentence,
                                const evaluations *all, double seconds)
{
    page p;
    char took[40];
    PWF_TRY(page_begin(&p));
    pwf_text_duration(took, seconds);
    fprintf(p.out, "%s\n%s\n\n", title, sentence);
    if (all->count) pwf_summary_table(p.out, all->at, all->count);
    pwf_summary_compact(p.out, &all->compact);
    fprintf(p.out, "Took %s.\n", took);
    pwf_status s = page_end(&p);
    if (s.code == PWF_OK) s = pwf_replace_file(r->dir_fd, r->dir, "summary.txt", p.text, p.size);
    if (s.code == PWF_OK) {
        pwf_progress_wipe();
        if (pwf_file_append(STDOUT_FILENO, "the output", p.text, p.size).code != PWF_OK)
            s = PWF_FAIL(PWF_IO,
                         "cannot write the summary to the standard output: %s; it is in "
                         "%s/summary.txt",
                         strerror(errno), r->dir);
    }
    free(p.text);
    return s;
}

static pwf_status write_plot(const pwf_report *r, const char *title, const char *sentence,
                             const evaluations *all)
{
    page p;
    PWF_TRY(page_begin(&p));
    pwf_plot_svg(p.out, title, sentence, all->at, all->count);
    pwf_status s = page_end(&p);
    if (s.code == PWF_OK) s = pwf_replace_file(r->dir_fd, r->dir, "rounds.svg", p.text, p.size);
    free(p.text);
    return s;
}

pwf_status pwf_report_final(pwf_report *report, const char *title, double seconds)
{
    evaluations all = {0};
    char sentence[400] = "No evaluation was made.";
    pwf_status s = read_evaluations(report, &all);
    if (s.code == PWF_OK && all.count) pwf_summary_sentence(sentence, all.at, all.count);
    if (s.code == PWF_OK && all.count) s = write_plot(report, title, sentence, &all);
    if (s.code == PWF_OK) s = write_summary(report, title, sentence, &all, seconds);
    pwf_mem_free(all.at);
    return s;
}
