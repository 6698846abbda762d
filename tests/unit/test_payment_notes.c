/* SPDX-License-Identifier: Apache-2.0 */
/* What is noted with payments, captures and refunds and found again by it; refunds as things of
 * their own; payments that were declined; authorisations that live longer. */
#include "tests/unit/payment_fixture.h"

#include "actors/wallet/wallet.h"
#include "runtime/base/time.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

static struct metadata_pair order_17[] = {{{"order", 5}, {"17", 2}}};
static struct metadata_pair order_18[] = {{{"order", 5}, {"18", 2}}};

/* --- notes of the payer ----------------------------------------------------------------------- */

static uint16_t note(struct bank *b, const char *who, struct id128 id, struct metadata_pair *pair)
{
    struct payment_update body = {
        .payment_id = id, .has_metadata = pair != NULL, .metadata = {pair, pair != NULL}};
    return bank_ask(b, person(who), &payment_update_type, &body);
}

static void test_the_payer_changes_the_pairs_of_a_payment(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = pay(&p, 1000);
    uint64_t version = show(b, id).version;
    assert_int_equal(note(b, "shop", id, order_17), RESULT_FORBIDDEN);
    assert_int_equal(note(b, "bob", id, order_17), RESULT_NOT_FOUND);
    assert_int_equal(note(b, "alice", id, order_17), RESULT_OK);
    assert_true(show(b, id).version == version + 1);
    assert_int_equal(note(b, "alice", id, order_17), RESULT_OK);
    assert_int_equal(note(b, "alice", id, NULL), RESULT_OK);
    assert_true(show(b, id).version == version + 1);
    bank_restart(b);
    struct payment_info info = show(b, id);
    assert_int_equal(info.metadata.count, 1);
    assert_true(slice_equal(info.metadata.items[0].value, slice_of("17")));
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 1000, 0);
}

static uint32_t found(struct bank *b, struct principal who, struct payment_list list)
{
    struct payment_page page;
    assert_int_equal(bank_ask(b, who, &payment_list_type, &list), RESULT_OK);
    bank_reply(b, &payment_page_type, &page);
    return page.payments_count;
}

static void test_payments_are_found_by_what_the_payer_noted(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    for (int i = 0; i < 3; i++) {
        struct payment_create create = order(&p, 100);
        create.has_customer_id = true;
        create.customer_id = slice_of(i == 0 ? "c-1" : "c-2");
        create.has_metadata = true;
        create.metadata = (struct metadata){i == 2 ? order_18 : order_17, 1};
        paid(b, person("alice"), &create);
    }
    const struct payment_list by_customer = {.has_customer_id = true,
                                             .customer_id = slice_of("c-2")};
    const struct payment_list by_pair = {.has_metadata = true, .metadata = {order_17, 1}};
    const struct payment_list by_currency = {.has_currency = true, .currency = JPY};
    assert_int_equal(found(b, clerk(), by_customer), 2);
    assert_int_equal(found(b, person("alice"), by_customer), 2);
    assert_int_equal(found(b, person("shop"), by_customer), 0);
    assert_int_equal(found(b, clerk(), by_pair), 2);
    assert_int_equal(found(b, person("alice"), by_pair), 2);
    assert_int_equal(found(b, person("shop"), by_pair), 0);
    assert_int_equal(found(b, person("alice"), by_currency), 0);
    assert_int_equal(found(b, person("shop"), (struct payment_list){.status = 0}), 3);
    const struct payment_list of_no_wallet = {.has_from_account = true, .from_account = {1, 2}};
    assert_int_equal(found(b, clerk(), of_no_wallet), 0);
}

/* --- refunds ---------------------------------------------------------------------------------- */

static struct payment_refund_page refunds_of(struct bank *b, struct principal who,
                                             struct payment_refund_list list)
{
    struct payment_refund_page page;
    assert_int_equal(bank_ask(b, who, &payment_refund_list_type, &list), RESULT_OK);
    bank_reply(b, &payment_refund_page_type, &page);
    return page;
}

