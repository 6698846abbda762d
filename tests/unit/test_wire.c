/* SPDX-License-Identifier: Apache-2.0 */
/* Writer and reader against each other, against msgpack-c as an independent oracle, and the reader
 * against bytes from a hostile world. Inputs lie in exact allocations, so that the address
 * sanitizer sees a read of one byte too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include <msgpack.h>

#include "runtime/base/rng.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"

#define LEN_MAX (1u << 20)
#define SAMPLE_TEXT "caf\xc3\xa9 of forty bytes or a few more or less"

static const uint64_t uints[] = {
    0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX,
    UINT64_MAX};
static const int64_t ints[] = {
    0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, INT64_MAX, -1, -32, -33, -128, -129, -32768,
    -32769, INT32_MIN, (int64_t)INT32_MIN - 1, INT64_MIN};
static const uint32_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000};

/* A copy of the bytes with nothing of ours behind it. */
static uint8_t *exact(struct wire_reader *r, const void *data, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, data, len);
    wire_reader_init(r, copy + (len == 0), len); /* of an empty input not even one byte */
    return copy;
}

static char *filled(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    return text;
}

/* One of everything a message is made of. */
static void put_sample(struct wire_writer *w)
{
    wire_put_array(w, 9);
    wire_put_nil(w);
    wire_put_bool(w, true);
    wire_put_uint(w, 65536);
    wire_put_int(w, -129);
    wire_put_u128(w, U128_MAX);
    wire_put_id(w, (struct id128){1, 2});
    wire_put_text(w, slice_of(SAMPLE_TEXT));
    wire_put_map(w, 1);
    wire_put_uint(w, 1);
    wire_put_array(w, 0);
    wire_put_bytes(w, slice_of("\x01\x02\x03"));
}

/* Reads the sample; true if all of it was there. */
static bool get_sample(struct wire_reader *r)
{
    bool same = wire_get_array(r, 9) == 9;
    same &= wire_get_nil(r);
    same &= wire_get_bool(r);
    same &= wire_get_uint(r, 65536) == 65536;
    same &= wire_get_int(r) == -129;
    same &= wire_get_u128(r) == U128_MAX;
    same &= id128_equal(wire_get_id(r), (struct id128){1, 2});
    same &= slice_equal(wire_get_text(r, 100), slice_of(SAMPLE_TEXT));
    same &= wire_get_map(r, 1) == 1;
    same &= wire_get_uint(r, 1) == 1;
    same &= wire_get_array(r, 0) == 0;
    same &= slice_equal(wire_get_bytes(r, 3), slice_of("\x01\x02\x03"));
    return same && wire_finished(r);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct wire_writer w;
    struct wire_reader r;
    wire_writer_init(&w, LEN_MAX);
    put_sample(&w);
    assert_false(w.failed);
    uint8_t *copy = exact(&r, w.data, w.len);
    assert_true(get_sample(&r));
    wire_reader_init(&r, copy, w.len);
    assert_int_equal(wire_skip(&r).len, w.len);
    assert_true(wire_finished(&r));
    free(copy);
    wire_writer_done(&w);
}

static void every_truncation_fails_and_stays_failed(void **state)
{
    (void)state;
    struct wire_writer w;
    struct wire_reader r;
    wire_writer_init(&w, LEN_MAX);
    put_sample(&w);
    for (size_t len = 0; len < w.len; len++) {
        uint8_t *copy = exact(&r, w.data, len);
        assert_false(get_sample(&r));
        assert_true(r.failed);
        assert_int_equal(wire_get_uint(&r, UINT64_MAX), 0);
        assert_false(wire_get_nil(&r));
        assert_null(wire_get_text(&r, 100).data);
        free(copy);
        copy = exact(&r, w.data, len);
        assert_int_equal(wire_skip(&r).len, 0);
        assert_true(r.failed);
        free(copy);
    }
    wire_writer_done(&w);
}

