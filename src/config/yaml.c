/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads YAML through libyaml's events. Accepts only what a configuration needs: one document, a
 * mapping of groups, scalars and flat lists. Everything that could grow without bound (aliases,
 * depth, size) is refused, because the file may come from anyone. Entry point:
 * pwf_config_read_text, called by sources.c and by app for stored configurations. Touches the given
 * configuration only. */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { SCALAR_MAX = 4096, EVENTS_MAX = 2000, PLACE_MAX = 320, KEY_SHOWN = 64 };

typedef struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; all zero when there is none */
    int events;         /* read so far, at most EVENTS_MAX */
    const char *name;   /* of the file, for messages */
    pwf_config *config;
    pwf_origin origin;
    bool seen[PWF_CONFIG_KEYS_MAX];
    bool seen_group[PWF_CONFIG_KEYS_MAX];
    char place[PLACE_MAX];
} yaml_reader;

/* "file:line:column" of a mark, valid until the next call. */
static const char *place_at(yaml_reader *r, yaml_mark_t mark)
{
    char clip[PWF_CLIP];
    const char *name =
        strlen(r->name) > PLACE_MAX - 50 ? pwf_clip(r->name, strlen(r->name), clip) : r->name;
    /* libyaml counts from 0, editors from 1. */
    snprintf(r->place, sizeof r->place, "%s:%zu:%zu", name, mark.line + 1, mark.column + 1);
    return r->place;
}

/* The place of the current event; valid until the next call, as for place_at. */
static const char *place(yaml_reader *r)
{
    return place_at(r, r->event.start_mark);
}

/* The error of libyaml as a sentence. */
static pwf_status fail_parser(yaml_reader *r)
{
    const yaml_parser_t *p = &r->parser;
    PWF_FAIL_IF(p->error == YAML_MEMORY_ERROR, PWF_RESOURCE, "%s: no memory to read it", r->name);
    const char *problem = p->problem ? p->problem : "it cannot be read";
    yaml_mark_t mark = p->problem_mark;
    /* The message of libyaml for the most common mistake, a tab, does not name it. */
    if (strcmp(problem, "found character that cannot start any token") == 0)
        problem = "a tab or another character that is not allowed here; indent with spaces and "
                  "put strings in quotes";
    PWF_FAIL_IF(!p->context || p->context_mark.line == mark.line, PWF_CONFIG,
                "%s: not valid YAML: %s", place_at(r, mark), problem);
    return PWF_FAIL(PWF_CONFIG, "%s: not valid YAML: %s, %s that began on line %zu",
                    place_at(r, mark), problem, p->context, p->context_mark.line + 1);
}

/* Anchors and tags have no use here, and aliases could make a small file huge. */
static pwf_status refuse_decorations(yaml_reader *r, const yaml_char_t *anchor,
                                     const yaml_char_t *tag)
{
    PWF_FAIL_IF(anchor, PWF_CONFIG, "%s: anchors (&name) are not allowed; write the value itself",
                place(r));
    PWF_FAIL_IF(tag, PWF_CONFIG, "%s: tags (!name) are not allowed; write the bare value",
                place(r));
    return pwf_ok();
}

/* Advances to the next event and refuses those that no configuration needs. */
static pwf_status next(yaml_reader *r)
{
    /* Deletes the event of the last call; deleting a zeroed event does nothing. */
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        memset(&r->event, 0, sizeof r->event);
        return fail_parser(r);
    }
    /* Far more than all keys need. */
    PWF_FAIL_IF(++r->events > EVENTS_MAX, PWF_CONFIG,
                "%s: the file is too long (more than %d keys, values and list marks)", place(r),
                EVENTS_MAX);
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return PWF_FAIL(PWF_CONFIG, "%s: aliases (*name) are not allowed; write the value itself",
                        place(r));
    case YAML_SCALAR_EVENT:
        PWF_FAIL_IF(r->event.data.scalar.length > SCALAR_MAX, PWF_CONFIG,
                    "%s: a value or key is longer than %d bytes", place(r), SCALAR_MAX);
        return refuse_decorations(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        return refuse_decorations(r, r->event.data.sequence_start.anchor,
                                  r->event.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return refuse_decorations(r, r->event.data.mapping_start.anchor,
                                  r->event.data.mapping_start.tag);
    case YAML_DOCUMENT_START_EVENT:
        PWF_FAIL_IF(r->event.data.document_start.tag_directives.start !=
                        r->event.data.document_start.tag_directives.end,
                    PWF_CONFIG, "%s: %%TAG is not allowed", place(r));
        return pwf_ok();
    default:
        return pwf_ok();
    }
}

