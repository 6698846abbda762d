/* SPDX-License-Identifier: Apache-2.0 */
/* What was moved in and out of a wallet: all of it, by type and time, one movement by its transfer,
 * and the words that stay with it. */
#include "tests/unit/wallet_fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

static void test_history_names_every_movement(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", NULL);
    struct id128 first, second;
    assert_int_equal(transfer(b, "alice", alice, bob, "10"), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "20", &first), RESULT_OK);
    assert_int_equal(capture(b, "alice", alice, first, (struct capture){NULL, false, bob}),
                     RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "5", &second), RESULT_OK);
    assert_int_equal(release(b, "alice", alice, second), RESULT_OK);
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_OK);
    const struct {
        uint8_t type, direction;
        uint64_t amount, balance;
        struct id128 hold;
    } expected[] = {
        {WALLET_TRANSACTION_TYPE_WITHDRAWAL, WALLET_DIRECTION_OUT, 100, 6900, {0, 0}},
        {WALLET_TRANSACTION_TYPE_HOLD_RELEASED, WALLET_DIRECTION_IN, 500, 7000, second},
        {WALLET_TRANSACTION_TYPE_HOLD, WALLET_DIRECTION_OUT, 500, 7000, second},
        {WALLET_TRANSACTION_TYPE_HOLD_CAPTURED, WALLET_DIRECTION_OUT, 2000, 7000, first},
        {WALLET_TRANSACTION_TYPE_HOLD, WALLET_DIRECTION_OUT, 2000, 9000, first},
        {WALLET_TRANSACTION_TYPE_TRANSFER_OUT, WALLET_DIRECTION_OUT, 1000, 9000, {0, 0}},
        {WALLET_TRANSACTION_TYPE_DEPOSIT, WALLET_DIRECTION_IN, 10000, 10000, {0, 0}},
    };
    struct wallet_transaction_list list = {.wallet_id = alice, .has_limit = true, .limit = 2};
    size_t seen = 0;
    struct wallet_transaction_page page;
    do {
        assert_int_equal(bank_ask(b, person("alice"), &wallet_transaction_list_type, &list),
                         RESULT_OK);
        bank_reply(b, &wallet_transaction_page_type, &page);
        for (uint32_t i = 0; i < page.transactions_count; i++, seen++) {
            const struct wallet_transaction *x = &page.transactions[i];
            assert_true(seen < array_len(expected));
            assert_int_equal(x->type, expected[seen].type);
            assert_int_equal(x->direction, expected[seen].direction);
            assert_true(x->amount == expected[seen].amount);
            assert_true(x->balance == expected[seen].balance);
            assert_int_equal(x->has_hold_id, !id128_is_zero(expected[seen].hold));
            assert_true(!x->has_hold_id || id128_equal(x->hold_id, expected[seen].hold));
        }
        list.has_cursor = page.has_next_cursor;
        list.cursor = arena_copy(&b->arena, page.next_cursor);
    } while (page.has_next_cursor);
    assert_int_equal(seen, array_len(expected));
    list = (struct wallet_transaction_list){.wallet_id = bob};
    assert_int_equal(bank_ask(b, person("bob"), &wallet_transaction_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_transaction_page_type, &page);
    assert_int_equal(page.transactions_count, 2);
    assert_int_equal(page.transactions[0].type, WALLET_TRANSACTION_TYPE_HOLD_RECEIVED);
    assert_true(id128_equal(page.transactions[0].hold_id, first));
    assert_int_equal(page.transactions[1].type, WALLET_TRANSACTION_TYPE_TRANSFER_IN);
}

static uint32_t movements(struct bank *b, const struct wallet_transaction_list *list,
                          struct wallet_transaction_page *page)
{
    assert_int_equal(bank_ask(b, person("alice"), &wallet_transaction_list_type, list), RESULT_OK);
    bank_reply(b, &wallet_transaction_page_type, page);
    return page->transactions_count;
}

