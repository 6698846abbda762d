/* SPDX-License-Identifier: Apache-2.0 */
/* What a client leaves out is not the same as zero or the greatest number. */
#include "tests/unit/ledger_fixture.h"

#define POST TRANSFER_FLAGS_POST_PENDING
#define VOID TRANSFER_FLAGS_VOID_PENDING
#define PENDING TRANSFER_FLAGS_PENDING
#define HELD 20
#define NOTED 7

/* Transfer 10 holds HELD between accounts 1 and 2, and has user data. */
static void given_pending(struct bank *b)
{
    given_two_accounts(b);
    struct transfer_spec s = with_flags(spec_of(10, 1, 2, HELD), PENDING);
    s.has_user_data_64 = true;
    s.user_data_64 = NOTED;
    given_transfer(b, s);
}

static struct transfer_spec with_amount(struct transfer_spec s, u128 amount)
{
    s.has_amount = true;
    s.amount = amount;
    return s;
}

static void only_without_an_amount_all_of_it_is_posted_or_voided(void **state)
{
    struct bank *b = *state;
    given_pending(b);
    for (uint32_t flag = POST; flag <= VOID; flag <<= 1) {
        struct transfer_spec s = resolving(11, 10, WHOLE, flag);
        assert_int_equal(transfer(b, with_amount(s, 0)), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
        assert_int_equal(transfer(b, with_amount(s, U128_MAX)),
                         RESULT_EXCEEDS_PENDING_TRANSFER_AMOUNT);
    }
    given_transfer(b, resolving(11, 10, WHOLE, POST));
    expect_counters(b, 1, 0, HELD, 0, 0);
    assert_int_equal(transfer(b, with_amount(resolving(11, 10, WHOLE, POST), HELD)),
                     RESULT_EXISTS);
    assert_int_equal(transfer(b, with_amount(resolving(11, 10, WHOLE, POST), U128_MAX)),
                     RESULT_EXISTS_WITH_DIFFERENT_AMOUNT);
}

static void user_data_of_zero_is_not_that_of_the_pending_transfer(void **state)
{
    struct bank *b = *state;
    given_pending(b);
    struct transfer_spec s = resolving(11, 10, 5, POST | TRANSFER_FLAGS_KEEP_REMAINDER);
    s.has_user_data_64 = true;
    given_transfer(b, s);
    assert_true(show_transfer(b, id_of(11)).user_data_64 == 0);
    s.user_data_64 = NOTED;
    assert_int_equal(transfer(b, s), RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64);
    given_transfer(b, resolving(12, 10, 5, POST));
    assert_true(show_transfer(b, id_of(12)).user_data_64 == NOTED);
}

static uint16_t balance(struct bank *b, bool has_amount, u128 amount)
{
    struct transaction_leg leg = {.debit_account_id = id_of(3),
                                  .credit_account_id = id_of(2),
                                  .has_amount = has_amount,
                                  .amount = amount,
                                  .currency = USD,
                                  .has_flags = true,
                                  .flags = TRANSFER_FLAGS_BALANCING_DEBIT};
    struct transaction_create c = {.legs = &leg, .legs_count = 1};
    return bank_ask(b, teller(), &transaction_create_type, &c);
}

static void only_without_an_amount_a_leg_takes_what_is_there(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_transfer(b, spec_of(10, 1, 3, 9));
    assert_int_equal(balance(b, true, 0), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    assert_int_equal(balance(b, true, 4), RESULT_OK);
    assert_int_equal(balance(b, false, 0), RESULT_OK);
    expect_counters(b, 3, 0, 9, 0, 9);
}

/* None was imported before, so none can be too late. */
static void the_first_import_may_be_of_1970(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct account_spec old = {.id = id_of(3), .currency = USD, .code = 100,
                               .flags = ACCOUNT_FLAGS_IMPORTED, .has_effective_time = true};
    assert_int_equal(open_as(b, teller(), old), RESULT_OK);
    old.id = id_of(4);
    assert_int_equal(open_as(b, teller(), old),
                     RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    old.effective_time = 1;
    assert_int_equal(open_as(b, teller(), old), RESULT_OK);
}

static void a_transfer_without_a_timeout_stays_pending(void **state)
{
    struct bank *b = *state;
    given_pending(b);
    given_transfer(b, with_timeout(with_flags(spec_of(11, 1, 2, 1), PENDING), 1));
    bank_wait(b, NS_PER_DAY);
    bank_restart(b);
    assert_int_equal(show_transfer(b, id_of(11)).status, TRANSFER_STATUS_EXPIRED);
    struct transfer_info info = show_transfer(b, id_of(10));
    assert_int_equal(info.status, TRANSFER_STATUS_PENDING);
    assert_false(info.has_expires_time);
    assert_int_equal(transfer(b, with_timeout(with_flags(spec_of(10, 1, 2, HELD), PENDING), 1)),
                     RESULT_EXISTS_WITH_DIFFERENT_TIMEOUT);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, bank_setup, bank_teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(only_without_an_amount_all_of_it_is_posted_or_voided),
        SCENARIO(user_data_of_zero_is_not_that_of_the_pending_transfer),
        SCENARIO(only_without_an_amount_a_leg_takes_what_is_there),
        SCENARIO(the_first_import_may_be_of_1970),
        SCENARIO(a_transfer_without_a_timeout_stays_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
