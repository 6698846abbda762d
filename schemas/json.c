/* SPDX-License-Identifier: Apache-2.0 */
/* yyjson parses into the arena; then one walk over the values refuses what it lets pass: depth,
 * repeated keys, U+0000. On the way back up each container puts its name before the field at fault.
 */
#include "schemas/json.h"

#include <stdio.h>
#include <string.h>

#include <yyjson.h>

#include "schemas/result.h"

#define FAULT_MAX 128 /* bytes of what is said of a text that is no JSON */

bool json_refuse(struct json_error *e, uint16_t code, const char *rule)
{
    e->field[0] = 0;
    e->rule = rule;
    e->code = code;
    e->next = NULL;
    return false;
}

static void json_error_prefix(struct json_error *e, const char *name, int64_t index)
{
    char inner[JSON_FIELD_MAX];
    memcpy(inner, e->field, sizeof inner);
    const char *dot = inner[0] == 0 || inner[0] == '[' ? "" : ".";
    int len = index < 0 ? snprintf(e->field, sizeof e->field, "%s%s%s", name, dot, inner)
                        : snprintf(e->field, sizeof e->field, "%s[%lld]%s%s", name,
                                   (long long)index, dot, inner);
    check(len >= 0); /* a long path is cut at its end */
}

void json_error_within(struct json_error *e, const char *name, int64_t index)
{
    for (; e != NULL; e = e->next)
        json_error_prefix(e, name, index);
}

bool json_refuse_name(struct json_error *e, uint16_t code, const char *rule, struct slice name)
{
    json_refuse(e, code, rule);
    uint32_t len = name.len < JSON_FIELD_MAX / 2 ? name.len : JSON_FIELD_MAX / 2;
    while (len > 0 && len < name.len && ((unsigned char)name.data[len] & 0xC0) == 0x80)
        len--; /* never cut within a character */
    memcpy(e->field, name.data, len);
    e->field[len] = 0;
    return false;
}

/* --- parsing ---------------------------------------------------------------------------------- */

