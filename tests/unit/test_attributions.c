/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what a row shows, found in the records of its batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs these */
#include <cmocka.h>

#include "actors/common/attributions.h"
#include "runtime/base/journal_position.h"
#include "runtime/base/slot_map.h"

#define RECORDS 4000 /* of a batch of a busy node */

static struct wire_writer records;

/* Each batch has the same: the first of ada, the others of her too, by one request each. */
static enum err give_records(struct view_store *s, const struct view_table *t,
                             const struct value *key, view_row_cb row, void *context)
{
    (void)s;
    assert_ptr_equal(t, &attributions_view);
    struct value values[ATTRIBUTIONS_COLUMNS];
    const struct attributions_row found = {
        .shard = (uint16_t)key[0].number, .seq = key[1].number, .records = wire_written(&records)};
    attributions_row_to_values(&found, values);
    row(context, values);
    return ERR_OK;
}

/* The page of a list has a few megabytes, and each of its rows may be from another batch. */
static void a_page_has_room_for_rows_of_many_busy_batches(void **state)
{
    (void)state;
    const struct principal ada = {.tenant = slice_of("acme"), .subject = slice_of("ada")};
    wire_writer_init(&records, (size_t)1 << 20);
    for (uint32_t i = 0; i < RECORDS; i++) {
        wire_put_uint(&records, i);
        attribution_put(&records, &ada, 0, i == 0, slice_of("order-4711"));
    }
    const struct view_store_ops ops = {.get = give_records};
    struct view_store store = {.ops = &ops};
    struct slot_map slots;
    slot_map_split(&slots, 1);
    const struct message m = {.runtime.slots = &slots};
    struct arena page;
    arena_init(&page, (size_t)64 << 10);
    struct attributions all;
    attributions_init(&all, &store, &m, &page);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        const struct attributed by =
            attributions_find(&all, ID128_ZERO, position_make(seq, RECORDS - 1));
        assert_int_equal(all.error, ERR_OK);
        assert_true(slice_equal(by.by, slice_of("ada")));
        assert_true(slice_equal(by.request_id, slice_of("order-4711")));
    }
    assert_false(page.failed);
    attributions_done(&all);
    arena_done(&page);
    wire_writer_done(&records);
}

/* Ada asks twice, and bob after each of her requests. */
static void given_ada_and_bob(void)
{
    const struct principal ada = {.tenant = slice_of("acme"), .subject = slice_of("ada")};
    const struct principal bob = {.tenant = slice_of("acme"), .subject = slice_of("bob")};
    wire_writer_init(&records, (size_t)1 << 20);
    for (uint32_t i = 0; i < 4; i++)
        attribution_put(&records, i % 2 == 0 ? &ada : &bob, i % 2, i < 2, slice_of(""));
}

/* Copies all but the first `left_out` of the four. */
static void copy(struct wire_writer *to, uint32_t left_out)
{
    struct attribution_copy c = {.written = 0};
    struct attribution a;
    struct wire_reader r;
    uint32_t known = 0;
    wire_reader_init(&r, records.data, records.len);
    for (uint32_t i = 0; i < 4; i++) {
        attribution_get(&r, &known, &a);
        attribution_copy_read(&c, &a);
        if (i >= left_out)
            attribution_copy_put(&c, to, &a);
    }
    assert_true(wire_finished(&r));
    attribution_copy_done(&c);
}

static void expect_asked_by(const struct wire_writer *copied, const char *const *who,
                            uint32_t count)
{
    struct attribution_list known = {.count = 0};
    struct attribution a;
    struct wire_reader r;
    uint32_t principals = 0;
    wire_reader_init(&r, copied->data, copied->len);
    for (uint32_t i = 0; i < count; i++) {
        attribution_get(&r, &principals, &a);
        attribution_resolve(&known, &a);
        assert_true(slice_equal(a.subject, slice_of(who[i])));
    }
    assert_true(wire_finished(&r));
    attribution_list_done(&known);
}

static void who_appears_first_in_what_is_left_out_appears_in_the_next(void **state)
{
    (void)state;
    static const char *const who[] = {"ada", "bob", "ada", "bob"};
    struct wire_writer copied;
    given_ada_and_bob();
    wire_writer_init(&copied, (size_t)1 << 20);
    for (uint32_t left_out = 0; left_out <= 4; left_out++) {
        wire_writer_clear(&copied);
        copy(&copied, left_out);
        expect_asked_by(&copied, who + left_out, 4 - left_out);
    }
    wire_writer_done(&copied);
    wire_writer_done(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_has_room_for_rows_of_many_busy_batches),
        cmocka_unit_test(who_appears_first_in_what_is_left_out_appears_in_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
