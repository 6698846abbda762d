/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets, holds and payments are shown alike by every way: in the answer to who changed them,
 * alone, in lists, and by a shard that has only its journal. */
#include "tests/unit/payment_fixture.h"

/* --- comparing -------------------------------------------------------------------------------- */

/* A decoded reply, whose words outlive the next request. */
static void keep_reply(struct bank *b, const struct message_type *type, void *reply)
{
    struct wire_reader from;
    struct slice kept = arena_copy(&b->arena, wire_written(&b->message.reply));
    assert_int_equal(b->message.reply_type, type->number);
    memset(reply, 0, type->size);
    wire_reader_init(&from, kept.data, kept.len);
    assert_true(type->read(&from, &b->arena, reply));
}

static void ask(struct bank *b, struct principal who, const struct message_type *type,
                const void *body, const struct message_type *reply_type, void *reply)
{
    assert_int_equal(bank_ask(b, who, type, body), RESULT_OK);
    keep_reply(b, reply_type, reply);
}

static void expect_same(const struct message_type *type, const void *a, const void *b)
{
    struct wire_writer first, second;
    wire_writer_init(&first, 1 << 16);
    wire_writer_init(&second, 1 << 16);
    type->write(&first, a);
    type->write(&second, b);
    assert_true(slice_equal(wire_written(&first), wire_written(&second)));
    wire_writer_done(&first);
    wire_writer_done(&second);
}

static struct metadata_pair pair = {{"order", 5}, {"17", 2}};

/* --- wallets ---------------------------------------------------------------------------------- */

/* Lists do not say what was spent today. */
static void expect_wallet_listed(struct bank *b, struct wallet_info info)
{
    struct wallet_list q = {.has_currency = true, .currency = info.currency};
    struct wallet_page page;
    ask(b, person("alice"), &wallet_list_type, &q, &wallet_page_type, &page);
    assert_int_equal(page.wallets_count, 1);
    info.has_spent_today = false;
    info.spent_today = 0;
    expect_same(&wallet_info_type, &info, &page.wallets[0]);
}

static void expect_wallet_shown(struct bank *b, const struct wallet_info *answered)
{
    struct wallet_get get = {.wallet_id = answered->wallet_id};
    struct wallet_balance_get balance_get = {.wallet_id = answered->wallet_id};
    struct wallet_balance balance;
    struct wallet_info shown;
    for (int restarted = 0; restarted < 2; restarted++) {
        ask(b, person("alice"), &wallet_get_type, &get, &wallet_info_type, &shown);
        expect_same(&wallet_info_type, answered, &shown);
        expect_wallet_listed(b, *answered);
        ask(b, person("alice"), &wallet_balance_get_type, &balance_get, &wallet_balance_type,
            &balance);
        assert_true(balance.balance == shown.balance && balance.currency == shown.currency);
        assert_true(balance.available_balance == shown.available_balance);
        assert_true(balance.pending_balance == shown.pending_balance);
        assert_true(balance.incoming_balance == shown.incoming_balance);
        assert_true(balance.total_balance == shown.total_balance);
        assert_int_equal(balance.version, shown.version);
        bank_restart(b);
    }
}