static void test_refunds_are_things_of_their_own(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = pay(&p, 1000);
    struct payment_refund body = {.payment_id = id,
                                  .has_amount = true,
                                  .amount = money("3"),
                                  .has_reason = true,
                                  .reason = slice_of("returned"),
                                  .has_metadata = true,
                                  .metadata = {order_17, 1}};
    assert_int_equal(bank_ask(b, person("shop"), &payment_refund_type, &body), RESULT_OK);
    assert_int_equal(refund(b, "shop", id, "2"), RESULT_OK);
    struct payment_refund_list list = {.payment_id = id, .has_limit = true, .limit = 1};
    struct payment_refund_page page = refunds_of(b, person("shop"), list);
    assert_int_equal(page.refunds_count, 1);
    assert_true(page.refunds[0].amount == 300 && page.has_next_cursor);
    assert_true(id128_equal(page.refunds[0].refund_id, page.refunds[0].transfer_id));
    assert_true(slice_equal(page.refunds[0].reason, slice_of("returned")));
    assert_int_equal(page.refunds[0].metadata.count, 1);
    list.has_cursor = true;
    list.cursor = arena_copy(&b->arena, page.next_cursor);
    page = refunds_of(b, person("shop"), list);
    assert_int_equal(page.refunds_count, 1);
    assert_true(page.refunds[0].amount == 200);
    list.has_cursor = false;
    page = refunds_of(b, person("alice"), list);
    assert_int_equal(page.refunds[0].metadata.count, 0); /* the shop's own */
    assert_int_equal(bank_ask(b, person("bob"), &payment_refund_list_type, &list),
                     RESULT_NOT_FOUND);
}

static void test_a_capture_keeps_the_pairs_given_with_it(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize(&p, 1000);
    struct payment_capture body = {
        .payment_id = id, .has_metadata = true, .metadata = {order_18, 1}};
    assert_int_equal(bank_ask(b, person("shop"), &payment_capture_type, &body), RESULT_OK);
    struct payment_event_list list = {.payment_id = id};
    struct payment_event_page page;
    assert_int_equal(bank_ask(b, person("shop"), &payment_event_list_type, &list), RESULT_OK);
    bank_reply(b, &payment_event_page_type, &page);
    assert_int_equal(page.events_count, 2);
    assert_int_equal(page.events[0].metadata.count, 0);
    assert_true(slice_equal(page.events[1].metadata.items[0].value, slice_of("18")));
}

/* --- declined --------------------------------------------------------------------------------- */

static struct id128 declined(struct bank *b, struct payment_create create, uint16_t code)
{
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create), code);
    struct payment_reference reference;
    bank_reply(b, &payment_reference_type, &reference);
    return reference.payment_id;
}

static void test_a_declined_payment_is_kept_and_moves_nothing(void **state)
{
    struct parties p = given(state, "10", NULL);
    struct bank *b = p.bank;
    struct id128 id = declined(b, order(&p, 1001), RESULT_EXCEEDS_CREDITS);
    bank_restart(b);
    struct payment_info info = show(b, id);
    assert_int_equal(info.status, PAYMENT_STATUS_FAILED);
    assert_int_equal(info.failure_code, RESULT_EXCEEDS_CREDITS);
    assert_false(info.has_transfer_id || info.has_last_transfer_id);
    expect_money(&p, 1000, 0, 0);
    struct payment_get get = {.payment_id = id};
    assert_int_equal(bank_ask(b, person("alice"), &payment_get_type, &get), RESULT_OK);
    assert_int_equal(bank_ask(b, person("shop"), &payment_get_type, &get), RESULT_NOT_FOUND);
    const struct payment_list failed = {.has_status = true, .status = PAYMENT_STATUS_FAILED};
    assert_int_equal(found(b, person("alice"), failed), 1);
    assert_int_equal(found(b, person("shop"), failed), 0);
    assert_int_equal(found(b, clerk(), failed), 1);
    assert_int_equal(cancel(b, "alice", id), RESULT_PAYMENT_FAILED);
    assert_int_equal(refund(b, "shop", id, NULL), RESULT_NOT_FOUND);
    /* Not even one who acts for any owner acts for its payee. */
    const struct payment_capture take = {.payment_id = id};
    const struct payment_refund give_back = {.payment_id = id};
    assert_int_equal(bank_ask(b, clerk(), &payment_capture_type, &take), RESULT_FORBIDDEN);
    assert_int_equal(bank_ask(b, clerk(), &payment_refund_type, &give_back), RESULT_FORBIDDEN);
}

/* With its rows and all that was noted with it. The journal has it for good. */
static void test_a_declined_payment_is_forgotten_with_its_key(void **state)
{
    struct parties p = given(state, "10", NULL);
    struct bank *b = p.bank;
    struct id128 noted = declined(b, order(&p, 1001), RESULT_EXCEEDS_CREDITS);
    const struct payment_update note = {.payment_id = noted, .has_metadata = true};
    assert_int_equal(bank_ask(b, person("alice"), &payment_update_type, &note), RESULT_OK);
    struct id128 done = pay(&p, 500);
    bank_wait(b, 30 * NS_PER_DAY);
    assert_int_equal(show(b, noted).status, PAYMENT_STATUS_FAILED);
    assert_int_equal(found(b, clerk(), (struct payment_list){0}), 2);
    bank_restart(b);
    bank_wait(b, 2 * NS_PER_DAY);
    struct payment_get get = {.payment_id = noted};
    assert_int_equal(bank_ask(b, person("alice"), &payment_get_type, &get), RESULT_NOT_FOUND);
    assert_int_equal(found(b, clerk(), (struct payment_list){0}), 1);
    struct payment_event_list events = {.payment_id = noted};
    assert_int_equal(bank_ask(b, clerk(), &payment_event_list_type, &events), RESULT_NOT_FOUND);
    bank_restart(b);
    assert_int_equal(show(b, done).status, PAYMENT_STATUS_COMPLETED);
    assert_int_equal(bank_ask(b, person("alice"), &payment_get_type, &get), RESULT_NOT_FOUND);
}

