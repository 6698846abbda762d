/* SPDX-License-Identifier: Apache-2.0 */
/* What a service made, only that service resolves: the ledger's messages about transfers and
 * accounts of wallets, holds and payments. */
#include "tests/unit/payment_fixture.h"

#include "actors/ledger/manager.h"
#include "schemas/ledger.h"

/* --- asking the ledger ------------------------------------------------------------------------ */

static struct principal bookkeeper(void)
{
    return person("bookkeeper");
}

static uint16_t post(struct bank *b, struct id128 id, const char *amount, bool keep)
{
    struct transfer_post body = {.transfer_id = id,
                                 .has_amount = amount != NULL,
                                 .has_keep_remainder = true,
                                 .keep_remainder = keep};
    if (amount != NULL)
        body.amount = money(amount);
    return bank_ask(b, bookkeeper(), &transfer_post_type, &body);
}

static uint16_t void_it(struct bank *b, struct id128 id)
{
    struct transfer_void body = {.transfer_id = id};
    return bank_ask(b, bookkeeper(), &transfer_void_type, &body);
}

static uint16_t reverse(struct bank *b, struct id128 id)
{
    struct transfer_reverse body = {.transfer_id = id};
    return bank_ask(b, bookkeeper(), &transfer_reverse_type, &body);
}

/* The refusal names this manager, in the prefix of its kind, and this operation. */
static void expect_use(struct bank *b, const char *prefix, struct id128 manager, const char *use)
{
    struct managed_refusal r;
    bank_reply(b, &managed_refusal_type, &r);
    char text[ID128_TEXT_LEN];
    id128_text(manager, text);
    assert_int_equal(r.managed_by.len, 4 + ID128_TEXT_LEN);
    assert_memory_equal(r.managed_by.data, prefix, 4);
    assert_memory_equal(r.managed_by.data + 4, text, ID128_TEXT_LEN);
    assert_int_equal(r.use.len, strlen(use));
    assert_memory_equal(r.use.data, use, r.use.len);
}

static struct transfer_info shown(struct bank *b, struct id128 id)
{
    struct transfer_get get = {id};
    struct transfer_info info;
    assert_int_equal(bank_ask(b, bookkeeper(), &transfer_get_type, &get), RESULT_OK);
    bank_reply(b, &transfer_info_type, &info);
    return info;
}

static struct id128 given_hold(const struct parties *p, const char *amount)
{
    struct wallet_hold_create body = {.wallet_id = p->alice, .amount = money(amount)};
    assert_int_equal(bank_ask(p->bank, person("alice"), &wallet_hold_create_type, &body),
                     RESULT_OK);
    struct wallet_hold_info info;
    bank_reply(p->bank, &wallet_hold_info_type, &info);
    return info.hold_id;
}

/* --- transfers -------------------------------------------------------------------------------- */

/* In either order it gave the money back twice. */
static void test_a_payments_transfer_is_reversed_by_its_refund_alone(void **state)
{
    struct parties p = given(state, "100", "100");
    struct id128 id = pay(&p, 5000);
    assert_int_equal(reverse(p.bank, id), RESULT_MANAGED);
    expect_use(p.bank, "pay_", id, "POST /payments/{payment_id}/refund");
    assert_int_equal(refund(p.bank, "shop", id, NULL), RESULT_OK);
    assert_int_equal(reverse(p.bank, id), RESULT_MANAGED);
    expect_payment(p.bank, id, PAYMENT_STATUS_REFUNDED, 5000, 5000);
    expect_money(&p, 10000, 0, 10000);
}

static void test_a_captures_transfer_is_reversed_by_the_refund_alone(void **state)
{
    struct parties p = given(state, "100", "100");
    struct id128 id = authorize(&p, 5000);
    assert_int_equal(capture(p.bank, "shop", id, "20", false), RESULT_OK);
    struct payment_info info;
    bank_reply(p.bank, &payment_info_type, &info);
    assert_int_equal(reverse(p.bank, info.last_transfer_id), RESULT_MANAGED);
    expect_use(p.bank, "pay_", id, "POST /payments/{payment_id}/refund");
    assert_int_equal(reverse(p.bank, id), RESULT_TRANSFER_NOT_POSTED);
    expect_money(&p, 8000, 3000, 12000);
}

