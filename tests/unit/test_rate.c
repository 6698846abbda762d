/* SPDX-License-Identifier: Apache-2.0 */
/* Exact arithmetic of exchange, in cases that can be worked out on paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/common/rate.h"
#include "runtime/base/wide.h"

static const struct rate_decimals cents = {2, 2};

static struct rate rate(const char *text)
{
    struct decimal d;
    struct rate r;
    assert_int_equal(decimal_parse(text, strlen(text), &d), DECIMAL_GOOD);
    assert_true(rate_of_decimal(d, &r));
    return r;
}

static struct rate_way times(const char *text)
{
    return (struct rate_way){.rates = {rate(text)}, .count = 1};
}

static struct rate_way divided(const char *text)
{
    return (struct rate_way){.rates = {rate(text)}, .divides = {true}, .count = 1};
}

static u128 target(struct rate_way way, struct rate_decimals d, uint32_t spread, u128 source)
{
    u128 result = 0;
    assert_true(rate_target(&way, d, spread, source, RATE_DOWN, &result));
    return result;
}

static u128 source(struct rate_way way, struct rate_decimals d, uint32_t spread, u128 wanted)
{
    u128 result = 0;
    assert_true(rate_source(&way, d, spread, wanted, &result));
    return result;
}

static void assert_shown(struct rate_way way, const char *text)
{
    char shown[DECIMAL_TEXT_MAX];
    decimal_text(rate_shown(&way), shown);
    assert_string_equal(shown, text);
}

static void a_rate_says_what_one_unit_is_worth_in_the_other_currency(void **state)
{
    (void)state;
    assert_true(target(times("83.25"), cents, 0, 10000) == 832500); /* 100.00 USD in INR */
    assert_shown(times("83.25"), "83.25");
}

static void
the_other_way_is_divided_by_what_is_stored_never_multiplied_by_what_is_shown(void **state)
{
    (void)state;
    assert_true(target(divided("83.25"), cents, 0, 8325000000) == 100000000);
    assert_true(target(times("0.012"), cents, 0, 8325000000) == 99900000);
    assert_shown(divided("83.25"), "0.0120120120120");
    assert_shown(divided("0.5"), "2.00000000000");
}

static void a_cross_rate_is_one_step_and_one_rounding(void **state)
{
    (void)state;
    const struct rate_way inr_for_jpy = {
        .rates = {rate("149.30"), rate("83.25")}, .divides = {true, false}, .count = 2};
    assert_true(target(inr_for_jpy, (struct rate_decimals){0, 2}, 0, 100000) == 5576021);
    const struct rate_way inr_for_eur = {.rates = {rate("1.0870"), rate("83.25")}, .count = 2};
    assert_shown(inr_for_eur, "90.49275");
}

static void what_is_computed_is_rounded_against_the_customer_at_the_currencys_decimals(void **state)
{
    (void)state;
    assert_true(target(divided("149.30"), (struct rate_decimals){0, 2}, 0, 1) == 0);
    assert_true(target(times("0.30712"), (struct rate_decimals){2, 3}, 5000, 10000) == 30558);
    assert_true(target(times("149.30"), (struct rate_decimals){2, 0}, 5000, 10000) == 14855);
    u128 even = 0;
    const struct rate_way half = times("0.5");
    assert_true(rate_target(&half, cents, 0, 5, RATE_HALF_EVEN, &even) && even == 2);
    assert_true(rate_target(&half, cents, 0, 7, RATE_HALF_EVEN, &even) && even == 4);
}

static void the_spread_is_the_customers_in_both_directions(void **state)
{
    (void)state;
    assert_true(target(times("0.92"), cents, 5000, 10000) == 9154);
    assert_true(target(times("0.92"), cents, 0, 10000) == 9200);
    assert_true(target(divided("0.92"), cents, 5000, 10000) == 10815);
    assert_true(target(divided("0.92"), cents, 0, 10000) == 10869);
}

static void who_names_what_is_to_come_out_pays_the_least_that_gives_it(void **state)
{
    (void)state;
    assert_true(source(times("0.92"), cents, 5000, 5000) == 5463);
    assert_true(target(times("0.92"), cents, 0, 5463) == 5025);
    assert_true(target(times("0.92"), cents, 5000, 5463) >= 5000);
    assert_true(target(times("0.92"), cents, 5000, 5462) < 5000);
}

