/* SPDX-License-Identifier: BSD-3-Clause */
/* The source imagefolder: JPEG and PNG files in train/CLASS and val/CLASS, or a flat val/ with a
 * list of classes. Lists all files when the data set is opened and decodes one when its image is
 * loaded. Called through the table of sources.c. For pwf predict it also lists all images under a
 * folder, without classes. */
#define _DEFAULT_SOURCE /* d_type */
#include "pwf/core/mem.h"
#include "pwf/data/file.h"
#include "sources.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16, LIST_MAX = 256 << 20 };

typedef struct listed_file {
    int64_t name; /* offset in `names` */
    int64_t size;
    int32_t label;
} listed_file;

/* The result of scandir: names in byte order. */
typedef struct names {
    struct dirent **at;
    int count;
} names;

typedef struct folder {
    char root[PWF_PATH]; /* as the user named it, for messages */
    char real[PWF_PATH]; /* the same, resolved */
    names classes;
    char *names; /* paths under the root, each with its zero byte */
    int64_t names_used, names_room;
    listed_file *files;
    int64_t count, room;
} folder;

/* Valid until the next file is added, since the block of names may move. */
static const char *name_of(const folder *f, int64_t index)
{
    return f->names + f->files[index].name;
}

/* ---- the list of files ----------------------------------------------------------------------- */

/* Makes room for `wanted` entries; `pointer` is the address of a pointer of any type. */
static pwf_status grow(void *pointer, int64_t *room, int64_t wanted, size_t size)
{
    void *old = NULL, *more = NULL;
    if (wanted <= *room) return pwf_ok();
    const int64_t now = wanted > 2 * *room ? wanted + 1024 : 2 * *room;
    memcpy(&old, pointer, sizeof old);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, now, size, &more));
    if (old) memcpy(more, old, (size_t)*room * size);
    memcpy(pointer, &more, sizeof more);
    pwf_mem_free(old);
    *room = now;
    return pwf_ok();
}

/* Joins the root and the name of a file or folder below it. */
static pwf_status full_path(const folder *f, const char *name, char path[PWF_PATH])
{
    if (pwf_path_join(path, f->root, name)) return pwf_ok();
    return PWF_FAIL(PWF_DATA, "the path of %.200s... is longer than %d bytes", name, PWF_PATH - 1);
}

/* Finds the size of a regular file; a link must not lead out of the root. */
static pwf_status look_at(const folder *f, const char *path, int64_t *size)
{
    struct stat st;
    int failed = lstat(path, &st);
    if (!failed && S_ISLNK(st.st_mode)) {
        PWF_TRY(pwf_data_check_inside(f->real, path));
        failed = stat(path, &st);
    }
    if (failed) return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "stat", path);
    PWF_FAIL_IF(S_ISDIR(st.st_mode), PWF_DATA,
                "%s is a folder; images must lie directly in the folder of their "
                "class",
                path);
    PWF_FAIL_IF(!S_ISREG(st.st_mode), PWF_DATA, "%s is not a regular file", path);
    *size = st.st_size;
    return pwf_ok();
}

/* Appends an image file, after checking that it is a regular file inside the root. */
static pwf_status add_file(folder *f, const char *name, int32_t label)
{
    char path[PWF_PATH];
    int64_t size = 0;
    const int64_t length = (int64_t)strlen(name) + 1;
    PWF_TRY(full_path(f, name, path));
    PWF_TRY(look_at(f, path, &size));
    PWF_TRY(grow(&f->names, &f->names_room, f->names_used + length, 1));
    PWF_TRY(grow(&f->files, &f->room, f->count + 1, sizeof *f->files));
    memcpy(f->names + f->names_used, name, (size_t)length);
    f->files[f->count++] = (listed_file){f->names_used, size, label};
    f->names_used += length;
    return pwf_ok();
}

/* ---- folders --------------------------------------------------------------------------------- */

/* By the ending of its name, in upper or lower case. */
static bool is_image(const char *name)
{
    static const char *const endings[] = {".jpeg", ".jpg", ".png"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcasecmp(name + n - m, endings[i]) == 0) return true;
    }
    return false;
}

static int keep_image(const struct dirent *d)
{
    return d->d_name[0] != '.' && is_image(d->d_name);
}

