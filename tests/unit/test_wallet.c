/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets: opening, moving money, holds, limits, freezing, closing, who sees what, lists. */
#include "tests/unit/wallet_fixture.h"

#include "actors/wallet/funds.h"
#include "actors/wallet/wallet.h"
#include "schemas/ledger.h"
#include "runtime/base/time.h"

/* --- opening ---------------------------------------------------------------------------------- */

static void test_an_owner_has_one_wallet_per_currency(void **state)
{
    struct bank *b = *state;
    struct id128 first = open_wallet(b, person("alice"), USD);
    struct wallet_open again = {.currency = USD};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_open_type, &again),
                     RESULT_WALLET_EXISTS);
    struct wallet_reference named;
    bank_reply(b, &wallet_reference_type, &named);
    assert_true(id128_equal(named.wallet_id, first));
    struct id128 yen = open_wallet(b, person("alice"), JPY);
    struct id128 bob = open_wallet(b, person("bob"), USD);
    assert_false(id128_equal(yen, first) || id128_equal(bob, first));
    struct wallet_info info = show_wallet(b, first);
    assert_true(slice_equal(info.user_id, slice_of("alice")));
    assert_int_equal(info.status, WALLET_STATUS_ACTIVE);
    assert_true(info.balance == 0 && info.open_holds == 0);
}

static void test_only_a_clerk_opens_for_others(void **state)
{
    struct bank *b = *state;
    struct wallet_open open = {
        .currency = USD, .has_user_id = true, .user_id = slice_of("alice")};
    assert_int_equal(bank_ask(b, person("bob"), &wallet_open_type, &open),
                     RESULT_INSUFFICIENT_SCOPE);
    assert_int_equal(bank_ask(b, clerk(), &wallet_open_type, &open), RESULT_OK);
    struct wallet_info info;
    bank_reply(b, &wallet_info_type, &info);
    struct wallet_get get = {.wallet_id = info.wallet_id};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_get_type, &get), RESULT_OK);
    open.user_id = slice_of("alice");
    assert_int_equal(bank_ask(b, person("alice"), &wallet_open_type, &open),
                     RESULT_WALLET_EXISTS);
    open.currency = 1;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_open_type, &open),
                     RESULT_CURRENCY_UNKNOWN);
}

static void test_metadata_comes_back_after_a_restart(void **state)
{
    struct bank *b = *state;
    struct metadata_pair pairs[] = {{slice_of("team"), slice_of("red")},
                                    {slice_of("empty"), {"", 0}}};
    struct wallet_open open = {
        .currency = USD, .has_metadata = true, .metadata = {pairs, array_len(pairs)}};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_open_type, &open), RESULT_OK);
    struct wallet_info info;
    bank_reply(b, &wallet_info_type, &info);
    for (int restarts = 0; restarts < 2; restarts++) {
        struct wallet_info now = show_wallet(b, info.wallet_id);
        assert_int_equal(now.metadata.count, 2);
        assert_true(slice_equal(now.metadata.items[0].value, slice_of("red")));
        assert_true(now.version == info.version);
        bank_restart(b);
    }
}

/* --- moving ----------------------------------------------------------------------------------- */

static void test_money_comes_moves_and_leaves(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100.00");
    struct id128 bob = given_wallet(b, "bob", NULL);
    assert_int_equal(transfer(b, "alice", alice, bob, "30.5"), RESULT_OK);
    struct wallet_transaction done;
    bank_reply(b, &wallet_transaction_type, &done);
    assert_int_equal(done.type, WALLET_TRANSACTION_TYPE_TRANSFER_OUT);
    assert_true(done.amount == 3050 && done.balance == 6950);
    assert_true(id128_equal(done.counterparty_wallet_id, bob));
    assert_int_equal(withdraw(b, "bob", bob, "10"), RESULT_OK);
    expect_wallet(b, alice, 6950, 0);
    expect_wallet(b, bob, 2050, 0);
    bank_restart(b);
    expect_wallet(b, alice, 6950, 0);
    expect_wallet(b, bob, 2050, 0);
}

