/* SPDX-License-Identifier: BSD-3-Clause */
/* Refused configurations: the exact message of each error, rules between keys, resume rules, and
 * random input, which must never crash the reader. */
#include "config/cases.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void assert_says(pwf_status status, const char *words)
{
    if (status.code != PWF_CONFIG || strcmp(status.text, words) != 0)
        fail_msg("wanted: %s\n     got: %d %s", words, status.code, status.text);
}

static void assert_contains(pwf_status status, const char *words)
{
    if (status.code != PWF_CONFIG || !strstr(status.text, words))
        fail_msg("wanted: ...%s...\n     got: %d %s", words, status.code, status.text);
}

static pwf_status try_yaml(const char *text, size_t length)
{
    static pwf_config config;
    pwf_config_defaults(&config);
    return pwf_config_read_text(&config, text, length, "t.yaml", PWF_FROM_YAML);
}

static void test_yaml_sentences(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"optim:\n  momentum: 0.9\n  lrr: 1\n",
         "t.yaml:3:3: optim.lrr is not a key; did you mean optim.lr?"},
        {"optim:\n  lr: -1\n", "optim.lr = -1 (t.yaml:2:7): must be from 0 to 10"},
        {"optim:\n  lr: 1e999\n", "optim.lr = 1e999 (t.yaml:2:7): must be from 0 to 10"},
        {"optim:\n  lr: .nan\n", "optim.lr = .nan (t.yaml:2:7): must be a number"},
        {"optim:\n  lr: 1,5\n", "optim.lr = 1,5 (t.yaml:2:7): must be a number"},
        {"lr: 1\n", "t.yaml:1:1: lr is not a key; did you mean optim.lr?"},
        {"optm:\n  lr: 1\n", "t.yaml:1:1: optm is not a key; did you mean the group optim?"},
        {"train: {seed: 0o17}\n", "train.seed = 0o17 (t.yaml:1:15): must be a number"},
        {"train: {seed: 017}\n",
         "train.seed = 017 (t.yaml:1:15): must be a number without leading zeros"},
        {"train:\n  seed: 4294967296\n",
         "train.seed = 4294967296 (t.yaml:2:9): must be from 0 to 4294967295"},
        {"train:\n  batch: 12.5\n", "train.batch = 12.5 (t.yaml:2:10): must be a whole number"},
        {"train:\n  seed: 1\n  batch: 64\n  seed: 2\n", "t.yaml:4:3: train.seed is set twice"},
        {"train:\n  seed: 1\noptim:\ntrain:\n", "t.yaml:4:1: train is set twice"},
        {"output: a\noutput: b\n", "t.yaml:2:1: output is set twice"},
        {"train: 3\n", "t.yaml:1:8: train is a group of keys, each on a line of its own; the keys "
                       "of train are seed, batch, baseline_epochs, baseline_lr, "
                       "baseline_schedule, label_smoothing, norm_batches"},
        {"train:\n  seed: [1]\n", "t.yaml:2:9: train.seed must be a single value, not a list"},
        {"train:\n  seed: {a: 1}\n",
         "t.yaml:2:9: train.seed must be a single value, not a mapping"},
        {"data:\n  mean: 0.5\n",
         "t.yaml:2:9: data.mean must be a list, for example [0.485, 0.456, 0.406]"},
        {"data:\n  mean: [[0.5]]\n", "t.yaml:2:10: data.mean must be a list of single values"},
        {"data:\n  mean: [0.5, x]\n", "data.mean = x (t.yaml:2:15): must be a number"},
        {"data:\n  path:\n", "t.yaml:2:8: data.path has no value; write '' for an empty string"},
        {"data:\n  path: ~\n",
         "t.yaml:2:9: data.path: ~ is not a value; to set it as a string, put it in quotes"},
        {"data:\n  path: \"a\\0b\"\n",
         "data.path = a (t.yaml:2:9): must be text without zero bytes"},
        {"data:\n  path: \"a\\nb\"\n", "data.path = a?b (t.yaml:2:9): must be printable UTF-8 text "
                                       "without control characters"},
        {"data:\n  flip: 2\n", "data.flip = 2 (t.yaml:2:9): must be true or false"},
        {"data:\n  std: [0]\n", "data.std = 0 (t.yaml:2:9): must be above 0, at most 1000"},
        {"parallel:\n  backend: oneDNN\n",
         "parallel.backend = oneDNN (t.yaml:2:12): must be one of "
         "auto, onednn, openblas, plain"},
        {"parallel:\n  backend: openbals\n",
         "parallel.backend = openbals (t.yaml:2:12): must be one of auto, onednn, openblas, plain; "
         "did you mean openblas?"},
        {"train: &a\n  seed: 1\n",
         "t.yaml:1:8: anchors (&name) are not allowed; write the value itself"},
        {"train:\n  seed: *a\n",
         "t.yaml:2:9: aliases (*name) are not allowed; write the value itself"},
        {"train:\n  seed: !!int 3\n",
         "t.yaml:2:9: tags (!name) are not allowed; write the bare value"},
        {"train:\n  <<: {seed: 1}\n",
         "t.yaml:2:3: merge keys (<<) are not allowed; write the keys themselves"},
        {"train:\n  ? [a]\n  : 1\n",
         "t.yaml:2:5: a key must be a single word, not a list or mapping"},
        {"train:\n  seed: 1\n---\ntrain:\n", "t.yaml:3:1: a second document (---) is not allowed"},
        {"%TAG !e! tag:e,2000:\n---\ntrain:\n", "t.yaml:1:1: %TAG is not allowed"},
        {"- a\n", "t.yaml:1:1: must begin with a group or key, for example \"optim:\""},
        {"hello\n", "t.yaml:1:1: must begin with a group or key, for example \"optim:\""},
        {"train:\n\tseed: 1\n",
         "t.yaml:2:1: not valid YAML: a tab or another character that is not allowed here; "
         "indent with spaces and put strings in quotes"},
        {"train:\n  seed: 1\n batch: 3\n", "t.yaml:3:2: not valid YAML: did not find expected key, "
                                           "while parsing a block mapping that "
                                           "began on line 1"},
        {"# \xc3\xa4\n# \xc3\xa4 \xff\n", "t.yaml:2:5: byte 0xff is not printable UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_says(try_yaml(cases[i][0], strlen(cases[i][0])), cases[i][1]);
}

