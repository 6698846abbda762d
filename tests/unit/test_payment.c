/* SPDX-License-Identifier: Apache-2.0 */
/* Payments: every edge of the table of states, money at each step, who may do what, lists. */
#include "tests/unit/payment_fixture.h"

#include "actors/common/page.h"
#include "actors/payment/payment.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/time.h"

#define STORED_MAX 4096
#define ACTORS_MAX 32

/* --- the table -------------------------------------------------------------------------------- */

#define S(name) PAYMENT_STATUS_##name
#define R(name) RESULT_##name

/* Status, then for each action the next status or the refusal; + 1000 tells RESULT_NOT_FOUND from a
 * status of the same number. */
static const uint16_t table[][1 + PAYMENT_ACTION_COUNT] = {
    {S(NONE), S(PROCESSING), S(COMPLETED), S(AUTHORIZED), S(FAILED), R(NOT_FOUND) + 1000,
     R(NOT_FOUND) + 1000, R(NOT_FOUND) + 1000, R(NOT_FOUND) + 1000, R(NOT_FOUND) + 1000,
     R(NOT_FOUND) + 1000},
    {S(PENDING), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS),
     R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS),
     R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS)},
    {S(PROCESSING), R(PAYMENT_IN_PROGRESS), S(COMPLETED), S(AUTHORIZED), S(FAILED),
     R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS),
     R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS)},
    {S(AUTHORIZED), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS),
     R(PAYMENT_IN_PROGRESS), S(PARTIALLY_CAPTURED), S(COMPLETED), S(CANCELLED), S(EXPIRED),
     R(PAYMENT_NOT_CAPTURED), R(PAYMENT_NOT_CAPTURED)},
    {S(PARTIALLY_CAPTURED), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS), R(PAYMENT_IN_PROGRESS),
     R(PAYMENT_IN_PROGRESS), S(PARTIALLY_CAPTURED), S(COMPLETED), S(COMPLETED), S(COMPLETED),
     S(PARTIALLY_CAPTURED), S(PARTIALLY_CAPTURED)},
    {S(COMPLETED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     S(PARTIALLY_REFUNDED), S(REFUNDED)},
    {S(FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED),
     R(PAYMENT_FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED), R(PAYMENT_FAILED),
     R(PAYMENT_FAILED)},
    {S(CANCELLED), R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED),
     R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED),
     R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED), R(PAYMENT_CANCELLED)},
    {S(EXPIRED), R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED),
     R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED),
     R(PAYMENT_EXPIRED), R(PAYMENT_EXPIRED)},
    {S(PARTIALLY_REFUNDED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED), R(PAYMENT_ALREADY_CAPTURED),
     S(PARTIALLY_REFUNDED), S(REFUNDED)},
    {S(REFUNDED), R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED),
     R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED),
     R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED),
     R(PAYMENT_ALREADY_REFUNDED), R(PAYMENT_ALREADY_REFUNDED)},
};

static void test_every_row_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(array_len(table), PAYMENT_STATUS_COUNT + 1);
    for (size_t i = 0; i < array_len(table); i++) {
        assert_int_equal(table[i][0], i == 0 ? 0 : i);
        for (int action = 0; action < PAYMENT_ACTION_COUNT; action++) {
            uint16_t expected = table[i][1 + action];
            struct payment_step step =
                payment_step((uint8_t)table[i][0], (enum payment_action)action);
            bool moves = expected <= PAYMENT_STATUS_COUNT;
            assert_int_equal(step.next, moves ? expected : 0);
            assert_int_equal(step.refusal, moves ? 0 : expected % 1000);
        }
    }
}

/* --- paying at once --------------------------------------------------------------------------- */

static void test_a_payment_moves_money_at_once(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct metadata_pair pair = {slice_of("order"), slice_of("17")};
    struct payment_create create = order(&p, 1050);
    create.has_description = create.has_customer_id = create.has_metadata = true;
    create.description = slice_of("Lunch");
    create.customer_id = slice_of("c-1");
    create.metadata = (struct metadata){&pair, 1};
    struct id128 id = paid(p.bank, person("alice"), &create);
    for (int restarts = 0; restarts < 2; restarts++) {
        struct payment_info info = show(p.bank, id);
        assert_int_equal(info.status, PAYMENT_STATUS_COMPLETED);
        assert_true(info.amount == 1050 && info.captured_amount == 1050);
        assert_true(slice_equal(info.description, slice_of("Lunch")));
        assert_true(slice_equal(info.customer_id, slice_of("c-1")));
        assert_true(slice_equal(info.metadata.items[0].value, slice_of("17")));
        assert_false(info.details.has_expires_at);
        expect_money(&p, 8950, 0, 1050);
        bank_restart(p.bank);
    }
}

