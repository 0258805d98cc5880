/* SPDX-License-Identifier: BSD-3-Clause */
/* config_tool FILE.yaml ...: reads each over the defaults and prints all settings, followed
 * by a line "---"; prints the message and code of a file that is refused. */
#include "pwf/config/config.h"

#include <stdio.h>
#include <stdlib.h>

static pwf_status print_settings(const char *path)
{
    static pwf_config config;
    char *text = NULL;
    pwf_config_defaults(&config);
    PWF_TRY(pwf_config_read_file(&config, path));
    PWF_TRY(pwf_config_write(&config, &text));
    printf("%s---\n", text);
    free(text);
    return pwf_ok();
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const pwf_status s = print_settings(argv[i]);
        if (s.code == PWF_OK) continue;
        fprintf(stderr, "%s\n", s.text);
        return (int)s.code;
    }
    return PWF_OK;
}
