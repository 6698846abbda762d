/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that two shards know, each as its own: a client may give one id to transfers whose accounts
 * have no shard in common. Accounts 2 and 4 live in shard 0, accounts 1 and 3 in shard 1. */
#include "tests/unit/street_fixture.h"

#include "actors/common/cursor.h"
#include "runtime/base/time.h"

#define SHARED                                                                                     \
    ((struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, 5000 << 16 | SHARD_SLOTS}) /* in shard 1 */

static void given_four_accounts(struct shards_bank *b)
{
    for (uint64_t n = 1; n <= 4; n++)
        shards_open(b, n, USD, 0);
}

static void given_transfer(struct shards_bank *b, struct id128 id, uint64_t debit, uint64_t credit,
                           uint64_t amount, const char *description)
{
    struct transfer_create c = shards_transfer(debit, credit, amount);
    c.has_transfer_id = true;
    c.transfer_id = id;
    c.has_description = true;
    c.description = slice_of(description);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
}

static struct transfer_page listed(struct shards_bank *b, struct transfers_list list)
{
    struct transfer_page page;
    struct question *q = shards_ask(b, &transfers_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_page_type, &page);
    return page;
}

static void expect_transfer(const struct transfer_info *t, uint64_t debit, u128 amount,
                            const char *description)
{
    assert_true(id128_equal(t->transfer_id, SHARED));
    assert_true(id128_equal(t->debit_account_id, shards_account(debit)));
    assert_true(t->amount == amount);
    assert_true(slice_equal(t->description, slice_of(description)));
    assert_true(t->has_by && slice_equal(t->by, slice_of("teller")));
}

static void two_transfers_of_one_id_are_both_listed(void **state)
{
    struct shards_bank *b = *state;
    given_four_accounts(b);
    given_transfer(b, SHARED, 2, 4, 10, "books");
    given_transfer(b, SHARED, 1, 3, 20, "bread");
    struct transfer_page page = listed(b, (struct transfers_list){0});
    assert_int_equal(page.transfers_count, 2);
    expect_transfer(&page.transfers[0], 1, 20, "bread");
    expect_transfer(&page.transfers[1], 2, 10, "books");
    struct transfers_list one = {.has_limit = true, .limit = 1};
    page = listed(b, one);
    expect_transfer(&page.transfers[0], 1, 20, "bread");
    one.has_cursor = true;
    one.cursor = page.next_cursor;
    page = listed(b, one);
    expect_transfer(&page.transfers[0], 2, 10, "books");
    assert_false(page.has_next_cursor);
}

static void each_account_has_its_own_transfer_of_an_id(void **state)
{
    struct shards_bank *b = *state;
    given_four_accounts(b);
    given_transfer(b, SHARED, 2, 4, 10, "books");
    given_transfer(b, SHARED, 1, 3, 20, "bread");
    for (uint64_t n = 1; n <= 4; n++) {
        const struct transfer_page page = listed(
            b, (struct transfers_list){.has_account_id = true, .account_id = shards_account(n)});
        assert_int_equal(page.transfers_count, 1);
        if (n % 2 == 0)
            expect_transfer(&page.transfers[0], 2, 10, "books");
        else
            expect_transfer(&page.transfers[0], 1, 20, "bread");
    }
}

/* The home of the id is asked first. */
static void an_id_shows_one_of_its_transfers(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_get get = {SHARED};
    struct transfer_info info;
    given_four_accounts(b);
    given_transfer(b, SHARED, 2, 4, 10, "books");
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    expect_transfer(&info, 2, 10, "books");
    given_transfer(b, SHARED, 1, 3, 20, "bread");
    q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    expect_transfer(&info, 1, 20, "bread");
}

static void a_cursor_that_names_no_shard_is_none(void **state)
{
    struct shards_bank *b = *state;
    given_four_accounts(b);
    given_transfer(b, SHARED, 2, 4, 10, "books");
    given_transfer(b, SHARED, 1, 3, 20, "bread");
    struct transfers_list list = {.has_limit = true, .limit = 1};
    struct cursor forged;
    const uint64_t numbers[] = {0, 0, 0, 1, UINT16_MAX + 1};
    const struct message m = {.type = &transfers_list_type, .body = &list, .who = shards_teller()};
    cursor_make(&forged, &m, PAGE_TRANSFERS, numbers, array_len(numbers));
    list.has_cursor = true;
    list.cursor = (struct slice){(const char *)forged.bytes, forged.len};
    assert_int_equal(shards_do(b, &transfers_list_type, &list), RESULT_INVALID_CURSOR);
}

