/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths and directories, and the exit code of a failed system call on a file. Called wherever files
 * are opened, created or renamed, in all rooms. Reads the file system and syncs directories;
 * creates and removes nothing, and keeps no state. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "pwf/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Missing permissions and exhausted limits have codes of their own for every file; a missing file
 * is a user error only if the user named it. */
pwf_code pwf_errno_code(int error, pwf_file_use use)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return PWF_DENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return PWF_RESOURCE;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        if (use == PWF_FILE_INPUT) return PWF_MISSING;
        break;
    default:
        break;
    }
    return use == PWF_FILE_OUTPUT ? PWF_CANTCREATE : PWF_IO;
}

pwf_status pwf_errno_status(pwf_file_use use, const char *verb, const char *path,
                            const char *source, int line)
{
    /* Read before any call that may change it. */
    const int error = errno;
    return pwf_status_make(pwf_errno_code(error, use), source, line, "cannot %s %s: %s", verb, path,
                           strerror(error));
}

bool pwf_path_directory(char dir[PWF_PATH], const char *path)
{
    const char *slash = strrchr(path, '/');
    /* 0 for a name without slash and for a name in the root. */
    const size_t length = slash ? (size_t)(slash - path) : 0;
    const bool fits = length < PWF_PATH;
    if (!fits)
        dir[0] = '\0';
    else if (length == 0)
        strcpy(dir, slash ? "/" : ".");
    else {
        memmove(dir, path, length);
        dir[length] = '\0';
    }
    return fits;
}

bool pwf_path_join(char path[PWF_PATH], const char *dir, const char *name)
{
    const bool fits = snprintf(path, PWF_PATH, "%s/%s", dir, name) < PWF_PATH;
    if (!fits) path[0] = '\0';
    return fits;
}

pwf_status pwf_path_split(const char *path, char dir[PWF_PATH], const char **name)
{
    const char *slash = strrchr(path, '/');
    struct stat info;
    *name = slash ? slash + 1 : path;
    PWF_FAIL_IF(**name == '\0', PWF_CANTCREATE, "'%.200s' does not name a file", path);
    PWF_FAIL_IF(strlen(path) >= PWF_PATH - 64, PWF_CANTCREATE,
                "the path %.200s... must be shorter than %d bytes", path, PWF_PATH - 64);
    /* lstat: a rename would replace a symbolic link, not the file it points to. */
    PWF_FAIL_IF(lstat(path, &info) == 0 && !S_ISREG(info.st_mode), PWF_CANTCREATE,
                "%s exists and is not a regular file", path);
    pwf_path_directory(dir, path);
    return pwf_ok();
}

pwf_status pwf_path_check_folder(const char *dir)
{
    struct stat info;
    if (stat(dir, &info) != 0) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "use the directory", dir);
    PWF_FAIL_IF(!S_ISDIR(info.st_mode), PWF_CANTCREATE, "%s is not a directory", dir);
    /* With the sticky bit only the owner of a file can remove or rename it. */
    PWF_FAIL_IF((info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX), PWF_DENIED,
                "every user can write to the directory %s and could replace files in it: run chmod "
                "o-w on it",
                dir);
    return pwf_ok();
}

/* Compared by device and inode, so that links and relative names are recognised. */
bool pwf_path_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

pwf_status pwf_path_sync_folder(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "open the directory", dir);
    const int e = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    /* Some file systems do not support fsync of a directory and return one of these. */
    PWF_FAIL_IF(e != 0 && e != EINVAL && e != EROFS, PWF_IO, "cannot sync the directory %s: %s",
                dir, strerror(e));
    return pwf_ok();
}
