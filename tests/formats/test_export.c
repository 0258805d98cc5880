/* SPDX-License-Identifier: BSD-3-Clause */
/* Exports of a network: .pwf files decode to the same bits, are near the entropy bound, and every
 * damage is noticed; safetensors files have the right tensors and counters; a path that cannot be
 * written leaves no file. */
#include "pwf/core/rng.h"
#include "pwf/decoder/pwf_decode.h"
#include "pwf/formats/export.h"
#include "pwf/formats/weights_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t drawn;

static uint32_t draw(void)
{
    uint32_t words[4];
    pwf_rng_words((pwf_stream){31, PWF_RNG_NOISE, 0, 0}, drawn++, words);
    return words[0];
}

/* A network of three tensors: coded weights, a plain parameter, a buffer. The codebook is not in
 * order, as a run leaves it. */
static pwf_loaded network(int64_t weights, int codes, int free_percent, int64_t plain)
{
    pwf_loaded n = {.count = 3, .buffers = 1, .config = strdup("model: {}\n")};
    n.part = calloc(3, sizeof *n.part);
    n.codebook = (pwf_codebook){7, codes, calloc((size_t)codes + 1, sizeof(int32_t))};
    n.mu = calloc((size_t)(weights + plain), sizeof *n.mu);
    n.buffer = calloc(4, sizeof *n.buffer);
    n.code = calloc((size_t)weights + 1, sizeof *n.code);
    assert_true(n.part && n.codebook.entry && n.mu && n.buffer && n.code);
    snprintf(n.info.facts.model, sizeof n.info.facts.model, "made up");
    for (int k = 0; k < codes; k++)
        n.codebook.entry[k] = (k % 2 == 0 ? 1 : -1) * 3 * (k / 2 + k % 2) - (k > 5);
    uint32_t words[4];
    for (int64_t i = 0; i < weights; i++) {
        if (i % 4 == 0) pwf_rng_words((pwf_stream){7, PWF_RNG_NOISE, 0, 0}, (uint64_t)i / 4, words);
        /* two-sided geometric, as after many rounds: small ones are frequent */
        const double u = ((double)words[i % 4] + 0.5) * 0x1p-32;
        const int code = (int)(-log(u) * codes / 12.0);
        const bool without = codes == 0 || (int)(words[i % 4] % 100) < free_percent;
        n.code[i] = (int16_t)(without ? -1 : code < codes ? code : codes - 1);
        n.mu[i] = without ? (float)u : pwf_codebook_value(&n.codebook, n.code[i]);
    }
    for (int64_t i = 0; i < plain; i++)
        n.mu[weights + i] = (float)draw() * 0x1p-31f;
    for (int i = 0; i < 4; i++)
        n.buffer[i] = (float)i - 0.25f;
    n.part[0] =
        (pwf_loaded_part){"blocks.0.weight", 2, {weights, 1}, weights, false, n.mu, n.code, NULL};
    n.part[1] =
        (pwf_loaded_part){"norm.bias", 1, {plain}, plain, false, n.mu + weights, NULL, NULL};
    n.part[2] = (pwf_loaded_part){"bn.running_var", 1, {4}, 4, true, n.buffer, NULL, NULL};
    return n;
}

/* Not pwf_ckpt_unload, which frees accounted memory. */
static void network_free(pwf_loaded *n)
{
    free(n->config);
    free(n->part);
    free(n->codebook.entry);
    free(n->mu);
    free(n->buffer);
    free(n->code);
}

static unsigned char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static void expect_packed(const pwf_loaded *n, const pwf_export_sizes *sizes)
{
    size_t size = 0;
    unsigned char *bytes = slurp("made.pwf", &size);
    pwf_packed p;
    const char *wrong = pwf_packed_open(&p, bytes, size);
    if (wrong) fail_msg("%s", wrong);
    assert_int_equal(size, sizes->file);
    assert_int_equal(p.tensors, n->count);
    float *values = malloc(p.elements * sizeof *values);
    int16_t *code = malloc(p.elements * sizeof *code);
    wrong = pwf_packed_values(&p, values, code);
    if (wrong) fail_msg("%s", wrong);
    for (int t = 0; t < n->count; t++) {
        const pwf_loaded_part *part = &n->part[t];
        assert_string_equal(p.tensor[t].name, part->name);
        assert_int_equal(p.tensor[t].dims, part->dims);
        assert_int_equal(p.tensor[t].count, part->count);
        assert_memory_equal(values + p.tensor[t].first, part->values,
                            (size_t)part->count * sizeof *values);
    }
    for (int64_t i = 0; i < n->part[0].count; i++) {
        const int place = n->code[i];
        assert_true(place < 0 ? code[i] < 0 : p.entry[code[i]] == n->codebook.entry[place]);
    }
    pwf_packed_close(&p);
    free(values);
    free(code);
    free(bytes);
}

