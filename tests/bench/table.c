/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of what the bench measured: bench_table CELLS [--json FILE] [--compare FILE]. Ratios
 * and fractions of ceilings are worked out here. */
#include "bench.h"
#include "cells.h"
#include "pwf/core/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 9 };

/* How a column is shown. */
typedef enum form { NUMBER, RATIO, PERCENT, TEXT } form;

typedef struct column {
    const char *title, *key;
    form form;
} column;

/* The groups in the order in which they are shown; `main` is the column compared with an earlier
 * run. A group whose name ends with a space matches all that begin with it. */
static const struct {
    const char *group, *title, *main;
    column columns[COLUMNS_MAX];
} groups[] = {
    {BENCH_CEILINGS,
     "Ceilings, all threads at once",
     "value",
     {{"", "value", NUMBER}, {"unit", "unit", TEXT}}},
    {BENCH_STEPS,
     "Whole steps and evaluation, images a second, compared with PyTorch",
     "ours",
     {{"pwf", "ours", NUMBER},
      {"PyTorch", "pytorch", NUMBER},
      {"ratio", "ratio", RATIO},
      {"of the product ceiling", "of_ceiling", PERCENT}}},
    {"posterior",
     "A Bayesian step and an ordinary one, seconds",
     "ratio",
     {{"Bayesian", "bayesian", NUMBER},
      {"ordinary", "ordinary", NUMBER},
      {"ratio", "ratio", RATIO}}},
    {"meshes",
     "Ranks and threads, images a second",
     "value",
     {{"", "value", NUMBER}, {"of one core's times cores", "efficiency", PERCENT}}},
    {BENCH_PARTS,
     "Parts of a training step, milliseconds on all threads",
     "total",
     {{"forward", "forward", NUMBER},
      {"backward", "backward", NUMBER},
      {"together", "total", NUMBER},
      {"share", "share", PERCENT},
      {"GFLOP/s", "rate", NUMBER},
      {"GB/s", "bandwidth", NUMBER},
      {"bound by", "bound", TEXT},
      {"of that", "of_bound", PERCENT}}},
    {BENCH_OTHERS,
     "Other parts of a run",
     "value",
     {{"", "value", NUMBER}, {"unit", "unit", TEXT}, {"", "remark", TEXT}}},
};

enum { GROUPS = sizeof groups / sizeof *groups };

static const char WHOLE[] = "the whole step";
static const char REST[] = "not in a row above";

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Its index in `groups`, or -1: not shown. */
static int place_of(const char *group)
{
    for (int g = 0; g < GROUPS; g++) {
        const char *name = groups[g].group;
        const bool many = name[strlen(name) - 1] == ' ';
        if (many ? begins_with(group, name) : strcmp(group, name) == 0) return g;
    }
    return -1;
}

/* ---- derived cells ------------------------------------------------------------------------- */

static double ceiling(const char *row)
{
    return cells_number(BENCH_CEILINGS, row, "value");
}

/* Of matrix products, for a group or row whose name ends with its precision. */
static double product_ceiling(const char *name)
{
    const size_t length = strlen(name);
    const bool bf16 = length >= 4 && strcmp(name + length - 4, "bf16") == 0;
    return ceiling(bf16 ? BENCH_PRODUCTS_BF16 : BENCH_PRODUCTS_FP32);
}

static double or_nothing(double value)
{
    return isfinite(value) ? value : 0.0;
}

static void derive_step(const char *group, const char *row)
{
    const double ours = cells_number(group, row, "ours");
    cells_set(group, row, "ratio", ours / cells_number(group, row, "pytorch"));
    cells_set(group, row, "of_ceiling",
              ours * cells_number(group, row, "operations") / product_ceiling(row));
}

static void derive_posterior(const char *group, const char *row)
{
    cells_set(group, row, "ratio",
              cells_number(group, row, "bayesian") / cells_number(group, row, "ordinary"));
}

/* The rows begin with a precision. */
static void derive_mesh(const char *group, const char *row)
{
    char alone[64];
    snprintf(alone, sizeof alone, "%.4s, 1 rank of 1 thread", row);
    cells_set(group, row, "efficiency",
              cells_number(group, row, "value") / cells_number(group, row, "cores") /
                  cells_number(group, alone, "value"));
}

/* Seconds that the fastest copy takes for what a part must read and write; without a separate
 * third level, memory follows the second. */
