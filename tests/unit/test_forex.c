/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange rates in two shards: set by hand, observed, released, read from any shard's copy. */
#include "tests/unit/shards_fixture.h"

#include "actors/forex/pair_copy.h"
#include "runtime/base/time.h"
#include "schemas/forex.h"

#define INR 356

static struct decimal rate_of(const char *text)
{
    struct decimal d;
    assert_int_equal(decimal_parse(text, strlen(text), &d), DECIMAL_GOOD);
    return d;
}

static uint64_t now(const struct shards_bank *b)
{
    return shard_set_shard(b->set, 0)->clock.now_ns;
}

static uint16_t set_by(struct shards_bank *b, const char *who, const char *rate, bool confirm)
{
    const struct rate_set set = {.pair = slice_of("USDINR"),
                                 .rate = rate_of(rate),
                                 .has_note = true,
                                 .note = slice_of("the bank's"),
                                 .has_confirm = true,
                                 .confirm = confirm};
    b->asker = slice_of(who);
    return shards_do(b, &rate_set_type, &set);
}

static uint16_t given_rate(struct shards_bank *b, const char *pair, const char *rate)
{
    const struct rate_set set = {.pair = slice_of(pair), .rate = rate_of(rate)};
    return shards_do(b, &rate_set_type, &set);
}

/* Seen so many seconds ago, and good for five minutes. */
static uint8_t observed(struct shards_bank *b, const char *source, const char *rate, uint64_t ago_s)
{
    struct observation_result result;
    const struct rate_observe o = {.pair = slice_of("usdinr"),
                                   .rate = rate_of(rate),
                                   .source = slice_of(source),
                                   .observed_at = now(b) - ago_s * NS_PER_S,
                                   .has_limit_s = true,
                                   .limit_s = 300};
    struct question *q = shards_ask(b, &rate_observe_type, &o, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &observation_result_type, &result);
    return result.outcome;
}

static struct exchange_rate shown(struct shards_bank *b, const char *from, const char *to)
{
    struct exchange_rate rate;
    const struct rate_get get = {slice_of(from), slice_of(to), true, true};
    struct question *q = shards_ask(b, &rate_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &exchange_rate_type, &rate);
    return rate;
}

static void expect_rate(struct shards_bank *b, const char *from, const char *to, const char *text)
{
    char found[DECIMAL_TEXT_MAX];
    decimal_text(shown(b, from, to).rate, found);
    assert_string_equal(found, text);
}

/* By the copies of a shard, which is drawn: asked often enough, by those of all. */
static uint16_t convert_once(struct shards_bank *b, uint16_t from, uint16_t to, u128 amount,
                             u128 *ret)
{
    struct conversion c;
    const struct convert convert = {from, to, amount};
    struct question *q = shards_ask(b, &convert_type, &convert, 0);
    uint16_t code = shards_code(b, q);
    if (code == RESULT_OK) {
        shards_reply(b, q, &conversion_type, &c);
        assert_true(c.indicative && c.amount == amount);
        *ret = c.converted_amount;
    }
    shards_forget_questions(b);
    return code;
}

static void expect_conversion(struct shards_bank *b, uint16_t from, uint16_t to, u128 amount,
                              u128 converted)
{
    shards_run(b, 2 * NS_PER_S);
    for (int i = 0; i < 12; i++) {
        u128 found = 0;
        assert_int_equal(convert_once(b, from, to, amount, &found), RESULT_OK);
        assert_true(found == converted);
    }
}

static void a_rate_set_by_hand_is_shown_both_ways_and_converts_in_every_shard(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(set_by(b, "ann", "83.25", false), RESULT_OK);
    expect_rate(b, "USD", "inr", "83.25");
    expect_rate(b, "INR", "USD", "0.0120120120120");
    const struct exchange_rate rate = shown(b, "USD", "INR");
    assert_true(rate.manual && !rate.stale && !rate.has_stale_after && rate.version == 1);
    assert_true(slice_equal(rate.source, slice_of("manual")));
    assert_true(slice_equal(rate.note, slice_of("the bank's")));
    expect_conversion(b, USD, INR, 10000, 832500);
    expect_conversion(b, INR, USD, 8325000000, 100000000);
    expect_conversion(b, USD, USD, 77, 77);
}