static void test_a_wallet_is_shown_as_it_was_answered(void **state)
{
    struct bank *b = *state;
    struct wallet_open open = {.currency = USD, .has_metadata = true, .metadata = {&pair, 1}};
    struct wallet_info w;
    ask(b, person("alice"), &wallet_open_type, &open, &wallet_info_type, &w);
    assert_true(slice_equal(w.user_id, slice_of("alice")));
    assert_int_equal(w.metadata.count, 1);
    assert_false(w.has_per_transaction || w.has_per_day || w.has_freeze_scope);
    expect_wallet_shown(b, &w);

    assert_int_equal(fund(b, w.wallet_id, "100"), RESULT_OK);
    struct wallet_limits_set limits = {.wallet_id = w.wallet_id,
                                       .has_per_transaction = true,
                                       .per_transaction = money("30"),
                                       .has_per_day = true,
                                       .per_day = money("70")};
    ask(b, clerk(), &wallet_limits_set_type, &limits, &wallet_info_type, &w);
    assert_true(w.has_per_transaction && w.per_transaction == 3000);
    assert_true(w.has_per_day && w.per_day == 7000);
    expect_wallet_shown(b, &w);

    struct wallet_hold_create hold = {.wallet_id = w.wallet_id, .amount = money("12")};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_create_type, &hold), RESULT_OK);
    struct id128 shop = given_wallet(b, "shop", "50");
    struct parties back = {.bank = b, .alice = shop, .shop = w.wallet_id};
    struct payment_create incoming = order(&back, 500);
    incoming.has_capture = true;
    incoming.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    paid(b, person("shop"), &incoming);
    w = show_wallet(b, w.wallet_id);
    assert_true(w.balance == 10000 && w.available_balance == 8800 && w.pending_balance == 1200);
    assert_true(w.incoming_balance == 500 && w.total_balance == 10000 && w.spent_today == 1200);
    assert_int_equal(w.open_holds, 1);
    keep_reply(b, &wallet_info_type, &w);
    expect_wallet_shown(b, &w);

    struct wallet_freeze freeze = {
        .wallet_id = w.wallet_id, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    ask(b, clerk(), &wallet_freeze_type, &freeze, &wallet_info_type, &w);
    assert_int_equal(w.status, WALLET_STATUS_FROZEN);
    assert_true(w.has_freeze_scope && w.freeze_scope == FREEZE_SCOPE_ALL);
    expect_wallet_shown(b, &w);
}

/* --- holds ------------------------------------------------------------------------------------ */

static void expect_hold_shown(struct bank *b, const struct wallet_hold_info *answered)
{
    struct wallet_hold_get get = {.hold_id = answered->hold_id, .wallet_id = answered->wallet_id};
    struct wallet_hold_list list = {.wallet_id = answered->wallet_id};
    struct wallet_hold_info shown;
    struct wallet_hold_page page;
    for (int restarted = 0; restarted < 2; restarted++) {
        ask(b, person("alice"), &wallet_hold_get_type, &get, &wallet_hold_info_type, &shown);
        expect_same(&wallet_hold_info_type, answered, &shown);
        ask(b, person("alice"), &wallet_hold_list_type, &list, &wallet_hold_page_type, &page);
        assert_int_equal(page.holds_count, 1);
        expect_same(&wallet_hold_info_type, answered, &page.holds[0]);
        bank_restart(b);
    }
}

static void test_a_hold_is_shown_as_it_was_answered(void **state)
{
    struct bank *b = *state;
    struct id128 wallet = given_wallet(b, "alice", "100");
    struct wallet_hold_create create = {.wallet_id = wallet,
                                        .amount = money("60"),
                                        .has_expires_in_s = true,
                                        .expires_in_s = 3600,
                                        .has_description = true,
                                        .description = slice_of("a room"),
                                        .has_metadata = true,
                                        .metadata = {&pair, 1}};
    struct wallet_hold_info h;
    ask(b, person("alice"), &wallet_hold_create_type, &create, &wallet_hold_info_type, &h);
    assert_true(h.amount == 6000 && h.remaining_amount == 6000 && h.captured_amount == 0);
    assert_int_equal(h.status, HOLD_STATUS_HELD);
    assert_int_equal(h.expires_at - h.created_at, 3600 * NS_PER_S);
    assert_true(slice_equal(h.description, slice_of("a room")) && h.metadata.count == 1);
    expect_hold_shown(b, &h);

    struct wallet_hold_capture capture = {.hold_id = h.hold_id,
                                          .wallet_id = wallet,
                                          .has_amount = true,
                                          .amount = money("25")};
    ask(b, person("alice"), &wallet_hold_capture_type, &capture, &wallet_hold_info_type, &h);
    assert_true(h.captured_amount == 2500 && h.remaining_amount == 3500);
    assert_int_equal(h.status, HOLD_STATUS_PARTIALLY_CAPTURED);
    expect_hold_shown(b, &h);

    struct wallet_hold_extend extend = {
        .hold_id = h.hold_id, .wallet_id = wallet, .has_expires_in_s = true, .expires_in_s = 7200};
    ask(b, person("alice"), &wallet_hold_extend_type, &extend, &wallet_hold_info_type, &h);
    expect_hold_shown(b, &h);

    struct wallet_hold_release release = {.hold_id = h.hold_id, .wallet_id = wallet};
    ask(b, person("alice"), &wallet_hold_release_type, &release, &wallet_hold_info_type, &h);
    assert_true(h.captured_amount == 2500 && h.remaining_amount == 0);
    expect_hold_shown(b, &h);
}

