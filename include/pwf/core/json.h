/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_JSON_H
#define PWF_CORE_JSON_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Writing JSON, one object at a time, keys in the order they were set, and reading it back. Any
 * failure while writing is kept and reported by pwf_json_text. Non-finite numbers become null. */

typedef struct pwf_json pwf_json;

/* What is read: enough for a safetensors header of 100 000 tensors. */
enum { PWF_JSON_VALUES_MAX = 1 << 21, PWF_JSON_DEPTH_MAX = 4 };

/** An empty object; NULL without memory, which every function below takes.
 * Local. The caller owns it until it is freed or put into another. */
pwf_json *pwf_json_new(void);

/** Sets one member; an array for the plural forms.
 * Local. pwf_json_set_object takes ownership of `value`; so does pwf_json_append, which adds
 * `value` to the array `key`, made at the first call. */
void pwf_json_set_int(pwf_json *object, const char *key, int64_t value);
void pwf_json_set_real(pwf_json *object, const char *key, double value);
void pwf_json_set_text(pwf_json *object, const char *key, const char *value);
void pwf_json_set_bool(pwf_json *object, const char *key, bool value);
void pwf_json_set_ints(pwf_json *object, const char *key, const int64_t *values, int count);
void pwf_json_set_object(pwf_json *object, const char *key, pwf_json *value);
void pwf_json_append(pwf_json *object, const char *key, pwf_json *value);

/** The object as text without a line end; `indent` 0 is one line.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE. */
pwf_status pwf_json_text(const pwf_json *object, int indent, char **text);

/** Reads one object from `length` bytes of text.
 * Local. The caller owns it. Fails with PWF_DATA (not an object, a key twice, a byte that does not
 * belong there, nested deeper than PWF_JSON_DEPTH_MAX, more than PWF_JSON_VALUES_MAX values; says
 * where) or PWF_RESOURCE; *out is then NULL. */
pwf_status pwf_json_parse(const char *text, size_t length, pwf_json **out);

/** Reads one member; false, and *value untouched, when it is missing or of another kind. An integer
 * is a real too; null is the real NaN. A text lives as long as the object.
 * Local. */
bool pwf_json_get_int(const pwf_json *object, const char *key, int64_t *value);
bool pwf_json_get_real(const pwf_json *object, const char *key, double *value);
bool pwf_json_get_text(const pwf_json *object, const char *key, const char **value);
bool pwf_json_get_bool(const pwf_json *object, const char *key, bool *value);

/** Calls `visit` for every member in the order they were read, until one fails. The value is lent:
 * if it is an object, its members can be read; if it is a text, pwf_json_text_of gives it.
 * Local. Fails with what `visit` returns. */
typedef pwf_status (*pwf_json_visit)(void *context, const char *key, const pwf_json *value);
pwf_status pwf_json_each(const pwf_json *object, pwf_json_visit visit, void *context);
bool pwf_json_text_of(const pwf_json *value, const char **text);

/** Reads an array of integers, at most `room`; false if it is missing, longer, or holds anything
 * else.
 * Local. */
bool pwf_json_get_ints(const pwf_json *object, const char *key, int64_t *values, int room,
                       int *count);

/** Frees an object; NULL is allowed.
 * Local. */
void pwf_json_free(pwf_json *object);

#endif