static void test_damaged_bytes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "# \xc0\x80\n", "# \xed\xa0\x80\n", "# \xf4\x90\x80\x80",      "# \xe2\x82",
        "# \x01\n",     "# \x7f\n",         "\xff\xfet\0r\0",          "# \xef\xbf\xbf\n",
        "# \xc2\x85\n", "# \xe2\x80\xa8\n", "\xef\xbb\xbf\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_contains(try_yaml(bad[i], strlen(bad[i])), "not printable UTF-8 text");
    assert_says(try_yaml("train:\n  se\0ed: 1\n", 19),
                "t.yaml:2:5: byte 0x00 is not printable UTF-8 text");
}

static char *repeated(const char *piece, size_t count)
{
    size_t length = strlen(piece);
    char *text = malloc(length * count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * length, piece, length);
    text[length * count] = '\0';
    return text;
}

static void assert_bomb(const char *head, const char *piece, size_t count, const char *words)
{
    char *body = repeated(piece, count), *text = malloc(strlen(head) + strlen(body) + 1);
    assert_non_null(text);
    strcpy(text, head);
    strcat(text, body);
    const clock_t start = clock(); /* processor time: other programs do not count */
    assert_contains(try_yaml(text, strlen(text)), words);
    assert_true(clock() - start < CLOCKS_PER_SEC); /* twenty times the 50 ms it should take */
    free(text);
    free(body);
}

