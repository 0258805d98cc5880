/* SPDX-License-Identifier: BSD-3-Clause */
/* rounds.svg: accuracy, entropy and unique values in three panels over the share of fixed weights.
 * Called by summary.c. Pure function of the rows; writes to the given stream. The SVG has plain
 * shapes and a style sheet that follows the light or dark setting of the viewer. */
#include "report_room.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Lengths in pixels; *_CHARS in characters. */
enum {
    WIDTH = 840,
    LEFT = 100,
    RIGHT = 660, /* of the panels; the labels of the last values are to the right of it */
    TOP = 118,
    PANEL = 150,
    GAP = 52,
    PANELS = 3,
    BOTTOM = TOP + PANELS * PANEL + (PANELS - 1) * GAP,
    HEIGHT = BOTTOM + 58,
    LABEL_GAP = 16,
    LINE_CHARS = 108,
    TITLE_CHARS = 84
};

/* Series a is blue and series b orange, in light and dark. */
static const char style[] =
    "<style>\n"
    "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px;"
    "fill:#475569}\n"
    ".title{font-size:17px;font-weight:600;fill:#0f172a}\n"
    ".panel{font-size:13px;font-weight:600;fill:#0f172a}\n"
    ".paper{fill:#ffffff}\n"
    ".grid{stroke:#e2e8f0;stroke-width:1}\n"
    ".axis{stroke:#94a3b8;stroke-width:1}\n"
    ".unfixed{stroke:#94a3b8;stroke-width:1.5;stroke-dasharray:5 4}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".a.line{stroke:#2563eb}.a.dot{fill:#2563eb}\n"
    ".b.line{stroke:#d97706}.b.dot{fill:#d97706}\n"
    ".a.end,.b.end{fill:#ffffff;stroke-width:2}.a.end{stroke:#2563eb}.b.end{stroke:#d97706}\n"
    ".value{paint-order:stroke;stroke:#ffffff;stroke-width:4px;stroke-linejoin:round}\n"
    "text.a{fill:#1d4ed8;font-weight:600}text.b{fill:#b45309;font-weight:600}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#a8b3c4}.title,.panel{fill:#f1f5f9}.paper{fill:#0f172a}\n"
    ".grid{stroke:#243045}.axis{stroke:#64748b}.unfixed{stroke:#64748b}\n"
    ".a.line{stroke:#60a5fa}.a.dot{fill:#60a5fa}.b.line{stroke:#fbbf24}.b.dot{fill:#fbbf24}\n"
    ".a.end,.b.end{fill:#0f172a}.a.end{stroke:#60a5fa}.b.end{stroke:#fbbf24}\n"
    ".value{stroke:#0f172a}\n"
    "text.a{fill:#93c5fd}text.b{fill:#fcd34d}\n"
    "}\n"
    "</style>\n";

/* From top to bottom. */
typedef enum panel_kind { ACCURACY, ENTROPY, UNIQUE } panel_kind;

/* A vertical axis: values lo to hi on the panel whose upper edge is at `top` pixels. */
typedef struct axis {
    panel_kind kind;
    double lo, hi, step; /* of log10 for UNIQUE */
    int top;
} axis;

/* The text next to the end of a line; x and y in pixels. */
typedef struct label {
    double x, y;
    const char *class;
    char text[48];
} label;

/* The value of an evaluation in a panel; NaN if it has none. The entropy panel has two series. */
static double value_of(const pwf_report_eval *e, panel_kind kind, int series)
{
    switch (kind) {
    case ACCURACY:
        return 100 * e->top1;
    case ENTROPY:
        return series == 0 ? e->entropy : e->entropy_nonzero;
    case UNIQUE:
        return e->unique > 0 ? (double)e->unique : (double)NAN;
    }
    return (double)NAN;
}

/* Length in bytes of the UTF-8 character at `c` that XML allows; 0 if it is malformed or forbidden.
 */
static int character(const unsigned char *c)
{
    static const unsigned char least[5] = {0, 0, 0xc2, 0xe0, 0xf0};
    const int n = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (n == 1) return c[0] >= 0x20 && c[0] != 0x7f;
    if (c[0] < least[n] || c[0] > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    /* Overlong forms, surrogates, code points above U+10FFFF, U+FFFE and U+FFFF. */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0)) return 0;
    if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90)) return 0;
    return c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe ? 0 : n;
}

