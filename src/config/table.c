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

/* Rows by the kind of the value: the member of pwf_config, whose name is the key; the default as
 * written after --set; the range and unit of numbers or the words of a choice; RUN or STATE; the
 * meaning. */
/* clang-format off */
#define ROW(m, kind, type, ...) {#m, kind, FIELD(m, type), __VA_ARGS__}
/* clang-format on */
#define WHOLE(m, ...) ROW(m, PWF_KIND_INT, int64_t, __VA_ARGS__)
#define REAL(m, ...) ROW(m, PWF_KIND_REAL, double, __VA_ARGS__)
#define INTS(m, ...) ROW(m, PWF_KIND_INTS, pwf_int_list, __VA_ARGS__)
#define REALS(m, ...) ROW(m, PWF_KIND_REALS, pwf_real_list, __VA_ARGS__)
#define FLAG(m, ...) ROW(m, PWF_KIND_BOOL, bool, ANY(__VA_ARGS__))
#define WORDS(m, ...) ROW(m, PWF_KIND_TEXT, text_field, ANY(__VA_ARGS__))
#define FILENAME(m, ...) ROW(m, PWF_KIND_PATH, path_field, ANY(__VA_ARGS__))
#define TEXTS(m, ...) ROW(m, PWF_KIND_TEXTS, pwf_text_list, ANY(__VA_ARGS__))
/* The type is an enum, which the reader fills as an int. */
#define CHOICE(m, type, standard, words, ...)                                                      \
    ROW(m, PWF_KIND_CHOICE, type, standard,                                                        \
        0 * sizeof(char[sizeof(type) == sizeof(int) ? 1 : -1]), 0, false, words, NULL,             \
        __VA_ARGS__)

/* Allowed numbers: [min, max] or (min, max]; anything. */
#define FROM(min, max) min, max, false, NULL
#define ABOVE(min, max) min, max, true, NULL
#define ANY(standard, ...) standard, 0, 0, false, NULL, NULL, __VA_ARGS__
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
FILENAME(output, "run", RUN, "run directory: configuration, metrics, checkpoints, final model"),

WORDS(model.name, "resnet18", STATE,
 "network: a preset such as resnet18, or a family (resnet, densenet, vit) described by the keys "
 "below"),
CHOICE(model.block, pwf_block_kind, "basic", block_words, STATE, "resnet: residual block"),
INTS(model.depths, "2, 2, 2, 2", FROM(1, 1000), "blocks", STATE,
 "resnet: blocks per stage; densenet: layers per dense block"),
INTS(model.widths, "64, 128, 256, 512", FROM(1, 65536), "channels", STATE,
 "resnet: channels per stage; the first is also the width of the stem"),
WHOLE(model.stem_kernel, "7", FROM(1, 31), "pixels", STATE,
 "resnet, densenet: kernel size of the first convolution; odd"),
WHOLE(model.stem_stride, "2", FROM(1, 8), "pixels", STATE,
 "resnet, densenet: stride of the first convolution"),
FLAG(model.stem_pool, "true", STATE,
 "resnet, densenet: 3x3 max pooling of stride 2 after the first convolution"),
WHOLE(model.growth, "32", FROM(1, 4096), "channels", STATE,
 "densenet: channels added by each layer; the stem has twice as many"),
WHOLE(model.patch, "16", FROM(1, 4096), "pixels", STATE,
 "vit: side of a patch; must divide model.image_size"),
WHOLE(model.width, "192", FROM(1, 65536), "channels", STATE, "vit: channels of a token"),
WHOLE(model.depth, "12", FROM(1, 1000), "blocks", STATE, "vit: number of blocks"),
WHOLE(model.heads, "3", FROM(1, 1024), NULL, STATE,
 "vit: attention heads; must divide model.width"),
REAL(model.mlp_ratio, "4", ABOVE(0, 64), NULL, STATE,
 "vit: hidden channels of the MLP divided by model.width"),
FLAG(model.distilled, "false", STATE,
 "vit: distillation token and a second head, as in distilled DeiT"),
