/* SPDX-License-Identifier: Apache-2.0 */
/* JSON out: a bounded writer that never emits invalid JSON. */
#ifndef SCHEMAS_JSON_WRITER_H
#define SCHEMAS_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/base/u128.h"
#include "schemas/currency.h"
#include "schemas/fields.h"

struct json_type; /* schemas/json_input.h */

/* Growing buffer, reused; put, put, put, check `failed` once. */
struct json_writer {
    char *data;
    size_t len;
    size_t cap;
    size_t len_max; /* growing beyond this fails the writer */
    bool failed;    /* sticky until json_writer_clear() */
    bool no_memory; /* failed, though not at len_max */
    bool compat;    /* fields that the replaced platform had are written as it wrote them */
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
/* A list of what stands between the blanks. */
void json_put_words(struct json_writer *w, struct slice text);
void json_put_null(struct json_writer *w);
void json_put_bool(struct json_writer *w, bool value);
void json_put_uint(struct json_writer *w, uint64_t value); /* a number: up to 32 bits */
void json_put_u64(struct json_writer *w, uint64_t value);  /* a decimal string */
void json_put_u128(struct json_writer *w, u128 value);
void json_put_decimal(struct json_writer *w, struct decimal value);
void json_put_amount(struct json_writer *w, u128 minor, uint16_t currency);
/* The same, or with w->compat a number with these digits. */
void json_put_decimal_compat(struct json_writer *w, struct decimal value);
void json_put_amount_compat(struct json_writer *w, u128 minor, uint16_t currency);
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
