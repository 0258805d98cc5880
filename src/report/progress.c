/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line: a line that is redrawn on a terminal, or log lines elsewhere; and the estimate
 * of the time left. Called on world rank 0 through pwf_report_show. The log draws the line and
 * wipes it before each message. */
#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "report_room.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* The rate is an exponentially weighted mean of past rates. Its window is a quarter of the elapsed
 * time, at least two minutes, so that a slower phase shows and a single slow step does not. */
double pwf_pace_left(pwf_pace *pace, double now, double done, double total)
{
    if (!pace->begun) {
        *pace = (pwf_pace){.begun = true, .first = now, .last = now, .units_at_last = done};
        return -1;
    }
    const double passed = now - pace->last, elapsed = now - pace->first;
    if (passed > 0) {
        const double memory = elapsed / 4 > 120 ? elapsed / 4 : 120;
        const double keep = memory / (memory + passed);
        pace->units = keep * pace->units + (done - pace->units_at_last);
        pace->seconds = keep * pace->seconds + passed;
        pace->last = now;
        pace->units_at_last = done;
    }
    if (done >= total) return 0;
    if (elapsed < 3 || !(pace->units > 0)) return -1;
    return (total - done) * pace->seconds / pace->units;
}

/* Pieces of the line, from left to right. */
enum { PHASE, STEPS, BAR, PERCENT, RATE, LOSS, LEFT, PIECES };

/* Fills all pieces; a piece without a value is empty. */
static void make_pieces(char piece[PIECES][64], const pwf_report_progress *p, double left)
{
    double share = p->units_total > 0 ? p->units_done / p->units_total : 0;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    memset(piece, 0, PIECES * sizeof *piece);
    snprintf(piece[PHASE], sizeof *piece, "%s", p->phase);
    if (p->phase_total > 0)
        snprintf(piece[STEPS], sizeof *piece, "%" PRId64 "/%" PRId64, p->phase_done,
                 p->phase_total);
    char *bar = piece[BAR];
    const int filled = (int)(20 * share);
    *bar++ = '[';
    for (int i = 0; i < 20; i++)
        *bar++ = i < filled ? '=' : i == filled ? '>' : ' ';
    *bar = ']';
    /* Rounded down, so that 100 % means finished. */
    snprintf(piece[PERCENT], sizeof *piece, "%d %%", (int)(100 * share));
    if (p->images_per_second > 0 && isfinite(p->images_per_second)) {
        char rate[32];
        pwf_text_count(rate, (int64_t)(fmin(p->images_per_second, 1e15) + 0.5));
        snprintf(piece[RATE], sizeof *piece, "%s images/s", rate);
    }
    if (isfinite(p->loss) && p->loss != 0)
        snprintf(piece[LOSS], sizeof *piece, "loss %.4g", p->loss);
    char text[40];
    pwf_text_left(text, left);
    snprintf(piece[LEFT], sizeof *piece, "%s", text);
}

/* Joins the shown pieces with two spaces; returns the length. */
static int put_pieces(char text[256], char piece[PIECES][64], const bool shown[PIECES])
{
    int used = 0;
    text[0] = '\0';
    for (int i = 0; i < PIECES; i++)
        if (shown[i] && piece[i][0] && used < 180)
            used += snprintf(text + used, (size_t)(256 - used), "%s%s", used ? "  " : "", piece[i]);
    return used;
}

/* Drops pieces, the least informative first, until the line fits. */
void pwf_progress_line(char text[256], const pwf_report_progress *progress, double left,
                       int columns)
{
    static const int dropped[] = {LOSS, BAR, STEPS, RATE, LEFT, PERCENT};
    char piece[PIECES][64];
    bool shown[PIECES] = {true, true, true, true, true, true, true};
    make_pieces(piece, progress, left);
    int used = put_pieces(text, piece, shown);
    for (int i = 0; i < 6 && used > columns; i++) {
        shown[dropped[i]] = false;
        used = put_pieces(text, piece, shown);
    }
    if (used > columns && columns >= 0) text[columns] = '\0';
}

/* Width of the terminal in columns; 80 if it is unknown. */
static int terminal_columns(void)
{
    struct winsize size;
    if (ioctl(pwf_terminal_fd(), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

/* Redraws the line, at most ten times a second. */
static void draw(pwf_report *r, const pwf_report_progress *p, double now, double left)
{
    if (r->drawn_at > 0 && now - r->drawn_at < 0.1) return;
    r->drawn_at = now;
    char line[256];
    /* Some terminals wrap when the last column is written, so it stays free. */
    pwf_progress_line(line, p, left, terminal_columns() - 1);
    pwf_log_draw_line(line);
}

/* The same facts as one log line, for output that is not a terminal. */
static void log_line(const pwf_report_progress *p, double left)
{
    char piece[PIECES][64];
    make_pieces(piece, p, left);
    PWF_INFO("PROGRESS", "%s%s%s%s%s%s%s, %s of the run%s%s", piece[PHASE],
             piece[STEPS][0] ? " " : "", piece[STEPS], piece[LOSS][0] ? ", " : "", piece[LOSS],
             piece[RATE][0] ? ", " : "", piece[RATE], piece[PERCENT], piece[LEFT][0] ? ", " : "",
             piece[LEFT]);
}

/* The rate is updated in any case, so that both forms agree on the time left. */
void pwf_report_show(pwf_report *report, const pwf_report_progress *progress)
{
    const double now = pwf_clock_seconds();
    const double left =
        pwf_pace_left(&report->pace, now, progress->units_done, progress->units_total);
    if (report->live)
        draw(report, progress, now, left);
    else if (progress->log_now)
        log_line(progress, left);
}
