/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the network for other programs, made from the HDF5 files of the run, so that missing
 * ones can be made later. Called by the saver after a round, by the run at the end and on resume.
 * Rank 0 reads and writes files; the other ranks wait. */
#include "saver.h"

#include "phase.h"
#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/formats/export.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct paths {
    char file[PWF_PATH + 64], plain[PWF_PATH + 64], packed[PWF_PATH + 64];
} paths;

/* `name` is the name of the HDF5 file without its suffix. */
static void find_paths(const pwf_config *config, const char *name, paths *p)
{
    const char *dir = config->output;
    snprintf(p->file, sizeof p->file, "%s/%s.h5", dir, name);
    snprintf(p->plain, sizeof p->plain, "%s/%s.safetensors", dir, name);
    snprintf(p->packed, sizeof p->packed, "%s/%s.pwf", dir, name);
}

/* Reads the HDF5 file and with `files` writes the other two; `compact` (may be NULL) receives the
 * sizes. */
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

/* An export can be repeated at any time, so its failure does not end a run. */
static void warn(const paths *p, const pwf_status *status)
{
    PWF_WARN("EXPORT_FAILED",
             "%s was not exported: %s; the run continues, and --resume or pwf export writes the "
             "missing files",
             p->file, status->text);
}

/* Exports a file of the run; with `missing` only if it exists and one of its exports does not. */
static void export_file(const pwf_config *config, const char *name, bool missing)
{
    paths p;
    find_paths(config, name, &p);
    if (missing && access(p.file, F_OK) != 0) return;
    if (missing && access(p.plain, F_OK) == 0 && access(p.packed, F_OK) == 0) return;
    const pwf_status s = write_forms(&p, true, NULL);
    if (s.code != PWF_OK) warn(&p, &s);
}

/* The name that the ckpt room gives the round's checkpoint, without suffix. */
static void name_round(char name[40], int64_t round)
{
    snprintf(name, 40, "round-%02lld", (long long)round);
}

/* Round 0, the checkpoint before the first round, is not exported: none of its weights is fixed. */
void pwf_exports_missing(const pwf_mesh *mesh, const pwf_config *config,
                         const pwf_position *position)
{
    const int64_t when = config->fixing.export;
    char name[40];
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        for (int64_t r = 1; when == PWF_EXPORT_ALL && r <= position->round; r++) {
            name_round(name, r);
            export_file(config, name, true);
        }
        if (when != PWF_EXPORT_NONE && position->phase == PWF_PHASE_DONE)
            export_file(config, "model", true);
    }
    pwf_mesh_barrier(mesh);
}

void pwf_exports_round(const pwf_mesh *mesh, const pwf_config *config, int64_t round)
{
    if (config->fixing.export != PWF_EXPORT_ALL || round == 0) return;
    char name[40];
    name_round(name, round);
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) export_file(config, name, false);
    pwf_mesh_barrier(mesh);
}

/* The sizes are reported even if the files cannot be written. */
static pwf_status export_model(const pwf_config *config, pwf_report *report, int64_t step)
{
    paths p;
    pwf_report_compact compact;
    const bool files = config->fixing.export != PWF_EXPORT_NONE;
    find_paths(config, "model", &p);
    pwf_status s = write_forms(&p, files, &compact);
    if (s.code != PWF_OK && files) {
        warn(&p, &s);
        s = write_forms(&p, false, &compact);
    }
    PWF_TRY(s);
    return pwf_report_model(report, &compact, step);
}

pwf_status pwf_exports_model(const pwf_mesh *mesh, const pwf_config *config, pwf_report *report,
                             int64_t step)
{
    return pwf_mesh_agree(mesh, report ? export_model(config, report, step) : pwf_ok());
}
