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

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_opening_is_compared_with_what_was_asked_for_then),
        LEDGER_TEST(test_a_plain_account_stays_known_as_it_was_opened),
        LEDGER_TEST(test_an_update_without_a_difference_makes_no_version),
        LEDGER_TEST(test_a_refused_limit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
