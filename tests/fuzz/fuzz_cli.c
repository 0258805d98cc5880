/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of pwf_dist (first byte 'd'), or the options that the commands of pwf about a
 * network share; then the settings they give. Words end with a zero byte. */
#include "fuzz.h"

#include "network.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 512 };

static bool network_options(int argc, char **argv, pwf_app_command *command)
{
    static pwf_app_network network;
    memset(&network, 0, sizeof network);
    for (int i = 1; i < argc; i++) {
        bool taken = false;
        if (pwf_app_network_option(argc, argv, &i, &network, &taken).code != PWF_OK) return false;
        PWF_ASSERT(i < argc);
    }
    *command = network.command;
    return true;
}

/* Names are the caller's, whole words or what stands behind a '='. */
static void check_name(const char *text, const char *words, size_t size)
{
    PWF_ASSERT(!text || (text >= words && text <= words + size));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static pwf_config config;
    static pwf_app_command command;
    static char *argv[WORDS_MAX + 1], program[] = "pwf_dist";
    if (size < 1) return;
    char *words = malloc(size + 1);
    PWF_ASSERT(words);
    memcpy(words, data + 1, size - 1);
    words[size - 1] = '\0';
    int argc = 1;
    argv[0] = program;
    for (char *at = words; at < words + size && argc < WORDS_MAX; at += strlen(at) + 1)
        argv[argc++] = at;
    argv[argc] = NULL;
    memset(&command, 0, sizeof command);
    const bool good = data[0] == 'd' ? pwf_app_parse(argc, argv, &command).code == PWF_OK
                                     : network_options(argc, argv, &command);
    if (good) {
        check_name(command.config, words, size);
        check_name(command.output, words, size);
        check_name(command.checkpoint, words, size);
        PWF_ASSERT(command.sets >= 0 && command.sets <= PWF_APP_SETS_MAX);
        command.config = NULL; /* files are the business of fuzz_yaml */
        if (pwf_app_layer(&command, NULL, &config).code == PWF_OK) fuzz_accept();
    }
    free(words);
}