/* Text of at most `limit` characters, escaped for XML. Forbidden bytes become question marks. */
static void put_text(FILE *out, const char *text, int limit)
{
    const unsigned char *c = (const unsigned char *)text;
    for (int characters = 0; *c; characters++) {
        const int n = character(c);
        if (characters == limit) {
            fputs("\xe2\x80\xa6", out);
            return;
        }
        if (*c == '&')
            fputs("&amp;", out);
        else if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '>')
            fputs("&gt;", out);
        else if (n > 0)
            fwrite(c, 1, (size_t)n, out);
        else
            fputc('?', out);
        c += n > 0 ? n : 1;
    }
}

/* Share of fixed weights, 0 to 1, to x in pixels. */
static double across(double share)
{
    return LEFT + (RIGHT - LEFT) * fmin(fmax(share, 0), 1);
}

/* Value to y in pixels, which SVG counts downwards. */
static double upward(const axis *a, double value)
{
    const double v = a->kind == UNIQUE ? log10(value) : value;
    return a->top + PANEL * (1 - (v - a->lo) / (a->hi - a->lo));
}

/* The step, 1, 2 or 5 times a power of ten, with which an axis over `span` has three to six
 * intervals. */
static double nice_step(double span)
{
    const double raw = span / 5, power = pow(10, floor(log10(raw) + 1e-9)), m = raw / power;
    return power * (m <= 1.001 ? 1 : m <= 2.001 ? 2 : m <= 5.001 ? 5 : 10);
}

/* Smallest and largest finite value of all series of a panel; 1 and 1 if there is none. */
static void find_range(const pwf_report_eval *rows, int count, panel_kind kind, double *lo,
                       double *hi)
{
    *lo = (double)INFINITY;
    *hi = -(double)INFINITY;
    for (int i = 0; i < count; i++)
        for (int series = 0; series < 2; series++) {
            const double v = value_of(&rows[i], kind, series);
            if (!isfinite(v)) continue;
            *lo = fmin(*lo, v);
            *hi = fmax(*hi, v);
        }
    if (*lo > *hi) *lo = *hi = 1;
}

/* Limits are multiples of the step. The entropy axis starts at 0, the logarithmic one at a power of
 * ten, and accuracy ends at 100 %. */
static axis make_axis(const pwf_report_eval *rows, int count, panel_kind kind)
{
    axis a = {.kind = kind, .top = TOP + (int)kind * (PANEL + GAP), .step = 1};
    double lo, hi;
    find_range(rows, count, kind, &lo, &hi);
    if (kind == UNIQUE) {
        a.lo = floor(log10(lo) + 1e-9);
        a.hi = ceil(log10(hi) - 1e-9);
        if (a.hi - a.lo < 1) a.hi = a.lo + 1;
        a.step = ceil((a.hi - a.lo) / 6);
        return a;
    }
    if (kind == ENTROPY) lo = 0;
    const double least = 1; /* one percentage point or bit: smaller changes should not look large */
    if (hi - lo < least) {
        const double middle = (lo + hi) / 2;
        lo = fmax(middle - least / 2, 0);
        hi = lo + least;
    }
    a.step = nice_step(hi - lo);
    a.lo = a.step * floor(lo / a.step + 1e-9);
    a.hi = a.step * ceil(hi / a.step - 1e-9);
    if (kind == ACCURACY && a.hi > 100) {
        a.hi = 100;
        a.lo = a.step * floor(fmin(lo, 99) / a.step + 1e-9);
    }
    return a;
}

/* A grid line with its value; `at` is log10 of the value on the logarithmic axis. The number of
 * decimals follows the step, so that neighbouring ticks never show the same text. */
static void put_tick(FILE *out, const axis *a, double at)
{
    const double y = a->top + PANEL * (1 - (at - a->lo) / (a->hi - a->lo));
    char text[32];
    if (a->kind == UNIQUE && at < 9)
        pwf_text_count(text, (int64_t)(pow(10, at) + 0.5));
    else if (a->kind == UNIQUE)
        snprintf(text, sizeof text, "%.0e", pow(10, at));
    else if (fabs(at) >= 1e6)
        snprintf(text, sizeof text, "%.2g", at);
    else
        snprintf(text, sizeof text, "%.*f", a->step >= 0.999 ? 0 : a->step >= 0.0999 ? 1 : 2, at);
    fprintf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, y,
            RIGHT, y);
    fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 10, y + 4,
            text);
}