static void *json_arena_malloc(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void *json_arena_realloc(void *context, void *old, size_t old_size, size_t size)
{
    if (size <= old_size)
        return old;
    void *fresh = arena_alloc(context, size);
    if (fresh != NULL && old != NULL)
        memcpy(fresh, old, old_size);
    return fresh;
}

static void json_arena_free(void *context, void *memory)
{
    (void)context;
    (void)memory; /* freed with the arena */
}

static struct slice json_text_of(const yyjson_val *v)
{
    /* yyjson declares its readers on pointers to non-const, but they only read. */
    yyjson_val *value = (yyjson_val *)(uintptr_t)v;
    if (unsafe_yyjson_is_raw(value))
        return (struct slice){yyjson_get_raw(value), (uint32_t)yyjson_get_len(value)};
    return (struct slice){yyjson_get_str(value), (uint32_t)yyjson_get_len(value)};
}

static bool json_has_nul(struct slice text)
{
    return memchr(text.data, 0, text.len) != NULL;
}

static bool json_key_repeats(yyjson_val *object, yyjson_val *key)
{
    yyjson_obj_iter i;
    yyjson_val *other;
    check(yyjson_obj_iter_init(object, &i));
    while ((other = yyjson_obj_iter_next(&i)) != key) {
        if (slice_equal(json_text_of(other), json_text_of(key)))
            return true;
    }
    return false;
}

static bool json_check_value(yyjson_val *value, uint32_t depth, struct json_error *e);

static bool json_check_object(yyjson_val *object, uint32_t depth, struct json_error *e)
{
    yyjson_obj_iter i;
    yyjson_val *key;
    if (unsafe_yyjson_get_len(object) > JSON_KEYS_MAX)
        return json_refuse(e, RESULT_TOO_LARGE, "may have at most 64 keys");
    check(yyjson_obj_iter_init(object, &i));
    while ((key = yyjson_obj_iter_next(&i)) != NULL) {
        struct slice name = json_text_of(key);
        if (json_has_nul(name))
            return json_refuse(e, RESULT_INVALID_FIELD, "must not have a key with U+0000");
        if (json_key_repeats(object, key))
            return json_refuse_name(e, RESULT_DUPLICATE_FIELD, "is given twice", name);
        if (!json_check_value(yyjson_obj_iter_get_val(key), depth, e)) {
            char copy[JSON_FIELD_MAX];
            snprintf(copy, sizeof copy, "%.*s", (int)(name.len < 64 ? name.len : 64), name.data);
            json_error_within(e, copy, -1);
            return false;
        }
    }
    return true;
}

static bool json_check_array(yyjson_val *array, uint32_t depth, struct json_error *e)
{
    yyjson_arr_iter i;
    yyjson_val *item;
    check(yyjson_arr_iter_init(array, &i));
    while ((item = yyjson_arr_iter_next(&i)) != NULL) {
        if (!json_check_value(item, depth, e)) {
            json_error_within(e, "", (int64_t)i.idx - 1);
            return false;
        }
    }
    return true;
}

/* What yyjson lets pass: depth, repeated keys, U+0000. `depth` counts the containers around. */
static bool json_check_value(yyjson_val *value, uint32_t depth, struct json_error *e)
{
    switch (unsafe_yyjson_get_type(value)) {
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
        if (depth >= JSON_DEPTH_MAX)
            return json_refuse(e, RESULT_TOO_LARGE, "may be nested at most 16 deep");
        return unsafe_yyjson_is_obj(value) ? json_check_object(value, depth + 1, e)
                                           : json_check_array(value, depth + 1, e);
    case YYJSON_TYPE_STR:
        if (json_has_nul(json_text_of(value)))
            return json_refuse(e, RESULT_INVALID_FIELD, "must not contain U+0000");
        return true;
    default:
        return true;
    }
}

/* What is not JSON, and where: "must be valid JSON: unexpected character at byte 17". */
static const char *json_fault_rule(const yyjson_read_err *fault, struct arena *a)
{
    char text[FAULT_MAX];
    int len = snprintf(text, sizeof text, "must be valid JSON: %s (byte %zu)", fault->msg,
                       fault->pos);
    struct slice kept = {NULL, 0};
    if (len > 0 && len < FAULT_MAX)
        kept = arena_copy(a, (struct slice){text, (uint32_t)len + 1}); /* with its NUL */
    return kept.data != NULL ? kept.data : "must be valid JSON";
}

bool json_refuse_room(struct json_error *e, const struct arena *a)
{
    check(a->failed);
    return a->no_memory ? json_refuse(e, RESULT_NO_MEMORY, "needs more memory than there is now")
                        : json_refuse(e, RESULT_TOO_LARGE, "takes too much memory");
}

const struct yyjson_val *json_parse(struct slice text, struct arena *a, struct json_error *e)
{
    const yyjson_alc alc = {json_arena_malloc, json_arena_realloc, json_arena_free, a};
    yyjson_read_err fault;
    if (text.len == 0) {
        json_refuse(e, RESULT_INVALID_JSON, "must not be empty");
        return NULL;
    }
    /* Without the flag for parsing in place yyjson only reads the text. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len,
                                       YYJSON_READ_NUMBER_AS_RAW, &alc, &fault);
    if (doc == NULL) {
        if (fault.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
            json_refuse_room(e, a);
        else
            json_refuse(e, RESULT_INVALID_JSON, json_fault_rule(&fault, a));
        return NULL;
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    return json_check_value(root, 0, e) ? root : NULL;
}

struct json_token json_token_of(const struct yyjson_val *value)
{
    yyjson_val *v = (yyjson_val *)(uintptr_t)value;
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_BOOL:
        return (struct json_token){JSON_BOOL, slice_of(yyjson_get_bool(v) ? "true" : "false"),
                                   NULL};
    case YYJSON_TYPE_RAW:
        return (struct json_token){JSON_NUMBER, json_text_of(v), NULL};
    case YYJSON_TYPE_STR:
        return (struct json_token){JSON_STRING, json_text_of(v), NULL};
    case YYJSON_TYPE_ARR:
        return (struct json_token){JSON_ARRAY, {"", 0}, value};
    case YYJSON_TYPE_OBJ:
        return (struct json_token){JSON_OBJECT, {"", 0}, value};
    default:
        return (struct json_token){JSON_NULL, {"", 0}, NULL};
    }
}

const struct yyjson_val *json_member(const struct yyjson_val *object, const char *name)
{
    return yyjson_obj_get((yyjson_val *)(uintptr_t)object, name);
}

const struct yyjson_val *json_item(const struct yyjson_val *array, size_t index)
{
    return yyjson_arr_get((yyjson_val *)(uintptr_t)array, index);
}
