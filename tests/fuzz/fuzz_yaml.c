/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration file, read and checked; a valid one is written and read back to the same values.
 */
#include "fuzz.h"

#include "pwf/config/config.h"

#include <stdlib.h>
#include <string.h>

static pwf_config defaults, config, again;

static void write_and_read(void)
{
    char *text = NULL, *twice = NULL;
    fuzz_must(pwf_config_write(&config, &text));
    again = defaults;
    fuzz_must(pwf_config_read_text(&again, text, strlen(text), "again", PWF_FROM_YAML));
    fuzz_must(pwf_config_same(&config, &again));
    fuzz_must(pwf_config_write(&again, &twice));
    PWF_ASSERT(strcmp(text, twice) == 0);
    free(text);
    free(twice);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    if (defaults.train.batch == 0)
        pwf_config_defaults(&defaults); /* slower than the rest of an input */
    config = defaults;
    if (pwf_config_read_text(&config, (const char *)data, size, "input", PWF_FROM_YAML).code !=
        PWF_OK)
        return;
    if (pwf_config_check(&config).code != PWF_OK) return;
    fuzz_accept();
    write_and_read();
}