WHOLE(model.channels, "3", FROM(1, 64), NULL, STATE, "channels of an image"),
WHOLE(model.classes, "1000", FROM(2, 1000000), NULL, STATE, "number of classes"),
WHOLE(model.image_size, "224", FROM(1, 4096), "pixels", STATE, "side of the square input image"),
FILENAME(model.init, "", STATE,
 "initial weights: a model.h5 (from a run or pwf import) or a checkpoint; empty: random"),

CHOICE(data.format, pwf_data_format, "idx", data_words, STATE,
 "format of the data set" PWF_DATA_SOURCES(MEANING)),
FILENAME(data.path, "", RUN,
 "directory of the data set; may change on resume if it holds the same images"),
REALS(data.mean, "0.485, 0.456, 0.406", FROM(-1000, 1000), NULL, STATE,
 "mean subtracted from pixels scaled to 0..1; one value, or one per channel"),
REALS(data.std, "0.229, 0.224, 0.225", ABOVE(0, 1000), NULL, STATE,
 "standard deviation by which pixels are divided; one value, or one per channel"),
FLAG(data.flip, "true", STATE, "mirror half of the training images horizontally, at random"),
WHOLE(data.pad, "0", FROM(0, 64), "pixels", STATE,
 "shift training images at random by up to this many pixels; only for formats held in memory"),
WHOLE(data.train_limit, "0", FROM(0, 4294967295.0), "images", STATE,
 "use only this many training images: the first, or evenly spread ones if images are decoded "
 "from files; 0: all"),
WHOLE(data.test_limit, "0", FROM(0, 4294967295.0), "images", STATE,
 "use only this many test images, chosen as by data.train_limit; 0: all"),
REAL(data.validation, "0", FROM(0, 0.99), NULL, STATE,
 "fraction of the training images, drawn with train.seed, that is excluded from training and "
 "used instead of the test images; 0: none"),
WHOLE(data.resize, "256", FROM(1, 16384), "pixels", STATE,
 "imagefolder, hdf5: side of the square to which images are resized before a crop of "
 "model.image_size"),
CHOICE(data.eval_transform, pwf_data_eval_transform, "paper", transform_words, STATE,
 "imagefolder, hdf5: preprocessing of test images; paper: as in training, with a centre crop; "
 "timm: shorter side to image_size / crop_pct, bicubic, centre crop"),
REAL(data.crop_pct, "0.875", FROM(0.1, 1), NULL, STATE,
 "fraction of the resized shorter side that the timm transform crops"),
FILENAME(data.val_list, "", RUN,
 "list of the classes of a flat val/ directory, a path or a name in data.path: lines of file "
 "name and class, or of classes alone in the order of the file names"),
FILENAME(data.val_classes, "", RUN,
 "class names in the order of the numbers in data.val_list, for lists that count from 1, as in "
 "the ImageNet development kit"),
WHOLE(data.skip_bad, "0", FROM(0, 1000000), "files", RUN,
 "number of damaged image files to tolerate; each is replaced by the next valid file"),
WHOLE(data.threads, "2", FROM(0, 256), NULL, RUN,
 "threads per rank that decode images ahead of the step; 0: the workers decode them"),

FLAG(augment.crop, "false", STATE,
 "resize a random part of each training image (RandomResizedCrop) instead of cropping at random"),
REALS(augment.crop_scale, "0.08, 1", ABOVE(0, 1), NULL, STATE,
 "area of that part as a fraction of the image: from, to"),
REALS(augment.crop_ratio, "0.75, 1.3333333333333333", FROM(0.01, 100), NULL, STATE,
 "width of that part divided by its height: from, to"),
CHOICE(augment.interpolation, pwf_image_filter, "bicubic", interpolation_words, STATE,
 "interpolation of augment.crop and of the geometric operations of RandAugment"),
REAL(augment.brightness, "0", FROM(0, 10), NULL, STATE,
 "colour jitter: brightness is multiplied by a random factor between 1 - x and 1 + x; 0: off"),
REAL(augment.contrast, "0", FROM(0, 10), NULL, STATE, "colour jitter of contrast, in the same way"),
REAL(augment.saturation, "0", FROM(0, 10), NULL, STATE,
 "colour jitter of saturation, in the same way"),
