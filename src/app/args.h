/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_ARGS_H
#define PWF_APP_ARGS_H

#include "pwf/core/status.h"
#include "pwf/mesh/mesh.h"

#include <stdbool.h>
#include <stdio.h>

/** The one argument parser of both programs. Each command is a table of options, from which its
 * arguments are parsed, its help is printed and mistyped options are suggested. */

enum { PWF_APP_OPTIONS_MAX = 12, PWF_APP_SETS_MAX = 200 };

typedef struct pwf_app_option {
    const char *name;     /* "--output" */
    const char *letter;   /* "-o", or NULL */
    const char *argument; /* "FILE"; "[WHAT]" may be left out; NULL: a switch */
    const char *key;      /* the setting it sets; "": the argument is KEY=VALUE; NULL: none */
    bool required;        /* must be given exactly once; of other options the last one counts */
    const char *help;
} pwf_app_option;

/* Members of rows that several tables share. */
#define PWF_APP_OPTION_CONFIG                                                                      \
    .name = "--config", .letter = "-c", .argument = "FILE", .help = "settings, a YAML file"
#define PWF_APP_OPTION_SET                                                                         \
    .name = "--set", .argument = "KEY=VALUE", .key = "",                                           \
    .help = "one setting, such as optim.lr=0.01; may be repeated"
#define PWF_APP_OPTION_MODEL                                                                       \
    .name = "--model", .argument = "NAME", .key = "model.name",                                    \
    .help = "model family or preset; short for --set model.name=NAME"
#define PWF_APP_OPTION_DIRECTORY                                                                   \
    .name = "--output", .argument = "DIR", .key = "output",                                        \
    .help = "run directory; short for --set output=DIR"
#define PWF_APP_OPTION_JSON .name = "--json", .help = "print JSON instead of text"

/* The table of a command. */
#define PWF_APP_OPTIONS(table) .options = table, .option_count = sizeof table / sizeof *table

typedef struct pwf_app_args pwf_app_args;

typedef struct pwf_app_command {
    const char *name;     /* "pwf eval" */
    const char *operands; /* "MODEL"; with a final "...", one or more; NULL: none */
    const char *help;     /* what it does */
    const pwf_app_option *options;
    int option_count;                            /* at most PWF_APP_OPTIONS_MAX */
    pwf_status (*run)(const pwf_app_args *args); /* Local, without MPI; or NULL */
    pwf_status (*run_on)(const pwf_mesh *mesh, const pwf_app_args *args); /* Collective; or NULL */
} pwf_app_command;

/* A parsed command line. All strings are those of argv. */
struct pwf_app_args {
    const pwf_app_command *command;
    bool help;                              /* --help or -h: nothing after it was parsed */
    const char *value[PWF_APP_OPTIONS_MAX]; /* by row; "" for a switch; NULL: not given */
    char **operand;
    int operands;
    struct {
        const char *key, *value; /* key NULL: value is KEY=VALUE */
        const char *option;      /* its name, for messages */
    } set[PWF_APP_SETS_MAX];     /* options with a key, in their order */
    int sets;
};

/** Parses argv[1] to argv[argc - 1] by the table of `command`. Operands are moved to the front of
 * argv, which args->operand points into.
 * Local. Fails with PWF_USAGE; `args` then holds what was parsed before. */
pwf_status pwf_app_parse(const pwf_app_command *command, int argc, char **argv, pwf_app_args *args);

/** The argument of the option `name` of the command's table; "" for a switch; NULL if not given.
 * Local. */
const char *pwf_app_value(const pwf_app_args *args, const char *name);

/** A PWF_USAGE failure that names the command, the problem and where the help is.
 * Local. */
pwf_status pwf_app_usage(const pwf_app_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Prints the usage line and the description of a command; and a line for each option.
 * Local. */
void pwf_app_print_usage(FILE *out, const pwf_app_command *command);
void pwf_app_print_options(FILE *out, const pwf_app_command *command);

#endif
