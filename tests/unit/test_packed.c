/* SPDX-License-Identifier: Apache-2.0 */
/* Packed values come back as they were; what is cut, changed or of another form is refused, or is
 * another value of the same form, but nothing beyond the end is ever read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/base/slice.h"
#include "runtime/store/packed.h"

enum { COLUMN_ABSENT, COLUMN_NUMBER, COLUMN_BIG, COLUMN_ID, COLUMN_TEXT, COLUMN_BYTES, COLUMNS };

#define ALL ((1u << COLUMNS) - 1)

static void fill(struct value row[COLUMNS], u128 number, const char *text)
{
    row[COLUMN_ABSENT] = (struct value){.type = VALUE_NULL};
    row[COLUMN_NUMBER] = (struct value){.type = VALUE_UINT, .number = (uint64_t)number};
    row[COLUMN_BIG] = (struct value){.type = VALUE_U128, .big = number};
    row[COLUMN_ID] = (struct value){.type = VALUE_ID, .id = {(uint64_t)number, 7}};
    row[COLUMN_TEXT] = (struct value){.type = VALUE_TEXT, .text = slice_of(text)};
    row[COLUMN_BYTES] = (struct value){.type = VALUE_BYTES, .text = {NULL, 0}};
}

/* On the heap without a byte to spare, so that a sanitizer sees what is read beyond. */
static const uint8_t *read_exactly(const uint8_t *bytes, size_t len, uint8_t **copy,
                                   struct value row[COLUMNS])
{
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, bytes, len);
    return packed_read(*copy, *copy + len, row, ALL);
}

static size_t write_all(uint8_t *bytes, size_t size, const struct value row[COLUMNS])
{
    assert_true(packed_size_max(row, ALL) <= size);
    return (size_t)(packed_write(bytes, row, ALL) - bytes);
}

static void expect_same(const struct value a[COLUMNS], const struct value b[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++)
        assert_int_equal(a[i].type, b[i].type);
    assert_int_equal(a[COLUMN_NUMBER].number, b[COLUMN_NUMBER].number);
    assert_true(a[COLUMN_BIG].big == b[COLUMN_BIG].big);
    assert_true(id128_equal(a[COLUMN_ID].id, b[COLUMN_ID].id));
    assert_true(slice_equal(a[COLUMN_TEXT].text, b[COLUMN_TEXT].text));
    assert_true(slice_equal(a[COLUMN_BYTES].text, b[COLUMN_BYTES].text));
}

static void values_of_every_size_come_back(void **state)
{
    (void)state;
    for (int bits = 0; bits <= 128; bits++) {
        /* all ones, then a one with zeros behind it */
        u128 number = bits == 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
        for (int shape = 0; shape < 2; shape++) {
            struct value row[COLUMNS], back[COLUMNS];
            uint8_t bytes[256], *copy;
            fill(row, number, bits % 2 == 0 ? "" : "a longer text");
            size_t len = write_all(bytes, sizeof bytes, row);
            const uint8_t *end = read_exactly(bytes, len, &copy, back);
            assert_ptr_equal(end, copy + len);
            expect_same(row, back);
            free(copy);
            number = bits == 128 ? 0 : (u128)1 << bits;
        }
    }
}

static void only_the_chosen_columns_are_packed(void **state)
{
    (void)state;
    struct value row[COLUMNS], back[COLUMNS] = {{VALUE_NULL, {0}}};
    uint8_t bytes[64];
    fill(row, 300, "text");
    uint64_t columns = 1u << COLUMN_NUMBER | 1u << COLUMN_TEXT;
    const uint8_t expected[] = {2 << 3 | 1, 0x2c, 0x01, 4, 4, 0, 0, 0, 't', 'e', 'x', 't'};
    size_t len = (size_t)(packed_write(bytes, row, columns) - bytes);
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_ptr_equal(packed_read(bytes, bytes + len, back, columns), bytes + len);
    assert_int_equal(back[COLUMN_NUMBER].number, 300);
    assert_int_equal(back[COLUMN_BIG].type, VALUE_NULL);
}

static void what_is_cut_is_refused(void **state)
{
    (void)state;
    struct value row[COLUMNS], back[COLUMNS];
    uint8_t bytes[256], *copy;
    fill(row, (u128)5 << 90, "text");
    size_t len = write_all(bytes, sizeof bytes, row);
    for (size_t cut = 0; cut < len; cut++) {
        assert_null(read_exactly(bytes, cut, &copy, back));
        free(copy);
    }
}

static void what_is_changed_is_never_read_beyond_its_end(void **state)
{
    (void)state;
    struct value row[COLUMNS], back[COLUMNS];
    uint8_t bytes[256], *copy;
    fill(row, (u128)5 << 90, "text");
    size_t len = write_all(bytes, sizeof bytes, row);
    for (size_t at = 0; at < len; at++) {
        for (unsigned change = 1; change < 256; change++) {
            bytes[at] ^= (uint8_t)change;
            const uint8_t *end = read_exactly(bytes, len, &copy, back);
            assert_true(end == NULL || (end > copy && end <= copy + len));
            free(copy);
            bytes[at] ^= (uint8_t)change;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_size_come_back),
        cmocka_unit_test(only_the_chosen_columns_are_packed),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_changed_is_never_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
