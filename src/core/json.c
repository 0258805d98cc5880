/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON objects for metrics rows, reports and safetensors headers: a thin layer over jansson that
 * reports a failure when the text is requested and limits what is parsed. Called by ckpt,
 * formats, infer, train, report and app. No state. */
#include "pwf/core/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pwf_json {
    json_t *object; /* owned, except in a value lent by pwf_json_each */
    bool failed;    /* out of memory while setting a member */
};

/* A failed json_object marks the wrapper, which pwf_json_text reports. */
pwf_json *pwf_json_new(void)
{
    pwf_json *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->object = json_object();
    j->failed = !j->object;
    return j;
}

/* Takes ownership of `value`; `j` may be NULL. */
static void set(pwf_json *j, const char *key, json_t *value)
{
    if (!j) {
        json_decref(value);
        return;
    }
    if (json_object_set_new(j->object, key, value) != 0) j->failed = true;
}

void pwf_json_set_int(pwf_json *object, const char *key, int64_t value)
{
    set(object, key, json_integer(value));
}

void pwf_json_set_real(pwf_json *object, const char *key, double value)
{
    /* JSON has neither NaN nor infinities. */
    set(object, key, isfinite(value) ? json_real(value) : json_null());
}

/* JSON is UTF-8, but a file name may be any bytes: if it is not UTF-8, non-ASCII bytes become "?".
 */
static json_t *text_of(const char *value)
{
    json_t *text = json_string(value);
    char *copy = text || !value ? NULL : strdup(value);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c > 127) *c = '?';
    if (copy) text = json_string(copy);
    free(copy);
    return text;
}

void pwf_json_set_text(pwf_json *object, const char *key, const char *value)
{
    set(object, key, text_of(value));
}

void pwf_json_set_bool(pwf_json *object, const char *key, bool value)
{
    set(object, key, json_boolean(value));
}

void pwf_json_set_ints(pwf_json *object, const char *key, const int64_t *values, int count)
{
    /* json_array_append_new accepts NULL from a failed json_array and fails, so one check suffices.
     */
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        if (json_array_append_new(array, json_integer(values[i])) != 0 && object)
            object->failed = true;
    set(object, key, array);
}

/* Frees the wrapper and returns its jansson object. A `value` whose pwf_json_new ran out of memory
 * is NULL; *failed is then set, and the object that should hold it fails. */
static json_t *unwrap(pwf_json *value, bool *failed)
{
    if (!value) {
        *failed = true;
        return NULL;
    }
    json_t *object = value->object;
    *failed = *failed || value->failed;
    free(value);
    return object;
}

void pwf_json_set_object(pwf_json *object, const char *key, pwf_json *value)
{
    bool failed = false;
    json_t *inner = unwrap(value, &failed);
    if (object && failed) object->failed = true;
    set(object, key, inner);
}

void pwf_json_append(pwf_json *object, const char *key, pwf_json *value)
{
    bool failed = false;
    json_t *inner = unwrap(value, &failed);
    if (!object) {
        json_decref(inner);
        return;
    }
    if (!json_object_get(object->object, key)) set(object, key, json_array());
    if (json_array_append_new(json_object_get(object->object, key), inner) != 0) failed = true;
    object->failed = object->failed || failed;
}

pwf_status pwf_json_text(const pwf_json *object, int indent, char **text)
{
    /* Nine digits are enough to read an fp32 number back to the same bits. */
    const size_t flags = JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9);
    *text = object && !object->failed
                ? json_dumps(object->object, flags | (indent ? JSON_INDENT((size_t)indent) : 0))
                : NULL;
    PWF_FAIL_IF(!*text, PWF_RESOURCE, "out of memory for a JSON row");
    return pwf_ok();
}

/* Limits the nesting depth and the number of values before the recursive parser runs: a value of
 * two bytes of text takes a hundred times as much memory. */
