/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack writer. The encoding is msgpack-c's: its packing templates are instantiated here over our
 * buffer, so that each put is one inlined chain of comparisons and stores, without a callback. */
#include "runtime/wire/writer.h"

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>
#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"

void wire_writer_init(struct wire_writer *w, size_t len_max)
{
    check(len_max <= UINT32_MAX); /* a slice measures in 32 bits */
    *w = (struct wire_writer){.len_max = len_max};
}

void wire_writer_init_refusing(struct wire_writer *w, size_t len_max)
{
    wire_writer_init(w, len_max);
    w->refusing = true;
}

void wire_writer_done(struct wire_writer *w)
{
    free(w->data);
    *w = (struct wire_writer){.len_max = w->len_max, .refusing = w->refusing};
}

/* Enlarges the buffer for `more` bytes that do not fit. */
static cold bool writer_grow(struct wire_writer *w, size_t more)
{
    check(w->len <= w->cap && w->cap <= w->len_max);
    if (w->failed || more > w->len_max - w->len) {
        w->failed = true;
        return false;
    }
    size_t cap = array_larger(w->cap, w->len + more, 1, w->len_max);
    uint8_t *data = w->refusing ? realloc(w->data, cap) : memory_resize(w->data, cap, 1);
    if (data == NULL) {
        w->failed = w->no_memory = true;
        return false;
    }
    w->data = data;
    w->cap = cap;
    return true;
}

static inline bool writer_reserve(struct wire_writer *w, size_t more)
{
    return (!w->failed && more <= w->cap - w->len) || writer_grow(w, more);
}

bool wire_reserve(struct wire_writer *w, size_t more)
{
    return writer_reserve(w, more);
}

static inline void writer_append(struct wire_writer *w, const void *bytes, size_t len)
{
    if (!writer_reserve(w, len))
        return;
    memcpy(w->data + w->len, bytes, len);
    w->len += len;
}

#define msgpack_pack_inline_func(name) static inline void pack##name
#define msgpack_pack_user struct wire_writer *
#define msgpack_pack_append_buffer(w, bytes, len) writer_append(w, bytes, len)
#define msgpack_pack_ext pack_ext /* the template's timestamps call it by its usual name */
#include <msgpack/pack_template.h>

#undef msgpack_pack_ext

void wire_put_nil(struct wire_writer *w)
{
    pack_nil(w);
}

void wire_put_bool(struct wire_writer *w, bool value)
{
    if (value)
        pack_true(w);
    else
        pack_false(w);
}

void wire_put_uint(struct wire_writer *w, uint64_t value)
{
    pack_uint64(w, value);
}

void wire_put_int(struct wire_writer *w, int64_t value)
{
    pack_int64(w, value);
}

void wire_put_u128(struct wire_writer *w, u128 value)
{
    if (value <= UINT64_MAX)
        pack_uint64(w, (uint64_t)value);
    else
        wire_put_id(w, (struct id128){(uint64_t)(value >> 64), (uint64_t)value});
}

/* As pack_bin() would, but with one look for room: most of what is written are ids. */
void wire_put_id(struct wire_writer *w, struct id128 id)
{
    if (!writer_reserve(w, 2 + 16))
        return;
    uint8_t *at = w->data + w->len;
    at[0] = 0xc4; /* bin 8 */
    at[1] = 16;   /* its length */
    id128_store(id, at + 2);
    w->len += 2 + 16;
}

void wire_put_text(struct wire_writer *w, struct slice text)
{
    pack_str(w, text.len);
    wire_put_raw(w, text);
}

void wire_put_bytes(struct wire_writer *w, struct slice bytes)
{
    pack_bin(w, bytes.len);
    wire_put_raw(w, bytes);
}

void wire_put_array(struct wire_writer *w, uint32_t count)
{
    pack_array(w, count);
}

void wire_put_map(struct wire_writer *w, uint32_t count)
{
    pack_map(w, count);
}

void wire_put_raw(struct wire_writer *w, struct slice encoded)
{
    if (encoded.len > 0) /* an empty slice may have no address */
        writer_append(w, encoded.data, encoded.len);
}