static void test_refused_moves_change_nothing(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100.00");
    struct id128 bob = given_wallet(b, "bob", NULL);
    struct id128 yen = open_wallet(b, person("bob"), JPY);
    struct id128 nobody = {1, 0};
    struct id128 closed = given_wallet(b, "carol", NULL), stranger_wallet;
    struct wallet_open open = {.currency = USD};
    const struct wallet_close close = {.wallet_id = closed};
    assert_int_equal(bank_ask(b, clerk(), &wallet_close_type, &close), RESULT_OK);
    assert_int_equal(bank_ask(b, someone("other", "alice"), &wallet_open_type, &open), RESULT_OK);
    struct wallet_info info;
    bank_reply(b, &wallet_info_type, &info);
    stranger_wallet = info.wallet_id;
    const struct {
        const char *who;
        struct id128 from, to;
        const char *amount;
        uint16_t code;
    } cases[] = {
        {"alice", alice, bob, "100.01", RESULT_EXCEEDS_CREDITS},
        {"alice", alice, bob, "0", RESULT_AMOUNT_MUST_NOT_BE_ZERO},
        {"alice", alice, bob, "0.001", RESULT_AMOUNT_TOO_PRECISE},
        {"alice", alice, bob, "340282366920938463463374607431768211455",
         RESULT_AMOUNT_OUT_OF_RANGE},
        {"alice", alice, alice, "1", RESULT_DESTINATION_IS_SOURCE},
        {"alice", alice, nobody, "1", RESULT_DESTINATION_NOT_FOUND},
        {"alice", alice, stranger_wallet, "1", RESULT_DESTINATION_NOT_FOUND},
        {"alice", alice, yen, "1", RESULT_CURRENCY_MISMATCH},
        /* who cannot pay learns nothing of the wallet they name */
        {"alice", alice, nobody, "100.01", RESULT_EXCEEDS_CREDITS},
        {"alice", alice, stranger_wallet, "100.01", RESULT_EXCEEDS_CREDITS},
        {"alice", alice, yen, "100.01", RESULT_EXCEEDS_CREDITS},
        {"alice", alice, closed, "100.01", RESULT_EXCEEDS_CREDITS},
        {"alice", alice, closed, "100.00", RESULT_DESTINATION_CLOSED},
        {"bob", alice, bob, "1", RESULT_NOT_FOUND},
        {"bob", nobody, bob, "1", RESULT_NOT_FOUND},
    };
    uint64_t before = show_wallet(b, alice).version;
    for (size_t i = 0; i < array_len(cases); i++)
        assert_int_equal(transfer(b, cases[i].who, cases[i].from, cases[i].to, cases[i].amount),
                         cases[i].code);
    assert_int_equal(withdraw(b, "alice", alice, "100.01"), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(withdraw(b, "bob", alice, "1"), RESULT_NOT_FOUND);
    struct id128 id;
    assert_int_equal(hold(b, "alice", alice, "100.01", &id), RESULT_EXCEEDS_CREDITS);
    struct wallet_fund wrong = {
        .wallet_id = alice, .amount = money("1"), .has_currency = true, .currency = JPY};
    assert_int_equal(bank_ask(b, clerk(), &wallet_fund_type, &wrong), RESULT_CURRENCY_MISMATCH);
    assert_true(show_wallet(b, alice).version == before);
    expect_wallet(b, alice, 10000, 0);
}

static void test_a_first_withdrawal_that_is_refused_opens_no_clearing(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", NULL);
    struct account_get clearing = {bank_clearing(b, person("alice").tenant_id, USD)};
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(bank_ask(b, clerk(), &account_get_type, &clearing), RESULT_NOT_FOUND);
    assert_int_equal(fund(b, alice, "1"), RESULT_OK);
    assert_int_equal(bank_ask(b, clerk(), &account_get_type, &clearing), RESULT_OK);
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_OK);
    expect_wallet(b, alice, 0, 0);
}

static uint16_t update(struct bank *b, const char *who, struct id128 wallet, struct metadata pairs)
{
    struct wallet_update body = {.wallet_id = wallet, .has_metadata = true, .metadata = pairs};
    return bank_ask(b, person(who), &wallet_update_type, &body);
}

static void test_the_owner_changes_the_pairs_of_a_wallet(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", NULL);
    struct metadata_pair pair = {slice_of("colour"), slice_of("blue")};
    uint64_t version = show_wallet(b, alice).version;
    assert_int_equal(update(b, "bob", alice, (struct metadata){&pair, 1}), RESULT_NOT_FOUND);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(update(b, "alice", alice, (struct metadata){&pair, 1}), RESULT_OK);
        struct wallet_info info = show_wallet(b, alice);
        assert_int_equal(info.version, version + 1);
        assert_int_equal(info.metadata.count, 1);
        assert_true(slice_equal(info.metadata.items[0].value, slice_of("blue")));
        bank_restart(b);
    }
    struct wallet_update nothing = {.wallet_id = alice};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_update_type, &nothing), RESULT_OK);
    assert_int_equal(show_wallet(b, alice).version, version + 1);
    assert_int_equal(update(b, "alice", alice, (struct metadata){NULL, 0}), RESULT_OK);
    assert_int_equal(show_wallet(b, alice).metadata.count, 0);
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_OK);
    assert_int_equal(update(b, "alice", alice, (struct metadata){&pair, 1}),
                     RESULT_WALLET_CLOSED);
}

