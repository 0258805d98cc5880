/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table: one row per configuration key, which drives YAML, --set, environment, help,
 * checks, the page of settings and resume rules. A row names the member of pwf_config that holds
 * the value; FIELD compares the types of both, so a mismatch does not compile. Constant data and
 * lookups by name. */
#include "table.h"

#include <string.h>

#define FIELD(member, type)                                                                        \
    (offsetof(pwf_config, member) +                                                                \
     0 * sizeof(1 ? &((pwf_config *)0)->member : (type *)0)) /* NOLINT */

/* The types that rows compare their members with. */
typedef char text_field[PWF_TEXT];
typedef char path_field[PWF_PATH];

/* Kind and member of a row. */
#define WHOLE(m) PWF_KIND_INT, FIELD(m, int64_t)
#define REAL(m) PWF_KIND_REAL, FIELD(m, double)
#define FLAG(m) PWF_KIND_BOOL, FIELD(m, bool)
#define WORDS(m) PWF_KIND_TEXT, FIELD(m, text_field)
#define FILENAME(m) PWF_KIND_PATH, FIELD(m, path_field)
#define CHOICE(m, type)                                                                            \
    PWF_KIND_CHOICE, FIELD(m, type) + 0 * sizeof(char[sizeof(type) == sizeof(int) ? 1 : -1])
#define INTS(m) PWF_KIND_INTS, FIELD(m, pwf_int_list)
#define REALS(m) PWF_KIND_REALS, FIELD(m, pwf_real_list)
#define TEXTS(m) PWF_KIND_TEXTS, FIELD(m, pwf_text_list)

/* Allowed values: nothing to check, [min, max], (min, max], or words. */
#define NO_RANGE 0, 0, false, NULL
#define FROM(min, max) min, max, false, NULL
#define ABOVE(min, max) min, max, true, NULL
#define OF(words) 0, 0, false, words
/* RUN: the key is resumable, it may change on resume. STATE: it may not. */
#define RUN true
#define STATE false

/* Word and description of a row of PWF_DATA_SOURCES and PWF_OPTIMISERS. */
#define WORD(name, text) #name,
#define MEANING(name, text) "; " #name ": " text