static void test_movements_are_found_by_type_and_time(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_OK);
        assert_int_equal(transfer(b, "alice", alice, bob, "2"), RESULT_OK);
    }
    struct wallet_transaction_list list = {.wallet_id = alice};
    struct wallet_transaction_page page;
    assert_int_equal(movements(b, &list, &page), 7);
    uint64_t times[7];
    for (int i = 0; i < 7; i++)
        times[i] = page.transactions[i].timestamp; /* the newest first */
    list.has_type = true;
    list.type = WALLET_TRANSACTION_TYPE_WITHDRAWAL;
    assert_int_equal(movements(b, &list, &page), 3);
    list = (struct wallet_transaction_list){.wallet_id = alice,
                                            .has_from = true,
                                            .has_to = true,
                                            .from = times[4],
                                            .to = times[1],
                                            .has_limit = true,
                                            .limit = 2};
    assert_int_equal(movements(b, &list, &page), 2);
    assert_true(page.transactions[0].timestamp == times[2]);
    list.has_cursor = true;
    list.cursor = arena_copy(&b->arena, page.next_cursor);
    assert_int_equal(movements(b, &list, &page), 1);
    assert_true(page.transactions[0].timestamp == times[4] && !page.has_next_cursor);
    list.has_cursor = false;
    list.from = list.to = times[6];
    assert_int_equal(movements(b, &list, &page), 0);
    for (uint64_t to = 0; to < 2; to++) {
        list.to = to;
        assert_int_equal(movements(b, &list, &page), 0);
    }
    list = (struct wallet_transaction_list){
        .wallet_id = alice, .from = UINT64_MAX, .to = 1, .type = 77};
    assert_int_equal(movements(b, &list, &page), 7); /* absent, whatever its bytes are */
}

static uint16_t movement(struct bank *b, struct principal who, struct id128 wallet,
                         struct id128 transfer_id, struct wallet_transaction *found)
{
    struct wallet_transaction_get get = {.wallet_id = wallet, .transfer_id = transfer_id};
    uint16_t code = bank_ask(b, who, &wallet_transaction_get_type, &get);
    if (code == RESULT_OK)
        bank_reply(b, &wallet_transaction_type, found);
    return code;
}

static void test_a_movement_is_shown_to_the_owners_of_both_wallets(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100");
    struct id128 bob = given_wallet(b, "bob", NULL);
    assert_int_equal(transfer(b, "alice", alice, bob, "10"), RESULT_OK);
    struct wallet_transaction done, found;
    bank_reply(b, &wallet_transaction_type, &done);
    assert_true(id128_equal(done.transfer_id, done.transaction_id));
    assert_int_equal(withdraw(b, "alice", alice, "1"), RESULT_OK);
    assert_int_equal(movement(b, person("alice"), alice, done.transfer_id, &found), RESULT_OK);
    assert_true(id128_equal(found.transfer_id, done.transfer_id));
    assert_int_equal(found.type, WALLET_TRANSACTION_TYPE_TRANSFER_OUT);
    assert_true(found.amount == 1000 && found.balance == 9000);
    assert_int_equal(movement(b, person("bob"), bob, done.transfer_id, &found), RESULT_OK);
    assert_int_equal(found.type, WALLET_TRANSACTION_TYPE_TRANSFER_IN);
    assert_int_equal(movement(b, person("bob"), alice, done.transfer_id, &found), RESULT_NOT_FOUND);
    struct id128 carol = given_wallet(b, "carol", "5");
    assert_int_equal(movement(b, person("carol"), carol, done.transfer_id, &found),
                     RESULT_NOT_FOUND);
    assert_int_equal(movement(b, person("carol"), carol, (struct id128){7, 7}, &found),
                     RESULT_NOT_FOUND);
}

static struct metadata_pair table_seven[] = {{{"table", 5}, {"7", 1}}};

static void expect_words(const struct wallet_transaction *x, const char *description)
{
    assert_true(x->has_description && slice_equal(x->description, slice_of(description)));
    assert_int_equal(x->metadata.count, 1);
    assert_true(slice_equal(x->metadata.items[0].key, slice_of("table")));
    assert_true(slice_equal(x->metadata.items[0].value, slice_of("7")));
}

