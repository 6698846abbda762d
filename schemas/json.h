/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in and out. In: strict RFC 8259 over yyjson with numbers kept as their literal text, limited
 * depth and keys, no duplicate keys, no U+0000. All memory comes from the caller's arena. Out: a
 * bounded writer that never emits invalid JSON. Every refusal names the field and the rule. */
#ifndef SCHEMAS_JSON_H
#define SCHEMAS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/base/u128.h"
#include "schemas/currency.h"
#include "schemas/fields.h"

#define JSON_DEPTH_MAX 16
#define JSON_KEYS_MAX 64    /* of one object */
#define JSON_AMOUNTS_MAX 16 /* fields of type amount in one message */
#define JSON_FIELD_MAX 128

struct json_writer;
struct yyjson_val; /* <yyjson.h>: a value within a parsed text */

struct json_error {
    char field[JSON_FIELD_MAX]; /* "transfers[3].amount"; "" = the whole text */
    const char *rule;           /* "must have at most 500 bytes"; static or in the arena */
    uint16_t code;              /* enum result */
};

/* --- in --------------------------------------------------------------------------------------- */

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

/* The state of filling one message from path, query and body. Usage: json_input_init(), any number
 * of json_text_get() and at most one json_read_object(), then json_complete(). A field given twice
 * is refused. After the first false the error stands and the message must not be used. */
struct json_input {
    struct arena *arena;
    struct json_error *error;
    uint64_t seen;                     /* bit per field */
    uint8_t scales[JSON_AMOUNTS_MAX]; /* of amounts, until the currency is known */
};

void json_input_init(struct json_input *in, struct arena *a, struct json_error *e);

/* What the generator knows of a message's JSON form; constant. */
struct json_type {
    const char *name;
    uint32_t size;              /* of the C struct */
    uint8_t count;              /* of fields with a JSON form */
    const char *const *fields;  /* their JSON names */
    uint64_t required;          /* bit per field */
    int (*find)(struct slice field_name); /* index, or -1 */
    bool (*set)(void *m, int field, const struct json_token *t, struct json_input *in);
    bool (*amounts)(void *m, struct json_input *in); /* to minor units; NULL = none */
    void (*write)(struct json_writer *w, const void *m);
};

/* The members of a JSON object, into *m, which the caller has zeroed. NULL for the object means
 * that json_parse() failed: its error stands. */
must_check bool json_read_object(const struct json_type *type, void *m,
                                const struct yyjson_val *object, struct json_input *in);
/* One field by its name, from a path or query parameter or an option of payctl. */
must_check bool json_text_get(const struct json_type *type, void *m, struct slice name,
                              struct slice text, struct json_input *in);
/* Are all required fields there? Makes minor units of amounts. */
must_check bool json_complete(const struct json_type *type, void *m, struct json_input *in);

/* Fills *e with an empty field. Always false, so that a reader can return it. */
bool json_refuse(struct json_error *e, uint16_t code, const char *rule);
/* Puts "name." or "name[index]." before the field of *e. */
void json_error_within(struct json_error *e, const char *name, int64_t index);

/* Fields. On a fault they fill in->error with code and rule, leaving its field empty: the caller
 * knows the name. Slices live as long as the parsed text. */
bool json_get_bool(const struct json_token *t, struct json_input *in, bool *value);
/* `rule` (static) names the limits, here and below. */
bool json_get_uint(const struct json_token *t, struct json_input *in, uint64_t min, uint64_t max,
                   const char *rule, uint64_t *value);
bool json_get_u64(const struct json_token *t, struct json_input *in, uint64_t *value);
bool json_get_u128(const struct json_token *t, struct json_input *in, u128 *value);
bool json_get_decimal(const struct json_token *t, struct json_input *in, struct decimal *value);
bool json_get_amount(const struct json_token *t, struct json_input *in, int slot, u128 *value);
bool json_get_id(const struct json_token *t, struct json_input *in, const char *prefix,
                 const char *rule, struct id128 *value);
bool json_get_raw_id(const struct json_token *t, struct json_input *in, struct id128 *value);
bool json_get_currency(const struct json_token *t, struct json_input *in, uint16_t *value);
bool json_get_text(const struct json_token *t, struct json_input *in, uint32_t len_min,
                   uint32_t len_max, const char *rule, struct slice *value);