static void test_bombs(void **state)
{
    (void)state;
    assert_bomb("", "[", 65536, "must begin with a group or key");
    assert_bomb("train: ", "[", 65000, "is a group of keys");
    assert_bomb("train: {seed: ", "{a: ", 16000, "must be a single value");
    assert_bomb("data: {mean: ", "[", 65000, "list of single values");
    assert_bomb("", "- ", 32000, "must begin with a group or key");
    assert_bomb("", "? ", 32000, "key must be a single word");
    assert_bomb("data: {path: ", "a", 1 << 20, "at most 128 KiB");
    assert_bomb("data: {path: ", "a", 5000, ""); /* no closing brace */
    assert_bomb("data:\n  path: ", "a", 5000, "longer than 4096 bytes");
    assert_bomb("data:\n  path: ", "a", 4096, "at most 4095 bytes long");
    assert_bomb("data:\n  mean: [", "0.1,", 65, "at most 64 values");
    assert_bomb("data:\n  mean: [", "0.1,", 16000, "at most 64 values");
    assert_bomb("", "k", 5000, "");
    assert_bomb("train:\n  seed: ", "1", 4000, "number of at most 127 characters");
    assert_bomb("a: &a [x]\nb: &b [", "*a,", 1000, "is not a key");
    assert_bomb("train: &a [x]\ndata: &b [", "*a,", 1000, "anchors");
    assert_bomb("model: ", "&a ", 20000, "");
    assert_bomb("", "\n", 131073, "at most 128 KiB");
    assert_bomb("\"", "\\u0041", 10000, "");
}

static void test_option_sentences(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"optim.lr=x", "optim.lr = x (--set): must be a number"},
        {"optim.lr=", "optim.lr = '' (--set): must be a number"},
        {"optim.lr", "--set optim.lr has no value; write, for example, --set optim.lr=0.01"},
        {"=1", "--set =1: '' is not a key; the groups are model, data, augment, posterior, fixing, "
               "train, optim, parallel, checkpoint, watchdog, eval, log"},
        {"batch=1", "--set batch=1: batch is not a key; did you mean train.batch or eval.batch?"},
        {"train.lr=1", "--set train.lr=1: train.lr is not a key; did you mean optim.lr?"},
        {"log=1", "--set log=1: log is not a key; the keys of log are interval, level, format, "
                  "progress, trace, trace_from, trace_steps"},
        {"model.depths=1,,2", "model.depths = '' (--set): must be a value, not an empty entry"},
        {"model.depths=[1", "model.depths = [1 (--set): must be a list that ends with ]"},
        {"model.depths=[1]]", "model.depths = 1] (--set): must be a number"},
        {"output=a\tb", "output = a?b (--set): must be printable UTF-8 text without control "
                        "characters"},
        {"\x01\xff=1", "--set \?\?=1: this is not a key"},
        {"parallel.threads=30min", "parallel.threads = 30min (--set): must be a number"},
    };
    static pwf_config c, before;
    pwf_config_defaults(&c);
    before = c;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_says(pwf_config_set(&c, cases[i][0]), cases[i][1]);
    char *text = repeated("x", 1 << 20);
    assert_contains(pwf_config_set(&c, text), "has no value");
    memcpy(text, "output=", 7);
    assert_contains(pwf_config_set(&c, text), "at most 4095 bytes long");
    memcpy(text, "model.name=", 11);
    assert_contains(pwf_config_set(&c, text), "at most 255 bytes long");
    memcpy(text, "fixing.exclude=", 15);
    assert_contains(pwf_config_set(&c, text), "at most 255 bytes long");
    free(text);
    assert_memory_equal(&c, &before, sizeof c); /* a refused value changes nothing */
}

