/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in: strict RFC 8259 over yyjson with numbers kept as their literal text, limited depth and
 * keys, no duplicate keys, no U+0000. All memory comes from the caller's arena. What becomes of the
 * values: json_input.h; the way out: json_writer.h. */
#ifndef SCHEMAS_JSON_H
#define SCHEMAS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/slice.h"

#define JSON_DEPTH_MAX 16
#define JSON_KEYS_MAX 64 /* of one object */
#define JSON_FIELD_MAX 128

struct yyjson_val; /* <yyjson.h>: a value within a parsed text */

/* The first fault of a text; *next and so on are those found after it. */
struct json_error {
    char field[JSON_FIELD_MAX]; /* "transfers[3].amount"; "" = the whole text */
    const char *rule;           /* "must have at most 500 bytes"; static or in the arena */
    uint16_t code;              /* enum result */
    struct json_error *next;    /* in the arena; NULL = there is none */
};

/* The arena has failed: at its limit, which is final, or for want of memory, which passes. Gives
 * false. */
bool json_refuse_room(struct json_error *e, const struct arena *a);

/* The root value, living in the arena; NULL and *e on any fault. */
const struct yyjson_val *json_parse(struct slice text, struct arena *a, struct json_error *e);

enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER, /* text is its literal */
    JSON_STRING,
    JSON_TEXT, /* not from JSON: of a path, a query or a command line */
    JSON_ARRAY,
    JSON_OBJECT,
};

/* One value on its way into a field. */
struct json_token {
    enum json_kind kind;
    struct slice text;              /* of scalars */
    const struct yyjson_val *value; /* of arrays and objects */
};

struct json_token json_token_of(const struct yyjson_val *value);

/* Member of an object by name, or NULL; for texts whose shape is declared elsewhere (tokens, key
 * sets). `object` may be NULL or no object. */
const struct yyjson_val *json_member(const struct yyjson_val *object, const char *name);
/* Item of an array, or NULL. */
const struct yyjson_val *json_item(const struct yyjson_val *array, size_t index);

/* Fills *e, alone, with an empty field. Always false, so that a reader can return it. */
bool json_refuse(struct json_error *e, uint16_t code, const char *rule);
/* Fills *e with this field, which may hold any bytes; false too. */
bool json_refuse_name(struct json_error *e, uint16_t code, const char *rule, struct slice name);
/* Puts "name." or "name[index]." before the field of *e and of all after it. */
void json_error_within(struct json_error *e, const char *name, int64_t index);

#endif