static void msgpack_reads_our_numbers(void **state)
{
    (void)state;
    struct wire_writer w;
    wire_writer_init(&w, LEN_MAX);
    for (size_t i = 0; i < array_len(uints); i++)
        wire_put_uint(&w, uints[i]);
    for (size_t i = 0; i < array_len(ints); i++)
        wire_put_int(&w, ints[i]);
    wire_put_u128(&w, UINT64_MAX);
    wire_put_bool(&w, false);
    wire_put_nil(&w);
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    size_t at = 0;
    const char *data = (const char *)w.data;
    for (size_t i = 0; i < array_len(uints); i++) {
        assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(u.data.type, MSGPACK_OBJECT_POSITIVE_INTEGER);
        assert_true(u.data.via.u64 == uints[i]);
    }
    for (size_t i = 0; i < array_len(ints); i++) {
        assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(u.data.type, ints[i] < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER
                                                  : MSGPACK_OBJECT_POSITIVE_INTEGER);
        assert_true(u.data.via.i64 == ints[i]);
    }
    assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
    assert_true(u.data.via.u64 == UINT64_MAX);
    assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
    assert_true(u.data.type == MSGPACK_OBJECT_BOOLEAN && !u.data.via.boolean);
    assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(u.data.type, MSGPACK_OBJECT_NIL);
    assert_int_equal(at, w.len);
    msgpack_unpacked_destroy(&u);
    wire_writer_done(&w);
}

static void msgpack_reads_our_texts_and_containers(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(lengths); i++) {
        uint32_t len = lengths[i];
        char *body = filled(len);
        struct wire_writer w;
        wire_writer_init(&w, LEN_MAX);
        wire_put_map(&w, 1);
        wire_put_text(&w, (struct slice){body, len});
        wire_put_bytes(&w, (struct slice){body, len});
        wire_put_array(&w, len);
        for (uint32_t n = 0; n < len; n++)
            wire_put_nil(&w);
        wire_put_u128(&w, (u128)1 << 64);
        assert_false(w.failed);
        msgpack_unpacked u;
        msgpack_unpacked_init(&u);
        size_t at = 0;
        const char *data = (const char *)w.data;
        assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
        assert_true(u.data.type == MSGPACK_OBJECT_MAP && u.data.via.map.size == 1);
        msgpack_object key = u.data.via.map.ptr[0].key, val = u.data.via.map.ptr[0].val;
        assert_true(key.type == MSGPACK_OBJECT_STR && key.via.str.size == len);
        assert_true(val.type == MSGPACK_OBJECT_BIN && val.via.bin.size == len);
        assert_true(len == 0 || memcmp(key.via.str.ptr, body, len) == 0);
        assert_true(len == 0 || memcmp(val.via.bin.ptr, body, len) == 0);
        assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
        assert_true(u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size == len);
        assert_int_equal(msgpack_unpack_next(&u, data, w.len, &at), MSGPACK_UNPACK_SUCCESS);
        static const char two_to_64[16] = {[7] = 1};
        assert_true(u.data.type == MSGPACK_OBJECT_BIN && u.data.via.bin.size == 16);
        assert_memory_equal(u.data.via.bin.ptr, two_to_64, 16);
        assert_int_equal(at, w.len);
        msgpack_unpacked_destroy(&u);
        wire_writer_done(&w);
        free(body);
    }
}

