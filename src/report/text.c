/* SPDX-License-Identifier: BSD-3-Clause */
/* Durations and counts as text for people: "about 3 min left", "4 min 21 s", "306,730". Called by
 * the progress line, the table, the plot and the summary. Pure functions: no state, no files, no
 * MPI. */
#include "report_room.h"

#include <inttypes.h>
#include <math.h>

/* Rounded up to 5 s, else to the nearest minute, 10 minutes or day, so that the text changes
 * rarely. */
void pwf_text_left(char text[40], double seconds)
{
    const double minutes = floor(seconds / 60 + 0.5);
    text[0] = '\0';
    if (!(seconds >= 0) || seconds > 1e8) return;
    if (seconds < 55)
        snprintf(text, 40, "about %.0f s left", 5 * floor(seconds / 5) + 5);
    else if (minutes < 60)
        snprintf(text, 40, "about %.0f min left", minutes);
    else if (minutes < 48 * 60) {
        const int tens = (int)(minutes / 10 + 0.5);
        if (tens % 6 == 0)
            snprintf(text, 40, "about %d h left", tens / 6);
        else
            snprintf(text, 40, "about %d h %d min left", tens / 6, tens % 6 * 10);
    } else
        snprintf(text, 40, "about %.0f days left", floor(minutes / 1440 + 0.5));
}

/* Two units at most: seconds; minutes and seconds; hours and minutes. */
void pwf_text_duration(char text[40], double seconds)
{
    const int64_t s = seconds > 0 && seconds < 1e12 ? (int64_t)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(text, 40, "%d s", (int)s);
    else if (s < 3600)
        snprintf(text, 40, "%d min %02d s", (int)(s / 60), (int)(s % 60));
    else
        snprintf(text, 40, "%" PRId64 " h %02d min", s / 3600, (int)(s % 3600 / 60));
}

/* Digits in groups of three from the right. */
void pwf_text_count(char text[32], int64_t value)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRId64, value < 0 ? -value : value);
    char *to = text;
    if (value < 0) *to++ = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
}