REAL(augment.hue, "0", FROM(0, 0.5), NULL, STATE,
 "colour jitter: hue is rotated by a random fraction of the circle between -x and x; 0: off"),
WHOLE(augment.rand_layers, "0", FROM(0, 15), NULL, STATE,
 "RandAugment: number of random operations per image; timm uses 2; 0: off"),
REAL(augment.rand_magnitude, "9", FROM(0, 10), NULL, STATE,
 "RandAugment: strength of the operations"),
REAL(augment.rand_std, "0.5", FROM(0, 100), NULL, STATE,
 "RandAugment: standard deviation of the strength, which is clamped to 0..10"),
REAL(augment.rand_prob, "0.5", FROM(0, 1), NULL, STATE,
 "RandAugment: probability of applying each operation"),
FLAG(augment.rand_increasing, "true", STATE,
 "RandAugment: a larger magnitude makes every operation stronger, as inc1 in timm"),
REAL(augment.erase, "0", FROM(0, 1), NULL, STATE,
 "random erasing: probability of replacing a rectangle by noise; 0: off"),
REAL(augment.mixup, "0", FROM(0, 100), NULL, STATE,
 "mixup of the image pairs of a slot: alpha of the Beta distribution; 0: off"),
REAL(augment.cutmix, "0", FROM(0, 100), NULL, STATE,
 "CutMix of the image pairs of a slot: alpha of the Beta distribution; 0: off"),
REAL(augment.mix_prob, "1", FROM(0, 1), NULL, STATE,
 "probability of mixing a slot, if mixup or cutmix is on"),
REAL(augment.mix_switch, "0.5", FROM(0, 1), NULL, STATE,
 "probability of CutMix if both mixup and cutmix are on"),

REAL(posterior.sigma_scale, "0.0025", FROM(0, 10), NULL, STATE,
 "initial sigma of the weight at the upper quartile of its tensor"),
REAL(posterior.sigma_min, "2^-30", FROM(0x1p-100, 10), NULL, STATE,
 "lower bound of the initial sigma"),
REAL(posterior.sigma_max, "0.05", FROM(0x1p-100, 10), NULL, STATE,
 "upper bound of the initial sigma"),
REAL(posterior.reg_weight, "2^-11", FROM(0, 1000), NULL, STATE,
 "weight of the regulariser that keeps sigma from collapsing"),
REAL(posterior.reg_target, "0.05", FROM(0, 10), NULL, STATE,
 "sigma above which the regulariser is zero"),

REALS(fixing.fractions, "0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1", ABOVE(0, 1), NULL,
 STATE, "fraction of all posterior parameters fixed after each round; strictly increasing"),
REAL(fixing.first_epochs, "0.05", FROM(0, 100000), "epochs", STATE,
 "training before the first round"),
REAL(fixing.epochs, "3", FROM(0, 100000), "epochs", STATE, "training before each later round"),
REAL(fixing.delta, "1", FROM(1e-6, 1e6), NULL, STATE,
 "first stage of a round: largest distance, in sigmas, at which a centre attracts a weight"),
REAL(fixing.delta_growth, "2", FROM(1.001, 100), NULL, STATE,
 "factor by which that distance grows from stage to stage"),
WHOLE(fixing.max_order, "4", FROM(1, 6), NULL, STATE,
 "largest number of powers of two summed in a centre"),
WHOLE(fixing.min_power, "7", FROM(0, 14), NULL, STATE, "the smallest power of two is 2^-min_power"),
FLAG(fixing.zero_fix, "true", STATE,
 "treat weights smaller than the smallest power of two as being at distance 0 from 0"),
CHOICE(fixing.sigma_join, pwf_sigma_join, "std_mu", join_words, STATE,
 "sigma of fixed weights; std_mu: standard deviation of the means joined in one step; keep: "
 "unchanged; divide_by_N: divided by N"),
CHOICE(fixing.compat, pwf_compat, "paper", compat_words, STATE,
 "paper: a fixed weight never changes; reference: as in the released code, for comparison"),