/* Title, grid and axis of a panel. A short logarithmic axis gets ticks at 2 and 5 as well. */
static void put_frame(FILE *out, const axis *a)
{
    static const char *const names[] = {"Top-1 accuracy, %", "Entropy, bits per weight",
                                        "Unique values, log scale"};
    fprintf(out, "<text class=\"panel\" x=\"%d\" y=\"%d\">%s</text>\n", LEFT, a->top - 14,
            names[a->kind]);
    for (int i = 0; a->lo + i * a->step <= a->hi + 1e-6 * a->step; i++)
        put_tick(out, a, a->lo + i * a->step);
    for (int i = 0; a->kind == UNIQUE && a->hi - a->lo < 2.5 && i < a->hi - a->lo - 0.5; i++) {
        put_tick(out, a, a->lo + i + log10(2));
        put_tick(out, a, a->lo + i + log10(5));
    }
    for (int percent = 0; percent <= 100; percent += 20) {
        const double x = across(percent / 100.0);
        fprintf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x,
                a->top, x, a->top + PANEL);
    }
    fprintf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT,
            a->top + PANEL, RIGHT, a->top + PANEL);
}

/* A dot with a tooltip; the final evaluation gets an open circle. */
static void put_point(FILE *out, const axis *a, const pwf_report_eval *e, int series,
                      const char *class)
{
    static const char *const what[][2] = {
        {"top-1 %", ""}, {"entropy", "entropy without zeros"}, {"unique values", ""}};
    const double v = value_of(e, a->kind, series);
    char value[32];
    if (!isfinite(v)) return;
    if (a->kind == UNIQUE)
        pwf_text_count(value, e->unique);
    else
        snprintf(value, sizeof value, "%.2f", v);

    /* The title element is shown as a tooltip. */
    fprintf(out, "<circle class=\"%s %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", class,
            e->final ? "end" : "dot", across(e->fixed), upward(a, v), e->final ? "4" : "3");
    if (e->final)
        fputs("end", out);
    else
        fprintf(out, "round %" PRId64, e->round);
    fprintf(out, ", %.2f %% fixed: %s %s</title></circle>\n", 100 * e->fixed, what[a->kind][series],
            value);
}

/* A line through the finite values, and their dots. The dots are drawn after the line, to lie on
 * top of it. */
static void put_series(FILE *out, const axis *a, const pwf_report_eval *rows, int count, int series,
                       const char *class)
{
    bool begun = false;
    for (int i = 0; i < count; i++) {
        const double v = value_of(&rows[i], a->kind, series);
        if (!isfinite(v)) continue;
        if (begun)
            fputs(" L", out);
        else
            fprintf(out, "<path class=\"%s line\" d=\"M", class);
        fprintf(out, "%.1f %.1f", across(rows[i].fixed), upward(a, v));
        begun = true;
    }
    if (begun) fputs("\"/>\n", out);
    for (int i = 0; i < count; i++)
        put_point(out, a, &rows[i], series, class);
}

/* At most two labels. If they would overlap, both move apart by the same distance; the lower one
 * stays within the panel. */
static void put_labels(FILE *out, label *labels, int count, const axis *a)
{
    if (count == 2 && fabs(labels[0].y - labels[1].y) < LABEL_GAP) {
        const bool first_above = labels[0].y <= labels[1].y;
        label *upper = &labels[first_above ? 0 : 1], *lower = &labels[first_above ? 1 : 0];
        const double middle = fmin((upper->y + lower->y) / 2, a->top + PANEL - LABEL_GAP / 2.0);
        upper->y = middle - LABEL_GAP / 2.0;
        lower->y = middle + LABEL_GAP / 2.0;
    }
    for (int i = 0; i < count; i++)
        fprintf(out, "<text class=\"%s value\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", labels[i].class,
                labels[i].x + 14, labels[i].y + 4, labels[i].text);
}

/* Top-1 accuracy, with a dashed line at that of the unfixed network, unless that is the only
 * evaluation. */
