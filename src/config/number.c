/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in configurations: reads decimals, powers and suffixes, and writes the shortest text
 * that reads back to the same bits. The grammar is our own; strtod and snprintf only convert what
 * passed it, in the C locale, because they round correctly and another locale would move the
 * decimal point. Called by value.c and check.c; no state. */
#include "table.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 128 }; /* longer than any double needs */

typedef struct suffix {
    const char *unit, *text;
    double factor;
} suffix;

/* Suffixes of units, as factors to bytes and seconds. */
static const suffix suffixes[] = {
    {"bytes", "B", 1},        {"bytes", "kB", 1e3},     {"bytes", "MB", 1e6},
    {"bytes", "GB", 1e9},     {"bytes", "TB", 1e12},    {"bytes", "KiB", 0x1p10},
    {"bytes", "MiB", 0x1p20}, {"bytes", "GiB", 0x1p30}, {"bytes", "TiB", 0x1p40},
    {"seconds", "ms", 1e-3},  {"seconds", "s", 1},      {"seconds", "min", 60},
    {"seconds", "h", 3600},   {"seconds", "d", 86400},
};

/* The C locale is static in every known libc: newlocale neither allocates nor fails. */
static locale_t enter_c_locale(locale_t *before)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    PWF_ASSERT(c != (locale_t)0);
    *before = uselocale(c);
    return c;
}

/* uselocale changes the calling thread only, so other threads keep their locale. */
static void leave_c_locale(locale_t c, locale_t before)
{
    uselocale(before);
    freelocale(c);
}

/* Correctly rounded; `text` has passed the grammar. */
static double convert(const char *text)
{
    locale_t before;
    locale_t c = enter_c_locale(&before);
    double value = strtod(text, NULL);
    leave_c_locale(c, before);
    return value;
}

/* Leading decimal digits. */
static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* The length of [-+]digits[.digits][e[-+]digits], or 0. `zeros`: it has leading zeros, as in 007.
 */
static size_t scan_decimal(const char *text, bool *zeros, bool *nonzero)
{
    const char *at = text;
    if (*at == '-' || *at == '+') at++;
    size_t whole = count_digits(at), part = 0;
    *zeros = whole > 1 && at[0] == '0';
    const char *mantissa = at;
    at += whole;
    if (*at == '.') {
        part = count_digits(at + 1);
        at += 1 + part;
    }
    if (whole + part == 0) return 0;
    *nonzero = strspn(mantissa, "0.") < (size_t)(at - mantissa);
    if (*at == 'e' || *at == 'E') {
        size_t sign = at[1] == '-' || at[1] == '+' ? 1 : 0;
        size_t digits = count_digits(at + 1 + sign);
        if (digits > 0) at += 1 + sign + digits;
    }
    return (size_t)(at - text);
}

/* Reads 2^k or 10^k with an optional sign; returns its length or 0. */
static size_t scan_power(const char *text, double *value)
{
    const char *at = text;
    bool minus = *at == '-';
    if (*at == '-' || *at == '+') at++;
    size_t base = strncmp(at, "2^", 2) == 0 ? 2 : strncmp(at, "10^", 3) == 0 ? 3 : 0;
    if (base == 0) return 0;
    const char *exponent = at + base;
    size_t sign = *exponent == '-' || *exponent == '+' ? 1 : 0;
    size_t digits = count_digits(exponent + sign);
    if (digits == 0 || digits > 6) return 0;
    long k = strtol(exponent, NULL, 10);
    if (base == 2) {
        *value = ldexp(1.0, (int)k);
    } else {
        char decimal[16];
        snprintf(decimal, sizeof decimal, "1e%ld", k);
        *value = convert(decimal);
    }
    if (minus) *value = -*value;
    return (size_t)(exponent - text) + sign + digits;
}

/* Multiplies by the factor of the suffix. Returns NULL, or what the value must be instead. */
static const char *apply_suffix(const char *text, const char *unit, double *value)
{
    while (*text == ' ')
        text++;
    if (*text == '\0') return NULL;
    for (size_t i = 0; unit && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (strcmp(suffixes[i].unit, unit) != 0 || strcmp(suffixes[i].text, text) != 0) continue;
        *value *= suffixes[i].factor;
        return NULL;
    }
    if (unit && strcmp(unit, "bytes") == 0) return "a size such as 4096, 64KiB, 8MiB or 2GB";
    if (unit && strcmp(unit, "seconds") == 0) return "a time such as 90, 500ms, 30min, 12h or 2d";
    return "a number";
}

/* Powers are tried before decimals: 2^-11 begins with a decimal, too. */
const char *pwf_number_read(const char *text, const char *unit, double *value)
{
    while (*text == ' ')
        text++;
    if (strlen(text) >= NUMBER_MAX) return "a number of at most 127 characters";
    double read = 0;
    bool zeros = false, nonzero = false;
    size_t length = scan_power(text, &read);
    if (length > 0) {
        nonzero = true;
    } else {
        length = scan_decimal(text, &zeros, &nonzero);
        if (length == 0) return "a number";
        char decimal[NUMBER_MAX];
        memcpy(decimal, text, length);
        decimal[length] = '\0';
        read = convert(decimal);
    }
    const char *wrong = apply_suffix(text + length, unit, &read);
    if (wrong) return wrong;
    /* YAML 1.1 reads 017 as octal 15, other programs as 17. */
    if (zeros) return "a number without leading zeros";
    if (read == 0 && nonzero) return "0 or a number that fp64 can represent";
    *value = read + 0.0; /* -0 becomes 0, so that equal values have equal bits */
    return NULL;
}

/* Tries 1 to 17 digits; 17 always read back to the same bits. */
void pwf_number_write(double value, char text[PWF_NUMBER_TEXT])
{
    int exponent;
    double mantissa = frexp(value, &exponent);
    /* Powers of two in a middle range are short as decimals. */
    bool power = mantissa == 0.5 || mantissa == -0.5;
    if (power && (exponent < -3 || exponent > 21)) {
        snprintf(text, PWF_NUMBER_TEXT, "%s2^%d", mantissa < 0 ? "-" : "", exponent - 1);
        return;
    }
    locale_t before;
    locale_t c = enter_c_locale(&before);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, PWF_NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    /* %g would print 20 as 2e+01. */
    if (fabs(value) < 1e10 && value == floor(value)) snprintf(text, PWF_NUMBER_TEXT, "%.0f", value);
    leave_c_locale(c, before);
}
