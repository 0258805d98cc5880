/* SPDX-License-Identifier: BSD-3-Clause */
/* Weight files of safetensors and of torch.save since PyTorch 1.6: golden files, rules of the
 * formats, conversion of numbers, damage, and code in a pickle, which must not run. Also the
 * import into a registry: fresh heads and the list of problems. */
#include "foreign.h"

#include "pwf/core/rng.h"
#include "pwf/formats/import.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_golden(void **state)
{
    (void)state;
    static const char *const types[] = {"f32", "f16", "bf16", "f64"};
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.safetensors", types[i]);
        expect_golden(name, "safetensors", "", "");
        snprintf(name, sizeof name, "%s.pth", types[i]);
        expect_golden(name, "PyTorch", "", "");
    }
    expect_golden("model.pth", "PyTorch", "model", "");
    expect_golden("ema.pth", "PyTorch", "model_ema", "module.");
    expect_golden("channels_last.pth", "PyTorch", "", "");
    expect_golden("shared.pth", "PyTorch", "", "");
    expect_golden("parameters.pth", "PyTorch", "", "");
    expect_golden("old.pth", "PyTorch", "", "");
    expect_golden("old_model.pth", "PyTorch", "state_dict", "module.");
    expect_golden("python2.pth", "PyTorch", "", "");
}

/* Functions named in a pickle are not called; the weights in the same file are read. */
static void test_nothing_is_executed(void **state)
{
    (void)state;
    remove("executed");
    expect_golden("malicious.pth", "PyTorch", "model", "");
    FILE *f = fopen("executed", "rb");
    assert_null(f);
}

static void test_whole_module_is_refused(void **state)
{
    (void)state;
    expect_module_refused("module.pth");
}

/* ---- safetensors, by hand ---- */

static pwf_status open_header(const char *header, uint64_t length, size_t values)
{
    enum { ROOM = 1 << 16 };
    static unsigned char bytes[ROOM];
    pwf_weights_file *file = NULL;
    const size_t n = strlen(header);
    assert_true(8 + n + values <= ROOM);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + 8, header, n);
    write_file("made.safetensors", bytes, 8 + n + values);
    const pwf_status s = pwf_weights_open("made.safetensors", &file);
    pwf_weights_close(file);
    return s;
}

#define T(type, shape, lo, hi)                                                                     \
    "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" lo "," hi "]}"

static const struct {
    const char *header, *says; /* NULL: valid */
    size_t values;
} headers[] = {
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", NULL, 8},
    {"{\"b\":" T("F32", "[2]", "8", "16") ",\"a\":" T("F32", "[2]", "0", "8") "}   ", NULL, 16},
    {"{\"a\":" T("F32", "[0,9]", "0", "0") ",\"b\":" T("F16", "[]", "0", "2") "}", NULL, 2},
    {"{\"__metadata__\":{\"x\":\"y\"},\"a\":" T("I64", "[1]", "0", "8") "}", NULL, 8},
    {" {\"a\":" T("F32", "[2]", "0", "8") "}", "begin with {", 8},
    {"{}", "no tensors", 0},
    {"{\"a\":" T("F32", "[2]", "0", "8"), "cannot read the header", 8},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", "overlap", 9},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", "outside", 7},
    {"{\"a\":" T("F32", "[2]", "1", "9") "}", "overlap", 9},
    {"{\"a\":" T("F32", "[3]", "0", "8") "}", "shape", 8},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "4", "12") "}", "overlap", 12},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "12", "20") "}", "overlap", 20},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"a\":" T("F32", "[2]", "8", "16") "}",
     "cannot read the header", 16},
    {"{\"a\":" T("F99", "[2]", "0", "8") "}", "unknown type", 8},
    {"{\"a\":" T("F32", "[-2]", "0", "8") "}", "negative", 8},
    {"{\"a\":" T("F32", "[4294967296,4294967296,4]", "0", "8") "}", "too large", 8},
    {"{\"a\":" T("F32", "[2305843009213693952,2]", "0", "0") "}", "match", 0},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", "lacks", 8},
    {"{\"a\":" T("F32", "[2.0]", "0", "8") "}", "lacks", 8},
    {"{\"a\":" T("F32", "[2]", "0", "-8") "}", "outside", 8},
    {"{\"a\":" T("F32", "[2]", "8", "0") "}", "outside", 8},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", "lacks", 8},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "lacks", 8},
    {"{\"a\":7}", "lacks", 8},
    {"{\"\":" T("F32", "[2]", "0", "8") "}", "name", 8},
    {"{\"a\\u0007\":" T("F32", "[2]", "0", "8") "}", "name", 8},
    {"{\"a\\u0000b\":" T("F32", "[2]", "0", "8") "}", "cannot read the header", 8},
    {"{\"__metadata__\":{\"x\":[[[0]]]},\"a\":" T("F32", "[2]", "0", "8") "}", "nested", 8},
};