static void test_environment(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"PWF_OPTIM_LR", "x", "optim.lr = x (PWF_OPTIM_LR): must be a number"},
        {"PWF_OPTIM_LRR", "1", "PWF_OPTIM_LRR is not a setting; did you mean PWF_OPTIM_LR?"},
        {"PWF_TRAIN_BASELINE_EPOCH", "1",
         "PWF_TRAIN_BASELINE_EPOCH is not a setting; did you mean PWF_TRAIN_BASELINE_EPOCHS?"},
        {"PWF_LOG", "1",
         "PWF_LOG is not a setting; the keys of log are PWF_LOG_INTERVAL, "
         "PWF_LOG_LEVEL, PWF_LOG_FORMAT, PWF_LOG_PROGRESS, PWF_LOG_TRACE, "
         "PWF_LOG_TRACE_FROM, PWF_LOG_TRACE_STEPS"},
        {"PWF_OUTPUT", "", NULL},
        {"PWF_TEST_FAULT", "1", NULL},
        {"PWF_TEST", "1", NULL},
        {"PWF_MODELS_DIR", "1", NULL},
        {"PWF_SOURCE_DIR", "/", NULL},
        {"PWF_", "", NULL},
    };
    static pwf_config c;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *old = getenv(cases[i][0]);
        pwf_config_defaults(&c);
        setenv(cases[i][0], cases[i][1], 1);
        pwf_status status = pwf_config_read_environment(&c);
        if (!old) unsetenv(cases[i][0]);
        if (cases[i][2])
            assert_says(status, cases[i][2]);
        else
            assert_ok(status);
    }
    char *text = repeated("PWF_LOG_", 10000);
    setenv(text, "1", 1);
    assert_contains(pwf_config_read_environment(&c), "is not a setting");
    unsetenv(text);
    free(text);
}

static void test_check(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"parallel.slots=7", NULL,
         "parallel.slots (7) must divide train.batch (128); the next larger batch that it divides "
         "is 133"},
        {"parallel.threads=9", NULL, "parallel.threads (9) is more than parallel.slots (8)"},
        {"parallel.shards=9", NULL, "parallel.shards (9) is more than parallel.slots (8)"},
        {"fixing.fractions=0.5,0.5", NULL,
         "fixing.fractions must increase strictly, but 0.5 follows 0.5"},
        {"fixing.fractions=[]", NULL, "fixing.fractions is empty"},
        {"data.mean=0.1,0.2", NULL, "data.mean has 2 values but model.channels is 3"},
        {"model.channels=1", NULL, "data.mean has 3 values but model.channels is 1"},
        {"data.std=[]", NULL, "data.std has 0 values"},
        {"model.depths=1,1", NULL, "set model.name to resnet"},
        {"model.stem_pool=true", NULL, "model.stem_pool cannot be set with model.name = resnet18"},
        {"model.name=resnet", "model.depths=1,1", "model.depths has 2 values and model.widths 4"},
        {"model.name=resnet", "model.widths=[]", "both need one per stage, 1 to 8"},
        {"model.name=deit_tiny_patch16_224", "model.heads=4",
         "set model.name to vit to choose its value"},
        {"model.name=vit", "model.depths=1,1", "set model.name to resnet to choose its value"},
        {"model.name=densenet", "model.depths=[]", "a densenet has 1 to 8 blocks"},
        {"model.name=densenet", "model.depths=1,1", NULL},
        {"model.name=vit", "model.heads=4", NULL},
        {"augment.crop_scale=0.5", NULL, "augment.crop_scale must be two numbers"},
        {"augment.crop_ratio=2,1", NULL, "augment.crop_ratio must be two numbers"},
        {"augment.mixup=0.8", "train.batch=24", "train.batch / parallel.slots is 3, an odd number"},
        {"augment.cutmix=1", "train.batch=8", "train.batch / parallel.slots is 1, an odd number"},
        {"augment.cutmix=1", "train.batch=16", NULL},
        {"augment.crop=true", "data.pad=2", "augment.crop replaces the random shift"},
        {"data.val_classes=a", NULL, "data.val_list is not set"},
        {"data.val_list=a", NULL, "data.val_list applies to data.format imagefolder only;"},
        {"data.val_list=a", "data.format=hdf5", NULL},
        {"data.skip_bad=2", "data.format=cifar10", "data.skip_bad (2) applies to data.format"},
        {"data.skip_bad=2", NULL, "data.skip_bad (2) applies to data.format imagefolder and hdf5"},
        {"data.val_list=a", "data.format=imagefolder", NULL},
        {"data.pad=2", "data.format=imagefolder", "which crop from data.resize"},
        {"checkpoint.async=true", "checkpoint.writer=mpiio", "which must not call MPI-IO"},
        {"checkpoint.async=false", "checkpoint.writer=mpiio", NULL},
        {"model.name=", NULL, "model.name is empty"},
        {"output=", NULL, "output is empty"},
        {"posterior.sigma_min=0.1", NULL,
         "posterior.sigma_min (0.1) is above posterior.sigma_max (0.05)"},
        {"fixing.fractions=0.2,0.9", NULL, NULL},
        {"data.mean=0.5", "data.std=0.5", NULL},
        {"model.name=resnet", "model.block=bottleneck", NULL},
    };
    static pwf_config c;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pwf_config_defaults(&c);
        assert_ok(pwf_config_set(&c, cases[i][0]));
        if (cases[i][1]) assert_ok(pwf_config_set(&c, cases[i][1]));
        if (cases[i][2])
            assert_contains(pwf_config_check(&c), cases[i][2]);
        else
            assert_ok(pwf_config_check(&c));
    }
}

