/* SPDX-License-Identifier: BSD-3-Clause */
/* Single values: reads one from text by the rules of its row, stores it in a configuration, and
 * writes it as YAML. Called by yaml.c and sources.c for reading, by print.c and check.c for
 * writing; no state. */
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RANGE_TEXT = 200 };

/* Decodes one UTF-8 character; returns its length in bytes, or 0 if it is not valid. */
static size_t decode(const unsigned char *at, size_t left, uint32_t *point)
{
    static const uint32_t first_of[] = {0, 0, 0x80, 0x800, 0x10000};
    /* The leading one bits of the first byte count the bytes of the character. */
    size_t bytes = at[0] < 0x80             ? 1
                   : (at[0] & 0xe0) == 0xc0 ? 2
                   : (at[0] & 0xf0) == 0xe0 ? 3
                   : (at[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (bytes == 0 || bytes > left) return 0;
    uint32_t code = bytes == 1 ? at[0] : at[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    /* Overlong forms, numbers beyond Unicode, and halves of surrogate pairs. */
    if (code < first_of[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
    *point = code;
    return bytes;
}

/* Excludes control characters and what YAML treats as a line end or forbids: a string with them
 * could not be written on one line and read back. */
static bool is_printable(uint32_t point)
{
    /* Control characters of ASCII and Latin-1. */
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
    return point != 0x2028 && point != 0x2029 && point != 0xfeff && point != 0xfffe &&
           point != 0xffff;
}

/* The length of the valid prefix; with `lines`, tabs and line ends are allowed too. */
size_t pwf_utf8_check(const char *text, size_t length, bool lines)
{
    size_t at = 0;
    while (at < length) {
        uint32_t point = 0;
        size_t bytes = decode((const unsigned char *)text + at, length - at, &point);
        if (bytes == 0) break;
        bool space = point == '\t' || point == '\n' || point == '\r';
        if (!is_printable(point) && !(lines && space)) break;
        at += bytes;
    }
    return at;
}

/* Cuts only between characters, so that a message stays valid UTF-8; each invalid byte becomes
 * a question mark. */
const char *pwf_clip(const char *text, size_t length, char out[PWF_CLIP])
{
    /* Room for "..." and the NUL. */
    size_t shown = length < PWF_CLIP - 4 ? length : PWF_CLIP - 4;
    while (shown < length && shown > 0 && (text[shown] & 0xc0) == 0x80)
        shown--;
    size_t at = 0;
    while (at < shown) {
        size_t good = pwf_utf8_check(text + at, shown - at, false);
        memcpy(out + at, text + at, good);
        at += good;
        if (at < shown) out[at++] = '?';
    }
    snprintf(out + at, 4, "%s", shown < length ? "..." : "");
    if (length == 0) snprintf(out, PWF_CLIP, "''");
    return out;
}

void pwf_option_range(const pwf_option *option, char *text, size_t size)
{
    text[0] = '\0';
    if (option->words) {
        size_t used = 0;
        for (int i = 0; option->words[i] && used < size; i++)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", option->words[i]);
    } else if (option->min < option->max) {
        char min[PWF_NUMBER_TEXT], max[PWF_NUMBER_TEXT];
        pwf_number_write(option->min, min);
        pwf_number_write(option->max, max);
        if (option->above)
            snprintf(text, size, "above %s, at most %s", min, max);
        else
            snprintf(text, size, "%s to %s", min, max);
    }
}

/* "key = value (place): must be ..."; the value is shown clipped. */
static pwf_status refuse(const pwf_option *option, const char *place, const char *text,
                         const char *must)
{
    char clip[PWF_CLIP];
    return PWF_FAIL(PWF_CONFIG, "%s = %s (%s): must be %s", option->key,
                    pwf_clip(text, strlen(text), clip), place, must);
}

/* Reads a number in the range of the row; an infinity is outside every range. */
static pwf_status read_number(const pwf_option *option, const char *place, const char *text,
                              void *value)
{
    char range[RANGE_TEXT], must[RANGE_TEXT + 8];
    double *number = value;
    const char *wrong = pwf_number_read(text, option->unit, number);
    /* Not a number of this unit. */
    if (wrong) return refuse(option, place, text, wrong);
    const bool below = option->above ? *number <= option->min : *number < option->min;
    if (!below && *number <= option->max) return pwf_ok();
    pwf_option_range(option, range, sizeof range);
    snprintf(must, sizeof must, "%s%s", option->above ? "" : "from ", range);
    return refuse(option, place, text, must);
}

/* Whole numbers pass through fp64, which holds every value of the ranges exactly: 1e3 is allowed.
 */
static pwf_status read_whole(const pwf_option *option, const char *place, const char *text,
                             void *value)
{
    double real;
    PWF_TRY(read_number(option, place, text, &real));
    /* The ranges of whole numbers end below 2^53, so that fp64 holds each of them exactly. */
    if (real != floor(real)) return refuse(option, place, text, "a whole number");
    *(int64_t *)value = (int64_t)real;
    return pwf_ok();
}

/* The words of YAML 1.1 except y and n, in upper or lower case; those at odd indices mean true. */
static pwf_status read_flag(const pwf_option *option, const char *place, const char *text,
                            void *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (int i = 0; i < 6; i++) {
        if (strcasecmp(text, words[i]) != 0) continue;
        *(bool *)value = i % 2 == 1;
        return pwf_ok();
    }
    return refuse(option, place, text, "true or false");
}

/* The index of a word in the list of the row. */
static pwf_status read_choice(const pwf_option *option, const char *place, const char *text,
                              void *value)
{
    for (int i = 0; option->words[i]; i++) {
        if (strcmp(text, option->words[i]) != 0) continue;
        *(int *)value = i;
        return pwf_ok();
    }
    char range[RANGE_TEXT], meant[100], must[RANGE_TEXT + 120];
    pwf_option_range(option, range, sizeof range);
    pwf_suggest_word(text, option->words, meant, sizeof meant);
    snprintf(must, sizeof must, "one of %s%s", range, meant);
    return refuse(option, place, text, must);
}

/* Reads a string that fits its member and can be written back as one line of YAML. */
static pwf_status read_text(const pwf_option *option, const char *place, const char *text,
                            void *value)
{
    const size_t length = strlen(text), room = option->kind == PWF_KIND_PATH ? PWF_PATH : PWF_TEXT;
    char must[48];
    snprintf(must, sizeof must, "at most %zu bytes long", room - 1);
    if (length >= room) return refuse(option, place, text, must);
    if (pwf_utf8_check(text, length, false) != length)
        return refuse(option, place, text, "printable UTF-8 text without control characters");
    memcpy(value, text, length + 1);
    return pwf_ok();
}

/* Whether YAML reads the string back unchanged if it is written without quotes. */
static bool is_plain(const char *text)
{
    static const char *const taken[] = {"true", "false", "yes", "no", "on",
                                        "off",  "null",  "y",   "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!strchr(letters, text[0]) && text[0] != '/' && text[0] != '_') return false;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcasecmp(text, taken[i]) == 0) return false;
    size_t safe = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./");
    return text[0] != '\0' && text[safe] == '\0';
}

/* Writes a string, in single quotes (a quote inside is doubled) unless it needs none. */
static void write_text(FILE *out, const void *value)
{
    const char *text = value;
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void write_flag(FILE *out, const void *value)
{
    fputs(*(const bool *)value ? "true" : "false", out);
}

static void write_whole(FILE *out, const void *value)
{
    fprintf(out, "%lld", (long long)*(const int64_t *)value);
}

static void write_number(FILE *out, const void *value)
{
    char text[PWF_NUMBER_TEXT];
    pwf_number_write(*(const double *)value, text);
    fputs(text, out);
}

/* What a kind of value is called in the page of settings, its bytes in pwf_config, and how it, or
 * an entry of a list, is read and written. A choice is written through the words of its row. */
static const struct kind {
    const char *name;
    size_t bytes;
    pwf_status (*read)(const pwf_option *option, const char *place, const char *text, void *value);
    void (*write)(FILE *out, const void *value);
    size_t first, entry; /* of a list: offset of its first entry, and bytes of each; else 0 */
} kinds[] = {
    [PWF_KIND_BOOL] = {"true or false", sizeof(bool), read_flag, write_flag, 0, 0},
    [PWF_KIND_INT] = {"whole number", sizeof(int64_t), read_whole, write_whole, 0, 0},
    [PWF_KIND_REAL] = {"number", sizeof(double), read_number, write_number, 0, 0},
    [PWF_KIND_TEXT] = {"string", PWF_TEXT, read_text, write_text, 0, 0},
    [PWF_KIND_PATH] = {"path", PWF_PATH, read_text, write_text, 0, 0},
    [PWF_KIND_CHOICE] = {"word", sizeof(int), read_choice, NULL, 0, 0},
    [PWF_KIND_INTS] = {"list of whole numbers", sizeof(pwf_int_list), read_whole, write_whole,
                       offsetof(pwf_int_list, at), sizeof(int64_t)},
    [PWF_KIND_REALS] = {"list of numbers", sizeof(pwf_real_list), read_number, write_number,
                        offsetof(pwf_real_list, at), sizeof(double)},
    [PWF_KIND_TEXTS] = {"list of strings", sizeof(pwf_text_list), read_text, write_text,
                        offsetof(pwf_text_list, at), PWF_TEXT},
};

bool pwf_option_is_list(const pwf_option *option)
{
    return kinds[option->kind].entry > 0;
}

const char *pwf_option_kind(const pwf_option *option)
{
    return kinds[option->kind].name;
}

/* libyaml passes escaped zero bytes on, and every later function expects a C string. The entry of a
 * list is appended: every list type begins with its count. */
pwf_status pwf_value_item(const pwf_option *option, const char *place, const char *text,
                          size_t length, pwf_value *value)
{
    const struct kind *kind = &kinds[option->kind];
    if (memchr(text, '\0', length)) return refuse(option, place, text, "text without zero bytes");
    if (kind->entry == 0) return kind->read(option, place, text, value);
    int *count = &value->ints.count;
    char must[48];
    snprintf(must, sizeof must, "a list of at most %d values", PWF_LIST);
    if (*count == PWF_LIST) return refuse(option, place, "...", must);
    if (text[0] == '\0') return refuse(option, place, text, "a value, not an empty entry");
    PWF_TRY(kind->read(option, place, text,
                       (char *)value + kind->first + (size_t)*count * kind->entry));
    (*count)++;
    return pwf_ok();
}

/* Only spaces: other white space is refused when the items are read. */
static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " ");
}

static size_t length_trimmed(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == ' ')
        length--;
    return length;
}

/* Reads a whole list from one string: [1, 2] or 1,2. */
static pwf_status read_list(const pwf_option *option, const char *place, const char *text,
                            pwf_value *value)
{
    /* Brackets are optional, but must match. */
    text = skip_spaces(text);
    size_t length = length_trimmed(text, strlen(text));
    if (length > 0 && text[0] == '[') {
        if (length < 2 || text[length - 1] != ']')
            return refuse(option, place, text, "a list that ends with ]");
        text = skip_spaces(text + 1);
        length = length_trimmed(text, strlen(text));
        length = length_trimmed(text, length - 1);
    }
    if (length == 0) return pwf_ok();
    const char *end = text + length;
    for (const char *at = text; at <= end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        const char *first = skip_spaces(at);
        size_t bytes = first < stop ? length_trimmed(first, (size_t)(stop - first)) : 0;
        /* One more byte than fits, so that an item that is too long is refused. */
        char item[PWF_TEXT + 1];
        if (bytes > PWF_TEXT) bytes = PWF_TEXT;
        memcpy(item, first, bytes);
        item[bytes] = '\0';
        PWF_TRY(pwf_value_item(option, place, item, bytes, value));
        at = stop + 1;
    }
    return pwf_ok();
}

pwf_status pwf_value_read(const pwf_option *option, const char *place, const char *text,
                          pwf_value *value)
{
    memset(value, 0, sizeof *value);
    if (pwf_option_is_list(option)) return read_list(option, place, text, value);
    return pwf_value_item(option, place, text, strlen(text), value);
}

void pwf_value_store(pwf_config *config, const pwf_option *option, const pwf_value *value,
                     pwf_origin origin)
{
    /* Equal origins replace: the last --set of a key counts. */
    unsigned char *rank = &config->origin[option - pwf_options];
    if (origin < (pwf_origin)*rank) return;
    *rank = (unsigned char)origin;
    memcpy((char *)config + option->offset, value, kinds[option->kind].bytes);
}

static void write_value(FILE *out, const pwf_config *config, const pwf_option *option)
{
    const struct kind *kind = &kinds[option->kind];
    const char *at = (const char *)config + option->offset;
    if (option->kind == PWF_KIND_CHOICE) write_text(out, option->words[*(const int *)at]);
    if (kind->write && kind->entry == 0) kind->write(out, at);
    if (kind->entry == 0) return;
    const int count = *(const int *)at;
    at += kind->first;
    for (int i = 0; i < count; i++, at += kind->entry) {
        fputs(i ? ", " : "[", out);
        kind->write(out, at);
    }
    fputs(count ? "]" : "[]", out);
}

char *pwf_value_text(const pwf_config *config, const pwf_option *option)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    write_value(out, config, option);
    /* Formatting into memory fails only if memory runs out. */
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad) {
        free(text);
        return NULL;
    }
    return text;
}
