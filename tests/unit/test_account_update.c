/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of an account, and what of it is still known as it was asked for. */
#include "tests/unit/ledger_fixture.h"

/* What an account was opened with stays known, whatever became of it since. */
static void test_opening_is_compared_with_what_was_asked_for_then(void **state)
{
    struct bank *b = *state;
    struct metadata_pair pairs[] = {{slice_of("team"), slice_of("north")},
                                    {slice_of("desk"), slice_of("7")}};
    struct metadata_pair turned[] = {pairs[1], pairs[0]};
    struct account_create c = {.has_account_id = true,
                               .account_id = id_of(1),
                               .currency = USD,
                               .code = 7,
                               .has_name = true,
                               .name = slice_of("Till"),
                               .has_owner = true,
                               .owner = slice_of("shop"),
                               .has_credit_balance_max = true,
                               .credit_balance_max = 500,
                               .has_metadata = true,
                               .metadata = {pairs, 2}};
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    struct account_update u = {.account_id = id_of(1),
                               .has_name = true,
                               .name = slice_of("Drawer"),
                               .has_remove_limits = true,
                               .remove_limits = ACCOUNT_LIMITS_CREDIT_BALANCE_MAX,
                               .has_metadata = true};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    bank_restart(b);
    c.metadata.items = turned;
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    struct account_create other = c;
    other.name = slice_of("Drawer");
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_NAME);
    other = c;
    other.has_credit_balance_max = false;
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_LIMITS);
    other = c;
    other.owner = slice_of("shops");
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_OWNER);
    other = c;
    other.metadata.count = 1;
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_METADATA);
}

/* Each thing that few accounts have, by itself: shown, and known when it is opened again. */
static void test_one_thing_of_an_account_is_kept_alone(void **state)
{
    struct bank *b = *state;
    struct metadata_pair pair = {slice_of("team"), slice_of("north")};
    const struct account_create cases[] = {
        {.has_user_data_128 = true, .user_data_128 = (u128)1 << 64},
        {.has_user_data_64 = true, .user_data_64 = 1},
        {.has_user_data_32 = true, .user_data_32 = 1},
        {.has_debit_balance_max = true, .debit_balance_max = 0},
        {.has_credit_balance_max = true, .credit_balance_max = 0},
        {.has_credit_balance_min = true, .credit_balance_min = 0},
        {.has_name = true, .name = slice_of("n")},
        {.has_owner = true, .owner = slice_of("o")},
        {.has_metadata = true, .metadata = {&pair, 1}},
        {.metadata = {&pair, 1}}, /* absent, whatever its bytes are */
    };
    for (int times = 0; times < 2; times++) {
        for (size_t i = 0; i < array_len(cases); i++) {
            struct account_create c = cases[i];
            c.has_account_id = true;
            c.account_id = id_of(1 + i);
            c.currency = USD;
            c.code = 7;
            assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
            struct account_info a = show(b, 1 + i);
            assert_true(a.user_data_128 == c.user_data_128);
            assert_int_equal(a.user_data_64, c.user_data_64);
            assert_int_equal(a.user_data_32, c.user_data_32);
            assert_int_equal(a.has_debit_balance_max, c.has_debit_balance_max);
            assert_int_equal(a.has_credit_balance_max, c.has_credit_balance_max);
            assert_int_equal(a.has_credit_balance_min, c.has_credit_balance_min);
            assert_int_equal(a.has_name, c.has_name);
            assert_int_equal(a.has_owner, c.has_owner);
            assert_int_equal(a.metadata.count, c.has_metadata ? 1 : 0);
        }
        bank_restart(b);
    }
}

/* An account that had nothing beside its currency is known as that too. */
static void test_a_plain_account_stays_known_as_it_was_opened(void **state)
{
    struct bank *b = *state;
    struct account_create c = {
        .has_account_id = true, .account_id = id_of(1), .currency = USD, .code = 7};
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    struct account_update u = {.account_id = id_of(1), .has_name = true, .name = slice_of("Till")};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    c.has_name = true;
    c.name = slice_of("Till");
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c),
                     RESULT_EXISTS_WITH_DIFFERENT_NAME);
}

static void test_an_update_without_a_difference_makes_no_version(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct metadata_pair pairs[] = {{slice_of("team"), slice_of("north")},
                                    {slice_of("desk"), slice_of("7")}};
    struct account_update u = {.account_id = id_of(1)};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    assert_int_equal(show(b, 1).version, 1);
    u.has_metadata = u.has_credit_balance_max = true;
    u.metadata = (struct metadata){pairs, 2};
    u.credit_balance_max = money("7");
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    struct metadata_pair turned[] = {pairs[1], pairs[0]};
    u.metadata.items = turned;
    u.credit_balance_max = money("7.00");
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    assert_int_equal(show(b, 1).version, 2);
    u.metadata.count = 1;
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    assert_int_equal(show(b, 1).version, 3);
}

static void test_a_refused_limit_is_named(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct account_update u = {.account_id = id_of(1),
                               .has_credit_balance_min = true,
                               .credit_balance_min = money("0.005")};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_AMOUNT_TOO_PRECISE);
    expect_field(b, "credit_balance_min");
    u.has_credit_balance_max = true;
    u.credit_balance_max = money("9999999999999999999999999999999999999");
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_AMOUNT_OUT_OF_RANGE);
    expect_field(b, "credit_balance_max");
}

/* One limit changes and the others stay; without a difference there is no new version. */
static void expect_limits(struct bank *b, struct account_update u, uint64_t version, u128 debit_max,
                          u128 credit_max, u128 credit_min)
{
    u.account_id = id_of(1);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
        struct account_info a = show(b, 1);
        assert_int_equal(a.version, version);
        assert_int_equal(a.has_debit_balance_max, debit_max != 0);
        assert_int_equal(a.has_credit_balance_max, credit_max != 0);
        assert_int_equal(a.has_credit_balance_min, credit_min != 0);
        assert_true(a.debit_balance_max == debit_max);
        assert_true(a.credit_balance_max == credit_max);
        assert_true(a.credit_balance_min == credit_min);
    }
}

