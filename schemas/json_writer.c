/* SPDX-License-Identifier: Apache-2.0 */
/* Commas are written before every member and item; closing a container turns its first one into the
 * bracket. So no writer has to know whether it is the first, and an empty container has none. */
#include "schemas/json_writer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/base64url.h"
#include "runtime/base/hex.h"
#include "runtime/base/utf8.h"
#include "schemas/instant.h"
#include "schemas/json_input.h"
#include "schemas/result.h"

void json_writer_init(struct json_writer *w, size_t len_max)
{
    *w = (struct json_writer){.len_max = len_max};
}

void json_writer_done(struct json_writer *w)
{
    free(w->data);
    *w = (struct json_writer){.len_max = w->len_max};
}

void json_writer_clear(struct json_writer *w)
{
    w->len = 0;
    w->failed = w->no_memory = false;
}

static bool json_writer_grow(struct json_writer *w, size_t more)
{
    check(w->len <= w->cap && w->cap <= w->len_max);
    if (w->failed || more > w->len_max - w->len) {
        w->failed = true;
        return false;
    }
    char *data = array_try_grow(w->data, &w->cap, w->len + more, w->len_max);
    if (data == NULL) {
        w->failed = w->no_memory = true;
        return false;
    }
    w->data = data;
    return true;
}

static inline bool json_writer_reserve(struct json_writer *w, size_t more)
{
    return (!w->failed && more <= w->cap - w->len) || json_writer_grow(w, more);
}

void json_put_raw(struct json_writer *w, const char *data, size_t len)
{
    if (len == 0 || !json_writer_reserve(w, len))
        return; /* before the first byte there is no memory to add nothing to */
    memcpy(w->data + w->len, data, len);
    w->len += len;
}

static void json_writer_close(struct json_writer *w, size_t mark, char open, char shut)
{
    if (w->failed)
        return;
    if (w->len == mark)
        json_put_raw(w, &open, 1);
    else
        w->data[mark] = open;
    json_put_raw(w, &shut, 1);
}

void json_close_object(struct json_writer *w, size_t mark)
{
    json_writer_close(w, mark, '{', '}');
}

void json_close_array(struct json_writer *w, size_t mark)
{
    json_writer_close(w, mark, '[', ']');
}

void json_put_comma(struct json_writer *w)
{
    json_put_literal(w, ",");
}

void json_put_members(struct json_writer *w, const struct json_type *type, const void *m)
{
    size_t mark = json_open(w);
    type->write(w, m);
    if (w->failed)
        return;
    check(w->len >= mark + 2 && w->data[mark] == '{' && w->data[w->len - 1] == '}');
    w->data[mark] = ',';
    w->len -= w->len == mark + 2 ? 2 : 1; /* an empty object leaves nothing */
}

void json_put_key(struct json_writer *w, const char *name)
{
    json_put_comma(w);
    json_put_text(w, slice_of(name));
    json_put_literal(w, ":");
}

static void json_writer_put_escape(struct json_writer *w, unsigned char c)
{
    switch (c) {
    case '"':
        json_put_literal(w, "\\\"");
        break;
    case '\\':
        json_put_literal(w, "\\\\");
        break;
    case '\n':
        json_put_literal(w, "\\n");
        break;
    case '\r':
        json_put_literal(w, "\\r");
        break;
    case '\t':
        json_put_literal(w, "\\t");
        break;
    default: {
        char escape[6] = {'\\', 'u', '0', '0'};
        hex_write(&c, 1, escape + 4);
        json_put_raw(w, escape, sizeof escape);
    }
    }
}

void json_put_text(struct json_writer *w, struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t left = text.len;
    json_put_literal(w, "\"");
    while (left > 0) {
        size_t plain = 0;
        while (plain < left) {
            unsigned char c = at[plain];
            size_t len = c < 0x80 ? (c >= 0x20 && c != '"' && c != '\\')
                                  : utf8_len(at + plain, left - plain);
            if (len == 0)
                break;
            plain += len;
        }
        json_put_raw(w, (const char *)at, plain);
        at += plain;
        left -= plain;
        if (left == 0)
            break;
        if (*at < 0x80)
            json_writer_put_escape(w, *at);
        else
            json_put_literal(w, "\xEF\xBF\xBD");
        at++;
        left--;
    }
    json_put_literal(w, "\"");
}

void json_put_null(struct json_writer *w)
{
    json_put_literal(w, "null");
}

void json_put_bool(struct json_writer *w, bool value)
{
    if (value)
        json_put_literal(w, "true");
    else
        json_put_literal(w, "false");
}

void json_put_uint(struct json_writer *w, uint64_t value)
{
    char text[U128_TEXT_MAX];
    json_put_raw(w, text, u128_text(value, text));
}

/* Text that needs no escaping, in quotes. */
static void json_writer_put_quoted(struct json_writer *w, const char *text, size_t len)
{
    if (!json_writer_reserve(w, len + 2))
        return;
    w->data[w->len] = '"';
    memcpy(w->data + w->len + 1, text, len);
    w->data[w->len + 1 + len] = '"';
    w->len += len + 2;
}