/* Whether nothing at all follows the colon. */
static bool is_empty(const yaml_reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0 &&
           r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* The current scalar as a value of the option. */
static pwf_status read_item(yaml_reader *r, const pwf_option *option, pwf_value *value)
{
    const char *text = (const char *)r->event.data.scalar.value;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    PWF_FAIL_IF(is_empty(r), PWF_CONFIG, "%s: %s has no value%s", place(r), option->key,
                option->kind == PWF_KIND_TEXT || option->kind == PWF_KIND_PATH
                    ? "; write '' for an empty string"
                    : "");
    /* YAML reads these as "no value", which a setting cannot have. */
    PWF_FAIL_IF(plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0), PWF_CONFIG,
                "%s: %s: %s is not a value; to set it as a string, put it in quotes", place(r),
                option->key, text);
    return pwf_value_item(option, place(r), text, r->event.data.scalar.length, value);
}

/* Every list must be written with brackets or dashes; a single value is not a list of one. */
static pwf_status read_list(yaml_reader *r, const pwf_option *option, pwf_value *value)
{
    PWF_FAIL_IF(r->event.type != YAML_SEQUENCE_START_EVENT, PWF_CONFIG,
                "%s: %s must be a list, for example [%s]", place(r), option->key,
                option->kind == PWF_KIND_TEXTS ? "fc.weight" : option->standard);
    for (;;) {
        PWF_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return pwf_ok();
        PWF_FAIL_IF(r->event.type != YAML_SCALAR_EVENT, PWF_CONFIG,
                    "%s: %s must be a list of single values", place(r), option->key);
        PWF_TRY(read_item(r, option, value));
    }
}

/* The value after a key; a key may be set once per file. */
static pwf_status read_option(yaml_reader *r, const pwf_option *option)
{
    bool *seen = &r->seen[option - pwf_options];
    PWF_FAIL_IF(*seen, PWF_CONFIG, "%s: %s is set twice", place(r), option->key);
    *seen = true;
    PWF_TRY(next(r));
    /* An entry of a list is appended, so the value starts empty. */
    pwf_value value;
    memset(&value, 0, sizeof value);
    if (pwf_option_is_list(option)) {
        PWF_TRY(read_list(r, option, &value));
    } else {
        PWF_FAIL_IF(r->event.type != YAML_SCALAR_EVENT, PWF_CONFIG,
                    "%s: %s must be a single value, not a %s", place(r), option->key,
                    r->event.type == YAML_SEQUENCE_START_EVENT ? "list" : "mapping");
        PWF_TRY(read_item(r, option, &value));
    }
    pwf_value_store(r->config, option, &value, r->origin);
    return pwf_ok();
}

/* Copies the current event, which must be a key; fails if it is too long for a message. */
static pwf_status read_key(yaml_reader *r, char key[KEY_SHOWN])
{
    PWF_FAIL_IF(r->event.type != YAML_SCALAR_EVENT, PWF_CONFIG,
                "%s: a key must be a single word, not a list or mapping", place(r));
    const char *text = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    /* Merge keys copy mappings, as aliases do. */
    PWF_FAIL_IF(length == 2 && memcmp(text, "<<", 2) == 0, PWF_CONFIG,
                "%s: merge keys (<<) are not allowed; write the keys themselves", place(r));
    if (length >= KEY_SHOWN || pwf_utf8_check(text, length, false) != length) {
        char clip[PWF_CLIP];
        return PWF_FAIL(PWF_CONFIG, "%s: %s is not a key", place(r), pwf_clip(text, length, clip));
    }
    memcpy(key, text, length);
    key[length] = '\0';
    return pwf_ok();
}

/* A misspelt key is an error; the message suggests the nearest key. */
static pwf_status fail_unknown(yaml_reader *r, const char *key)
{
    char meant[400];
    pwf_suggest_key(key, false, meant, sizeof meant);
    return PWF_FAIL(PWF_CONFIG, "%s: %s is not a key%s", place(r), key[0] ? key : "''", meant);
}