static void test_if_match_must_name_the_current_version(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "10");
    struct id128 bob = given_wallet(b, "bob", NULL);
    uint64_t version = show_wallet(b, alice).version;
    b->if_match = version + 1;
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_PRECONDITION);
    b->if_match = version;
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_OK);
    assert_true(b->message.version == 0); /* a movement has no versions, its wallet a new one */
    assert_true(show_wallet(b, alice).version > version);
    b->if_match = version;
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_PRECONDITION);
    b->if_none_match = version + 1;
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_PRECONDITION);
    expect_wallet(b, alice, 900, 0);
    b->if_none_match = version;
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_OK);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void test_limits_are_refused_by_name_and_changed_by_difference(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", NULL);
    assert_int_equal(set_limits(b, alice, "50.005", "100"), RESULT_AMOUNT_TOO_PRECISE);
    expect_field(b, "per_transaction");
    assert_int_equal(set_limits(b, alice, "50", "0"), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    expect_field(b, "per_day");
    assert_int_equal(set_limits(b, alice, "50", "40"), RESULT_PER_DAY_BELOW_PER_TRANSACTION);
    expect_field(b, "per_day");
    assert_int_equal(set_limits(b, alice, "50", NULL), RESULT_OK);
    uint64_t version = show_wallet(b, alice).version;
    assert_int_equal(set_limits(b, alice, "50.00", NULL), RESULT_OK);
    assert_true(show_wallet(b, alice).version == version);
    assert_int_equal(set_limits(b, alice, "50", "50"), RESULT_OK);
    assert_true(show_wallet(b, alice).version == version + 1);
}

static void test_limits_per_transaction_and_day(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "1000");
    struct id128 bob = given_wallet(b, "bob", NULL);
    assert_int_equal(transfer(b, "alice", alice, bob, "20"), RESULT_OK);
    assert_int_equal(set_limits(b, alice, "50", "100"), RESULT_OK);
    assert_int_equal(transfer(b, "alice", alice, bob, "50.01"),
                     RESULT_PER_TRANSACTION_LIMIT_EXCEEDED);
    assert_int_equal(transfer(b, "alice", alice, bob, "50"), RESULT_OK);
    assert_int_equal(withdraw(b, "alice", alice, "30.01"), RESULT_DAILY_LIMIT_EXCEEDED);
    assert_int_equal(withdraw(b, "alice", alice, "30"), RESULT_OK);
    assert_int_equal(transfer(b, "alice", alice, bob, "0.01"), RESULT_DAILY_LIMIT_EXCEEDED);
    assert_true(show_wallet(b, alice).spent_today == 10000);
    bank_restart(b);
    assert_int_equal(transfer(b, "alice", alice, bob, "0.01"), RESULT_DAILY_LIMIT_EXCEEDED);
    bank_wait(b, NS_PER_DAY);
    assert_true(show_wallet(b, alice).spent_today == 0);
    assert_int_equal(transfer(b, "alice", alice, bob, "50"), RESULT_OK);
    assert_int_equal(set_limits(b, alice, NULL, NULL), RESULT_OK);
    assert_int_equal(transfer(b, "alice", alice, bob, "500"), RESULT_OK);
    assert_int_equal(set_limits(b, alice, "0", NULL), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
}

static void test_a_day_allows_no_less_than_one_transaction(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "1000");
    assert_int_equal(set_limits(b, alice, "60", "80"), RESULT_OK);
    uint64_t version = show_wallet(b, alice).version;
    assert_int_equal(set_limits(b, alice, "50.01", "50"), RESULT_PER_DAY_BELOW_PER_TRANSACTION);
    struct wallet_info kept = show_wallet(b, alice);
    assert_true(kept.version == version && kept.per_transaction == 6000 && kept.per_day == 8000);
    assert_int_equal(set_limits(b, alice, "50", "50"), RESULT_OK);
    assert_int_equal(set_limits(b, alice, NULL, "20"), RESULT_OK);
    assert_int_equal(set_limits(b, alice, "50", NULL), RESULT_OK);
}

static void test_what_goes_back_returns_its_allowance(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "1000");
    assert_int_equal(set_limits(b, alice, NULL, "100"), RESULT_OK);
    struct id128 first, second;
    assert_int_equal(hold(b, "alice", alice, "80", &first), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "30", &second), RESULT_DAILY_LIMIT_EXCEEDED);
    assert_int_equal(capture(b, "alice", alice, first, (struct capture){"30", true, {0, 0}}),
                     RESULT_OK);
    assert_true(show_wallet(b, alice).spent_today == 3000);
    assert_int_equal(hold(b, "alice", alice, "70", &second), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, second), RESULT_OK);
    assert_true(show_wallet(b, alice).spent_today == 3000);
    assert_int_equal(hold(b, "alice", alice, "70", &second), RESULT_OK);
    bank_wait(b, NS_PER_DAY);
    assert_int_equal(withdraw(b, "alice", alice, "10"), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, second), RESULT_OK);
    assert_true(show_wallet(b, alice).spent_today == 1000);
}

