/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 64 }; /* no key is longer, and nothing longer is near one */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete, replace or swap with their neighbour to make b of a. */
static size_t distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > WORD_MAX || columns > WORD_MAX) return 2 * WORD_MAX;
    size_t d[3][WORD_MAX + 1]; /* the last three rows of the table, in turn */
    for (size_t j = 0; j <= columns; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replace, 1 + least(last[j], now[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return d[rows % 3][columns];
}

/* Near enough to be meant: one slip in three letters. */
static bool is_near(size_t slips, const char *word)
{
    return slips == 0 || slips <= strlen(word) / 3;
}

static const char *leaf_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* How far `key` is from an option, SIZE_MAX for not near. A right key in a wrong group or in none
 * costs a little more than a slip of the pen inside the right group. */
static size_t rate(const char *key, const pwf_option *option)
{
    const char *leaf = leaf_of(key), *own = pwf_option_leaf(option);
    size_t best = SIZE_MAX, whole = distance(key, option->key), part = distance(leaf, own);
    bool same_group =
        leaf - key == own - option->key && strncmp(key, option->key, (size_t)(leaf - key)) == 0;
    if (same_group ? is_near(part, own) || (part == 1 && strlen(own) == 2)
                   : is_near(whole, option->key) && whole <= 3)
        best = 2 * whole;
    if (is_near(part, own)) best = least(best, 2 * part + 3);
    return best;
}

static void append(char *text, size_t size, const char *piece)
{
    size_t used = strlen(text);
    if (used + 1 < size) snprintf(text + used, size - used, "%s", piece);
}

static void append_key(char *text, size_t size, const char *key, bool variable)
{
    char name[PWF_VARIABLE];
    if (variable) pwf_option_variable(key, name);
    append(text, size, variable ? name : key);
}

/* All keys of a group, or all groups: better than silence. */
static void list_what_there_is(const char *key, bool variable, char *text, size_t size)
{
    const char *dot = strchr(key, '.');
    size_t length = dot ? (size_t)(dot - key) : strlen(key);
    const pwf_group *group = pwf_group_find(key, length);
    snprintf(text, size, group ? "; the keys of %s are" : "; the groups are",
             group ? group->name : "");
    const char *comma = " ";
    for (int i = 0; group && i < pwf_option_count; i++) {
        if (!pwf_option_in(&pwf_options[i], group->name)) continue;
        append(text, size, comma);
        if (variable) {
            append_key(text, size, pwf_options[i].key, true);
        } else {
            append(text, size, pwf_option_leaf(&pwf_options[i]));
        }
        comma = ", ";
    }
    for (int i = 0; !group && i < pwf_group_count; i++) {
        append(text, size, comma);
        append(text, size, pwf_groups[i].name);
        comma = ", ";
    }
}

void pwf_suggest_key(const char *key, bool variable, char *text, size_t size)
{
    enum { SHOWN = 3 };
    size_t best = SIZE_MAX;
    text[0] = '\0';
    for (int i = 0; i < pwf_option_count; i++)
        best = least(best, rate(key, &pwf_options[i]));
    bool group = pwf_group_find(key, strlen(key)) != NULL;
    /* A misspelt group, when the whole word is nearer to one than to any key. */
    for (int i = 0; !group && !strchr(key, '.') && i < pwf_group_count; i++) {
        size_t slips = distance(key, pwf_groups[i].name);
        if (!is_near(slips, pwf_groups[i].name) || 2 * slips > best) continue;
        snprintf(text, size, "; did you mean the group %s?", pwf_groups[i].name);
        return;
    }
    if (best == SIZE_MAX || group) {
        list_what_there_is(key, variable, text, size);
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
    const char *best = NULL;
    size_t slips = SIZE_MAX;
    for (; *words; words++) {
        size_t now = distance(word, *words);
        if (!is_near(now, *words) || now >= slips) continue;
        best = *words;
        slips = now;
    }
    text[0] = '\0';
    if (best) snprintf(text, size, "; did you mean %s?", best);
}

void pwf_option_variable(const char *key, char name[PWF_VARIABLE])
{
    snprintf(name, PWF_VARIABLE, "PWF_%s", key);
    for (char *at = name; *at; at++)
        *at = (char)(*at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
}