/* Whoever owns nothing fills no journal; what the caller may see is remembered as before. */
static void test_a_refusal_of_what_is_not_the_callers_leaves_nothing(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct payment_create create = order(&p, 1);
    struct shard_stats before, after;
    shard_get_stats(b->shard, &before);
    for (int again = 0; again < 2; again++) {
        b->key = 7;
        assert_int_equal(bank_ask(b, person("shop"), &payment_create_type, &create),
                         RESULT_PAYER_NOT_FOUND);
        assert_false(b->message.replayed);
    }
    shard_get_stats(b->shard, &after);
    assert_int_equal(after.records, before.records);
    b->key = 7;
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create), RESULT_OK);
    create.to_account = create.from_account;
    for (int again = 0; again < 2; again++) {
        b->key = 8;
        assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                         RESULT_PAYMENT_TO_SELF);
        assert_int_equal(b->message.replayed, again);
    }
}

static void test_a_refused_payment_creates_nothing(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 yen = open_wallet(b, person("shop"), JPY);
    struct id128 nobody = {9, 0};
    assert_int_equal(set_limits(b, p.alice, "60", "90"), RESULT_OK);
    const struct {
        const char *who;
        struct id128 from, to;
        u128 amount;
        uint16_t code;
    } cases[] = {
        {"alice", p.alice, p.shop, 6001, RESULT_PER_TRANSACTION_LIMIT_EXCEEDED},
        {"alice", p.alice, p.shop, 0, RESULT_AMOUNT_MUST_NOT_BE_ZERO},
        {"alice", p.alice, p.shop, U128_MAX, RESULT_PER_TRANSACTION_LIMIT_EXCEEDED},
        {"alice", p.alice, p.alice, 1, RESULT_PAYMENT_TO_SELF},
        {"alice", p.alice, nobody, 1, RESULT_PAYEE_NOT_FOUND},
        {"alice", p.alice, yen, 1, RESULT_CURRENCY_MISMATCH},
        {"alice", nobody, p.shop, 1, RESULT_PAYER_NOT_FOUND},
        {"shop", p.alice, p.shop, 1, RESULT_PAYER_NOT_FOUND},
        {"shop", p.shop, p.alice, 1, RESULT_EXCEEDS_CREDITS},
        /* who cannot pay learns nothing of the wallet they name */
        {"shop", p.shop, nobody, 1, RESULT_EXCEEDS_CREDITS},
        {"shop", p.shop, yen, 1, RESULT_EXCEEDS_CREDITS},
        {"alice", p.alice, nobody, 6001, RESULT_PER_TRANSACTION_LIMIT_EXCEEDED},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct payment_create create = {.amount = cases[i].amount,
                                        .currency = USD,
                                        .from_account = cases[i].from,
                                        .to_account = cases[i].to};
        assert_int_equal(bank_ask(b, person(cases[i].who), &payment_create_type, &create),
                         cases[i].code);
    }
    struct payment_create create = order(&p, 1);
    create.has_expires_in_s = true;
    create.expires_in_s = 60;
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_EXPIRY_WITHOUT_AUTHORIZATION);
    expect_money(&p, 10000, 0, 0);
    pay(&p, 6000);
    create = order(&p, 3001);
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_DAILY_LIMIT_EXCEEDED);
}

/* --- authorising ------------------------------------------------------------------------------ */

static void test_an_authorisation_is_captured_in_parts(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize(&p, 6000);
    expect_payment(b, id, PAYMENT_STATUS_AUTHORIZED, 0, 0);
    expect_money(&p, 10000, 6000, 0);
    assert_int_equal(capture(b, "shop", id, "60.01", false), RESULT_CAPTURE_EXCEEDS_AUTHORIZED);
    assert_int_equal(capture(b, "shop", id, "0", false), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    assert_int_equal(capture(b, "alice", id, "1", false), RESULT_FORBIDDEN);
    assert_int_equal(capture(b, "bob", id, "1", false), RESULT_NOT_FOUND);
    assert_int_equal(refund(b, "shop", id, "1"), RESULT_PAYMENT_NOT_CAPTURED);
    assert_int_equal(capture(b, "shop", id, "10", false), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_PARTIALLY_CAPTURED, 1000, 0);
    bank_restart(b);
    assert_int_equal(capture(b, "shop", id, "20", false), RESULT_OK);
    expect_money(&p, 7000, 3000, 3000);
    assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 6000, 0);
    expect_money(&p, 4000, 0, 6000);
    assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_PAYMENT_ALREADY_CAPTURED);
    assert_int_equal(cancel(b, "alice", id), RESULT_PAYMENT_ALREADY_CAPTURED);
    assert_int_equal(show_wallet(b, p.alice).open_holds, 0);
}

