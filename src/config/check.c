/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules between several configuration keys, and what may change when a run is resumed. Called by
 * app before a run starts, on every rank with the same configuration. Reads and changes
 * configurations only; no files, no MPI. */
#include "table.h"

#include "pwf/models/families.h"

#include <stdlib.h>
#include <string.h>

/* Whether the family of this name reads `key`. */
static bool reads(const pwf_family_config *family, const char *key)
{
    for (const char *const *k = family->keys; *k; k++)
        if (strcmp(*k, key) == 0) return true;
    return false;
}

/* The first family that reads `key` if model.name is none of those that do; else NULL. */
static const pwf_family_config *owner(const pwf_config *config, const char *key)
{
    const pwf_family_config *first = NULL;
    for (const pwf_family_config *const *f = pwf_model_families(); *f; f++) {
        if (!reads(*f, key)) continue;
        if (strcmp(config->model.name, (*f)->name) == 0) return NULL;
        if (!first) first = *f;
    }
    return first;
}

bool pwf_option_of_preset(const pwf_config *config, const pwf_option *option)
{
    return owner(config, option->key) != NULL;
}

/* Refuses keys that the model does not read: a preset decides them itself, and a family has keys of
 * its own. */
static pwf_status check_model(const pwf_config *config)
{
    const char *name = config->model.name;
    PWF_FAIL_IF(name[0] == '\0', PWF_CONFIG,
                "model.name is empty; set a preset such as resnet18 or a family such as resnet");
    for (int i = 0; i < pwf_option_count; i++) {
        /* A key that no family lists, such as model.classes, applies to every network. */
        const pwf_family_config *family = owner(config, pwf_options[i].key);
        PWF_FAIL_IF(
            family && pwf_config_is_set(config, pwf_options[i].key), PWF_CONFIG,
            "%s cannot be set with model.name = %s; set model.name to %s to choose its value",
            pwf_options[i].key, name, family->name);
    }
    for (const pwf_family_config *const *f = pwf_model_families(); *f; f++)
        if (strcmp(name, (*f)->name) == 0 && (*f)->check) return (*f)->check(&config->model);
    return pwf_ok();
}

/* Checks a list that must hold one value for all channels or one per channel. */
static pwf_status check_channels(const char *key, const pwf_real_list *list, int64_t channels)
{
    if (list->count == 1 || list->count == channels) return pwf_ok();
    return PWF_FAIL(PWF_CONFIG,
                    "%s has %d values but model.channels is %lld; give one value for all channels "
                    "or one per channel",
                    key, list->count, (long long)channels);
}

/* Checks that fractions rise strictly, so that every round fixes some weights, and that the bounds
 * of sigma are in order. */
static pwf_status check_rounds(const pwf_config *config)
{
    /* The row of the table has checked that each lies in (0, 1]. */
    const pwf_real_list *f = &config->fixing.fractions;
    PWF_FAIL_IF(f->count == 0, PWF_CONFIG,
                "fixing.fractions is empty; for one round over all weights, set [1.0]");
    for (int i = 1; i < f->count; i++) {
        /* Each round must fix some weights more than the last. */
        if (f->at[i] > f->at[i - 1]) continue;
        char before[PWF_NUMBER_TEXT], now[PWF_NUMBER_TEXT];
        pwf_number_write(f->at[i - 1], before);
        pwf_number_write(f->at[i], now);
        return PWF_FAIL(PWF_CONFIG, "fixing.fractions must increase strictly, but %s follows %s",
                        now, before);
    }
    if (config->posterior.sigma_min > config->posterior.sigma_max) {
        char min[PWF_NUMBER_TEXT], max[PWF_NUMBER_TEXT];
        pwf_number_write(config->posterior.sigma_min, min);
        pwf_number_write(config->posterior.sigma_max, max);
        return PWF_FAIL(PWF_CONFIG, "posterior.sigma_min (%s) is above posterior.sigma_max (%s)",
                        min, max);
    }
    return pwf_ok();
}