static void test_a_counter_stays_full_rather_than_wrap(void **state)
{
    (void)state;
    struct limit l = {.has_per_day = false};
    limit_use(&l, U128_MAX - 1, 5 * LIMIT_DAY_NS);
    limit_use(&l, 10, 5 * LIMIT_DAY_NS + 1);
    assert_true(limit_spent(&l, 6 * LIMIT_DAY_NS - 1) == U128_MAX);
    assert_true(limit_spent(&l, 6 * LIMIT_DAY_NS) == 0);
    l.has_per_day = true;
    l.per_day = 100;
    assert_int_equal(limit_check(&l, 1, 5 * LIMIT_DAY_NS), RESULT_DAILY_LIMIT_EXCEEDED);
    assert_int_equal(limit_check(&l, 100, 6 * LIMIT_DAY_NS), RESULT_OK);
}

/* --- holds ------------------------------------------------------------------------------------ */

static void test_a_hold_is_captured_in_parts(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 shop = given_wallet(b, "shop", NULL);
    struct id128 id;
    assert_int_equal(hold(b, "alice", alice, "60", &id), RESULT_OK);
    expect_wallet(b, alice, 10000, 6000);
    assert_int_equal(transfer(b, "alice", alice, shop, "40.01"), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"10", false, shop}),
                     RESULT_OK);
    expect_wallet(b, alice, 9000, 5000);
    expect_wallet(b, shop, 1000, 0);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_PARTIALLY_CAPTURED);
    bank_restart(b);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"20", false, {0, 0}}),
                     RESULT_OK);
    expect_wallet(b, alice, 7000, 3000);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"30.01", false, shop}),
                     RESULT_CAPTURE_EXCEEDS_HOLD);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"5", true, shop}),
                     RESULT_OK);
    expect_wallet(b, alice, 6500, 0);
    expect_wallet(b, shop, 1500, 0);
    struct wallet_hold_info info = show_hold(b, alice, id);
    assert_int_equal(info.status, HOLD_STATUS_CAPTURED);
    assert_true(info.captured_amount == 3500 && info.remaining_amount == 0);
    assert_int_equal(release(b, "alice", alice, id), RESULT_HOLD_NOT_OPEN);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){NULL, false, {0, 0}}),
                     RESULT_HOLD_NOT_OPEN);
    assert_int_equal(show_wallet(b, alice).open_holds, 0);
}

/* Of what a capture needs some is in memory, and the rest is loaded first. */
static void test_a_capture_waits_for_what_is_loaded(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), shop = given_wallet(b, "shop", NULL), id;
    assert_int_equal(hold(b, "alice", alice, "60", &id), RESULT_OK);
    for (uint64_t known = 0; known < 3; known++) {
        bank_wait(b, NS_PER_S);
        bank_restart(b);
        if (known == 1)
            show_hold(b, alice, id);
        if (known == 2)
            show_wallet(b, shop);
        assert_int_equal(capture(b, "alice", alice, id, (struct capture){"10", false, shop}),
                         RESULT_OK);
        expect_wallet(b, shop, 1000 * (known + 1), 0);
    }
}

static void test_a_capture_that_cannot_go_on_changes_nothing(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 closed = given_wallet(b, "shop", NULL);
    struct id128 yen = open_wallet(b, person("shop"), JPY);
    assert_int_equal(close_wallet(b, "shop", closed), RESULT_OK);
    struct id128 id;
    assert_int_equal(hold(b, "alice", alice, "60", &id), RESULT_OK);
    const struct {
        struct id128 to;
        uint16_t code;
    } cases[] = {
        {closed, RESULT_DESTINATION_CLOSED},
        {yen, RESULT_CURRENCY_MISMATCH},
        {alice, RESULT_DESTINATION_IS_SOURCE},
        {{7, 0}, RESULT_DESTINATION_NOT_FOUND},
    };
    for (size_t i = 0; i < array_len(cases); i++)
        assert_int_equal(capture(b, "alice", alice, id, (struct capture){"1", true, cases[i].to}),
                         cases[i].code);
    assert_int_equal(capture(b, "alice", closed, id, (struct capture){"1", true, {0, 0}}),
                     RESULT_NOT_FOUND);
    assert_int_equal(release(b, "shop", alice, id), RESULT_NOT_FOUND);
    expect_wallet(b, alice, 10000, 6000);
}

