/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack as text for people: [format: 1, tenant_id: 0x01.., [...]]. The first byte of a value
 * decides its type; lists recurse, at most WIRE_DEPTH_MAX deep. Damaged bytes end the text where
 * they begin, and a text that is too long is cut after a whole character: what an operator looks at
 * may be what is broken, so nothing here fails. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/operator/operator_priv.h"

struct text {
    char *data;
    uint32_t len, max;
};

static void operator_text_put(struct text *t, const char *format, ...) printf_like(2, 3);

static void operator_text_put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->len, t->max - t->len, format, args);
    va_end(args);
    uint32_t room = t->max - t->len - 1;
    t->len += n < 0 ? 0 : (uint32_t)n < room ? (uint32_t)n : room;
}

static void state_text_put_string(struct text *t, struct slice s)
{
    operator_text_put(t, "\"");
    for (uint32_t i = 0; i < s.len; i++)
        operator_text_put(t, "%c",
                          (unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f ? '?' : s.data[i]);
    operator_text_put(t, "\"");
}

static void state_text_put_bytes(struct text *t, struct slice s)
{
    operator_text_put(t, "0x");
    for (uint32_t i = 0; i < s.len; i++)
        operator_text_put(t, "%02x", (unsigned char)s.data[i]);
}

static void state_text_put_value(struct text *t, struct wire_reader *r, int depth);

static void state_text_put_items(struct text *t, struct wire_reader *r, uint32_t count, char open,
                                 char close, int depth)
{
    operator_text_put(t, "%c", open);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        operator_text_put(t, "%s", i > 0 ? ", " : "");
        state_text_put_value(t, r, depth + 1);
    }
    operator_text_put(t, "%c", close);
}

/* By the first byte of the value, which decides its type. */
static void state_text_put_value(struct text *t, struct wire_reader *r, int depth)
{
    if (r->at == r->end || depth > WIRE_DEPTH_MAX) {
        r->failed = true;
        return;
    }
    uint8_t b = *r->at;
    if (b <= 0x7f || (b >= 0xcc && b <= 0xcf))
        operator_text_put(t, "%llu", (unsigned long long)wire_get_uint(r, UINT64_MAX));
    else if (b >= 0xe0 || (b >= 0xd0 && b <= 0xd3))
        operator_text_put(t, "%lld", (long long)wire_get_int(r));
    else if (b == 0xc2 || b == 0xc3)
        operator_text_put(t, "%s", wire_get_bool(r) ? "true" : "false");
    else if ((b >= 0xa0 && b <= 0xbf) || (b >= 0xd9 && b <= 0xdb))
        state_text_put_string(t, wire_get_text(r, UINT32_MAX));
    else if (b >= 0xc4 && b <= 0xc6)
        state_text_put_bytes(t, wire_get_bytes(r, UINT32_MAX));
    else if ((b >= 0x90 && b <= 0x9f) || b == 0xdc || b == 0xdd)
        state_text_put_items(t, r, wire_get_array(r, UINT32_MAX), '[', ']', depth);
    else if ((b >= 0x80 && b <= 0x8f) || b == 0xde || b == 0xdf)
        state_text_put_items(t, r, 2 * wire_get_map(r, UINT32_MAX / 2), '{', '}', depth);
    else if (wire_get_nil(r))
        operator_text_put(t, "nil");
    else
        r->failed = true;
}

/* The elements of the state, each with its name as long as there are names. */
static void state_text_put(struct text *t, struct wire_reader *r, const char *names)
{
    uint32_t count = wire_get_array(r, UINT32_MAX);
    operator_text_put(t, "[");
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        int len = (int)strcspn(names, " ");
        operator_text_put(t, "%s%.*s%s", i > 0 ? ", " : "", len, names, len > 0 ? ": " : "");
        names += len + (names[len] == ' ');
        state_text_put_value(t, r, 1);
    }
    operator_text_put(t, "]");
}

struct slice operator_state_text(struct arena *a, struct slice bytes, const char *names,
                                 uint32_t len_max)
{
    struct text t = {arena_alloc(a, len_max + 1), 0, len_max + 1};
    struct wire_reader r;
    if (t.data == NULL)
        return (struct slice){0};
    wire_reader_init(&r, bytes.data, bytes.len);
    state_text_put(&t, &r, names != NULL ? names : "");
    /* Cut in the middle of a character: not UTF-8 any more. */
    if (t.len == len_max) {
        while (t.len > 0 && ((unsigned char)t.data[t.len - 1] & 0xc0) == 0x80)
            t.len--;
        t.len -= t.len > 0;
    }
    return (struct slice){t.data, t.len};
}
