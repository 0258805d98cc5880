/* SPDX-License-Identifier: BSD-3-Clause */
/* What a commit leaves on disk if the machine crashes, with shim.c preloaded. `crash WRITER DIR
 * SEED COUNT` writes checkpoints to DIR and records every call that changes a file or a name. It
 * then builds COUNT directories as they may be after a crash at a random call, and looks for a
 * checkpoint in each. Prints "KIND*COUNT what" for tests/faults.sh. */

/* The model is harsher than any file system we know. Bytes are durable once the rank that wrote
 * them has synced the file, names once the directory has been synced. Before that, each piece of
 * 512 or 4096 bytes independently has its contents after any of the writes since then, each file
 * its length after any change of it, and each change of a name may or may not have happened. A
 * checkpoint that has its name must be whole, and one that was acknowledged must have its name. */
#define _GNU_SOURCE
#include "example.h"
#include "shim.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/rng.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_MAX = 20000, FILES_MAX = 64, NAMES_MAX = 64, NEVER = EVENTS_MAX + 1 };

/* One call, on the rank that made it. */
typedef struct event {
    double time;
    int rank, file; /* file: index among all files ever created; -1: the directory */
    int safe;       /* the event that makes it durable, or NEVER */
    shim_event call;
    char *data;
} event;

static event log_[EVENTS_MAX];
static int events;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pwf_mesh *mesh;
static example e;
static const char *dir;
static int rank;

/* ---- recording ---- */

static void note(const shim_event *call)
{
    pthread_mutex_lock(&lock);
    if (events == EVENTS_MAX) abort();
    event *to = &log_[events++];
    *to = (event){.time = pwf_clock_seconds(), .rank = rank, .safe = NEVER, .call = *call};
    to->call.piece = NULL;
    if (call->piece) {
        to->data = malloc((size_t)call->bytes + 1);
        if (!to->data) abort();
        size_t at = 0;
        for (int i = 0; at < (size_t)call->bytes; i++) {
            const size_t left = (size_t)call->bytes - at, n = call->piece[i].iov_len;
            memcpy(to->data + at, call->piece[i].iov_base, n < left ? n : left);
            at += n < left ? n : left;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* Records that the write of a step has returned. */
static void note_acknowledged(int64_t step)
{
    note(&(shim_event){.call = "known", .bytes = step});
}

/* Rank 0 gets the records of other ranks through files. */
static void bring_together(void)
{
    char name[64];
    snprintf(name, sizeof name, "events.%d", rank);
    FILE *f = rank > 0 ? fopen(name, "wb") : NULL;
    for (int i = 0; f && i < events; i++) {
        fwrite(&log_[i], sizeof log_[i], 1, f);
        if (log_[i].data) fwrite(log_[i].data, 1, (size_t)log_[i].call.bytes, f);
    }
    if (f) fclose(f);
    pwf_mesh_barrier(mesh);
    for (int r = 1; rank == 0 && r < pwf_mesh_size(mesh, PWF_WORLD); r++) {
        snprintf(name, sizeof name, "events.%d", r);
        f = fopen(name, "rb");
        while (f && events < EVENTS_MAX && fread(&log_[events], sizeof *log_, 1, f) == 1) {
            event *one = &log_[events++];
            if (!one->data) continue;
            one->data = malloc((size_t)one->call.bytes + 1);
            if (!one->data || fread(one->data, 1, (size_t)one->call.bytes, f) == 0) abort();
        }
        if (f) fclose(f);
    }
    pwf_mesh_barrier(mesh);
}

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    return x->time < y->time ? -1 : x->time > y->time;
}

/* ---- files and names ---- */

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is(const event *one, const char *call)
{
    return strcmp(one->call.call, call) == 0;
}

static bool is_of_names(const event *one)
{
    return is(one, "create") || is(one, "rename") || is(one, "link") || is(one, "remove");
}

typedef struct tree {
    char name[NAMES_MAX][256];
    int file[NAMES_MAX], count;
} tree;

static void put(tree *t, const char *name, int file)
{
    int i = 0;
    while (i < t->count && strcmp(t->name[i], name) != 0)
        i++;
    if (i == NAMES_MAX) abort();
    if (i == t->count) snprintf(t->name[t->count++], sizeof t->name[0], "%s", name);
    t->file[i] = file;
}

static void drop(tree *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->name[i], name) == 0) t->file[i] = -1;
}

/* The initial files, 0, 1, ..., with their contents. */
static struct {
    char path[PWF_PATH];
} before[FILES_MAX];
static int files, old_files;
static tree first_tree;