/* --- movements -------------------------------------------------------------------------------- */

/* Each movement of the list alone says the same. */
static void test_a_movement_is_shown_as_it_is_listed(void **state)
{
    struct parties p = given(state, "100", "100");
    struct bank *b = p.bank;
    struct wallet_transfer transfer = {.wallet_id = p.alice,
                                       .to_wallet_id = p.shop,
                                       .amount = money("5"),
                                       .has_description = true,
                                       .description = slice_of("lunch"),
                                       .has_metadata = true,
                                       .metadata = {&pair, 1}};
    struct wallet_transaction answered;
    ask(b, person("alice"), &wallet_transfer_type, &transfer, &wallet_transaction_type, &answered);
    struct id128 paid_id = authorize(&p, 3000);
    assert_int_equal(capture(b, "shop", paid_id, "10", false), RESULT_OK);
    assert_int_equal(refund(b, "shop", paid_id, "4"), RESULT_OK);
    assert_int_equal(cancel(b, "alice", paid_id), RESULT_OK);
    struct wallet_transaction_list list = {.wallet_id = p.alice};
    struct wallet_transaction_page page;
    ask(b, person("alice"), &wallet_transaction_list_type, &list, &wallet_transaction_page_type,
        &page);
    static const uint8_t types[] = {
        WALLET_TRANSACTION_TYPE_PAYMENT_RELEASED,   WALLET_TRANSACTION_TYPE_REFUND_IN,
        WALLET_TRANSACTION_TYPE_PAYMENT_OUT,        WALLET_TRANSACTION_TYPE_PAYMENT_AUTHORIZED,
        WALLET_TRANSACTION_TYPE_TRANSFER_OUT,       WALLET_TRANSACTION_TYPE_DEPOSIT};
    static const uint64_t balances[][2] = {{8900, 8900}, {8900, 6900}, {8500, 6500},
                                           {9500, 6500}, {9500, 9500}, {10000, 10000}};
    assert_int_equal(page.transactions_count, array_len(types));
    for (uint32_t i = 0; i < page.transactions_count; i++) {
        const struct wallet_transaction *x = &page.transactions[i];
        struct wallet_transaction_get get = {.wallet_id = p.alice, .transfer_id = x->transfer_id};
        struct wallet_transaction alone;
        assert_int_equal(x->type, types[i]);
        assert_true(x->balance == balances[i][0] && x->available_balance == balances[i][1]);
        assert_int_equal(x->has_payment_id, i < 4);
        assert_true(i >= 4 || id128_equal(x->payment_id, paid_id));
        ask(b, person("alice"), &wallet_transaction_get_type, &get, &wallet_transaction_type,
            &alone);
        expect_same(&wallet_transaction_type, x, &alone);
    }
    expect_same(&wallet_transaction_type, &answered, &page.transactions[4]);
    assert_true(id128_equal(answered.counterparty_wallet_id, p.shop));
    struct wallet_transaction_get other = {.wallet_id = p.shop,
                                           .transfer_id = page.transactions[5].transfer_id};
    assert_int_equal(bank_ask(b, person("shop"), &wallet_transaction_get_type, &other),
                     RESULT_NOT_FOUND);
}