/* The keys of one group. */
static pwf_status read_group(yaml_reader *r, const pwf_group *group)
{
    bool *seen = &r->seen_group[group - pwf_groups];
    PWF_FAIL_IF(*seen, PWF_CONFIG, "%s: %s is set twice", place(r), group->name);
    *seen = true;
    PWF_TRY(next(r));
    if (is_empty(r)) return pwf_ok(); /* all its keys are commented out */
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        char keys[400];
        pwf_suggest_key(group->name, false, keys, sizeof keys);
        return PWF_FAIL(PWF_CONFIG, "%s: %s is a group of keys, each on a line of its own%s",
                        place(r), group->name, keys);
    }
    for (;;) {
        PWF_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return pwf_ok();
        char leaf[KEY_SHOWN], key[2 * KEY_SHOWN];
        PWF_TRY(read_key(r, leaf));
        /* A leaf with a dot cannot match: no key has two. */
        snprintf(key, sizeof key, "%s.%s", group->name, leaf);
        const pwf_option *option = pwf_option_find(key, strlen(key));
        if (!option) return fail_unknown(r, key);
        PWF_TRY(read_option(r, option));
    }
}

/* Groups, and keys without one, at the top level. */
static pwf_status read_root(yaml_reader *r)
{
    if (is_empty(r)) return pwf_ok();
    PWF_FAIL_IF(r->event.type != YAML_MAPPING_START_EVENT, PWF_CONFIG,
                "%s: must begin with a group or key, for example \"optim:\"", place(r));
    for (;;) {
        PWF_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return pwf_ok();
        char key[KEY_SHOWN];
        PWF_TRY(read_key(r, key));
        /* No group has the name of a key. */
        const pwf_group *group = pwf_group_find(key, strlen(key));
        const pwf_option *option = pwf_option_find(key, strlen(key));
        if (!group && !option) return fail_unknown(r, key);
        if (group)
            PWF_TRY(read_group(r, group));
        else
            PWF_TRY(read_option(r, option));
    }
}

/* One document, which may be empty. */
static pwf_status read_stream(yaml_reader *r)
{
    PWF_TRY(next(r)); /* the start of the stream */
    PWF_TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return pwf_ok(); /* only comments */
    PWF_TRY(next(r));
    PWF_TRY(read_root(r));
    PWF_TRY(next(r)); /* the end of the document */
    PWF_TRY(next(r));
    PWF_FAIL_IF(r->event.type != YAML_STREAM_END_EVENT, PWF_CONFIG,
                "%s: a second document (---) is not allowed", place(r));
    return pwf_ok();
}

/* Checks size and characters before libyaml sees the text. */
static pwf_status check_bytes(yaml_reader *r, const char *text, size_t length)
{
    PWF_FAIL_IF(length > PWF_CONFIG_FILE_MAX, PWF_CONFIG, "%s: must be at most %d KiB long",
                r->name, PWF_CONFIG_FILE_MAX / 1024);
    size_t bad = pwf_utf8_check(text, length, true);
    if (bad == length) return pwf_ok();
    /* Line and column, in characters, of the byte that is refused. */
    yaml_mark_t mark = {0, 0, 0};
    for (size_t i = 0; i < bad; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            mark.line++, mark.column = 0;
        else if ((c & 0xc0) != 0x80)
            mark.column++;
    }
    unsigned byte = (unsigned char)text[bad];
    return PWF_FAIL(PWF_CONFIG, "%s: byte 0x%02x is not printable UTF-8 text", place_at(r, mark),
                    byte);
}

/* libyaml sees the text only after the check of its bytes. */
pwf_status pwf_config_read_text(pwf_config *config, const char *text, size_t length,
                                const char *name, pwf_origin origin)
{
    yaml_reader r;
    memset(&r, 0, sizeof r);
    r.name = name;
    r.config = config;
    r.origin = origin;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* byte order mark */
        length -= 3;
    }
    PWF_TRY(check_bytes(&r, text, length));
    /* From here on the parser must be deleted, whatever happens. */
    PWF_FAIL_IF(!yaml_parser_initialize(&r.parser), PWF_RESOURCE, "%s: no memory to read it", name);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    pwf_status status = read_stream(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return status;
}

const char *pwf_config_library(void)
{
    return yaml_get_version_string();
}