/* Neither by a message of its own nor as an item of a list. */
static void test_what_is_authorised_is_captured_by_its_payment_alone(void **state)
{
    struct parties p = given(state, "100", "100");
    struct id128 id = authorize(&p, 1000);
    assert_int_equal(post(p.bank, id, "4", true), RESULT_MANAGED);
    expect_use(p.bank, "pay_", id, "POST /payments/{payment_id}/capture");
    assert_int_equal(void_it(p.bank, id), RESULT_MANAGED);
    expect_use(p.bank, "pay_", id, "POST /payments/{payment_id}/cancel");
    for (uint32_t flag = TRANSFER_FLAGS_POST_PENDING; flag <= TRANSFER_FLAGS_VOID_PENDING;
         flag <<= 1) {
        struct transfer_spec spec = {
            .id = {id.hi, id.lo + ((uint64_t)flag << 16)}, .pending_id = id, .flags = flag};
        struct transfers_create list = {&spec, 1};
        assert_int_equal(bank_ask(p.bank, bookkeeper(), &transfers_create_type, &list), RESULT_OK);
        struct item_results results;
        bank_reply(p.bank, &item_results_type, &results);
        assert_int_equal(results.results_count, 1);
        assert_int_equal(results.results[0].result, RESULT_MANAGED);
    }
    assert_int_equal(capture(p.bank, "shop", id, NULL, false), RESULT_OK);
    expect_money(&p, 9000, 0, 11000);
    assert_int_equal(post(p.bank, id, NULL, false), RESULT_MANAGED);
}

/* The pending transfer that an increase puts in place of the first. */
static void test_what_is_authorised_on_top_is_captured_by_its_payment_alone(void **state)
{
    struct parties p = given(state, "100", "100");
    struct id128 id = authorize(&p, 1000);
    struct payment_increase more = {.payment_id = id, .amount = money("5")};
    assert_int_equal(bank_ask(p.bank, person("alice"), &payment_increase_type, &more), RESULT_OK);
    struct payment_info info;
    bank_reply(p.bank, &payment_info_type, &info);
    assert_int_equal(void_it(p.bank, info.last_transfer_id), RESULT_MANAGED);
    expect_use(p.bank, "pay_", id, "POST /payments/{payment_id}/cancel");
    assert_int_equal(post(p.bank, info.last_transfer_id, NULL, false), RESULT_MANAGED);
    expect_money(&p, 10000, 1500, 10000);
}

static void test_a_holds_transfer_is_resolved_by_the_hold_alone(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct id128 id = given_hold(&p, "30");
    assert_int_equal(void_it(p.bank, id), RESULT_MANAGED);
    expect_use(p.bank, "hld_", id, "POST /wallets/{wallet_id}/holds/{hold_id}/release");
    assert_int_equal(post(p.bank, id, "10", true), RESULT_MANAGED);
    expect_use(p.bank, "hld_", id, "POST /wallets/{wallet_id}/holds/{hold_id}/capture");
    struct wallet_hold_capture body = {.hold_id = id,
                                       .wallet_id = p.alice,
                                       .has_to_wallet_id = true,
                                       .to_wallet_id = p.shop};
    assert_int_equal(bank_ask(p.bank, person("alice"), &wallet_hold_capture_type, &body),
                     RESULT_OK);
    expect_money(&p, 7000, 0, 3000);
}

static struct id128 moved(struct bank *b)
{
    struct wallet_transaction info;
    bank_reply(b, &wallet_transaction_type, &info);
    return info.transaction_id;
}

static void test_what_a_wallet_moved_its_own_operations_move_back(void **state)
{
    struct parties p = given(state, NULL, NULL);
    struct bank *b = p.bank;
    assert_int_equal(fund(b, p.alice, "100"), RESULT_OK);
    assert_int_equal(reverse(b, moved(b)), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/withdraw");
    struct wallet_withdraw withdraw = {.wallet_id = p.alice, .amount = money("10")};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_withdraw_type, &withdraw), RESULT_OK);
    assert_int_equal(reverse(b, moved(b)), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/fund");
    struct wallet_transfer transfer = {
        .wallet_id = p.alice, .to_wallet_id = p.shop, .amount = money("20")};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_transfer_type, &transfer), RESULT_OK);
    assert_int_equal(reverse(b, moved(b)), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/transfer");
    expect_money(&p, 7000, 0, 2000);
}

static void test_a_managed_transfer_names_its_manager(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct id128 id = authorize(&p, 1000);
    bank_restart(p.bank);
    struct transfer_info info = shown(p.bank, id);
    assert_true((info.flags & TRANSFER_FLAGS_MANAGED) != 0);
    assert_true(info.has_managed_by);
    assert_memory_equal(info.managed_by.data, "pay_", 4);
    struct transfers_list list = {.has_flags = true, .flags = TRANSFER_FLAGS_MANAGED};
    assert_int_equal(bank_ask(p.bank, bookkeeper(), &transfers_list_type, &list), RESULT_OK);
    struct transfer_page page;
    bank_reply(p.bank, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, 2); /* the deposit too */
    for (uint32_t i = 0; i < page.transfers_count; i++)
        assert_true(page.transfers[i].has_managed_by);
}

