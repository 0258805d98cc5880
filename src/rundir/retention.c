/* SPDX-License-Identifier: BSD-3-Clause */
/* The checkpoints of a run directory: their names, the newest good one, retention, and the files
 * that are kept for good. Called on rank 0 through the room ckpt, which knows how to read a file,
 * and by pwf verify. Reads and changes the directory; no MPI. */
#include "pwf/rundir/retention.h"

#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/rundir/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- lists of files ---- */

enum { NAME_BYTES = 256 };

typedef struct entry {
    char name[NAME_BYTES];
    int64_t step;
    bool round;
} entry;

typedef struct list {
    entry *entry;
    int64_t count;
} list;

/* Whether a name begins with `before` and ends with `after`. */
static bool is_between(const char *name, const char *before, const char *after)
{
    const size_t n = strlen(name), b = strlen(before), a = strlen(after);
    return n >= a + b && strncmp(name, before, b) == 0 && strcmp(name + n - a, after) == 0;
}

/* "ckpt-<digits>.h5" or "round-<digits>.h5", nothing else. */
static bool is_ours(const char *name, bool *round)
{
    *round = is_between(name, "round-", ".h5");
    if (!*round && !is_between(name, "ckpt-", ".h5")) return false;
    const char *digits = strchr(name, '-') + 1;
    return strspn(digits, "0123456789") == strlen(digits) - 3 && strlen(digits) > 3;
}

/* Newest first; at the same step the ckpt file before the round file. */
static int newest_first(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? 1 : -1;
    if (x->round != y->round) return x->round ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Filter of scandir. */
static int is_checkpoint(const struct dirent *e)
{
    bool round = false;
    return is_ours(e->d_name, &round);
}

/* Frees what scandir returned. */
static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* Lists those checkpoints of a directory whose first block is good, the newest first. *bad counts
 * the others; `warn` reports each of them. */
static pwf_status list_folder(const char *dir, const pwf_retention_reader *reader, list *l,
                              int64_t *bad, bool warn)
{
    *bad = 0;
    struct dirent **names = NULL;
    const int count = scandir(dir, &names, is_checkpoint, alphasort);
    if (count < 0 && errno == ENOENT) return pwf_ok();
    if (count < 0)
        return PWF_FAIL_ERRNO(errno == ENOTDIR ? PWF_FILE_OUTPUT : PWF_FILE_STATE,
                              "read the directory", dir);
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *l->entry, &l->entry);
    for (int i = 0; i < count && s.code == PWF_OK; i++) {
        entry *e = &l->entry[l->count];
        char path[PWF_PATH];
        is_ours(names[i]->d_name, &e->round);
        snprintf(e->name, sizeof e->name, "%s", names[i]->d_name);
        pwf_path_join(path, dir, e->name);
        const pwf_status one = reader->step(path, &e->step);
        if (one.code == PWF_OK) {
            l->count++;
        } else if (one.code == PWF_RESOURCE) {
            s = one; /* that says nothing about the file */
        } else {
            ++*bad;
            if (warn) PWF_WARN("CKPT_BAD", "%s", one.text);
        }
    }
    free_names(names, count);
    if (l->count > 0) qsort(l->entry, (size_t)l->count, sizeof *l->entry, newest_first);
    return s;
}

/* ---- visit ---- */

/* Filter of scandir: checkpoints, round files and the final model. */
static int is_kept_file(const struct dirent *e)
{
    return is_checkpoint(e) || strcmp(e->d_name, "model.h5") == 0;
}

pwf_status pwf_retention_visit(const char *dir, void (*visit)(void *context, const char *path),
                               void *context)
{
    struct dirent **names = NULL;
    const int count = scandir(dir, &names, is_kept_file, alphasort);
    if (count < 0) return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "read the directory", dir);
    for (int i = 0; i < count; i++) {
        char path[PWF_PATH];
        pwf_path_join(path, dir, names[i]->d_name);
        visit(context, path);
    }
    free_names(names, count);
    PWF_FAIL_IF(count == 0, PWF_MISSING, "%s has no checkpoint and no model.h5", dir);
    return pwf_ok();
}