static void we_read_what_msgpack_packs(void **state)
{
    (void)state;
    msgpack_sbuffer b;
    msgpack_packer p;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&p, &b, msgpack_sbuffer_write);
    char *body = filled(70000);
    for (size_t i = 0; i < array_len(uints); i++)
        msgpack_pack_uint64(&p, uints[i]);
    for (size_t i = 0; i < array_len(ints); i++)
        msgpack_pack_int64(&p, ints[i]);
    for (size_t i = 0; i < array_len(lengths); i++) {
        msgpack_pack_str_with_body(&p, body, lengths[i]);
        msgpack_pack_bin_with_body(&p, body, lengths[i]);
        msgpack_pack_map(&p, lengths[i]);
        for (uint32_t n = 0; n < 2 * lengths[i]; n++)
            msgpack_pack_true(&p);
    }
    struct wire_reader r;
    uint8_t *copy = exact(&r, b.data, b.size);
    for (size_t i = 0; i < array_len(uints); i++)
        assert_true(wire_get_uint(&r, UINT64_MAX) == uints[i]);
    for (size_t i = 0; i < array_len(ints); i++)
        assert_true(wire_get_int(&r) == ints[i]);
    for (size_t i = 0; i < array_len(lengths); i++) {
        struct slice expected = {body, lengths[i]};
        assert_true(slice_equal(wire_get_text(&r, lengths[i]), expected));
        assert_true(slice_equal(wire_get_bytes(&r, lengths[i]), expected));
        assert_int_equal(wire_get_map(&r, lengths[i]), lengths[i]);
        for (uint32_t n = 0; n < 2 * lengths[i]; n++)
            assert_true(wire_get_bool(&r));
    }
    assert_true(wire_finished(&r));
    free(copy);
    free(body);
    msgpack_sbuffer_destroy(&b);
}

static void floats_and_extensions_are_only_skipped(void **state)
{
    (void)state;
    msgpack_sbuffer b;
    msgpack_packer p;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&p, &b, msgpack_sbuffer_write);
    char *body = filled(70000);
    static const uint32_t ext_lengths[] = {0, 1, 2, 4, 8, 16, 17, 300, 70000};
    size_t values = 2 + array_len(ext_lengths);
    msgpack_pack_float(&p, 1.5f);
    msgpack_pack_double(&p, 1.5);
    for (size_t i = 0; i < array_len(ext_lengths); i++)
        msgpack_pack_ext_with_body(&p, body, ext_lengths[i], 5);
    struct wire_reader r;
    uint8_t *copy = exact(&r, b.data, b.size);
    for (size_t i = 0; i < values; i++) {
        struct wire_reader typed = r;
        assert_int_equal(wire_get_uint(&typed, UINT64_MAX), 0);
        assert_true(typed.failed);
        typed = r;
        assert_int_equal(wire_get_bytes(&typed, UINT32_MAX).len, 0);
        assert_true(typed.failed);
        assert_true(wire_skip(&r).len > 0);
    }
    assert_true(wire_finished(&r));
    free(copy);
    free(body);
    msgpack_sbuffer_destroy(&b);
}

enum getter {
    GET_BOOL,
    GET_UINT,
    GET_INT,
    GET_U128,
    GET_ID,
    GET_TEXT,
    GET_BYTES,
    GET_ARRAY,
    GET_MAP,
    GET_SKIP,
    GET_COUNT,
};