static pwf_status check_size(const char *text, size_t length)
{
    int64_t count = 0;
    int depth = 0, deepest = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (inside)
            continue;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == '{' || c == '[' || c == ',') {
            count++;
            if (c != ',' && ++depth > deepest) deepest = depth;
        }
    }
    PWF_FAIL_IF(deepest > PWF_JSON_DEPTH_MAX, PWF_DATA, "JSON is nested deeper than %d levels",
                PWF_JSON_DEPTH_MAX);
    PWF_FAIL_IF(count > PWF_JSON_VALUES_MAX, PWF_DATA, "JSON has more than %d values",
                PWF_JSON_VALUES_MAX);
    return pwf_ok();
}

pwf_status pwf_json_parse(const char *text, size_t length, pwf_json **out)
{
    *out = NULL;
    PWF_TRY(check_size(text, length));
    json_error_t error;
    /* Programs disagree which of two equal keys counts, so duplicates are refused. */
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    PWF_FAIL_IF(!object && json_error_code(&error) == json_error_out_of_memory, PWF_RESOURCE,
                "out of memory parsing JSON");
    PWF_FAIL_IF(!object, PWF_DATA, "invalid JSON: %s at line %d, column %d", error.text, error.line,
                error.column);
    if (!json_is_object(object)) {
        json_decref(object);
        return PWF_FAIL(PWF_DATA, "the JSON text is not an object");
    }
    pwf_json *j = calloc(1, sizeof *j);
    if (!j) {
        json_decref(object);
        return PWF_FAIL(PWF_RESOURCE, "out of memory parsing JSON");
    }
    j->object = object;
    *out = j;
    return pwf_ok();
}

bool pwf_json_get_int(const pwf_json *object, const char *key, int64_t *value)
{
    const json_t *v = json_object_get(object->object, key);
    if (!json_is_integer(v)) return false;
    *value = json_integer_value(v);
    return true;
}

bool pwf_json_get_real(const pwf_json *object, const char *key, double *value)
{
    const json_t *v = json_object_get(object->object, key);
    if (!json_is_number(v) && !json_is_null(v)) return false;
    /* The inverse of pwf_json_set_real. */
    *value = json_is_null(v) ? (double)NAN : json_number_value(v);
    return true;
}

bool pwf_json_get_text(const pwf_json *object, const char *key, const char **value)
{
    const json_t *v = json_object_get(object->object, key);
    if (!json_is_string(v)) return false;
    *value = json_string_value(v);
    return true;
}

bool pwf_json_get_bool(const pwf_json *object, const char *key, bool *value)
{
    const json_t *v = json_object_get(object->object, key);
    if (!json_is_boolean(v)) return false;
    *value = json_is_true(v);
    return true;
}

pwf_status pwf_json_each(const pwf_json *object, pwf_json_visit visit, void *context)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object->object, key, value)
    {
        /* Borrowed from `object` for one call; the visitor must not free it. */
        const pwf_json lent = {value, false};
        PWF_TRY(visit(context, key, &lent));
    }
    return pwf_ok();
}

bool pwf_json_text_of(const pwf_json *value, const char **text)
{
    if (!json_is_string(value->object)) return false;
    *text = json_string_value(value->object);
    return true;
}

bool pwf_json_get_ints(const pwf_json *object, const char *key, int64_t *values, int room,
                       int *count)
{
    const json_t *array = json_object_get(object->object, key);
    if (!json_is_array(array) || json_array_size(array) > (size_t)room) return false;
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_integer(json_array_get(array, i))) return false;
    /* All elements are integers: from here on nothing fails, so the output is all or nothing. */
    *count = (int)json_array_size(array);
    for (int i = 0; i < *count; i++)
        values[i] = json_integer_value(json_array_get(array, (size_t)i));
    return true;
}

void pwf_json_free(pwf_json *object)
{
    if (!object) return;
    json_decref(object->object);
    free(object);
}