static void put_accuracy(FILE *out, const axis *a, const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *last = &rows[count - 1], *before = pwf_summary_unfixed(rows, count);
    label labels[2];
    int n = 0;
    if (isfinite(last->top1)) {
        labels[n] = (label){across(last->fixed), upward(a, 100 * last->top1), "a", ""};
        snprintf(labels[n++].text, sizeof labels->text, "%.2f %%", 100 * last->top1);
    }
    if (before && before != last && isfinite(before->top1)) {
        const double y = upward(a, 100 * before->top1);
        fprintf(out, "<line class=\"unfixed\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n",
                LEFT, y, RIGHT, y);
        labels[n] = (label){RIGHT, y, "muted", ""};
        snprintf(labels[n++].text, sizeof labels->text, "unfixed %.2f %%", 100 * before->top1);
    }
    put_series(out, a, rows, count, 0, "a");
    put_labels(out, labels, n, a);
}

/* Entropy with and without zeros. The one with zeros is drawn last and lies on top. */
static void put_entropy(FILE *out, const axis *a, const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *last = &rows[count - 1];
    label labels[2];
    int n = 0;
    put_series(out, a, rows, count, 1, "b");
    put_series(out, a, rows, count, 0, "a");
    if (isfinite(last->entropy)) {
        labels[n] = (label){across(last->fixed), upward(a, last->entropy), "a", ""};
        snprintf(labels[n++].text, sizeof labels->text, "%.2f", last->entropy);
    }
    if (isfinite(last->entropy_nonzero)) {
        labels[n] = (label){across(last->fixed), upward(a, last->entropy_nonzero), "b", ""};
        snprintf(labels[n++].text, sizeof labels->text, "%.2f without zeros",
                 last->entropy_nonzero);
    }
    put_labels(out, labels, n, a);
}

/* Number of unique values; without any there is no last value to label. */
static void put_unique(FILE *out, const axis *a, const pwf_report_eval *rows, int count)
{
    const pwf_report_eval *last = &rows[count - 1];
    put_series(out, a, rows, count, 0, "a");
    if (last->unique <= 0) return;
    label end = {across(last->fixed), upward(a, (double)last->unique), "a", ""};
    pwf_text_count(end.text, last->unique);
    put_labels(out, &end, 1, a);
}

/* Breaks the sentence into two lines at the last space that fits; SVG 1.1 does not wrap text. A
 * word longer than a line is split. */
static void put_sentence(FILE *out, const char *sentence)
{
    size_t cut = strlen(sentence);
    if (cut > LINE_CHARS) {
        cut = LINE_CHARS;
        while (cut > 0 && sentence[cut] != ' ')
            cut--;
        if (cut == 0) cut = LINE_CHARS;
    }
    fprintf(out, "<text x=\"24\" y=\"58\">");
    char first[LINE_CHARS + 1];
    memcpy(first, sentence, cut);
    first[cut] = '\0';
    put_text(out, first, LINE_CHARS);
    fputs("</text>\n", out);
    const char *rest = sentence + cut;
    while (*rest == ' ')
        rest++;
    if (!*rest) return;
    fprintf(out, "<text x=\"24\" y=\"75\">");
    put_text(out, rest, LINE_CHARS);
    fputs("</text>\n", out);
}

/* The whole page: title, sentence, three panels, and the axis that they share. */
void pwf_plot_svg(FILE *out, const char *title, const char *sentence, const pwf_report_eval *rows,
                  int count)
{
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_text(out, title, 1000);
    fprintf(out, "</title>\n%s<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", style,
            WIDTH, HEIGHT);
    fputs("<text class=\"title\" x=\"24\" y=\"36\">", out);
    put_text(out, title, TITLE_CHARS);
    fputs("</text>\n", out);
    put_sentence(out, sentence);
    for (int kind = ACCURACY; kind <= UNIQUE; kind++) {
        const axis a = make_axis(rows, count, (panel_kind)kind);
        put_frame(out, &a);
        if (kind == ACCURACY) put_accuracy(out, &a, rows, count);
        if (kind == ENTROPY) put_entropy(out, &a, rows, count);
        if (kind == UNIQUE) put_unique(out, &a, rows, count);
    }
    for (int percent = 0; percent <= 100; percent += 20)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
                across(percent / 100.0), BOTTOM + 19, percent);
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">Share of weights fixed, %%</text>\n",
            (LEFT + RIGHT) / 2, BOTTOM + 41);
    fputs("</svg>\n", out);
}
