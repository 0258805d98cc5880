/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <string.h>

/* The whole configuration surface. A row's place must have the type its kind stores: FIELD compares
 * pointers of both, so that a mistake does not compile. */

#define FIELD(member, type)                                                                        \
    (offsetof(pwf_config, member) +                                                                \
     0 * sizeof(1 ? &((pwf_config *)0)->member : (type *)0)) /* NOLINT */

typedef char text_field[PWF_TEXT];

#define WHOLE(m) PWF_KIND_INT, FIELD(m, int64_t)
#define REAL(m) PWF_KIND_REAL, FIELD(m, double)
#define FLAG(m) PWF_KIND_BOOL, FIELD(m, bool)
#define WORDS(m) PWF_KIND_TEXT, FIELD(m, text_field)
#define CHOICE(m, type)                                                                            \
    PWF_KIND_CHOICE, FIELD(m, type) + 0 * sizeof(char[sizeof(type) == sizeof(int) ? 1 : -1])
#define INTS(m) PWF_KIND_INTS, FIELD(m, pwf_int_list)
#define REALS(m) PWF_KIND_REALS, FIELD(m, pwf_real_list)
#define TEXTS(m) PWF_KIND_TEXTS, FIELD(m, pwf_text_list)

#define NO_RANGE 0, 0, false, NULL
#define FROM(min, max) min, max, false, NULL
#define ABOVE(min, max) min, max, true, NULL
#define OF(words) 0, 0, false, words
#define RUN true
#define STATE false

#define WORD(name, text) #name,
#define MEANING(name, text) "; " #name ": " text

/* In the order of the enums of the groups. */
static const char *const block_words[] = {"basic", "bottleneck", NULL};
static const char *const data_words[] = {PWF_DATA_SOURCES(WORD) NULL};
static const char *const transform_words[] = {"paper", "timm", NULL};
static const char *const interpolation_words[] = {"bilinear", "bicubic", NULL};
static const char *const join_words[] = {"std_mu", "keep", "divide_by_2", "divide_by_10", NULL};
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
{"output", WORDS(output), "run", NO_RANGE, NULL, RUN,
 "folder of the run: configuration, metrics, checkpoints, final model"},

{"model.name", WORDS(model.name), "resnet18", NO_RANGE, NULL, STATE,
 "network: a preset such as resnet18, or resnet, densenet or vit with its keys below"},
{"model.block", CHOICE(model.block, pwf_block_kind), "basic", OF(block_words), NULL, STATE,
 "residual block of resnet"},
{"model.depths", INTS(model.depths), "2, 2, 2, 2", FROM(1, 1000), "blocks", STATE,
 "blocks in each stage of resnet, layers in each block of densenet"},
{"model.widths", INTS(model.widths), "64, 128, 256, 512", FROM(1, 65536), "channels", STATE,
 "width of each stage of resnet; the first is the stem's too"},
{"model.stem_kernel", WHOLE(model.stem_kernel), "7", FROM(1, 31), "pixels", STATE,
 "side of the first convolution of resnet and densenet"},
{"model.stem_stride", WHOLE(model.stem_stride), "2", FROM(1, 8), "pixels", STATE,
 "stride of the first convolution of resnet and densenet"},
{"model.stem_pool", FLAG(model.stem_pool), "true", NO_RANGE, NULL, STATE,
 "3x3 max pool of stride 2 after the first convolution of resnet and densenet"},
{"model.growth", WHOLE(model.growth), "32", FROM(1, 4096), "channels", STATE,
 "channels that each layer of densenet adds; its stem has twice as many"},
{"model.patch", WHOLE(model.patch), "16", FROM(1, 4096), "pixels", STATE,
 "side of the patches that vit makes tokens of; divides the image"},
{"model.width", WHOLE(model.width), "192", FROM(1, 65536), "channels", STATE,
 "channels of a token of vit"},
{"model.depth", WHOLE(model.depth), "12", FROM(1, 1000), "blocks", STATE,
 "blocks of vit"},
{"model.heads", WHOLE(model.heads), "3", FROM(1, 1024), NULL, STATE,
 "heads of each attention of vit; divide the width"},
{"model.mlp_ratio", REAL(model.mlp_ratio), "4", ABOVE(0, 64), NULL, STATE,
 "hidden channels of a block of vit, by its width"},
{"model.distilled", FLAG(model.distilled), "false", NO_RANGE, NULL, STATE,
 "distillation token and second head in vit, as in DeiT's distilled models"},
{"model.channels", WHOLE(model.channels), "3", FROM(1, 64), NULL, STATE,
 "channels of an image"},
{"model.classes", WHOLE(model.classes), "1000", FROM(2, 1000000), NULL, STATE,
 "classes to tell apart"},
{"model.image_size", WHOLE(model.image_size), "224", FROM(1, 4096), "pixels", STATE,
 "side of the square image the network sees"},
{"model.init", WORDS(model.init), "", NO_RANGE, NULL, STATE,
 "start weights: a model.h5 as from pwf import, or a checkpoint; empty: random ones"},

