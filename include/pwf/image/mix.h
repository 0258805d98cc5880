/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_IMAGE_MIX_H
#define PWF_IMAGE_MIX_H

#include "pwf/image/config.h"

/** Mixup (Zhang et al., ICLR 2018) and CutMix (Yun et al., ICCV 2019) within a slot: image i is
 * mixed with image n - 1 - i of its slot, all pairs of a slot in the same way. A slot's images are
 * the same on every mesh, and so are their mixtures. */

typedef struct pwf_image_mix {
    float share; /* weight of an image's own target; 1: nothing is mixed */
    bool cut;    /* a box of the partner; otherwise the weighted mean with it */
    int64_t top, left, rows, columns;
} pwf_image_mix;

/** Draws how the slot of a batch is mixed, as `config` says; `width` and `height` are an image's.
 * Local; any thread. Exact: a pure function of (seed, batch, slot). Source: timm, data/mixup.py,
 * mode batch. */
pwf_image_mix pwf_image_draw_mix(const pwf_augment_config *config, uint32_t seed, int64_t batch,
                                 int64_t slot, int64_t width, int64_t height);

/** Mixes `images`, [count, height, width, channels], in place; `count` is even.
 * Local; any thread. Exact: the same bits everywhere. */
void pwf_image_apply_mix(const pwf_image_mix *mix, float *images, int64_t count, int64_t width,
                         int64_t height, int64_t channels);

#endif
