/* SPDX-License-Identifier: BSD-3-Clause */
/* The output file of pwf fix-round. Called on all ranks: rank 0 lays the file out and writes what
 * only it has, then every rank fills its part of the three arrays through parallel HDF5. The ranks
 * agree on a status between the steps. */
#define _GNU_SOURCE /* getrandom */
#include "pwf/arrays/round_file.h"
#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "pwf/h5/h5.h"
#include "pwf/mesh/mesh_mpi.h"
#include "pwf/rundir/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARRAYS = 3, PIECE = 1 << 16 /* elements read back at a time */ };

typedef struct writing {
    const pwf_mesh *mesh;
    const pwf_round_output *out;
    char path[PWF_PATH];
    pwf_output output; /* on rank 0 */
    char partial[PWF_PATH];
    bool first;
    hid_t parallel; /* -1: not open */
} writing;

typedef struct array {
    const char *name;
    hid_t type;
    size_t size;
    const void *data;
} array;

/* The arrays that all ranks fill. */
static void list_arrays(const pwf_round_output *out, array list[ARRAYS])
{
    list[0] = (array){"mu_out", H5T_IEEE_F32LE, sizeof *out->mu, out->mu};
    list[1] = (array){"sigma_out", H5T_IEEE_F32LE, sizeof *out->sigma, out->sigma};
    list[2] = (array){"fixed", H5T_STD_U8LE, sizeof *out->fixed, out->fixed};
}

/* ---- create ---- */

/* Rank 0 creates the partial file. */
static pwf_status create(writing *w)
{
    if (!w->first) return pwf_ok();
    PWF_TRY(pwf_output_begin(&w->output, w->path));
    memcpy(w->partial, w->output.partial, sizeof w->partial);
    return pwf_ok();
}

/* ---- lay_out: arrays, greedy steps, attributes ---- */

/* The compound type of a row of `steps`, in the file or in memory. */
static hid_t row_type(bool packed)
{
    /* without padding in the file, as NumPy stores such a type */
    const hid_t t = H5Tcreate(H5T_COMPOUND, packed ? 28 : sizeof(pwf_round_row));
    H5Tinsert(t, "order", packed ? 0 : offsetof(pwf_round_row, order), H5T_STD_I32LE);
    H5Tinsert(t, "delta", packed ? 4 : offsetof(pwf_round_row, delta), H5T_IEEE_F64LE);
    H5Tinsert(t, "centre", packed ? 12 : offsetof(pwf_round_row, centre), H5T_IEEE_F64LE);
    H5Tinsert(t, "count", packed ? 20 : offsetof(pwf_round_row, count), H5T_STD_I64LE);
    return t;
}

