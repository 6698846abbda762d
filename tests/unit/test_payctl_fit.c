/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in a terminal: what gives way first, and how a cell is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "bin/payctl/payctl_fit.h"

enum { ID, OTHER, AMOUNT, TEXT, COLUMNS };

static void given(struct column columns[COLUMNS])
{
    columns[ID] = (struct column){"transfer_id", 30, false, true};
    columns[OTHER] = (struct column){"debit_account_id", 30, false, true};
    columns[AMOUNT] = (struct column){"amount", 14, true, true};
    columns[TEXT] = (struct column){"description", 20, false, true};
}

static void what_fits_stays_as_it_is(void **state)
{
    struct column c[COLUMNS];
    (void)state;
    given(c);
    assert_false(fit_columns(c, COLUMNS, 100));
    assert_int_equal(c[OTHER].width, 30);
}

static void other_text_gives_way_before_ids_and_numbers(void **state)
{
    struct column c[COLUMNS];
    (void)state;
    given(c);
    assert_true(fit_columns(c, COLUMNS, 80));
    assert_int_equal(c[ID].width, 30);
    assert_int_equal(c[AMOUNT].width, 14);
    assert_int_equal(c[OTHER].width + c[TEXT].width, 80 - 30 - 14 - 3 * FIT_GAP);
    assert_true(c[OTHER].width >= 16 && c[TEXT].width >= FIT_WIDTH_MIN);
}

static void what_does_not_fit_at_all_is_left_out_from_the_right(void **state)
{
    struct column c[COLUMNS];
    (void)state;
    given(c);
    assert_true(fit_columns(c, COLUMNS, 65));
    assert_false(c[TEXT].filled);
    assert_true(c[AMOUNT].filled);
    assert_int_equal(c[ID].width, 30);
    assert_true(fit_columns(c, COLUMNS, 20));
    assert_false(c[OTHER].filled || c[AMOUNT].filled);
    assert_int_equal(c[ID].width, 20);
    assert_true(fit_columns(c, COLUMNS, 1)); /* narrower than anything: it ends all the same */
    assert_int_equal(c[ID].width, FIT_WIDTH_MIN);
}

static void expect_cut(const char *text, int width, const char *expected)
{
    char cell[FIT_CELL_MAX];
    memcpy(cell, text, strlen(text) + 1);
    fit_cell(cell, width);
    assert_string_equal(cell, expected);
    assert_true(fit_width(cell) <= width || fit_width(text) <= width);
}

static void cells_are_cut_where_it_hurts_least(void **state)
{
    (void)state;
    expect_cut("short", 5, "short");
    expect_cut("acc_01M84SSE56F16G76W67AKA8000", 16, "acc_\xe2\x80\xa6" "6W67AKA8000");
    expect_cut("2026-11-23T18:13:16.218259181Z", 20, "2026-11-23T18:13:16\xe2\x80\xa6");
    expect_cut("Z\303\274rich to Gen\303\250ve", 4, "Z\303\274r\xe2\x80\xa6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_as_it_is),
        cmocka_unit_test(other_text_gives_way_before_ids_and_numbers),
        cmocka_unit_test(what_does_not_fit_at_all_is_left_out_from_the_right),
        cmocka_unit_test(cells_are_cut_where_it_hurts_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
