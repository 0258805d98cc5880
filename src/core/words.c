/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit distance and the nearest word of a list, for the suggestion in a message about a mistyped
 * key, model name, command or option; and wrapped output of help and findings. Called by config,
 * models and app. No state, no files, no MPI. */
#include "pwf/core/words.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: dynamic programming over prefixes, three rows at a time because a swap
 * of neighbours looks two rows back. */
size_t pwf_word_distance(const char *a, const char *b)
{
    const size_t rows = strlen(a), columns = strlen(b);
    if (rows > WORD_MAX || columns > WORD_MAX) return 2 * WORD_MAX;
    size_t d[3][WORD_MAX + 1];
    for (size_t j = 0; j <= columns; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            const size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replace, 1 + least(last[j], now[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return d[rows % 3][columns];
}

/* Words of fewer than three letters match exactly or not at all. */
bool pwf_word_is_near(size_t edits, const char *word)
{
    return edits == 0 || edits <= strlen(word) / 3;
}

const char *pwf_word_nearest(const char *word, const char *const *words)
{
    const char *best = NULL;
    size_t least_edits = SIZE_MAX;
    for (; *words; words++) {
        const size_t edits = pwf_word_distance(word, *words);
        if (!pwf_word_is_near(edits, *words) || edits >= least_edits) continue;
        best = *words;
        least_edits = edits;
    }
    return best;
}

void pwf_words_print(FILE *out, const char *text, int column, int width)
{
    int used = column;
    while (*text) {
        const int word = (int)strcspn(text, " ");
        if (used > column && used + 1 + word > width) {
            fprintf(out, "\n%*s", column, "");
            used = column;
        }
        used += fprintf(out, "%s%.*s", used > column ? " " : "", word, text);
        text += word + (int)strspn(text + word, " ");
    }
    fputc('\n', out);
}