/* The file of each event: inode numbers are reused, so the newest file of an inode counts. */
static void resolve(uint64_t dir_inode)
{
    uint64_t inode[FILES_MAX] = {0};
    struct stat info;
    files = old_files;
    for (int i = 0; i < old_files; i++)
        inode[i] = stat(before[i].path, &info) == 0 ? info.st_ino : 0;
    for (int i = 0; i < events; i++) {
        event *one = &log_[i];
        one->file = -1;
        if (is(one, "create")) {
            if (files == FILES_MAX) abort();
            inode[files++] = one->call.inode;
        }
        for (int f = files - 1; f >= 0 && one->file < 0 && one->call.inode != dir_inode; f--)
            if (inode[f] == one->call.inode) one->file = f;
    }
    for (int i = 0; i < events; i++)
        for (int s = i + 1; s < events && log_[i].safe == NEVER; s++)
            if (is(&log_[s], "sync") && log_[s].rank == log_[i].rank &&
                log_[s].file == (is_of_names(&log_[i]) ? -1 : log_[i].file))
                log_[i].safe = s;
}

/* ---- one state ---- */

static uint64_t seed, drawn;

static uint32_t draw(uint32_t below)
{
    uint32_t words[4];
    pwf_rng_words((pwf_stream){(uint32_t)seed, PWF_RNG_NOISE, 0, 0}, drawn++, words);
    return (uint32_t)(((uint64_t)words[0] * below) >> 32);
}

/* The event up to which changes that are not durable have happened: all, none, or a random one. */
static int draw_cut(uint32_t how, int crash)
{
    return how == 0 ? crash : how == 1 ? 0 : (int)draw((uint32_t)crash + 1);
}

static void write_file(const char *path, const char *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, count, f) != count || fclose(f) != 0) abort();
}

static void build_file(const char *path, int file, int crash)
{
    static char bytes[1 << 23];
    static int cut[(1 << 23) / 512];
    const int64_t piece = draw(2) ? 512 : 4096;
    const uint32_t how = draw(4);
    const int length_cut = draw_cut(draw(4), crash);
    int64_t length = 0;
    memset(bytes, 0, sizeof bytes);
    for (size_t p = 0; p < sizeof bytes / (size_t)piece; p++)
        cut[p] = draw_cut(how == 3 ? draw(3) : how, crash);
    for (int i = 0; i < crash; i++) {
        const event *one = &log_[i];
        if (one->file != file) continue;
        const bool safe = one->safe < crash;
        if (is(one, "length") && (safe || i < length_cut)) length = one->call.bytes;
        if (!is(one, "write")) continue;
        const int64_t end = one->call.offset + one->call.bytes;
        if (end > (int64_t)sizeof bytes) abort();
        if (end > length && (safe || i < length_cut)) length = end;
        for (int64_t at = one->call.offset; at < end;) {
            const int64_t next = (at / piece + 1) * piece < end ? (at / piece + 1) * piece : end;
            if (safe || i < cut[at / piece])
                memcpy(bytes + at, one->data + (at - one->call.offset), (size_t)(next - at));
            at = next;
        }
    }
    write_file(path, bytes, (size_t)length);
}

static tree build_names(int crash)
{
    tree t = first_tree;
    const uint32_t how = draw(3);
    const int cut = draw_cut(2, crash);
    for (int i = 0; i < crash; i++) {
        const event *one = &log_[i];
        if (!is_of_names(one)) continue;
        if (one->safe >= crash && (how == 0 ? i >= cut : draw(2))) continue;
        if (is(one, "create")) put(&t, base(one->call.from), one->file);
        if (is(one, "rename") || is(one, "link")) put(&t, base(one->call.to), one->file);
        if (is(one, "rename") || is(one, "remove")) drop(&t, base(one->call.from));
    }
    return t;
}

static void clear(const char *state)
{
    char path[PWF_PATH + 300];
    DIR *d = opendir(state);
    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
        snprintf(path, sizeof path, "%s/%s", state, f->d_name);
        if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0) unlink(path);
    }
    if (d) closedir(d);
}

/* The steps that must be found: the newest with its name, and the newest acknowledged one. */
typedef struct expected {
    int64_t named, known;
    int crash;
} expected;

/* Half of the crashes are at a sync or a change of a name, the critical moments. */
static int draw_crash(void)
{
    int i = (int)draw((uint32_t)events);
    if (draw(2) == 0) return i;
    while (i > 0 && !is(&log_[i], "sync") && !is(&log_[i], "known") && !is_of_names(&log_[i]))
        i--;
    return i + (int)draw(2);
}