/* Each movement of alice with words of its own; the newest is the hold. */
static struct id128 move_with_words(struct bank *b, struct id128 alice, struct id128 bob)
{
    const struct metadata pairs = {table_seven, 1};
    struct wallet_fund in = {
        alice, money("100"), false, 0, true, slice_of("top-up"), true, pairs};
    struct wallet_transfer across = {
        alice, bob, money("10"), false, 0, true, slice_of("lunch"), true, pairs};
    struct wallet_withdraw out = {
        alice, money("1"), false, 0, true, slice_of("cash"), true, pairs};
    struct wallet_hold_create aside = {
        .wallet_id = alice,
        .amount = money("5"),
        .has_description = true,
        .description = slice_of("deposit"),
        .has_metadata = true,
        .metadata = pairs,
    };
    struct wallet_transaction answer;
    assert_int_equal(bank_ask(b, clerk(), &wallet_fund_type, &in), RESULT_OK);
    bank_reply(b, &wallet_transaction_type, &answer);
    expect_words(&answer, "top-up");
    assert_int_equal(bank_ask(b, person("alice"), &wallet_transfer_type, &across), RESULT_OK);
    bank_reply(b, &wallet_transaction_type, &answer);
    expect_words(&answer, "lunch");
    assert_int_equal(bank_ask(b, person("alice"), &wallet_withdraw_type, &out), RESULT_OK);
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_create_type, &aside), RESULT_OK);
    struct wallet_hold_info placed;
    bank_reply(b, &wallet_hold_info_type, &placed);
    return placed.hold_id;
}

static void test_words_stay_with_a_movement(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", NULL), bob = given_wallet(b, "bob", NULL);
    struct id128 hold_id = move_with_words(b, alice, bob);
    bank_restart(b);
    const char *expected[] = {"deposit", "cash", "lunch", "top-up"};
    struct wallet_transaction_list list = {.wallet_id = alice};
    struct wallet_transaction_page page;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_transaction_list_type, &list),
                     RESULT_OK);
    bank_reply(b, &wallet_transaction_page_type, &page);
    assert_int_equal(page.transactions_count, array_len(expected));
    for (size_t i = 0; i < array_len(expected); i++)
        expect_words(&page.transactions[i], expected[i]);
    list.wallet_id = bob;
    assert_int_equal(bank_ask(b, person("bob"), &wallet_transaction_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_transaction_page_type, &page);
    assert_true(slice_equal(page.transactions[0].description, slice_of("lunch")));
    assert_int_equal(page.transactions[0].metadata.count, 0); /* alice's own */
    assert_int_equal(bank_ask(b, clerk(), &wallet_transaction_list_type, &list), RESULT_OK);
    bank_reply(b, &wallet_transaction_page_type, &page);
    expect_words(&page.transactions[0], "lunch");
    struct wallet_hold_get get = {.wallet_id = alice, .hold_id = hold_id};
    struct wallet_hold_info shown;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_get_type, &get), RESULT_OK);
    bank_reply(b, &wallet_hold_info_type, &shown);
    assert_int_equal(shown.metadata.count, 1);
    struct wallet_hold_list holds = {.wallet_id = alice};
    struct wallet_hold_page held;
    assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_list_type, &holds), RESULT_OK);
    bank_reply(b, &wallet_hold_page_type, &held);
    assert_int_equal(held.holds[0].metadata.count, 1);
}

/* --- all that happened ------------------------------------------------------------------------ */

struct happened {
    uint8_t type;
    const char *by;     /* told to the clerk */
    const char *told;   /* to the owner; "" = nobody is named */
    const char *reason; /* told to the clerk; NULL = none */
};

static uint16_t adjusted(struct bank *b, struct id128 from, struct id128 to, u128 amount)
{
    struct principal auditor = person("auditor");
    auditor.adjusts = true;
    struct transfer_create body = {
        .debit_account_id = from,
        .has_credit_account_id = true,
        .credit_account_id = to,
        .has_amount = true,
        .amount = amount,
        .currency = USD,
        .has_reason = true,
        .reason = slice_of("booked twice"),
    };
    return bank_ask(b, auditor, &transfer_create_type, &body);
}

