/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of pwf_dist (first byte 'd') or of a command of pwf, and the settings in it.
 * Words end with a zero byte. */
#include "fuzz.h"

#include "app.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 512 };

static const pwf_app_option options[] = {{PWF_APP_OPTION_CONFIG},
                                         {PWF_APP_OPTION_SET},
                                         {PWF_APP_OPTION_DIRECTORY},
                                         {PWF_APP_OPTION_MODEL},
                                         {.name = "--resume", .argument = "[WHAT]"}};

enum { OPTIONS = sizeof options / sizeof *options };

static const pwf_app_command job = {
    .name = "pwf_dist", .options = options, .option_count = OPTIONS};
static const pwf_app_command tool = {
    .name = "pwf eval", .operands = "MODEL ...", .options = options, .option_count = OPTIONS};

/* Values are the caller's, whole words or what follows a '='; "auto" is the parser's. */
static void check_name(const char *text, const char *words, size_t size)
{
    PWF_ASSERT(!text || strcmp(text, "auto") == 0 || (text >= words && text <= words + size));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static pwf_config config;
    static pwf_app_args args;
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
    if (pwf_app_parse(data[0] == 'd' ? &job : &tool, argc, argv, &args).code == PWF_OK) {
        for (int i = 0; i < OPTIONS; i++)
            check_name(args.value[i], words, size);
        PWF_ASSERT(args.sets >= 0 && args.sets <= PWF_APP_SETS_MAX);
        PWF_ASSERT(args.operands >= 0 && args.operands < argc);
        args.value[0] = NULL; /* fuzz_yaml reads files */
        if (pwf_app_layer(&args, NULL, &config).code == PWF_OK) fuzz_accept();
    }
    free(words);
}
