/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_WORDS_H
#define PWF_CORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Words of text for people: spelling suggestions ("did you mean ...?") and wrapped lines. */

/** Edit distance of two words: letters to insert, delete, replace or swap with their neighbour.
 * Local. Words longer than 64 bytes are far from everything: the result is then 128. */
size_t pwf_word_distance(const char *a, const char *b);

/** The word of a NULL-terminated list that is nearest to `word`, NULL if none is near: at most one
 * edit in three letters.
 * Local. */
const char *pwf_word_nearest(const char *word, const char *const *words);

/** Whether a word that takes `edits` edits to become `word` is probably a misspelling of it.
 * Local. */
bool pwf_word_is_near(size_t edits, const char *word);

/** Prints space-separated words, starting at `column`, in lines of at most `width` columns, and a
 * newline. The caller has filled the first line up to `column`.
 * Local. */
void pwf_words_print(FILE *out, const char *text, int column, int width);

#endif
