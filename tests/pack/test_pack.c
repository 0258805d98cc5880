/* SPDX-License-Identifier: BSD-3-Clause */
/* Image archives: what they hold is what the folder holds, on any number of ranks; what an earlier
 * attempt left is kept only if it is right; damage is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "data/folder_config.h"
#include "data/pictures.h"
#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "pwf/data/archive.h"
#include "pwf/data/dataset.h"
#include "pwf/pack/pack.h"

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 28, CLASSES = 3, EACH = 20, VAL = 2, VALUES = 3 * SIDE * SIDE };

static pwf_mesh *mesh;
static bool first;
static pwf_pack_volume volume;
static int64_t told;

static void begin(void *context, const pwf_pack_volume *v)
{
    (void)context;
    volume = *v;
}

static void progress(void *context, int64_t images, int64_t bytes, int64_t all)
{
    (void)context;
    assert_true(images >= told && bytes <= all);
    told = images;
}

static pwf_status pack(const char *output, bool train, int64_t side, bool force,
                       pwf_pack_result *result)
{
    const pwf_pack_job job = {.tree = "tree",
                              .output = output,
                              .train = train,
                              .side = side,
                              .force = force,
                              .begin = begin,
                              .progress = progress};
    memset(&volume, 0, sizeof volume);
    told = 0;
    pwf_mesh_barrier(mesh); /* no rank reads what is replaced next */
    const pwf_status s = pwf_pack_images(mesh, &job, result);
    pwf_mesh_barrier(mesh);
    return s;
}

static void pack_well(const char *output, bool train, int64_t side, pwf_pack_result *result)
{
    const pwf_status s = pack(output, train, side, true, result);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void refused(pwf_status s, pwf_code code, const char *what)
{
    if (s.code != code || !strstr(s.text, what))
        fail_msg("code %d, \"%s\" lacks \"%s\"", s.code, s.text, what);
}

/* Runs a command on rank 0 after a barrier. */
static void once(const char *command)
{
    pwf_mesh_barrier(mesh);
    if (first) assert_int_equal(system(command), 0);
    pwf_mesh_barrier(mesh);
}

static int make_tree(void **state)
{
    (void)state;
    once("rm -rf tree *.h5 .*.part");
    if (first) tree_make("tree", CLASSES, EACH, VAL, 5);
    pwf_mesh_barrier(mesh);
    return 0;
}

/* Training and evaluation get the same images from the folder and from the archive. */
static void same_images(pwf_config *folder, pwf_config *archive, pwf_data_split split,
                        bool same_hash)
{
    pwf_dataset *a = NULL, *b = NULL;
    pwf_status s = pwf_dataset_open(pwf_config_dataset(folder), split, &a);
    if (s.code == PWF_OK) s = pwf_dataset_open(pwf_config_dataset(archive), split, &b);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    const pwf_hash x = pwf_dataset_hash(a), y = pwf_dataset_hash(b);
    assert_int_equal(x.lo == y.lo && x.hi == y.hi, same_hash);
    assert_int_equal(pwf_dataset_count(a), pwf_dataset_count(b));
    for (int64_t i = 0; i < pwf_dataset_count(a); i++)
        for (int pass = 0; pass < 2; pass++) {
            static float from[VALUES], to[VALUES];
            int32_t label = -1, other = -2;
            assert_int_equal(pwf_dataset_load(a, 7, pass, i, from, &label).code, PWF_OK);
            s = pwf_dataset_load(b, 7, pass, i, to, &other);
            if (s.code != PWF_OK) fail_msg("%s", s.text);
            assert_int_equal(label, other);
            assert_memory_equal(from, to, sizeof from);
            assert_string_equal(pwf_dataset_name(a, i), pwf_dataset_name(b, i));
        }
    pwf_dataset_free(a);
    pwf_dataset_free(b);
}

static void encoded_files_are_those_of_the_folder(void **state)
{
    (void)state;
    pwf_pack_result result;
    pwf_config folder, archive;
    pack_well("train.h5", true, 0, &result);
    assert_int_equal(result.images, CLASSES * EACH);
    assert_int_equal(result.kept, 0);
    if (first) {
        assert_int_equal(volume.images, CLASSES * EACH);
        assert_int_equal(volume.classes, CLASSES);
        assert_int_equal(told, CLASSES * EACH);
        assert_true(volume.bytes >= result.bytes && volume.bytes < result.bytes + 100000);
    }
    pack_well("val.h5", false, 0, &result);
    folder_config(&folder, "tree", CLASSES, SIDE);
    folder_config(&archive, ".", CLASSES, SIDE);
    archive.data.format = PWF_DATA_hdf5;
    for (int timm = 0; timm < 2; timm++) {
        folder.data.eval_transform = archive.data.eval_transform = (pwf_data_eval_transform)timm;
        same_images(&folder, &archive, PWF_TRAIN, true);
        same_images(&folder, &archive, PWF_TEST, true);
        folder.data.validation = archive.data.validation = 0.25;
    }
    pwf_mesh_barrier(mesh);
}

static void pixels_are_those_after_resizing(void **state)
{
    (void)state;
    pwf_pack_result result;
    pwf_config folder, archive;
    pwf_dataset *d = NULL;
    folder_config(&folder, "tree", CLASSES, SIDE);
    folder_config(&archive, ".", CLASSES, SIDE);
    archive.data.format = PWF_DATA_hdf5;
    pack_well("train.h5", true, folder.data.resize, &result);
    pack_well("val.h5", false, folder.data.resize, &result);
    same_images(&folder, &archive, PWF_TRAIN, true);
    same_images(&folder, &archive, PWF_TEST, true);
    archive.data.eval_transform = PWF_EVAL_TIMM;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TEST, &d), PWF_CONFIG,
            "without --pixels");
    archive.augment.crop = true;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_CONFIG,
            "but augment.crop needs their original shape");
    archive.data.resize = SIDE;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_CONFIG,
            "images of 32 x 32 pixels, but data.resize is 28");
    pwf_mesh_barrier(mesh);
}

