/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON object, as in the headers of weight files. All members are read; the object is written
 * and read back to the same text. */
#include "fuzz.h"

#include "pwf/core/json.h"

#include <stdlib.h>
#include <string.h>

static pwf_status visit(void *context, const char *key, const pwf_json *value)
{
    const pwf_json *object = context;
    int64_t number = 0, numbers[4];
    double real = 0.0;
    bool flag = false;
    int count = 0;
    const char *text = "";
    pwf_json_get_int(object, key, &number);
    pwf_json_get_real(object, key, &real);
    pwf_json_get_bool(object, key, &flag);
    pwf_json_get_ints(object, key, numbers, 4, &count);
    PWF_ASSERT(pwf_json_get_text(object, key, &text) == pwf_json_text_of(value, &text));
    PWF_ASSERT(count >= 0 && count <= 4 && strlen(text) < SIZE_MAX);
    return pwf_ok();
}

void fuzz_one(const uint8_t *data, size_t size)
{
    pwf_json *object = NULL, *again = NULL;
    char *text = NULL, *twice = NULL;
    if (pwf_json_parse((const char *)data, size, &object).code != PWF_OK) return;
    fuzz_accept();
    fuzz_must(pwf_json_each(object, visit, object));
    fuzz_must(pwf_json_text(object, 0, &text));
    fuzz_must(pwf_json_parse(text, strlen(text), &again));
    fuzz_must(pwf_json_text(again, 0, &twice));
    PWF_ASSERT(strcmp(text, twice) == 0);
    free(text);
    free(twice);
    pwf_json_free(object);
    pwf_json_free(again);
}