static void test_safetensors_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const pwf_status s =
            open_header(headers[i].header, strlen(headers[i].header), headers[i].values);
        const bool right = headers[i].says ? s.code == PWF_DATA && strstr(s.text, headers[i].says)
                                           : s.code == PWF_OK;
        if (!right) fail_msg("%s: %s", headers[i].header, s.text);
    }
    const char *good = headers[0].header;
    const uint64_t n = strlen(good), lengths[] = {0, 1, n - 1, n + 9, 17 << 20, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        assert_int_equal(open_header(good, lengths[i], 8).code, PWF_DATA);
    char deep[20000];
    memset(deep, '[', sizeof deep);
    deep[0] = '{';
    deep[sizeof deep - 1] = '\0';
    assert_non_null(strstr(open_header(deep, strlen(deep), 8).text, "nested"));
    char name[400];
    snprintf(name, sizeof name, "{\"%0300d\":" T("F32", "[2]", "0", "8") "}", 1);
    assert_non_null(strstr(open_header(name, strlen(name), 8).text, "name"));
}

static void test_numbers(void **state)
{
    (void)state;
    static const uint16_t half[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400,
                                    0x3c00, 0x7bff, 0x7c00, 0xfc00, 0x3555};
    static const float want[] = {0.0f, -0.0f,    0x1p-24f, -0x3ffp-24f, 0x1p-14f,
                                 1.0f, 65504.0f, INFINITY, -INFINITY,   0x1.554p-2f};
    const double wide[] = {1.0, 0.1, 1e300, 0x1p-149, -0.25};
    unsigned char bytes[8 + 200 + sizeof half + sizeof wide];
    const char *header =
        "{\"h\":" T("F16", "[10]", "0", "20") ",\"d\":" T("F64", "[5]", "20", "60") "}";
    const uint64_t n = strlen(header);
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, half, sizeof half);
    memcpy(bytes + 8 + n + sizeof half, wide, sizeof wide);
    write_file("made.safetensors", bytes, 8 + n + sizeof half + sizeof wide);
    pwf_weights_file *file = NULL;
    assert_int_equal(pwf_weights_open("made.safetensors", &file).code, PWF_OK);
    float out[10];
    int64_t rounded = 0;
    assert_int_equal(pwf_weights_read(file, 0, out, &rounded).code, PWF_OK);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(rounded, 0);
    assert_int_equal(pwf_weights_read(file, 1, out, &rounded).code, PWF_OK);
    assert_int_equal(rounded, 2);
    assert_true(out[1] == 0.1f && isinf(out[2]) && out[3] == 0x1p-149f);
    pwf_weights_close(file);
}

/* ---- damage ---- */

static void test_damage(void **state)
{
    (void)state;
    damage("f32.safetensors", 3000);
    damage("ema.pth", 3000);
    damage("channels_last.pth", 3000);
    damage("old.pth", 2000);
    damage("python2.pth", 1000);
}