static void expect_event(const struct wallet_event *e, const struct happened *h, bool owner)
{
    const char *by = owner ? h->told : h->by;
    bool discreet = h->type == WALLET_EVENT_KIND_FROZEN;
    assert_int_equal(e->type, h->type);
    assert_true(slice_equal(e->by, slice_of(by)));
    assert_int_equal(e->has_by, by[0] != '\0');
    assert_int_equal(e->has_client_id, e->has_by && strcmp(by, "system") != 0);
    assert_int_equal(e->has_reason, h->reason != NULL && !(owner && discreet));
    if (e->has_reason)
        assert_true(slice_equal(e->reason, slice_of(h->reason)));
}

/* Newest first, in pages of any size. */
static void expect_happened(struct bank *b, struct id128 wallet, struct principal who,
                            uint32_t limit, const struct happened *expected, size_t count)
{
    struct wallet_event_list list = {.wallet_id = wallet, .has_limit = true, .limit = limit};
    size_t seen = 0;
    struct wallet_event_page page;
    do {
        assert_int_equal(bank_ask(b, who, &wallet_event_list_type, &list), RESULT_OK);
        bank_reply(b, &wallet_event_page_type, &page);
        assert_in_range(page.events_count, 0, limit);
        for (uint32_t i = 0; i < page.events_count; i++, seen++) {
            assert_true(seen < count);
            expect_event(&page.events[i], &expected[seen], !who.any_owner);
        }
        list.has_cursor = page.has_next_cursor;
        list.cursor = arena_copy(&b->arena, page.next_cursor);
    } while (page.has_next_cursor);
    assert_int_equal(seen, count);
}

