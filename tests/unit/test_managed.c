/* SPDX-License-Identifier: Apache-2.0 */
/* What a service made, only that service resolves: the ledger's messages about transfers and
 * accounts of wallets, holds and payments. */
#include "tests/unit/payment_fixture.h"

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
        struct transfer_spec spec = {.id = {id.hi, id.lo + ((uint64_t)flag << 16)},
                                     .pending_id = id,
                                     .flags = flag,
                                     .amount = flag == TRANSFER_FLAGS_POST_PENDING ? U128_MAX : 0};
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_payments_transfer_is_reversed_by_its_refund_alone),
        TEST(test_a_captures_transfer_is_reversed_by_the_refund_alone),
        TEST(test_what_is_authorised_is_captured_by_its_payment_alone),
        TEST(test_a_holds_transfer_is_resolved_by_the_hold_alone),
        TEST(test_what_a_wallet_moved_its_own_operations_move_back),
        TEST(test_a_managed_transfer_names_its_manager),
        TEST(test_the_flag_managed_is_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
