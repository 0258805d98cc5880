/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REPORT_ROOM_H
#define PWF_REPORT_ROOM_H

#include "files.h"
#include "pwf/report/report.h"

#include <stdio.h>

/** What the files of this room share. */

/* How fast the units of work go by: sums of units and seconds that forget slowly. */
typedef struct pwf_pace {
    bool begun;
    double first, last; /* clock */
    double units_at_last;
    double units, seconds;
} pwf_pace;

struct pwf_report {
    char *dir;
    int dir_fd;
    pwf_grow_file metrics, rounds;
    bool live;
    double drawn_at; /* clock of the last drawing */
    pwf_pace pace;
};

/** Seconds left of `total` units when `done` are done at clock `now`; below 0: too early to tell.
 * Local. */
double pwf_pace_left(pwf_pace *pace, double now, double done, double total);

/** "about 3 min left" for a number of seconds; "" below 0.
 * Local. */
void pwf_text_left(char text[40], double seconds);

/** "4 min 21 s" for a number of seconds.
 * Local. */
void pwf_text_duration(char text[40], double seconds);

/** A whole number with commas: "306,730".
 * Local. */
void pwf_text_count(char text[32], int64_t value);

/** The progress line in at most `columns` characters: the least telling pieces go first.
 * Local. */
void pwf_progress_line(char text[256], const pwf_report_progress *progress, double left,
                       int columns);

/** Wipes the progress line if one stands on the terminal.
 * Local. */
void pwf_progress_wipe(void);

/** The evaluation of the unfixed network, the last before the first round; NULL if there is none.
 * Local. */
const pwf_report_eval *pwf_summary_unfixed(const pwf_report_eval *rows, int count);

/** The sentence that sums up a run, from all its evaluations, count >= 1.
 * Local. */
void pwf_summary_sentence(char text[400], const pwf_report_eval *rows, int count);

/** The table as text, to `out`.
 * Local. */
void pwf_summary_table(FILE *out, const pwf_report_eval *rows, int count);

/** What the table says of the model's compact form, to `out`; nothing if it is not told.
 * Local. */
void pwf_summary_compact(FILE *out, const pwf_report_compact *compact);

/** The plots as a self-contained SVG 1.1 file, to `out`.
 * Local. */
void pwf_plot_svg(FILE *out, const char *title, const char *sentence, const pwf_report_eval *rows,
                  int count);

#endif