/* Checks that all slots have the same number of images, and that every thread of a rank and every
 * shard can have a slot. ranks x threads is checked when the number of ranks is known. */
static pwf_status check_parallel(const pwf_config *config)
{
    PWF_FAIL_IF(config->parallel.precision == PWF_BF16 &&
                    config->parallel.backend == PWF_TENSOR_OPENBLAS,
                PWF_CONFIG,
                "parallel.precision bf16 is not available with parallel.backend openblas; set "
                "parallel.precision to fp32 or parallel.backend to auto");
    long long slots = (long long)config->parallel.slots, batch = (long long)config->train.batch;
    PWF_FAIL_IF(batch % slots != 0, PWF_CONFIG,
                "parallel.slots (%lld) must divide train.batch (%lld); the next larger batch that "
                "it divides is %lld",
                slots, batch, (batch / slots + 1) * slots);
    /* A slot is computed by one thread, and every shard needs a slot of its own. */
    PWF_FAIL_IF(config->parallel.threads > slots, PWF_CONFIG,
                "parallel.threads (%lld) is more than parallel.slots (%lld); threads beyond the "
                "slots would be idle",
                (long long)config->parallel.threads, slots);
    PWF_FAIL_IF(config->parallel.shards > slots, PWF_CONFIG,
                "parallel.shards (%lld) is more than parallel.slots (%lld); ranks beyond the slots "
                "would be idle",
                (long long)config->parallel.shards, slots);
    return pwf_ok();
}

/* Refuses settings that the chosen source of images would silently ignore. */
static pwf_status check_data(const pwf_config *config)
{
    /* Held in memory: idx, cifar and the like, whose files contain images of one size. */
    const bool held = pwf_data_is_held(config->data.format);
    PWF_FAIL_IF(
        config->data.val_classes[0] && !config->data.val_list[0], PWF_CONFIG,
        "data.val_classes explains the numbers in data.val_list, but data.val_list is not set");
    PWF_FAIL_IF(config->data.val_list[0] && held, PWF_CONFIG,
                "data.val_list applies to data.format imagefolder only; files of other formats "
                "contain the classes");
    PWF_FAIL_IF(config->data.skip_bad > 0 && held, PWF_CONFIG,
                "data.skip_bad (%lld) applies to data.format imagefolder and hdf5 only",
                (long long)config->data.skip_bad);
    PWF_FAIL_IF(config->data.pad != 0 && !held, PWF_CONFIG,
                "data.pad (%lld) does not apply to data.format imagefolder and hdf5, which crop "
                "from data.resize pixels",
                (long long)config->data.pad);
    return pwf_ok();
}

/* A range is a list of two numbers: from, to. */
static pwf_status check_range(const char *key, const pwf_real_list *list)
{
    if (list->count == 2 && list->at[0] <= list->at[1]) return pwf_ok();
    return PWF_FAIL(PWF_CONFIG, "%s must be two numbers, the second not below the first", key);
}

/* Mixing pairs image i with image n - 1 - i of its slot, so a slot must have an even number of
 * images. */
static pwf_status check_augment(const pwf_config *config)
{
    /* check_parallel has checked that the slots divide the batch. */
    const int64_t images = config->train.batch / config->parallel.slots;
    PWF_TRY(check_range("augment.crop_scale", &config->augment.crop_scale));
    PWF_TRY(check_range("augment.crop_ratio", &config->augment.crop_ratio));
    PWF_FAIL_IF(config->augment.crop && config->data.pad > 0, PWF_CONFIG,
                "augment.crop replaces the random shift by data.pad (%lld); set data.pad to "
                "0",
                (long long)config->data.pad);
    PWF_FAIL_IF(
        (config->augment.mixup > 0.0 || config->augment.cutmix > 0.0) && images % 2 != 0,
        PWF_CONFIG,
        "augment.mixup and augment.cutmix mix pairs of a slot, but train.batch / parallel.slots is "
        "%lld, an odd number; choose another train.batch or parallel.slots",
        (long long)images);
    return pwf_ok();
}