/* Words in the order of the enums that hold the choice. */
static const char *const block_words[] = {"basic", "bottleneck", NULL};
static const char *const data_words[] = {PWF_DATA_SOURCES(WORD) NULL};
static const char *const transform_words[] = {"paper", "timm", NULL};
static const char *const interpolation_words[] = {"bilinear", "bicubic", NULL};
static const char *const join_words[] = {PWF_SIGMA_JOIN_WORDS, NULL};
static const char *const compat_words[] = {"paper", "reference", NULL};
static const char *const export_words[] = {"none", "last", "all", NULL};
static const char *const optimiser_words[] = {PWF_OPTIMISERS(WORD) NULL};
static const char *const schedule_words[] = {"constant", "linear", "cosine", "step", NULL};
static const char *const backend_words[] = {"auto", "onednn", "openblas", "plain", NULL};
static const char *const precision_words[] = {"fp32", "bf16", "auto", NULL};
static const char *const ensemble_words[] = {"last", "all", "none", NULL};
static const char *const writer_words[] = {"pwrite", "mpiio", NULL};
static const char *const level_words[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_words[] = {"auto", "plain", "logfmt", NULL};
static const char *const switch_words[] = {"auto", "on", "off", NULL};

/* clang-format off */
const pwf_option pwf_options[] = {
{"output", FILENAME(output), "run", NO_RANGE, NULL, RUN,
 "run directory: configuration, metrics, checkpoints, final model"},

{"model.name", WORDS(model.name), "resnet18", NO_RANGE, NULL, STATE,
 "network: a preset such as resnet18, or a family (resnet, densenet, vit) described by the keys "
 "below"},
{"model.block", CHOICE(model.block, pwf_block_kind), "basic", OF(block_words), NULL, STATE,
 "resnet: residual block"},
{"model.depths", INTS(model.depths), "2, 2, 2, 2", FROM(1, 1000), "blocks", STATE,
 "resnet: blocks per stage; densenet: layers per dense block"},
{"model.widths", INTS(model.widths), "64, 128, 256, 512", FROM(1, 65536), "channels", STATE,
 "resnet: channels per stage; the first is also the width of the stem"},
{"model.stem_kernel", WHOLE(model.stem_kernel), "7", FROM(1, 31), "pixels", STATE,
 "resnet, densenet: kernel size of the first convolution; odd"},
{"model.stem_stride", WHOLE(model.stem_stride), "2", FROM(1, 8), "pixels", STATE,
 "resnet, densenet: stride of the first convolution"},
{"model.stem_pool", FLAG(model.stem_pool), "true", NO_RANGE, NULL, STATE,
 "resnet, densenet: 3x3 max pooling of stride 2 after the first convolution"},
{"model.growth", WHOLE(model.growth), "32", FROM(1, 4096), "channels", STATE,
 "densenet: channels added by each layer; the stem has twice as many"},
{"model.patch", WHOLE(model.patch), "16", FROM(1, 4096), "pixels", STATE,
 "vit: side of a patch; must divide model.image_size"},
{"model.width", WHOLE(model.width), "192", FROM(1, 65536), "channels", STATE,
 "vit: channels of a token"},
{"model.depth", WHOLE(model.depth), "12", FROM(1, 1000), "blocks", STATE,
 "vit: number of blocks"},
{"model.heads", WHOLE(model.heads), "3", FROM(1, 1024), NULL, STATE,
 "vit: attention heads; must divide model.width"},
{"model.mlp_ratio", REAL(model.mlp_ratio), "4", ABOVE(0, 64), NULL, STATE,
 "vit: hidden channels of the MLP divided by model.width"},
{"model.distilled", FLAG(model.distilled), "false", NO_RANGE, NULL, STATE,
 "vit: distillation token and a second head, as in distilled DeiT"},
{"model.channels", WHOLE(model.channels), "3", FROM(1, 64), NULL, STATE,
 "channels of an image"},
{"model.classes", WHOLE(model.classes), "1000", FROM(2, 1000000), NULL, STATE,
 "number of classes"},
{"model.image_size", WHOLE(model.image_size), "224", FROM(1, 4096), "pixels", STATE,
 "side of the square input image"},
{"model.init", FILENAME(model.init), "", NO_RANGE, NULL, STATE,
 "initial weights: a model.h5 (from a run or pwf import) or a checkpoint; empty: random"},

{"data.format", CHOICE(data.format, pwf_data_format), "idx", OF(data_words), NULL, STATE,
 "format of the data set" PWF_DATA_SOURCES(MEANING)},
{"data.path", FILENAME(data.path), "", NO_RANGE, NULL, RUN,
 "directory of the data set; may change on resume if it holds the same images"},
{"data.mean", REALS(data.mean), "0.485, 0.456, 0.406", FROM(-1000, 1000), NULL, STATE,
 "mean subtracted from pixels scaled to 0..1; one value, or one per channel"},
{"data.std", REALS(data.std), "0.229, 0.224, 0.225", ABOVE(0, 1000), NULL, STATE,
 "standard deviation by which pixels are divided; one value, or one per channel"},
{"data.flip", FLAG(data.flip), "true", NO_RANGE, NULL, STATE,
 "mirror half of the training images horizontally, at random"},
{"data.pad", WHOLE(data.pad), "0", FROM(0, 64), "pixels", STATE,
 "shift training images at random by up to this many pixels; formats held in memory only"},
{"data.train_limit", WHOLE(data.train_limit), "0", FROM(0, 4294967295.0), "images", STATE,
 "use only this many training images: the first, or evenly spread ones if images are decoded "
 "from files; 0: all"},
{"data.test_limit", WHOLE(data.test_limit), "0", FROM(0, 4294967295.0), "images", STATE,
 "use only this many test images, chosen as by data.train_limit; 0: all"},
{"data.validation", REAL(data.validation), "0", FROM(0, 0.99), NULL, STATE,
 "fraction of the training images, drawn with train.seed, that is excluded from training and "
 "used instead of the test images; 0: none"},
{"data.resize", WHOLE(data.resize), "256", FROM(1, 16384), "pixels", STATE,
 "imagefolder, hdf5: side of the square to which images are resized before a crop of "
 "model.image_size"},
{"data.eval_transform", CHOICE(data.eval_transform, pwf_data_eval_transform), "paper",
 OF(transform_words), NULL, STATE,
 "imagefolder, hdf5: preprocessing of test images; paper: as in training, with a centre crop; "
 "timm: shorter side to image_size / crop_pct, bicubic, centre crop"},
{"data.crop_pct", REAL(data.crop_pct), "0.875", FROM(0.1, 1), NULL, STATE,
 "fraction of the resized shorter side that the timm transform crops"},
{"data.val_list", FILENAME(data.val_list), "", NO_RANGE, NULL, RUN,
 "list of the classes of a flat val/ directory, a path or a name in data.path: lines of file "
 "name and class, or of classes alone in the order of the file names"},
{"data.val_classes", FILENAME(data.val_classes), "", NO_RANGE, NULL, RUN,
 "class names in the order of the numbers in data.val_list, for lists that count from 1, as in "
 "the ImageNet development kit"},
{"data.skip_bad", WHOLE(data.skip_bad), "0", FROM(0, 1000000), "files", RUN,
 "number of damaged image files to tolerate; each is replaced by the next valid file"},
{"data.threads", WHOLE(data.threads), "2", FROM(0, 256), NULL, RUN,
 "threads per rank that decode images ahead of the step; 0: the workers decode them"},

{"augment.crop", FLAG(augment.crop), "false", NO_RANGE, NULL, STATE,
 "resize a random part of each training image (RandomResizedCrop) instead of cropping at random"},
{"augment.crop_scale", REALS(augment.crop_scale), "0.08, 1", ABOVE(0, 1), NULL, STATE,
 "area of that part as a fraction of the image: from, to"},
{"augment.crop_ratio", REALS(augment.crop_ratio), "0.75, 1.3333333333333333", FROM(0.01, 100),
 NULL, STATE,
 "width of that part divided by its height: from, to"},
{"augment.interpolation", CHOICE(augment.interpolation, pwf_image_filter), "bicubic",
 OF(interpolation_words), NULL, STATE,
 "interpolation of augment.crop and of the geometric operations of RandAugment"},
{"augment.brightness", REAL(augment.brightness), "0", FROM(0, 10), NULL, STATE,
 "colour jitter: brightness is multiplied by a random factor between 1 - x and 1 + x; 0: off"},
{"augment.contrast", REAL(augment.contrast), "0", FROM(0, 10), NULL, STATE,
 "colour jitter of contrast, in the same way"},
{"augment.saturation", REAL(augment.saturation), "0", FROM(0, 10), NULL, STATE,
 "colour jitter of saturation, in the same way"},
{"augment.hue", REAL(augment.hue), "0", FROM(0, 0.5), NULL, STATE,
 "colour jitter: hue is rotated by a random fraction of the circle between -x and x; 0: off"},
{"augment.rand_layers", WHOLE(augment.rand_layers), "0", FROM(0, 15), NULL, STATE,
 "RandAugment: number of random operations per image; timm uses 2; 0: off"},
{"augment.rand_magnitude", REAL(augment.rand_magnitude), "9", FROM(0, 10), NULL, STATE,
 "RandAugment: strength of the operations"},
{"augment.rand_std", REAL(augment.rand_std), "0.5", FROM(0, 100), NULL, STATE,
 "RandAugment: standard deviation of the strength, which is clamped to 0..10"},
{"augment.rand_prob", REAL(augment.rand_prob), "0.5", FROM(0, 1), NULL, STATE,
 "RandAugment: probability of applying each operation"},
{"augment.rand_increasing", FLAG(augment.rand_increasing), "true", NO_RANGE, NULL, STATE,
 "RandAugment: a larger magnitude makes every operation stronger, as inc1 in timm"},
{"augment.erase", REAL(augment.erase), "0", FROM(0, 1), NULL, STATE,
 "random erasing: probability of replacing a rectangle by noise; 0: off"},
{"augment.mixup", REAL(augment.mixup), "0", FROM(0, 100), NULL, STATE,
 "mixup of the image pairs of a slot: alpha of the Beta distribution; 0: off"},
{"augment.cutmix", REAL(augment.cutmix), "0", FROM(0, 100), NULL, STATE,
 "CutMix of the image pairs of a slot: alpha of the Beta distribution; 0: off"},
{"augment.mix_prob", REAL(augment.mix_prob), "1", FROM(0, 1), NULL, STATE,
 "probability of mixing a slot, if mixup or cutmix is on"},
{"augment.mix_switch", REAL(augment.mix_switch), "0.5", FROM(0, 1), NULL, STATE,
 "probability of CutMix if both mixup and cutmix are on"},

{"posterior.sigma_scale", REAL(posterior.sigma_scale), "0.0025", FROM(0, 10), NULL, STATE,
 "initial sigma of the weight at the upper quartile of its tensor"},
{"posterior.sigma_min", REAL(posterior.sigma_min), "2^-30", FROM(0x1p-100, 10), NULL, STATE,
 "lower bound of the initial sigma"},
{"posterior.sigma_max", REAL(posterior.sigma_max), "0.05", FROM(0x1p-100, 10), NULL, STATE,
 "upper bound of the initial sigma"},
{"posterior.reg_weight", REAL(posterior.reg_weight), "2^-11", FROM(0, 1000), NULL, STATE,
 "weight of the regulariser that keeps sigma from collapsing"},
{"posterior.reg_target", REAL(posterior.reg_target), "0.05", FROM(0, 10), NULL, STATE,
 "sigma above which the regulariser is zero"},

{"fixing.fractions", REALS(fixing.fractions),
 "0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1", ABOVE(0, 1), NULL, STATE,
 "fraction of all posterior parameters fixed after each round; strictly increasing"},
{"fixing.first_epochs", REAL(fixing.first_epochs), "0.05", FROM(0, 100000), "epochs", STATE,
 "training before the first round"},
{"fixing.epochs", REAL(fixing.epochs), "3", FROM(0, 100000), "epochs", STATE,
 "training before each later round"},
{"fixing.delta", REAL(fixing.delta), "1", FROM(1e-6, 1e6), NULL, STATE,
 "first stage of a round: largest distance, in sigmas, at which a centre attracts a weight"},
{"fixing.delta_growth", REAL(fixing.delta_growth), "2", FROM(1.001, 100), NULL, STATE,
 "factor by which that distance grows from stage to stage"},
{"fixing.max_order", WHOLE(fixing.max_order), "4", FROM(1, 6), NULL, STATE,
 "largest number of powers of two summed in a centre"},
{"fixing.min_power", WHOLE(fixing.min_power), "7", FROM(0, 14), NULL, STATE,
 "the smallest power of two is 2^-min_power"},
{"fixing.zero_fix", FLAG(fixing.zero_fix), "true", NO_RANGE, NULL, STATE,
 "treat weights smaller than the smallest power of two as being at distance 0 from 0"},
{"fixing.sigma_join", CHOICE(fixing.sigma_join, pwf_sigma_join), "std_mu", OF(join_words),
 NULL, STATE,
 "sigma of fixed weights; std_mu: standard deviation of the means joined in one step; keep: "
 "unchanged; divide_by_N: divided by N"},
{"fixing.compat", CHOICE(fixing.compat, pwf_compat), "paper", OF(compat_words), NULL, STATE,
 "paper: a fixed weight never changes; reference: as in the released code, for comparison"},
{"fixing.exclude", TEXTS(fixing.exclude), "", NO_RANGE, NULL, STATE,
 "name patterns of parameters that are never fixed, for example [fc.*]"},
{"fixing.export", CHOICE(fixing.export, pwf_export_choice), "none", OF(export_words), NULL, RUN,
 "networks also written as .safetensors and .pwf: none, the final one (last), or all rounds"},

{"train.seed", WHOLE(train.seed), "1", FROM(0, 4294967295.0), NULL, STATE,
 "seed of all random numbers"},
{"train.batch", WHOLE(train.batch), "128", FROM(1, 1048576), "images", STATE,
 "images per step over all ranks; a multiple of parallel.slots"},
{"train.baseline_epochs", REAL(train.baseline_epochs), "0", FROM(0, 100000), "epochs", STATE,
 "ordinary training before the posterior starts; 0: none"},
{"train.baseline_lr", REAL(train.baseline_lr), "0.05", FROM(0, 10), NULL, STATE,
 "learning rate of ordinary training"},
{"train.baseline_schedule", CHOICE(train.baseline_schedule, pwf_schedule_kind), "linear",
 OF(schedule_words), NULL, STATE,
 "learning-rate schedule of ordinary training"},
{"train.label_smoothing", REAL(train.label_smoothing), "0", FROM(0, 0.999), NULL, STATE,
 "fraction of the training target spread evenly over all classes"},
{"train.norm_batches", WHOLE(train.norm_batches), "100", FROM(0, 1000000), "batches", STATE,
 "batches, at most one pass, from which BatchNorm statistics are re-estimated at the end; 0: "
 "keep the running ones"},

{"optim.name", CHOICE(optim.name, pwf_optimiser_name), "sgd", OF(optimiser_words), NULL, STATE,
 "optimiser of all training phases" PWF_OPTIMISERS(MEANING)},
{"optim.lr", REAL(optim.lr), "0.001", FROM(0, 10), NULL, STATE,
 "learning rate of Bayesian training"},
{"optim.momentum", REAL(optim.momentum), "0.9", FROM(0, 1), NULL, STATE,
 "momentum of sgd; beta1 of adamw and lion"},
{"optim.beta2", REAL(optim.beta2), "0.999", FROM(0, 1), NULL, STATE,
 "beta2 of adamw and lion; lion is published with 0.99"},
{"optim.eps", REAL(optim.eps), "1e-8", ABOVE(0, 1), NULL, STATE,
 "adamw: constant added to the root of the second moment"},
{"optim.weight_decay", REAL(optim.weight_decay), "1e-4", FROM(0, 10), NULL, STATE,
 "weight decay; decoupled in adamw and lion"},
{"optim.schedule", CHOICE(optim.schedule, pwf_schedule_kind), "constant", OF(schedule_words),
 NULL, STATE,
 "learning-rate schedule within a phase: constant, linear or cosine to 0, or in steps"},
{"optim.warmup", REAL(optim.warmup), "0", FROM(0, 100000), "epochs", STATE,
 "linear warm-up of the learning rate at the start of each phase, including ordinary training"},
{"optim.step_epochs", REAL(optim.step_epochs), "1", ABOVE(0, 100000), "epochs", STATE,
 "schedule step: epochs between drops of the learning rate"},
{"optim.step_factor", REAL(optim.step_factor), "0.1", FROM(0, 1), NULL, STATE,
 "schedule step: factor of each drop"},
{"optim.clip_norm", REAL(optim.clip_norm), "1", FROM(0, 1e9), NULL, STATE,
 "limit of the global gradient norm; larger gradients are scaled down; 0: no clipping"},

{"parallel.slots", WHOLE(parallel.slots), "8", FROM(1, 256), NULL, STATE,
 "micro-batches per step; also the largest number of workers (ranks x threads)"},
{"parallel.backend", CHOICE(parallel.backend, pwf_tensor_backend), "auto", OF(backend_words),
 NULL, STATE,
 "library of convolutions and matrix products"},
{"parallel.precision", CHOICE(parallel.precision, pwf_precision), "auto", OF(precision_words),
 NULL, STATE,
 "precision of matrix-product inputs in training; accumulation is always fp32; auto: bf16 if all "
 "ranks have AVX512_BF16 and the back end is auto or onednn, decided when the run begins"},
{"parallel.shards", WHOLE(parallel.shards), "1", FROM(1, 256), "ranks", RUN,
 "ranks that share one copy of posterior and optimiser state"},
{"parallel.threads", WHOLE(parallel.threads), "1", FROM(1, 256), NULL, RUN,
 "worker threads per rank"},
{"parallel.recompute", FLAG(parallel.recompute), "false", NO_RANGE, NULL, RUN,
 "recompute activations in the backward pass instead of storing them: less memory, more time, "
 "the same results"},

{"checkpoint.every", WHOLE(checkpoint.every), "1000", FROM(0, 1e12), "steps", RUN,
 "steps between checkpoints; 0: only after phases and rounds"},
{"checkpoint.minutes", REAL(checkpoint.minutes), "0", FROM(0, 1e7), "minutes", RUN,
 "longest time between checkpoints; 0: no limit"},
{"checkpoint.failure_hours", REAL(checkpoint.failure_hours), "0", FROM(0, 1e7), "hours", RUN,
 "mean time between failures, from which Young's formula derives a checkpoint interval; 0: off"},
{"checkpoint.keep", WHOLE(checkpoint.keep), "3", FROM(2, 1000000), NULL, RUN,
 "number of recent checkpoints to keep, in addition to those of finished rounds"},
{"checkpoint.keep_every", WHOLE(checkpoint.keep_every), "0", FROM(0, 1e12), "steps", RUN,
 "also keep the first checkpoint at or after each multiple of this; 0: none"},
{"checkpoint.writer", CHOICE(checkpoint.writer, pwf_ckpt_writer), "pwrite", OF(writer_words),
 NULL, RUN,
 "how checkpoints are written; pwrite: each rank writes its part; mpiio: parallel HDF5"},
{"checkpoint.async", FLAG(checkpoint.async), "false", NO_RANGE, NULL, RUN,
 "write checkpoints in a thread while training continues; needs memory for a copy of the state"},
{"checkpoint.stop_after", WHOLE(checkpoint.stop_after), "0", FROM(0, 1e12), "steps", RUN,
 "write a checkpoint and stop after this many steps of the job; 0: no limit"},
{"checkpoint.max_time", REAL(checkpoint.max_time), "0", FROM(0, 1e7), "minutes", RUN,
 "write a checkpoint and stop after this time in the job; 0: no limit"},

{"watchdog.start", REAL(watchdog.start), "3600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while starting up and loading; 0: no limit"},
{"watchdog.step", REAL(watchdog.step), "600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in a step; 0: no limit"},
{"watchdog.fix", REAL(watchdog.fix), "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in a fixing round; 0: no limit"},
{"watchdog.evaluate", REAL(watchdog.evaluate), "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in an evaluation or BatchNorm re-estimation; 0: no limit"},
{"watchdog.checkpoint", REAL(watchdog.checkpoint), "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while writing a checkpoint or model; 0: no limit"},
{"watchdog.finish", REAL(watchdog.finish), "600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while shutting down; 0: no limit"},
{"watchdog.interval", WHOLE(watchdog.interval), "100", FROM(0, 1e12), "steps", RUN,
 "steps between comparisons of the replicated state and the speed of the ranks; 0: none"},
{"watchdog.spike", REAL(watchdog.spike), "10", FROM(0, 1e12), NULL, RUN,
 "rerun a step whose loss exceeds this multiple of the largest of the last 100 losses; 0 "
 "disables the check"},
{"watchdog.memory", FLAG(watchdog.memory), "true", NO_RANGE, NULL, RUN,
 "hash the state after each step and verify it before the next, to detect memory corruption"},

{"eval.samples", WHOLE(eval.samples), "20", FROM(1, 10000), NULL, STATE,
 "weight samples in an ensemble"},
{"eval.bins", WHOLE(eval.bins), "15", FROM(1, 1000), NULL, STATE,
 "bins of the expected calibration error"},
{"eval.batch", WHOLE(eval.batch), "100", FROM(1, 65536), "images", STATE,
 "images per worker and forward pass in an evaluation"},
{"eval.ensemble", CHOICE(eval.ensemble, pwf_ensemble), "last", OF(ensemble_words), NULL, STATE,
 "which evaluations include the ensemble: the last, all, or none"},

{"log.interval", WHOLE(log.interval), "50", FROM(1, 1e9), "steps", RUN,
 "steps between metrics rows"},
{"log.level", CHOICE(log.level, pwf_level), "info", OF(level_words), NULL, RUN,
 "lowest level of printed messages"},
{"log.format", CHOICE(log.format, pwf_log_format), "auto", OF(format_words), NULL, RUN,
 "format of messages: sentences (plain) or logfmt; auto: sentences on a terminal"},
{"log.progress", CHOICE(log.progress, pwf_switch), "auto", OF(switch_words), NULL, RUN,
 "live progress line; auto: on a terminal"},
{"log.trace", FLAG(log.trace), "false", NO_RANGE, NULL, RUN,
 "record the activity of every thread of every rank in trace-*.json, for Perfetto or Chrome"},
{"log.trace_from", WHOLE(log.trace_from), "0", FROM(0, 1e12), "steps", RUN,
 "first step of the trace; a job that starts later traces its first steps"},
{"log.trace_steps", WHOLE(log.trace_steps), "10", FROM(1, 1e6), "steps", RUN,
 "number of steps in the trace; rounds, evaluations and checkpoints between them are included"},
};

/* In the order in which they are printed. A group is a member of pwf_config of the same name. */
const pwf_group pwf_groups[] = {
    {"model", "network"},
    {"data", "images"},
    {"augment", "augmentation of training images; off in the published settings"},
    {"posterior", "Gaussian posterior over each weight"},
    {"fixing", "rounds that fix weights to sums of powers of two"},
    {"train", "training run"},
    {"optim", "optimiser and learning rate"},
    {"parallel", "distribution of work"},
    {"checkpoint", "checkpoints and stopping"},
    {"watchdog", "detection of hangs, diverging ranks, memory corruption and loss spikes"},
    {"eval", "evaluation on the test images"},
    {"log", "messages, metrics and traces"},
};
/* clang-format on */

const int pwf_option_count = (int)(sizeof pwf_options / sizeof pwf_options[0]);
const int pwf_group_count = (int)(sizeof pwf_groups / sizeof pwf_groups[0]);
_Static_assert(sizeof pwf_options / sizeof pwf_options[0] <= PWF_CONFIG_KEYS_MAX,
               "pwf_config has no room for the origin of every key");

/* Linear searches: the table is small, and names are looked up only while a configuration is read.
 */
const pwf_option *pwf_option_find(const char *key, size_t length)
{
    for (int i = 0; i < pwf_option_count; i++) {
        const pwf_option *option = &pwf_options[i];
        if (strlen(option->key) == length && memcmp(option->key, key, length) == 0) return option;
    }
    return NULL;
}

const pwf_group *pwf_group_find(const char *name, size_t length)
{
    for (int i = 0; i < pwf_group_count; i++) {
        const pwf_group *group = &pwf_groups[i];
        if (strlen(group->name) == length && memcmp(group->name, name, length) == 0) return group;
    }
    return NULL;
}

/* "lr" of "optim.lr". */
const char *pwf_option_leaf(const pwf_option *option)
{
    const char *dot = strchr(option->key, '.');
    return dot ? dot + 1 : option->key;
}

bool pwf_option_in(const pwf_option *option, const char *group)
{
    const char *dot = strchr(option->key, '.');
    if (!group || !dot) return !group && !dot;
    size_t length = (size_t)(dot - option->key);
    return strlen(group) == length && memcmp(group, option->key, length) == 0;
}