/* Nobody makes a transfer that only seems to be a service's. */
static void test_the_flag_managed_is_not_asked_for(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct transfer_create body = {.debit_account_id = p.alice,
                                   .has_credit_account_id = true,
                                   .credit_account_id = p.shop,
                                   .has_amount = true,
                                   .amount = 100,
                                   .currency = USD,
                                   .has_flags = true,
                                   .flags = TRANSFER_FLAGS_MANAGED};
    assert_int_equal(bank_ask(p.bank, bookkeeper(), &transfer_create_type, &body),
                     RESULT_RESERVED_FLAG);
}

/* --- accounts --------------------------------------------------------------------------------- */

static uint16_t mark(struct bank *b, const struct message_type *type, struct id128 account)
{
    union {
        struct account_freeze freeze;
        struct account_unfreeze unfreeze;
        struct account_close close;
    } body = {.freeze = {.account_id = account}};
    return bank_ask(b, bookkeeper(), type, &body);
}

static struct account_info account(struct bank *b, struct id128 id)
{
    struct account_get get = {id};
    struct account_info info;
    assert_int_equal(bank_ask(b, bookkeeper(), &account_get_type, &get), RESULT_OK);
    bank_reply(b, &account_info_type, &info);
    return info;
}

static void test_a_wallets_account_is_changed_by_the_wallet_alone(void **state)
{
    struct parties p = given(state, NULL, NULL);
    struct bank *b = p.bank;
    const struct account_info before = account(b, p.alice);
    assert_int_equal(mark(b, &account_freeze_type, p.alice), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/freeze");
    assert_int_equal(mark(b, &account_unfreeze_type, p.alice), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/unfreeze");
    assert_int_equal(mark(b, &account_close_type, p.alice), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "POST /wallets/{wallet_id}/close");
    struct account_update update = {
        .account_id = p.alice, .has_credit_balance_min = true, .credit_balance_min = money("1")};
    assert_int_equal(bank_ask(b, bookkeeper(), &account_update_type, &update), RESULT_MANAGED);
    expect_use(b, "wal_", p.alice, "PUT /wallets/{wallet_id}/limits");
    assert_int_equal(account(b, p.alice).version, before.version);
    struct account_update name = {
        .account_id = p.alice, .has_name = true, .name = slice_of("Alice")};
    assert_int_equal(bank_ask(b, bookkeeper(), &account_update_type, &name), RESULT_OK);
}

/* Its freeze would stop all deposits and withdrawals of the tenant. */
static void test_nobody_changes_the_account_of_the_outside(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct transfers_list list = {.has_account_id = true, .account_id = p.alice};
    assert_int_equal(bank_ask(p.bank, bookkeeper(), &transfers_list_type, &list), RESULT_OK);
    struct transfer_page page;
    bank_reply(p.bank, &transfer_page_type, &page);
    struct id128 clearing = page.transfers[0].debit_account_id;
    assert_int_equal(mark(p.bank, &account_freeze_type, clearing), RESULT_MANAGED);
    struct managed_refusal r;
    bank_reply(p.bank, &managed_refusal_type, &r);
    assert_memory_equal(r.managed_by.data, "acc_", 4);
    assert_false(r.has_use);
}

static void test_accounts_name_their_wallet(void **state)
{
    struct parties p = given(state, NULL, NULL);
    bank_restart(p.bank);
    assert_true(account(p.bank, p.alice).has_managed_by);
    struct accounts_list list = {.has_limit = false};
    assert_int_equal(bank_ask(p.bank, bookkeeper(), &accounts_list_type, &list), RESULT_OK);
    struct account_page page;
    bank_reply(p.bank, &account_page_type, &page);
    assert_int_equal(page.accounts_count, 2);
    for (uint32_t i = 0; i < page.accounts_count; i++)
        assert_memory_equal(page.accounts[i].managed_by.data, "wal_", 4);
}

static void test_nobody_opens_what_only_seems_to_be_a_wallets_account(void **state)
{
    struct bank *b = *state;
    struct account_create body = {
        .currency = USD, .code = 1, .has_flags = true, .flags = ACCOUNT_FLAGS_MANAGED};
    assert_int_equal(bank_ask(b, bookkeeper(), &account_create_type, &body), RESULT_RESERVED_FLAG);
}

/* --- adjustments ------------------------------------------------------------------------------ */

static struct principal auditor(void)
{
    struct principal who = person("auditor");
    who.adjusts = true;
    return who;
}

static struct id128 given_house(struct bank *b)
{
    struct account_create body = {.currency = USD, .code = 100};
    assert_int_equal(bank_ask(b, bookkeeper(), &account_create_type, &body), RESULT_OK);
    struct account_info info;
    bank_reply(b, &account_info_type, &info);
    return info.account_id;
}

static struct transfer_create moving(struct id128 from, struct id128 to, u128 amount)
{
    return (struct transfer_create){.debit_account_id = from,
                                    .has_credit_account_id = true,
                                    .credit_account_id = to,
                                    .has_amount = true,
                                    .amount = amount,
                                    .currency = USD,
                                    .has_reason = true,
                                    .reason = slice_of("booked twice")};
}

static uint16_t adjust(struct bank *b, struct principal who, const struct transfer_create *body)
{
    return bank_ask(b, who, &transfer_create_type, body);
}

static void test_an_adjustment_needs_a_right_and_a_reason(void **state)
{
    const char *const blank[] = {NULL, " ", "\u00A0\u2003", "\u200B \u3000\uFEFF"};
    struct parties p = given(state, "100", NULL);
    struct id128 house = given_house(p.bank);
    for (int out = 0; out < 2; out++) {
        struct transfer_create body =
            out ? moving(p.alice, house, 1000) : moving(house, p.alice, 1000);
        assert_int_equal(adjust(p.bank, bookkeeper(), &body), RESULT_ADJUSTMENT_NOT_ALLOWED);
        for (size_t i = 0; i < array_len(blank); i++) {
            body.has_reason = blank[i] != NULL;
            body.reason = blank[i] != NULL ? slice_of(blank[i]) : (struct slice){NULL, 0};
            assert_int_equal(adjust(p.bank, auditor(), &body), RESULT_REASON_MISSING);
        }
    }
    expect_money(&p, 10000, 0, 0);
}

/* A reversal of one is one, as is each leg of a transaction and each item of a list. */
static void test_every_way_to_adjust_has_the_same_rules(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 house = given_house(b);
    struct transfer_create body = moving(p.alice, house, 1000);
    assert_int_equal(adjust(b, auditor(), &body), RESULT_OK);
    struct transfer_info made;
    bank_reply(b, &transfer_info_type, &made);
    struct transfer_reverse back = {.transfer_id = made.transfer_id};
    assert_int_equal(bank_ask(b, auditor(), &transfer_reverse_type, &back), RESULT_REASON_MISSING);
    back.has_reason = true;
    back.reason = slice_of("a mistake");
    assert_int_equal(bank_ask(b, bookkeeper(), &transfer_reverse_type, &back),
                     RESULT_ADJUSTMENT_NOT_ALLOWED);
    assert_int_equal(bank_ask(b, auditor(), &transfer_reverse_type, &back), RESULT_OK);
    struct transaction_leg leg = {.debit_account_id = house,
                                  .credit_account_id = p.shop,
                                  .has_amount = true,
                                  .amount = 300,
                                  .currency = USD};
    struct transaction_create legs = {.legs = &leg, .legs_count = 1};
    assert_int_equal(bank_ask(b, auditor(), &transaction_create_type, &legs),
                     RESULT_REASON_MISSING);
    legs.has_reason = true;
    legs.reason = slice_of("a gift");
    assert_int_equal(bank_ask(b, auditor(), &transaction_create_type, &legs), RESULT_OK);
    struct transfer_spec item = {.id = {house.hi, house.lo ^ 1 << 20},
                                 .debit_account_id = house,
                                 .credit_account_id = p.shop,
                                 .has_amount = true,
                                 .amount = 200,
                                 .currency = USD,
                                 .code = 1};
    struct transfers_create list = {&item, 1};
    struct item_results results;
    assert_int_equal(bank_ask(b, auditor(), &transfers_create_type, &list), RESULT_OK);
    bank_reply(b, &item_results_type, &results);
    assert_int_equal(results.results[0].result, RESULT_REASON_MISSING);
    item.has_reason = true;
    item.reason = slice_of("another gift");
    assert_int_equal(bank_ask(b, auditor(), &transfers_create_type, &list), RESULT_OK);
    bank_reply(b, &item_results_type, &results);
    assert_int_equal(results.results_count, 0);
    assert_int_equal(shown(b, item.id).reason.len, strlen("another gift"));
    expect_money(&p, 10000, 0, 500);
}

/* It passes the wallet's limits and freeze, and is not counted against the limits. */
static void test_an_adjustment_takes_what_is_there_and_not_kept_aside(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 house = given_house(b);
    assert_int_equal(set_limits(b, p.alice, "5", "5"), RESULT_OK);
    assert_int_equal(given_hold(&p, "4").hi != 0, 1);
    struct wallet_freeze freeze = {
        .wallet_id = p.alice, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    struct transfer_create all = moving(p.alice, house, 9601), rest = moving(p.alice, house, 9600);
    assert_int_equal(adjust(b, auditor(), &all), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(adjust(b, auditor(), &rest), RESULT_OK);
    expect_money(&p, 400, 400, 0);
    assert_true(show_wallet(b, p.alice).spent_today == 400);
}

/* Neither pending nor closing: its holds and payments would not add up to what is kept aside, and
 * a closed wallet's account could be opened again. */
static void test_an_adjustment_keeps_nothing_aside(void **state)
{
    struct parties p = given(state, NULL, NULL);
    struct id128 house = given_house(p.bank);
    struct transfer_create body = moving(p.alice, house, 0);
    body.has_flags = true;
    body.flags = TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_CLOSING_DEBIT;
    assert_int_equal(adjust(p.bank, auditor(), &body), RESULT_MANAGED);
    expect_use(p.bank, "wal_", p.alice, "POST /wallets/{wallet_id}/close");
    body = moving(house, p.alice, 100);
    body.has_flags = true;
    body.flags = TRANSFER_FLAGS_PENDING;
    assert_int_equal(adjust(p.bank, auditor(), &body), RESULT_MANAGED);
    expect_use(p.bank, "wal_", p.alice, "POST /wallets/{wallet_id}/holds");
    struct wallet_close close = {.wallet_id = p.alice};
    assert_int_equal(bank_ask(p.bank, person("alice"), &wallet_close_type, &close), RESULT_OK);
    body.flags = 0;
    assert_int_equal(adjust(p.bank, auditor(), &body), RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED);
}

/* Whatever its code. */
static void test_the_wallets_history_shows_adjustments(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 house = given_house(b);
    struct transfer_create out = moving(p.alice, house, 1000), in = moving(house, p.alice, 300);
    out.has_code = true;
    out.code = MANAGED_PAYMENT;
    assert_int_equal(adjust(b, auditor(), &out), RESULT_OK);
    assert_int_equal(adjust(b, auditor(), &in), RESULT_OK);
    struct wallet_transaction_list list = {.wallet_id = p.alice};
    assert_int_equal(bank_ask(b, person("alice"), &wallet_transaction_list_type, &list),
                     RESULT_OK);
    struct wallet_transaction_page page;
    bank_reply(b, &wallet_transaction_page_type, &page);
    static const uint8_t types[] = {WALLET_TRANSACTION_TYPE_ADJUSTMENT_IN,
                                    WALLET_TRANSACTION_TYPE_ADJUSTMENT_OUT,
                                    WALLET_TRANSACTION_TYPE_DEPOSIT};
    assert_int_equal(page.transactions_count, array_len(types));
    for (uint32_t i = 0; i < page.transactions_count; i++) {
        assert_int_equal(page.transactions[i].type, types[i]);
        assert_int_equal(page.transactions[i].has_reason, i < 2);
        assert_false(page.transactions[i].has_counterparty_wallet_id);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_payments_transfer_is_reversed_by_its_refund_alone),
        TEST(test_a_captures_transfer_is_reversed_by_the_refund_alone),
        TEST(test_what_is_authorised_is_captured_by_its_payment_alone),
        TEST(test_what_is_authorised_on_top_is_captured_by_its_payment_alone),
        TEST(test_a_holds_transfer_is_resolved_by_the_hold_alone),
        TEST(test_what_a_wallet_moved_its_own_operations_move_back),
        TEST(test_a_managed_transfer_names_its_manager),
        TEST(test_the_flag_managed_is_not_asked_for),
        TEST(test_a_wallets_account_is_changed_by_the_wallet_alone),
        TEST(test_nobody_changes_the_account_of_the_outside),
        TEST(test_accounts_name_their_wallet),
        TEST(test_nobody_opens_what_only_seems_to_be_a_wallets_account),
        TEST(test_an_adjustment_needs_a_right_and_a_reason),
        TEST(test_every_way_to_adjust_has_the_same_rules),
        TEST(test_an_adjustment_takes_what_is_there_and_not_kept_aside),
        TEST(test_an_adjustment_keeps_nothing_aside),
        TEST(test_the_wallets_history_shows_adjustments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