TEXTS(fixing.exclude, "", STATE,
 "name patterns of parameters that are never fixed, for example [fc.*]"),
CHOICE(fixing.export, pwf_export_choice, "none", export_words, RUN,
 "networks also written as .safetensors and .pwf: none, the final one (last), or all rounds"),

WHOLE(train.seed, "1", FROM(0, 4294967295.0), NULL, STATE, "seed of all random numbers"),
WHOLE(train.batch, "128", FROM(1, 1048576), "images", STATE,
 "images per step over all ranks; a multiple of parallel.slots"),
REAL(train.baseline_epochs, "0", FROM(0, 100000), "epochs", STATE,
 "ordinary training before the posterior starts; 0: none"),
REAL(train.baseline_lr, "0.05", FROM(0, 10), NULL, STATE, "learning rate of ordinary training"),
CHOICE(train.baseline_schedule, pwf_schedule_kind, "linear", schedule_words, STATE,
 "learning-rate schedule of ordinary training"),
REAL(train.label_smoothing, "0", FROM(0, 0.999), NULL, STATE,
 "fraction of the training target spread evenly over all classes"),
WHOLE(train.norm_batches, "100", FROM(0, 1000000), "batches", STATE,
 "batches, at most one pass, from which BatchNorm statistics are re-estimated at the end; 0: "
 "keep the running ones"),

CHOICE(optim.name, pwf_optimiser_name, "sgd", optimiser_words, STATE,
 "optimiser of all training phases" PWF_OPTIMISERS(MEANING)),
REAL(optim.lr, "0.001", FROM(0, 10), NULL, STATE, "learning rate of Bayesian training"),
REAL(optim.momentum, "0.9", FROM(0, 1), NULL, STATE, "momentum of sgd; beta1 of adamw and lion"),
REAL(optim.beta2, "0.999", FROM(0, 1), NULL, STATE,
 "beta2 of adamw and lion; lion is published with 0.99"),
REAL(optim.eps, "1e-8", ABOVE(0, 1), NULL, STATE,
 "adamw: constant added to the root of the second moment"),
REAL(optim.weight_decay, "1e-4", FROM(0, 10), NULL, STATE,
 "weight decay; decoupled in adamw and lion"),
CHOICE(optim.schedule, pwf_schedule_kind, "constant", schedule_words, STATE,
 "learning-rate schedule within a phase: constant, linear or cosine to 0, or in steps"),
REAL(optim.warmup, "0", FROM(0, 100000), "epochs", STATE,
 "linear warm-up of the learning rate at the start of each phase, including ordinary training"),
REAL(optim.step_epochs, "1", ABOVE(0, 100000), "epochs", STATE,
 "schedule step: epochs between drops of the learning rate"),
REAL(optim.step_factor, "0.1", FROM(0, 1), NULL, STATE, "schedule step: factor of each drop"),
REAL(optim.clip_norm, "1", FROM(0, 1e9), NULL, STATE,
 "limit of the global gradient norm; larger gradients are scaled down; 0: no clipping"),

WHOLE(parallel.slots, "8", FROM(1, 256), NULL, STATE,
 "micro-batches per step; also the largest number of workers (ranks x threads)"),
CHOICE(parallel.backend, pwf_tensor_backend, "auto", backend_words, STATE,
 "library of convolutions and matrix products"),
CHOICE(parallel.precision, pwf_precision, "auto", precision_words, STATE,
 "precision of matrix-product inputs in training; accumulation is always fp32; auto: bf16 if all "
 "ranks have AVX512_BF16 and the back end is auto or onednn, decided when the run begins"),
WHOLE(parallel.shards, "1", FROM(1, 256), "ranks", RUN,
 "ranks that share one copy of posterior and optimiser state"),
WHOLE(parallel.threads, "1", FROM(1, 256), NULL, RUN, "worker threads per rank"),
FLAG(parallel.recompute, "false", RUN,
 "recompute activations in the backward pass instead of storing them: less memory, more time, "
 "the same results"),

