/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around messages: round trips, and a reader that refuses everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/wire/envelope.h"
#include "runtime/wire/reader.h"

static void put_body(struct wire_writer *w)
{
    wire_put_array(w, 2);
    wire_put_uint(w, 7);
    wire_put_text(w, slice_of("seven"));
}

static void put_request(struct wire_writer *w, const struct envelope_request *e)
{
    wire_writer_init(w, ENVELOPE_FRAME_MAX);
    envelope_put_request(w, e);
    put_body(w);
    assert_false(w->failed);
}

static void put_reply(struct wire_writer *w, const struct envelope_reply *e)
{
    wire_writer_init(w, ENVELOPE_FRAME_MAX);
    envelope_put_reply(w, e);
    assert_false(w->failed);
}

static void assert_body(struct slice body)
{
    struct wire_writer w;
    wire_writer_init(&w, 64);
    put_body(&w);
    assert_true(slice_equal(body, wire_written(&w)));
    wire_writer_done(&w);
}

static void test_request_comes_back(void **state)
{
    (void)state;
    const struct envelope_request requests[] = {
        {.number = 0x0210},
        {.number = 1, .deadline_ms = ENVELOPE_DEADLINE_MS_MAX, .key = slice_of("k")},
        {.number = UINT16_MAX, .deadline_ms = 5000, .key = slice_of("order-17"),
         .tenant = slice_of("acme")},
    };
    for (size_t i = 0; i < array_len(requests); i++) {
        struct wire_writer w;
        put_request(&w, &requests[i]);
        struct envelope_request got;
        assert_true(envelope_get_request(wire_written(&w), &got));
        assert_int_equal(got.number, requests[i].number);
        assert_int_equal(got.deadline_ms, requests[i].deadline_ms);
        assert_true(slice_equal(got.key, requests[i].key));
        assert_true(slice_equal(got.tenant, requests[i].tenant));
        assert_body(got.body);
        wire_writer_done(&w);
    }
}

static void test_reply_comes_back(void **state)
{
    (void)state;
    struct wire_writer body, w;
    wire_writer_init(&body, 64);
    put_body(&body);
    put_reply(&w, &(struct envelope_reply){.code = 130,
                                           .number = 0x0225,
                                           .version = UINT64_MAX,
                                           .replayed = true,
                                           .retry_after_ms = 50,
                                           .stale = true,
                                           .shown_ns = UINT64_MAX,
                                           .body = wire_written(&body)});
    struct envelope_reply got;
    assert_true(envelope_get_reply(wire_written(&w), &got));
    assert_int_equal(got.code, 130);
    assert_int_equal(got.number, 0x0225);
    assert_true(got.version == UINT64_MAX);
    assert_true(got.replayed);
    assert_int_equal(got.retry_after_ms, 50);
    assert_true(got.stale && got.shown_ns == UINT64_MAX);
    assert_body(got.body);
    wire_writer_done(&w);
    wire_writer_done(&body);
}

static void test_reply_without_body_comes_back(void **state)
{
    (void)state;
    struct wire_writer w;
    put_reply(&w, &(struct envelope_reply){.code = 5});
    struct envelope_reply got;
    assert_true(envelope_get_reply(wire_written(&w), &got));
    assert_int_equal(got.code, 5);
    assert_int_equal(got.body.len, 0);
    assert_false(got.stale);
    wire_put_nil(&w); /* one more than said */
    assert_false(envelope_get_reply(wire_written(&w), &got));
    wire_writer_done(&w);
}

/* A copy of the bytes with nothing of ours behind it, for the address sanitizer. */
static char *exact(struct slice bytes)
{
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static void test_every_truncated_head_is_refused(void **state)
{
    (void)state;
    struct wire_writer w;
    put_request(&w, &(struct envelope_request){.number = 0x0210, .deadline_ms = 70000,
                                               .key = slice_of("key"), .tenant = slice_of("t")});
    struct envelope_request whole, got;
    assert_true(envelope_get_request(wire_written(&w), &whole));
    uint32_t head = (uint32_t)w.len - whole.body.len;
    for (uint32_t len = 0; len < w.len; len++) {
        char *copy = exact((struct slice){(char *)w.data, len});
        bool good = envelope_get_request((struct slice){copy, len}, &got);
        assert_int_equal(good, len > head);
        free(copy);
    }
    wire_writer_done(&w);
}

static void test_every_flipped_bit_is_survived(void **state)
{
    (void)state;
    struct wire_writer w;
    put_request(&w, &(struct envelope_request){.number = 0x0210, .deadline_ms = 70000,
                                               .key = slice_of("key"), .tenant = slice_of("t")});
    for (size_t bit = 0; bit < w.len * 8; bit++) {
        char *copy = exact(wire_written(&w));
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        struct envelope_request request;
        struct envelope_reply reply;
        if (envelope_get_request((struct slice){copy, (uint32_t)w.len}, &request)) {
            assert_true(request.key.len <= ENVELOPE_KEY_MAX);
            assert_true(request.body.data + request.body.len == copy + w.len);
        }
        (void)!envelope_get_reply((struct slice){copy, (uint32_t)w.len}, &reply);
        free(copy);
    }
    wire_writer_done(&w);
}

/* Builds a request by hand, one element wrong. */
static bool accepts(uint32_t elements, uint64_t version, uint64_t number, uint64_t deadline_ms,
                    uint32_t key_len)
{
    char key[ENVELOPE_KEY_MAX + 1];
    struct wire_writer w;
    struct envelope_request got;
    memset(key, 'k', sizeof key);
    wire_writer_init(&w, 4096);
    wire_put_array(&w, elements);
    wire_put_uint(&w, version);
    wire_put_uint(&w, number);
    wire_put_uint(&w, deadline_ms);
    wire_put_text(&w, (struct slice){key, key_len});
    wire_put_nil(&w);
    put_body(&w);
    bool good = envelope_get_request(wire_written(&w), &got);
    wire_writer_done(&w);
    return good;
}

static void test_limits_hold(void **state)
{
    (void)state;
    assert_true(accepts(6, 1, UINT16_MAX, ENVELOPE_DEADLINE_MS_MAX, ENVELOPE_KEY_MAX));
    assert_false(accepts(5, 1, 1, 1, 1));
    assert_false(accepts(7, 1, 1, 1, 1));
    assert_false(accepts(6, 2, 1, 1, 1));
    assert_false(accepts(6, 1, UINT16_MAX + 1, 1, 1));
    assert_false(accepts(6, 1, 1, ENVELOPE_DEADLINE_MS_MAX + 1, 1));
    assert_false(accepts(6, 1, 1, 1, ENVELOPE_KEY_MAX + 1));
    assert_false(accepts(6, 1, 1, 1, 0)); /* an absent key is nil */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_comes_back),
        cmocka_unit_test(test_reply_comes_back),
        cmocka_unit_test(test_reply_without_body_comes_back),
        cmocka_unit_test(test_every_truncated_head_is_refused),
        cmocka_unit_test(test_every_flipped_bit_is_survived),
        cmocka_unit_test(test_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
