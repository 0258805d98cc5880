/* SPDX-License-Identifier: BSD-3-Clause */
/* Where values come from: defaults, a YAML file, environment variables, --set. A value replaces
 * one of a lower or equal origin only, so the order of the calls does not matter. Called by app;
 * reads the file and the environment. */
#include "table.h"

#include "pwf/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MAX = 64 };

/* Defaults pass through the same reader as user input, so that they obey the same rules. */
void pwf_config_defaults(pwf_config *config)
{
    memset(config, 0, sizeof *config);
    for (int i = 0; i < pwf_option_count; i++) {
        pwf_value value;
        pwf_status status =
            pwf_value_read(&pwf_options[i], "default", pwf_options[i].standard, &value);
        PWF_ASSERT(status.code == PWF_OK);
        /* The lowest origin: everything else replaces it. */
        pwf_value_store(config, &pwf_options[i], &value, PWF_FROM_DEFAULT);
    }
}

/* The file name is clipped if it would fill the message. */
static pwf_status fail_open(const char *path, int error)
{
    char clip[PWF_CLIP];
    const pwf_code code = error == ENAMETOOLONG ? PWF_IO : pwf_errno_code(error, PWF_FILE_INPUT);
    return PWF_FAIL(code, "%s: the configuration cannot be read: %s",
                    strlen(path) < 300 ? path : pwf_clip(path, strlen(path), clip),
                    strerror(error));
}

/* Reads to the end, or one byte more than a configuration may have, which is then refused. */
static int read_all(int file, char *text, size_t *length)
{
    *length = 0;
    while (*length <= PWF_CONFIG_FILE_MAX) {
        ssize_t got = read(file, text + *length, PWF_CONFIG_FILE_MAX + 1 - *length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        *length += (size_t)got;
    }
    return 0;
}

pwf_status pwf_config_read_file(pwf_config *config, const char *path)
{
    /* Without O_NONBLOCK, opening a named pipe could block forever. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return fail_open(path, errno);
    /* Only a regular file has an end; a device could be read forever. */
    struct stat about;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(file);
        char clip[PWF_CLIP];
        return PWF_FAIL(PWF_IO, "%s: not a regular file", pwf_clip(path, strlen(path), clip));
    }
    char *text = malloc(PWF_CONFIG_FILE_MAX + 1);
    if (!text) {
        close(file);
        return fail_open(path, ENOMEM);
    }
    size_t length;
    int error = read_all(file, text, &length);
    close(file);
    pwf_status status = error ? fail_open(path, error)
                              : pwf_config_read_text(config, text, length, path, PWF_FROM_YAML);
    free(text);
    return status;
}

/* The first "=" ends the key; everything after it is the value. */
pwf_status pwf_config_set(pwf_config *config, const char *assignment)
{
    char clip[PWF_CLIP], place[PWF_CLIP + 16];
    pwf_clip(assignment, strlen(assignment), clip);
    snprintf(place, sizeof place, "--set %s", clip);
    const char *equals = strchr(assignment, '=');
    PWF_FAIL_IF(!equals, PWF_CONFIG, "%s has no value; write, for example, --set optim.lr=0.01",
                place);
    /* The key must match in full; a near one is suggested. */
    size_t length = (size_t)(equals - assignment);
    const pwf_option *option = pwf_option_find(assignment, length);
    if (!option) {
        char key[KEY_MAX], meant[400];
        PWF_FAIL_IF(length >= KEY_MAX || pwf_utf8_check(assignment, length, false) != length,
                    PWF_CONFIG, "%s: this is not a key", place);
        memcpy(key, assignment, length);
        key[length] = '\0';
        /* The text is printable and short, so it may appear in the message as it is. */
        pwf_suggest_key(key, false, meant, sizeof meant);
        return PWF_FAIL(PWF_CONFIG, "%s: %s is not a key%s", place, length ? key : "''", meant);
    }
    pwf_value value;
    PWF_TRY(pwf_value_read(option, "--set", equals + 1, &value));
    pwf_value_store(config, option, &value, PWF_FROM_OPTION);
    return pwf_ok();
}

extern char **environ;

/* Whether the first `length` bytes of an environment entry are the variable of `key`. */
static bool is_variable(const char *entry, size_t length, const char *key)
{
    char name[PWF_VARIABLE];
    pwf_option_variable(key, name);
    return strlen(name) == length && memcmp(entry, name, length) == 0;
}

/* Whether NAME of "NAME=value" has the prefix of a group but is not a setting. */
static bool is_refused(const char *entry, size_t length)
{
    static const char *const ours[] = {"PWF_SOURCE_DIR", "PWF_BIN_DIR"};
    /* Variables of other programs, and of the test suite. */
    if (strncmp(entry, "PWF_", 4) != 0 || strncmp(entry, "PWF_TEST_", 9) == 0) return false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strlen(ours[i]) == length && memcmp(ours[i], entry, length) == 0) return false;
    for (int i = 0; i < pwf_option_count; i++)
        if (is_variable(entry, length, pwf_options[i].key)) return false;
    /* Other programs may use PWF_, too; only names that begin like a group are refused. */
    for (int i = 0; i < pwf_group_count; i++) {
        char name[PWF_VARIABLE];
        pwf_option_variable(pwf_groups[i].name, name);
        size_t group = strlen(name);
        if (length >= group && memcmp(entry, name, group) == 0 &&
            (length == group || entry[group] == '_'))
            return true;
    }
    return false;
}

/* Turns PWF_GROUP_KEY back into group.key to find what was meant. */
static pwf_status fail_variable(const char *entry, size_t length)
{
    char clip[PWF_CLIP], key[KEY_MAX], meant[600];
    pwf_clip(entry, length, clip);
    size_t used = 0;
    bool dotted = false;
    for (const char *at = entry + 4; at < entry + length && used + 1 < sizeof key; at++) {
        char c = *at;
        if (c == '_' && !dotted) { /* group names have no underscore */
            c = '.';
            dotted = true;
        }
        key[used++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    key[used] = '\0';
    pwf_suggest_key(key, true, meant, sizeof meant);
    return PWF_FAIL(PWF_CONFIG, "%s is not a setting%s", clip, meant);
}

pwf_status pwf_config_read_environment(pwf_config *config)
{
    /* Reports the alphabetically first, so that all ranks report the same. */
    const char *refused = NULL;
    for (char **entry = environ; entry && *entry; entry++) {
        size_t length = strcspn(*entry, "=");
        if (is_refused(*entry, length) && (!refused || strcmp(*entry, refused) < 0))
            refused = *entry;
    }
    if (refused) return fail_variable(refused, strcspn(refused, "="));
    for (int i = 0; i < pwf_option_count; i++) {
        char name[PWF_VARIABLE];
        pwf_option_variable(pwf_options[i].key, name);
        const char *text = getenv(name);
        if (!text) continue;
        pwf_value value;
        /* The name of the variable is the place in messages. */
        PWF_TRY(pwf_value_read(&pwf_options[i], name, text, &value));
        pwf_value_store(config, &pwf_options[i], &value, PWF_FROM_ENVIRONMENT);
    }
    return pwf_ok();
}

pwf_origin pwf_config_origin(const pwf_config *config, const char *key)
{
    const pwf_option *option = pwf_option_find(key, strlen(key));
    PWF_ASSERT(option);
    return (pwf_origin)config->origin[option - pwf_options];
}

bool pwf_config_is_set(const pwf_config *config, const char *key)
{
    return pwf_config_origin(config, key) != PWF_FROM_DEFAULT;
}
