/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses command lines and prints help, both from the option table of a command. Called by the
 * mains before MPI starts, and by the fuzz target. Touches nothing but argv and the given stream.
 */
#include "args.h"

#include "pwf/core/words.h"

#include <stdarg.h>
#include <string.h>

enum { USAGE_TEXT = 400 /* bytes */, WIDTH = 99 /* columns of help */ };

pwf_status pwf_app_usage(const pwf_app_command *command, const char *format, ...)
{
    char text[USAGE_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return PWF_FAIL(PWF_USAGE, "%s: %s; see %s --help", command->name, text, command->name);
}

/* Whether the argument of an option may be left out. */
static bool is_optional(const pwf_app_option *option)
{
    return option->argument && option->argument[0] == '[';
}

/* Whether `word` is `name` or `name=...`. */
static bool is_named(const char *word, const char *name)
{
    const size_t length = name ? strlen(name) : 0;
    return length > 0 && strncmp(word, name, length) == 0 &&
           (word[length] == '\0' || word[length] == '=');
}

/* The failure for an unknown option, with the most similar known one. */
static pwf_status unknown(const pwf_app_command *command, const char *word)
{
    const char *names[PWF_APP_OPTIONS_MAX + 2] = {"--help"};
    for (int i = 0; i < command->option_count; i++)
        names[i + 1] = command->options[i].name;
    const char *meant = pwf_word_nearest(word, names);
    return pwf_app_usage(command, "unknown option %.100s%s%s%s", word,
                         meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

/* Finds the argument of the option at argv[*at]: the text after '=', or the next word, to which *at
 * then moves. An optional argument is taken from the next word only if that is not an option; if it
 * is left out, it is "auto". */
static pwf_status take_argument(const pwf_app_args *args, const pwf_app_option *option, int argc,
                                char **argv, int *at, const char **value)
{
    const char *equals = strchr(argv[*at], '=');
    *value = "";
    if (!option->argument)
        return equals ? pwf_app_usage(args->command, "%s takes no argument", option->name)
                      : pwf_ok();
    if (equals) {
        *value = equals + 1;
        if (is_optional(option) && !**value)
            return pwf_app_usage(args->command, "the argument of %s is empty; leave out the '='",
                                 option->name);
    } else if (is_optional(option)) {
        *value = *at + 1 < argc && argv[*at + 1][0] != '-' ? argv[++*at] : "auto";
    } else {
        if (*at + 1 >= argc)
            return pwf_app_usage(args->command, "%s needs an argument, %s", argv[*at],
                                 option->argument);
        *value = argv[++*at];
    }
    return pwf_ok();
}

/* Parses the option at argv[*at] and moves *at to its last word. Options with a key are collected
 * in their order, so that a later one overrides an earlier one. */
static pwf_status take_option(pwf_app_args *args, int argc, char **argv, int *at)
{
    const pwf_app_command *command = args->command;
    int row = 0;
    while (row < command->option_count && !is_named(argv[*at], command->options[row].name) &&
           !is_named(argv[*at], command->options[row].letter))
        row++;
    if (row == command->option_count) return unknown(command, argv[*at]);
    const pwf_app_option *option = &command->options[row];
    const char *value;
    PWF_TRY(take_argument(args, option, argc, argv, at, &value));
    if (option->required && args->value[row])
        return pwf_app_usage(command, "%s is given twice", option->name);
    args->value[row] = value;
    if (!option->key) return pwf_ok();
    if (args->sets == PWF_APP_SETS_MAX)
        return pwf_app_usage(command, "more than %d settings; use a YAML file", PWF_APP_SETS_MAX);
    args->set[args->sets].key = *option->key ? option->key : NULL;
    args->set[args->sets].value = value;
    args->set[args->sets++].option = option->name;
    return pwf_ok();
}

/* Operands and required options, once all words are parsed. */
static pwf_status check_complete(const pwf_app_args *args)
{
    const pwf_app_command *command = args->command;
    const bool many = command->operands && strstr(command->operands, "...");
    if (command->operands && args->operands == 0)
        return pwf_app_usage(command, "no %s given", command->operands);
    if (!many && args->operands > (command->operands != NULL))
        return pwf_app_usage(command, "unexpected argument '%.100s'",
                             args->operand[command->operands != NULL]);
    for (int i = 0; i < command->option_count; i++) {
        const pwf_app_option *option = &command->options[i];
        if (option->required && !args->value[i])
            return pwf_app_usage(command, "no %s given",
                                 option->letter ? option->letter : option->name);
    }
    return pwf_ok();
}

/* A lone "-" is an operand. --help ends the parsing, so that it works with any other arguments. */
pwf_status pwf_app_parse(const pwf_app_command *command, int argc, char **argv, pwf_app_args *args)
{
    PWF_ASSERT(command->option_count <= PWF_APP_OPTIONS_MAX);
    memset(args, 0, sizeof *args);
    args->command = command;
    args->operand = argv + 1;
    for (int i = 1; i < argc; i++) {
        args->help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        if (args->help) return pwf_ok();
        if (argv[i][0] == '-' && argv[i][1])
            PWF_TRY(take_option(args, argc, argv, &i));
        else
            args->operand[args->operands++] = argv[i];
    }
    return check_complete(args);
}

/* Asking for an option that the table does not have is a bug. */
const char *pwf_app_value(const pwf_app_args *args, const char *name)
{
    int row = 0;
    while (row < args->command->option_count && strcmp(args->command->options[row].name, name) != 0)
        row++;
    PWF_ASSERT(row < args->command->option_count);
    return args->value[row];
}

/* Required options are part of the usage line; the others are listed by the help. */
void pwf_app_print_usage(FILE *out, const pwf_app_command *command)
{
    fprintf(out, "  %s%s%s", command->name, command->operands ? " " : "",
            command->operands ? command->operands : "");
    bool more = false;
    for (int i = 0; i < command->option_count; i++) {
        const pwf_app_option *option = &command->options[i];
        more = more || !option->required;
        if (option->required)
            fprintf(out, " %s %s", option->letter ? option->letter : option->name,
                    option->argument);
    }
    fprintf(out, "%s\n      ", more ? " [OPTIONS]" : "");
    pwf_words_print(out, command->help, 6, WIDTH);
}

/* Options without a letter are indented, so that all long names line up. */
void pwf_app_print_options(FILE *out, const pwf_app_command *command)
{
    enum { TEXT_AT = 28 };
    for (int i = 0; i < command->option_count; i++) {
        const pwf_app_option *option = &command->options[i];
        char left[80];
        snprintf(left, sizeof left, "  %s%s%s%s%s", option->letter ? option->letter : "",
                 option->letter ? ", " : "    ", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        fprintf(out, "%-*s", TEXT_AT, left);
        pwf_words_print(out, option->help, TEXT_AT, WIDTH);
    }
    fprintf(out, "%-*sprint this help\n", TEXT_AT, "  -h, --help");
}