static void a_cross_rate_goes_by_way_of_the_dollar_in_one_step(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(given_rate(b, "USDJPY", "149.30"), RESULT_OK);
    assert_int_equal(given_rate(b, "USDINR", "83.25"), RESULT_OK);
    expect_conversion(b, 392, INR, 100000, 5576021);
    assert_int_equal(given_rate(b, "EURUSD", "1.0870"), RESULT_OK);
    const struct exchange_rate rate = shown(b, "EUR", "INR");
    expect_rate(b, "EUR", "INR", "90.49275");
    assert_int_equal(rate.derived, RATE_DERIVATION_CROSS);
    assert_true(slice_equal(rate.source, slice_of("manual, manual")));
}

static void what_is_worth_less_than_the_smallest_unit_is_not_converted(void **state)
{
    struct shards_bank *b = *state;
    u128 found = 0;
    assert_int_equal(given_rate(b, "USDJPY", "149.30"), RESULT_OK);
    shards_run(b, 2 * NS_PER_S);
    assert_int_equal(convert_once(b, 392, USD, 1, &found), RESULT_AMOUNT_TOO_SMALL);
    assert_int_equal(convert_once(b, USD, 392, U128_MAX - 1, &found),
                     RESULT_CONVERTED_OUT_OF_RANGE);
    assert_int_equal(convert_once(b, EUR, INR, 100, &found), RESULT_RATE_UNKNOWN);
}

static void a_rate_is_good_until_its_limit_and_stale_a_moment_later(void **state)
{
    struct shards_bank *b = *state;
    u128 found = 0;
    assert_int_equal(observed(b, "oanda", "83.25", 298), RATE_OUTCOME_TAKEN);
    const struct rate_get get = {slice_of("USD"), slice_of("INR"), false, false};
    assert_int_equal(shards_do(b, &rate_get_type, &get), RESULT_OK);
    shards_run(b, 3 * NS_PER_S);
    assert_int_equal(shards_do(b, &rate_get_type, &get), RESULT_RATE_STALE);
    assert_true(shown(b, "USD", "INR").stale);
    assert_int_equal(convert_once(b, USD, INR, 100, &found), RESULT_RATE_STALE);
    const struct pair_now rate = {.stale_after_ns = 300 * NS_PER_S};
    assert_false(pair_stale(&rate, 300 * NS_PER_S));
    assert_true(pair_stale(&rate, 300 * NS_PER_S + 1));
}

static void an_older_observation_never_replaces_a_newer_one(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(observed(b, "oanda", "83.25", 10), RATE_OUTCOME_TAKEN);
    assert_int_equal(observed(b, "oanda", "83.30", 20), RATE_OUTCOME_OLDER);
    expect_rate(b, "USD", "INR", "83.25");
    const struct rate_observe o = {.pair = slice_of("USDINR"),
                                   .rate = rate_of("83.25"),
                                   .source = slice_of("oanda"),
                                   .observed_at = now(b) + 6 * NS_PER_S};
    assert_int_equal(shards_do(b, &rate_observe_type, &o), RESULT_RATE_FROM_FUTURE);
}

static void
what_a_person_sets_stays_until_it_is_released_then_the_providers_latest_counts(void **state)
{
    struct shards_bank *b = *state;
    const struct rate_release release = {slice_of("USDINR")};
    assert_int_equal(observed(b, "oanda", "83.25", 60), RATE_OUTCOME_TAKEN);
    assert_int_equal(set_by(b, "ann", "83.00", false), RESULT_OK);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(observed(b, "oanda", i < 9 ? "83.26" : "83.31", 50 - i),
                         RATE_OUTCOME_TAKEN);
    expect_rate(b, "USD", "INR", "83");
    expect_conversion(b, USD, INR, 10000, 830000);
    assert_int_equal(shards_do(b, &rate_release_type, &release), RESULT_OK);
    expect_rate(b, "USD", "INR", "83.31");
    expect_conversion(b, USD, INR, 10000, 833100);
    assert_int_equal(shards_do(b, &rate_release_type, &release), RESULT_RATE_NOT_MANUAL);
}

