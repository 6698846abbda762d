/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a batch are found in any order, while it grows and is cut back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/rng.h"
#include "runtime/journal/batch.h"

enum { EVENTS = 2, RECORD_ITEMS = 1 + EVENTS, RECORDS = 20 * BATCH_MARK_ITEMS };
enum {
    PRINCIPALS = 100
}; /* record n is of the n-th of them */

static int set_up(void **state)
{
    struct batch *b = batch_new((size_t)1 << 20);
    batch_start(b, 7);
    b->state = BATCH_OPEN;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    *state = batch_free(*state);
    return 0;
}

static void begin_record(struct batch *b, uint16_t number)
{
    struct principal who = {.tenant = slice_of("acme"),
                            .subject = slice_of("ada"),
                            .client = slice_of("app"),
                            .id = {1, number % PRINCIPALS + 1u}};
    who.token_id = who.id;
    batch_begin_record(b, &(struct record_head){.time_ns = number, .who = &who});
}

/* A record whose events and answer tell which one it is. */
static void write_record(struct batch *b, uint16_t number)
{
    begin_record(b, number);
    for (int i = 0; i < EVENTS; i++) {
        record_event(&b->body, number);
        wire_put_uint(&b->body, (uint64_t)i);
    }
    record_end(&b->body, &(struct record_answer){.code = number});
    b->records++;
    b->items += RECORD_ITEMS;
}

static void find_principal(struct batch *b, uint32_t record, uint16_t number)
{
    struct attribution a;
    batch_attribution(b, record * RECORD_ITEMS, &a);
    assert_true(slice_equal(a.tenant, slice_of("acme")));
    assert_true(slice_equal(a.subject, slice_of("ada")));
    assert_true(slice_equal(a.client, slice_of("app")));
    assert_int_equal(a.token_id.lo, number % PRINCIPALS + 1u);
}

static void find_record(struct batch *b, uint32_t record, uint16_t number)
{
    struct record_reader r;
    uint32_t item = record * RECORD_ITEMS;
    batch_find(b, &r, item, RECORD_END);
    assert_int_equal(r.answer.code, number);
    find_principal(b, record, number);
    for (uint32_t i = 1; i <= EVENTS; i++) {
        batch_find(b, &r, item + i, RECORD_EVENT);
        assert_int_equal(r.item, item + i);
        assert_int_equal(r.number, number);
    }
}

static void items_are_found_in_any_order(void **state)
{
    struct batch *b = *state;
    struct rng rng;
    rng_seed(&rng, 1);
    for (uint16_t i = 0; i < RECORDS; i++) {
        write_record(b, i);
        uint16_t any = (uint16_t)rng_below(&rng, i + 1u);
        find_record(b, any, any);
    }
    assert_in_range(b->mark_count, 1, b->items / BATCH_MARK_ITEMS);
}

static void what_was_cut_off_is_not_found_again(void **state)
{
    static const uint16_t kept[] = {RECORDS / 2, 2 * BATCH_MARK_ITEMS / RECORD_ITEMS, 1, 0};
    struct batch *b = *state;
    size_t ends[RECORDS + 1] = {b->body.len};
    for (uint16_t i = 0; i < RECORDS; i++) {
        write_record(b, i);
        ends[i + 1] = b->body.len;
    }
    for (uint16_t n = 0; n < array_len(kept); n++) {
        find_record(b, RECORDS - 1, (uint16_t)(1000 * n + RECORDS - 1));
        batch_cut(b, ends[kept[n]]);
        b->records = kept[n];
        b->items = b->records * RECORD_ITEMS;
        for (uint16_t i = kept[n]; i < RECORDS; i++) /* longer ones, so that no old place fits */
            write_record(b, (uint16_t)(1000 * (n + 1) + i));
        for (uint16_t i = RECORDS; i-- > 0;)
            find_record(b, i, i < kept[n] ? i : (uint16_t)(1000 * (n + 1) + i));
    }
}