{"data.format", CHOICE(data.format, pwf_data_format), "idx", OF(data_words), NULL, STATE,
 "format of the data set" PWF_DATA_SOURCES(MEANING)},
{"data.path", WORDS(data.path), "", NO_RANGE, NULL, RUN,
 "folder of the data set; a run that is taken up may find the same images elsewhere"},
{"data.mean", REALS(data.mean), "0.485, 0.456, 0.406", FROM(-1000, 1000), NULL, STATE,
 "mean taken from the pixels (0 to 1): one for all channels or one per channel"},
{"data.std", REALS(data.std), "0.229, 0.224, 0.225", ABOVE(0, 1000), NULL, STATE,
 "standard deviation the pixels are divided by: one for all channels or one per channel"},
{"data.flip", FLAG(data.flip), "true", NO_RANGE, NULL, STATE,
 "mirror training images at random, left to right"},
{"data.pad", WHOLE(data.pad), "0", FROM(0, 64), "pixels", STATE,
 "shift training images at random by up to this much; not for imagefolder, which crops"},
{"data.train_limit", WHOLE(data.train_limit), "0", FROM(0, 4294967295.0), "images", STATE,
 "use only so many training images, the first, or of folders evenly spread ones; 0: all"},
{"data.test_limit", WHOLE(data.test_limit), "0", FROM(0, 4294967295.0), "images", STATE,
 "use only so many test images, as data.train_limit; 0: all"},
{"data.validation", REAL(data.validation), "0", FROM(0, 0.99), NULL, STATE,
 "share of the training images, drawn by the seed, that is kept from training and tested on in "
 "place of the test images; 0: none"},
{"data.resize", WHOLE(data.resize), "256", FROM(1, 16384), "pixels", STATE,
 "side of the square that images of folders are resized to before model.image_size of it is "
 "cropped"},
{"data.eval_transform", CHOICE(data.eval_transform, pwf_eval_transform), "paper",
 OF(transform_words), NULL, STATE,
 "test images of folders; paper: as in training, cropped at the centre; timm: shorter side to "
 "image_size / crop_pct, bicubic, cropped at the centre"},
{"data.crop_pct", REAL(data.crop_pct), "0.875", FROM(0.1, 1), NULL, STATE,
 "share of the resized shorter side that timm's transform crops"},
{"data.val_list", WORDS(data.val_list), "", NO_RANGE, NULL, RUN,
 "list of the classes of a flat val/, a path or a name in data.path: lines of file name and class, "
 "or of classes alone in the order of the file names"},
{"data.val_classes", WORDS(data.val_classes), "", NO_RANGE, NULL, RUN,
 "for numbers in data.val_list that count from 1, as ImageNet's kit does: list of class names, in "
 "the order of the numbers"},
{"data.skip_bad", WHOLE(data.skip_bad), "0", FROM(0, 1000000), "files", RUN,
 "damaged image files to tolerate; each gives way to the next good one in order"},
{"data.threads", WHOLE(data.threads), "2", FROM(0, 256), NULL, RUN,
 "threads of a rank that decode images ahead of the step; 0: the workers decode them"},