static void a_jump_of_a_provider_is_kept_aside_until_a_second_source_agrees(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(observed(b, "oanda", "83.25", 60), RATE_OUTCOME_TAKEN);
    assert_int_equal(observed(b, "oanda", "87.42", 50), RATE_OUTCOME_KEPT_ASIDE);
    assert_int_equal(observed(b, "oanda", "87.43", 49), RATE_OUTCOME_KEPT_ASIDE);
    expect_rate(b, "USD", "INR", "83.25");
    assert_int_equal(observed(b, "ecb", "87.50", 48), RATE_OUTCOME_TAKEN);
    expect_rate(b, "USD", "INR", "87.5");
    assert_int_equal(observed(b, "ecb", "91.87", 40), RATE_OUTCOME_TAKEN); /* 4.994 % */
}

static void a_stale_rate_does_not_hold_up_the_next_one(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(observed(b, "oanda", "83.25", 299), RATE_OUTCOME_TAKEN);
    shards_run(b, 2 * NS_PER_S);
    assert_int_equal(observed(b, "oanda", "99.00", 1), RATE_OUTCOME_TAKEN);
}

static void a_jump_that_is_set_by_hand_takes_a_second_person(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(set_by(b, "ann", "83.25", false), RESULT_OK);
    assert_int_equal(set_by(b, "bob", "90.00", true), RESULT_RATE_JUMP);
    assert_int_equal(set_by(b, "bob", "90.00", true), RESULT_RATE_JUMP); /* the same person */
    assert_int_equal(set_by(b, "ann", "91.00", true), RESULT_RATE_JUMP); /* another rate */
    assert_int_equal(set_by(b, "bob", "91.00", false), RESULT_RATE_JUMP);
    assert_int_equal(set_by(b, "ann", "91.00", true), RESULT_OK);
    expect_rate(b, "USD", "INR", "91");
}

static void a_rate_set_for_a_time_ends_by_itself_in_all_shards(void **state)
{
    struct shards_bank *b = *state;
    struct rate_set set = {.pair = slice_of("USDINR"),
                           .rate = rate_of("83.00"),
                           .has_valid_until = true,
                           .valid_until = now(b) + 20 * NS_PER_S};
    assert_int_equal(observed(b, "oanda", "83.25", 1), RATE_OUTCOME_TAKEN);
    assert_int_equal(shards_do(b, &rate_set_type, &set), RESULT_OK);
    expect_conversion(b, USD, INR, 10000, 830000);
    shards_run(b, 20 * NS_PER_S);
    expect_rate(b, "USD", "INR", "83.25");
    expect_conversion(b, USD, INR, 10000, 832500);
    set.valid_until = now(b);
    assert_int_equal(shards_do(b, &rate_set_type, &set), RESULT_VALID_UNTIL_OUT_OF_RANGE);
    set.valid_until = now(b) + 8 * NS_PER_DAY;
    assert_int_equal(shards_do(b, &rate_set_type, &set), RESULT_VALID_UNTIL_OUT_OF_RANGE);
}

static void what_is_no_pair_or_no_rate_is_refused(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(given_rate(b, "USDINRX", "83"), RESULT_INVALID_PAIR);
    assert_int_equal(given_rate(b, "USD-IN", "83"), RESULT_INVALID_PAIR);
    assert_int_equal(given_rate(b, "USDXXX", "83"), RESULT_RATE_CURRENCY_UNKNOWN);
    assert_int_equal(given_rate(b, "USDUSD", "83"), RESULT_CURRENCIES_EQUAL);
    assert_int_equal(given_rate(b, "USDINR", "0"), RESULT_RATE_OUT_OF_RANGE);
    assert_int_equal(given_rate(b, "USDINR", "1234567890123456789"), RESULT_RATE_OUT_OF_RANGE);
    const struct rate_get unknown = {slice_of("USD"), slice_of("INR"), false, false};
    assert_int_equal(shards_do(b, &rate_get_type, &unknown), RESULT_RATE_UNKNOWN);
    assert_int_equal(shown(b, "USD", "USD").derived, RATE_DERIVATION_IDENTITY);
    expect_rate(b, "USD", "USD", "1");
}

