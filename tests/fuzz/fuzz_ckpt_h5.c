/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a checkpoint or model that libhdf5 reads, changed by an attacker, with all checksums
 * and hashes recomputed. Input: one byte that selects the file; then changes, see h5_changes.h. */
#include "checkpoint.h"
#include "fuzz.h"
#include "h5_changes.h"
#include "pwf/ckpt/ckpt.h"
#include "pwf/h5/library.h"

static fuzz_h5 *files[2];

static void start(void)
{
#ifndef PWF_FUZZING /* there run.sh sorts the crashes: a process for each input would be slow */
    pwf_h5_contain();
#endif
    files[0] = fuzz_h5_read(PWF_FUZZ_CORPUS "/checkpoint", "ckpt");
    files[1] = fuzz_h5_read(PWF_FUZZ_CORPUS "/checkpoint", "model");
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static uint8_t bytes[FUZZ_H5_MAX];
    pwf_loaded loaded;
    if (!files[0]) start();
    if (size < 1) return;
    const size_t length = fuzz_h5_change(files[data[0] & 1U], data + 1, size - 1, bytes);
    const char *path = fuzz_file("ckpt.h5", bytes, length);
    fuzz_correct_checkpoint(path, bytes, length);
    if (pwf_ckpt_load(path, &loaded).code != PWF_OK) return;
    fuzz_accept();
    pwf_ckpt_unload(&loaded);
}
