/* SPDX-License-Identifier: BSD-3-Clause */
/* The program pwf: finds the command, parses its arguments, starts MPI if the command needs it,
 * runs it, and turns its status into the exit code. The only function of pwf that ends the process
 * is main. */
#include "app.h"

#include "pwf/core/log.h"
#include "pwf/core/words.h"
#include "pwf/h5/library.h"
#include "pwf/mesh/mesh.h"

#include <stdio.h>
#include <string.h>

static const pwf_app_command *const commands[] = {
    &pwf_app_inspect, &pwf_app_verify,  &pwf_app_doctor, &pwf_app_import,    &pwf_app_export,
    &pwf_app_eval,    &pwf_app_predict, &pwf_app_pack,   &pwf_app_fix_round,
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* The word that selects a command: its name without "pwf ". */
static const char *word_of(const pwf_app_command *command)
{
    return command->name + strlen("pwf ");
}

static void print_help(void)
{
    printf("pwf: tools for checkpoints, models, weight files and images of pwf_dist\n\n");
    for (int i = 0; i < COMMANDS; i++)
        pwf_app_print_usage(stdout, commands[i]);
    printf("\n  pwf COMMAND --help    all options of a command\n"
           "  pwf --version         versions of pwf and its libraries\n");
}

/* Logs a failure and returns the status to end with. Unwritten output is a failure too. */
static pwf_status report(pwf_status status, bool help)
{
    const pwf_status flushed = pwf_app_flush(help);
    if (status.code == PWF_OK) status = flushed;
    pwf_log_status(status);
    return status;
}

/* All ranks take part in a usage error, so that one message is printed. A failure is reported
 * before MPI ends: the launcher kills the other ranks once one has ended with an error. */
static pwf_status run_on_mesh(const pwf_app_args *args, pwf_status parsed, int argc, char **argv)
{
    const pwf_app_command *command = args->command;
    pwf_mesh *mesh = NULL;
    pwf_status status = pwf_mesh_start(&argc, &argv);
    if (status.code != PWF_OK && command == &pwf_app_doctor)
        status = pwf_app_doctor_unstarted(args, status);
    if (status.code == PWF_OK) status = pwf_mesh_new(1, &mesh);
    if (status.code == PWF_OK) {
        pwf_log_set_rank(pwf_mesh_rank(mesh, PWF_WORLD));
        status = pwf_mesh_agree(mesh, parsed);
    }
    if (status.code == PWF_OK) status = command->run_on(mesh, args);
    pwf_mesh_free(mesh);
    status = report(status, false);
    pwf_mesh_stop();
    return status;
}

/* Without MPI a fork is safe, so HDF5 files are examined in a child process first: a file that
 * crashes libhdf5 is reported as damaged. */
static pwf_status run_command(const pwf_app_command *command, int argc, char **argv)
{
    pwf_app_args args;
    pwf_status status = pwf_app_parse(command, argc, argv, &args);
    if (status.code == PWF_OK && args.help) {
        pwf_app_print_usage(stdout, command);
        putchar('\n');
        pwf_app_print_options(stdout, command);
        return report(status, true);
    }
    if (command->run_on) return run_on_mesh(&args, status, argc, argv);
    pwf_h5_contain();
    if (status.code == PWF_OK) status = command->run(&args);
    return report(status, false);
}

/* The failure for an unknown command, with the most similar known one. */
static pwf_status unknown(const char *word)
{
    const char *words[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++)
        words[i] = word_of(commands[i]);
    const char *meant = pwf_word_nearest(word, words);
    return PWF_FAIL(PWF_USAGE, "pwf: unknown command '%.100s'%s%s%s; see pwf --help", word,
                    meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

/* The commands themselves are rows of a table; only help and version are handled here. */
static pwf_status run(int argc, char **argv)
{
    if (argc < 2)
        return report(PWF_FAIL(PWF_USAGE, "pwf: no command given; see pwf --help"), false);
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return report(pwf_ok(), true);
    }
    if (strcmp(word, "--version") == 0) {
        pwf_app_print_version("pwf");
        return report(pwf_ok(), true);
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(word, word_of(commands[i])) == 0)
            return run_command(commands[i], argc - 1, argv + 1);
    return report(unknown(word), false);
}

int main(int argc, char **argv)
{
    pwf_app_start();
    return (int)run(argc, argv).code;
}