/* Shard 1 hears nothing of shard 0: it goes by its copy while that is young, then not at all. */
static void a_copy_that_is_too_old_is_not_gone_by(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(given_rate(b, "USDINR", "83.25"), RESULT_OK);
    expect_conversion(b, USD, INR, 10000, 832500);
    b->cut[0] = true;
    assert_int_equal(given_rate(b, "USDINR", "84"), RESULT_OK);
    shards_run(b, 30 * NS_PER_S);
    uint32_t before = 0, after = 0, refused = 0;
    u128 found = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(convert_once(b, USD, INR, 10000, &found), RESULT_OK);
        before += found == 832500;
        after += found == 840000;
    }
    assert_true(before > 0 && after > 0 && before + after == 40);
    shards_run(b, 40 * NS_PER_S);
    for (int i = 0; i < 40; i++) {
        uint16_t code = convert_once(b, USD, INR, 10000, &found);
        assert_true(code == RESULT_RATE_STALE || found == 840000);
        refused += code == RESULT_RATE_STALE;
    }
    assert_true(refused > 0 && refused < 40);
    b->cut[0] = false;
    expect_conversion(b, USD, INR, 10000, 840000);
}

static void copies_are_there_again_after_a_restart(void **state)
{
    struct shards_bank *b = *state;
    assert_int_equal(given_rate(b, "USDINR", "83.25"), RESULT_OK);
    b->cut[0] = true;
    assert_int_equal(given_rate(b, "USDINR", "84"), RESULT_OK);
    shards_restart(b);
    b->cut[0] = false;
    expect_conversion(b, USD, INR, 10000, 840000);
    for (uint16_t i = 0; i < SHARDS; i++) {
        const struct pair_copy *copy =
            registry_state_if(&shard_set_shard(b->set, i)->registry, KIND_PAIR_COPY,
                              pair_id((struct pair_name){USD, INR}));
        assert_true(copy != NULL && copy->version == 2);
        assert_null(shard_audit(shard_set_shard(b->set, i)));
    }
}

static void the_history_has_every_change_newest_first(void **state)
{
    struct shards_bank *b = *state;
    struct rate_history page;
    const struct rate_release release = {slice_of("USDINR")};
    assert_int_equal(observed(b, "oanda", "83.25", 1), RATE_OUTCOME_TAKEN);
    assert_int_equal(set_by(b, "ann", "83.00", false), RESULT_OK);
    assert_int_equal(shards_do(b, &rate_release_type, &release), RESULT_OK);
    struct rate_history_list list = {.from_currency = slice_of("USD"),
                                     .to_currency = slice_of("inr"),
                                     .has_limit = true,
                                     .limit = 2};
    struct question *q = shards_ask(b, &rate_history_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &rate_history_type, &page);
    assert_int_equal(page.observations_count, 2);
    assert_int_equal(page.observations[0].change, RATE_CHANGE_RELEASED);
    assert_false(page.observations[0].manual);
    assert_int_equal(page.observations[1].change, RATE_CHANGE_FIXED);
    assert_true(slice_equal(page.observations[1].note, slice_of("the bank's")));
    list.has_cursor = true;
    list.cursor = page.next_cursor;
    q = shards_ask(b, &rate_history_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &rate_history_type, &page);
    assert_int_equal(page.observations_count, 1);
    assert_true(page.observations[0].rate.digits == 8325 && !page.has_next_cursor);
    list.has_cursor = false;
    list.from_currency = slice_of("XXX");
    assert_int_equal(shards_do(b, &rate_history_list_type, &list), RESULT_RATE_CURRENCY_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_rate_set_by_hand_is_shown_both_ways_and_converts_in_every_shard),
        SHARDS_TEST(a_cross_rate_goes_by_way_of_the_dollar_in_one_step),
        SHARDS_TEST(what_is_worth_less_than_the_smallest_unit_is_not_converted),
        SHARDS_TEST(a_rate_is_good_until_its_limit_and_stale_a_moment_later),
        SHARDS_TEST(an_older_observation_never_replaces_a_newer_one),
        SHARDS_TEST(what_a_person_sets_stays_until_it_is_released_then_the_providers_latest_counts),
        SHARDS_TEST(a_jump_of_a_provider_is_kept_aside_until_a_second_source_agrees),
        SHARDS_TEST(a_stale_rate_does_not_hold_up_the_next_one),
        SHARDS_TEST(a_jump_that_is_set_by_hand_takes_a_second_person),
        SHARDS_TEST(a_rate_set_for_a_time_ends_by_itself_in_all_shards),
        SHARDS_TEST(what_is_no_pair_or_no_rate_is_refused),
        SHARDS_TEST(a_copy_that_is_too_old_is_not_gone_by),
        SHARDS_TEST(copies_are_there_again_after_a_restart),
        SHARDS_TEST(the_history_has_every_change_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