/* ---- find ---- */

pwf_status pwf_retention_find(const char *dir, const pwf_retention_reader *reader, char *path,
                              bool *found)
{
    list l = {0};
    int64_t bad = 0;
    path[0] = '\0';
    (void)PWF_FAULT_POINT("start.find");
    pwf_status s = list_folder(dir, reader, &l, &bad, true);
    *found = l.count + bad > 0;
    for (int64_t i = 0; s.code == PWF_OK && i < l.count && !path[0]; i++) {
        char name[PWF_PATH];
        pwf_path_join(name, dir, l.entry[i].name);
        const pwf_status one = reader->verify(name);
        if (one.code == PWF_OK)
            memcpy(path, name, PWF_PATH);
        else if (one.code == PWF_RESOURCE)
            s = one; /* that says nothing about the file */
        else
            PWF_WARN("CKPT_BAD", "%s", one.text);
    }
    if (s.code == PWF_OK && *found && !path[0])
        s = PWF_FAIL(PWF_DATA,
                     "none of the %lld checkpoints in %s is good; the warnings above say why",
                     (long long)(l.count + bad), dir);
    pwf_mem_free(l.entry);
    return s;
}

/* ---- prune ---- */

/* Unlinks a file of the directory; a failure is a warning. */
static void remove_file(const char *dir, const char *name)
{
    char path[PWF_PATH];
    pwf_path_join(path, dir, name);
    if (unlink(path) != 0 && errno != ENOENT)
        PWF_WARN("CKPT_PRUNE", "cannot remove %s: %s", path, strerror(errno));
}

/* Removes partial files and trash of earlier attempts. The run holds the lock of the directory, so
 * no other process is writing one. */
static void remove_leftovers(const char *dir)
{
    static const char *const begins[] = {".ckpt-",        ".model.",       ".round-",
                                         ".config.yaml.", ".summary.txt.", ".rounds.svg."};
    DIR *d = opendir(dir);
    if (!d) return;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        const char *name = e->d_name;
        bool leftover = is_between(name, ".trash-ckpt-", ".h5");
        for (size_t i = 0; strstr(name, ".part.") && i < sizeof begins / sizeof *begins; i++)
            leftover = leftover || is_between(name, begins[i], "");
        if (leftover) remove_file(dir, name);
    }
    closedir(d);
}

/* Removes a checkpoint. The rename removes its name in one step; unlinking the trash, which frees
 * the blocks, can take long. */
static pwf_status trash(const char *dir, const char *name)
{
    char from[PWF_PATH], to[PWF_PATH], hidden[NAME_BYTES + 8];
    snprintf(hidden, sizeof hidden, ".trash-%s", name);
    pwf_path_join(from, dir, name);
    pwf_path_join(to, dir, hidden);
    if (rename(from, to) != 0) {
        PWF_WARN("CKPT_PRUNE", "cannot remove %s: %s", from, strerror(errno));
        return pwf_ok();
    }
    const pwf_status s = PWF_FAULT_POINT("ckpt.prune_trashed");
    if (s.code == PWF_OK) remove_file(dir, hidden);
    return s;
}

/* Whether a file is the oldest between two multiples of `every` steps. It stays the oldest, because
 * the oldest one is never removed. */
static bool is_milestone(const list *l, int64_t i, int64_t every)
{
    if (every == 0 || l->entry[i].step < every) return false;
    for (int64_t j = i + 1; j < l->count; j++)
        if (!l->entry[j].round) return l->entry[j].step / every < l->entry[i].step / every;
    return true;
}