static void refuse_members(const unsigned char *bytes, size_t count, const char *why)
{
    pwf_weights_file *file = NULL;
    write_file("members", bytes, count);
    const pwf_status s = pwf_weights_open("members", &file);
    assert_int_equal(s.code, PWF_DATA);
    if (!strstr(s.text, why)) fail_msg("%s: not %s", s.text, why);
    assert_null(file);
}

/* Members that share bytes or a name are refused: reading or finding them all would take quadratic
 * time. */
static void test_overlapping_members(void **state)
{
    (void)state;
    unsigned char good[8192], bad[8192];
    FILE *f = fopen(golden("f32.pth"), "rb");
    assert_non_null(f);
    const size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    memcpy(bad, good, n);
    int twins = 0;
    for (size_t i = 0; i + 10 < n; i++)
        if (memcmp(bad + i, "f32/data/1", 10) == 0) bad[i + 9] = '0', twins++;
    assert_int_equal(twins, 2); /* in the local header and in the directory */
    refuse_members(bad, n, "same name");
    memcpy(bad, good, n);
    size_t entry = 0; /* the first of the directory: 100 bytes more of the pickle */
    while (memcmp(bad + entry, "PK\001\002", 4) != 0)
        entry++;
    const uint32_t more = bad[entry + 24] + 256U * bad[entry + 25] + 100;
    for (size_t at = entry + 20; at < entry + 28; at += 4) {
        bad[at] = (unsigned char)more;
        bad[at + 1] = (unsigned char)(more >> 8);
    }
    refuse_members(bad, n, "overlap");
}