/* Keeps images, and also folders, so that look_at can refuse them with a message. */
static int keep_member(const struct dirent *d)
{
    return keep_image(d) || (d->d_name[0] != '.' && d->d_type == DT_DIR);
}

static int keep_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Byte order, as in Python; the order of a locale would differ between machines. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* scandir allocates with malloc. */
static void names_free(names *n)
{
    for (int i = 0; i < n->count; i++)
        free(n->at[i]);
    free(n->at);
    *n = (names){0};
}

static const char class_tree[] =
    "; with data.format imagefolder, data.path holds train/ and val/ (without val/, set "
    "data.validation), and these a folder for each class";

/* `hint` is appended to the message if the folder cannot be listed. */
static pwf_status list_folder(const char *path, int (*keep)(const struct dirent *),
                              const char *hint, names *out)
{
    *out = (names){0};
    const int count = scandir(path, &out->at, keep, by_bytes);
    if (count >= 0) {
        out->count = count;
        return pwf_ok();
    }
    return PWF_FAIL(pwf_errno_code(errno, PWF_FILE_INPUT), "cannot list %s: %s%s", path,
                    strerror(errno), hint);
}

/* Follows links, as a class folder may be one. */
static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Lists the class folders of `part`, in order; files in `part` itself are ignored. */
static pwf_status list_classes(const folder *f, const char *part, names *out)
{
    char path[PWF_PATH], name[PWF_PATH];
    PWF_TRY(full_path(f, part, path));
    PWF_TRY(list_folder(path, keep_visible, class_tree, out));
    int kept = 0;
    for (int i = 0; i < out->count; i++) {
        struct dirent *d = out->at[i];
        const int n = snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        if (n < (int)sizeof name && is_folder(name))
            out->at[kept++] = d;
        else
            free(d);
    }
    out->count = kept;
    return pwf_ok();
}

/* Finds the number of a class by binary search; -1: unknown. */
static int class_of(const names *classes, const char *name)
{
    int lo = 0, hi = classes->count - 1;
    while (lo <= hi) {
        const int middle = lo + (hi - lo) / 2, order = strcmp(name, classes->at[middle]->d_name);
        if (order == 0) return middle;
        if (order < 0)
            hi = middle - 1;
        else
            lo = middle + 1;
    }
    return -1;
}

/* Adds the files of one class, in byte order of their names. */
static pwf_status add_class(folder *f, const char *part, const char *class, int32_t label)
{
    char name[PWF_PATH], path[PWF_PATH];
    names files;
    snprintf(name, sizeof name, "%s/%s", part, class);
    PWF_TRY(full_path(f, name, path));
    PWF_TRY(pwf_data_check_inside(f->real, path));
    PWF_TRY(list_folder(path, keep_member, class_tree, &files));
    pwf_status s = pwf_ok();
    if (files.count == 0)
        s = PWF_FAIL(PWF_DATA,
                     "%s has no .jpeg, .jpg or .png file; images must lie directly in the folder "
                     "of their class",
                     path);
    for (int i = 0; i < files.count && s.code == PWF_OK; i++) {
        char file[PWF_PATH + 300];
        snprintf(file, sizeof file, "%s/%s", name, files.at[i]->d_name);
        s = add_file(f, file, label);
    }
    names_free(&files);
    return s;
}

/* Adds all class folders of train/ or val/; val/ need not have all classes. */
static pwf_status add_classes(folder *f, const char *part, const names *classes)
{
    names own;
    PWF_TRY(list_classes(f, part, &own));
    pwf_status s = pwf_ok();
    for (int i = 0; i < own.count && s.code == PWF_OK; i++) {
        const char *class = own.at[i]->d_name;
        const int label = class_of(classes, class);
        s = label < 0 ? PWF_FAIL(PWF_DATA, "%s/%s/%s is a class folder that train/ does not have",
                                 f->root, part, class)
                      : add_class(f, part, class, label);
    }
    if (s.code == PWF_OK && own.count == 0)
        s = PWF_FAIL(PWF_DATA,
                     "%s/%s has no class folders; for a flat folder of validation images, set "
                     "data.val_list to the list of their classes",
                     f->root, part);
    names_free(&own);
    return s;
}

/* ---- the flat validation folder and its list ------------------------------------------------- */

#define BLANKS " \t\r,"