static void other_parts_and_classes_are_refused(void **state)
{
    (void)state;
    pwf_pack_result result;
    pwf_config archive;
    pwf_dataset *d = NULL;
    pack_well("train.h5", false, 0, &result);
    folder_config(&archive, ".", CLASSES, SIDE);
    archive.data.format = PWF_DATA_hdf5;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_DATA,
            "holds the validation images");
    pwf_mesh_barrier(mesh);
    pack_well("val.h5", false, 0, &result);
    once(
        "mv tree/train tree/away && mkdir tree/train && mv tree/away/n00000001 tree/train/other && "
        "mv tree/away/n00000000 tree/away/n00000002 tree/train");
    pack_well("train.h5", true, 0, &result);
    once("mv tree/train/other tree/train/n00000001 && rmdir tree/away");
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TEST, &d), PWF_DATA,
            "have different classes");
    archive.model.classes = 4;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_DATA,
            "has 3 classes, but model.classes is 4");
    archive.model.classes = CLASSES;
    archive.model.channels = 1;
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_CONFIG,
            "have 3 channels");
    once("rm train.h5");
    refused(pwf_dataset_open(pwf_config_dataset(&archive), PWF_TRAIN, &d), PWF_MISSING,
            "train.h5 does not exist");
    pwf_mesh_barrier(mesh);
}

/* ---- continuing ------------------------------------------------------------------------------ */

static void put(const char *path, int64_t offset, const void *bytes, size_t count)
{
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwf_file_pwrite(fd, path, bytes, count, (uint64_t)offset).code, PWF_OK);
    close(fd);
}

static void get(const char *path, int64_t offset, void *bytes, size_t count)
{
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwf_file_pread(fd, path, bytes, count, (uint64_t)offset).code, PWF_OK);
    close(fd);
}

/* Turns a finished archive into a partial file: a byte of chunk `bad` is changed, and the record of
 * chunk `missing` is cleared. */