/* --- payments --------------------------------------------------------------------------------- */

static void expect_payment_shown(const struct parties *p, const struct payment_info *answered)
{
    struct bank *b = p->bank;
    struct payment_get get = {.payment_id = answered->payment_id};
    struct payment_list list = {.has_from_account = true, .from_account = p->alice};
    struct payment_info shown;
    struct payment_page page;
    for (int restarted = 0; restarted < 2; restarted++) {
        ask(b, person("alice"), &payment_get_type, &get, &payment_info_type, &shown);
        expect_same(&payment_info_type, answered, &shown);
        ask(b, person("alice"), &payment_list_type, &list, &payment_page_type, &page);
        assert_int_equal(page.payments_count, 1);
        expect_same(&payment_info_type, answered, &page.payments[0]);
        bank_restart(b);
    }
}

/* Asks as the payer, and compares. */
static struct payment_info changed(const struct parties *p, const struct message_type *type,
                                   const void *body)
{
    struct payment_info info;
    bank_wait(p->bank, NS_PER_S);
    uint64_t before = WORLD_EPOCH_NS + p->bank->world.now_ns;
    ask(p->bank, person("alice"), type, body, &payment_info_type, &info);
    assert_true(info.updated_at >= before && info.updated_at < before + NS_PER_S);
    expect_payment_shown(p, &info);
    return info;
}

static void test_a_payment_is_shown_as_it_was_answered(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct payment_create create = order(&p, 6000);
    create.has_capture = create.has_description = create.has_customer_id = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    create.description = slice_of("two books");
    create.customer_id = slice_of("c-7");
    create.has_metadata = true;
    create.metadata = (struct metadata){&pair, 1};
    struct payment_info info = changed(&p, &payment_create_type, &create);
    assert_int_equal(info.status, PAYMENT_STATUS_AUTHORIZED);
    assert_true(slice_equal(info.customer_id, slice_of("c-7")) && info.metadata.count == 1);
    assert_true(info.has_transfer_id && info.details.has_expires_at && !info.has_failure_code);
    assert_int_equal(info.details.capture, PAYMENT_CAPTURE_MODE_MANUAL);
    assert_int_equal(info.version, 1);

    struct id128 id = info.payment_id;
    struct payment_extend extend = {
        .payment_id = id, .has_expires_in_s = true, .expires_in_s = 20 * 24 * 3600};
    uint64_t before = info.details.expires_at;
    info = changed(&p, &payment_extend_type, &extend);
    assert_true(info.details.expires_at > before);
    struct payment_increase more = {.payment_id = id, .amount = money("5")};
    info = changed(&p, &payment_increase_type, &more);
    assert_true(info.amount == 6500);
    struct payment_update update = {.payment_id = id, .has_metadata = true};
    info = changed(&p, &payment_update_type, &update);
    assert_int_equal(info.metadata.count, 0);

    assert_int_equal(capture(p.bank, "shop", id, "30", false), RESULT_OK);
    assert_int_equal(refund(p.bank, "shop", id, "10"), RESULT_OK);
    struct payment_cancel end = {.payment_id = id};
    info = changed(&p, &payment_cancel_type, &end);
    assert_true(info.captured_amount == 3000 && info.refunded_amount == 1000);
    assert_int_equal(info.status, PAYMENT_STATUS_PARTIALLY_REFUNDED);
    assert_true(info.has_last_transfer_id && !id128_equal(info.last_transfer_id, id));
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, bank_setup, bank_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(test_a_wallet_is_shown_as_it_was_answered),
        SCENARIO(test_a_hold_is_shown_as_it_was_answered),
        SCENARIO(test_a_movement_is_shown_as_it_is_listed),
        SCENARIO(test_a_payment_is_shown_as_it_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
