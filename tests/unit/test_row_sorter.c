/* SPDX-License-Identifier: Apache-2.0 */
/* The row sorter: what goes in comes out once, by kind and key, whatever became of the memory it
 * was given in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/projector/row_sorter.h"

static const struct sorted_kind first_kind = {.name = "a", .item_size = 3};
static const struct sorted_kind second_kind = {.name = "b", .item_size = 3};

static bool add(struct row_sorter *s, const struct sorted_kind *kind, uint64_t id,
                uint64_t number, const char *text)
{
    char passing[3];
    snprintf(passing, sizeof passing, "%s", text);
    bool added = row_sorter_add(s, kind, (struct id128){0, id}, number, passing);
    memset(passing, '?', sizeof passing);
    return added;
}

static void assert_order(struct row_sorter *s, const char *expected)
{
    char found[64] = "";
    size_t len = 0;
    row_sorter_sort(s);
    for (size_t i = 0; i < s->count; i++)
        len += (size_t)snprintf(found + len, sizeof found - len, "%s%s ", s->rows[i].kind->name,
                                (const char *)row_sorter_item(s, &s->rows[i]));
    assert_string_equal(found, expected);
}

static void items_come_out_by_kind_and_key(void **state)
{
    (void)state;
    struct row_sorter s;
    row_sorter_init(&s);
    assert_order(&s, "");
    assert_true(add(&s, &second_kind, 1, 3, "13"));
    assert_true(add(&s, &first_kind, 2, 1, "21"));
    assert_true(add(&s, &second_kind, 0, 9, "09"));
    assert_true(add(&s, &first_kind, 1, 2, "12"));
    assert_true(add(&s, &first_kind, 1, 1, "11"));
    assert_order(&s, "a11 a12 a21 b09 b13 ");
    row_sorter_clear(&s);
    assert_order(&s, "");
    row_sorter_done(&s);
}

static void items_of_one_key_stay_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct row_sorter s;
    row_sorter_init(&s);
    assert_true(add(&s, &first_kind, 1, 1, "x"));
    assert_true(add(&s, &first_kind, 1, 1, "z"));
    assert_true(add(&s, &first_kind, 1, 1, "y"));
    assert_order(&s, "ax az ay ");
    row_sorter_done(&s);
}

static void it_says_when_it_is_full(void **state)
{
    (void)state;
    static const struct sorted_kind large = {.name = "large", .item_size = 10000};
    static const char item[10000];
    struct row_sorter s;
    row_sorter_init(&s);
    size_t added = 0;
    while (row_sorter_add(&s, &large, ID128_ZERO, added, item))
        added++;
    assert_int_equal(added, ROW_SORTER_BYTES / sizeof item);
    row_sorter_clear(&s);
    assert_true(add(&s, &first_kind, 1, 0, ""));
    row_sorter_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_by_kind_and_key),
        cmocka_unit_test(items_of_one_key_stay_in_the_order_in_which_they_came),
        cmocka_unit_test(it_says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