{"augment.crop", FLAG(augment.crop), "false", NO_RANGE, NULL, STATE,
 "RandomResizedCrop: a random part of the image, resized to image_size, in place of the published "
 "crop"},
{"augment.crop_scale", REALS(augment.crop_scale), "0.08, 1", ABOVE(0, 1), NULL, STATE,
 "share of the image's area that this part has: from, to"},
{"augment.crop_ratio", REALS(augment.crop_ratio), "0.75, 1.3333333333333333", FROM(0.01, 100), NULL,
 STATE, "width of this part over its height: from, to"},
{"augment.interpolation", CHOICE(augment.interpolation, pwf_filter), "bicubic",
 OF(interpolation_words), NULL, STATE,
 "of that resize, and where RandAugment turns, shears and shifts"},
{"augment.brightness", REAL(augment.brightness), "0", FROM(0, 10), NULL, STATE,
 "colour jitter: brightness times a random factor from 1 - x to 1 + x; 0: off"},
{"augment.contrast", REAL(augment.contrast), "0", FROM(0, 10), NULL, STATE,
 "colour jitter: contrast, likewise"},
{"augment.saturation", REAL(augment.saturation), "0", FROM(0, 10), NULL, STATE,
 "colour jitter: saturation, likewise"},
{"augment.hue", REAL(augment.hue), "0", FROM(0, 0.5), NULL, STATE,
 "colour jitter: hue turned by a random part of the circle from -x to x; 0: off"},
{"augment.rand_layers", WHOLE(augment.rand_layers), "0", FROM(0, 15), NULL, STATE,
 "RandAugment: random operations on each image, one after the other; 2 in timm; 0: off"},
{"augment.rand_magnitude", REAL(augment.rand_magnitude), "9", FROM(0, 10), NULL, STATE,
 "RandAugment: how much an operation changes"},
{"augment.rand_std", REAL(augment.rand_std), "0.5", FROM(0, 100), NULL, STATE,
 "RandAugment: standard deviation of the magnitude, which stays within 0 to 10"},
{"augment.rand_prob", REAL(augment.rand_prob), "0.5", FROM(0, 1), NULL, STATE,
 "RandAugment: probability that an operation is applied"},
{"augment.rand_increasing", FLAG(augment.rand_increasing), "true", NO_RANGE, NULL, STATE,
 "RandAugment: every operation changes more with more magnitude, as timm's inc1"},
{"augment.erase", REAL(augment.erase), "0", FROM(0, 1), NULL, STATE,
 "random erasing: probability that a part of the image gives way to noise; 0: off"},
{"augment.mixup", REAL(augment.mixup), "0", FROM(0, 100), NULL, STATE,
 "mixup of pairs of images of a slot: alpha of the Beta distribution of the shares; 0: off"},
{"augment.cutmix", REAL(augment.cutmix), "0", FROM(0, 100), NULL, STATE,
 "cutmix, a box of the other image of the pair: alpha, likewise; 0: off"},
{"augment.mix_prob", REAL(augment.mix_prob), "1", FROM(0, 1), NULL, STATE,
 "probability that a slot is mixed, if mixup or cutmix is on"},
{"augment.mix_switch", REAL(augment.mix_switch), "0.5", FROM(0, 1), NULL, STATE,
 "probability of cutmix where mixup and cutmix are on"},

{"posterior.sigma_scale", REAL(posterior.sigma_scale), "0.0025", FROM(0, 10), NULL, STATE,
 "sigma at the start, for the weight at the upper quartile of its tensor"},
{"posterior.sigma_min", REAL(posterior.sigma_min), "2^-30", FROM(0x1p-100, 10), NULL, STATE,
 "smallest sigma at the start"},
{"posterior.sigma_max", REAL(posterior.sigma_max), "0.05", FROM(0x1p-100, 10), NULL, STATE,
 "largest sigma at the start"},
{"posterior.reg_weight", REAL(posterior.reg_weight), "2^-11", FROM(0, 1000), NULL, STATE,
 "weight of the term that keeps sigma from collapsing"},
{"posterior.reg_target", REAL(posterior.reg_target), "0.05", FROM(0, 10), NULL, STATE,
 "sigma above which that term is zero"},