pwf_status pwf_config_check(const pwf_config *config)
{
    PWF_FAIL_IF(config->output[0] == '\0', PWF_CONFIG,
                "output is empty; set it to the run directory");
    PWF_TRY(check_model(config));
    PWF_TRY(check_channels("data.mean", &config->data.mean, config->model.channels));
    PWF_TRY(check_channels("data.std", &config->data.std, config->model.channels));
    PWF_TRY(check_data(config));
    PWF_TRY(check_rounds(config));
    PWF_TRY(check_parallel(config));
    PWF_TRY(check_augment(config));
    PWF_FAIL_IF(config->checkpoint.async && config->checkpoint.writer == PWF_CKPT_MPIIO, PWF_CONFIG,
                "checkpoint.async writes in a thread, which must not call MPI-IO; set "
                "checkpoint.writer to pwrite, or checkpoint.async to false");
    return pwf_ok();
}

void pwf_config_keep_precision(pwf_config *stored, pwf_config *now)
{
    pwf_precision *before = &stored->parallel.precision, *after = &now->parallel.precision;
    /* A checkpoint without the key was trained in fp32. */
    if (*before == PWF_PRECISION_AUTO) *before = PWF_FP32;
    if (*after == PWF_PRECISION_AUTO) *after = *before;
}

pwf_dataset_request pwf_config_dataset(const pwf_config *config)
{
    return (pwf_dataset_request){.data = &config->data,
                                 .augment = &config->augment,
                                 .channels = config->model.channels,
                                 .classes = config->model.classes,
                                 .side = config->model.image_size,
                                 .seed = (uint32_t)config->train.seed};
}

pwf_model_request pwf_config_model(const pwf_config *config)
{
    return (pwf_model_request){.model = &config->model,
                               .exclude = &config->fixing.exclude,
                               .backend = config->parallel.backend,
                               .label_smoothing = (float)config->train.label_smoothing};
}

/* Writes "key is A in the stored configuration and B now" if the two differ, else nothing. */
static pwf_status describe_difference(const pwf_option *option, const pwf_config *stored,
                                      const pwf_config *now, char *text, size_t size)
{
    /* As strings, which are equal exactly if the values are: numbers read back to the same bits. */
    char *before = pwf_value_text(stored, option), *after = pwf_value_text(now, option);
    bool have = before && after;
    text[0] = '\0';
    if (have && strcmp(before, after) != 0) {
        char a[PWF_CLIP], b[PWF_CLIP];
        snprintf(text, size, "%s is %s in the stored configuration but %s now", option->key,
                 pwf_clip(before, strlen(before), a), pwf_clip(after, strlen(after), b));
    }
    free(before);
    free(after);
    return have ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory to compare configurations");
}

pwf_status pwf_config_same(const pwf_config *stored, const pwf_config *now)
{
    /* LIST leaves room for the advice after the list, REST for "; and N more keys differ". */
    enum { LIST = PWF_STATUS_TEXT - 220, REST = 40 };
    char list[LIST] = "", one[300];
    size_t used = 0;
    int differ = 0, left_out = 0;
    for (int i = 0; i < pwf_option_count; i++) {
        if (pwf_options[i].of_run) continue;
        PWF_TRY(describe_difference(&pwf_options[i], stored, now, one, sizeof one));
        if (one[0] == '\0') continue;
        differ++;
        if (left_out > 0 || used + strlen(one) + REST > LIST)
            left_out++;
        else
            used += (size_t)snprintf(list + used, LIST - used, "%s%s", used ? "; " : "", one);
    }
    if (differ == 0) return pwf_ok();
    if (left_out > 0) snprintf(list + used, LIST - used, "; and %d more keys differ", left_out);
    return PWF_FAIL(PWF_CONFIG,
                    "%s. These settings belong to the run; start a new run in another directory to "
                    "change them. pwf_dist --help lists the keys that may change on resume",
                    list);
}
