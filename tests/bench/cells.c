/* SPDX-License-Identifier: BSD-3-Clause */
/* Cells of the result table: group, row, column and value, read from the output of the programs. */
#include "cells.h"

#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 4096 };

static cell all[CELLS_MAX];
static int used;

static cell *find(const char *group, const char *row, const char *column)
{
    for (int i = 0; i < used; i++)
        if (strcmp(all[i].column, column) == 0 && strcmp(all[i].row, row) == 0 &&
            strcmp(all[i].group, group) == 0)
            return &all[i];
    return NULL;
}

static void copy(char *to, const char *from)
{
    if (strlen(from) >= CELL_TEXT) bench_check(PWF_FAIL(PWF_DATA, "a text too long: %s", from));
    strcpy(to, from);
}

static cell *take(const char *group, const char *row, const char *column)
{
    cell *c = find(group, row, column);
    if (c) return c;
    if (used == CELLS_MAX) bench_check(PWF_FAIL(PWF_DATA, "more than %d cells", CELLS_MAX));
    c = &all[used++];
    copy(c->group, group);
    copy(c->row, row);
    copy(c->column, column);
    return c;
}

static void add(cell *c, double value)
{
    double *more = realloc(c->numbers, (size_t)(c->count + 1) * sizeof *more);
    if (!more) bench_check(PWF_FAIL(PWF_RESOURCE, "no memory for the cells"));
    c->numbers = more;
    c->numbers[c->count++] = value;
}

static void read_line(const char *path, char *line)
{
    char *part[4], *save = NULL;
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 4; i++) {
        part[i] = strtok_r(i == 0 ? line : NULL, "\t", &save);
        if (!part[i]) bench_check(PWF_FAIL(PWF_DATA, "%s: a line without four parts", path));
    }
    cell *c = take(part[0], part[1], part[2]);
    char *end = NULL;
    const double value = strtod(part[3], &end);
    if (*end == '\0' && isfinite(value))
        add(c, value);
    else
        copy(c->text, part[3]);
}

void cells_read(const char *path)
{
    char line[4 * CELL_TEXT];
    FILE *file = fopen(path, "r");
    if (!file) bench_check(PWF_FAIL(PWF_MISSING, "%s: %s", path, strerror(errno)));
    while (fgets(line, sizeof line, file))
        read_line(path, line);
    if (ferror(file)) bench_check(PWF_FAIL(PWF_IO, "%s: cannot be read", path));
    fclose(file);
}

int cells_count(void)
{
    return used;
}

const cell *cells_at(int index)
{
    return &all[index];
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cells_number(const char *group, const char *row, const char *column)
{
    cell *c = find(group, row, column);
    if (!c || c->count == 0) return NAN;
    const int middle = c->count / 2;
    qsort(c->numbers, (size_t)c->count, sizeof *c->numbers, ascending);
    if (c->count % 2) return c->numbers[middle];
    return 0.5 * (c->numbers[middle - 1] + c->numbers[middle]);
}

const char *cells_text(const char *group, const char *row, const char *column)
{
    const cell *c = find(group, row, column);
    return c && *c->text ? c->text : NULL;
}

void cells_set(const char *group, const char *row, const char *column, double value)
{
    if (!isfinite(value)) return;
    cell *c = take(group, row, column);
    c->count = 0;
    add(c, value);
}

void cells_set_text(const char *group, const char *row, const char *column, const char *text)
{
    copy(take(group, row, column)->text, text);
}

void cells_each_group(void (*visit)(const char *group))
{
    for (int i = 0; i < used; i++) {
        bool met = false;
        for (int j = 0; j < i && !met; j++)
            met = strcmp(all[i].group, all[j].group) == 0;
        if (!met) visit(all[i].group);
    }
}

void cells_each_row(const char *group, void (*visit)(const char *group, const char *row))
{
    for (int i = 0; i < used; i++) {
        if (strcmp(all[i].group, group) != 0) continue;
        bool met = false;
        for (int j = 0; j < i && !met; j++)
            met = strcmp(all[j].group, group) == 0 && strcmp(all[i].row, all[j].row) == 0;
        if (!met) visit(group, all[i].row);
    }
}