static void unfinish(int bad, int missing, pwf_archive_block *b)
{
    static const pwf_hash none;
    get("train.h5", 0, b, sizeof *b);
    pwf_mesh_barrier(mesh); /* all ranks have read it before it is renamed */
    if (!first) return;
    char byte = 0;
    const int64_t place = (int64_t)b->data + bad * b->chunk.bytes + 30000;
    assert_int_equal(rename("train.h5", ".train.h5.part"), 0);
    get(".train.h5.part", place, &byte, 1);
    byte ^= 4;
    put(".train.h5.part", place, &byte, 1);
    put(".train.h5.part", (int64_t)b->chunk_hashes + 16 * missing, &none, sizeof none);
    b->complete = 0;
    pwf_archive_seal(b);
    put(".train.h5.part", 0, b, sizeof *b);
}

static void valid_chunks_are_kept(void **state)
{
    (void)state;
    pwf_archive_block b;
    pwf_pack_result result;
    pack_well("train.h5", true, 0, &result);
    once("cp train.h5 whole");
    unfinish(1, 3, &b);
    assert_true(b.chunk.count > 4);
    pwf_mesh_barrier(mesh);
    refused(
        pack("train.h5", true, 32, false, &result), PWF_CANTCREATE,
        "is an unfinished archive of encoded files (no --pixels), but this run is to store pixels "
        "(--pixels 32)");
    refused(pack("train.h5", false, 0, false, &result), PWF_CANTCREATE,
            "of --split train, not val");
    once("mv tree/train/n00000000/n00000000_7.JPEG away");
    refused(pack("train.h5", true, 0, false, &result), PWF_CANTCREATE,
            "this one before it changed");
    once("mv away tree/train/n00000000/n00000000_7.JPEG");
    const pwf_status s = pack("train.h5", true, 0, false, &result);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    assert_true(result.kept > 0 && result.kept < result.images);
    if (first) assert_true(volume.done_bytes > 0);
    once("cmp train.h5 whole && test ! -e .train.h5.part");
    refused(pack("train.h5", true, 0, false, &result), PWF_CANTCREATE,
            "exists; --force replaces it");
    /* --force discards a partial file of other settings; one without a layout is always discarded.
     */
    unfinish(1, 3, &b);
    pwf_mesh_barrier(mesh);
    pack_well("train.h5", false, 0, &result);
    assert_int_equal(result.images, CLASSES * VAL);
    once("head -c 3000 whole > .other.h5.part");
    pack_well("other.h5", true, 0, &result);
    assert_int_equal(result.kept, 0);
    once("cmp other.h5 whole && test ! -e .other.h5.part");
}

static void bad_trees_and_outputs(void **state)
{
    (void)state;
    pwf_pack_result result;
    refused(pack("nowhere/out.h5", true, 0, false, &result), PWF_CANTCREATE, "nowhere");
    once("mkdir folder.h5");
    refused(pack("folder.h5", true, 0, true, &result), PWF_CANTCREATE, "is not a regular file");
    once("rmdir folder.h5 && cp tree/train/n00000002/n00000002_5.JPEG kept.jpg && "
         "head -c 900 kept.jpg > tree/train/n00000002/n00000002_5.JPEG");
    refused(pack("bad.h5", true, 32, false, &result), PWF_DATA,
            "tree/train/n00000002/n00000002_5.JPEG");
    /* The partial file remains, but the repaired tree is a different tree. */
    once("test -s .bad.h5.part && cp kept.jpg tree/train/n00000002/n00000002_5.JPEG");
    refused(pack("bad.h5", true, 32, false, &result), PWF_CANTCREATE, "before it changed");
    pack_well("bad.h5", true, 32, &result);
    once("mv tree/val away && mkdir tree/val");
    refused(pack("none.h5", false, 0, false, &result), PWF_DATA, "has no class folders");
    once("rmdir tree/val && mv away tree/val && test ! -e .none.h5.part");
}

/* ---- damage ---------------------------------------------------------------------------------- */

