/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf inspect for weights with codes: a line per layer, and the most frequent centres. Called by
 * inspect.c and inspect_forms.c. Pure functions of the weights; print to the standard output or
 * fill a JSON object. */
#include "inspect.h"

#include "pwf/core/mem.h"
#include "pwf/core/select.h"
#include "pwf/posterior/posterior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUANTILES = 3, CODES_SHOWN = 16 };

/* What is printed of a layer. */
typedef struct layer {
    int64_t fixed; /* number of fixed weights */
    bool has_sigma;
    float sigma[QUANTILES];
} layer;

static const int percent[QUANTILES] = {5, 50, 95};

/* Counts the fixed weights and selects the quantiles of sigma, which sampling keeps above a floor.
 */
static pwf_status measure(const pwf_loaded_part *part, layer *out)
{
    *out = (layer){0};
    for (int64_t i = 0; i < part->count; i++)
        out->fixed += part->code[i] != PWF_FREE;
    out->has_sigma = part->sigma != NULL;
    if (!part->sigma) return pwf_ok();
    double *sigma = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, part->count, sizeof *sigma, &sigma));
    for (int64_t i = 0; i < part->count; i++)
        sigma[i] = part->sigma[i] > PWF_SIGMA_FLOOR ? part->sigma[i] : PWF_SIGMA_FLOOR;
    for (int q = 0; q < QUANTILES; q++) {
        const int64_t k = (part->count - 1) * percent[q] / 100;
        out->sigma[q] = (float)pwf_select(sigma, part->count, k);
    }
    pwf_mem_free(sigma);
    return pwf_ok();
}

/* A codebook entry, in units of 2^-min_power, and the number of weights on it. */
typedef struct centre {
    int32_t entry;
    int64_t count;
} centre;

/* Order of qsort: most frequent first, then by value. */
static int by_count(const void *a, const void *b)
{
    const centre *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

/* All centres with their numbers of weights, sorted. The caller frees *out. */
static pwf_status count_centres(const pwf_inspect_view *view, centre **out)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, view->entries, sizeof **out, out));
    for (int k = 0; k < view->entries; k++)
        (*out)[k].entry = view->entry[k];
    for (int p = 0; p < view->parts; p++)
        for (int64_t i = 0; view->part[p].code && i < view->part[p].count; i++)
            if (view->part[p].code[i] != PWF_FREE) (*out)[view->part[p].code[i]].count++;
    qsort(*out, (size_t)view->entries, sizeof **out, by_count);
    return pwf_ok();
}

/* The most frequent centres and their shares of all fixed weights. */
static pwf_status print_centres(const pwf_inspect_view *view)
{
    centre *list = NULL;
    int64_t all = 0;
    PWF_TRY(count_centres(view, &list));
    for (int k = 0; k < view->entries; k++)
        all += list[k].count;
    if (view->entries > 0) printf("\n  %14s  %12s  %7s\n", "codebook value", "weights", "share");
    for (int k = 0; k < view->entries && k < CODES_SHOWN; k++)
        printf("  %14.9g  %12lld  %5.2f %%\n", ldexp(list[k].entry, -(int)view->min_power),
               (long long)list[k].count, all > 0 ? 100 * (double)list[k].count / (double)all : 0.0);
    if (view->entries > CODES_SHOWN)
        printf("  and %d rarer ones; --json lists all\n", view->entries - CODES_SHOWN);
    pwf_mem_free(list);
    return pwf_ok();
}

/* The first column is as wide as the longest name; only checkpoints have columns of sigma. */
pwf_status pwf_inspect_print_layers(const pwf_inspect_view *view)
{
    int width = 5;
    bool first = true;
    for (int p = 0; p < view->parts; p++)
        if (view->part[p].code && (int)strlen(view->part[p].name) > width)
            width = (int)strlen(view->part[p].name);
    for (int p = 0; p < view->parts; p++) {
        const pwf_loaded_part *part = &view->part[p];
        layer l;
        if (!part->code) continue;
        PWF_TRY(measure(part, &l));
        if (first) printf("\n  %-*s  %10s  %8s", width, "layer", "weights", "fixed");
        if (first && l.has_sigma) printf("  %9s  %9s  %9s", "sigma 5 %", "50 %", "95 %");
        if (first) printf("\n");
        first = false;
        printf("  %-*s  %10lld  %6.2f %%", width, part->name, (long long)part->count,
               100 * (double)l.fixed / (double)part->count);
        for (int q = 0; l.has_sigma && q < QUANTILES; q++)
            printf("  %9.3g", (double)l.sigma[q]);
        printf("\n");
    }
    return print_centres(view);
}

/* Appends a layer to the member "layers". */
static pwf_status json_layer(const pwf_loaded_part *part, pwf_json *out)
{
    static const char *const keys[QUANTILES] = {"sigma_5", "sigma_50", "sigma_95"};
    layer l;
    PWF_TRY(measure(part, &l));
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "name", part->name);
    pwf_json_set_int(j, "weights", part->count);
    pwf_json_set_int(j, "fixed", l.fixed);
    pwf_json_set_real(j, "fixed_share", (double)l.fixed / (double)part->count);
    for (int q = 0; l.has_sigma && q < QUANTILES; q++)
        pwf_json_set_real(j, keys[q], (double)l.sigma[q]);
    pwf_json_append(out, "layers", j);
    return pwf_ok();
}

/* All centres, not only the most frequent ones. */
pwf_status pwf_inspect_json_layers(const pwf_inspect_view *view, pwf_json *out)
{
    centre *list = NULL;
    for (int p = 0; p < view->parts; p++)
        if (view->part[p].code) PWF_TRY(json_layer(&view->part[p], out));
    PWF_TRY(count_centres(view, &list));
    for (int k = 0; k < view->entries; k++) {
        pwf_json *j = pwf_json_new();
        pwf_json_set_real(j, "value", ldexp(list[k].entry, -(int)view->min_power));
        pwf_json_set_int(j, "entry", list[k].entry);
        pwf_json_set_int(j, "weights", list[k].count);
        pwf_json_append(out, "centres", j);
    }
    pwf_mem_free(list);
    return pwf_ok();
}
