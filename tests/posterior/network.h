/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_POSTERIOR_NETWORK_H
#define TESTS_POSTERIOR_NETWORK_H

#include "pwf/posterior/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The parameter table of a small network: weights, biases and plain parameters alternate, and their
 * borders lie inside blocks. 13,467 posterior elements, 14,007 in all: four blocks. */
static inline pwf_registry *network_new(void)
{
    static const struct {
        const char *name;
        int dims;
        int64_t shape[PWF_DIMS];
        pwf_role role;
    } params[] = {
        {"conv1.weight", 4, {8, 3, 3, 3}, PWF_ROLE_WEIGHT},
        {"bn1.weight", 1, {270}, PWF_ROLE_PLAIN},
        {"conv2.weight", 4, {50, 9, 5, 3}, PWF_ROLE_WEIGHT},
        {"conv2.bias", 1, {1}, PWF_ROLE_BIAS},
        {"bn2.weight", 1, {270}, PWF_ROLE_PLAIN},
        {"mlp.weight", 2, {50, 90}, PWF_ROLE_WEIGHT},
        {"mlp.bias", 1, {1500}, PWF_ROLE_BIAS},
        {"fc.weight", 2, {7, 70}, PWF_ROLE_WEIGHT},
        {"fc.bias", 1, {10}, PWF_ROLE_BIAS},
    };
    pwf_registry *registry;
    assert_int_equal(pwf_registry_new(&registry).code, PWF_OK);
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        const pwf_param *p;
        assert_int_equal(pwf_registry_add(registry, params[i].name, params[i].dims, params[i].shape,
                                          params[i].role, PWF_INIT_NORMAL, 0.1f, &p)
                             .code,
                         PWF_OK);
    }
    assert_int_equal(pwf_registry_close(registry, NULL, 0).code, PWF_OK);
    return registry;
}

#endif