/* A key that a preset decides is refused wherever it was given, even with its own value; the
 * written configuration omits it and can be read back. */
static void test_preset_decides(void **state)
{
    (void)state;
    static const char yaml[] = "model: {name: deit_tiny_patch16_224, depth: 12}\n";
    static pwf_config c, again;
    const char *says = "model.depth cannot be set with model.name = deit_tiny_patch16_224";
    char *text = NULL;
    pwf_config_defaults(&c);
    assert_ok(pwf_config_read_text(&c, yaml, sizeof yaml - 1, "run.yaml", PWF_FROM_YAML));
    assert_contains(pwf_config_check(&c), says);
    pwf_config_defaults(&c);
    assert_ok(pwf_config_set(&c, "model.name=deit_tiny_patch16_224"));
    setenv("PWF_MODEL_DEPTH", "2", 1);
    again = c;
    assert_ok(pwf_config_read_environment(&again));
    unsetenv("PWF_MODEL_DEPTH");
    assert_contains(pwf_config_check(&again), says);
    assert_ok(pwf_config_check(&c));
    assert_ok(pwf_config_write(&c, &text));
    assert_null(strstr(text, "  depth:"));
    pwf_config_defaults(&again);
    assert_ok(pwf_config_read_text(&again, text, strlen(text), "config.yaml", PWF_FROM_YAML));
    assert_ok(pwf_config_check(&again));
    assert_ok(pwf_config_same(&c, &again));
    free(text);
}

/* A run keeps the precision it began with; one from before the key existed uses fp32. */
static void test_kept_precision(void **state)
{
    (void)state;
    static const struct {
        int64_t stored, asked, now;
    } cases[] = {
        {PWF_BF16, PWF_PRECISION_AUTO, PWF_BF16},
        {PWF_FP32, PWF_PRECISION_AUTO, PWF_FP32},
        {PWF_PRECISION_AUTO, PWF_PRECISION_AUTO, PWF_FP32},
        {PWF_PRECISION_AUTO, PWF_FP32, PWF_FP32},
        {PWF_PRECISION_AUTO, PWF_BF16, PWF_BF16},
        {PWF_FP32, PWF_BF16, PWF_BF16},
        {PWF_BF16, PWF_BF16, PWF_BF16},
    };
    static pwf_config a, b;
    pwf_config_defaults(&a);
    b = a;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        a.parallel.precision = (pwf_precision)cases[i].stored;
        b.parallel.precision = (pwf_precision)cases[i].asked;
        pwf_config_keep_precision(&a, &b);
        assert_int_equal(b.parallel.precision, cases[i].now);
        assert_int_equal(pwf_config_same(&a, &b).code,
                         a.parallel.precision == cases[i].now ? PWF_OK : PWF_CONFIG);
        assert_int_equal(a.parallel.precision == cases[i].now,
                         cases[i].asked != PWF_BF16 || cases[i].stored == cases[i].now);
    }
    b.parallel.backend = PWF_TENSOR_OPENBLAS;
    assert_contains(pwf_config_check(&b),
                    "parallel.precision bf16 is not available with parallel.backend "
                    "openblas");
    b.parallel.precision = PWF_PRECISION_AUTO;
    assert_ok(pwf_config_check(&b));
}

