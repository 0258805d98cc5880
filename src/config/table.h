/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_CONFIG_TABLE_H
#define PWF_SRC_CONFIG_TABLE_H

#include "pwf/config/config.h"

/* The option table and what the files of this room share. */

enum { PWF_CONFIG_FILE_MAX = 128 * 1024 }; /* bytes of YAML */

typedef enum pwf_kind {
    PWF_KIND_BOOL,
    PWF_KIND_INT,
    PWF_KIND_REAL,
    PWF_KIND_TEXT,
    PWF_KIND_PATH,
    PWF_KIND_CHOICE,
    PWF_KIND_INTS,
    PWF_KIND_REALS,
    PWF_KIND_TEXTS
} pwf_kind;

typedef struct pwf_option {
    const char *key; /* "group.key", or a name without a group */
    pwf_kind kind;
    size_t offset;            /* in pwf_config */
    const char *standard;     /* the default, as written after --set */
    double min, max;          /* of a number, or of each number of a list */
    bool above;               /* min itself is not allowed */
    const char *const *words; /* of a choice, ended by NULL */
    const char *unit;         /* "bytes" and "seconds" also take suffixes; NULL: none */
    bool of_run;              /* resumable: may change on resume */
    const char *meaning;
} pwf_option;

typedef struct pwf_group {
    const char *name;
    const char *meaning;
} pwf_group;

extern const pwf_option pwf_options[];
extern const int pwf_option_count;
extern const pwf_group pwf_groups[];
extern const int pwf_group_count;

/* The option or group of a name of `length` bytes; NULL if there is none. */
const pwf_option *pwf_option_find(const char *key, size_t length);
const pwf_group *pwf_group_find(const char *name, size_t length);

/* The key without its group; whether the option is in `group` (NULL: has no group). */
const char *pwf_option_leaf(const pwf_option *option);
bool pwf_option_in(const pwf_option *option, const char *group);

/* Reads one number in full: -1, 0.5, 1e-3, 2^-11, 10^6, and with a unit 8MiB, 1.5GB, 30min, 2h.
 * Returns NULL, or the end of the sentence "abc: must be ...". Independent of the locale. A number
 * that is too large becomes an infinity, which no range admits. */
const char *pwf_number_read(const char *text, const char *unit, double *value);

/* The shortest text that reads back to the same bits; small and large powers of two as 2^-11. */
enum { PWF_NUMBER_TEXT = 40 };
void pwf_number_write(double value, char text[PWF_NUMBER_TEXT]);

/* A value that is not in a configuration yet; its option gives the kind. */
typedef union pwf_value {
    bool flag;
    int choice; /* index into the words */
    int64_t integer;
    double real;
    char text[PWF_TEXT];
    char path[PWF_PATH];
    pwf_int_list ints;
    pwf_real_list reals;
    pwf_text_list texts;
} pwf_value;

bool pwf_option_is_list(const pwf_option *option);

/* The kind of its value, as the page of settings names it. */
const char *pwf_option_kind(const pwf_option *option);

/* Reads a single value, or one more item of a list, into `value`, which starts zeroed. `place`
 * begins the sentence of a failure. */
pwf_status pwf_value_item(const pwf_option *option, const char *place, const char *text,
                          size_t length, pwf_value *value);

/* Reads a whole value as --set and the environment write it: lists as [1,2,3] or 1,2,3. */
pwf_status pwf_value_read(const pwf_option *option, const char *place, const char *text,
                          pwf_value *value);

/* Stores the value unless an origin of higher precedence has set the key already. */
void pwf_value_store(pwf_config *config, const pwf_option *option, const pwf_value *value,
                     pwf_origin origin);

/* The key's value as YAML, on one line, which the caller frees; NULL: no memory. */
char *pwf_value_text(const pwf_config *config, const pwf_option *option);

/* "0 to 10", "above 1, at most 100", "auto, on, off"; empty if every value is allowed. */
void pwf_option_range(const pwf_option *option, char *text, size_t size);

/* Checks that bytes are UTF-8 without control characters; returns the first bad byte, or length. */
size_t pwf_utf8_check(const char *text, size_t length, bool lines);

/* User text prepared for a message: clipped, invalid bytes replaced by "?". */
enum { PWF_CLIP = 80 };
const char *pwf_clip(const char *text, size_t length, char out[PWF_CLIP]);

/* The end of the sentence "X is not a key": "; did you mean ...?" or a list of the valid names.
 * `variable` writes the keys as environment variables. */
void pwf_suggest_key(const char *key, bool variable, char *text, size_t size);

/* The same for a choice: "; did you mean ...?" or nothing. */
void pwf_suggest_word(const char *word, const char *const *words, char *text, size_t size);

/* Writes the variable of a key: PWF_OPTIM_LR. */
enum { PWF_VARIABLE = 80 };
void pwf_option_variable(const char *key, char name[PWF_VARIABLE]);

/* Whether model.name is a preset or family that does not read this key of a family, so that it is
 * neither set nor written. */
bool pwf_option_of_preset(const pwf_config *config, const pwf_option *option);

#endif