static void test_a_hold_expires_by_itself(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    assert_int_equal(set_limits(b, alice, NULL, "100"), RESULT_OK);
    struct wallet_hold_create body = {
        .wallet_id = alice, .amount = money("60"), .has_expires_in_s = true, .expires_in_s = 60};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_create_type, &body), RESULT_OK);
    struct wallet_hold_info info;
    bank_reply(b, &wallet_hold_info_type, &info);
    assert_int_equal(info.expires_at - info.created_at, 60 * NS_PER_S);
    bank_wait(b, 59 * NS_PER_S);
    expect_wallet(b, alice, 10000, 6000);
    bank_restart(b);
    bank_wait(b, 2 * NS_PER_S);
    expect_wallet(b, alice, 10000, 0);
    assert_int_equal(show_hold(b, alice, info.hold_id).status, HOLD_STATUS_EXPIRED);
    assert_true(show_wallet(b, alice).spent_today == 0);
    assert_int_equal(show_wallet(b, alice).open_holds, 0);
}

/* 60 dollars for a minute. */
static struct id128 hold_briefly(struct bank *b, struct id128 wallet)
{
    struct wallet_hold_create body = {.wallet_id = wallet,
                                      .amount = money("60"),
                                      .has_expires_in_s = true,
                                      .expires_in_s = 60};
    struct wallet_hold_info info;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_create_type, &body), RESULT_OK);
    bank_reply(b, &wallet_hold_info_type, &info);
    return info.hold_id;
}

/* The store failed when its time came: the capture is there before the timeout is. */
static void test_what_has_expired_is_not_captured(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), id = hold_briefly(b, alice);
    bank_wait_unread(b, 60 * NS_PER_S);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"10", false, {0, 0}}),
                     RESULT_HOLD_NOT_OPEN);
    bank_wait(b, 20 * NS_PER_S);
    expect_wallet(b, alice, 10000, 0);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_EXPIRED);
}

static uint16_t extend(struct bank *b, const char *who, struct id128 wallet, struct id128 id,
                       uint32_t seconds)
{
    struct wallet_hold_extend body = {.hold_id = id,
                                      .wallet_id = wallet,
                                      .has_expires_in_s = seconds != 0,
                                      .expires_in_s = seconds};
    return bank_ask(b, person(who), &wallet_hold_extend_type, &body);
}

static void test_a_hold_expires_at_its_time_not_after_it(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), id = hold_briefly(b, alice);
    bank_stop_clocks(b, show_hold(b, alice, id).expires_at);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"10", false, {0, 0}}),
                     RESULT_HOLD_NOT_OPEN);
    assert_int_equal(extend(b, "alice", alice, id, 120), RESULT_HOLD_NOT_OPEN);
    bank_fire_deadline(b, KIND_HOLD, id);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_EXPIRED);
    bank_let_clocks_go_on(b);
    expect_wallet(b, alice, 10000, 0);
}

static void test_a_deadline_that_fires_early_or_late_changes_nothing(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), id = hold_briefly(b, alice);
    bank_restart(b);
    bank_fire_deadline(b, KIND_HOLD, id);
    expect_wallet(b, alice, 10000, 6000);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){"10", true, {0, 0}}),
                     RESULT_OK);
    bank_wait(b, 60 * NS_PER_S);
    bank_fire_deadline(b, KIND_HOLD, id);
    bank_fire_deadline(b, KIND_HOLD, alice);
    expect_wallet(b, alice, 9000, 0);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_CAPTURED);
}

static void test_a_hold_is_of_its_wallet(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), id = hold_briefly(b, alice);
    struct id128 other = open_wallet(b, person("alice"), JPY);
    struct wallet_hold_get cases[] = {{id, other},
                                      {{id.hi, id.lo + (1 << 16)}, alice},
                                      {id, {alice.hi, alice.lo + (1 << 16)}},
                                      {alice, alice}};
    for (size_t i = 0; i < array_len(cases); i++) {
        assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_get_type, &cases[i]),
                         RESULT_NOT_FOUND);
        assert_int_equal(release(b, "alice", cases[i].wallet_id, cases[i].hold_id),
                         RESULT_NOT_FOUND);
    }
    expect_wallet(b, alice, 10000, 6000);
}

static void test_an_extended_hold_lives_longer(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), id = hold_briefly(b, alice);
    struct wallet_hold_info info;
    bank_reply(b, &wallet_hold_info_type, &info);
    uint64_t before = info.expires_at;
    assert_int_equal(extend(b, "alice", alice, id, 30), RESULT_EXPIRY_NOT_LATER);
    assert_int_equal(extend(b, "alice", alice, id, 120), RESULT_OK);
    bank_reply(b, &wallet_hold_info_type, &info);
    assert_in_range(info.expires_at, before + 60 * NS_PER_S, before + 61 * NS_PER_S);
    bank_restart(b);
    bank_wait(b, 90 * NS_PER_S);
    expect_wallet(b, alice, 10000, 6000);
    bank_wait(b, 40 * NS_PER_S);
    expect_wallet(b, alice, 10000, 0);
    assert_int_equal(extend(b, "alice", alice, id, 120), RESULT_HOLD_NOT_OPEN);
    id = hold_briefly(b, alice);
    bank_wait_unread(b, 60 * NS_PER_S);
    assert_int_equal(extend(b, "alice", alice, id, 120), RESULT_HOLD_NOT_OPEN);
    bank_wait(b, 20 * NS_PER_S);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_EXPIRED);
    assert_int_equal(hold(b, "alice", alice, "10", &id), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, id), RESULT_OK);
    assert_int_equal(extend(b, "alice", alice, id, 120), RESULT_HOLD_NOT_OPEN);
}

