/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "report_room.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The log calls the wipe without an argument, so that a line stands is known here. */
static atomic_bool standing;

/* A run is judged by all of it while it is young, later by what went by in the last minutes or the
 * last quarter, so that a slower phase shows and one slow step does not. */
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

void pwf_text_left(char text[40], double seconds)
{
    const double minutes = floor(seconds / 60 + 0.5);
    text[0] = '\0';
    if (!(seconds >= 0) || seconds > 1e8) return;
    if (seconds < 55)
        snprintf(text, 40, "about %.0f s left", 5 * floor(seconds / 5) + 5);
    else if (minutes < 60)
        snprintf(text, 40, "about %.0f min left", minutes);
    else if (minutes < 48 * 60) {
        const int tens = (int)(minutes / 10 + 0.5);
        if (tens % 6 == 0)
            snprintf(text, 40, "about %d h left", tens / 6);
        else
            snprintf(text, 40, "about %d h %d min left", tens / 6, tens % 6 * 10);
    } else
        snprintf(text, 40, "about %.0f days left", floor(minutes / 1440 + 0.5));
}

void pwf_text_duration(char text[40], double seconds)
{
    const int64_t s = seconds > 0 && seconds < 1e12 ? (int64_t)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(text, 40, "%d s", (int)s);
    else if (s < 3600)
        snprintf(text, 40, "%d min %02d s", (int)(s / 60), (int)(s % 60));
    else
        snprintf(text, 40, "%" PRId64 " h %02d min", s / 3600, (int)(s % 3600 / 60));
}

void pwf_text_count(char text[32], int64_t value)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRId64, value < 0 ? -value : value);
    char *to = text;
    if (value < 0) *to++ = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
}

/* The pieces of the line in the order they stand. */
enum { PHASE, STEPS, BAR, PERCENT, RATE, LOSS, LEFT, PIECES };

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
    /* Rounded down: 100 % means that nothing is left. */
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

static int put_pieces(char text[256], char piece[PIECES][64], const bool shown[PIECES])
{
    int used = 0;
    text[0] = '\0';
    for (int i = 0; i < PIECES; i++)
        if (shown[i] && piece[i][0] && used < 180)
            used += snprintf(text + used, (size_t)(256 - used), "%s%s", used ? "  " : "", piece[i]);
    return used;
}

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

static int terminal_columns(void)
{
    struct winsize size;
    if (ioctl(pwf_terminal_fd(), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

static void put_stderr(const char *text, size_t count)
{
    /* A closed stderr is no reason to stop a run. */
    const ssize_t written = write(STDERR_FILENO, text, count);
    (void)written;
}

void pwf_progress_wipe(void)
{
    if (atomic_exchange(&standing, false)) put_stderr("\r\033[K", 4);
}

static void draw(pwf_report *r, const pwf_report_progress *p, double now, double left)
{
    if (r->drawn_at > 0 && now - r->drawn_at < 0.1) return;
    r->drawn_at = now;
    char line[256], text[300];
    /* The last column stays free: some terminals wrap when it is written. */
    pwf_progress_line(line, p, left, terminal_columns() - 1);
    const int n = snprintf(text, sizeof text, "\r%s\033[K", line);
    put_stderr(text, (size_t)n);
    atomic_store(&standing, true);
}

static void log_line(const pwf_report_progress *p, double left)
{
    char piece[PIECES][64];
    make_pieces(piece, p, left);
    PWF_INFO("PROGRESS", "%s%s%s%s%s%s%s, %s of the run%s%s", piece[PHASE],
             piece[STEPS][0] ? " " : "", piece[STEPS], piece[LOSS][0] ? ", " : "", piece[LOSS],
             piece[RATE][0] ? ", " : "", piece[RATE], piece[PERCENT], piece[LEFT][0] ? ", " : "",
             piece[LEFT]);
}

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
