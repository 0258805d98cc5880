/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of exit codes and the reference page that is printed from it. Both programs end with
 * one of these codes, --help prints the table, and slurm/requeue.sh acts on it. Pure data: no
 * state, no files, no MPI. */
#include "pwf/core/codes.h"

/* Actions are in Markdown, for the reference page; slurm/requeue.sh carries them out. */
const pwf_code_row pwf_code_rows[] = {
    {PWF_OK, "OK", "finished; the results are verified", "nothing"},
    {PWF_USAGE, "USAGE", "the command line is wrong", "fix it; do not requeue"},
    {PWF_DATA, "DATA", "data or a checkpoint is damaged", "do not requeue"},
    {PWF_MISSING, "MISSING", "data, a settings file or a named checkpoint is missing",
     "do not requeue"},
    {PWF_LAUNCH, "LAUNCH",
     "the job was launched incorrectly: processes do not find each other, more workers than slots, "
     "a library that differs from the one pwf was built with, or a missing package",
     "fix it; `pwf doctor` names the cause"},
    {PWF_BUG, "BUG", "a bug in pwf, or an MPI function failed",
     "keep the core file and report it; resume with `--resume auto`"},
    {PWF_RESOURCE, "RESOURCE", "out of memory, shared memory or file descriptors",
     "requeue with more, at most twice"},
    {PWF_CANTCREATE, "CANTCREATE",
     "the output cannot be created, or the run directory holds another run, is in use, or is not "
     "the same directory on every host",
     "fix it"},
    {PWF_IO, "IO", "input or output failed", "requeue on other nodes, at most twice"},
    {PWF_STOPPED, "STOPPED", "stopped on request; a verified checkpoint was written",
     "requeue with `--resume auto`"},
    {PWF_NUMBERS, "NUMBERS",
     "a loss, gradient or logit is repeatedly non-finite, the loss repeatedly spikes, or the ranks "
     "hold different states",
     "check the settings"},
    {PWF_DENIED, "DENIED", "permission denied", "fix it"},
    {PWF_CONFIG, "CONFIG", "a setting is invalid, whatever its source", "fix it"},
    {PWF_STUCK, "STUCK", "the job hung and the watchdog ended it",
     "requeue with `--resume auto`; from the second time on, without the host it names"},
};

const int pwf_code_count = sizeof pwf_code_rows / sizeof *pwf_code_rows;

/* Codes are sparse, so the table is searched; only messages need names. */
const char *pwf_code_name(pwf_code code)
{
    for (int i = 0; i < pwf_code_count; i++)
        if (pwf_code_rows[i].code == code) return pwf_code_rows[i].name;
    return "UNKNOWN";
}

/* The text before and after the table covers exits that have no row. */
void pwf_codes_print_markdown(FILE *out)
{
    fputs("# Exit codes\n\n"
          "Generated from the table in `src/core/codes.c`; do not edit.\n\n"
          "All ranks of a job end with the same code, unless they can no longer agree on one:\n\n"
          "* On a hang (79), the watchdog of one rank prints `code=STUCK` and ends its process.\n"
          "* After a failed MPI function (70), or if shared memory runs out under a mapped file "
          "(71), the rank ends at once.\n"
          "* A violated assertion ends the process with SIGABRT (128 + 6).\n\n"
          "The launcher then kills the other ranks, and there is no `RESULT` line.\n"
          "Otherwise a run that has started training prints a `RESULT` line with its code at the "
          "end.\n\n"
          "| code | name | meaning | what a scheduler should do |\n|---|---|---|---|\n",
          out);
    for (int i = 0; i < pwf_code_count; i++)
        fprintf(out, "| %d | %s | %s | %s |\n", (int)pwf_code_rows[i].code, pwf_code_rows[i].name,
                pwf_code_rows[i].meaning, pwf_code_rows[i].action);
    fputs("\nThe codes 64 to 78 have the meanings of `sysexits.h`, except 76.\n"
          "The job scripts requeue after 71, 74, 75, 79 and after kills (`slurm/requeue.sh`); they "
          "exclude a host only after a second 79.\n"
          "mpirun itself ends with 1 after SIGTERM, and with 128 + n when signal n killed a "
          "rank.\n",
          out);
}
