/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf predict: what a finished network says to images. */
#include "app.h"
#include "network.h"
#include "pwf/arrays/predict_file.h"
#include "pwf/train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TOP = 5 };

static pwf_status usage(const char *problem, const char *what)
{
    return PWF_FAIL(PWF_USAGE,
                    "%s%.200s; usage: pwf predict MODEL -i IMAGES -o LOGITS.h5 [-c FILE.yaml] "
                    "[--set KEY=VALUE ...] [--model NAME] [--top5]",
                    problem, what);
}

typedef struct command {
    pwf_app_network network;
    const char *in, *out;
    bool top5;
} command;

static pwf_status check(const command *c)
{
    if (!c->network.file) return usage("no model given", "");
    if (!c->in) return usage("no -i given", "");
    if (!c->out) return usage("no -o given", "");
    if (pwf_app_same_file(c->in, c->out) || pwf_app_same_file(c->network.file, c->out))
        return usage("the output would replace the input ", c->out);
    return pwf_ok();
}

static pwf_status parse(int argc, char **argv, command *c)
{
    memset(c, 0, sizeof *c);
    for (int i = 1; i < argc; i++) {
        bool taken = false;
        PWF_TRY(pwf_app_network_option(argc, argv, &i, &c->network, &taken));
        if (taken) continue;
        const bool named = strcmp(argv[i], "-i") == 0 || strcmp(argv[i], "-o") == 0;
        if (named && i + 1 < argc) {
            const char **to = argv[i][1] == 'i' ? &c->in : &c->out;
            if (*to) return usage("given twice: ", argv[i]);
            *to = argv[++i];
        } else if (strcmp(argv[i], "--top5") == 0)
            c->top5 = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return usage("no option, or no value for ", argv[i]);
        else if (c->network.file)
            return usage("more than one model: ", argv[i]);
        else
            c->network.file = argv[i];
    }
    return check(c);
}

/* The largest logits and their probabilities, a line for each image. */
static void print_top(const pwf_prediction *p)
{
    for (int64_t i = 0; i < p->images; i++) {
        const float *logits = p->logits + i * p->classes;
        int64_t best[TOP];
        double sum = 0.0;
        int found = 0;
        for (; found < TOP && found < p->classes; found++) {
            int64_t at = -1;
            for (int64_t k = 0; k < p->classes; k++) {
                bool taken = false;
                for (int f = 0; f < found; f++)
                    taken = taken || best[f] == k;
                if (!taken && (at < 0 || logits[k] > logits[at])) at = k;
            }
            best[found] = at;
        }
        for (int64_t k = 0; k < p->classes; k++)
            sum += exp((double)logits[k] - (double)logits[best[0]]);
        if (p->names)
            printf("%s", p->names[i]);
        else
            printf("%lld", (long long)i);
        for (int f = 0; f < found; f++)
            printf("  %lld %.2f %%", (long long)best[f],
                   100 * exp((double)logits[best[f]] - (double)logits[best[0]]) / sum);
        printf("\n");
    }
}

static pwf_status save(const command *c, const pwf_config *config, const pwf_prediction *p)
{
    const pwf_logits logits = {p->images, p->classes, p->logits, p->names, config->model.name};
    PWF_TRY(pwf_logits_write(c->out, &logits));
    if (c->top5) print_top(p);
    printf("%s: logits of %lld images for %lld classes of %s\n", c->out, (long long)p->images,
           (long long)p->classes, config->model.name);
    return pwf_ok();
}

pwf_status pwf_app_predict(const pwf_mesh *launch, int argc, char **argv)
{
    static command c; /* the settings are much for a stack */
    static pwf_config config;
    pwf_mesh *mesh = NULL;
    pwf_prediction found;
    const bool first = pwf_mesh_rank(launch, PWF_WORLD) == 0;
    PWF_TRY(pwf_mesh_agree(launch, parse(argc, argv, &c)));
    PWF_TRY(pwf_app_network_settle(launch, &c.network, &config));
    PWF_TRY(pwf_mesh_agree(launch, first ? pwf_logits_check(c.out) : pwf_ok()));
    PWF_TRY(pwf_mesh_new((int)config.parallel.shards, &mesh));
    pwf_status s = pwf_train_predict(mesh, &config, c.network.file, c.in, &found);
    if (s.code == PWF_OK && first) s = save(&c, &config, &found);
    s = pwf_mesh_agree(mesh, s);
    pwf_train_predict_free(&found);
    pwf_mesh_free(mesh);
    return s;
}
