/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups the ranks of a survey by host, so that checks can add up what the ranks of a host share:
 * memory and processors. Called by the checks on rank 0. Pure functions of the survey: no state, no
 * files, no MPI. */
#include "survey.h"

#include <string.h>

/* Whether two ranks are on the same host. */
static bool is_same(const pwf_survey *s, int64_t a, int64_t b)
{
    return strcmp(s->facts[a].machine.host, s->facts[b].machine.host) == 0;
}

pwf_host pwf_survey_host(const pwf_survey *s, int64_t rank)
{
    pwf_host h = {.name = s->facts[rank].machine.host, .first = -1};
    for (int64_t r = 0; r < s->ranks; r++) {
        if (!is_same(s, r, rank)) continue;
        const pwf_machine *m = &s->facts[r].machine;
        if (h.first < 0) h.first = r;
        h.ranks++;
        pwf_processors_join(&h.own, &m->own);
        pwf_processors_join(&h.parents, &m->parents);
        if (m->quota > 0.0 && (h.quota <= 0.0 || m->quota < h.quota)) h.quota = m->quota;
    }
    return h;
}

int64_t pwf_survey_hosts(const pwf_survey *s, int64_t *most)
{
    int64_t hosts = 0;
    *most = 0;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_host h = pwf_survey_host(s, r);
        hosts += h.first == r;
        if (h.ranks > *most) *most = h.ranks;
    }
    return hosts;
}
