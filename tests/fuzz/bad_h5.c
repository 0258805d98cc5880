/* SPDX-License-Identifier: BSD-3-Clause */
/* bad_h5 make OUT round|ckpt KIND: writes an HDF5 file with an object that pwf must refuse, in
 * place of a dataset or next to it; a checkpoint gets correct hashes.
 *
 * bad_h5 read FILE OUT: reads a file as fix-round does within 64 MiB of memory, and writes mu to
 * OUT; the exit code is that of the status.
 *
 * bad_h5 kinds: prints the kinds. */
#include "checkpoint.h"
#include "fuzz.h"
#include "pwf/arrays/round_file.h"
#include "pwf/core/file.h"

#include <hdf5.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct place {
    hid_t file;
    const char *name; /* of the removed dataset */
    hid_t type;       /* its type */
    hsize_t count;
} place;

static const hsize_t enormous = (hsize_t)1 << 62;

static hid_t space_of(hsize_t count)
{
    return H5Screate_simple(1, &count, NULL);
}

static void make_set(const place *p, hid_t type, hsize_t count, hid_t create)
{
    const hid_t space = space_of(count);
    const hid_t set = H5Dcreate2(p->file, p->name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    PWF_ASSERT(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static hid_t creation(void)
{
    return H5Pcreate(H5P_DATASET_CREATE);
}

static void soft(const place *p)
{
    H5Lcreate_soft("/elsewhere", p->file, p->name, H5P_DEFAULT, H5P_DEFAULT);
}

static void loop(const place *p)
{
    H5Lcreate_soft(p->name, p->file, p->name, H5P_DEFAULT, H5P_DEFAULT);
}

static void external_link(const place *p)
{
    H5Lcreate_external("/etc/passwd", "/x", p->file, p->name, H5P_DEFAULT, H5P_DEFAULT);
}

static void group_loop(const place *p)
{
    const hid_t group = H5Gcreate2(p->file, p->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(p->file, "/", group, "again", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
}

static void virtual_set(const place *p)
{
    const hid_t create = creation(), space = space_of(p->count);
    H5Pset_virtual(create, space, "/etc/passwd", "x", space);
    make_set(p, p->type, p->count, create);
    H5Sclose(space);
    H5Pclose(create);
}

static void external_storage(const place *p)
{
    const hid_t create = creation();
    H5Pset_external(create, "/etc/passwd", 0, p->count * H5Tget_size(p->type));
    make_set(p, p->type, p->count, create);
    H5Pclose(create);
}

static void enormous_set(const place *p)
{
    const hid_t create = creation();
    H5Pset_chunk(create, 1, &p->count);
    make_set(p, p->type, enormous, create);
    H5Pclose(create);
}

static void large_chunk(const place *p)
{
    const hid_t create = creation();
    const hsize_t chunk = (hsize_t)1 << 28;
    H5Pset_chunk(create, 1, &chunk);
    make_set(p, p->type, chunk, create);
    H5Pclose(create);
}

static void filter(const place *p)
{
    const hid_t create = creation();
    H5Pset_chunk(create, 1, &p->count);
    H5Pset_nbit(create);
    make_set(p, p->type, p->count, create);
    H5Pclose(create);
}

static void compound(const place *p)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "a", 0, H5T_IEEE_F32LE);
    make_set(p, type, p->count, H5P_DEFAULT);
    H5Tclose(type);
}

static void text(const place *p)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    make_set(p, type, p->count, H5P_DEFAULT);
    H5Tclose(type);
}

static void stored_type(const place *p)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tcommit2(p->file, p->name, type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
}

static void nothing(const place *p)
{
    (void)p;
}

static void add_groups(const place *p, int count)
{
    char name[32];
    make_set(p, p->type, p->count, H5P_DEFAULT);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "group-%d", i);
        H5Gclose(H5Gcreate2(p->file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
}

static void groups(const place *p)
{
    add_groups(p, 1000);
}

static void many_groups(const place *p)
{
    add_groups(p, 100000);
}

static const struct {
    const char *name;
    void (*make)(const place *p);
} kinds[] = {{"soft_link", soft},
             {"loop_of_links", loop},
             {"external_link", external_link},
             {"loop_of_groups", group_loop},
             {"virtual", virtual_set},
             {"external_storage", external_storage},
             {"enormous", enormous_set},
             {"large_chunk", large_chunk},
             {"filter", filter},
             {"compound", compound},
             {"text", text},
             {"stored_type", stored_type},
             {"missing", nothing},
             {"1000_groups", groups},
             {"100000_groups", many_groups}};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void copy(const char *from, const char *to, uint8_t **bytes, size_t *size)
{
    struct stat info;
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    PWF_ASSERT(in >= 0 && fstat(in, &info) == 0);
    *size = (size_t)info.st_size;
    *bytes = realloc(*bytes, *size);
    PWF_ASSERT(*bytes);
    fuzz_must(pwf_file_pread(in, from, *bytes, *size, 0));
    close(in);
    if (!to) return;
    const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PWF_ASSERT(out >= 0);
    fuzz_must(pwf_file_pwrite(out, to, *bytes, *size, 0));
    close(out);
}

static void make(const char *path, bool own, void (*change)(const place *p))
{
    const char *from = own ? PWF_FUZZ_CORPUS "/checkpoint/ckpt" : PWF_FUZZ_FILES "/round_old";
    uint8_t *bytes = NULL;
    size_t size = 0;
    copy(from, path, &bytes, &size);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (own) H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    const place p = {H5Fopen(path, H5F_ACC_RDWR, access), own ? "/data_hash" : "/mu",
                     own ? H5T_STD_U64LE : H5T_IEEE_F32LE, own ? 2 : 64};
    PWF_ASSERT(p.file >= 0 && H5Ldelete(p.file, p.name, H5P_DEFAULT) >= 0);
    change(&p);
    H5Fclose(p.file);
    H5Pclose(access);
    if (own) {
        copy(path, NULL, &bytes, &size);
        fuzz_correct_checkpoint(path, bytes, size);
    }
    free(bytes);
}

static pwf_status read_all(const char *path, const char *to)
{
    enum { MOST = 1 << 20 };
    static float mu[MOST], sigma[MOST];
    static uint8_t fixed[MOST];
    pwf_round_input *in = NULL;
    PWF_TRY(pwf_round_input_open(path, &in));
    const int64_t total = pwf_round_input_total(in);
    const pwf_range own = {0, total < MOST ? total : MOST};
    const pwf_status s = pwf_round_input_read(in, own, mu, sigma, fixed);
    pwf_round_input_close(in);
    if (s.code != PWF_OK) return s;
    const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PWF_ASSERT(out >= 0);
    fuzz_must(pwf_file_pwrite(out, to, mu, (size_t)own.hi * sizeof *mu, 0));
    close(out);
    return s;
}

static int read_file(const char *path, const char *to)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    const pwf_status s = read_all(path, to);
    getrusage(RUSAGE_SELF, &after);
    printf("%s\n", s.code == PWF_OK ? "read" : s.text);
    PWF_ASSERT(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
    return (int)s.code;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        for (int i = 0; i < KINDS; i++)
            printf("%s\n", kinds[i].name);
    if (argc == 4) return read_file(argv[2], argv[3]);
    for (int i = 0; argc == 5 && i < KINDS; i++)
        if (strcmp(argv[4], kinds[i].name) == 0) {
            make(argv[2], strcmp(argv[3], "ckpt") == 0, kinds[i].make);
            return PWF_OK;
        }
    return argc == 2 ? PWF_OK : PWF_USAGE;
}