static void test_a_final_capture_gives_back_the_rest(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    assert_int_equal(set_limits(b, p.alice, NULL, "60"), RESULT_OK);
    struct id128 id = authorize(&p, 6000);
    assert_int_equal(capture(b, "shop", id, "10", true), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 1000, 0);
    expect_money(&p, 9000, 0, 1000);
    assert_true(show_wallet(b, p.alice).spent_today == 1000);
    assert_int_equal(refund(b, "shop", id, "10.01"), RESULT_REFUND_EXCEEDS_CAPTURED);
}

/* Of 60 authorised 10 are captured and some of them refunded before the payment is closed. */
static void test_what_is_captured_is_refunded_while_the_rest_is_open(void **state)
{
    static const struct {
        enum payment_action close;
        const char *refund;
        uint64_t refunded, captured;
        uint8_t closed;
    } cases[] = {
        {PAYMENT_ACTION_CANCEL, "4", 400, 1000, PAYMENT_STATUS_PARTIALLY_REFUNDED},
        {PAYMENT_ACTION_CANCEL, "10", 1000, 1000, PAYMENT_STATUS_REFUNDED},
        {PAYMENT_ACTION_EXPIRE, "4", 400, 1000, PAYMENT_STATUS_PARTIALLY_REFUNDED},
        {PAYMENT_ACTION_EXPIRE, "10", 1000, 1000, PAYMENT_STATUS_REFUNDED},
        {PAYMENT_ACTION_CAPTURE_LAST, "10", 1000, 6000, PAYMENT_STATUS_PARTIALLY_REFUNDED},
    };
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t back = cases[i].refunded, captured = cases[i].captured;
        struct id128 id = authorize(&p, 6000);
        assert_int_equal(capture(b, "shop", id, "10", false), RESULT_OK);
        assert_int_equal(refund(b, "shop", id, "10.01"), RESULT_REFUND_EXCEEDS_CAPTURED);
        assert_int_equal(refund(b, "shop", id, cases[i].refund), RESULT_OK);
        assert_int_equal(refund(b, "shop", id, "10"), back < 1000
                                                          ? RESULT_REFUND_EXCEEDS_CAPTURED
                                                          : RESULT_PAYMENT_ALREADY_REFUNDED);
        expect_payment(b, id, PAYMENT_STATUS_PARTIALLY_CAPTURED, 1000, back);
        expect_money(&p, 9000 + back, 5000, 1000 - back);
        bank_restart(b);
        if (cases[i].close == PAYMENT_ACTION_CANCEL)
            assert_int_equal(cancel(b, "alice", id), RESULT_OK);
        else if (cases[i].close == PAYMENT_ACTION_EXPIRE)
            bank_wait(b, 8 * NS_PER_DAY);
        else
            assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_OK);
        expect_payment(b, id, cases[i].closed, captured, back);
        expect_money(&p, 10000 - captured + back, 0, captured - back);
        assert_int_equal(refund(b, "shop", id, NULL),
                         captured > back ? RESULT_OK : RESULT_PAYMENT_ALREADY_REFUNDED);
        expect_money(&p, 10000, 0, 0);
    }
}

static void test_cancel_gives_back_what_is_left(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 whole = authorize(&p, 6000);
    assert_int_equal(cancel(b, "shop", whole), RESULT_FORBIDDEN);
    assert_int_equal(cancel(b, "bob", whole), RESULT_NOT_FOUND);
    assert_int_equal(cancel(b, "alice", whole), RESULT_OK);
    expect_payment(b, whole, PAYMENT_STATUS_CANCELLED, 0, 0);
    assert_int_equal(capture(b, "shop", whole, NULL, false), RESULT_PAYMENT_CANCELLED);
    assert_int_equal(refund(b, "shop", whole, NULL), RESULT_PAYMENT_CANCELLED);
    struct id128 part = authorize(&p, 6000);
    assert_int_equal(capture(b, "shop", part, "10", false), RESULT_OK);
    assert_int_equal(cancel(b, "alice", part), RESULT_OK);
    expect_payment(b, part, PAYMENT_STATUS_COMPLETED, 1000, 0);
    expect_money(&p, 9000, 0, 1000);
    assert_true(show_wallet(b, p.alice).spent_today == 1000);
    bank_restart(b);
    assert_int_equal(refund(b, "shop", part, NULL), RESULT_OK);
    expect_money(&p, 10000, 0, 0);
}

