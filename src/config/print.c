/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the option table: as commented YAML that reads back to the same values, as help for a
 * terminal, and as the Markdown page of settings. Called by app and by the tests; writes to the
 * stream it is given. */
#include "table.h"

#include "pwf/core/words.h"

#include <stdlib.h>
#include <string.h>

/* The keys of a group (NULL: those without one) as YAML, with their meaning as comments. */
static void write_group(FILE *out, const pwf_config *config, const char *group)
{
    enum { COMMENT_AT = 34 };
    for (int i = 0; i < pwf_option_count; i++) {
        const pwf_option *option = &pwf_options[i];
        if (!pwf_option_in(option, group)) continue;
        /* Keys that model.name does not read must not be set, see pwf_config_check. */
        if (pwf_option_of_preset(config, option) && !pwf_config_is_set(config, option->key))
            continue;
        /* The value is formatted first: the column of the comment depends on its length. */
        char *value = pwf_value_text(config, option);
        int used = fprintf(out, "%s%s: %s", group ? "  " : "", pwf_option_leaf(option),
                           value ? value : "");
        if (!value) fputc('\0', out); /* noticed by the caller */
        free(value);
        fprintf(out, "%*s # %s\n", used < COMMENT_AT ? COMMENT_AT - used : 0, "", option->meaning);
    }
}

pwf_status pwf_config_write(const pwf_config *config, char **text)
{
    size_t size = 0;
    *text = NULL;
    FILE *out = open_memstream(text, &size);
    PWF_FAIL_IF(!out, PWF_RESOURCE, "no memory to write the configuration");
    write_group(out, config, NULL);
    for (int i = 0; i < pwf_group_count; i++) {
        fprintf(out, "\n%s: # %s\n", pwf_groups[i].name, pwf_groups[i].meaning);
        write_group(out, config, pwf_groups[i].name);
    }
    /* A NUL byte marks a value that could not be formatted, see write_group. */
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad || !*text || memchr(*text, '\0', size)) {
        free(*text);
        *text = NULL;
        return PWF_FAIL(PWF_RESOURCE, "no memory to write the configuration");
    }
    return pwf_ok();
}

/* Columns of a line of --help. */
enum { WIDTH = 99 };

/* One key of the help: name, default, meaning and range, wrapped. */
static void print_option(FILE *out, const pwf_config *standard, const pwf_option *option)
{
    enum { VALUE_AT = 26, TEXT_AT = 40 };
    char range[200], text[600], unit[40] = "";
    char *value = pwf_value_text(standard, option);
    int used = fprintf(out, "  %-*s%s", VALUE_AT - 2, option->key, value ? value : "?");
    free(value);
    /* A long key or default has a line of its own; its meaning begins below. */
    if (used + 1 >= TEXT_AT) {
        fputc('\n', out);
        used = 0;
    }
    fprintf(out, "%*s", TEXT_AT - used, "");
    pwf_option_range(option, range, sizeof range);
    if (option->unit) snprintf(unit, sizeof unit, " %s", option->unit);
    snprintf(text, sizeof text, "%s%s%s%s%s", option->meaning, range[0] ? " (" : "", range,
             range[0] ? unit : "", range[0] ? ")" : "");
    pwf_words_print(out, text, TEXT_AT, WIDTH);
}

/* Whether the option is in the group and may change on resume (`resumable`) or may not (false). */
static bool is_resumable(const pwf_option *option, const char *group, bool resumable)
{
    return pwf_option_in(option, group) && option->of_run == resumable;
}

/* Appends the resumable keys of a group, as "checkpoint.*" if that is all of them. */
static void list_resumable(FILE *out, const char *group)
{
    int kept = 0, resumable = 0;
    for (int i = 0; i < pwf_option_count; i++) {
        /* Both counts: a group is abbreviated only if all of its keys are resumable. */
        kept += is_resumable(&pwf_options[i], group, false);
        resumable += is_resumable(&pwf_options[i], group, true);
    }
    if (group && kept == 0 && resumable > 0) {
        fprintf(out, ", %s.*", group);
        return;
    }
    for (int i = 0; i < pwf_option_count; i++)
        if (is_resumable(&pwf_options[i], group, true))
            fprintf(out, "%s%s", group ? ", " : "", pwf_options[i].key);
}