/* Damages the pickle and corrects its checksum, so that the damage reaches the pickle reader. */
static void test_damaged_pickle(void **state)
{
    (void)state;
    unsigned char good[8192], bad[8192];
    FILE *f = fopen(golden("ema.pth"), "rb");
    assert_non_null(f);
    const size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    size_t entry = 0; /* of data.pkl in the directory: the first one */
    while (memcmp(good + entry, "PK\001\002", 4) != 0)
        entry++;
    uint32_t bytes = 0;
    memcpy(&bytes, good + entry + 24, 4);
    size_t start = 0; /* of the pickle: protocol 2, then what follows */
    while (memcmp(good + start, "\200\002", 2) != 0)
        start++;
    int opened = 0;
    for (int i = 0; i < 6000; i++) {
        memcpy(bad, good, n);
        for (uint32_t k = 0; k <= draw() % 3; k++)
            bad[start + draw() % bytes] = (unsigned char)draw();
        uint32_t crc = UINT32_MAX;
        for (uint32_t b = 0; b < bytes; b++) {
            crc ^= bad[start + b];
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
        crc = ~crc;
        memcpy(bad + entry + 16, &crc, 4);
        write_file("damaged", bad, n);
        use("damaged");
        pwf_weights_file *file = NULL;
        opened += pwf_weights_open("damaged", &file).code == PWF_OK;
        pwf_weights_close(file);
    }
    assert_true(opened > 100 && opened < 5900); /* the pickle reader refuses some, accepts some */
}

/* ---- import ---- */

static pwf_state *network(int64_t classes, const char *conv)
{
    pwf_registry *r = NULL;
    const pwf_param *p = NULL;
    const pwf_buffer *b = NULL;
    pwf_state *s = NULL;
    assert_int_equal(pwf_registry_new(&r).code, PWF_OK);
    for (int t = 0; t < TENSORS; t++) {
        const char *name = strncmp(tensors[t].name, "layer", 5) == 0 ? conv : tensors[t].name;
        int64_t shape[4];
        memcpy(shape, tensors[t].shape, sizeof shape);
        if (strncmp(name, "fc", 2) == 0) shape[0] = classes;
        if (t == COUNTER) continue;
        const pwf_status added = strstr(name, "running")
                                     ? pwf_registry_add_buffer(r, name, shape[0], 0, &b)
                                     : pwf_registry_add(r, name, tensors[t].dims, shape,
                                                        PWF_ROLE_WEIGHT, PWF_INIT_NORMAL, 0.1f, &p);
        assert_int_equal(added.code, PWF_OK);
    }
    assert_int_equal(pwf_registry_close(r, NULL, 0).code, PWF_OK);
    const pwf_range all = {0, pwf_registry_total_count(r)};
    assert_int_equal(pwf_state_new(r, all, 1, 7, &s).code, PWF_OK);
    return s;
}

static void network_free(pwf_state *s)
{
    const pwf_registry *r = s->registry;
    pwf_state_free(s);
    pwf_registry_free((pwf_registry *)r);
}

static void gather_lines(void *context, const char *line)
{
    strncat(context, line, 3000 - strlen(context));
    strncat(context, "\n", 3000 - strlen(context));
}

static pwf_import import_into(pwf_state *s, const char *name, int64_t classes, bool given,
                              char *lines, pwf_code code)
{
    pwf_weights_file *file = NULL;
    static const char *const heads[] = {"fc.", NULL};
    static const pwf_foreign_names names = {.heads = heads};
    pwf_import import = {.names = &names,
                         .classes = classes,
                         .classes_given = given,
                         .say = gather_lines,
                         .context = lines};
    lines[0] = '\0';
    assert_int_equal(pwf_weights_open(golden(name), &file).code, PWF_OK);
    const pwf_status done = pwf_import_weights(file, s, &import);
    if (done.code != code) fail_msg("%s\n%s", done.text, lines);
    pwf_weights_close(file);
    return import;
}

static void test_import(void **state)
{
    (void)state;
    static char lines[4000];
    pwf_state *s = network(3, "layer1.0.conv1.weight");
    const pwf_import import = import_into(s, "ema.pth", 3, false, lines, PWF_OK);
    assert_int_equal(import.taken, 8);
    assert_int_equal(import.ignored, 1);
    for (int t = 0; t < TENSORS; t++) {
        const pwf_param *p = pwf_registry_find(s->registry, tensors[t].name);
        for (int64_t i = 0; p && i < p->count; i++)
            assert_true(s->mu[p->offset + i] == value(t, i));
    }
    assert_true(s->buffers[2] == value(4, 0));
    network_free(s);
}

static void test_import_fresh_head(void **state)
{
    (void)state;
    static char lines[4000];
    pwf_state *s = network(7, "layer1.0.conv1.weight"), *same = network(7, "layer1.0.conv1.weight");
    pwf_import import = import_into(s, "f32.pth", 7, false, lines, PWF_DATA);
    assert_int_equal(import.problems, 2);
    assert_non_null(strstr(lines, "--classes 3 takes this head, --classes 7 starts a fresh one"));
    import = import_into(s, "f32.pth", 7, true, lines, PWF_OK);
    assert_int_equal(import.fresh, 2);
    assert_int_equal(import.file_classes, 3);
    const pwf_param *p = pwf_registry_find(s->registry, "fc.weight");
    assert_memory_equal(s->mu + p->offset, same->mu + p->offset, (size_t)p->count * sizeof *s->mu);
    network_free(s);
    network_free(same);
}

static void test_import_lists_problems(void **state)
{
    (void)state;
    static char lines[4000];
    pwf_state *s = network(3, "layer1.0.conv2.weight");
    const pwf_import import = import_into(s, "f32.pth", 3, true, lines, PWF_DATA);
    assert_int_equal(import.problems, 2);
    assert_non_null(strstr(lines, "missing  layer1.0.conv2.weight [2, 2, 3, 3]: perhaps it is the "
                                  "file's layer1.0.conv1.weight"));
    assert_non_null(strstr(lines, "extra    layer1.0.conv1.weight [2, 2, 3, 3]: rename it to "
                                  "layer1.0.conv2.weight?"));
    network_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_nothing_is_executed),
        cmocka_unit_test(test_whole_module_is_refused),
        cmocka_unit_test(test_safetensors_rules),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_overlapping_members),
        cmocka_unit_test(test_damaged_pickle),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_import_fresh_head),
        cmocka_unit_test(test_import_lists_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
