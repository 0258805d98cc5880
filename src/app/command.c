/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <string.h>

/* The value of an option that needs one: behind '=' or in the next word. */
static const char *value_of(int argc, char **argv, int *at, const char *name)
{
    const size_t length = strlen(name);
    if (strncmp(argv[*at], name, length) != 0) return NULL;
    if (argv[*at][length] == '=') return argv[*at] + length + 1;
    if (argv[*at][length] != '\0' || *at + 1 >= argc) return NULL;
    return argv[++*at];
}

static bool is(const char *word, const char *name)
{
    return strcmp(word, name) == 0;
}

/* --resume takes a word only if one follows that is not another option. */
static pwf_status parse_resume(int argc, char **argv, int *at, pwf_app_command *command)
{
    const char *word = NULL;
    if (argv[*at][strlen("--resume")] == '=')
        word = argv[*at] + strlen("--resume=");
    else if (*at + 1 < argc && argv[*at + 1][0] != '-')
        word = argv[++*at];
    if (word && !*word)
        return PWF_FAIL(PWF_USAGE,
                        "the checkpoint that --resume names is an empty text; leave it out, or "
                        "write auto, for the newest one of the run directory");
    command->resume = true;
    command->checkpoint = word && !is(word, "auto") ? word : NULL;
    return pwf_ok();
}

static pwf_status parse_value(int argc, char **argv, int *at, pwf_app_command *command)
{
    const char *word = argv[*at], *value = NULL;
    if ((value = value_of(argc, argv, at, "--config")) ||
        (value = value_of(argc, argv, at, "-c"))) {
        command->config = value;
    } else if ((value = value_of(argc, argv, at, "--output"))) {
        command->output = value;
    } else if ((value = value_of(argc, argv, at, "--set"))) {
        if (command->sets == PWF_APP_SETS_MAX)
            return PWF_FAIL(PWF_USAGE, "more than %d --set options; use a YAML file",
                            PWF_APP_SETS_MAX);
        command->set[command->sets++] = value;
    } else if (is(word, "-c") || is(word, "--config") || is(word, "--output") ||
               is(word, "--set")) {
        return PWF_FAIL(PWF_USAGE, "%s needs a value; see --help", word);
    } else {
        return PWF_FAIL(PWF_USAGE, "'%.100s' is not an option of pwf_dist; see --help", word);
    }
    return pwf_ok();
}

pwf_status pwf_app_parse(int argc, char **argv, pwf_app_command *command)
{
    memset(command, 0, sizeof *command);
    for (int i = 1; i < argc; i++) {
        if (is(argv[i], "--help") || is(argv[i], "-h")) {
            command->action = PWF_APP_HELP;
            return pwf_ok();
        }
        if (is(argv[i], "--version")) {
            command->action = PWF_APP_VERSION;
            return pwf_ok();
        }
        if (is(argv[i], "--check"))
            command->action = PWF_APP_CHECK;
        else if (is(argv[i], "--dry-run"))
            command->action =
                command->action == PWF_APP_CALIBRATE ? PWF_APP_CALIBRATE : PWF_APP_DRY_RUN;
        else if (is(argv[i], "--calibrate"))
            command->action = PWF_APP_CALIBRATE;
        else if (is(argv[i], "--resume") || strncmp(argv[i], "--resume=", 9) == 0)
            PWF_TRY(parse_resume(argc, argv, &i, command));
        else
            PWF_TRY(parse_value(argc, argv, &i, command));
    }
    return pwf_ok();
}