static pwf_export_sizes pack(const pwf_loaded *n)
{
    pwf_export_sizes sizes;
    const pwf_status s = pwf_export_packed(n, "made.pwf", &sizes);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    expect_packed(n, &sizes);
    return sizes;
}

static void test_packed(void **state)
{
    (void)state;
    static const struct {
        int64_t weights;
        int codes, free_percent;
        int64_t plain;
    } cases[] = {{1000, 20, 0, 10}, {1000, 20, 30, 10}, {1, 1, 0, 1},
                 {50000, 1, 0, 3},  {777, 1, 50, 3},    {1000, 0, 0, 10},
                 {1000, 5, 100, 1}, {2, 32767, 0, 1},   {200000, 32767, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pwf_loaded n =
            network(cases[i].weights, cases[i].codes, cases[i].free_percent, cases[i].plain);
        const pwf_export_sizes z = pack(&n);
        assert_true((double)z.stream <= z.bound * 1.01 + 16);
        assert_int_equal(z.file, z.stream + z.tables + z.rest + z.other);
        network_free(&n);
    }
}

/* A weight that has moved off its code, or is -0, keeps its own value. */
static void test_moved_weights(void **state)
{
    (void)state;
    pwf_loaded n = network(1000, 20, 0, 10);
    int64_t zeros = 0;
    for (int64_t i = 0; i < 1000; i++)
        if (n.codebook.entry[n.code[i]] == 0 && zeros++ == 0) n.mu[i] = -0.0f, n.code[i] = -1;
    assert_true(zeros > 0);
    for (int64_t i = 0; i < 1000; i += 100)
        n.mu[i] += 0.001f, n.code[i] = -1;
    const pwf_export_sizes z = pack(&n);
    assert_int_equal(z.rest, (10 + 1 + 10 + 4) * 4);
    network_free(&n);
}

/* Bytes that Huffman's code would take: each merge of the two rarest adds a bit to all below. */
static double huffman_bytes(const pwf_loaded *n)
{
    int64_t *count = calloc((size_t)n->codebook.count, sizeof *count);
    int left = 0;
    for (int64_t i = 0; i < n->part[0].count; i++)
        count[n->code[i]]++;
    for (int k = 0; k < n->codebook.count; k++)
        if (count[k] > 0) count[left++] = count[k];
    double bits = 0.0;
    for (; left > 1; left--) {
        for (int least = 0; least < 2; least++) /* move the two rarest to the end */
            for (int k = 0; k < left - 1 - least; k++)
                if (count[k] < count[left - 1 - least]) {
                    const int64_t swap = count[k];
                    count[k] = count[left - 1 - least];
                    count[left - 1 - least] = swap;
                }
        count[left - 2] += count[left - 1];
        bits += (double)count[left - 2];
    }
    free(count);
    return bits / 8;
}

/* The size of DeiT-Tiny, with the number of codes of a finished run. */
static void test_near_the_bound(void **state)
{
    (void)state;
    pwf_loaded n = network(5669800, 330, 0, 47616);
    const pwf_export_sizes z = pack(&n);
    printf("%lld bytes of indices and %lld of tables for %lld weights, bound %.0f: %+.4f %%; the "
           "file %lld; Huffman's code %.0f\n",
           (long long)z.stream, (long long)z.tables, (long long)z.coded, z.bound,
           100 * ((double)(z.stream + z.tables) / z.bound - 1), (long long)z.file,
           huffman_bytes(&n));
    assert_true((double)(z.stream + z.tables) < 1.01 * z.bound);
    assert_true((double)z.stream < huffman_bytes(&n));
    network_free(&n);
}

static void test_safetensors(void **state)
{
    (void)state;
    pwf_loaded n = network(3000, 20, 10, 7);
    int64_t bytes = 0, rounded = 0, step = 0;
    pwf_weights_file *file = NULL;
    n.info.facts.position.step = 54321;
    assert_int_equal(pwf_export_safetensors(&n, "made.safetensors", &bytes).code, PWF_OK);
    assert_int_equal(pwf_weights_open("made.safetensors", &file).code, PWF_OK);
    /* the counter of the one BatchNorm, a number at the start of the values */
    assert_int_equal(file->count, n.count + 1);
    const pwf_named_tensor *counter = &file->tensor[0];
    assert_string_equal(counter->name, "bn.num_batches_tracked");
    assert_int_equal(counter->dtype, PWF_DTYPE_I64);
    assert_int_equal(counter->dims, 0);
    size_t size = 0;
    unsigned char *all = slurp("made.safetensors", &size);
    uint64_t header = 0;
    memcpy(&header, all, sizeof header);
    memcpy(&step, all + sizeof header + header, sizeof step);
    assert_int_equal(step, 54321);
    assert_int_equal((int64_t)size, bytes);
    free(all);
    for (int t = 0; t < n.count; t++) {
        float values[3000];
        const int place = t + 1;
        const pwf_named_tensor *found = &file->tensor[place];
        assert_string_equal(found->name, n.part[t].name);
        assert_int_equal(found->dims, n.part[t].dims);
        assert_int_equal(pwf_weights_read(file, place, values, &rounded).code, PWF_OK);
        assert_memory_equal(values, n.part[t].values, (size_t)found->count * sizeof *values);
    }
    pwf_weights_close(file);
    network_free(&n);
}

static void test_unwritable(void **state)
{
    (void)state;
    pwf_loaded n = network(10, 3, 0, 1);
    pwf_export_sizes z;
    int64_t bytes = 0;
    assert_int_equal(pwf_export_packed(&n, "nowhere/x.pwf", &z).code, PWF_CANTCREATE);
    assert_int_equal(pwf_export_safetensors(&n, ".", &bytes).code, PWF_CANTCREATE);
    network_free(&n);
}

/* ---- damage ---- */

/* Recomputes the hashes, so that the checks after them are reached. */
static void seal(unsigned char *bytes, size_t size)
{
    const pwf_hash body = pwf_hash_bytes(bytes + 128, size - 128);
    memcpy(bytes + 96, &body, sizeof body);
    const pwf_hash own = pwf_hash_bytes(bytes, 112);
    memcpy(bytes + 112, &own, sizeof own);
}

static bool decodes(const unsigned char *bytes, size_t size)
{
    pwf_packed p;
    const char *wrong = pwf_packed_open(&p, bytes, size);
    if (!wrong && p.elements > 1 << 20) wrong = "the caller has not so much memory";
    float *values = wrong ? NULL : malloc(p.elements * sizeof *values + 1);
    if (!wrong) wrong = pwf_packed_values(&p, values, NULL);
    pwf_packed_close(&p);
    free(values);
    return !wrong;
}

static void test_damage(void **state)
{
    (void)state;
    pwf_loaded n = network(2000, 20, 5, 7);
    pack(&n);
    network_free(&n);
    size_t size = 0, kept = 0;
    unsigned char *good = slurp("made.pwf", &size), *bad = malloc(size);
    for (size_t i = 0; i < size; i++) { /* each byte, and each length */
        memcpy(bad, good, size);
        bad[i] ^= (unsigned char)(1 << i % 8);
        assert_false(decodes(bad, size));
        unsigned char *cut = malloc(i + 1);
        memcpy(cut, good, i);
        assert_false(decodes(cut, i));
        free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        memcpy(bad, good, size);
        for (uint32_t k = 0; k <= draw() % 3; k++) {
            /* mostly header and tables */
            const size_t at = draw() % (draw() % 4 == 0 ? size : 700);
            bad[at] = draw() % 4 == 0 ? 0xff : (unsigned char)draw();
        }
        seal(bad, size);
        kept += decodes(bad, size);
    }
    assert_true(kept > 0 && kept < 15000); /* names and metadata may change, values not */
    free(good);
    free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),         cmocka_unit_test(test_moved_weights),
        cmocka_unit_test(test_near_the_bound), cmocka_unit_test(test_safetensors),
        cmocka_unit_test(test_unwritable),     cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
