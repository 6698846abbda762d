/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes through the reader: wire_skip() and the typed getters must agree on where a value
 * ends, and what a typed getter takes must be what the writer writes for the same value. */
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"

#define INPUT_MAX 2048 /* the work is quadratic: every byte is taken for a first byte */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind {
    KIND_NIL,
    KIND_BOOL,
    KIND_UINT,
    KIND_INT,
    KIND_U128,
    KIND_ID,
    KIND_TEXT,
    KIND_BYTES,
    KIND_ARRAY,
    KIND_MAP,
    KIND_COUNT,
};

/* Reads one value as `kind` and writes it again. */
static void copy_value(struct wire_reader *r, enum kind kind, struct wire_writer *w)
{
    switch (kind) {
    case KIND_NIL:
        if (wire_get_nil(r))
            wire_put_nil(w);
        break;
    case KIND_BOOL:
        wire_put_bool(w, wire_get_bool(r));
        break;
    case KIND_UINT:
        wire_put_uint(w, wire_get_uint(r, UINT64_MAX));
        break;
    case KIND_INT:
        wire_put_int(w, wire_get_int(r));
        break;
    case KIND_U128:
        wire_put_u128(w, wire_get_u128(r));
        break;
    case KIND_ID:
        wire_put_id(w, wire_get_id(r));
        break;
    case KIND_TEXT:
        wire_put_text(w, wire_get_text(r, UINT32_MAX));
        break;
    case KIND_BYTES:
        wire_put_bytes(w, wire_get_bytes(r, UINT32_MAX));
        break;
    case KIND_ARRAY:
        wire_put_array(w, wire_get_array(r, UINT32_MAX));
        break;
    case KIND_MAP:
        wire_put_map(w, wire_get_map(r, UINT32_MAX));
        break;
    default:
        check(kind < KIND_COUNT);
    }
}

/* Tries every getter on the value at `at`, `left` bytes before the end. */
static void try_getters(const uint8_t *at, size_t left, struct wire_writer *w)
{
    struct wire_reader skipper;
    wire_reader_init(&skipper, at, left);
    struct slice skipped = wire_skip(&skipper);
    check(skipper.failed == (skipped.len == 0) && skipped.len <= left);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct wire_reader r;
        wire_reader_init(&r, at, left);
        wire_writer_clear(w);
        copy_value(&r, (enum kind)kind, w);
        check(r.at <= r.end);
        if (r.failed || r.at == at) {
            check(!r.failed || r.at == r.end);
            continue;
        }
        size_t taken = (size_t)(r.at - at);
        check(!w->failed && w->len == taken && memcmp(w->data, at, taken) == 0);
        if (kind < KIND_ARRAY)
            check(!skipper.failed && skipped.len == taken);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        size = INPUT_MAX;
    struct wire_writer w;
    wire_writer_init(&w, size + 32); /* a getter that fails has its zero written: up to 18 bytes */
    for (size_t i = 0; i < size; i++)
        try_getters(data + i, size - i, &w);
    wire_writer_done(&w);
    return 0;
}