static double copy_seconds(const char *group, const char *row, const char **slowest)
{
    static const struct {
        const char *column, *row, *name;
    } levels[3] = {{"second", BENCH_COPY_SECOND, "second-level cache"},
                   {"third", BENCH_COPY_THIRD, "third-level cache"},
                   {"memory", BENCH_COPY_MEMORY, "memory"}};
    double sum = 0.0, most = 0.0;
    for (int i = 0; i < 3; i++) {
        double rate = ceiling(levels[i].row);
        if (!isfinite(rate)) rate = ceiling(BENCH_COPY_MEMORY);
        const double seconds = or_nothing(cells_number(group, row, levels[i].column) / rate);
        if (seconds > most) *slowest = levels[i].name;
        most = fmax(most, seconds);
        sum += seconds;
    }
    return sum;
}

static double parts_together;

static void derive_part(const char *group, const char *row)
{
    if (strcmp(row, WHOLE) == 0) return;
    const char *bound = NULL;
    const double operations = or_nothing(cells_number(group, row, "operations"));
    const double bytes = or_nothing(cells_number(group, row, "second")) +
                         or_nothing(cells_number(group, row, "third")) +
                         or_nothing(cells_number(group, row, "memory"));
    const double total = 1e-3 * (or_nothing(cells_number(group, row, "forward")) +
                                 or_nothing(cells_number(group, row, "backward")));
    double least = copy_seconds(group, row, &bound);
    const double products = or_nothing(operations / product_ceiling(group));
    if (products > least) {
        least = products;
        bound = "products";
    }
    parts_together += total;
    cells_set(group, row, "total", 1e3 * total);
    cells_set(group, row, "share", 1e3 * total / cells_number(group, WHOLE, "total"));
    if (operations > 0.0) cells_set(group, row, "rate", operations / total);
    cells_set(group, row, "bandwidth", bytes / total);
    if (bound) cells_set_text(group, row, "bound", bound);
    if (least > 0.0) cells_set(group, row, "of_bound", least / total);
}

static void derive_group(const char *group)
{
    if (strcmp(group, BENCH_STEPS) == 0) cells_each_row(group, derive_step);
    if (strcmp(group, "posterior") == 0) cells_each_row(group, derive_posterior);
    if (strcmp(group, "meshes") == 0) cells_each_row(group, derive_mesh);
    if (!begins_with(group, BENCH_PARTS)) return;
    parts_together = 0.0;
    cells_each_row(group, derive_part);
    const double whole = cells_number(group, WHOLE, "total");
    cells_set(group, REST, "total", whole - 1e3 * parts_together);
    cells_set(group, REST, "share", 1.0 - 1e3 * parts_together / whole);
    cells_set(group, WHOLE, "share", whole / whole);
}

/* ---- an earlier run ------------------------------------------------------------------------ */

static const char *earlier_group;

static pwf_status earlier_row(void *context, const char *row, const pwf_json *cells)
{
    const char *key = context;
    double before = NAN;
    if (pwf_json_get_real(cells, key, &before))
        cells_set(earlier_group, row, "earlier", cells_number(earlier_group, row, key) / before);
    return pwf_ok();
}

static pwf_status earlier_rows(void *context, const char *group, const pwf_json *rows)
{
    char main[CELL_TEXT];
    (void)context;
    const int g = place_of(group);
    if (g < 0) return pwf_ok();
    earlier_group = group;
    snprintf(main, sizeof main, "%s", groups[g].main);
    return pwf_json_each(rows, earlier_row, main);
}

static void compare(const char *path)
{
    enum { ROOM = 1 << 22 };
    char *text = malloc(ROOM);
    FILE *file = fopen(path, "r");
    if (!text || !file) bench_check(PWF_FAIL(PWF_MISSING, "%s: %s", path, strerror(errno)));
    const size_t length = fread(text, 1, ROOM, file);
    fclose(file);
    pwf_json *json = NULL;
    bench_check(pwf_json_parse(text, length, &json));
    bench_check(pwf_json_each(json, earlier_rows, NULL));
    pwf_json_free(json);
    free(text);
}

/* ---- the table ----------------------------------------------------------------------------- */

static void show(char text[CELL_TEXT], const char *group, const char *row, column c)
{
    const double value = cells_number(group, row, c.key);
    const double size = fabs(value);
    const char *words = cells_text(group, row, c.key);
    if (words)
        snprintf(text, CELL_TEXT, "%s", words);
    else if (!isfinite(value))
        snprintf(text, CELL_TEXT, c.form == TEXT ? "" : "-");
    else if (c.form == RATIO)
        snprintf(text, CELL_TEXT, "%.3f", value);
    else if (c.form == PERCENT)
        snprintf(text, CELL_TEXT, "%.1f %%", 100.0 * value);
    else
        snprintf(text, CELL_TEXT, "%.*f",
                 size >= 100.0  ? 0
                 : size >= 10.0 ? 1
                 : size >= 1.0  ? 2
                                : 3,
                 value);
}