static void get(struct wire_reader *r, enum getter getter)
{
    switch (getter) {
    case GET_BOOL:
        wire_get_bool(r);
        break;
    case GET_UINT:
        wire_get_uint(r, UINT64_MAX);
        break;
    case GET_INT:
        wire_get_int(r);
        break;
    case GET_U128:
        wire_get_u128(r);
        break;
    case GET_ID:
        wire_get_id(r);
        break;
    case GET_TEXT:
        wire_get_text(r, 1000);
        break;
    case GET_BYTES:
        wire_get_bytes(r, 1000);
        break;
    case GET_ARRAY:
        wire_get_array(r, 1000);
        break;
    case GET_MAP:
        wire_get_map(r, 1000);
        break;
    default:
        wire_skip(r);
    }
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum getter getter;
        const char *bytes;
        uint32_t len;
    } cases[] = {
#define CASE(getter, bytes) {getter, bytes, sizeof bytes - 1}
        CASE(GET_UINT, "\xcc\x7f"), CASE(GET_UINT, "\xcd\x00\xff"),
        CASE(GET_UINT, "\xce\x00\x00\xff\xff"),
        CASE(GET_UINT, "\xcf\x00\x00\x00\x00\xff\xff\xff\xff"), CASE(GET_UINT, "\xff"),
        CASE(GET_UINT, "\xd0\x05"), CASE(GET_INT, "\xd0\x05"), CASE(GET_INT, "\xd0\xe0"),
        CASE(GET_INT, "\xd1\xff\x80"), CASE(GET_INT, "\xd1\x7f\xff"),
        CASE(GET_INT, "\xd2\xff\xff\x80\x00"),
        CASE(GET_INT, "\xd3\xff\xff\xff\xff\x80\x00\x00\x00"),
        CASE(GET_INT, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), CASE(GET_INT, "\xcc\x01"),
        CASE(GET_U128, "\xc4\x10\0\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08"),
        CASE(GET_U128, "\xc4\x0f\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07"),
        CASE(GET_ID, "\xc4\x0f\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08"),
        CASE(GET_ID, "\xb0""0123456789abcdef"), CASE(GET_BOOL, "\x01"), CASE(GET_BOOL, "\xc0"),
        CASE(GET_TEXT, "\xd9\x01""a"), CASE(GET_TEXT, "\xda\x00\x01""a"),
        CASE(GET_TEXT, "\xdb\xff\xff\xff\xff"), CASE(GET_TEXT, "\xc4\x01""a"),
        CASE(GET_TEXT, "\xa1\x80"), CASE(GET_TEXT, "\xa1\xc3"), CASE(GET_TEXT, "\xa2\xc0\xaf"),
        CASE(GET_TEXT, "\xa3\xe0\x80\x80"), CASE(GET_TEXT, "\xa3\xed\xa0\x80"),
        CASE(GET_TEXT, "\xa4\xf0\x80\x80\x80"), CASE(GET_TEXT, "\xa4\xf4\x90\x80\x80"),
        CASE(GET_TEXT, "\xa4\xf5\x80\x80\x80"), CASE(GET_TEXT, "\xa9""12345678\xff"),
        CASE(GET_TEXT, "\xa3\xe2\x82("), CASE(GET_BYTES, "\xc5\x00\x01""a"),
        CASE(GET_BYTES, "\xc6\xff\xff\xff\xff"), CASE(GET_BYTES, "\xa1""a"),
        CASE(GET_ARRAY, "\xdc\x00\x01\x01"), CASE(GET_ARRAY, "\xdd\xff\xff\xff\xff"),
        CASE(GET_ARRAY, "\x93\x01\x02"), CASE(GET_MAP, "\x82\x01\x02\x03"),
        CASE(GET_MAP, "\xde\x00\x00"), CASE(GET_MAP, "\x91\x01"), CASE(GET_SKIP, "\xc1"),
        CASE(GET_SKIP, "\xdf\xff\xff\xff\xff"), CASE(GET_SKIP, "\xc9\xff\xff\xff\xff\x01"),
#undef CASE
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct wire_reader r;
        uint8_t *copy = exact(&r, cases[i].bytes, cases[i].len);
        get(&r, cases[i].getter);
        if (!r.failed)
            fail_msg("malformed case %zu was taken", i);
        free(copy);
    }
}

static void valid_unicode_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "ascii", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                        "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                                        "12345678\xe2\x82\xac 12345678"};
    for (size_t i = 0; i < array_len(texts); i++) {
        struct wire_writer w;
        struct wire_reader r;
        wire_writer_init(&w, LEN_MAX);
        wire_put_text(&w, slice_of(texts[i]));
        uint8_t *copy = exact(&r, w.data, w.len);
        assert_true(slice_equal(wire_get_text(&r, 31), slice_of(texts[i])));
        assert_true(wire_finished(&r));
        free(copy);
        wire_writer_done(&w);
    }
}