{"fixing.fractions", REALS(fixing.fractions),
 "0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1", ABOVE(0, 1), NULL, STATE,
 "share of all posterior parameters that is fixed after each round, rising"},
{"fixing.first_epochs", REAL(fixing.first_epochs), "0.05", FROM(0, 100000), "epochs", STATE,
 "training before the first round"},
{"fixing.epochs", REAL(fixing.epochs), "3", FROM(0, 100000), "epochs", STATE,
 "training before each other round"},
{"fixing.delta", REAL(fixing.delta), "1", FROM(1e-6, 1e6), NULL, STATE,
 "distance, in sigmas, at which a centre attracts a weight in the first stage"},
{"fixing.delta_growth", REAL(fixing.delta_growth), "2", FROM(1.001, 100), NULL, STATE,
 "factor by which that distance grows from stage to stage"},
{"fixing.max_order", WHOLE(fixing.max_order), "4", FROM(1, 6), NULL, STATE,
 "most powers of two in the sum that makes a centre"},
{"fixing.min_power", WHOLE(fixing.min_power), "7", FROM(0, 14), NULL, STATE,
 "the smallest power of two is 2 to the minus this"},
{"fixing.zero_fix", FLAG(fixing.zero_fix), "true", NO_RANGE, NULL, STATE,
 "weights below the smallest power of two are at distance 0 from 0"},
{"fixing.sigma_join", CHOICE(fixing.sigma_join, pwf_sigma_join), "std_mu", OF(join_words),
 NULL, STATE,
 "sigma of fixed weights: spread of what one step joined, or kept, or divided"},
{"fixing.compat", CHOICE(fixing.compat, pwf_compat), "paper", OF(compat_words), NULL, STATE,
 "paper: a fixed weight never changes; reference: as the released code, for comparison"},
{"fixing.exclude", TEXTS(fixing.exclude), "", NO_RANGE, NULL, STATE,
 "parameters that are never fixed, by name pattern, as [fc.*]"},
{"fixing.export", CHOICE(fixing.export, pwf_export_choice), "none", OF(export_words), NULL, RUN,
 "networks written as .safetensors and .pwf too: none, the last (model), or all finished rounds"},

{"train.seed", WHOLE(train.seed), "1", FROM(0, 4294967295.0), NULL, STATE,
 "seed of every random number"},
{"train.batch", WHOLE(train.batch), "128", FROM(1, 1048576), "images", STATE,
 "images of a step, all ranks together; a multiple of parallel.slots"},
{"train.baseline_epochs", REAL(train.baseline_epochs), "0", FROM(0, 100000), "epochs", STATE,
 "ordinary training before the first phase; 0: none"},
{"train.baseline_lr", REAL(train.baseline_lr), "0.05", FROM(0, 10), NULL, STATE,
 "learning rate of the ordinary training"},
{"train.baseline_schedule", CHOICE(train.baseline_schedule, pwf_schedule_kind), "linear",
 OF(schedule_words), NULL, STATE,
 "how the learning rate of the ordinary training falls"},
{"train.label_smoothing", REAL(train.label_smoothing), "0", FROM(0, 0.999), NULL, STATE,
 "share of the training target that goes to all classes alike"},
{"train.norm_batches", WHOLE(train.norm_batches), "100", FROM(0, 1000000), "batches", STATE,
 "batches that re-estimate BatchNorm's statistics at the end, one pass at most; 0: leave them"},

{"optim.name", CHOICE(optim.name, pwf_optimiser_name), "sgd", OF(optimiser_words), NULL, STATE,
 "optimiser of all training phases" PWF_OPTIMISERS(MEANING)},
{"optim.lr", REAL(optim.lr), "0.001", FROM(0, 10), NULL, STATE,
 "learning rate of the phases between rounds"},
{"optim.momentum", REAL(optim.momentum), "0.9", FROM(0, 1), NULL, STATE,
 "momentum of SGD, beta1 of AdamW"},
{"optim.beta2", REAL(optim.beta2), "0.999", FROM(0, 1), NULL, STATE,
 "AdamW: memory of the squared gradients"},
{"optim.eps", REAL(optim.eps), "1e-8", ABOVE(0, 1), NULL, STATE,
 "AdamW: added to their root"},
{"optim.weight_decay", REAL(optim.weight_decay), "1e-4", FROM(0, 10), NULL, STATE,
 "weight decay"},
{"optim.schedule", CHOICE(optim.schedule, pwf_schedule_kind), "constant", OF(schedule_words),
 NULL, STATE,
 "how the learning rate falls within a phase: not, to 0 in a line or a cosine, or in steps"},
{"optim.warmup", REAL(optim.warmup), "0", FROM(0, 100000), "epochs", STATE,
 "at the start of a phase, ordinary training too, in which the learning rate rises in a line"},
{"optim.step_epochs", REAL(optim.step_epochs), "1", ABOVE(0, 100000), "epochs", STATE,
 "between two drops of the schedule `step`"},
{"optim.step_factor", REAL(optim.step_factor), "0.1", FROM(0, 1), NULL, STATE,
 "factor of each drop of the schedule `step`"},
{"optim.clip_norm", REAL(optim.clip_norm), "1", FROM(0, 1e9), NULL, STATE,
 "gradients are scaled down to this norm; 0: never"},