static pwf_status open_and_read(const char *path)
{
    pwf_archive *a = NULL;
    PWF_TRY(pwf_archive_open(".", path, true, &a));
    pwf_status s = pwf_ok();
    for (int64_t i = 0; i < a->block.images && s.code == PWF_OK; i++) {
        pwf_image image;
        s = pwf_archive_read(a, i, &image);
        pwf_image_free(&image);
    }
    pwf_archive_free(a);
    return s;
}

static void damage_is_found(void **state)
{
    (void)state;
    pwf_pack_result result;
    pwf_archive_block b;
    pack_well("train.h5", true, 0, &result);
    get("train.h5", 0, &b, sizeof b);
    if (!first) return;
    assert_int_equal(open_and_read("train.h5").code, PWF_OK);
    int found = 0, flips = 0;
    for (int64_t at = 0; at < (int64_t)b.bytes; at += at < 300 ? 7 : 4099, flips++) {
        char byte = 0;
        get("train.h5", at, &byte, 1);
        byte ^= 0x10;
        put("train.h5", at, &byte, 1);
        const pwf_status s = open_and_read("train.h5");
        found += s.code == PWF_DATA;
        if (at >= (int64_t)b.data && at < (int64_t)(b.data + b.data_bytes))
            refused(s, PWF_DATA, "in train.h5 (image ");
        byte ^= 0x10;
        put("train.h5", at, &byte, 1);
    }
    assert_true(flips > 100);
    assert_int_equal(found, flips);
    assert_int_equal(open_and_read("train.h5").code, PWF_OK);
    assert_int_equal(truncate("train.h5", (off_t)b.bytes - 1), 0);
    refused(open_and_read("train.h5"), PWF_DATA, "bytes instead of");
    assert_int_equal(truncate("train.h5", 100), 0);
    refused(open_and_read("train.h5"), PWF_DATA, "has only 100 bytes");
    bytes_write("text", "x", 1);
    assert_int_equal(truncate("text", 5000), 0);
    refused(open_and_read("text"), PWF_DATA, "is not an image archive");
}

/* A first block with a correct hash but false statements about the rest of the file. */
static void false_statements_are_refused(void **state)
{
    (void)state;
    pwf_pack_result result;
    pwf_archive_block good, b;
    pack_well("train.h5", true, 0, &result);
    get("train.h5", 0, &good, sizeof good);
    if (!first) return;
    for (size_t at = 12; at < 152; at += 4)
        for (int kind = 0; kind < 3; kind++) {
            static const uint32_t values[3] = {0xffffffff, 0x7fffffff, 3};
            b = good;
            memcpy((char *)&b + at, &values[kind], 4);
            if (memcmp(&b, &good, sizeof b) == 0) continue;
            pwf_archive_seal(&b);
            put("train.h5", 0, &b, sizeof b);
            const pwf_status s = open_and_read("train.h5");
            if (s.code != PWF_DATA)
                fail_msg("field at %zu, %x: code %d, %s", at, values[kind], s.code, s.text);
        }
    b = good;
    b.complete = 0;
    pwf_archive_seal(&b);
    put("train.h5", 0, &b, sizeof b);
    refused(open_and_read("train.h5"), PWF_DATA, "is unfinished");
    put("train.h5", 0, &good, sizeof good);
    assert_int_equal(open_and_read("train.h5").code, PWF_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(encoded_files_are_those_of_the_folder, make_tree),
        cmocka_unit_test_setup(pixels_are_those_after_resizing, make_tree),
        cmocka_unit_test_setup(other_parts_and_classes_are_refused, make_tree),
        cmocka_unit_test_setup(valid_chunks_are_kept, make_tree),
        cmocka_unit_test_setup(bad_trees_and_outputs, make_tree),
        cmocka_unit_test_setup(damage_is_found, make_tree),
        cmocka_unit_test_setup(false_statements_are_refused, make_tree),
    };
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || pwf_mesh_new(1, &mesh).code != PWF_OK)
        return 1;
    first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return failed || pwf_mem_live() != 0;
}
