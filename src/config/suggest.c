/* SPDX-License-Identifier: BSD-3-Clause */
/* Suggestions for mistyped keys, groups and words, as the end of a sentence: "; did you mean
 * optim.lr?". Called by yaml.c, value.c and sources.c when a name is unknown. The edit distance is
 * that of core/words.h, which the command line uses too. No state. */
#include "table.h"

#include "pwf/core/words.h"

#include <ctype.h>
#include <string.h>

/* The part of a key after its last dot. */
static const char *leaf_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* The distance of `key` from an option; SIZE_MAX if it is not near. A correct key in a wrong group
 * costs slightly more than a typing error within the right group. */
static size_t rate(const char *key, const pwf_option *option)
{
    const char *leaf = leaf_of(key), *own = pwf_option_leaf(option);
    size_t best = SIZE_MAX, whole = pwf_word_distance(key, option->key),
           part = pwf_word_distance(leaf, own);
    bool same_group =
        leaf - key == own - option->key && strncmp(key, option->key, (size_t)(leaf - key)) == 0;
    if (same_group ? pwf_word_is_near(part, own) || (part == 1 && strlen(own) == 2)
                   : pwf_word_is_near(whole, option->key) && whole <= 3)
        best = 2 * whole;
    if (pwf_word_is_near(part, own) && 2 * part + 3 < best) best = 2 * part + 3;
    return best;
}

/* Appends to a buffer of `size` bytes, truncating if it does not fit. */
static void append(char *text, size_t size, const char *piece)
{
    size_t used = strlen(text);
    if (used + 1 < size) snprintf(text + used, size - used, "%s", piece);
}

/* Adds a key, or its environment variable. */
static void append_key(char *text, size_t size, const char *key, bool variable)
{
    char name[PWF_VARIABLE];
    if (variable) pwf_option_variable(key, name);
    append(text, size, variable ? name : key);
}

/* When nothing is near, or the key names a group: lists the group's keys, or all groups. */
static void list_choices(const char *key, bool variable, char *text, size_t size)
{
    const char *dot = strchr(key, '.');
    size_t length = dot ? (size_t)(dot - key) : strlen(key);
    const pwf_group *group = pwf_group_find(key, length);
    /* Keys of the group that was named correctly, else the names of all groups. */
    snprintf(text, size, group ? "; the keys of %s are" : "; the groups are",
             group ? group->name : "");
    const char *comma = " ";
    for (int i = 0; group && i < pwf_option_count; i++) {
        if (!pwf_option_in(&pwf_options[i], group->name)) continue;
        append(text, size, comma);
        append_key(text, size, variable ? pwf_options[i].key : pwf_option_leaf(&pwf_options[i]),
                   variable);
        comma = ", ";
    }
    for (int i = 0; !group && i < pwf_group_count; i++) {
        append(text, size, comma);
        append(text, size, pwf_groups[i].name);
        comma = ", ";
    }
}

/* Suggests a group, or up to SHOWN equally near keys; if there are none, lists the valid keys or
 * groups. */
void pwf_suggest_key(const char *key, bool variable, char *text, size_t size)
{
    enum { SHOWN = 3 };
    size_t best = SIZE_MAX;
    text[0] = '\0';
    for (int i = 0; i < pwf_option_count; i++) {
        const size_t rating = rate(key, &pwf_options[i]);
        if (rating < best) best = rating;
    }
    bool group = pwf_group_find(key, strlen(key)) != NULL;
    /* A mistyped group, if the word is at least as near to one as to any key. */
    for (int i = 0; !group && !strchr(key, '.') && i < pwf_group_count; i++) {
        size_t slips = pwf_word_distance(key, pwf_groups[i].name);
        if (!pwf_word_is_near(slips, pwf_groups[i].name) || 2 * slips > best) continue;
        snprintf(text, size, "; did you mean the group %s?", pwf_groups[i].name);
        return;
    }
    if (best == SIZE_MAX || group) {
        list_choices(key, variable, text, size);
        return;
    }
    int shown = 0;
    for (int i = 0; i < pwf_option_count && shown < SHOWN; i++) {
        if (rate(key, &pwf_options[i]) != best) continue;
        append(text, size, shown == 0 ? "; did you mean " : " or ");
        append_key(text, size, pwf_options[i].key, variable);
        shown++;
    }
    append(text, size, "?");
}

void pwf_suggest_word(const char *word, const char *const *words, char *text, size_t size)
{
    const char *best = pwf_word_nearest(word, words);
    text[0] = '\0';
    if (best) snprintf(text, size, "; did you mean %s?", best);
}

/* Converts by hand: toupper depends on the locale and may change other characters. */
void pwf_option_variable(const char *key, char name[PWF_VARIABLE])
{
    snprintf(name, PWF_VARIABLE, "PWF_%s", key);
    for (char *at = name; *at; at++)
        *at = (char)(*at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
}
