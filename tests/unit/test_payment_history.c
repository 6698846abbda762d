/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a payment afterwards, and to whom: its wallets' movements, the payer's notes, the
 * transfer of its last step. */
#include "tests/unit/payment_fixture.h"

static void expect_authors(struct bank *b, struct id128 id, struct principal who,
                           const char *const authors[7])
{
    const struct payment_event_list list = {.payment_id = id};
    struct payment_event_page page;
    assert_int_equal(bank_ask(b, who, &payment_event_list_type, &list), RESULT_OK);
    bank_reply(b, &payment_event_page_type, &page);
    assert_int_equal(page.events_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        const struct payment_event *e = &page.events[i];
        bool system = strcmp(authors[i], "system") == 0;
        assert_true(slice_equal(e->by, slice_of(authors[i])));
        assert_true(slice_equal(e->client_id, system ? slice_of("") : e->by));
        assert_int_equal(e->has_request_id, !system && authors[i][0] != '\0');
    }
}

/* What the clerk does for the payer the payee is not told, nor the payer who captures. */
static void test_nobody_is_told_who_acts_for_the_other_side(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct bank *b = p.bank;
    struct payment_create create = order(&p, 6000);
    create.has_capture = create.has_expires_in_s = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    create.expires_in_s = 5;
    b->request_id = "req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40";
    struct id128 id = paid(b, clerk(), &create);
    struct payment_increase more = {.payment_id = id, .amount = money("5")};
    struct payment_extend longer = {.payment_id = id, .has_expires_in_s = true, .expires_in_s = 9};
    struct metadata_pair pair = {slice_of("table"), slice_of("7")};
    struct payment_update noted = {.payment_id = id, .has_metadata = true, .metadata = {&pair, 1}};
    assert_int_equal(bank_ask(b, clerk(), &payment_increase_type, &more), RESULT_OK);
    assert_int_equal(bank_ask(b, clerk(), &payment_extend_type, &longer), RESULT_OK);
    assert_int_equal(bank_ask(b, clerk(), &payment_update_type, &noted), RESULT_OK);
    assert_int_equal(capture(b, "shop", id, "10", false), RESULT_OK);
    bank_wait(b, 10 * NS_PER_S);
    assert_int_equal(refund(b, "shop", id, "1"), RESULT_OK);
    expect_authors(
        b, id, clerk(),
        (const char *const[]){"clerk", "clerk", "clerk", "clerk", "shop", "system", "shop"});
    expect_authors(b, id, person("alice"),
                   (const char *const[]){"clerk", "clerk", "clerk", "clerk", "", "system", ""});
    expect_authors(b, id, person("shop"),
                   (const char *const[]){"", "", "", "", "shop", "system", "shop"});
    bank_restart(b);
    expect_authors(b, id, person("shop"),
                   (const char *const[]){"", "", "", "", "shop", "system", "shop"});
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

/* With words of the payer. */
static struct id128 paid_with_words(const struct parties *p)
{
    struct metadata_pair pair = {slice_of("order"), slice_of("17")};
    struct payment_create create = order(p, 1000);
    create.has_description = create.has_metadata = create.has_customer_id = true;
    create.description = slice_of("Lunch");
    create.customer_id = slice_of("c-4");
    create.metadata = (struct metadata){&pair, 1};
    return paid(p->bank, person("alice"), &create);
}

static void test_a_wallet_shows_what_a_payment_was_for(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct id128 id = paid_with_words(&p);
    struct wallet_transaction_list list = {.wallet_id = p.shop};
    struct wallet_transaction_page page;
    assert_int_equal(bank_ask(p.bank, person("shop"), &wallet_transaction_list_type, &list),
                     RESULT_OK);
    bank_reply(p.bank, &wallet_transaction_page_type, &page);
    assert_int_equal(page.transactions_count, 1);
    assert_true(id128_equal(page.transactions[0].payment_id, id));
    assert_true(slice_equal(page.transactions[0].description, slice_of("Lunch")));
    assert_int_equal(page.transactions[0].metadata.count, 0);
    list.wallet_id = p.alice;
    assert_int_equal(bank_ask(p.bank, person("alice"), &wallet_transaction_list_type, &list),
                     RESULT_OK);
    bank_reply(p.bank, &wallet_transaction_page_type, &page);
    assert_int_equal(page.transactions[0].metadata.count, 1);
}

static void test_what_the_payer_noted_is_not_for_the_payee(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct payment_get get = {.payment_id = paid_with_words(&p)};
    struct payment_list list = {0};
    const struct {
        struct principal who;
        bool sees;
    } cases[] = {{person("alice"), true}, {person("shop"), false}, {clerk(), true}};
    for (size_t i = 0; i < array_len(cases); i++) {
        struct payment_info info;
        struct payment_page page;
        assert_int_equal(bank_ask(p.bank, cases[i].who, &payment_get_type, &get), RESULT_OK);
        bank_reply(p.bank, &payment_info_type, &info);
        assert_int_equal(info.has_customer_id, cases[i].sees);
        assert_int_equal(info.metadata.count, cases[i].sees);
        assert_int_equal(bank_ask(p.bank, cases[i].who, &payment_list_type, &list), RESULT_OK);
        bank_reply(p.bank, &payment_page_type, &page);
        assert_int_equal(page.payments_count, 1);
        assert_int_equal(page.payments[0].has_customer_id, cases[i].sees);
        assert_int_equal(page.payments[0].metadata.count, cases[i].sees);
        assert_true(slice_equal(page.payments[0].description, slice_of("Lunch")));
    }
}

/* An answer that was lost is no loss: the payment names the transfer of its last step. */
static void test_a_payment_names_the_transfer_of_its_last_step(void **state)
{
    struct parties p = given(state, "100", NULL);
    struct id128 id = authorize(&p, 1000);
    assert_true(id128_equal(show(p.bank, id).last_transfer_id, id));
    assert_int_equal(capture(p.bank, "shop", id, "4", false), RESULT_OK);
    struct payment_info captured, info = show(p.bank, id);
    bank_reply(p.bank, &payment_info_type, &captured);
    assert_true(id128_equal(info.last_transfer_id, captured.last_transfer_id));
    assert_false(id128_equal(info.last_transfer_id, id));
    assert_int_equal(refund(p.bank, "shop", id, "1"), RESULT_OK);
    bank_restart(p.bank);
    assert_false(id128_equal(show(p.bank, id).last_transfer_id, captured.last_transfer_id));
    assert_true(id128_equal(show(p.bank, id).transfer_id, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_is_told_who_acts_for_the_other_side),
        TEST(test_a_wallet_shows_what_a_payment_was_for),
        TEST(test_what_the_payer_noted_is_not_for_the_payee),
        TEST(test_a_payment_names_the_transfer_of_its_last_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