static expected build(const char *state)
{
    char path[PWF_PATH + 300];
    expected want = {0, 2, draw_crash()};
    const tree t = build_names(want.crash);
    clear(state);
    for (int i = 0; i < want.crash; i++)
        if (is(&log_[i], "known")) want.known = log_[i].call.bytes;
    for (int i = 0; i < t.count; i++) {
        if (t.file[i] < 0) continue;
        snprintf(path, sizeof path, "%s/%s", state, t.name[i]);
        if (t.file[i] >= old_files)
            build_file(path, t.file[i], want.crash);
        else if (link(before[t.file[i]].path, path) != 0)
            abort();
        long long step = 0;
        if (sscanf(t.name[i], "ckpt-%lld.h5", &step) == 1 && step > want.named) want.named = step;
    }
    return want;
}

/* ---- the program ---- */

/* Starts with two checkpoints, then commits, adds a second name, prunes, and commits again. */
static int record(const char *way)
{
    static char path[PWF_PATH];
    struct stat info;
    for (int64_t step = 1; step <= 2; step++)
        if (example_write(&e, mesh, dir, way, step, path).code != PWF_OK) return PWF_IO;
    for (; old_files < 2; old_files++) {
        char name[64];
        snprintf(name, sizeof name, "ckpt-%010d.h5", old_files + 1);
        snprintf(before[old_files].path, PWF_PATH, "%s.old%d", dir, old_files);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        if (rank == 0 && link(path, before[old_files].path) != 0) return PWF_IO;
        put(&first_tree, name, old_files);
    }
    static const int64_t steps[] = {3, 3, 4};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        shim_watch(dir, note);
        if (example_write(&e, mesh, dir, way, steps[i], path).code != PWF_OK) return PWF_IO;
        if (rank == 0) note_acknowledged(steps[i]);
        if (i == 0 && pwf_ckpt_keep_round(mesh, path, 1).code != PWF_OK) return PWF_IO;
        example_prune(&e, mesh, dir, way, steps[i]);
        shim_watch("", NULL);
        pwf_mesh_barrier(mesh);
    }
    bring_together();
    qsort(log_, (size_t)events, sizeof *log_, by_time);
    if (stat(dir, &info) != 0) return PWF_IO;
    if (rank == 0) resolve(info.st_ino);
    return 0;
}

static void try_states(int64_t count)
{
    char state[PWF_PATH];
    int64_t good = 0, old = 0;
    snprintf(state, sizeof state, "%s-after", dir);
    mkdir(state, 0755);
    for (int64_t i = 0; i < count; i++) {
        const uint64_t begun = drawn;
        expected want = {0};
        if (rank == 0) want = build(state);
        pwf_mesh_barrier(mesh);
        int64_t found = -1;
        if (example_load(&e, mesh, state, &found).code != PWF_OK) found = -1;
        pwf_mesh_barrier(mesh);
        char round[PWF_PATH + 16];
        snprintf(round, sizeof round, "%s/round-01.h5", state);
        const bool torn = access(round, F_OK) == 0 && pwf_ckpt_verify(round).code != PWF_OK;
        if (rank != 0) continue;
        if (found == want.named && found >= want.known && !torn) {
            good += found > want.known || want.known == 4;
            old += found == want.known && want.known < 4;
        } else {
            printf("wrong state %lld (draw %llu): crash at call %d of %d, step %lld found, %lld "
                   "has its "
                   "name, %lld was acknowledged%s\n",
                   (long long)i, (unsigned long long)begun, want.crash, events, (long long)found,
                   (long long)want.named, (long long)want.known, torn ? ", round torn" : "");
        }
    }
    if (rank == 0) fprintf(stderr, "%d calls, %d files\n", events, files);
    if (rank == 0 && good > 0) printf("good*%lld the new one is found whole\n", (long long)good);
    if (rank == 0 && old > 0) printf("old*%lld the one before is found whole\n", (long long)old);
}

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || argc != 5) return PWF_USAGE;
    if (pwf_mesh_new(1, &mesh).code != PWF_OK) return PWF_LAUNCH;
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    rank = pwf_mesh_rank(mesh, PWF_WORLD);
    pwf_mesh_free(mesh);
    if (pwf_mesh_new(ranks, &mesh).code != PWF_OK) return PWF_LAUNCH;
    dir = argv[2];
    seed = (uint64_t)atoll(argv[3]);
    e = example_new(mesh);
    pwf_log_set(PWF_LOG_ERROR, true);
    const int code = record(argv[1]);
    if (code == 0) try_states(atoll(argv[4]));
    example_free(&e);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return code;
}