/* Creates the arrays, still empty. */
static herr_t make_arrays(hid_t file, const pwf_round_output *out)
{
    array list[ARRAYS];
    const hsize_t total = (hsize_t)out->total;
    const hid_t space = H5Screate_simple(1, &total, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    herr_t e = space < 0 || plist < 0 ? -1 : 0;
    /* allocated now, so that the parallel writes touch no metadata */
    if (e >= 0) e = H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY);
    if (e >= 0) e = H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    if (e >= 0) e = H5Pset_obj_track_times(plist, false); /* equal inputs give equal files */
    list_arrays(out, list);
    for (int i = 0; i < ARRAYS && e >= 0; i++) {
        const hid_t set =
            H5Dcreate2(file, list[i].name, list[i].type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        e = set < 0 ? -1 : H5Dclose(set);
    }
    H5Pclose(plist);
    H5Sclose(space);
    return e;
}

/* Writes the greedy steps. */
static herr_t write_rows(hid_t file, const pwf_round_output *out)
{
    const hid_t packed = row_type(true), memory = row_type(false);
    const herr_t e = pwf_h5_put_array(file, "steps", packed, memory, 1, &out->row_count, out->rows);
    H5Tclose(packed);
    H5Tclose(memory);
    return e;
}

/* Writes one parameter of the round. */
static herr_t write_attribute(hid_t file, const pwf_round_attribute *a)
{
    if (a->text) return pwf_h5_put_text(file, a->name, a->text);
    const hid_t type = a->integer ? H5T_STD_I64LE : H5T_IEEE_F64LE;
    const int64_t whole = a->integer ? (int64_t)a->value : 0;
    return pwf_h5_put_attribute(file, a->name, type,
                                a->integer ? (const void *)&whole : (const void *)&a->value);
}

/* Rank 0 creates the file with everything that only it has. */
static pwf_status lay_out(writing *w)
{
    if (!w->first) return pwf_ok();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), plist = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_obj_track_times(plist, false);
    const hid_t file = H5Fcreate(w->partial, H5F_ACC_TRUNC, plist, access);
    H5Pclose(plist);
    H5Pclose(access);
    /* the partial file exists already; libhdf5 truncates it */
    if (file < 0) return pwf_h5_failed(PWF_CANTCREATE, "cannot create", w->partial);
    herr_t e = make_arrays(file, w->out);
    if (e >= 0) e = write_rows(file, w->out);
    for (int i = 0; i < w->out->attribute_count && e >= 0; i++)
        e = write_attribute(file, &w->out->attributes[i]);
    pwf_status s = pwf_ok();
    if (e < 0) s = pwf_h5_failed(PWF_IO, "cannot write", w->partial);
    if (H5Fclose(file) < 0 && s.code == PWF_OK)
        s = pwf_h5_failed(PWF_IO, "cannot close", w->partial);
    return s;
}

/* ---- open_all, write_all, close_all: the arrays ---- */

static pwf_status open_all(writing *w)
{
    pwf_mesh_broadcast(w->mesh, PWF_WORLD, 0, w->partial, sizeof w->partial);
    return pwf_h5_open_parallel(pwf_mesh_comm(w->mesh, PWF_WORLD), w->partial, &w->parallel);
}

/* Every rank opens and closes every dataset, which is collective; the transfer is independent. */
static pwf_status write_all(writing *w)
{
    array list[ARRAYS];
    const int64_t own = pwf_range_length(w->out->own);
    pwf_status s = pwf_ok();
    list_arrays(w->out, list);
    for (int i = 0; i < ARRAYS; i++) {
        const hid_t set = H5Dopen2(w->parallel, list[i].name, H5P_DEFAULT);
        herr_t e = set < 0 ? -1 : 0;
        if (e >= 0 && own > 0)
            e = pwf_h5_transfer(set, list[i].type, 1, w->out->own.lo, &own, NULL, list[i].data);
        if (e < 0 && s.code == PWF_OK)
            s = pwf_h5_failed(PWF_IO, "cannot write the arrays of", w->partial);
        if (set >= 0 && H5Dclose(set) < 0 && s.code == PWF_OK)
            s = pwf_h5_failed(PWF_IO, "cannot write the arrays of", w->partial);
    }
    return s;
}

static pwf_status close_all(writing *w)
{
    const hid_t file = w->parallel;
    w->parallel = -1;
    return pwf_h5_close_parallel(file, w->partial);
}

/* ---- sync_all, read_back, give_name ---- */

