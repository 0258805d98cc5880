/* SPDX-License-Identifier: BSD-3-Clause */
/* The random variates of augmentation and mixing (moments, ranges, independence of the order
 * of calls), and Mixup and CutMix: every pixel of a mixed slot, and the share of the images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "draws.h"
#include "pwf/config/config.h"
#include "pwf/image/mix.h"

#include <cmocka.h>
#include <math.h>

enum { H = 6, W = 8, C = 3, IMAGES = 4, PIXELS = H * W * C };

/* Mean 1/2 and variance 1 / (8 alpha + 4); within (0, 1), and U-shaped below 1. */
static void beta_has_its_moments(void **state)
{
    (void)state;
    static const double alphas[] = {0.1, 0.2, 0.8, 1.0, 2.5, 20.0};
    enum { DRAWS = 20000 };
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
        double sum = 0.0, squares = 0.0, outer = 0.0;
        for (int i = 0; i < DRAWS; i++) {
            pwf_draws d = pwf_draws_of_image((pwf_image_key){3, (int64_t)a, i}, PWF_RNG_MIX);
            const double x = pwf_draw_beta(&d, alphas[a]);
            assert_true(x >= 0.0 && x <= 1.0);
            sum += x;
            squares += (x - 0.5) * (x - 0.5);
            outer += x < 0.1 || x >= 0.9;
        }
        const double variance = 1.0 / (8.0 * alphas[a] + 4.0);
        assert_true(fabs(sum / DRAWS - 0.5) < 5.0 * sqrt(variance / DRAWS));
        assert_true(fabs(squares / DRAWS / variance - 1.0) < 0.04);
        if (alphas[a] == 1.0) assert_true(fabs(outer / DRAWS - 0.2) < 0.015);
    }
}

static void uniforms_reach_their_ends(void **state)
{
    (void)state;
    int seen[5] = {0};
    double low = 1.0, high = 0.0, logs = 0.0;
    pwf_draws d = pwf_draws_of_image((pwf_image_key){1, 2, 3}, PWF_RNG_CROP);
    for (int i = 0; i < 5000; i++) {
        const double x = pwf_draw_between(&d, 0.25, 0.75), y = pwf_draw_log_uniform(&d, 0.5, 2.0);
        low = fmin(low, x);
        high = fmax(high, x);
        assert_true(y > 0.4999 && y < 2.0001);
        logs += y < 1.0;
        seen[pwf_draw_below(&d, 5)]++;
    }
    assert_true(low >= 0.25 && low < 0.251 && high < 0.75 && high > 0.749);
    assert_true(fabs(logs / 5000 - 0.5) < 0.03);
    for (int i = 0; i < 5; i++)
        assert_true(seen[i] > 900 && seen[i] < 1100);
}

static void fill(float *images)
{
    for (int i = 0; i < IMAGES * PIXELS; i++)
        images[i] = (float)i;
}

/* Every pixel of a mixed slot follows the definition, and for CutMix the share is that of the
 * pixels. */
static void check_mixed(const pwf_image_mix *m, const float *images)
{
    int own = 0;
    for (int i = 0; i < IMAGES; i++)
        for (int at = 0; at < PIXELS; at++) {
            const float a = (float)(i * PIXELS + at), b = (float)((IMAGES - 1 - i) * PIXELS + at);
            const int y = at / C / W, x = at / C % W;
            const bool boxed =
                y >= m->top && y < m->top + m->rows && x >= m->left && x < m->left + m->columns;
            const float now = images[i * PIXELS + at];
            if (m->cut)
                assert_true(now == (boxed ? b : a));
            else
                assert_true(fabsf(now - (m->share * a + (1.0f - m->share) * b)) < 1e-4f);
            own += !boxed;
        }
    if (m->cut) assert_true(m->share == (float)own / (float)(IMAGES * PIXELS));
}

static pwf_config mixing(double mixup, double cutmix)
{
    pwf_config config;
    pwf_config_defaults(&config);
    config.augment.mixup = mixup;
    config.augment.cutmix = cutmix;
    return config;
}

static void mixing_follows_its_definition(void **state)
{
    (void)state;
    static const double alphas[4][2] = {{0.0, 0.0}, {0.8, 0.0}, {0.0, 1.0}, {0.8, 1.0}};
    for (int kind = 0; kind < 4; kind++) {
        const pwf_config config = mixing(alphas[kind][0], alphas[kind][1]);
        int cut = 0, mixed = 0;
        double share = 0.0;
        for (int slot = 0; slot < 256; slot++) {
            float images[IMAGES * PIXELS];
            const pwf_image_mix m = pwf_image_draw_mix(&config.augment, 7, 12, slot, W, H);
            assert_true(m.share >= 0.0f && m.share <= 1.0f);
            fill(images);
            pwf_image_apply_mix(&m, images, IMAGES, W, H, C);
            check_mixed(&m, images);
            cut += m.cut;
            mixed += m.share < 1.0f;
            share += (double)m.share / 256;
        }
        assert_true(kind == 0 ? mixed == 0 : mixed > 220);
        assert_true(kind < 2 ? cut == 0 : kind == 2 ? cut == 256 : cut > 100 && cut < 156);
        if (kind == 1) assert_true(fabs(share - 0.5) < 0.1);
    }
}

static bool same(const pwf_image_mix *a, const pwf_image_mix *b)
{
    return a->share == b->share && a->cut == b->cut && a->top == b->top && a->left == b->left &&
           a->rows == b->rows && a->columns == b->columns;
}

static void mixing_is_a_function_of_seed_batch_and_slot(void **state)
{
    (void)state;
    pwf_config config = mixing(0.8, 1.0);
    const pwf_image_mix one = pwf_image_draw_mix(&config.augment, 7, 12, 3, W, H);
    const pwf_image_mix again = pwf_image_draw_mix(&config.augment, 7, 12, 3, W, H);
    assert_true(same(&one, &again));
    const pwf_image_mix others[3] = {pwf_image_draw_mix(&config.augment, 8, 12, 3, W, H),
                                     pwf_image_draw_mix(&config.augment, 7, 13, 3, W, H),
                                     pwf_image_draw_mix(&config.augment, 7, 12, 4, W, H)};
    for (int i = 0; i < 3; i++)
        assert_false(same(&one, &others[i]));
    int mixed = 0;
    config.augment.mix_prob = 0.25;
    for (int slot = 0; slot < 256; slot++)
        mixed += pwf_image_draw_mix(&config.augment, 1, 0, slot, W, H).share < 1.0f;
    assert_true(mixed > 40 && mixed < 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beta_has_its_moments),
        cmocka_unit_test(uniforms_reach_their_ends),
        cmocka_unit_test(mixing_follows_its_definition),
        cmocka_unit_test(mixing_is_a_function_of_seed_batch_and_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