static void given_transaction(struct shards_bank *b, uint64_t one, uint64_t other, uint64_t amount)
{
    struct transaction_leg legs[2];
    for (uint32_t i = 0; i < 2; i++)
        legs[i] = (struct transaction_leg){.debit_account_id = shards_account(one),
                                           .credit_account_id = shards_account(other),
                                           .has_amount = true,
                                           .amount = amount + i,
                                           .currency = USD};
    const struct transaction_create c = {
        .has_transaction_id = true, .transaction_id = SHARED, .legs = legs, .legs_count = 2};
    assert_int_equal(shards_do(b, &transaction_create_type, &c), RESULT_OK);
}

static void two_transactions_of_one_id_keep_their_legs(void **state)
{
    struct shards_bank *b = *state;
    struct transfers_list list = {
        .has_transaction_id = true, .transaction_id = SHARED, .has_limit = true, .limit = 1};
    given_four_accounts(b);
    given_transaction(b, 2, 4, 10);
    given_transaction(b, 1, 3, 20);
    static const unsigned amounts[] = {10, 11, 20, 21};
    for (size_t i = 0; i < array_len(amounts); i++) {
        const struct transfer_page page = listed(b, list);
        assert_int_equal(page.transfers_count, 1);
        assert_true(page.transfers[0].amount == amounts[i]);
        assert_int_equal(page.has_next_cursor, i + 1 < array_len(amounts));
        list.has_cursor = true;
        list.cursor = page.next_cursor;
    }
}

/* Under its key it is the one that was found first, whatever came to be under its id since. */
static void a_repeated_reversal_reverses_nothing_else(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_reverse reverse = {.transfer_id = SHARED};
    struct transfer_info first, again;
    given_four_accounts(b);
    given_transfer(b, SHARED, 2, 4, 10, "books");
    struct question *q = shards_ask(b, &transfer_reverse_type, &reverse, 77);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &first);
    given_transfer(b, SHARED, 1, 3, 20, "bread");
    for (int restarts = 0; restarts < 2; restarts++) {
        q = shards_ask(b, &transfer_reverse_type, &reverse, 77);
        assert_int_equal(shards_code(b, q), RESULT_OK);
        assert_true(q->message.replayed);
        shards_reply(b, q, &transfer_info_type, &again);
        assert_true(id128_equal(again.transfer_id, first.transfer_id));
        assert_true(shards_show(b, 3).balance == 20);
        shards_run(b, 60 * NS_PER_S);
        shards_restart(b);
    }
    assert_int_equal(shards_code(b, shards_ask(b, &transfer_reverse_type, &reverse, 78)),
                     RESULT_OK);
    assert_true(shards_show(b, 3).balance == 0);
}

/* Whoever keeps the books may take an id that they saw. */
static void a_wallets_movement_keeps_its_words(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct wallet_transaction made, shown;
    const struct wallet_fund fund = {.wallet_id = s.ann,
                                     .amount = dollars(700),
                                     .has_description = true,
                                     .description = slice_of("wages")};
    struct question *q = shards_ask(b, &wallet_fund_type, &fund, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_type, &made);
    shards_open(b, 1, USD, 0);
    shards_open(b, 3, USD, 0);
    given_transfer(b, made.transfer_id, 1, 3, 20, "bread");
    const struct wallet_transaction_page page = movements(b, s.ann);
    assert_true(slice_equal(page.transactions[0].description, slice_of("wages")));
    const struct wallet_transaction_get get = {.wallet_id = s.ann, .transfer_id = made.transfer_id};
    q = shards_ask(b, &wallet_transaction_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_type, &shown);
    assert_true(shown.amount == 700 && shown.timestamp == made.timestamp);
    assert_true(slice_equal(shown.description, slice_of("wages")));
    const struct wallet_transaction_get other = {.wallet_id = s.bob,
                                                 .transfer_id = made.transfer_id};
    assert_int_equal(shards_do(b, &wallet_transaction_get_type, &other), RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(two_transfers_of_one_id_are_both_listed),
        SHARDS_TEST(each_account_has_its_own_transfer_of_an_id),
        SHARDS_TEST(an_id_shows_one_of_its_transfers),
        SHARDS_TEST(a_cursor_that_names_no_shard_is_none),
        SHARDS_TEST(two_transactions_of_one_id_keep_their_legs),
        SHARDS_TEST(a_repeated_reversal_reverses_nothing_else),
        SHARDS_TEST(a_wallets_movement_keeps_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