WHOLE(checkpoint.every, "1000", FROM(0, 1e12), "steps", RUN,
 "steps between checkpoints; 0: only after phases and rounds"),
REAL(checkpoint.minutes, "0", FROM(0, 1e7), "minutes", RUN,
 "longest time between checkpoints; 0: no limit"),
REAL(checkpoint.failure_hours, "0", FROM(0, 1e7), "hours", RUN,
 "mean time between failures, from which Young's formula derives a checkpoint interval; 0: off"),
WHOLE(checkpoint.keep, "3", FROM(2, 1000000), NULL, RUN,
 "number of recent checkpoints to keep, in addition to those of finished rounds"),
WHOLE(checkpoint.keep_every, "0", FROM(0, 1e12), "steps", RUN,
 "also keep the first checkpoint at or after each multiple of this; 0: none"),
CHOICE(checkpoint.writer, pwf_ckpt_writer, "pwrite", writer_words, RUN,
 "how checkpoints are written; pwrite: each rank writes its part; mpiio: parallel HDF5"),
FLAG(checkpoint.async, "false", RUN,
 "write checkpoints in a thread while training continues; needs memory for a copy of the state"),
WHOLE(checkpoint.stop_after, "0", FROM(0, 1e12), "steps", RUN,
 "write a checkpoint and stop after this many steps of the job; 0: no limit"),
REAL(checkpoint.max_time, "0", FROM(0, 1e7), "minutes", RUN,
 "write a checkpoint and stop after this time in the job; 0: no limit"),

REAL(watchdog.start, "3600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while starting up and loading; 0: no limit"),
REAL(watchdog.step, "600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in a step; 0: no limit"),
REAL(watchdog.fix, "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in a fixing round; 0: no limit"),
REAL(watchdog.evaluate, "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress in an evaluation or BatchNorm re-estimation; 0: no limit"),
REAL(watchdog.checkpoint, "1800", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while writing a checkpoint or model; 0: no limit"),
REAL(watchdog.finish, "600", FROM(0, 1e7), "seconds", RUN,
 "time limit without progress while shutting down; 0: no limit"),
WHOLE(watchdog.interval, "100", FROM(0, 1e12), "steps", RUN,
 "steps between comparisons of the replicated state and the speed of the ranks; 0: none"),
REAL(watchdog.spike, "10", FROM(0, 1e12), NULL, RUN,
 "rerun a step whose loss exceeds this multiple of the largest of the last 100 losses; 0 "
 "disables the check"),
FLAG(watchdog.memory, "true", RUN,
 "hash the state after each step and verify it before the next, to detect memory corruption"),

WHOLE(eval.samples, "20", FROM(1, 10000), NULL, STATE, "weight samples in an ensemble"),
WHOLE(eval.bins, "15", FROM(1, 1000), NULL, STATE, "bins of the expected calibration error"),
WHOLE(eval.batch, "100", FROM(1, 65536), "images", STATE,
 "images per worker and forward pass in an evaluation"),
CHOICE(eval.ensemble, pwf_ensemble, "last", ensemble_words, STATE,
 "which evaluations include the ensemble: the last, all, or none"),

WHOLE(log.interval, "50", FROM(1, 1e9), "steps", RUN, "steps between metrics rows"),
CHOICE(log.level, pwf_level, "info", level_words, RUN, "lowest level of printed messages"),
CHOICE(log.format, pwf_log_format, "auto", format_words, RUN,
 "format of messages: sentences (plain) or logfmt; auto: sentences on a terminal"),
CHOICE(log.progress, pwf_switch, "auto", switch_words, RUN,
 "live progress line; auto: on a terminal"),
FLAG(log.trace, "false", RUN,
 "record the activity of every thread of every rank in trace-*.json, for Perfetto or Chrome"),
WHOLE(log.trace_from, "0", FROM(0, 1e12), "steps", RUN,
 "first step of the trace; a job that starts later traces its first steps"),
WHOLE(log.trace_steps, "10", FROM(1, 1e6), "steps", RUN,
 "number of steps in the trace; rounds, evaluations and checkpoints between them are included"),
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