/* Syncs on every rank, since each host has its own dirty pages. */
static pwf_status sync_all(writing *w)
{
    const int fd = open(w->partial, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    PWF_FAIL_IF(fd < 0, PWF_IO, "cannot open %s: %s", w->partial, strerror(errno));
    const pwf_status s = pwf_file_sync(fd, w->partial);
    close(fd);
    return s;
}

/* The failure when the file differs from what was written. */
static pwf_status differs(const writing *w, const char *name)
{
    return PWF_FAIL(
        PWF_IO,
        "%s of %s differs from what was written; check that the disk is not full or failing", name,
        w->partial);
}

/* Compares this rank's range of one array, in pieces. */
static pwf_status compare_array(const writing *w, hid_t file, const array *a, char *piece)
{
    const hid_t set = H5Dopen2(file, a->name, H5P_DEFAULT);
    pwf_status s = set < 0 ? pwf_h5_failed(PWF_IO, "cannot read back", w->partial) : pwf_ok();
    const pwf_range own = w->out->own;
    for (int64_t lo = own.lo; lo < own.hi && s.code == PWF_OK; lo += PIECE) {
        const int64_t count = own.hi - lo < PIECE ? own.hi - lo : PIECE;
        const char *sent = (const char *)a->data + (size_t)(lo - own.lo) * a->size;
        if (pwf_h5_transfer(set, a->type, 1, lo, &count, piece, NULL) < 0)
            s = pwf_h5_failed(PWF_IO, "cannot read back", w->partial);
        else if (memcmp(piece, sent, (size_t)count * a->size) != 0)
            s = differs(w, a->name);
    }
    if (set >= 0) H5Dclose(set);
    return s;
}

/* Compares the greedy steps. */
static pwf_status compare_rows(const writing *w, hid_t file)
{
    pwf_round_row *back = NULL;
    const pwf_round_output *out = w->out;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->row_count, sizeof *back, &back));
    const hid_t type = row_type(false);
    pwf_status s = pwf_h5_read(file, "steps", NULL, type, out->row_count, back);
    /* a file just written that cannot be read is an I/O error */
    if (s.code != PWF_OK) s.code = PWF_IO;
    for (int64_t i = 0; i < out->row_count && s.code == PWF_OK; i++) {
        const pwf_round_row *a = &out->rows[i], *b = &back[i];
        if (a->order != b->order || a->count != b->count || a->delta != b->delta ||
            a->centre != b->centre)
            s = differs(w, "steps");
    }
    H5Tclose(type);
    pwf_mem_free(back);
    return s;
}

/* Reads everything through a new descriptor. */
static pwf_status read_back(writing *w)
{
    array list[ARRAYS];
    char *piece = NULL;
    list_arrays(w->out, list);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, PIECE, sizeof(float), &piece));
    /* every rank opens the file for itself */
    const hid_t file = H5Fopen(w->partial, H5F_ACC_RDONLY, H5P_DEFAULT);
    pwf_status s = file < 0 ? pwf_h5_failed(PWF_IO, "cannot read back", w->partial) : pwf_ok();
    for (int i = 0; i < ARRAYS && s.code == PWF_OK; i++)
        s = compare_array(w, file, &list[i], piece);
    if (w->first && s.code == PWF_OK) s = compare_rows(w, file);
    if (file >= 0) H5Fclose(file);
    pwf_mem_free(piece);
    return s;
}

static pwf_status give_name(writing *w)
{
    return w->first ? pwf_output_end(&w->output) : pwf_ok();
}

pwf_status pwf_round_output_write(const pwf_mesh *mesh, const char *path,
                                  const pwf_round_output *output)
{
    static pwf_status (*const steps[])(writing *) = {create,    lay_out,  open_all,  write_all,
                                                     close_all, sync_all, read_back, give_name};
    writing w = {.mesh = mesh,
                 .out = output,
                 .first = pwf_mesh_rank(mesh, PWF_WORLD) == 0,
                 .parallel = -1,
                 .output = {.fd = -1}};
    pwf_h5_start();
    pwf_status s = pwf_ok();
    if (strlen(path) >= sizeof w.path)
        s = PWF_FAIL(PWF_CANTCREATE, "the name %.200s... is too long", path);
    else
        memcpy(w.path, path, strlen(path) + 1);
    s = pwf_mesh_agree(mesh, s);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && s.code == PWF_OK; i++)
        s = pwf_mesh_agree(mesh, steps[i](&w));
    /* after a failed write the parallel file stays open: closing it would hang in MPI-IO */
    /* removes the partial file unless give_name has renamed it */
    pwf_output_drop(&w.output);
    return s;
}
