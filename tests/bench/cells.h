/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CELLS_H
#define PWF_TESTS_CELLS_H

#include <stdbool.h>

/* The cells that the programs of the bench wrote: numbers and texts by group, row and column, in
 * order of first appearance. An error ends the program. */

enum { CELL_TEXT = 128 };

/* A text, or numbers, of which the median counts. */
typedef struct cell {
    char group[CELL_TEXT], row[CELL_TEXT], column[CELL_TEXT], text[CELL_TEXT];
    double *numbers;
    int count;
} cell;

/* Reads the file that bench_cell and bench_text wrote. */
void cells_read(const char *path);

int cells_count(void);
const cell *cells_at(int index);

/* The median; NAN if there is none or it is a text. */
double cells_number(const char *group, const char *row, const char *column);

/* The text, or NULL. */
const char *cells_text(const char *group, const char *row, const char *column);

/* Adds or replaces; what is not finite is left out. */
void cells_set(const char *group, const char *row, const char *column, double value);
void cells_set_text(const char *group, const char *row, const char *column, const char *text);

/* Calls for each group, or each row of a group, in order. */
void cells_each_group(void (*visit)(const char *group));
void cells_each_row(const char *group, void (*visit)(const char *group, const char *row));

#endif
