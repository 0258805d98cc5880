/* SPDX-License-Identifier: BSD-3-Clause */
/* Forms of the network for other programs, as fixing.export asks. They are made from the files of
 * the run by rank 0, so what is missing can be made up for when a run is taken up again. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/formats/export.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct paths {
    char file[PWF_PATH], plain[PWF_PATH], packed[PWF_PATH];
} paths;

/* `name` is that of the file without its ending. */
static void find_paths(const pwf_trainer *t, const char *name, paths *p)
{
    const char *dir = t->config->output;
    snprintf(p->file, sizeof p->file, "%s/%s.h5", dir, name);
    snprintf(p->plain, sizeof p->plain, "%s/%s.safetensors", dir, name);
    snprintf(p->packed, sizeof p->packed, "%s/%s.pwf", dir, name);
}

static pwf_status write_forms(const paths *p, bool files, pwf_report_compact *compact)
{
    const double begun = pwf_clock_seconds();
    pwf_loaded from;
    pwf_export_sizes sizes;
    int64_t bytes = 0;
    PWF_TRY(pwf_ckpt_load(p->file, &from));
    pwf_status s = pwf_export_packed(&from, files ? p->packed : NULL, &sizes);
    if (s.code == PWF_OK && files) s = pwf_export_safetensors(&from, p->plain, &bytes);
    if (s.code == PWF_OK && compact) {
        *compact = (pwf_report_compact){.file = sizes.file,
                                        .coded = sizes.coded,
                                        .indices = sizes.stream + sizes.tables,
                                        .bound = sizes.bound};
        for (int i = 0; i < from.count; i++)
            compact->fp32 += from.part[i].count * (int64_t)sizeof(float);
    }
    pwf_ckpt_unload(&from);
    if (s.code == PWF_OK && files)
        PWF_INFO("EXPORT", "%s and .pwf, %lld and %lld bytes, %.2f s", p->plain, (long long)bytes,
                 (long long)sizes.file, pwf_clock_seconds() - begun);
    return s;
}

static void warn(const paths *p, const pwf_status *status)
{
    PWF_WARN("EXPORT_FAILED",
             "%s was not written in its other forms: %s; the run goes on, and --resume or pwf "
             "export makes them",
             p->file, status->text);
}

/* Rank 0: what is missing of a file that is there. */
static void make_up(const pwf_trainer *t, const char *name)
{
    paths p;
    find_paths(t, name, &p);
    if (access(p.file, F_OK) != 0) return;
    if (access(p.plain, F_OK) == 0 && access(p.packed, F_OK) == 0) return;
    const pwf_status s = write_forms(&p, true, NULL);
    if (s.code != PWF_OK) warn(&p, &s);
}

static void name_round(char name[40], int64_t round)
{
    snprintf(name, 40, "round-%02lld", (long long)round);
}

void pwf_exports_missing(pwf_trainer *t)
{
    const int64_t when = t->config->fixing.export;
    char name[40];
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) {
        for (int64_t r = 1; when == PWF_EXPORT_ALL && r <= t->position.round; r++) {
            name_round(name, r);
            make_up(t, name);
        }
        if (when != PWF_EXPORT_NONE && t->position.phase == PWF_PHASE_DONE) make_up(t, "model");
    }
    pwf_mesh_barrier(t->mesh);
}

void pwf_exports_round(pwf_trainer *t)
{
    if (t->config->fixing.export != PWF_EXPORT_ALL || t->position.round == 0) return;
    char name[40];
    paths p;
    name_round(name, t->position.round);
    find_paths(t, name, &p);
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) {
        const pwf_status s = write_forms(&p, true, NULL);
        if (s.code != PWF_OK) warn(&p, &s);
    }
    pwf_mesh_barrier(t->mesh);
}

/* The sizes are told whether the disk takes the files or not. */
static pwf_status export_model(pwf_trainer *t)
{
    paths p;
    pwf_report_compact compact;
    const bool files = t->config->fixing.export != PWF_EXPORT_NONE;
    find_paths(t, "model", &p);
    pwf_status s = write_forms(&p, files, &compact);
    if (s.code != PWF_OK && files) {
        warn(&p, &s);
        s = write_forms(&p, false, &compact);
    }
    PWF_TRY(s);
    return pwf_report_model(t->report, &compact, t->position.step);
}

pwf_status pwf_exports_model(pwf_trainer *t)
{
    return pwf_mesh_agree(t->mesh, t->report ? export_model(t) : pwf_ok());
}
