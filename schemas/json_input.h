/* SPDX-License-Identifier: Apache-2.0 */
/* A message out of JSON, of parameters of a path and a query, or of options of a command line, and
 * the readers of its declared fields. Every refusal names the field and the rule. All memory comes
 * from the caller's arena. */
#ifndef SCHEMAS_JSON_INPUT_H
#define SCHEMAS_JSON_INPUT_H

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
#include "schemas/json.h"

#define JSON_AMOUNTS_MAX 16 /* fields of type amount in one message */
#define JSON_FAULTS_MAX 16  /* told of one object */

struct json_writer; /* schemas/json_writer.h */

/* The state of filling one message from path, query and body. Usage: json_input_init(), any number
 * of json_text_get() and at most one json_read_object(), then json_complete(). A field given twice
 * is refused, unless it is one of `repeatable`. After the first false the message must not be used;
 * reading on adds further faults to the error. */
struct json_input {
    struct arena *arena;
    struct json_error *error; /* what the next fault goes into */
    struct json_error *last;  /* the newest fault; NULL = there was none */
    uint32_t faults;
    uint64_t seen;                    /* bit per field */
    uint64_t repeatable;              /* given already, but what comes now counts */
    uint8_t scales[JSON_AMOUNTS_MAX]; /* of amounts, until the currency is known */
    struct json_error beyond;         /* what is not told any more */
    bool any_case;                    /* currency codes may be in small letters */
};

void json_input_init(struct json_input *in, struct arena *a, struct json_error *e);

/* A message's JSON form as generated; constant. */
struct json_type {
    const char *name;
    uint32_t size;              /* of the C struct */
    uint8_t count;              /* of fields with a JSON form */
    const char *const *fields;  /* their JSON names */
    uint64_t required;          /* bit per field */
    uint64_t together; /* those of them that another form of the request has not; 0 = none */
    uint16_t lacking;  /* refuses that form, enum result */
    uint64_t (*needed)(const void *m); /* bits of what its flags make required too; NULL = none */
    int (*find)(struct slice field_name); /* index, or -1 */
    bool (*set)(void *m, int field, const struct json_token *t, struct json_input *in);
    bool (*amounts)(void *m, struct json_input *in); /* to minor units; NULL = none. false: told */
    void (*write)(struct json_writer *w, const void *m);
};

/* The members of a JSON object, into *m, which the caller has zeroed; all faults of it are noted.
 * NULL for the object means that json_parse() failed: its error stands. */
must_check bool json_read_object(const struct json_type *type, void *m,
                                const struct yyjson_val *object, struct json_input *in);
/* One field by its name, from a path or query parameter or an option of payctl. */
must_check bool json_text_get(const struct json_type *type, void *m, struct slice name,
                              struct slice text, struct json_input *in);
/* One member of an object that the caller walks. */
must_check bool json_value_get(const struct json_type *type, void *m, struct slice name,
                               const struct yyjson_val *value, struct json_input *in);
/* Are all required fields there, and was there no fault? Makes minor units of amounts. */
must_check bool json_complete(const struct json_type *type, void *m, struct json_input *in);

/* Fields. On a fault they fill in->error with code and rule, leaving its field empty: the caller
 * knows the name. Slices live as long as the parsed text. */
bool json_get_bool(const struct json_token *t, struct json_input *in, bool *value);
/* `rule` (static) names the limits, here and below. */
bool json_get_uint(const struct json_token *t, struct json_input *in, uint64_t min, uint64_t max,
                   const char *rule, uint64_t *value);
bool json_get_u64(const struct json_token *t, struct json_input *in, uint64_t *value);
bool json_get_u128(const struct json_token *t, struct json_input *in, u128 *value);
bool json_get_decimal(const struct json_token *t, struct json_input *in, struct decimal *value);
/* The same of what is no amount of money, and may have up to DECIMAL_SCALE_MAX decimals. */
bool json_get_plain(const struct json_token *t, struct json_input *in, struct decimal *value);
bool json_get_amount(const struct json_token *t, struct json_input *in, int slot, u128 *value);
bool json_get_id(const struct json_token *t, struct json_input *in, const char *prefix,
                 const char *rule, struct id128 *value);
/* With either prefix. */
bool json_get_id_either(const struct json_token *t, struct json_input *in, const char *prefix,
                        const char *other, const char *rule, struct id128 *value);
bool json_get_raw_id(const struct json_token *t, struct json_input *in, struct id128 *value);
bool json_get_currency(const struct json_token *t, struct json_input *in, uint16_t *value);
bool json_get_text(const struct json_token *t, struct json_input *in, uint32_t len_min,
                   uint32_t len_max, const char *rule, struct slice *value);
/* A list of texts without blanks, which stand between them in the value. */
bool json_get_words(const struct json_token *t, struct json_input *in, uint32_t len_min,
                    uint32_t len_max, const char *rule, struct slice *value);
bool json_get_bytes(const struct json_token *t, struct json_input *in, uint32_t len_min,
                    uint32_t len_max, const char *rule, struct slice *value);
bool json_get_time(const struct json_token *t, struct json_input *in, uint64_t *value);
bool json_get_result(const struct json_token *t, struct json_input *in, uint16_t *value);
/* `names` are those of the values from 1 (of the bits from 0); `rule` (static) lists them. */
bool json_get_enum(const struct json_token *t, struct json_input *in, const char *const *names,
                   uint8_t count, const char *rule, uint8_t *value);
/* Another name is refused with this code. */
bool json_get_enum_or(const struct json_token *t, struct json_input *in, const char *const *names,
                      uint8_t count, uint16_t code, uint8_t *value);
bool json_get_flags(const struct json_token *t, struct json_input *in, const char *const *names,
                    uint8_t count, const char *rule, uint32_t *value);
bool json_get_metadata(const struct json_token *t, struct json_input *in, struct metadata *value);
bool json_get_message(const struct json_token *t, struct json_input *in,
                      const struct json_type *type, void *value);
bool json_get_list(const struct json_token *t, struct json_input *in,
                   const struct json_type *type, uint32_t count_min, uint32_t count_max,
                   const char *rule, void **items, uint32_t *count);

/* Digits of the amount `name` to minor units of a currency, both already read; a fault is noted. */
bool json_amount_minor(struct json_input *in, const char *name, int slot, uint16_t currency,
                       u128 *amount);

#endif
