/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_JSON_H
#define PWF_CORE_JSON_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** JSON objects: writing, with keys in the order they were set, and parsing. A failure while
 * setting members is reported by pwf_json_text. Non-finite numbers are written as null. */

typedef struct pwf_json pwf_json;

/* Limits of the parser: enough for a safetensors header of 100,000 tensors. */
enum { PWF_JSON_VALUES_MAX = 1 << 21, PWF_JSON_DEPTH_MAX = 4 };

/** An empty object, or NULL if out of memory; the functions that set members accept NULL.
 * Local. The caller owns it until it is freed or becomes a member of another object. */
pwf_json *pwf_json_new(void);

/** Set the member `key`; pwf_json_set_ints sets an array. pwf_json_append adds `value` to the array
 * `key`, which it creates on the first call. pwf_json_set_object and pwf_json_append take ownership
 * of `value`.
 * Local. */
void pwf_json_set_int(pwf_json *object, const char *key, int64_t value);
void pwf_json_set_real(pwf_json *object, const char *key, double value);
void pwf_json_set_text(pwf_json *object, const char *key, const char *value);
void pwf_json_set_bool(pwf_json *object, const char *key, bool value);
void pwf_json_set_ints(pwf_json *object, const char *key, const int64_t *values, int count);
void pwf_json_set_object(pwf_json *object, const char *key, pwf_json *value);
void pwf_json_append(pwf_json *object, const char *key, pwf_json *value);

/** The object as a string without a final newline, on one line if `indent` is 0.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE. */
pwf_status pwf_json_text(const pwf_json *object, int indent, char **text);

/** Parses one object from text[length].
 * Local. The caller owns *out. Fails with PWF_DATA if the text is not a JSON object, has a
 * duplicate key, or exceeds PWF_JSON_DEPTH_MAX or PWF_JSON_VALUES_MAX, or with PWF_RESOURCE; *out
 * is then NULL. */
pwf_status pwf_json_parse(const char *text, size_t length, pwf_json **out);

/** Read the member `key`. Return false and leave *value unchanged if it is missing or has a
 * different type. An integer is also a real; null is the real NaN. The object owns a string.
 * Local. */
bool pwf_json_get_int(const pwf_json *object, const char *key, int64_t *value);
bool pwf_json_get_real(const pwf_json *object, const char *key, double *value);
bool pwf_json_get_text(const pwf_json *object, const char *key, const char **value);
bool pwf_json_get_bool(const pwf_json *object, const char *key, bool *value);

/** Called for a member; `value` is valid during the call only. */
typedef pwf_status (*pwf_json_visit)(void *context, const char *key, const pwf_json *value);

/** Calls `visit` for every member in the order of the text, until a call fails. The members of a
 * value that is an object can be read; pwf_json_text_of returns a value that is a string.
 * Local. Fails as `visit` does. */
pwf_status pwf_json_each(const pwf_json *object, pwf_json_visit visit, void *context);
bool pwf_json_text_of(const pwf_json *value, const char **text);

/** Reads an array of at most `room` integers. Returns false if it is missing, longer, or has other
 * elements.
 * Local. */
bool pwf_json_get_ints(const pwf_json *object, const char *key, int64_t *values, int room,
                       int *count);

/** Frees an object; NULL is allowed.
 * Local. */
void pwf_json_free(pwf_json *object);

#endif
