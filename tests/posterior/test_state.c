/* SPDX-License-Identifier: BSD-3-Clause */
/* The training state: start values are the same for any sharding, the table lists every array, and
 * the codebook appends entries until it is full. */
#include "network.h"
#include "pwf/core/mem.h"

#include <math.h>

/* Every shard has its part of the start values of a single rank. */
static void start_is_independent_of_shards(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    const int64_t total = pwf_registry_total_count(registry);
    pwf_state *whole;
    assert_int_equal(pwf_state_new(registry, (pwf_range){0, total}, 4, 7, &whole).code, PWF_OK);
    assert_int_equal(whole->own_posterior.hi, pwf_registry_posterior_count(registry));
    for (int size = 2; size < 7; size++) {
        int64_t held = 0;
        for (int rank = 0; rank < size; rank++) {
            const pwf_range own = pwf_shard_range(total, size, rank);
            pwf_state *s;
            assert_int_equal(pwf_state_new(registry, own, 4, 7, &s).code, PWF_OK);
            assert_memory_equal(s->mu, whole->mu + own.lo,
                                (size_t)(own.hi - own.lo) * sizeof(float));
            held += s->own_posterior.hi - s->own_posterior.lo;
            pwf_state_free(s);
        }
        assert_int_equal(held, pwf_registry_posterior_count(registry));
    }
    for (int64_t i = 0; i < whole->own_posterior.hi; i++)
        assert_int_equal(whole->code[i], PWF_FREE);
    pwf_state_free(whole);
    pwf_registry_free(registry);
}

static void table_names_every_array(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    pwf_state *s;
    assert_int_equal(pwf_state_new(registry, (pwf_range){0, PWF_BLOCK}, 4, 7, &s).code, PWF_OK);
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    const void *const data[] = {s->mu, s->mu_moment[0], s->sigma, s->sigma_moment[0], s->code};
    for (int i = 0; i < count; i++) {
        bool found = false;
        for (int k = 0; k < count; k++)
            found = found || arrays[k].data == data[i];
        assert_true(found);
        assert_int_equal(arrays[i].size, arrays[i].real ? sizeof(float) : sizeof(int16_t));
    }
    pwf_state_free(s);
    pwf_registry_free(registry);
}

static void codebook_grows_and_fills(void **unused)
{
    (void)unused;
    static int32_t entry[PWF_CODES_MAX];
    pwf_codebook book = {.min_power = 7, .entry = entry};
    assert_int_equal(pwf_codebook_add(&book, -3), 0);
    assert_int_equal(pwf_codebook_add(&book, 256), 1);
    assert_int_equal(pwf_codebook_add(&book, -3), 0);
    assert_true(fabsf(pwf_codebook_value(&book, 0) + 0.0234375f) <= 0.0f);
    assert_true(fabsf(pwf_codebook_value(&book, 1) - 2.0f) <= 0.0f);
    for (int i = 2; i < PWF_CODES_MAX; i++)
        assert_int_equal(pwf_codebook_add(&book, 1000 + i), i);
    assert_int_equal(pwf_codebook_add(&book, 1), PWF_FREE);
    assert_int_equal(pwf_codebook_add(&book, 256), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_independent_of_shards),
        cmocka_unit_test(table_names_every_array),
        cmocka_unit_test(codebook_grows_and_fills),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || pwf_mem_live() != 0;
}