static void test_an_authorisation_expires_by_itself(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct payment_create create = order(&p, 3000);
    create.has_capture = create.has_expires_in_s = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    create.expires_in_s = 3600;
    struct id128 whole = paid(b, person("alice"), &create);
    struct payment_info info;
    bank_reply(b, &payment_info_type, &info);
    assert_true(info.details.has_expires_at);
    assert_int_equal(info.details.expires_at - info.timestamp, 3600 * NS_PER_S);
    struct id128 part = paid(b, person("alice"), &create);
    struct id128 later = authorize(&p, 1000);
    assert_int_equal(capture(b, "shop", part, "10", false), RESULT_OK);
    bank_wait(b, 3590 * NS_PER_S);
    expect_money(&p, 9000, 6000, 1000);
    bank_restart(b);
    bank_wait(b, 20 * NS_PER_S);
    expect_payment(b, whole, PAYMENT_STATUS_EXPIRED, 0, 0);
    expect_payment(b, part, PAYMENT_STATUS_COMPLETED, 1000, 0);
    expect_payment(b, later, PAYMENT_STATUS_AUTHORIZED, 0, 0);
    expect_money(&p, 9000, 1000, 1000);
    assert_true(show_wallet(b, p.alice).spent_today == 2000);
    assert_int_equal(capture(b, "shop", whole, NULL, false), RESULT_PAYMENT_EXPIRED);
    bank_wait(b, 8 * NS_PER_DAY);
    expect_payment(b, later, PAYMENT_STATUS_EXPIRED, 0, 0);
    expect_money(&p, 9000, 0, 1000);
    assert_int_equal(capture(b, "shop", part, NULL, false), RESULT_PAYMENT_ALREADY_CAPTURED);
}

/* The store failed when its time came: the capture is there before the timeout is. */
static void test_what_has_expired_is_not_captured(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 whole = authorize_briefly(&p, 3000), part = authorize_briefly(&p, 2000);
    assert_int_equal(capture(b, "shop", part, "5", false), RESULT_OK);
    bank_wait_unread(b, 60 * NS_PER_S);
    assert_int_equal(capture(b, "shop", whole, NULL, false), RESULT_PAYMENT_EXPIRED);
    bank_wait(b, 20 * NS_PER_S);
    expect_payment(b, whole, PAYMENT_STATUS_EXPIRED, 0, 0);
    expect_payment(b, part, PAYMENT_STATUS_COMPLETED, 500, 0);
    expect_money(&p, 9500, 0, 500);
}

static void test_a_frozen_payer_still_honours_what_is_authorised(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize(&p, 1000);
    struct wallet_freeze freeze = {.wallet_id = p.alice};
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    struct payment_create create = order(&p, 1);
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_WALLET_FROZEN);
    struct wallet_close close = {.wallet_id = p.shop};
    assert_int_equal(bank_ask(b, person("shop"), &wallet_close_type, &close),
                     RESULT_WALLET_HAS_HOLDS);
    assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_OK);
    expect_money(&p, 9000, 0, 1000);
    freeze.wallet_id = p.shop;
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(refund(b, "shop", id, NULL), RESULT_WALLET_FROZEN);
}

