/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of settings, as on the command line (--set group.key=value) and in the environment
 * (PWF_GROUP_KEY=value). */
#include "fuzz.h"

#include "pwf/config/config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static pwf_config defaults, config;

static bool apply(char *line)
{
    if (strncmp(line, "PWF_", 4) != 0) return pwf_config_set(&config, line).code == PWF_OK;
    char *mine[] = {line, NULL}; /* setenv would leak every value */
    char **before = environ;
    environ = mine;
    const pwf_status s = pwf_config_read_environment(&config);
    environ = before;
    return s.code == PWF_OK;
}

void fuzz_one(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    PWF_ASSERT(text);
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    if (defaults.train.batch == 0)
        pwf_config_defaults(&defaults); /* slower than the rest of an input */
    config = defaults;
    bool good = true;
    for (char *line = text; good && line < text + size;) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        if (end) *end = '\0';
        good = apply(line); /* stop at the first refused line */
        line = end ? end + 1 : text + size;
    }
    if (good && pwf_config_check(&config).code == PWF_OK) fuzz_accept();
    free(text);
}