static void no_round_trip_gains_without_a_spread_either(void **state)
{
    (void)state;
    for (u128 amount = 1; amount < 5000; amount++) {
        u128 there = target(times("0.92"), cents, 0, amount);
        assert_true(target(divided("0.92"), cents, 0, there) <= amount);
        u128 yen = target(times("149.30"), (struct rate_decimals){2, 0}, 0, amount);
        assert_true(target(divided("149.30"), (struct rate_decimals){0, 2}, 0, yen) <= amount);
    }
}

static void the_same_currency_is_worth_itself(void **state)
{
    (void)state;
    const struct rate_way same = {0};
    assert_true(target(same, cents, 0, U128_MAX) == U128_MAX);
    assert_shown(same, "1");
}

static void what_is_beyond_128_bits_is_refused(void **state)
{
    (void)state;
    u128 result = 7;
    const struct rate_way twice = times("2"), half = times("0.5");
    assert_false(rate_target(&twice, cents, 0, U128_MAX, RATE_DOWN, &result));
    assert_false(rate_source(&half, cents, 0, U128_MAX, &result));
    assert_true(result == 7);
    assert_true(target(half, cents, 0, U128_MAX) == U128_MAX / 2);
}

static void a_rate_has_at_most_18_digits_and_is_not_0(void **state)
{
    (void)state;
    struct rate r;
    assert_false(rate_of_decimal((struct decimal){0, 2}, &r));
    assert_false(rate_of_decimal((struct decimal){RATE_BELOW, 0}, &r));
    assert_true(rate_of_decimal((struct decimal){RATE_BELOW, 2}, &r));
    assert_int_equal(r.scale, 0); /* 10^16: zeros behind the last digit are none */
    assert_true(rate_of_decimal((struct decimal){RATE_BELOW - 1, 8}, &r));
}

static void a_jump_is_what_is_further_away_than_the_limit(void **state)
{
    (void)state;
    assert_false(rate_jumped(rate("83.25"), rate("87.41"), 50000));
    assert_true(rate_jumped(rate("83.25"), rate("87.42"), 50000));
    assert_false(rate_jumped(rate("83.25"), rate("79.0875"), 50000)); /* exactly 5 % */
    assert_true(rate_jumped(rate("83.25"), rate("79.08"), 50000));
    assert_false(rate_jumped(rate("83.25"), rate("83.25"), 0));
}

static void wide_numbers_carry_and_say_when_they_do_not_fit(void **state)
{
    (void)state;
    u128 value = 0;
    struct wide w = wide_of(U128_MAX);
    assert_true(wide_shift_up(&w, 80));
    assert_false(wide_narrow(&w, &value));
    assert_false(wide_shift_down(&w, 80));
    assert_true(wide_narrow(&w, &value) && value == U128_MAX);
    assert_true(wide_shift_down(&w, 39));
    assert_true(wide_narrow(&w, &value) && value == 0);
    w = wide_of(U128_MAX);
    assert_true(wide_shift_up(&w, 115));
    assert_false(wide_shift_up(&w, 1));
    const struct wide one = wide_of(1), two = wide_of(2);
    assert_true(wide_compare(&one, &two) < 0 && wide_compare(&two, &one) > 0);
    assert_int_equal(wide_compare(&one, &one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_says_what_one_unit_is_worth_in_the_other_currency),
        cmocka_unit_test(
            the_other_way_is_divided_by_what_is_stored_never_multiplied_by_what_is_shown),
        cmocka_unit_test(a_cross_rate_is_one_step_and_one_rounding),
        cmocka_unit_test(
            what_is_computed_is_rounded_against_the_customer_at_the_currencys_decimals),
        cmocka_unit_test(the_spread_is_the_customers_in_both_directions),
        cmocka_unit_test(who_names_what_is_to_come_out_pays_the_least_that_gives_it),
        cmocka_unit_test(no_round_trip_gains_without_a_spread_either),
        cmocka_unit_test(the_same_currency_is_worth_itself),
        cmocka_unit_test(what_is_beyond_128_bits_is_refused),
        cmocka_unit_test(a_rate_has_at_most_18_digits_and_is_not_0),
        cmocka_unit_test(a_jump_is_what_is_further_away_than_the_limit),
        cmocka_unit_test(wide_numbers_carry_and_say_when_they_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