/* What is authorised can only go back; what comes in does. */
static void test_a_payer_frozen_for_all_pays_nobody(void **state)
{
    struct parties p = given(state, "100", "50");
    struct bank *b = p.bank;
    struct id128 paid_before = pay(&p, 1000);
    struct id128 cancelled = authorize(&p, 1000), later = authorize(&p, 2000);
    struct wallet_freeze freeze = {
        .wallet_id = p.alice, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(capture(b, "shop", later, NULL, false), RESULT_WALLET_FROZEN);
    struct payment_capture by_clerk = {.payment_id = later};
    assert_int_equal(bank_ask(b, clerk(), &payment_capture_type, &by_clerk), RESULT_WALLET_FROZEN);
    assert_int_equal(cancel(b, "alice", cancelled), RESULT_OK);
    assert_int_equal(refund(b, "shop", paid_before, "4"), RESULT_OK);
    expect_money(&p, 9400, 2000, 5600);
    struct wallet_unfreeze unfreeze = {.wallet_id = p.alice};
    assert_int_equal(bank_ask(b, clerk(), &wallet_unfreeze_type, &unfreeze), RESULT_OK);
    assert_int_equal(capture(b, "shop", later, "5", false), RESULT_OK);
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    bank_wait(b, 8 * NS_PER_DAY);
    expect_payment(b, later, PAYMENT_STATUS_COMPLETED, 500, 0);
    expect_money(&p, 8900, 0, 6100);
}

/* --- refunding -------------------------------------------------------------------------------- */

/* To the day that it was taken from: a day later nothing comes back. */
static void test_a_refund_returns_its_allowance(void **state)
{
    struct parties p = given(state, "1000", NULL);
    struct bank *b = p.bank;
    assert_int_equal(set_limits(b, p.alice, NULL, "50"), RESULT_OK);
    struct id128 first = pay(&p, 4500);
    assert_int_equal(refund(b, "shop", first, "15"), RESULT_OK);
    assert_true(show_wallet(b, p.alice).spent_today == 3000);
    bank_restart(b);
    assert_int_equal(refund(b, "shop", first, NULL), RESULT_OK);
    assert_true(show_wallet(b, p.alice).spent_today == 0);
    struct id128 part = authorize(&p, 5000);
    assert_int_equal(capture(b, "shop", part, "20", false), RESULT_OK);
    assert_int_equal(refund(b, "shop", part, NULL), RESULT_OK);
    assert_true(show_wallet(b, p.alice).spent_today == 3000);
    assert_int_equal(cancel(b, "alice", part), RESULT_OK);
    assert_true(show_wallet(b, p.alice).spent_today == 0);
    struct id128 yesterday = pay(&p, 5000);
    bank_wait(b, NS_PER_DAY);
    (void)pay(&p, 1000);
    assert_int_equal(refund(b, "shop", yesterday, NULL), RESULT_OK);
    assert_true(show_wallet(b, p.alice).spent_today == 1000);
}

static void test_refunds_never_exceed_what_was_captured(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = pay(&p, 1000);
    assert_int_equal(refund(b, "alice", id, "1"), RESULT_FORBIDDEN);
    assert_int_equal(refund(b, "shop", id, "10.01"), RESULT_REFUND_EXCEEDS_CAPTURED);
    assert_int_equal(refund(b, "shop", id, "4"), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_PARTIALLY_REFUNDED, 1000, 400);
    expect_money(&p, 9400, 0, 600);
    assert_int_equal(refund(b, "shop", id, "6.01"), RESULT_REFUND_EXCEEDS_CAPTURED);
    bank_restart(b);
    assert_int_equal(refund(b, "shop", id, "2"), RESULT_OK);
    assert_int_equal(refund(b, "shop", id, NULL), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_REFUNDED, 1000, 1000);
    assert_int_equal(refund(b, "shop", id, NULL), RESULT_PAYMENT_ALREADY_REFUNDED);
    expect_money(&p, 10000, 0, 0);
}

static void test_a_refund_without_money_leaves_the_payment_as_it_is(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = pay(&p, 1000);
    struct wallet_withdraw out = {.wallet_id = p.shop, .amount = money("9.50")};
    assert_int_equal(bank_ask(b, person("shop"), &wallet_withdraw_type, &out), RESULT_OK);
    uint64_t version = show(b, id).version;
    assert_int_equal(refund(b, "shop", id, NULL), RESULT_PAYEE_LACKS_FUNDS);
    assert_true(show(b, id).version == version);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 1000, 0);
    assert_int_equal(refund(b, "shop", id, "0.50"), RESULT_OK);
    expect_money(&p, 9050, 0, 0);
}

/* --- faults of the store ---------------------------------------------------------------------- */

/* Asks with this key until there is an answer that stays. */
static uint16_t insist(struct bank *b, uint64_t key, struct principal who,
                       const struct message_type *type, const void *body)
{
    for (int tries = 0; tries < 20; tries++) {
        b->key = key;
        uint16_t code = bank_ask(b, who, type, body);
        if (code != RESULT_UNAVAILABLE && code != RESULT_STORE_FULL)
            return code;
        store_sim_disk_full(b->sim, false);
        if (shard_state(b->shard) == SHARD_STOPPED)
            bank_restart(b);
        bank_wait(b, NS_PER_S);
    }
    return RESULT_UNAVAILABLE;
}

/* Fund 100, authorise 60, capture 10 and 20, refund 5; each step again with its key afterwards. */
static void pay_stubbornly(const struct parties *p)
{
    struct bank *b = p->bank;
    struct wallet_fund fund = {.wallet_id = p->alice, .amount = money("100")};
    struct payment_create create = order(p, 6000);
    create.has_capture = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    struct payment_capture first = {.has_amount = true, .amount = money("10")};
    struct payment_capture last = {
        .has_amount = true, .amount = money("20"), .has_final = true, .final = true};
    struct payment_refund refund = {.has_amount = true, .amount = money("5")};
    for (int round = 0; round < 2; round++) {
        struct payment_info info;
        assert_int_equal(insist(b, 1, clerk(), &wallet_fund_type, &fund), RESULT_OK);
        assert_int_equal(insist(b, 2, person("alice"), &payment_create_type, &create), RESULT_OK);
        bank_reply(b, &payment_info_type, &info);
        assert_true(round == 0 || id128_equal(info.payment_id, first.payment_id));
        first.payment_id = last.payment_id = refund.payment_id = info.payment_id;
        assert_int_equal(insist(b, 3, person("shop"), &payment_capture_type, &first), RESULT_OK);
        assert_int_equal(insist(b, 4, person("shop"), &payment_capture_type, &last), RESULT_OK);
        assert_int_equal(insist(b, 5, person("shop"), &payment_refund_type, &refund), RESULT_OK);
        bank_restart(b);
    }
    expect_payment(b, first.payment_id, PAYMENT_STATUS_PARTIALLY_REFUNDED, 3000, 500);
    expect_money(p, 7500, 0, 2500);
}

