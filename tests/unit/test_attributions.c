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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_has_room_for_rows_of_many_busy_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