static void print_resumable(FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *list = open_memstream(&text, &size);
    if (!list) return;
    /* Collected in memory, because the words are wrapped as one paragraph. */
    fputs("A resumed run keeps the settings of its checkpoint. Only these keys may change: ", list);
    list_resumable(list, NULL);
    for (int i = 0; i < pwf_group_count; i++)
        list_resumable(list, pwf_groups[i].name);
    fputc('.', list);
    if (fclose(list) == 0) pwf_words_print(out, text, 0, WIDTH);
    free(text);
}

void pwf_config_print_help(FILE *out)
{
    pwf_config standard;
    pwf_config_defaults(&standard);
    fputs("Settings, with their defaults. A key is given in the YAML file under its group,\n"
          "after --set (--set optim.lr=0.01), or as a variable (PWF_OPTIM_LR=0.01).\n"
          "Powers of two may be written 2^-11, lists [1, 2].\n\n",
          out);
    /* The only key without a group. */
    print_option(out, &standard, pwf_option_find("output", 6));
    for (int i = 0; i < pwf_group_count; i++) {
        fprintf(out, "\n%s: %s\n", pwf_groups[i].name, pwf_groups[i].meaning);
        for (int j = 0; j < pwf_option_count; j++)
            if (pwf_option_in(&pwf_options[j], pwf_groups[i].name))
                print_option(out, &standard, &pwf_options[j]);
    }
    fputc('\n', out);
    print_resumable(out);
}

/* One row of the page of settings. */
static void print_row(FILE *out, const pwf_config *standard, const pwf_option *option)
{
    char range[200];
    char *value = pwf_value_text(standard, option);
    pwf_option_range(option, range, sizeof range);
    fprintf(out, "| `%s` | %s | `%s` | %s%s%s | %s | %s |\n", option->key, pwf_option_kind(option),
            value ? value : "?", range, option->unit && range[0] ? " " : "",
            option->unit && range[0] ? option->unit : "", option->of_run ? "yes" : "",
            option->meaning);
    free(value);
}

static void print_table(FILE *out, const pwf_config *standard, const char *group)
{
    /* One table per group, each with its head. */
    fputs("| key | kind | default | allowed | resumable | meaning |\n"
          "|---|---|---|---|---|---|\n",
          out);
    for (int i = 0; i < pwf_option_count; i++)
        if (pwf_option_in(&pwf_options[i], group)) print_row(out, standard, &pwf_options[i]);
}

void pwf_config_print_markdown(FILE *out)
{
    pwf_config standard;
    pwf_config_defaults(&standard);
    fputs(
        "# Settings\n\n"
        "Generated from the table in `src/config/table.c`; do not edit.\n\n"
        "A key is given in the YAML file under its group, after `--set` (`--set optim.lr=0.01`),\n"
        "or as an environment variable (`PWF_OPTIM_LR=0.01`).\n"
        "Precedence, highest first: `--set`, `PWF_<GROUP>_<KEY>`, the YAML file, the checkpoint, "
        "the default.\n"
        "The defaults are the published settings.\n"
        "Powers of two may be written `2^-11`, and lists `[1, 2]`; `--set` also accepts `1,2`.\n\n"
        "A resumed run keeps the settings of its checkpoint.\n"
        "Only the keys marked as resumable may change.\n\n",
        out);
    print_table(out, &standard, NULL);
    for (int i = 0; i < pwf_group_count; i++) {
        fprintf(out, "\n## %s: %s\n\n", pwf_groups[i].name, pwf_groups[i].meaning);
        print_table(out, &standard, pwf_groups[i].name);
    }
}