/* A list of validation images while it is read. */
typedef struct val_list {
    char path[PWF_PATH];
    const names *classes; /* of train/ */
    const names *images;  /* of val/, if the lines are classes alone; else NULL */
    int32_t *kit;         /* [kit_count]: the class of each number from 1 on; or NULL */
    int64_t kit_count;
} val_list;

/* Finds a class by its name or number. The ImageNet development kit numbers classes from 1 in an
 * order of its own; other lists number the sorted names from 0. Confusing the two would silently
 * give wrong classes, so numbers without file names, as in the kit, require data.val_classes. */
static pwf_status label_of(const val_list *l, int64_t number, const char *word, int32_t *label)
{
    char *end = NULL;
    *label = class_of(l->classes, word);
    if (*label >= 0) return pwf_ok();
    const int64_t n = strtoll(word, &end, 10);
    PWF_FAIL_IF(!*end && l->images && !l->kit, PWF_DATA,
                "%s, line %lld: a number without a file name, as in the ImageNet "
                "development kit, whose order is not that of the names; set "
                "data.val_classes to the list of classes in the order of these numbers",
                l->path, (long long)number);
    const int64_t first = l->kit ? 1 : 0, count = l->kit ? l->kit_count : l->classes->count;
    PWF_FAIL_IF(*end || n < first || n >= first + count, PWF_DATA,
                "%s, line %lld: %.100s is neither a class of train/ nor a number from %lld "
                "to %lld",
                l->path, (long long)number, word, (long long)first, (long long)(first + count - 1));
    *label = l->kit ? l->kit[n - 1] : (int32_t)n;
    return pwf_ok();
}

/* Reads one line of the list: file name and class, separated by blanks or a comma. The rest of the
 * line, which Kaggle's solution file has, is ignored. */
static pwf_status add_line(folder *f, const val_list *l, int64_t number, char *line)
{
    char *rest = NULL, file[PWF_PATH], path[PWF_PATH];
    const char *name = strtok_r(line, BLANKS, &rest), *class = strtok_r(NULL, BLANKS, &rest);
    int32_t label = 0;
    if (!name || (number == 1 && strcmp(name, "ImageId") == 0)) return pwf_ok();
    if (l->images) {
        PWF_FAIL_IF(f->count == l->images->count, PWF_DATA,
                    "%s has more lines than the %d images of %s/val", l->path, l->images->count,
                    f->root);
        class = name;
        name = l->images->at[f->count]->d_name;
    }
    PWF_FAIL_IF(!class, PWF_DATA,
                "%s, line %lld: must have a file name and its class, for example "
                "\"ILSVRC2012_val_00000001.JPEG n01751748\"",
                l->path, (long long)number);
    PWF_TRY(label_of(l, number, class, &label));
    const int n = snprintf(file, sizeof file, "val/%s%s", name, is_image(name) ? "" : ".JPEG");
    PWF_FAIL_IF(n >= (int)sizeof file, PWF_DATA, "%s, line %lld: the name is too long", l->path,
                (long long)number);
    /* Only a name with a slash can leave val/; look_at checks links. */
    if (strchr(name, '/')) {
        PWF_TRY(full_path(f, file, path));
        PWF_TRY(pwf_data_check_inside(f->real, path));
    }
    return add_file(f, file, label);
}

/* Returns the next line and ends it with NUL; NULL after the last. */
static char *next_line(char **text)
{
    char *line = *text, *end = line ? strchr(line, '\n') : NULL;
    if (end) *end++ = '\0';
    *text = end;
    return line;
}

/* With a list of classes alone, there is one line per image. */
static pwf_status add_lines(folder *f, const val_list *l, char *text)
{
    int64_t number = 0;
    for (char *line; (line = next_line(&text)) != NULL;)
        PWF_TRY(add_line(f, l, ++number, line));
    PWF_FAIL_IF(f->count == 0, PWF_DATA, "%s names no images", l->path);
    PWF_FAIL_IF(l->images && f->count < l->images->count, PWF_DATA,
                "%s has classes for %lld images, but %s/val has %d", l->path, (long long)f->count,
                f->root, l->images->count);
    return pwf_ok();
}

/* The first word of each line is a class. */
static pwf_status read_kit(val_list *l, const char *path, char *text, int64_t size)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, size / 2 + 1, sizeof *l->kit, &l->kit));
    for (char *line; (line = next_line(&text)) != NULL;) {
        char *rest = NULL;
        const char *class = strtok_r(line, BLANKS, &rest);
        if (!class) continue;
        l->kit[l->kit_count] = class_of(l->classes, class);
        PWF_FAIL_IF(l->kit[l->kit_count++] < 0, PWF_DATA, "%s: %.100s is not a class of train/",
                    path, class);
    }
    return pwf_ok();
}

