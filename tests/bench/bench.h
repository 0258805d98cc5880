/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_BENCH_H
#define PWF_TESTS_BENCH_H

#include "pwf/core/status.h"

/* Shared by the programs of the bench. A measured value is a cell with a group, a row and a column;
 * table.c prints the cells of all programs as tables. */

/* Groups, and rows of the first one that others refer to. */
#define BENCH_CEILINGS "ceilings"
#define BENCH_STEPS "steps"
#define BENCH_PARTS "parts of "
#define BENCH_OTHERS "others"
#define BENCH_PRODUCTS_FP32 "fp32 matrix products, the best of those above"
#define BENCH_PRODUCTS_BF16 "bf16 matrix products, the best of those above"
#define BENCH_COPY_SECOND "copying in the second-level cache"
#define BENCH_COPY_THIRD "copying in the third-level cache"
#define BENCH_COPY_MEMORY "copying in memory"

/* Ends the program with the sentence of a failure. */
void bench_check(pwf_status status);

/* Appends a cell to the file that BENCH_CELLS names; without it nothing is written. A cell that is
 * written several times counts with its median. */
void bench_cell(const char *group, const char *row, const char *column, double value);
void bench_text(const char *group, const char *row, const char *column, const char *text);

/* A whole number above 0 of the command line, or `other` where there is none. */
long long bench_argument(int argc, char **argv, int index, long long other);

/* Does a piece of work on one thread and returns how much it was. */
typedef double (*bench_work)(void *context, int thread);

/* Called by each thread before and after. */
typedef void (*bench_setup)(void *context, int thread);

typedef struct bench_job {
    bench_setup begin, end; /* NULL: nothing */
    bench_work work;
    void *context;
} bench_job;

/* The best rate per second, summed over the threads, of many short runs, which the threads begin
 * together. */
double bench_rate(int threads, double seconds, const bench_job *job);

/* Bytes of a core's second-level cache, and of the third level that all share. */
long long bench_second_level(void);
long long bench_third_level(void);

#endif
