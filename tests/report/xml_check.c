/* SPDX-License-Identifier: BSD-3-Clause */
/* A small XML parser: whether a text is well-formed. Used by the tests of the plots, which thereby
 * need no XML library. */
#include "xml_check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool name_byte(char c)
{
    return isalnum((unsigned char)c) || strchr("-_:.", c);
}

static const char *name_end(const char *p)
{
    while (*p && name_byte(*p))
        p++;
    return p;
}

static const char *entity_end(const char *p)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    for (size_t i = 0; i < 5; i++)
        if (strncmp(p, entities[i], strlen(entities[i])) == 0) return p + strlen(entities[i]);
    return NULL;
}

/* From after an element's name to its '>'; NULL when an attribute is malformed. */
static const char *attributes_end(const char *p)
{
    for (;;) {
        const char *start = p;
        while (isspace((unsigned char)*p))
            p++;
        if (*p == '>' || (*p == '/' && p[1] == '>') || (*p == '?' && p[1] == '>')) return p;
        if (p == start) return NULL; /* a name must follow white space */
        const char *end = name_end(p);
        if (end == p || end[0] != '=' || end[1] != '"') return NULL;
        for (p = end + 2; *p && *p != '"';) {
            if (*p == '<') return NULL;
            p = *p == '&' ? entity_end(p) : p + 1;
            if (!p) return NULL;
        }
        if (*p++ != '"') return NULL;
    }
}

const char *xml_check(const char *text)
{
    struct {
        const char *name;
        size_t length;
    } open[32];
    int depth = 0, roots = 0;
    const char *p = text;
    if (strncmp(p, "<?xml ", 6) == 0) {
        p = attributes_end(p + 5);
        if (!p || *p != '?') return "bad declaration";
        p += 2;
    }
    while (*p) {
        if (*p != '<') {
            if (depth == 0 && !isspace((unsigned char)*p)) return "text outside the root";
            if ((unsigned char)*p < 0x20 && !isspace((unsigned char)*p)) return "control byte";
            p = *p == '&' ? entity_end(p) : p + 1;
            if (!p) return "bare &";
            continue;
        }
        const bool closing = p[1] == '/';
        const char *name = p + 1 + closing, *end = name_end(name);
        const size_t length = (size_t)(end - name);
        if (length == 0) return "bare <";
        p = attributes_end(end);
        if (!p) return "malformed attribute";
        if (closing) {
            if (depth == 0 || open[depth - 1].length != length ||
                memcmp(open[depth - 1].name, name, length) != 0 || *p != '>')
                return "closing tag does not fit";
            depth--;
        } else if (depth == 0 && roots++ > 0) {
            return "two roots";
        } else if (*p == '>') {
            if (depth == 32) return "too deep";
            open[depth].name = name;
            open[depth++].length = length;
        }
        p += *p == '/' ? 2 : 1;
    }
    return depth ? "an element is not closed" : roots ? NULL : "no root";
}