static void limits_of_the_caller_hold(void **state)
{
    (void)state;
    struct wire_reader r;
    uint8_t *copy = exact(&r, "\x05", 1);
    assert_int_equal(wire_get_uint(&r, 4), 0);
    assert_true(r.failed);
    free(copy);
    copy = exact(&r, "\xa3""abc", 4);
    assert_int_equal(wire_get_text(&r, 2).len, 0);
    assert_true(r.failed);
    free(copy);
    copy = exact(&r, "\x92\x01\x01", 3);
    assert_int_equal(wire_get_array(&r, 1), 0);
    assert_true(r.failed);
    free(copy);
    copy = exact(&r, "\x05", 1);
    assert_false(wire_get_nil(&r)); /* not nil: not consumed, not failed */
    assert_int_equal(wire_get_uint(&r, 5), 5);
    assert_true(wire_finished(&r));
    free(copy);
}

static void skipping_ends_at_the_depth_limit(void **state)
{
    (void)state;
    for (size_t depth = 0; depth < 3 * WIRE_DEPTH_MAX; depth++) {
        struct wire_writer w;
        struct wire_reader r;
        wire_writer_init(&w, LEN_MAX);
        for (size_t i = 0; i < depth; i++) {
            wire_put_map(&w, 1);
            wire_put_nil(&w);
        }
        wire_put_uint(&w, 70000);
        uint8_t *copy = exact(&r, w.data, w.len);
        bool fits = depth <= WIRE_DEPTH_MAX;
        assert_int_equal(wire_skip(&r).len, fits ? w.len : 0);
        assert_int_equal(wire_finished(&r), fits);
        free(copy);
        wire_writer_done(&w);
    }
}

static void garbage_is_never_read_past_its_end(void **state)
{
    (void)state;
    struct rng g;
    rng_seed(&g, 11);
    struct wire_writer w;
    wire_writer_init(&w, LEN_MAX);
    put_sample(&w);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        size_t len = rng_below(&g, sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(round % 2 || i >= w.len ? rng_next(&g) : w.data[i]);
        if (len > 0)
            bytes[rng_below(&g, len)] = (uint8_t)rng_next(&g);
        struct wire_reader r;
        uint8_t *copy = exact(&r, bytes, len);
        while (!r.failed && r.at < r.end) {
            const uint8_t *before = r.at;
            get(&r, (enum getter)rng_below(&g, GET_COUNT));
            assert_true(r.at > before && r.at <= r.end);
        }
        free(copy);
    }
    wire_writer_done(&w);
}

static void a_full_writer_fails_until_it_is_cleared(void **state)
{
    (void)state;
    struct wire_writer w;
    wire_writer_init(&w, 300);
    for (int round = 0; round < 2; round++) {
        char *body = filled(297);
        wire_put_bytes(&w, (struct slice){body, 297}); /* exactly full with its header */
        assert_false(w.failed);
        assert_int_equal(wire_written(&w).len, 300);
        wire_put_nil(&w);
        assert_true(w.failed);
        wire_writer_clear(&w);
        wire_put_bytes(&w, (struct slice){body, 297});
        wire_put_text(&w, (struct slice){body, 20});
        wire_put_raw(&w, (struct slice){NULL, 0});
        assert_true(w.failed);
        wire_put_nil(&w); /* stays failed */
        assert_true(w.failed && w.len == 300);
        wire_writer_clear(&w);
        free(body);
    }
    assert_true(wire_reserve(&w, 300));
    assert_false(wire_reserve(&w, SIZE_MAX));
    assert_true(w.failed);
    wire_writer_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_truncation_fails_and_stays_failed),
        cmocka_unit_test(msgpack_reads_our_numbers),
        cmocka_unit_test(msgpack_reads_our_texts_and_containers),
        cmocka_unit_test(we_read_what_msgpack_packs),
        cmocka_unit_test(floats_and_extensions_are_only_skipped),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(valid_unicode_is_read),
        cmocka_unit_test(limits_of_the_caller_hold),
        cmocka_unit_test(skipping_ends_at_the_depth_limit),
        cmocka_unit_test(garbage_is_never_read_past_its_end),
        cmocka_unit_test(a_full_writer_fails_until_it_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