static void test_no_fault_of_the_store_loses_or_repeats_a_step(void **state)
{
    (void)state;
    for (int fault = 0; fault < STORE_SIM_FAULTS; fault++) {
        for (uint32_t calls_before = 0; calls_before < 6; calls_before++) {
            void *bank;
            bank_setup(&bank);
            struct parties p = given(&bank, NULL, NULL);
            store_sim_script(p.bank->sim, (enum store_sim_fault)fault, calls_before);
            pay_stubbornly(&p);
            bank_teardown(&bank);
        }
    }
}

/* --- versions, sight, lists ------------------------------------------------------------------- */

static void test_if_match_must_name_the_current_version(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    b->if_match = 1;
    struct payment_create create = order(&p, 1);
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_PRECONDITION);
    struct id128 id = authorize(&p, 1000);
    b->if_match = 2;
    assert_int_equal(capture(b, "shop", id, "1", false), RESULT_PRECONDITION);
    b->if_match = 1;
    assert_int_equal(capture(b, "shop", id, "1", false), RESULT_OK);
    assert_true(b->message.version == 2);
    b->if_match = 1;
    assert_int_equal(cancel(b, "alice", id), RESULT_PRECONDITION);
}

static void test_others_learn_nothing_of_a_payment(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = pay(&p, 1000);
    struct principal other_clerk = someone("other", "clerk");
    other_clerk.any_owner = true;
    const struct {
        struct principal who;
        uint16_t code;
    } cases[] = {
        {person("alice"), RESULT_OK},
        {person("shop"), RESULT_OK},
        {clerk(), RESULT_OK},
        {person("bob"), RESULT_NOT_FOUND},
        {someone("other", "alice"), RESULT_NOT_FOUND},
        {other_clerk, RESULT_NOT_FOUND},
    };
    struct payment_get get = {.payment_id = id};
    struct payment_event_list events = {.payment_id = id};
    for (size_t i = 0; i < array_len(cases); i++) {
        assert_int_equal(bank_ask(b, cases[i].who, &payment_get_type, &get), cases[i].code);
        assert_int_equal(bank_ask(b, cases[i].who, &payment_event_list_type, &events),
                         cases[i].code);
    }
    get.payment_id.hi++;
    assert_int_equal(bank_ask(b, clerk(), &payment_get_type, &get), RESULT_NOT_FOUND);
}

static void test_history_has_every_step(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize(&p, 6000);
    assert_int_equal(capture(b, "shop", id, "10", false), RESULT_OK);
    assert_int_equal(cancel(b, "alice", id), RESULT_OK);
    assert_int_equal(refund(b, "shop", id, "4"), RESULT_OK);
    const struct {
        uint8_t type, status;
        uint64_t amount;
        const char *by;
    } expected[] = {
        {PAYMENT_EVENT_KIND_CREATED, PAYMENT_STATUS_AUTHORIZED, 6000, "alice"},
        {PAYMENT_EVENT_KIND_CAPTURED, PAYMENT_STATUS_PARTIALLY_CAPTURED, 1000, "shop"},
        {PAYMENT_EVENT_KIND_CANCELLED, PAYMENT_STATUS_COMPLETED, 5000, "alice"},
        {PAYMENT_EVENT_KIND_REFUNDED, PAYMENT_STATUS_PARTIALLY_REFUNDED, 400, "shop"},
    };
    struct payment_event_list list = {.payment_id = id, .has_limit = true, .limit = 3};
    struct payment_event_page page;
    size_t seen = 0;
    do {
        assert_int_equal(bank_ask(b, clerk(), &payment_event_list_type, &list), RESULT_OK);
        bank_reply(b, &payment_event_page_type, &page);
        for (uint32_t i = 0; i < page.events_count; i++, seen++) {
            const struct payment_event *e = &page.events[i];
            assert_true(seen < array_len(expected));
            assert_true(e->sequence == seen + 1);
            assert_int_equal(e->type, expected[seen].type);
            assert_int_equal(e->status, expected[seen].status);
            assert_true(e->amount == expected[seen].amount);
            assert_true(slice_equal(e->by, slice_of(expected[seen].by)));
        }
        list.has_cursor = page.has_next_cursor;
        list.cursor = arena_copy(&b->arena, page.next_cursor);
    } while (page.has_next_cursor);
    assert_int_equal(seen, array_len(expected));
}