/* --- status ----------------------------------------------------------------------------------- */

static void test_a_frozen_wallet_receives_and_does_not_pay(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", "10");
    struct id128 id, other;
    assert_int_equal(hold(b, "alice", alice, "20", &id), RESULT_OK);
    assert_int_equal(unfreeze(b, alice), RESULT_WALLET_NOT_FROZEN);
    assert_int_equal(freeze(b, alice), RESULT_OK);
    uint64_t version = show_wallet(b, alice).version;
    assert_int_equal(freeze(b, alice), RESULT_OK);
    assert_true(show_wallet(b, alice).version == version);
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_WALLET_FROZEN);
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_WALLET_FROZEN);
    assert_int_equal(hold(b, "alice", alice, "1", &other), RESULT_WALLET_FROZEN);
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_WALLET_FROZEN);
    assert_int_equal(transfer(b, "bob", bob, alice, "5"), RESULT_OK);
    assert_int_equal(fund(b, alice, "1"), RESULT_OK);
    expect_wallet(b, alice, 10600, 2000);
    assert_int_equal(unfreeze(b, alice), RESULT_OK);
    assert_int_equal(transfer(b, "alice", alice, bob, "1"), RESULT_OK);
}

/* To another wallet no more than to the outside; an administrator may, and whoever may see the
 * wallet gives back what is held. */
static void test_the_owner_of_a_frozen_wallet_captures_none_of_its_holds(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", NULL);
    struct id128 id, other;
    assert_int_equal(hold(b, "alice", alice, "60", &id), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "40", &other), RESULT_OK);
    assert_int_equal(freeze(b, alice), RESULT_OK);
    assert_int_equal(show_wallet(b, alice).freeze_scope, FREEZE_SCOPE_OWNER);
    struct capture out = {NULL, false, {0, 0}}, to_bob = {"10", false, bob};
    assert_int_equal(capture(b, "alice", alice, id, out), RESULT_WALLET_FROZEN);
    assert_int_equal(capture(b, "alice", alice, id, to_bob), RESULT_WALLET_FROZEN);
    bank_restart(b);
    assert_int_equal(capture(b, "alice", alice, id, to_bob), RESULT_WALLET_FROZEN);
    expect_wallet(b, alice, 10000, 10000);
    assert_int_equal(capture_by(b, clerk(), alice, id, to_bob), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, other), RESULT_OK);
    expect_wallet(b, alice, 9000, 5000);
    assert_int_equal(unfreeze(b, alice), RESULT_OK);
    assert_false(show_wallet(b, alice).has_freeze_scope);
    assert_int_equal(capture(b, "alice", alice, id, out), RESULT_OK);
    expect_wallet(b, alice, 4000, 0);
}

static void test_a_freeze_for_all_stops_administrators_too(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 id, other;
    struct capture all = {NULL, false, {0, 0}};
    assert_int_equal(hold(b, "alice", alice, "20", &id), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "30", &other), RESULT_OK);
    assert_int_equal(freeze_for(b, alice, FREEZE_SCOPE_OWNER), RESULT_OK);
    assert_int_equal(freeze_for(b, alice, FREEZE_SCOPE_ALL), RESULT_OK);
    assert_int_equal(freeze_for(b, alice, FREEZE_SCOPE_ALL), RESULT_OK);
    assert_int_equal(freeze(b, alice), RESULT_OK); /* does not narrow it */
    assert_int_equal(show_wallet(b, alice).freeze_scope, FREEZE_SCOPE_ALL);
    assert_int_equal(capture_by(b, clerk(), alice, id, all), RESULT_WALLET_FROZEN);
    bank_restart(b);
    assert_int_equal(show_wallet(b, alice).freeze_scope, FREEZE_SCOPE_ALL);
    assert_int_equal(capture_by(b, clerk(), alice, id, all), RESULT_WALLET_FROZEN);
    assert_int_equal(fund(b, alice, "1"), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, other), RESULT_OK);
    expect_wallet(b, alice, 10100, 2000);
    bank_wait(b, 8 * NS_PER_DAY);
    assert_int_equal(show_hold(b, alice, id).status, HOLD_STATUS_EXPIRED);
    assert_int_equal(unfreeze(b, alice), RESULT_OK);
    assert_int_equal(withdraw(b, "alice", alice, "101"), RESULT_OK);
}