static void put_number(struct wire_writer *w, const void *body)
{
    wire_put_uint(w, *(const uint64_t *)body);
}

/* Two sends around an event. */
static void write_sending_record(struct batch *b, uint16_t number)
{
    const uint64_t first = 2u * number, second = first + 1;
    struct record_send send = {.to = number, .kind = 3, .type = 4};
    begin_record(b, number);
    b->items++;
    batch_send(b, &send, put_number, &first);
    record_event(&b->body, number);
    wire_put_uint(&b->body, 0);
    b->items++;
    batch_send(b, &send, put_number, &second);
    record_end(&b->body, &(struct record_answer){.code = number});
    b->records++;
}

static void assert_send(struct batch *b, uint32_t at)
{
    struct record_reader r;
    struct wire_reader message;
    const uint16_t number = (uint16_t)(at / 2);
    batch_read_send(b, &b->sends[at], &r);
    assert_int_equal(r.item, b->sends[at].item);
    assert_int_equal(r.begin_item, number * 4u);
    assert_int_equal(r.time_ns, number);
    assert_int_equal(r.send.to, number);
    wire_reader_init(&message, r.send.message.data, r.send.message.len);
    assert_int_equal(wire_get_uint(&message, UINT64_MAX), at);
    assert_true(slice_equal(r.attribution.subject, slice_of("ada")));
    assert_int_equal(r.attribution.token_id.lo, number % PRINCIPALS + 1u);
}

static void sends_are_read_in_any_order_with_who_asked(void **state)
{
    struct batch *b = *state;
    struct rng rng;
    rng_seed(&rng, 1);
    for (uint16_t i = 0; i < RECORDS; i++) {
        write_sending_record(b, i);
        assert_send(b, (uint32_t)rng_below(&rng, b->send_count));
    }
    for (uint32_t at = 0; at < b->send_count; at++)
        assert_send(b, at);
    assert_int_equal(b->send_count, 2 * RECORDS);
    assert_int_equal(b->mark_count, 0); /* nobody walked there */
}

static void a_batch_is_used_again_from_the_start(void **state)
{
    struct batch *b = *state;
    for (uint16_t i = 0; i < RECORDS; i++)
        write_record(b, i);
    find_record(b, RECORDS - 1, RECORDS - 1);
    batch_trim(b);
    b->state = BATCH_FREE;
    batch_start(b, 8);
    b->state = BATCH_OPEN;
    assert_true(batch_empty(b));
    write_record(b, 5);
    find_record(b, 0, 5);
}

/* What does not fit is forgotten by the cut to where it began, and only what fitted remains. */
static void a_record_that_did_not_fit_leaves_a_batch_that_can_be_read(void **state)
{
    struct batch *b = *state;
    write_record(b, 1);
    size_t whole = b->body.len;
    for (uint16_t i = 2; !b->body.failed; i++)
        begin_record(b, i);
    assert_false(b->body.no_memory);
    batch_cut(b, whole);
    assert_false(b->body.failed);
    assert_true(record_body_started(&b->body));
    write_record(b, 2);
    find_record(b, 0, 1);
    find_record(b, 1, 2);
}

static void a_body_without_the_version_is_seen(void **state)
{
    struct batch *b = *state;
    struct wire_writer body;
    wire_writer_init(&body, 100);
    assert_true(record_body_started(&b->body));
    assert_false(record_body_started(&body));
    const struct principal who = principal_system(); /* a turn writes it, but for its first byte */
    record_begin(&body, &(struct record_head){.time_ns = 1, .who = &who}, 0, true);
    assert_false(record_body_started(&body));
    wire_writer_done(&body);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(items_are_found_in_any_order),
        CASE(what_was_cut_off_is_not_found_again),
        CASE(sends_are_read_in_any_order_with_who_asked),
        CASE(a_batch_is_used_again_from_the_start),
        CASE(a_record_that_did_not_fit_leaves_a_batch_that_can_be_read),
        CASE(a_body_without_the_version_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