/* Removes what the retention does not keep, the newest candidates first. */
static pwf_status prune_list(const char *dir, const pwf_retention_reader *reader, const list *l,
                             pwf_retention stay)
{
    int64_t kept = 0;
    bool good = false;
    for (int64_t i = 0; i < l->count; i++) {
        const entry *e = &l->entry[i];
        if (e->round || e->step > stay.step) continue;
        if (kept < stay.keep) {
            kept++;
            continue;
        }
        if (is_milestone(l, i, stay.every)) continue;
        /* Nothing is removed until one of the remaining files has been verified completely. */
        for (int64_t j = 0; !good && j < i; j++) {
            if (l->entry[j].step > stay.step) continue;
            char path[PWF_PATH];
            pwf_path_join(path, dir, l->entry[j].name);
            good = reader->verify(path).code == PWF_OK;
        }
        if (!good) {
            PWF_WARN("CKPT_PRUNE", "none of the newest checkpoints in %s is good: nothing removed",
                     dir);
            return pwf_ok();
        }
        PWF_TRY(trash(dir, e->name));
    }
    return pwf_ok();
}

/* Leftovers first, then old checkpoints. */
static pwf_status prune(const char *dir, const pwf_retention_reader *reader, pwf_retention stay)
{
    PWF_TRY(PWF_FAULT_POINT("ckpt.prune_begin"));
    remove_leftovers(dir);
    PWF_TRY(PWF_FAULT_POINT("ckpt.prune_parts"));
    list l = {0};
    int64_t bad = 0;
    pwf_status s = list_folder(dir, reader, &l, &bad, false);
    if (s.code == PWF_OK) s = prune_list(dir, reader, &l, stay);
    pwf_mem_free(l.entry);
    PWF_TRY(s);
    return PWF_FAULT_POINT("ckpt.prune_end");
}

void pwf_retention_prune(const char *dir, const pwf_retention_reader *reader, pwf_retention stay)
{
    PWF_ASSERT(stay.keep >= 2 && stay.every >= 0);
    const pwf_status s = prune(dir, reader, stay);
    if (s.code != PWF_OK) PWF_WARN("CKPT_PRUNE", "%s", s.text);
}

/* ---- keep a round ---- */

/* Copies contents and mode, and syncs the target. */
static pwf_status copy_bytes(int from, int to, const char *source, const char *target)
{
    struct stat info;
    if (fstat(from, &info) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat", source);
    PWF_TRY(pwf_output_copy(from, source, to, target));
    PWF_FAIL_IF(ftruncate(to, info.st_size) != 0 || fchmod(to, info.st_mode & 0777) != 0 ||
                    fsync(to) != 0,
                PWF_IO, "cannot complete the copy %s: %s", target, strerror(errno));
    return pwf_ok();
}

/* Where hard links do not work: a copy that is verified. */
static pwf_status copy_file(const char *source, const char *target,
                            const pwf_retention_reader *reader)
{
    const int from = open(source, O_RDONLY | O_CLOEXEC);
    const int to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    pwf_status s = from < 0 || to < 0 ? PWF_FAIL(PWF_IO, "cannot copy %s to %s: %s", source, target,
                                                 strerror(errno))
                                      : copy_bytes(from, to, source, target);
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    if (s.code == PWF_OK) s = reader->verify(target);
    return s;
}

/* Links the file under a partial name first and renames it, so the second name appears in one step,
 * too. */
pwf_status pwf_retention_keep_round(const char *path, int64_t round,
                                    const pwf_retention_reader *reader)
{
    char dir[PWF_PATH], partial[PWF_PATH], name[PWF_PATH], file[64];
    pwf_path_directory(dir, path);
    snprintf(file, sizeof file, "round-%02lld.h5", (long long)round);
    pwf_path_join(name, dir, file);
    snprintf(file, sizeof file, ".round-%02lld.h5.part.link", (long long)round);
    pwf_path_join(partial, dir, file);
    unlink(partial);
    pwf_status s = pwf_ok();
    if (link(path, partial) != 0) s = copy_file(path, partial, reader);
    if (s.code == PWF_OK) s = PWF_FAULT_POINT("ckpt.keep_linked");
    if (s.code == PWF_OK && rename(partial, name) != 0)
        s = PWF_FAIL(PWF_IO, "cannot rename %s to %s: %s", partial, name, strerror(errno));
    /* rename() does nothing if both names are the same file already */
    unlink(partial);
    if (s.code == PWF_OK) s = pwf_path_sync_folder(dir);
    return s;
}