static int shown_place, widths[COLUMNS_MAX + 2];
static bool measuring, compared;

/* Columns of the current group, and one more to compare with an earlier run. */
static int columns(column out[COLUMNS_MAX + 1])
{
    int count = 0;
    while (count < COLUMNS_MAX && groups[shown_place].columns[count].key) {
        out[count] = groups[shown_place].columns[count];
        count++;
    }
    if (compared) out[count++] = (column){"now / earlier", "earlier", RATIO};
    return count;
}

static void put(int index, const char *text, bool left)
{
    const int length = (int)strlen(text);
    if (measuring && length > widths[index]) widths[index] = length;
    if (!measuring) printf(left ? " %-*s |" : " %*s |", widths[index], text);
}

static void put_row(const char *group, const char *row)
{
    column c[COLUMNS_MAX + 1];
    char text[CELL_TEXT];
    const int count = columns(c);
    if (!measuring) printf("|");
    put(0, row, true);
    for (int i = 0; i < count; i++) {
        show(text, group, row, c[i]);
        put(i + 1, text, c[i].form == TEXT);
    }
    if (!measuring) printf("\n");
}

static void put_head(void)
{
    column c[COLUMNS_MAX + 1];
    const int count = columns(c);
    if (!measuring) printf("|");
    put(0, "", true);
    for (int i = 0; i < count; i++)
        put(i + 1, c[i].title, c[i].form == TEXT);
    if (measuring) return;
    printf("\n|");
    for (int i = 0; i <= count; i++) {
        for (int j = 0; j < widths[i] + 2; j++)
            putchar('-');
        printf("|");
    }
    printf("\n");
}

static void put_group(const char *group)
{
    if (place_of(group) != shown_place) return;
    memset(widths, 0, sizeof widths);
    for (int pass = 0; pass < 2; pass++) {
        measuring = pass == 0;
        if (!measuring && begins_with(group, BENCH_PARTS))
            printf("\n%s: %s\n\n", groups[shown_place].title, group + strlen(BENCH_PARTS));
        else if (!measuring)
            printf("\n%s\n\n", groups[shown_place].title);
        put_head();
        cells_each_row(group, put_row);
    }
}

static void put_machine(const char *group, const char *row)
{
    const char *text = cells_text(group, row, "value");
    if (text)
        printf("%s: %s\n", row, text);
    else
        printf("%s: %g\n", row, cells_number(group, row, "value"));
}

/* ---- the file ------------------------------------------------------------------------------ */

static pwf_json *json_root, *json_group, *json_row;

static void json_cells(const char *group, const char *row)
{
    json_row = pwf_json_new();
    for (int i = 0; i < cells_count(); i++) {
        const cell *c = cells_at(i);
        if (strcmp(c->group, group) != 0 || strcmp(c->row, row) != 0) continue;
        if (*c->text)
            pwf_json_set_text(json_row, c->column, c->text);
        else
            pwf_json_set_real(json_row, c->column, cells_number(group, row, c->column));
    }
    pwf_json_set_object(json_group, row, json_row);
}

static void json_rows(const char *group)
{
    json_group = pwf_json_new();
    cells_each_row(group, json_cells);
    pwf_json_set_object(json_root, group, json_group);
}

static void write_json(const char *path)
{
    char *text = NULL;
    json_root = pwf_json_new();
    cells_each_group(json_rows);
    bench_check(pwf_json_text(json_root, 2, &text));
    pwf_json_free(json_root);
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0)
        bench_check(PWF_FAIL(PWF_CANTCREATE, "%s: %s", path, strerror(errno)));
    free(text);
}

int main(int argc, char **argv)
{
    const char *json = NULL, *earlier = NULL;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--json") == 0) json = argv[i + 1];
        if (strcmp(argv[i], "--compare") == 0) earlier = argv[i + 1];
    }
    if (argc != 2 + (json ? 2 : 0) + (earlier ? 2 : 0)) {
        fprintf(stderr, "bench_table CELLS [--json FILE] [--compare FILE]\n");
        return PWF_USAGE;
    }
    cells_read(argv[1]);
    cells_each_group(derive_group);
    if (earlier) compare(earlier);
    compared = earlier != NULL;
    cells_each_row("machine", put_machine);
    for (shown_place = 0; shown_place < GROUPS; shown_place++)
        cells_each_group(put_group);
    if (json) write_json(json);
    return 0;
}