static void test_only_an_empty_wallet_closes(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", "5");
    struct id128 id;
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_WALLET_NOT_EMPTY);
    assert_int_equal(hold(b, "alice", alice, "100", &id), RESULT_OK);
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_WALLET_HAS_HOLDS);
    assert_int_equal(capture(b, "alice", alice, id, (struct capture){NULL, false, {0, 0}}),
                     RESULT_OK);
    assert_int_equal(close_wallet(b, "bob", alice), RESULT_NOT_FOUND);
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_OK);
    assert_int_equal(close_wallet(b, "alice", alice), RESULT_WALLET_CLOSED);
    assert_int_equal(fund(b, alice, "1"), RESULT_WALLET_CLOSED);
    assert_int_equal(freeze(b, alice), RESULT_WALLET_CLOSED);
    assert_int_equal(unfreeze(b, alice), RESULT_WALLET_CLOSED);
    assert_int_equal(set_limits(b, alice, "1", NULL), RESULT_WALLET_CLOSED);
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_WALLET_CLOSED);
    assert_int_equal(transfer(b, "bob", bob, alice, "1"), RESULT_DESTINATION_CLOSED);
    struct account_get get = {.account_id = alice};
    struct account_info account;
    assert_int_equal(bank_ask(b, clerk(), &account_get_type, &get), RESULT_OK);
    bank_reply(b, &account_info_type, &account);
    assert_int_equal(account.status, ACCOUNT_STATUS_CLOSED);
    bank_restart(b);
    struct id128 next = open_wallet(b, person("alice"), USD);
    assert_false(id128_equal(next, alice));
}

/* --- who sees what ---------------------------------------------------------------------------- */

static void test_others_learn_nothing_of_a_wallet(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "1");
    struct principal other_clerk = someone("other", "clerk");
    other_clerk.any_owner = true;
    struct principal operator= {.operator= true};
    const struct {
        struct principal who;
        uint16_t code;
    } cases[] = {
        {person("alice"), RESULT_OK},
        {clerk(), RESULT_OK},
        {operator, RESULT_OK},
        {person("bob"), RESULT_NOT_FOUND},
        {someone("other", "alice"), RESULT_NOT_FOUND},
        {other_clerk, RESULT_NOT_FOUND},
    };
    struct wallet_get get = {.wallet_id = alice};
    struct wallet_balance_get balance = {.wallet_id = alice};
    struct wallet_transaction_list history = {.wallet_id = alice};
    struct wallet_hold_list holds = {.wallet_id = alice};
    for (size_t i = 0; i < array_len(cases); i++) {
        struct principal who = cases[i].who;
        assert_int_equal(bank_ask(b, who, &wallet_get_type, &get), cases[i].code);
        assert_int_equal(bank_ask(b, who, &wallet_balance_get_type, &balance), cases[i].code);
        assert_int_equal(bank_ask(b, who, &wallet_transaction_list_type, &history),
                         cases[i].code);
        assert_int_equal(bank_ask(b, who, &wallet_hold_list_type, &holds), cases[i].code);
    }
}

/* --- lists ------------------------------------------------------------------------------------ */

static void test_lists_of_wallets_and_holds(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    bank_wait(b, NS_PER_S);
    open_wallet(b, person("alice"), JPY);
    given_wallet(b, "bob", "7");
    struct wallet_list list = {0};
    struct wallet_page page;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_page_type, &page);
    assert_int_equal(page.wallets_count, 2);
    assert_true(page.wallets[0].balance == 10000);
    assert_true(page.wallets[0].version == show_wallet(b, alice).version);
    assert_int_equal(bank_ask(b, clerk(), &wallet_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_page_type, &page);
    assert_int_equal(page.wallets_count, 3);
    list.has_currency = true;
    list.currency = JPY;
    assert_int_equal(bank_ask(b, clerk(), &wallet_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_page_type, &page);
    assert_int_equal(page.wallets_count, 1);
    list = (struct wallet_list){.has_user_id = true, .user_id = slice_of("bob")};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_list_type, &list), RESULT_NOT_FOUND);
    assert_int_equal(bank_ask(b, clerk(), &wallet_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_page_type, &page);
    assert_int_equal(page.wallets_count, 1);
    list = (struct wallet_list){.has_limit = true, .limit = 101};
    assert_int_equal(bank_ask(b, clerk(), &wallet_list_type, &list), RESULT_INVALID_FIELD);
    list = (struct wallet_list){.has_cursor = true, .cursor = slice_of("short")};
    assert_int_equal(bank_ask(b, clerk(), &wallet_list_type, &list), RESULT_INVALID_CURSOR);
    struct id128 first, second;
    assert_int_equal(hold(b, "alice", alice, "1", &first), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "2", &second), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, first), RESULT_OK);
    struct wallet_hold_list holds = {.wallet_id = alice};
    struct wallet_hold_page hold_page;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_list_type, &holds), RESULT_OK);
    bank_reply(b, &wallet_hold_page_type, &hold_page);
    assert_int_equal(hold_page.holds_count, 2);
    holds.has_status = true;
    holds.status = HOLD_STATUS_RELEASED;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_list_type, &holds), RESULT_OK);
    bank_reply(b, &wallet_hold_page_type, &hold_page);
    assert_int_equal(hold_page.holds_count, 1);
    assert_true(id128_equal(hold_page.holds[0].hold_id, first));
}

