/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REPORT_ROOM_H
#define PWF_REPORT_ROOM_H

#include "pwf/report/report.h"

#include <stdio.h>

/** Shared by the files of this room. */

/* A file that only grows, by whole lines. */
typedef struct pwf_grow_file {
    int fd;                 /* -1: not open */
    int64_t length;         /* bytes that belong to the run */
    const char *dir, *name; /* for messages; not owned */
} pwf_grow_file;

/** Opens or creates `name` in the directory `dir_fd`, to append after `length` bytes. If the file
 * is shorter or no line ends there, appending continues after the last complete line before, with a
 * warning. The rest is not cut yet.
 * Local. Fails as pwf_report_open. */
pwf_status pwf_grow_open(pwf_grow_file *file, int dir_fd, const char *dir, const char *name,
                         int64_t length);

/** Cuts the file to the length it was opened with.
 * Local. Fails with PWF_IO. */
pwf_status pwf_grow_cut(pwf_grow_file *file);

/** Appends all of `bytes`, or nothing: after a failure the file is cut back.
 * Local. Fails with PWF_IO. */
pwf_status pwf_grow_append(pwf_grow_file *file, const char *bytes, size_t count);

/* The rate of work: weighted sums of units and seconds, in which old intervals count less. */
typedef struct pwf_pace {
    bool begun;
    double first, last; /* clock of the first and the last call, seconds */
    double units_at_last;
    double units, seconds;
} pwf_pace;

struct pwf_report {
    char *dir;  /* owned */
    int dir_fd; /* -1: a report without files */
    pwf_grow_file metrics, rounds;
    bool live;       /* a progress line on a terminal */
    double drawn_at; /* clock of the last redraw, seconds; 0: never */
    pwf_pace pace;
};

/** Replaces a whole file of the run directory: a reader sees the old one or the new one.
 * Local. Fails as pwf_output_write. */
pwf_status pwf_report_write(const pwf_report *report, const char *name, const char *text,
                            size_t bytes);

/** Seconds left when `done` of `total` units are done at clock `now`; negative if it is too early
 * to estimate.
 * Local. */
double pwf_pace_left(pwf_pace *pace, double now, double done, double total);

/** "about 3 min left" for a number of seconds; "" if negative.
 * Local. */
void pwf_text_left(char text[40], double seconds);

/** "4 min 21 s" for a number of seconds.
 * Local. */
void pwf_text_duration(char text[40], double seconds);

/** An integer with thousands separators: "306,730".
 * Local. */
void pwf_text_count(char text[32], int64_t value);

/** The progress line in at most `columns` characters.
 * Local. */
void pwf_progress_line(char text[256], const pwf_report_progress *progress, double left,
                       int columns);

/** The evaluation of the unfixed network, the last before the first round; NULL if there is none.
 * Local. */
const pwf_report_eval *pwf_summary_unfixed(const pwf_report_eval *rows, int count);

/** The sentence that summarises a run, from all its evaluations, count >= 1.
 * Local. */
void pwf_summary_sentence(char text[400], const pwf_report_eval *rows, int count);

/** Prints the table of all evaluations.
 * Local. */
void pwf_summary_print(FILE *out, const pwf_report_eval *rows, int count);

/** Prints the sizes of the model's compact form; nothing if they are unknown.
 * Local. */
void pwf_summary_compact(FILE *out, const pwf_report_compact *compact);

/** Prints the plots as a self-contained SVG 1.1 file.
 * Local. */
void pwf_plot_svg(FILE *out, const char *title, const char *sentence, const pwf_report_eval *rows,
                  int count);

#endif