static void test_differences(void **state)
{
    (void)state;
    static pwf_config a, b;
    pwf_config_defaults(&a);
    b = a;
    assert_ok(pwf_config_set(&b, "output=elsewhere"));
    assert_ok(pwf_config_set(&b, "data.path=elsewhere"));
    assert_ok(pwf_config_set(&b, "data.val_list=elsewhere/val.txt"));
    assert_ok(pwf_config_set(&b, "parallel.shards=2"));
    assert_ok(pwf_config_set(&b, "parallel.threads=2"));
    assert_ok(pwf_config_set(&b, "parallel.recompute=true"));
    assert_ok(pwf_config_set(&b, "checkpoint.every=7"));
    assert_ok(pwf_config_set(&b, "log.level=debug"));
    assert_ok(pwf_config_same(&a, &b));
    assert_ok(pwf_config_set(&b, "optim.lr=0.5"));
    assert_ok(pwf_config_set(&b, "model.depths=1,2"));
    assert_says(
        pwf_config_same(&a, &b),
        "model.depths is [2, 2, 2, 2] in the stored configuration but [1, 2] now; optim.lr "
        "is 0.001 in the stored configuration but 0.5 now. These settings belong to the run; start "
        "a new run in another directory to change them. pwf_dist --help lists the keys that may "
        "change on resume");
    for (int i = 0; i < pwf_option_count; i++) {
        char line[400];
        if (pwf_options[i].kind != PWF_KIND_INT && pwf_options[i].kind != PWF_KIND_REAL) continue;
        snprintf(line, sizeof line, "%s=%g", pwf_options[i].key, pwf_options[i].max);
        if (pwf_options[i].max < 1e6) assert_ok(pwf_config_set(&b, line));
    }
    assert_contains(pwf_config_same(&a, &b), "more keys differ. These settings belong to the run");
}

static void test_files(void **state)
{
    (void)state;
    static pwf_config c;
    pwf_config_defaults(&c);
    assert_int_equal(pwf_config_read_file(&c, "no/such/file.yaml").code, PWF_MISSING);
    assert_int_equal(pwf_config_read_file(&c, "").code, PWF_MISSING);
    assert_int_equal(pwf_config_read_file(&c, ".").code, PWF_IO);
    unlink("pipe");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(pwf_config_read_file(&c, "pipe").code, PWF_IO);
    char *name = repeated("n", 1 << 20);
    assert_int_equal(pwf_config_read_file(&c, name).code, PWF_IO);
    free(name);
    FILE *out = fopen("large.yaml", "w");
    assert_non_null(out);
    for (int i = 0; i < 131073; i++)
        fputc('\n', out);
    fclose(out);
    assert_says(pwf_config_read_file(&c, "large.yaml"), "large.yaml: must be at most 128 KiB long");
    out = fopen("good.yaml", "w");
    assert_non_null(out);
    fputs("train:\n  seed: 5\n", out);
    fclose(out);
    assert_ok(pwf_config_read_file(&c, "good.yaml"));
    assert_int_equal(c.train.seed, 5);
    if (geteuid() != 0) {
        chmod("good.yaml", 0);
        assert_int_equal(pwf_config_read_file(&c, "good.yaml").code, PWF_DENIED);
        chmod("good.yaml", 0600);
    }
}

