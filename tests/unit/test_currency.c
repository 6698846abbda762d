/* SPDX-License-Identifier: Apache-2.0 */
/* Currencies, and decimal text to and from minor units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/slice.h"
#include "schemas/currency.h"

static const struct currency *usd(void)
{
    return currency_by_code("USD", 3);
}

static void currencies_are_found_by_code_and_by_number(void **state)
{
    (void)state;
    assert_non_null(usd());
    assert_int_equal(usd()->number, 840);
    assert_int_equal(usd()->decimals, 2);
    assert_ptr_equal(currency_by_number(840), usd());
    assert_int_equal(currency_by_code("JPY", 3)->decimals, 0);
    assert_int_equal(currency_by_code("KWD", 3)->decimals, 3);
    assert_int_equal(currency_by_code("CLF", 3)->decimals, 4);
    assert_string_equal(currency_by_number(8)->code, "ALL");
}

static void what_is_no_active_currency_is_not_found(void **state)
{
    (void)state;
    static const char *const codes[] = {"usd", "XXX", "XTS", "XAU", "US", "USDX", "", "ZZZ"};
    for (size_t i = 0; i < array_len(codes); i++)
        assert_null(currency_by_code(codes[i], strlen(codes[i])));
    assert_null(currency_by_number(0));
    assert_null(currency_by_number(999));
    assert_null(currency_by_number(1000));
    assert_null(currency_by_number(UINT32_MAX));
}

static void the_list_is_ordered_and_agrees_with_its_index(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < currency_count; i++) {
        const struct currency *c = &currency_list[i];
        assert_ptr_equal(currency_by_code(c->code, 3), c);
        assert_ptr_equal(currency_by_number(c->number), c);
        if (i > 0)
            assert_true(strcmp(currency_list[i - 1].code, c->code) < 0);
    }
}

static void decimals_are_taken_by_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t digits;
        uint8_t scale;
    } cases[] = {
        {"0", 0, 0},        {"0.00", 0, 2},
        {"10.50", 1050, 2}, {"7", 7, 0},
        {"100", 100, 0},    {"0.00000001", 1, 8},
        {"0.5", 5, 1},      {"123456789.12345678", 12345678912345678u, 8},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct decimal d;
        char text[DECIMAL_TEXT_MAX];
        assert_int_equal(decimal_parse(cases[i].text, strlen(cases[i].text), &d), DECIMAL_GOOD);
        assert_true(d.digits == cases[i].digits && d.scale == cases[i].scale);
        assert_int_equal(decimal_text(d, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void anything_else_is_no_decimal(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",      "-1",    "+1",       "01",    "00",  "00.5",
        ".5",    "5.",    ".",        "1.2.3", "1e3", "1E3",
        "0x10",  " 1",    "1 ",       "1,5",   "NaN", "Infinity",
        "1_000", "1'000", "\xD9\xA1", "--1",   "1-",  "99999999999999999999999999999999999999999x",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct decimal d;
        assert_int_equal(decimal_parse(cases[i], strlen(cases[i]), &d), DECIMAL_MALFORMED);
    }
    struct decimal d;
    assert_int_equal(decimal_parse("1\0002", 3, &d), DECIMAL_MALFORMED);
}

static void what_no_currency_has_is_a_decimal_all_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum decimal_form form;
    } cases[] = {
        {"0.123456789012345678", DECIMAL_GOOD},
        {"1.1234567890123456789012345678901234567890123456789", DECIMAL_TOO_PRECISE},
        {"0.0000000000000000000000000000000000000000000000001", DECIMAL_TOO_PRECISE},
        {"340282366920938463463374607431768211456", DECIMAL_TOO_LARGE},
        {"1000000000000000000000000000000000000000", DECIMAL_TOO_LARGE},
        {"340282366920938463463374607431768211455.0", DECIMAL_TOO_LARGE},
        {"9999999999999999999999999999999999999999999999999999999999999", DECIMAL_TOO_LARGE},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct decimal d;
        assert_int_equal(decimal_parse(cases[i].text, strlen(cases[i].text), &d), cases[i].form);
    }
}

static void the_largest_decimals_survive(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "340282366920938463463374607431768211455",
        "3402823669209384634633746074317.68211455",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct decimal d;
        char text[DECIMAL_TEXT_MAX];
        assert_int_equal(decimal_parse(cases[i], strlen(cases[i]), &d), DECIMAL_GOOD);
        assert_true(d.digits == U128_MAX);
        decimal_text(d, text);
        assert_string_equal(text, cases[i]);
    }
}

static void minor_units_have_the_decimals_of_the_currency(void **state)
{
    (void)state;
    u128 minor = 1;
    assert_int_equal(currency_minor((struct decimal){105, 1}, usd(), &minor), CURRENCY_FITS);
    assert_true(minor == 1050);
    assert_int_equal(currency_minor((struct decimal){7, 0}, usd(), &minor), CURRENCY_FITS);
    assert_true(minor == 700);
    const struct currency *yen = currency_by_code("JPY", 3);
    assert_int_equal(currency_minor((struct decimal){7, 0}, yen, &minor), CURRENCY_FITS);
    assert_true(minor == 7);
}

static void too_precise_and_too_large_are_told_apart(void **state)
{
    (void)state;
    u128 minor = 42;
    const struct currency *yen = currency_by_code("JPY", 3);
    assert_int_equal(currency_minor((struct decimal){1050, 3}, usd(), &minor),
                     CURRENCY_TOO_PRECISE);
    assert_int_equal(currency_minor((struct decimal){10, 1}, yen, &minor), CURRENCY_TOO_PRECISE);
    assert_int_equal(currency_minor((struct decimal){U128_MAX, 0}, usd(), &minor),
                     CURRENCY_OVERFLOW);
    assert_int_equal(currency_minor((struct decimal){U128_MAX / 100 + 1, 0}, usd(), &minor),
                     CURRENCY_OVERFLOW);
    assert_true(minor == 42);
    assert_int_equal(currency_minor((struct decimal){U128_MAX / 100, 0}, usd(), &minor),
                     CURRENCY_FITS);
    assert_int_equal(currency_minor((struct decimal){U128_MAX, 2}, usd(), &minor), CURRENCY_FITS);
    assert_true(minor == U128_MAX);
}

static void amounts_are_written_with_all_decimals(void **state)
{
    (void)state;
    char text[DECIMAL_TEXT_MAX];
    assert_int_equal(currency_text(1050, usd(), text), 5);
    assert_string_equal(text, "10.50");
    currency_text(5, usd(), text);
    assert_string_equal(text, "0.05");
    currency_text(0, usd(), text);
    assert_string_equal(text, "0.00");
    currency_text(7, currency_by_code("JPY", 3), text);
    assert_string_equal(text, "7");
    currency_text(7, currency_by_code("BHD", 3), text);
    assert_string_equal(text, "0.007");
    currency_text(U128_MAX, currency_by_code("UYW", 3), text);
    assert_string_equal(text, "34028236692093846346337460743176821.1455");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(currencies_are_found_by_code_and_by_number),
        cmocka_unit_test(what_is_no_active_currency_is_not_found),
        cmocka_unit_test(the_list_is_ordered_and_agrees_with_its_index),
        cmocka_unit_test(decimals_are_taken_by_their_digits),
        cmocka_unit_test(anything_else_is_no_decimal),
        cmocka_unit_test(what_no_currency_has_is_a_decimal_all_the_same),
        cmocka_unit_test(the_largest_decimals_survive),
        cmocka_unit_test(minor_units_have_the_decimals_of_the_currency),
        cmocka_unit_test(too_precise_and_too_large_are_told_apart),
        cmocka_unit_test(amounts_are_written_with_all_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