/* Walks all pages of `limit`; the ids must be those, newest first. */
static void expect_list(struct bank *b, struct principal who, struct payment_list list,
                        uint32_t limit, const struct id128 *ids, size_t count)
{
    list.has_limit = true;
    list.limit = limit;
    size_t seen = 0;
    struct payment_page page;
    do {
        assert_int_equal(bank_ask(b, who, &payment_list_type, &list), RESULT_OK);
        bank_reply(b, &payment_page_type, &page);
        for (uint32_t i = 0; i < page.payments_count; i++, seen++) {
            assert_true(seen < count);
            assert_true(id128_equal(page.payments[i].payment_id, ids[seen]));
        }
        list.has_cursor = page.has_next_cursor;
        list.cursor = arena_copy(&b->arena, page.next_cursor);
    } while (page.has_next_cursor);
    assert_int_equal(seen, count);
}

static void test_adapters_are_listed(void **state)
{
    struct payment_adapter_list list;
    struct payment_adapters all;
    assert_int_equal(bank_ask(*state, person("alice"), &payment_adapter_list_type, &list),
                     RESULT_OK);
    bank_reply(*state, &payment_adapters_type, &all);
    assert_int_equal(all.adapters, PAYMENT_CARRIERS_WALLET);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.items_count, 1);
    assert_int_equal(all.items[0].adapter, PAYMENT_ADAPTER_WALLET);
}

static void test_lists_hold_what_one_pays_and_receives(void **state)
{
    struct parties p = given(state, "100", "50");
    struct bank *b = p.bank;
    struct id128 bob = given_wallet(b, "bob", "100");
    struct id128 ids[6]; /* newest first */
    ids[5] = pay(&p, 100);
    bank_wait(b, NS_PER_S);
    struct payment_create back = {
        .amount = 200, .currency = USD, .from_account = p.shop, .to_account = p.alice};
    ids[4] = paid(b, person("shop"), &back);
    bank_wait(b, NS_PER_S);
    struct payment_create foreign = {
        .amount = 300, .currency = USD, .from_account = bob, .to_account = p.shop};
    ids[3] = paid(b, person("bob"), &foreign);
    bank_wait(b, 10 * 60 * NS_PER_S);
    ids[2] = authorize(&p, 400);
    bank_wait(b, NS_PER_S);
    ids[1] = pay(&p, 500);
    bank_wait(b, NS_PER_S);
    ids[0] = paid(b, person("shop"), &back);
    const struct id128 alices[] = {ids[0], ids[1], ids[2], ids[4], ids[5]};
    for (uint32_t limit = 1; limit <= 6; limit++) {
        expect_list(b, clerk(), (struct payment_list){0}, limit, ids, 6);
        expect_list(b, person("alice"), (struct payment_list){0}, limit, alices, 5);
        expect_list(b, person("bob"), (struct payment_list){0}, limit, &ids[3], 1);
        expect_list(b, person("nobody"), (struct payment_list){0}, limit, NULL, 0);
    }
    struct payment_list nothing = {.status = 77, .currency = 77, .created_from = UINT64_MAX,
                                   .created_before = 1, .customer_id = slice_of("c")};
    expect_list(b, person("alice"), nothing, 6, alices, 5); /* absent, whatever its bytes are */
    struct payment_list authorized = {.has_status = true, .status = PAYMENT_STATUS_AUTHORIZED};
    expect_list(b, person("alice"), authorized, 1, &ids[2], 1);
    struct payment_list from_bob = {.has_from_account = true, .from_account = bob};
    expect_list(b, person("shop"), from_bob, 2, &ids[3], 1);
    expect_list(b, person("alice"), from_bob, 2, NULL, 0);
    struct payment_list to_alice = {.has_to_account = true, .to_account = p.alice};
    expect_list(b, person("alice"), to_alice, 1, (struct id128[]){ids[0], ids[4]}, 2);
    uint64_t middle = show(b, ids[2]).timestamp;
    struct payment_list early = {.has_created_before = true, .created_before = middle};
    expect_list(b, clerk(), early, 2, &ids[3], 3);
    struct payment_list late = {.has_created_from = true, .created_from = middle};
    expect_list(b, person("alice"), late, 2, ids, 3);
    early.has_cursor = true;
    early.cursor = slice_of("x");
    assert_int_equal(bank_ask(b, clerk(), &payment_list_type, &early), RESULT_INVALID_CURSOR);
}