/* SplitMix64; the tests must be the same everywhere. */
static uint64_t random_below(uint64_t *at, uint64_t limit)
{
    uint64_t z = (*at += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % limit;
}

/* Changes one to four places of a text: a byte, an inserted token, a piece cut or doubled. */
static size_t mutate(char *text, size_t length, size_t room, uint64_t *at)
{
    static const char *const tokens[] = {":",  "\n", "- ", "[",  "]",  "{",   "}",   "&a ", "*a ",
                                         "!t", "'",  "\"", "#",  "|",  ">",   "%",   "\t",  "? ",
                                         "<<", "..", "-",  "e9", "2^", "\\x", "---", "@",   "`"};
    for (uint64_t n = 1 + random_below(at, 4); n > 0; n--) {
        size_t where = (size_t)random_below(at, length);
        const char *token = tokens[random_below(at, sizeof tokens / sizeof tokens[0])];
        size_t span = (size_t)random_below(at, 40), left = length - where;
        switch (random_below(at, 4)) {
        case 0:
            text[where] = (char)random_below(at, 256);
            break;
        case 1:
            text[where] = token[0];
            break;
        case 2:
            if (span >= left) span = left - 1;
            memmove(text + where, text + where + span, left - span);
            length -= span;
            break;
        default:
            if (length + strlen(token) > room) break;
            memmove(text + where + strlen(token), text + where, left);
            memcpy(text + where, token, strlen(token));
            length += strlen(token);
        }
    }
    return length;
}

static void test_mutations(void **state)
{
    (void)state;
    static pwf_config c, back;
    enum { RUNS = 4000, ROOM = 1 << 16 };
    char *good, *text = malloc(ROOM);
    assert_non_null(text);
    pwf_config_defaults(&c);
    assert_ok(pwf_config_set(&c, "fixing.exclude=fc.*,conv1.weight"));
    assert_ok(pwf_config_write(&c, &good));
    uint64_t at = 2026;
    int read = 0;
    for (int run = 0; run < RUNS; run++) {
        memcpy(text, good, strlen(good));
        size_t length = mutate(text, strlen(good), ROOM, &at);
        char *tight = malloc(length); /* so that a sanitizer sees one byte too far */
        assert_non_null(tight);
        memcpy(tight, text, length);
        pwf_config_defaults(&c);
        pwf_status status = pwf_config_read_text(&c, tight, length, "m.yaml", PWF_FROM_YAML);
        free(tight);
        if (status.code == PWF_OK) {
            char *again;
            read++;
            assert_ok(pwf_config_write(&c, &again));
            pwf_config_defaults(&back);
            assert_ok(pwf_config_read_text(&back, again, strlen(again), "w", PWF_FROM_YAML));
            assert_ok(pwf_config_same(&c, &back));
            pwf_status one = pwf_config_check(&c);
            assert_true(one.code == PWF_OK || one.code == PWF_CONFIG);
            free(again);
            continue;
        }
        assert_int_equal(status.code, PWF_CONFIG);
        assert_non_null(strstr(status.text, "m.yaml:"));
        size_t said = strlen(status.text);
        assert_true(said > 20 && pwf_utf8_check(status.text, said, false) == said);
    }
    print_message("%d of %d mutations were still good\n", read, RUNS);
    assert_true(read > RUNS / 100 && read < RUNS * 9 / 10);
    free(text);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_sentences), cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_bombs),          cmocka_unit_test(test_option_sentences),
        cmocka_unit_test(test_environment),    cmocka_unit_test(test_check),
        cmocka_unit_test(test_preset_decides), cmocka_unit_test(test_kept_precision),
        cmocka_unit_test(test_differences),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