void json_put_u64(struct json_writer *w, uint64_t value)
{
    json_put_u128(w, value);
}

void json_put_u128(struct json_writer *w, u128 value)
{
    char text[U128_TEXT_MAX];
    json_writer_put_quoted(w, text, u128_text(value, text));
}

void json_put_decimal(struct json_writer *w, struct decimal value)
{
    char text[DECIMAL_TEXT_MAX];
    json_writer_put_quoted(w, text, decimal_text(value, text));
}

void json_put_decimal_compat(struct json_writer *w, struct decimal value)
{
    char text[DECIMAL_TEXT_MAX];
    if (w->compat)
        json_put_raw(w, text, decimal_text(value, text));
    else
        json_put_decimal(w, value);
}

static struct decimal json_writer_decimal(u128 minor, uint16_t currency)
{
    const struct currency *c = currency_by_number(currency);
    return (struct decimal){minor, c == NULL ? 0 : c->decimals};
}

void json_put_amount(struct json_writer *w, u128 minor, uint16_t currency)
{
    json_put_decimal(w, json_writer_decimal(minor, currency));
}

void json_put_amount_compat(struct json_writer *w, u128 minor, uint16_t currency)
{
    json_put_decimal_compat(w, json_writer_decimal(minor, currency));
}

void json_put_id(struct json_writer *w, const char *prefix, struct id128 id)
{
    char text[16 + ID128_TEXT_LEN];
    size_t len = strlen(prefix);
    check(len < 15);
    memcpy(text, prefix, len);
    text[len] = '_';
    id128_text(id, text + len + 1);
    json_writer_put_quoted(w, text, len + 1 + ID128_TEXT_LEN);
}

void json_put_raw_id(struct json_writer *w, struct id128 id)
{
    uint8_t bytes[16];
    char text[2 * sizeof bytes];
    id128_store(id, bytes);
    hex_write(bytes, sizeof bytes, text);
    json_writer_put_quoted(w, text, sizeof text);
}

void json_put_currency(struct json_writer *w, uint16_t number)
{
    const struct currency *c = currency_by_number(number);
    char digits[3] = {(char)('0' + number / 100 % 10), (char)('0' + number / 10 % 10),
                      (char)('0' + number % 10)};
    if (c != NULL)
        json_writer_put_quoted(w, c->code, CURRENCY_CODE_LEN);
    else
        json_writer_put_quoted(w, number == 0 ? "XXX" : digits, CURRENCY_CODE_LEN);
}

void json_put_words(struct json_writer *w, struct slice text)
{
    size_t mark = json_open(w);
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end;) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank == NULL ? end : blank;
        json_put_comma(w);
        json_put_text(w, (struct slice){at, (uint32_t)(stop - at)});
        at = blank == NULL ? end : blank + 1;
    }
    json_close_array(w, mark);
}

void json_put_bytes(struct json_writer *w, struct slice bytes)
{
    if (!json_writer_reserve(w, BASE64URL_LEN((size_t)bytes.len) + 2))
        return;
    w->data[w->len++] = '"';
    w->len += base64url_encode((const uint8_t *)bytes.data, bytes.len, w->data + w->len);
    w->data[w->len++] = '"';
}

void json_put_time(struct json_writer *w, uint64_t ns)
{
    char text[INSTANT_TEXT_MAX];
    json_writer_put_quoted(w, text, instant_text(ns, text));
}

void json_put_result(struct json_writer *w, uint16_t code)
{
    const struct result_info *info = result_info(code);
    if (info != NULL) {
        json_writer_put_quoted(w, info->name, strlen(info->name));
        return;
    }
    char text[7 + U128_TEXT_MAX] = "result_";
    json_writer_put_quoted(w, text, 7 + u128_text(code, text + 7));
}

void json_put_enum(struct json_writer *w, const char *const *names, uint8_t count, uint8_t value)
{
    if (value >= 1 && value <= count)
        json_writer_put_quoted(w, names[value - 1], strlen(names[value - 1]));
    else
        json_put_null(w);
}

void json_put_flags(struct json_writer *w, const char *const *names, uint8_t count,
                    uint32_t value)
{
    size_t mark = json_open(w);
    for (uint8_t i = 0; i < count; i++) {
        if ((value >> i & 1) == 0)
            continue;
        json_put_comma(w);
        json_writer_put_quoted(w, names[i], strlen(names[i]));
    }
    json_close_array(w, mark);
}

void json_put_metadata(struct json_writer *w, const struct metadata *m)
{
    size_t mark = json_open(w);
    for (uint32_t i = 0; i < m->count; i++) {
        json_put_comma(w);
        json_put_text(w, m->items[i].key);
        json_put_literal(w, ":");
        json_put_text(w, m->items[i].value);
    }
    json_close_object(w, mark);
}