/* The newest is paid, what is left of the page and of the next was received. */
static void test_a_page_ends_between_what_one_pays_and_receives(void **state)
{
    struct parties p = given(state, "100", "100");
    struct bank *b = p.bank;
    struct payment_create back = {
        .amount = 200, .currency = USD, .from_account = p.shop, .to_account = p.alice};
    struct id128 ids[5];
    for (int i = 4; i >= 0; i--) {
        ids[i] = i == 0 || i == 3 ? pay(&p, 100) : paid(b, person("shop"), &back);
        bank_wait(b, NS_PER_S);
    }
    for (uint32_t limit = 1; limit <= 5; limit++)
        for (uint32_t newest = 0; newest < 5; newest++) {
            struct payment_list list = {.has_created_before = newest > 0,
                                        .created_before =
                                            newest > 0 ? show(b, ids[newest - 1]).timestamp : 0};
            expect_list(b, person("alice"), list, limit, &ids[newest], 5 - newest);
            expect_list(b, person("shop"), list, limit, &ids[newest], 5 - newest);
        }
}

/* More payments than a page looks at: where it stopped would be a payment of strangers. */
static void test_a_list_by_a_strangers_wallet_is_empty(void **state)
{
    struct parties p = given(state, "10000", NULL);
    struct bank *b = p.bank;
    for (uint32_t i = 0; i <= PAGE_ROWS_MAX; i++)
        pay(&p, 1);
    const struct payment_list lists[] = {
        {.has_from_account = true, .from_account = p.alice},
        {.has_to_account = true, .to_account = p.shop},
    };
    const struct principal strangers[] = {person("bob"), someone("other tenant", "alice")};
    for (size_t i = 0; i < array_len(lists); i++) {
        for (size_t k = 0; k < array_len(strangers); k++) {
            struct payment_page page;
            assert_int_equal(bank_ask(b, strangers[k], &payment_list_type, &lists[i]), RESULT_OK);
            bank_reply(b, &payment_page_type, &page);
            assert_int_equal(page.payments_count, 0);
            assert_false(page.has_next_cursor);
        }
    }
}

/* --- stored form ------------------------------------------------------------------------------ */

/* One value of msgpack that any reader can step over. */
static void expect_one_value(struct bank *b, uint16_t kind, struct id128 id)
{
    struct wire_writer written;
    struct wire_reader reader;
    wire_writer_init(&written, STORED_MAX);
    assert_int_equal(shard_actor_state(b->shard, kind, id, &written), ERR_OK);
    struct slice state = wire_written(&written);
    wire_reader_init(&reader, state.data, state.len);
    wire_skip(&reader);
    assert_true(wire_finished(&reader));
    wire_writer_done(&written);
}

static void test_states_are_one_value_when_stored(void **state)
{
    struct parties p = given(state, "10.00", "1.00");
    (void)authorize(&p, 500);
    struct actor_info infos[ACTORS_MAX];
    uint32_t count = shard_actors_top(p.bank->shard, infos, ACTORS_MAX);
    assert_in_range(count, 6, ACTORS_MAX - 1);
    for (uint32_t i = 0; i < count; i++) {
        if (infos[i].exists)
            expect_one_value(p.bank, infos[i].kind, infos[i].id);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_table),
        TEST(test_a_payment_moves_money_at_once),
        TEST(test_a_refusal_of_what_is_not_the_callers_leaves_nothing),
        TEST(test_a_refused_payment_creates_nothing),
        TEST(test_an_authorisation_is_captured_in_parts),
        TEST(test_a_final_capture_gives_back_the_rest),
        TEST(test_what_is_captured_is_refunded_while_the_rest_is_open),
        TEST(test_cancel_gives_back_what_is_left),
        TEST(test_an_authorisation_expires_by_itself),
        TEST(test_what_has_expired_is_not_captured),
        TEST(test_a_frozen_payer_still_honours_what_is_authorised),
        TEST(test_a_payer_frozen_for_all_pays_nobody),
        TEST(test_a_refund_returns_its_allowance),
        TEST(test_refunds_never_exceed_what_was_captured),
        TEST(test_a_refund_without_money_leaves_the_payment_as_it_is),
        TEST(test_states_are_one_value_when_stored),
        cmocka_unit_test(test_no_fault_of_the_store_loses_or_repeats_a_step),
        TEST(test_if_match_must_name_the_current_version),
        TEST(test_others_learn_nothing_of_a_payment),
        TEST(test_history_has_every_step),
        TEST(test_adapters_are_listed),
        TEST(test_lists_hold_what_one_pays_and_receives),
        TEST(test_a_page_ends_between_what_one_pays_and_receives),
        TEST(test_a_list_by_a_strangers_wallet_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