/* What others did is shown with their names as long as it is shown. */
static void test_who_asked_is_forgotten_with_what_was_declined(void **state)
{
    struct parties p = given(state, "10", NULL);
    struct bank *b = p.bank;
    struct id128 done = pay(&p, 500);
    uint32_t rows = bank_attribution_rows(b);
    struct id128 refused = declined(b, order(&p, 1001), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(bank_attribution_rows(b), rows + 1);
    assert_int_equal(note(b, "alice", refused, order_17), RESULT_OK);
    assert_int_equal(bank_attribution_rows(b), rows + 2);
    bank_wait(b, 33 * NS_PER_DAY);
    assert_int_equal(bank_attribution_rows(b), rows);
    const struct payment_event_list list = {.payment_id = done};
    assert_int_equal(bank_ask(b, clerk(), &payment_event_list_type, &list), RESULT_OK);
    struct payment_event_page page;
    bank_reply(b, &payment_event_page_type, &page);
    assert_int_equal(page.events_count, 1);
    assert_true(slice_equal(page.events[0].by, slice_of("alice")));
}

static void test_limits_and_freezes_decline_a_payment(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    assert_int_equal(set_limits(b, p.alice, "5", NULL), RESULT_OK);
    struct id128 id = declined(b, order(&p, 501), RESULT_PER_TRANSACTION_LIMIT_EXCEEDED);
    assert_int_equal(show(b, id).failure_code, RESULT_PER_TRANSACTION_LIMIT_EXCEEDED);
    assert_true(show_wallet(b, p.alice).spent_today == 0);
    struct wallet_freeze freeze = {.wallet_id = p.alice};
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    declined(b, order(&p, 100), RESULT_WALLET_FROZEN);
    assert_int_equal(found(b, person("alice"), (struct payment_list){.status = 0}), 2);
}

/* What is refused for its form, or to somebody who does not see the payer, is no payment. */
static void test_what_is_no_payment_is_not_kept(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct payment_create create = order(&p, 0);
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    create = order(&p, 100000);
    assert_int_equal(bank_ask(b, person("bob"), &payment_create_type, &create),
                     RESULT_PAYER_NOT_FOUND);
    create.to_account = create.from_account;
    assert_int_equal(bank_ask(b, person("alice"), &payment_create_type, &create),
                     RESULT_PAYMENT_TO_SELF);
    assert_int_equal(found(b, clerk(), (struct payment_list){.status = 0}), 0);
}

/* --- longer lives ----------------------------------------------------------------------------- */

static uint16_t extend(struct bank *b, const char *who, struct id128 id, uint32_t seconds)
{
    struct payment_extend body = {
        .payment_id = id, .has_expires_in_s = true, .expires_in_s = seconds};
    return bank_ask(b, person(who), &payment_extend_type, &body);
}

static void test_an_extended_authorisation_lives_longer(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize_briefly(&p, 1000);
    assert_int_equal(extend(b, "shop", id, 120), RESULT_FORBIDDEN);
    assert_int_equal(extend(b, "alice", id, 30), RESULT_EXPIRY_NOT_LATER);
    assert_int_equal(extend(b, "alice", id, 120), RESULT_OK);
    bank_wait(b, 90 * NS_PER_S);
    expect_payment(b, id, PAYMENT_STATUS_AUTHORIZED, 0, 0);
    bank_restart(b);
    assert_int_equal(capture(b, "shop", id, "4", false), RESULT_OK);
    bank_wait(b, 60 * NS_PER_S);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 400, 0);
    expect_money(&p, 9600, 0, 400);
    assert_int_equal(extend(b, "alice", id, 600), RESULT_PAYMENT_ALREADY_CAPTURED);
}

/* The store failed when its time came: the wish is there before the timeout is. */
static void test_what_has_expired_is_not_extended(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize_briefly(&p, 1000), captured = pay(&p, 500);
    bank_wait_unread(b, 60 * NS_PER_S);
    assert_int_equal(extend(b, "alice", id, 120), RESULT_PAYMENT_EXPIRED);
    assert_int_equal(extend(b, "alice", captured, 120), RESULT_PAYMENT_ALREADY_CAPTURED);
    bank_wait(b, 20 * NS_PER_S);
    assert_int_equal(extend(b, "alice", id, 120), RESULT_PAYMENT_EXPIRED);
    expect_payment(b, id, PAYMENT_STATUS_EXPIRED, 0, 0);
    expect_money(&p, 9500, 0, 500);
}