/* A file with a pointer to its name, because a comparison of qsort cannot reach the block of
 * names. */
typedef struct keyed {
    const char *name;
    listed_file file;
} keyed;

static int by_name(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Sorts by name, so that the order of the lines in the list does not matter. */
static pwf_status sort_files(folder *f, const char *list)
{
    keyed *all = NULL;
    pwf_status s = pwf_mem_alloc(PWF_MEM_DATA, f->count, sizeof *all, &all);
    if (s.code != PWF_OK) return s;
    for (int64_t i = 0; i < f->count; i++)
        all[i] = (keyed){name_of(f, i), f->files[i]};
    qsort(all, (size_t)f->count, sizeof *all, by_name);
    for (int64_t i = 0; i < f->count; i++) {
        if (i > 0 && strcmp(all[i - 1].name, all[i].name) == 0 && s.code == PWF_OK)
            s = PWF_FAIL(PWF_DATA, "%s names %s twice", list, all[i].name);
        f->files[i] = all[i].file;
    }
    pwf_mem_free(all);
    return s;
}

/* Reads a text file, named by an absolute path or relative to data.path. */
static pwf_status read_text(const folder *f, const char *name, char path[PWF_PATH], uint8_t **text,
                            int64_t *size)
{
    const bool absolute = name[0] == '/';
    const int n =
        snprintf(path, PWF_PATH, "%s%s%s", absolute ? "" : f->root, absolute ? "" : "/", name);
    PWF_FAIL_IF(n >= PWF_PATH, PWF_DATA, "the path of %.200s... is too long", name);
    PWF_TRY(pwf_data_read_file(absolute ? "/" : f->real, path, LIST_MAX, text, size));
    if (!memchr(*text, '\0', (size_t)*size)) return pwf_ok();
    return PWF_FAIL(PWF_DATA, "%s is not a text file: it contains a zero byte", path);
}

/* Whether the first line has a class but no file name. */
static bool is_alone(const char *text)
{
    char first[300];
    text += strspn(text, BLANKS "\n");
    const size_t n = strcspn(text, BLANKS "\n");
    snprintf(first, sizeof first, "%.*s", n < 299 ? (int)n : 299, text);
    text += n + strspn(text + n, BLANKS);
    return n > 0 && (*text == '\n' || *text == '\0') && !is_image(first);
}

/* Adds the images of a flat val/, with their classes from data.val_list. */
static pwf_status add_listed(folder *f, const pwf_dataset_request *request, const names *classes)
{
    char path[PWF_PATH];
    val_list l = {.classes = classes};
    names images = {0};
    uint8_t *text = NULL, *kit = NULL;
    int64_t size = 0, kit_size = 0;
    pwf_status s = read_text(f, request->data->val_list, l.path, &text, &size);
    if (s.code == PWF_OK && request->data->val_classes[0]) {
        s = read_text(f, request->data->val_classes, path, &kit, &kit_size);
        if (s.code == PWF_OK) s = read_kit(&l, path, (char *)kit, kit_size);
    }
    if (s.code == PWF_OK) s = full_path(f, "val", path);
    if (s.code == PWF_OK) s = pwf_data_check_inside(f->real, path);
    if (s.code == PWF_OK && is_alone((const char *)text)) {
        s = list_folder(path, keep_image, class_tree, &images);
        l.images = &images;
    }
    if (s.code == PWF_OK) s = add_lines(f, &l, (char *)text);
    if (s.code == PWF_OK) s = sort_files(f, l.path);
    names_free(&images);
    pwf_mem_free(l.kit);
    pwf_mem_free(text);
    pwf_mem_free(kit);
    return s;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Classes are numbered by train/, so that val/ may lack some; without it, by val/. */
static pwf_status fill_part(folder *f, const pwf_dataset_request *request, bool train)
{
    char path[PWF_PATH];
    snprintf(f->root, sizeof f->root, "%s", request->data->path);
    pwf_data_resolve(f->root, f->real);
    PWF_TRY(full_path(f, "train", path));
    const char *part = train || is_folder(path) ? "train" : "val";
    PWF_TRY(full_path(f, part, path));
    PWF_TRY(list_classes(f, part, &f->classes));
    PWF_FAIL_IF(request->classes > 0 && f->classes.count != request->classes, PWF_DATA,
                "%s has %d class folders, but model.classes is %lld", path, f->classes.count,
                (long long)request->classes);
    if (!train && request->data->val_list[0]) return add_listed(f, request, &f->classes);
    return add_classes(f, train ? "train" : "val", &f->classes);
}

/* Adds the images of `part` ("": the root), then those of its subfolders; links to folders are not
 * followed. */
static pwf_status add_all(folder *f, const char *part, int depth)
{
    char path[PWF_PATH], name[PWF_PATH];
    struct stat st;
    names all;
    PWF_TRY(full_path(f, part, path));
    PWF_TRY(list_folder(path, keep_visible, "", &all));
    pwf_status s = pwf_ok();
    for (int i = 0; i < 2 * all.count && s.code == PWF_OK; i++) {
        const char *one = all.at[i % all.count]->d_name;
        const int n = snprintf(name, sizeof name, "%s%s%s", part, *part ? "/" : "", one);
        if (n >= (int)sizeof name) s = PWF_FAIL(PWF_DATA, "the path of %.200s... is too long", one);
        if (s.code == PWF_OK) s = full_path(f, name, path);
        if (s.code != PWF_OK || lstat(path, &st) != 0) continue;
        if (i < all.count && !S_ISDIR(st.st_mode) && is_image(one))
            s = add_file(f, name, 0);
        else if (i >= all.count && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            s = add_all(f, name, depth + 1);
    }
    names_free(&all);
    return s;
}

/* `path` is a folder that the user named for predict; it has no train/ and val/. */
static pwf_status fill_all(folder *f, const char *path)
{
    PWF_FAIL_IF(strlen(path) >= sizeof f->root, PWF_DATA,
                "the name of the folder %.100s... is too long", path);
    strcpy(f->root, path);
    pwf_data_resolve(path, f->real);
    PWF_TRY(add_all(f, "", 0));
    if (f->count > 0) return pwf_ok();
    return PWF_FAIL(PWF_DATA, "%s has no .jpeg, .jpg or .png file", path);
}

/* Hash of all names, sizes and labels in order. */
static pwf_hash hash_list(const folder *f)
{
    pwf_hasher h;
    pwf_hasher_begin(&h);
    for (int64_t i = 0; i < f->count; i++) {
        const int64_t numbers[2] = {f->files[i].size, f->files[i].label};
        pwf_hasher_add(&h, name_of(f, i), strlen(name_of(f, i)) + 1);
        pwf_hasher_add(&h, numbers, sizeof numbers);
    }
    return pwf_hasher_digest(&h);
}

static pwf_status open_part(const pwf_dataset_request *request, bool train, pwf_images *out)
{
    folder *f = NULL;
    PWF_FAIL_IF(request->channels != 3, PWF_CONFIG,
                "the images of an image folder have 3 channels, but model.channels is %lld",
                (long long)request->channels);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *f, &f));
    out->self = f;
    PWF_TRY(request->folder ? fill_all(f, request->folder) : fill_part(f, request, train));
    out->count = f->count;
    out->classes = f->classes.count;
    out->hash = hash_list(f);
    return pwf_ok();
}

static void close_folder(void *self)
{
    folder *f = self;
    names_free(&f->classes);
    pwf_mem_free(f->names);
    pwf_mem_free(f->files);
    pwf_mem_free(f);
}

static pwf_images_item get(const void *self, int64_t index)
{
    const folder *f = self;
    return (pwf_images_item){name_of(f, index), f->files[index].size, f->files[index].label};
}

static const char *class_name(const void *self, int64_t class)
{
    return ((const folder *)self)->classes.at[class]->d_name;
}

static pwf_status read_image(const void *self, int64_t index, pwf_image *out)
{
    const folder *f = self;
    char path[PWF_PATH];
    PWF_TRY(full_path(f, name_of(f, index), path));
    return pwf_data_read_image(f->real, path, f->files[index].size, out);
}

const pwf_source pwf_source_imagefolder = {.open = open_part,
                                           .close = close_folder,
                                           .get = get,
                                           .class_name = class_name,
                                           .read = read_image};