{"parallel.slots", WHOLE(parallel.slots), "8", FROM(1, 256), NULL, STATE,
 "micro-batches of a step, and the most workers (ranks x threads) that can share it"},
{"parallel.backend", CHOICE(parallel.backend, pwf_tensor_backend), "auto", OF(backend_words),
 NULL, STATE,
 "library behind convolutions and products"},
{"parallel.precision", CHOICE(parallel.precision, pwf_precision), "auto", OF(precision_words),
 NULL, STATE,
 "what training rounds the numbers that are multiplied to, sums stay fp32; auto: bf16 where all "
 "ranks have instructions for it and the backend is auto or onednn, settled when a run begins"},
{"parallel.shards", WHOLE(parallel.shards), "1", FROM(1, 256), "ranks", RUN,
 "ranks that share one copy of the posterior and the optimiser's state"},
{"parallel.threads", WHOLE(parallel.threads), "1", FROM(1, 256), NULL, RUN,
 "worker threads of a rank"},
{"parallel.recompute", FLAG(parallel.recompute), "false", NO_RANGE, NULL, RUN,
 "less memory for activations, more time: backward makes again what it needs in place of keeping "
 "it; the result is the same"},

{"checkpoint.every", WHOLE(checkpoint.every), "1000", FROM(0, 1e12), "steps", RUN,
 "steps between checkpoints; 0: only after phases and rounds"},
{"checkpoint.minutes", REAL(checkpoint.minutes), "0", FROM(0, 1e7), "minutes", RUN,
 "a checkpoint also after so much time without one; 0: none"},
{"checkpoint.failure_hours", REAL(checkpoint.failure_hours), "0", FROM(0, 1e7), "hours", RUN,
 "mean time between failures: a checkpoint also at Young's interval for it; 0: none"},
{"checkpoint.keep", WHOLE(checkpoint.keep), "3", FROM(2, 1000000), NULL, RUN,
 "newest checkpoints to keep; those of finished rounds are kept as well"},
{"checkpoint.keep_every", WHOLE(checkpoint.keep_every), "0", FROM(0, 1e12), "steps", RUN,
 "keep for good the first checkpoint at or behind each multiple of this too; 0: none"},
{"checkpoint.writer", CHOICE(checkpoint.writer, pwf_ckpt_writer), "pwrite", OF(writer_words),
 NULL, RUN,
 "way a checkpoint is written; pwrite: plain writes of each rank; mpiio: parallel HDF5"},
{"checkpoint.async", FLAG(checkpoint.async), "false", NO_RANGE, NULL, RUN,
 "write checkpoints in a thread while training goes on; needs memory for a copy of the state"},
{"checkpoint.stop_after", WHOLE(checkpoint.stop_after), "0", FROM(0, 1e12), "steps", RUN,
 "stop with a checkpoint after so many steps of this job; 0: run to the end"},
{"checkpoint.max_time", REAL(checkpoint.max_time), "0", FROM(0, 1e7), "minutes", RUN,
 "stop with a checkpoint after so much time of this job; 0: no limit"},