static struct account_update removing(uint32_t limits)
{
    return (struct account_update){.has_remove_limits = true, .remove_limits = limits};
}

static void test_each_limit_changes_by_itself(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct account_update debit = {.has_debit_balance_max = true, .debit_balance_max = money("1")},
                          most = {.has_credit_balance_max = true, .credit_balance_max = money("7")},
                          least = {.has_credit_balance_min = true,
                                   .credit_balance_min = money("3")};
    expect_limits(b, debit, 2, 100, 0, 0);
    debit.debit_balance_max = money("2");
    expect_limits(b, debit, 3, 200, 0, 0);
    expect_limits(b, removing(ACCOUNT_LIMITS_CREDIT_BALANCE_MAX), 3, 200, 0, 0);
    expect_limits(b, removing(ACCOUNT_LIMITS_DEBIT_BALANCE_MAX), 4, 0, 0, 0);
    expect_limits(b, most, 5, 0, 700, 0);
    expect_limits(b, least, 6, 0, 700, 300);
    most.credit_balance_max = money("3"); /* no more than the least: it is allowed */
    expect_limits(b, most, 7, 0, 300, 300);
    least.credit_balance_min = money("2.99");
    expect_limits(b, least, 8, 0, 300, 299);
    bank_restart(b);
    expect_limits(b, removing(ACCOUNT_LIMITS_CREDIT_BALANCE_MAX), 9, 0, 0, 299);
    expect_limits(b, removing(ACCOUNT_LIMITS_CREDIT_BALANCE_MIN), 10, 0, 0, 0);
}

static void test_balancing_leaves_what_the_account_must_keep(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_transfer(b, spec_of(10, 2, 3, 80));
    struct account_update least = {.account_id = id_of(3),
                                   .has_credit_balance_min = true,
                                   .credit_balance_min = money("0.50")};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &least), RESULT_OK);
    given_transfer(b, with_flags(spec_of(11, 3, 2, 100), TRANSFER_FLAGS_BALANCING_DEBIT));
    expect_counters(b, 3, 0, 30, 0, 80);
}

/* Limits that no balance can keep, or that a flag of the account already settles. */
static void test_limits_that_contradict_are_refused(void **state)
{
    struct bank *b = *state;
    const uint32_t no_debit = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS,
                   no_credit = ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS;
    const struct {
        uint32_t flags;
        const char *debit_max, *credit_max, *credit_min;
        uint16_t code;
    } cases[] = {
        {0, NULL, "1", "1.01", RESULT_LIMITS_CONTRADICT},
        {0, NULL, "0", "0.01", RESULT_LIMITS_CONTRADICT},
        {0, NULL, "1", "1", RESULT_OK},
        {0, "0.01", NULL, "0.01", RESULT_LIMITS_CONTRADICT},
        {0, "0.01", "5", "0", RESULT_OK},
        {0, "0", NULL, "0.01", RESULT_OK},
        {no_debit, "0.01", NULL, NULL, RESULT_LIMITS_CONTRADICT},
        {no_debit, "0", "1", "1", RESULT_OK},
        {no_credit, NULL, "0.01", NULL, RESULT_LIMITS_CONTRADICT},
        {no_credit, NULL, NULL, "0.01", RESULT_LIMITS_CONTRADICT},
        {no_credit, "5", "0", "0", RESULT_OK},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        given_account(b, 1 + i, USD, cases[i].flags);
        struct account_update u = {.account_id = id_of(1 + i),
                                   .has_debit_balance_max = cases[i].debit_max != NULL,
                                   .has_credit_balance_max = cases[i].credit_max != NULL,
                                   .has_credit_balance_min = cases[i].credit_min != NULL};
        if (u.has_debit_balance_max)
            u.debit_balance_max = money(cases[i].debit_max);
        if (u.has_credit_balance_max)
            u.credit_balance_max = money(cases[i].credit_max);
        if (u.has_credit_balance_min)
            u.credit_balance_min = money(cases[i].credit_min);
        assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), cases[i].code);
    }
}

/* A closed account stays as it is; another currency is a mistake of the caller. */
static void test_updates_that_do_not_fit_the_account(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct account_update u = {.account_id = id_of(1),
                               .has_name = true,
                               .name = slice_of("Till"),
                               .has_currency = true,
                               .currency = EUR};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_CURRENCY_MISMATCH);
    u.currency = USD;
    assert_int_equal(bank_ask(b, someone("other", "x"), &account_update_type, &u),
                     RESULT_NOT_FOUND);
    struct account_close close = {.account_id = id_of(1)};
    assert_int_equal(bank_ask(b, teller(), &account_close_type, &close), RESULT_OK);
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_ACCOUNT_CLOSED);
    assert_false(show(b, 1).has_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_opening_is_compared_with_what_was_asked_for_then),
        LEDGER_TEST(test_one_thing_of_an_account_is_kept_alone),
        LEDGER_TEST(test_a_plain_account_stays_known_as_it_was_opened),
        LEDGER_TEST(test_an_update_without_a_difference_makes_no_version),
        LEDGER_TEST(test_a_refused_limit_is_named),
        LEDGER_TEST(test_each_limit_changes_by_itself),
        LEDGER_TEST(test_balancing_leaves_what_the_account_must_keep),
        LEDGER_TEST(test_limits_that_contradict_are_refused),
        LEDGER_TEST(test_updates_that_do_not_fit_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
