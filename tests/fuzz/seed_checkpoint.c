/* SPDX-License-Identifier: BSD-3-Clause */
/* seed_checkpoint FOLDER: writes a checkpoint and a model of a very small network into FOLDER, for
 * tests/fuzz/corpus. */
#include "pwf/ckpt/ckpt.h"
#include "pwf/formats/export.h"

#include <stdio.h>
#include <stdlib.h>

static void must(pwf_status s)
{
    if (s.code == PWF_OK) return;
    fprintf(stderr, "%s\n", s.text);
    abort();
}

static pwf_registry *network(void)
{
    static const int64_t kernel[4] = {4, 1, 3, 3}, bias[1] = {4};
    pwf_registry *r = NULL;
    const pwf_param *p = NULL;
    const pwf_buffer *b = NULL;
    must(pwf_registry_new(&r));
    must(
        pwf_registry_add(r, "conv1.weight", 4, kernel, PWF_ROLE_WEIGHT, PWF_INIT_NORMAL, 0.1F, &p));
    must(pwf_registry_add(r, "bn1.weight", 1, bias, PWF_ROLE_PLAIN, PWF_INIT_NORMAL, 0.1F, &p));
    must(pwf_registry_add_buffer(r, "bn1.running_mean", 4, 0, &b));
    must(pwf_registry_close(r, NULL, 0));
    return r;
}

/* Fixes two of three weights. */
static void fix(pwf_state *s)
{
    for (int64_t i = 0; i < s->posterior; i++) {
        if (i % 3 == 0) continue;
        s->code[i] = (int16_t)pwf_codebook_add(&s->codebook, (int32_t)(i % 5));
        s->mu[i] = pwf_codebook_value(&s->codebook, s->code[i]);
    }
}

int main(int argc, char **argv)
{
    must(pwf_mesh_start(&argc, &argv));
    if (argc != 2) return PWF_USAGE;
    pwf_mesh *mesh = NULL;
    pwf_registry *r = network();
    pwf_snapshot s = {.facts = {.seed = 7,
                                .slots = 8,
                                .model = "example",
                                .config = "model:\n  name: example\n",
                                .position = {.step = 1}}};
    char path[PWF_PATH], other[PWF_PATH + 16];
    must(pwf_mesh_new(1, &mesh));
    const pwf_range own = {0, pwf_registry_total_count(r)};
    must(pwf_state_new(r, own, 7, 11, &s.state));
    fix(s.state);
    must(pwf_ckpt_write(mesh, argv[1], &s, path));
    snprintf(other, sizeof other, "%s/model.h5", argv[1]);
    must(pwf_ckpt_write_model(mesh, other, &s));
    pwf_loaded loaded;
    pwf_export_sizes sizes;
    must(pwf_ckpt_load(path, &loaded));
    snprintf(other, sizeof other, "%s/model.pwf", argv[1]);
    must(pwf_export_packed(&loaded, other, &sizes));
    snprintf(other, sizeof other, "%s/model.safetensors", argv[1]);
    int64_t bytes = 0;
    must(pwf_export_safetensors(&loaded, other, &bytes));
    pwf_ckpt_unload(&loaded);
    pwf_state_free(s.state);
    pwf_registry_free(r);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return PWF_OK;
}