bool json_get_bytes(const struct json_token *t, struct json_input *in, uint32_t len_min,
                    uint32_t len_max, const char *rule, struct slice *value);
bool json_get_time(const struct json_token *t, struct json_input *in, uint64_t *value);
bool json_get_result(const struct json_token *t, struct json_input *in, uint16_t *value);
/* `names` are those of the values from 1 (of the bits from 0); `rule` (static) lists them. */
bool json_get_enum(const struct json_token *t, struct json_input *in, const char *const *names,
                   uint8_t count, const char *rule, uint8_t *value);
bool json_get_flags(const struct json_token *t, struct json_input *in, const char *const *names,
                    uint8_t count, const char *rule, uint32_t *value);
bool json_get_metadata(const struct json_token *t, struct json_input *in, struct metadata *value);
bool json_get_message(const struct json_token *t, struct json_input *in,
                      const struct json_type *type, void *value);
bool json_get_list(const struct json_token *t, struct json_input *in,
                   const struct json_type *type, uint32_t count_min, uint32_t count_max,
                   const char *rule, void **items, uint32_t *count);

/* Digits of an amount to minor units of a currency, both already read; code and rule in *e. */
bool json_amount_minor(uint8_t scale, uint16_t currency, u128 *amount, struct json_error *e);

/* --- out -------------------------------------------------------------------------------------- */

/* Growing buffer, reused; put, put, put, check `failed` once. */
struct json_writer {
    char *data;
    size_t len;
    size_t cap;
    size_t len_max; /* growing beyond this fails the writer */
    bool failed;    /* sticky until json_writer_clear() */
};

void json_writer_init(struct json_writer *w, size_t len_max);
void json_writer_done(struct json_writer *w);
void json_writer_clear(struct json_writer *w); /* keeps the memory */

static inline struct slice json_written(const struct json_writer *w)
{
    return (struct slice){w->data, (uint32_t)w->len};
}

/* Objects and arrays: every member and every item begins with a comma, and close() turns the first
 * into the bracket. Returns the mark for close(). */
static inline size_t json_open(const struct json_writer *w)
{
    return w->len;
}
void json_close_object(struct json_writer *w, size_t mark);
void json_close_array(struct json_writer *w, size_t mark);
void json_put_comma(struct json_writer *w); /* before an item of an array */
void json_put_key(struct json_writer *w, const char *name); /* ,"name": */
/* The fields of a message as members of the open object. */
void json_put_members(struct json_writer *w, const struct json_type *type, const void *m);
/* Characters as they are, already JSON. */
void json_put_raw(struct json_writer *w, const char *data, size_t len);
#define json_put_literal(w, text) json_put_raw((w), (text), sizeof(text) - 1)

/* Escapes what must be; bytes that are not UTF-8 become U+FFFD. */
void json_put_text(struct json_writer *w, struct slice text);
void json_put_null(struct json_writer *w);
void json_put_bool(struct json_writer *w, bool value);
void json_put_uint(struct json_writer *w, uint64_t value); /* a number: up to 32 bits */
void json_put_u64(struct json_writer *w, uint64_t value);  /* a decimal string */
void json_put_u128(struct json_writer *w, u128 value);
void json_put_decimal(struct json_writer *w, struct decimal value);
void json_put_amount(struct json_writer *w, u128 minor, uint16_t currency);
void json_put_id(struct json_writer *w, const char *prefix, struct id128 id);
void json_put_raw_id(struct json_writer *w, struct id128 id);
/* 0 is written as XXX, no currency; an unlisted number by its three digits. */
void json_put_currency(struct json_writer *w, uint16_t number);
void json_put_bytes(struct json_writer *w, struct slice bytes);
void json_put_time(struct json_writer *w, uint64_t ns);
void json_put_result(struct json_writer *w, uint16_t code);
void json_put_enum(struct json_writer *w, const char *const *names, uint8_t count, uint8_t value);
void json_put_flags(struct json_writer *w, const char *const *names, uint8_t count,
                    uint32_t value);
void json_put_metadata(struct json_writer *w, const struct metadata *m);

#endif
