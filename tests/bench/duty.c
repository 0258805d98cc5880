/* SPDX-License-Identifier: BSD-3-Clause */
/* The work of an operator in one slot, in multiplications, additions and bytes of memory, from
 * which bench_step derives fractions of the ceilings. */
#include "duty.h"

#include "bench.h"
#include "operator.h"
#include "schedule.h"

void duty_touch(duty *d, double bytes, double calls, int threads)
{
    if (bytes <= (double)bench_second_level())
        d->second += calls * bytes;
    else if (bytes <= (double)bench_third_level() / (double)threads)
        d->third += calls * bytes;
    else
        d->memory += calls * bytes;
}

/* Images that go through a node together. */
static double group_of(const pwf_node_schedule *s, int node, pwf_action_kind kind)
{
    for (int a = 0; a < s->action_count; a++)
        if (s->actions[a].node == node && s->actions[a].kind == kind)
            return (double)s->stages[pwf_schedule_stage(s, a)].images;
    return 0.0;
}

static void add_node(duty *d, const pwf_graph *graph, const pwf_node_schedule *s, int node,
                     double images, int threads)
{
    const pwf_node *n = &graph->nodes[node];
    const double out = (double)pwf_elements(n->out);
    const double weights =
        (n->weight ? (double)n->weight->count : 0.0) + (n->bias ? (double)n->bias->count : 0.0);
    const double products = n->op->operations ? (double)n->op->operations(n) : 0.0;
    double in = 0.0, dx = 0.0;
    for (int j = 0; j < n->inputs; j++) {
        const double one = (double)pwf_elements(n->in[j]);
        /* What runs in place and reads only dy has nothing to do for its first input. */
        const bool given = j == 0 && n->op->in_place && !n->op->needs_input && !n->op->needs_output;
        in += one;
        if (graph->values[n->input[j]].gradient && !given) dx += one;
    }
    const bool both = !n->weight || graph->values[n->input[0]].gradient;
    const double forward = group_of(s, node, PWF_ACTION_FORWARD);
    const double backward = group_of(s, node, PWF_ACTION_BACKWARD);
    const double read = out + (n->op->needs_input ? in : 0.0) + (n->op->needs_output ? out : 0.0);
    if (forward > 0.0) {
        d->operations += images * products;
        duty_touch(d, 4.0 * (forward * (in + out) + weights), images / forward, threads);
    }
    if (backward > 0.0) {
        d->operations += images * products * (both ? 2.0 : 1.0);
        duty_touch(d, 4.0 * (backward * (read + dx) + 3.0 * weights), images / backward, threads);
    }
}

duty duty_of(const pwf_graph *graph, const pwf_operator *op, int64_t images, int threads)
{
    duty d = {0};
    pwf_node_schedule schedule;
    bench_check(pwf_schedule_new(graph, images, PWF_MODE_TRAIN, &schedule));
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].op == op) add_node(&d, graph, &schedule, i, (double)images, threads);
    pwf_schedule_free(&schedule);
    return d;
}

int64_t duty_operations(const pwf_graph *graph)
{
    int64_t sum = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const pwf_node *n = &graph->nodes[i];
        if (n->op->operations) sum += n->op->operations(n);
    }
    return sum;
}