static void test_a_wallets_history_has_all_that_happened(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), bob = given_wallet(b, "bob", NULL), held;
    struct wallet_freeze freeze = {
        .wallet_id = alice, .has_reason = true, .reason = slice_of("court order")};
    struct wallet_hold_extend longer = {.has_expires_in_s = true, .expires_in_s = 2000000};
    struct wallet_close over = {
        .wallet_id = alice, .has_reason = true, .reason = slice_of("moved")};
    assert_int_equal(set_limits(b, alice, "50", "90"), RESULT_OK);
    assert_int_equal(transfer(b, "alice", alice, bob, "10"), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "20", &held), RESULT_OK);
    longer.hold_id = held;
    longer.wallet_id = alice;
    assert_int_equal(bank_ask(b, clerk(), &wallet_hold_extend_type, &longer), RESULT_OK);
    assert_int_equal(bank_ask(b, clerk(), &wallet_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(adjusted(b, alice, bob, 7000), RESULT_OK);
    assert_int_equal(unfreeze(b, alice), RESULT_OK);
    bank_wait(b, (uint64_t)2000000 * NS_PER_S);
    assert_int_equal(withdraw(b, "alice", alice, "20"), RESULT_OK);
    assert_int_equal(bank_ask(b, person("alice"), &wallet_close_type, &over), RESULT_OK);
    static const struct happened expected[] = {
        {WALLET_EVENT_KIND_CLOSED, "alice", "alice", "moved"},
        {WALLET_EVENT_KIND_WITHDRAWAL, "alice", "alice", NULL},
        {WALLET_EVENT_KIND_HOLD_RELEASED, "system", "system", NULL},
        {WALLET_EVENT_KIND_UNFROZEN, "clerk", "", NULL},
        {WALLET_EVENT_KIND_ADJUSTMENT_OUT, "auditor", "", "booked twice"},
        {WALLET_EVENT_KIND_FROZEN, "clerk", "", "court order"},
        {WALLET_EVENT_KIND_HOLD_EXTENDED, "clerk", "clerk", NULL},
        {WALLET_EVENT_KIND_HOLD, "alice", "alice", NULL},
        {WALLET_EVENT_KIND_TRANSFER_OUT, "alice", "alice", NULL},
        {WALLET_EVENT_KIND_LIMITS_SET, "clerk", "", NULL},
        {WALLET_EVENT_KIND_DEPOSIT, "clerk", "", NULL},
        {WALLET_EVENT_KIND_OPENED, "alice", "alice", NULL},
    };
    for (uint32_t limit = 1; limit <= array_len(expected) + 1; limit++) {
        expect_happened(b, alice, clerk(), limit, expected, array_len(expected));
        expect_happened(b, alice, person("alice"), limit, expected, array_len(expected));
    }
    struct wallet_event_list list = {.wallet_id = alice};
    assert_int_equal(bank_ask(b, person("bob"), &wallet_event_list_type, &list), RESULT_NOT_FOUND);
}

/* A captured hold's rest is given back when its time is over. */
static void test_a_holds_history_has_each_of_its_steps(void **state)
{
    struct bank *b = *state;
    struct id128 alice = given_wallet(b, "alice", "100"), held, other;
    assert_int_equal(hold(b, "alice", alice, "20", &held), RESULT_OK);
    assert_int_equal(hold(b, "alice", alice, "1", &other), RESULT_OK);
    struct wallet_hold_extend longer = {
        .hold_id = held, .wallet_id = alice, .has_expires_in_s = true, .expires_in_s = 2000000};
    assert_int_equal(bank_ask(b, clerk(), &wallet_hold_extend_type, &longer), RESULT_OK);
    assert_int_equal(capture(b, "alice", alice, held, (struct capture){"5", false, ID128_ZERO}),
                     RESULT_OK);
    bank_wait(b, (uint64_t)2000000 * NS_PER_S);
    static const struct {
        uint8_t type;
        uint64_t amount;
        const char *by;
    } expected[] = {
        {WALLET_EVENT_KIND_HOLD, 2000, "alice"},
        {WALLET_EVENT_KIND_HOLD_EXTENDED, 0, "clerk"},
        {WALLET_EVENT_KIND_HOLD_CAPTURED, 500, "alice"},
        {WALLET_EVENT_KIND_HOLD_EXPIRED, 1500, "system"},
    };
    struct wallet_hold_event_list list = {
        .wallet_id = alice, .hold_id = held, .has_limit = true, .limit = 3};
    struct wallet_event_page page;
    for (size_t seen = 0; seen < array_len(expected);) {
        assert_int_equal(bank_ask(b, person("alice"), &wallet_hold_event_list_type, &list),
                         RESULT_OK);
        bank_reply(b, &wallet_event_page_type, &page);
        for (uint32_t i = 0; i < page.events_count; i++, seen++) {
            assert_int_equal(page.events[i].type, expected[seen].type);
            assert_true(page.events[i].amount == expected[seen].amount);
            assert_true(slice_equal(page.events[i].by, slice_of(expected[seen].by)));
            assert_true(id128_equal(page.events[i].hold_id, held));
        }
        assert_int_equal(page.has_next_cursor, seen < array_len(expected));
        list.has_cursor = page.has_next_cursor;
        list.cursor = arena_copy(&b->arena, page.next_cursor);
    }
    list =
        (struct wallet_hold_event_list){.wallet_id = given_wallet(b, "bob", NULL), .hold_id = held};
    assert_int_equal(bank_ask(b, clerk(), &wallet_hold_event_list_type, &list), RESULT_NOT_FOUND);
    list = (struct wallet_hold_event_list){.wallet_id = alice, .hold_id = alice};
    assert_int_equal(bank_ask(b, clerk(), &wallet_hold_event_list_type, &list), RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_history_names_every_movement),
        TEST(test_movements_are_found_by_type_and_time),
        TEST(test_a_movement_is_shown_to_the_owners_of_both_wallets),
        TEST(test_a_wallets_history_has_all_that_happened),
        TEST(test_a_holds_history_has_each_of_its_steps),
        TEST(test_words_stay_with_a_movement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