{"watchdog.start", REAL(watchdog.start), "3600", FROM(0, 1e7), "seconds", RUN,
 "starting, setting up, loading: the longest silence before the job is ended; 0: no limit"},
{"watchdog.step", REAL(watchdog.step), "600", FROM(0, 1e7), "seconds", RUN,
 "a step: the longest silence before the job is ended; 0: no limit"},
{"watchdog.fix", REAL(watchdog.fix), "1800", FROM(0, 1e7), "seconds", RUN,
 "a fixing round: the longest silence before the job is ended; 0: no limit"},
{"watchdog.evaluate", REAL(watchdog.evaluate), "1800", FROM(0, 1e7), "seconds", RUN,
 "an evaluation or BatchNorm statistics: the longest silence before the job is ended; 0: no limit"},
{"watchdog.checkpoint", REAL(watchdog.checkpoint), "1800", FROM(0, 1e7), "seconds", RUN,
 "writing a checkpoint or model: the longest silence before the job is ended; 0: no limit"},
{"watchdog.finish", REAL(watchdog.finish), "600", FROM(0, 1e7), "seconds", RUN,
 "ending: the longest silence before the job is ended; 0: no limit"},
{"watchdog.interval", WHOLE(watchdog.interval), "100", FROM(0, 1e12), "steps", RUN,
 "steps between comparisons of the ranks: what they hold in common, and their speed; 0: none"},
{"watchdog.spike", REAL(watchdog.spike), "10", FROM(0, 1e12), NULL, RUN,
 "a step whose loss is so many times the largest of 100 before is done again; 0: any is taken"},
{"watchdog.memory", FLAG(watchdog.memory), "true", NO_RANGE, NULL, RUN,
 "hash the state behind every step and compare it before the next, as it must not change there"},

{"eval.samples", WHOLE(eval.samples), "20", FROM(1, 10000), NULL, STATE,
 "draws of the weights whose probabilities an ensemble averages"},
{"eval.bins", WHOLE(eval.bins), "15", FROM(1, 1000), NULL, STATE,
 "bins of the expected calibration error"},
{"eval.batch", WHOLE(eval.batch), "100", FROM(1, 65536), "images", STATE,
 "images a worker evaluates at a time"},
{"eval.ensemble", CHOICE(eval.ensemble, pwf_ensemble), "last", OF(ensemble_words), NULL, STATE,
 "evaluations that include the ensemble: the last, all, or none"},

{"log.interval", WHOLE(log.interval), "50", FROM(1, 1e9), "steps", RUN,
 "steps between rows of the metrics"},
{"log.level", CHOICE(log.level, pwf_level), "info", OF(level_words), NULL, RUN,
 "least important message that is printed"},
{"log.format", CHOICE(log.format, pwf_log_format), "auto", OF(format_words), NULL, RUN,
 "messages as sentences or logfmt; auto: sentences on a terminal"},
{"log.progress", CHOICE(log.progress, pwf_switch), "auto", OF(switch_words), NULL, RUN,
 "live progress line; auto: on a terminal"},
{"log.trace", FLAG(log.trace), "false", NO_RANGE, NULL, RUN,
 "record what every thread of every rank does when, in trace-*.json for Perfetto or Chrome"},
{"log.trace_from", WHOLE(log.trace_from), "0", FROM(0, 1e12), "steps", RUN,
 "first step of the trace; a job that begins behind it traces its first steps"},
{"log.trace_steps", WHOLE(log.trace_steps), "10", FROM(1, 1e6), "steps", RUN,
 "steps in the trace, with the rounds, evaluations and checkpoints between and after them"},
};

const pwf_group pwf_groups[] = {
    {"model", "the network"},
    {"data", "the images"},
    {"augment", "more random changes of training images, all off in the published settings"},
    {"posterior", "the Gaussian over each weight"},
    {"fixing", "rounds that fix weights on sums of powers of two"},
    {"train", "the course of training"},
    {"optim", "the optimiser"},
    {"parallel", "how work is shared out"},
    {"checkpoint", "saving and stopping"},
    {"watchdog", "ending a job that hangs or whose ranks part company, and jumps of the loss"},
    {"eval", "measuring on the test set"},
    {"log", "messages and metrics"},
};
/* clang-format on */

const int pwf_option_count = (int)(sizeof pwf_options / sizeof pwf_options[0]);
const int pwf_group_count = (int)(sizeof pwf_groups / sizeof pwf_groups[0]);
_Static_assert(sizeof pwf_options / sizeof pwf_options[0] <= PWF_CONFIG_KEYS_MAX,
               "pwf_config has no room for the origin of every key");

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
