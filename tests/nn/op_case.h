/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_NN_OP_CASE_H
#define PWF_TESTS_NN_OP_CASE_H

#include "operator.h"

/* One operator with all its arrays, outside any graph. */
typedef struct op_case {
    pwf_node node;
    pwf_param weight, bias;
    pwf_precision precision;
    pwf_buffer mean, variance;
    int64_t images;
    int64_t counts[PWF_NODE_INPUTS], out_count;
    float *x[PWF_NODE_INPUTS], *dx[PWF_NODE_INPUTS], *y, *dy;
    float *weights, *dweights;  /* weight, then bias */
    float *statistics;          /* mean, then variance */
    int32_t *labels, *partners; /* partners: NULL unless share > 0 */
    float share;
    pwf_targets targets;
    float scale;
    double loss;
    void *plan[2], *saved, *kept, *workspace; /* plans forward, backward */
    size_t kept_bytes;
    bool add;
} op_case;

/* Fill in node.op, inputs, in[], stride and so on, the dims of weight and bias (0: none) and
 * images; this infers, plans and allocates. Expects success. */
void op_case_start(op_case *c, pwf_tensor_backend backend);
void op_case_end(op_case *c);

void op_case_forward(op_case *c);
void op_case_backward(op_case *c);

#endif