/* Lists are in the order of ids. */
static void test_ids_rise_in_the_order_things_were_made(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 before = ID128_ZERO;
    for (int i = 0; i < 20; i++) {
        struct id128 id = ID128_ZERO;
        assert_int_equal(hold(b, "alice", alice, "1", &id), RESULT_OK);
        assert_true(id128_compare(before, id) < 0);
        before = id;
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

/* The shard's own ledger as the views would hold it when it names as many as it may. */
static void fill_ledgers(struct bank *b)
{
    struct view_store *store = store_sim_views(b->sim);
    struct ledger_directory own = {.names_count = LEDGERS_MAX};
    own.names = calloc(LEDGERS_MAX, sizeof *own.names);
    for (uint32_t i = 0; i < LEDGERS_MAX; i++)
        own.names[i] = (struct ledger_name){{i, 1}, USD};
    struct wire_writer state;
    wire_writer_init(&state, 16 << 20);
    ledger_directory_kind.codec->write(&state, &own);
    assert_false(state.failed);
    struct state_row row = {.kind = KIND_LEDGER, .id = LEDGER_DIRECTORY_ID};
    struct store_position position;
    assert_int_equal(store->ops->position(store, 0, &position), ERR_OK);
    assert_int_not_equal(position.seq, 0);
    row.body = wire_written(&state);
    assert_int_equal(store->ops->begin(store), ERR_OK);
    assert_int_equal(store->ops->put_state(store, &row), ERR_OK);
    assert_int_equal(store->ops->move(store, 0, &position), ERR_OK);
    assert_int_equal(store->ops->commit(store), ERR_OK);
    wire_writer_done(&state);
    free(own.names);
}

static void one_tenant_too_many_is_refused(void **state)
{
    struct bank *b = *state;
    open_wallet(b, someone("other", "bob"), USD);
    bank_wait(b, NS_PER_S); /* the views have it */
    fill_ledgers(b);
    bank_restart(b);
    struct wallet_open open = {.currency = USD};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_open_type, &open), RESULT_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_owner_has_one_wallet_per_currency),
        TEST(test_only_a_clerk_opens_for_others),
        TEST(test_metadata_comes_back_after_a_restart),
        TEST(test_money_comes_moves_and_leaves),
        TEST(test_refused_moves_change_nothing),
        TEST(test_a_first_withdrawal_that_is_refused_opens_no_clearing),
        TEST(test_if_match_must_name_the_current_version),
        TEST(test_limits_are_refused_by_name_and_changed_by_difference),
        TEST(test_limits_per_transaction_and_day),
        TEST(test_a_day_allows_no_less_than_one_transaction),
        TEST(test_what_goes_back_returns_its_allowance),
        TEST(one_tenant_too_many_is_refused),
        TEST(test_ids_rise_in_the_order_things_were_made),
        cmocka_unit_test(test_a_counter_stays_full_rather_than_wrap),
        TEST(test_a_hold_is_captured_in_parts),
        TEST(test_a_capture_that_cannot_go_on_changes_nothing),
        TEST(test_a_hold_expires_by_itself),
        TEST(test_what_has_expired_is_not_captured),
        TEST(test_a_hold_expires_at_its_time_not_after_it),
        TEST(test_a_deadline_that_fires_early_or_late_changes_nothing),
        TEST(test_a_hold_is_of_its_wallet),
        TEST(test_the_owner_changes_the_pairs_of_a_wallet),
        TEST(test_a_capture_waits_for_what_is_loaded),
        TEST(test_an_extended_hold_lives_longer),
        TEST(test_a_frozen_wallet_receives_and_does_not_pay),
        TEST(test_the_owner_of_a_frozen_wallet_captures_none_of_its_holds),
        TEST(test_a_freeze_for_all_stops_administrators_too),
        TEST(test_only_an_empty_wallet_closes),
        TEST(test_others_learn_nothing_of_a_wallet),
        TEST(test_lists_of_wallets_and_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
