/* SPDX-License-Identifier: Apache-2.0 */
/* The row sorter: what goes in comes out once, by table and key, whatever became of the bytes it
 * was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/journal/row_sorter.h"

enum { COLUMN_ID, COLUMN_NUMBER, COLUMN_TEXT, COLUMNS };

static const char *const names[COLUMNS] = {"id", "number", "text"};
static const enum value_type types[COLUMNS] = {VALUE_ID, VALUE_UINT, VALUE_TEXT};
static const struct view_table first_table = {
    .name = "a", .column_names = names, .column_types = types, .column_count = COLUMNS,
    .key = {"key", {COLUMN_ID, COLUMN_NUMBER}, 2},
};
static const struct view_table second_table = {
    .name = "b", .column_names = names, .column_types = types, .column_count = COLUMNS,
    .key = {"key", {COLUMN_NUMBER}, 1},
};

struct shelf {
    struct store store;
    char put[64];
    size_t len;
    enum err refuses;
    _Atomic bool abandoned;
};

static enum err put_row(struct store *store, const struct view_table *t, const struct value *row)
{
    struct shelf *s = container_of(store, struct shelf, store);
    s->len += (size_t)snprintf(s->put + s->len, sizeof s->put - s->len, "%s%llu%llu%.*s ", t->name,
                               (unsigned long long)row[COLUMN_ID].id.lo,
                               (unsigned long long)row[COLUMN_NUMBER].number,
                               (int)row[COLUMN_TEXT].text.len, row[COLUMN_TEXT].text.data);
    return s->refuses;
}

static const struct store_ops ops = {.put_row = put_row};

static bool add(struct row_sorter *s, const struct view_table *t, uint64_t id, uint64_t number,
                const char *text)
{
    char passing[16];
    snprintf(passing, sizeof passing, "%s", text);
    const struct value row[COLUMNS] = {
        [COLUMN_ID] = {.type = VALUE_ID, .id = {0, id}},
        [COLUMN_NUMBER] = {.type = VALUE_UINT, .number = number},
        [COLUMN_TEXT] = {.type = VALUE_TEXT, .text = {passing, (uint32_t)strlen(passing)}},
    };
    bool added = row_sorter_add(s, t, row);
    memset(passing, '?', sizeof passing);
    return added;
}

static void rows_come_out_by_table_and_key(void **state)
{
    (void)state;
    struct shelf shelf = {.store.ops = &ops};
    struct row_sorter s;
    row_sorter_init(&s);
    assert_true(add(&s, &second_table, 1, 3, "x"));
    assert_true(add(&s, &first_table, 2, 1, "y"));
    assert_true(add(&s, &second_table, 9, 2, "z"));
    assert_true(add(&s, &first_table, 1, 2, "u"));
    assert_true(add(&s, &first_table, 1, 1, ""));
    assert_int_equal(row_sorter_flush(&s, &shelf.store, &shelf.abandoned), ERR_OK);
    assert_string_equal(shelf.put, "a11 a12u a21y b92z b13x ");
    assert_int_equal(row_sorter_flush(&s, &shelf.store, &shelf.abandoned), ERR_OK);
    assert_string_equal(shelf.put, "a11 a12u a21y b92z b13x ");
    row_sorter_done(&s);
}

static void the_first_refusal_ends_it(void **state)
{
    (void)state;
    struct shelf shelf = {.store.ops = &ops, .refuses = ERR_IO};
    struct row_sorter s;
    row_sorter_init(&s);
    assert_true(add(&s, &first_table, 1, 1, ""));
    assert_true(add(&s, &first_table, 1, 2, ""));
    assert_int_equal(row_sorter_flush(&s, &shelf.store, &shelf.abandoned), ERR_IO);
    assert_string_equal(shelf.put, "a11 ");
    assert_int_equal(s.count, 0);
    row_sorter_done(&s);
}

static void nothing_more_is_put_once_it_is_abandoned(void **state)
{
    (void)state;
    struct shelf shelf = {.store.ops = &ops, .abandoned = true};
    struct row_sorter s;
    row_sorter_init(&s);
    assert_true(add(&s, &first_table, 1, 1, ""));
    assert_int_equal(row_sorter_flush(&s, &shelf.store, &shelf.abandoned), ERR_UNAVAILABLE);
    assert_string_equal(shelf.put, "");
    assert_int_equal(s.count, 0);
    row_sorter_done(&s);
}

static void it_says_when_it_is_full(void **state)
{
    (void)state;
    struct row_sorter s;
    row_sorter_init(&s);
    char text[10000];
    memset(text, 't', sizeof text);
    struct value row[COLUMNS] = {
        [COLUMN_ID] = {.type = VALUE_ID},
        [COLUMN_NUMBER] = {.type = VALUE_UINT},
        [COLUMN_TEXT] = {.type = VALUE_TEXT, .text = {text, sizeof text}},
    };
    size_t added = 0;
    while (row_sorter_add(&s, &first_table, row))
        row[COLUMN_NUMBER].number = ++added;
    assert_in_range(added, ROW_SORTER_BYTES / sizeof text * 9 / 10,
                    ROW_SORTER_BYTES / sizeof text);
    row_sorter_clear(&s);
    assert_true(add(&s, &first_table, 1, 0, ""));
    row_sorter_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_out_by_table_and_key),
        cmocka_unit_test(the_first_refusal_ends_it),
        cmocka_unit_test(nothing_more_is_put_once_it_is_abandoned),
        cmocka_unit_test(it_says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
