/* SPDX-License-Identifier: BSD-3-Clause */
/* A bad file is met by the rank whose slot or chunk holds it. How many have been met counts for the
 * whole run, so that data.skip_bad stops it at the same step on every mesh. */
#include "trainer.h"

#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static pwf_status write_row(pwf_trainer *t, const pwf_dataset *data, int64_t index)
{
    if (!t->report) return pwf_ok();
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "skipped");
    pwf_json_set_int(row, "step", t->position.step);
    pwf_json_set_text(row, "file", pwf_dataset_name(data, index));
    return pwf_report_row(t->report, row);
}

/* `found` [count]: what all ranks found, the same everywhere; two may have found one file. */
static pwf_status note(pwf_trainer *t, const pwf_dataset *data, int64_t *found, int64_t count)
{
    qsort(found, (size_t)count, sizeof *found, by_value);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && found[i] == found[i - 1]) continue;
        PWF_TRY(write_row(t, data, found[i]));
        PWF_TRY(pwf_dataset_skip(data, found[i]));
    }
    return pwf_ok();
}

pwf_status pwf_skips_agree(pwf_trainer *t, const pwf_dataset *data, int64_t *known)
{
    if (t->config->data.skip_bad == 0 || !pwf_dataset_is_decoded(data)) return pwf_ok();
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD), rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    int64_t counts[PWF_SLOTS_MAX], offset[PWF_SLOTS_MAX + 1] = {0}, *found = NULL;
    const int64_t *mine = NULL;
    counts[rank] = pwf_dataset_skipped(data, &mine) - *known;
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, counts, sizeof *counts);
    for (int r = 0; r < ranks; r++)
        offset[r + 1] = offset[r] + counts[r] * (int64_t)sizeof *found;
    const int64_t all = offset[ranks] / (int64_t)sizeof *found;
    if (all == 0) return pwf_ok();
    PWF_TRY(pwf_mesh_agree(t->mesh, pwf_mem_alloc(PWF_MEM_DATA, all, sizeof *found, &found)));
    memcpy((char *)found + offset[rank], mine + *known, (size_t)counts[rank] * sizeof *found);
    pwf_mesh_gather(t->mesh, PWF_WORLD, found, offset);
    const pwf_status status = note(t, data, found, all);
    pwf_mem_free(found);
    *known = pwf_dataset_skipped(data, &mine);
    return pwf_mesh_agree(t->mesh, status);
}