static void test_an_authorisation_expires_at_its_time_not_after_it(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize_briefly(&p, 1000);
    bank_stop_clocks(b, show(b, id).details.expires_at);
    assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_PAYMENT_EXPIRED);
    assert_int_equal(extend(b, "alice", id, 120), RESULT_PAYMENT_EXPIRED);
    bank_fire_deadline(b, KIND_PAYMENT, id);
    expect_payment(b, id, PAYMENT_STATUS_EXPIRED, 0, 0);
    bank_let_clocks_go_on(b);
    expect_money(&p, 10000, 0, 0);
}

static void test_a_deadline_that_fires_early_or_late_changes_nothing(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize_briefly(&p, 1000);
    bank_restart(b);
    bank_fire_deadline(b, KIND_PAYMENT, id);
    expect_money(&p, 10000, 1000, 0);
    assert_int_equal(capture(b, "shop", id, NULL, false), RESULT_OK);
    bank_wait(b, 60 * NS_PER_S);
    bank_fire_deadline(b, KIND_PAYMENT, id);
    bank_fire_deadline(b, KIND_PAYMENT, p.alice);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 1000, 0);
    expect_money(&p, 9000, 0, 1000);
}

/* --- more ------------------------------------------------------------------------------------- */

static uint16_t increase(struct bank *b, const char *who, struct id128 id, const char *amount)
{
    struct payment_increase body = {.payment_id = id, .amount = money(amount)};
    return bank_ask(b, person(who), &payment_increase_type, &body);
}

static void test_an_authorisation_grows_within_what_the_payer_may(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct id128 id = authorize(&p, 4000);
    assert_int_equal(capture(b, "shop", id, "10", false), RESULT_OK);
    assert_int_equal(increase(b, "shop", id, "5"), RESULT_FORBIDDEN);
    assert_int_equal(increase(b, "alice", id, "60.01"), RESULT_EXCEEDS_CREDITS);
    expect_money(&p, 9000, 3000, 1000);
    assert_int_equal(set_limits(b, p.alice, "50", NULL), RESULT_OK);
    assert_int_equal(increase(b, "alice", id, "10.01"), RESULT_PER_TRANSACTION_LIMIT_EXCEEDED);
    assert_int_equal(increase(b, "alice", id, "10"), RESULT_OK);
    assert_true(show(b, id).amount == 5000);
    expect_money(&p, 9000, 4000, 1000);
    assert_int_equal(show_wallet(b, p.alice).open_holds, 1);
    bank_restart(b);
    assert_int_equal(capture(b, "shop", id, "40.01", false), RESULT_CAPTURE_EXCEEDS_AUTHORIZED);
    assert_int_equal(capture(b, "shop", id, "15", false), RESULT_OK);
    assert_int_equal(cancel(b, "alice", id), RESULT_OK);
    expect_payment(b, id, PAYMENT_STATUS_COMPLETED, 2500, 0);
    expect_money(&p, 7500, 0, 2500);
    assert_int_equal(show_wallet(b, p.alice).open_holds, 0);
    assert_int_equal(increase(b, "alice", id, "1"), RESULT_PAYMENT_ALREADY_CAPTURED);
}

static void test_an_increased_authorisation_expires_as_a_whole(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct id128 id = authorize(&p, 4000);
    assert_int_equal(increase(p.bank, "alice", id, "20"), RESULT_OK);
    expect_money(&p, 10000, 6000, 0);
    bank_wait(p.bank, 8 * NS_PER_DAY);
    expect_payment(p.bank, id, PAYMENT_STATUS_EXPIRED, 0, 0);
    expect_money(&p, 10000, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_payer_changes_the_pairs_of_a_payment),
        TEST(test_payments_are_found_by_what_the_payer_noted),
        TEST(test_refunds_are_things_of_their_own),
        TEST(test_a_capture_keeps_the_pairs_given_with_it),
        TEST(test_a_declined_payment_is_kept_and_moves_nothing),
        TEST(test_a_declined_payment_is_forgotten_with_its_key),
        TEST(test_who_asked_is_forgotten_with_what_was_declined),
        TEST(test_limits_and_freezes_decline_a_payment),
        TEST(test_what_is_no_payment_is_not_kept),
        TEST(test_an_extended_authorisation_lives_longer),
        TEST(test_what_has_expired_is_not_extended),
        TEST(test_an_authorisation_expires_at_its_time_not_after_it),
        TEST(test_a_deadline_that_fires_early_or_late_changes_nothing),
        TEST(test_an_authorisation_grows_within_what_the_payer_may),
        TEST(test_an_increased_authorisation_expires_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
