/* SPDX-License-Identifier: Apache-2.0 */
/* Balances of a moment at which money was between two shards: account 2 lives in shard 0 and pays
 * account 1 in shard 1, whose decision is kept from it for a while. */
#include "tests/unit/shards_fixture.h"

#include "runtime/base/time.h"

/* Account 2 has 100, of which 30 are for account 1; returns when that was decided. Nothing leaves
 * shard 1 yet. */
static uint64_t given_decided(struct shards_bank *b)
{
    struct entry_page page;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    const struct account_entries get = {.account_id = shards_account(1)};
    shards_open(b, 4, USD, 0);
    shards_open(b, 2, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    shards_open(b, 1, USD, 0);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
    b->cut[1] = true;
    (void)shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    struct question *q = shards_ask(b, &account_entries_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &entry_page_type, &page);
    assert_true(page.entries[0].credits_posted == 30);
    return page.entries[0].recorded_time;
}

static void shard_1_is_heard(struct shards_bank *b)
{
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
}

static uint64_t now_ns(const struct shards_bank *b)
{
    return WORLD_EPOCH_NS + b->world.now_ns;
}

static void expect_books_by(struct shards_bank *b, enum time_axis axis, uint64_t at, u128 posted)
{
    const struct trial_balance_at get = {.at = at, .has_time = true, .time = (uint8_t)axis};
    struct past_trial_balance books;
    struct question *q = shards_ask(b, &trial_balance_at_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &past_trial_balance_type, &books);
    assert_int_equal(books.lines_count, 1);
    assert_true(books.balanced);
    assert_true(books.lines[0].debits_posted == posted);
    assert_true(books.lines[0].credits_posted == posted);
    assert_true(books.lines[0].debits_pending == 0 && books.lines[0].credits_pending == 0);
}

static void expect_books(struct shards_bank *b, uint64_t at, u128 posted)
{
    expect_books_by(b, TIME_AXIS_EFFECTIVE, at, posted);
    expect_books_by(b, TIME_AXIS_RECORDED, at, posted);
}

static void expect_balance(struct shards_bank *b, uint64_t n, uint64_t at, u128 balance)
{
    for (uint8_t axis = TIME_AXIS_EFFECTIVE; axis <= TIME_AXIS_RECORDED; axis++) {
        const struct account_balance_at get = {.account_id = shards_account(n),
                                               .has_at = true,
                                               .at = at,
                                               .has_time = true,
                                               .time = axis};
        struct account_balance shown;
        struct question *q = shards_ask(b, &account_balance_at_type, &get, 0);
        assert_int_equal(shards_code(b, q), RESULT_OK);
        shards_reply(b, q, &account_balance_type, &shown);
        assert_true(shown.balance == balance);
        assert_true(shown.debits_pending == 0);
    }
}

static void what_is_decided_counts_at_both_ends_before_it_is_followed(void **state)
{
    struct shards_bank *b = *state;
    uint64_t decided = given_decided(b);
    expect_books(b, decided - 1, 100);
    expect_books(b, decided, 130);
    expect_balance(b, 2, decided - 1, 100);
    expect_balance(b, 2, decided, 70);
    expect_balance(b, 1, decided, 30);
}

static void what_was_followed_later_counts_from_its_decision_on(void **state)
{
    struct shards_bank *b = *state;
    uint64_t decided = given_decided(b);
    assert_int_equal(shards_move(b, 4, 2, 5), RESULT_OK);
    uint64_t between = decided + 15 * NS_PER_MS;
    shard_1_is_heard(b);
    expect_books(b, decided - 1, 100);
    expect_books(b, decided, 130);
    expect_books(b, decided + 5 * NS_PER_S, 135);
    expect_balance(b, 2, decided, 70);
    expect_balance(b, 2, between + NS_PER_S, 75);
    shards_restart(b);
    expect_books(b, decided, 130);
}

/* It is kept aside after the moment, and effective before it. */
static void what_is_decided_may_be_effective_before_it_was_asked(void **state)
{
    struct shards_bank *b = *state;
    given_decided(b);
    shard_1_is_heard(b);
    struct transfer_create c = shards_transfer(2, 1, 5);
    c.has_effective_time = true;
    c.effective_time = now_ns(b);
    uint64_t between = c.effective_time + NS_PER_S;
    shards_run(b, 2 * NS_PER_S);
    b->cut[1] = true;
    (void)shards_ask(b, &transfer_create_type, &c, 2);
    shards_run(b, 20 * NS_PER_MS);
    expect_books_by(b, TIME_AXIS_EFFECTIVE, between, 135);
    expect_books_by(b, TIME_AXIS_RECORDED, between, 130);
}

/* Also in an entry that was made meanwhile. */
static void what_is_only_kept_aside_is_in_no_balance_of_the_past(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    shards_open(b, 4, USD, 0);
    shards_open(b, 2, USD, 0);
    shards_open(b, 1, USD, 0);
    b->cut[0] = true;
    (void)shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
    assert_true(shards_show(b, 2).debits_pending == 30);
    expect_books(b, now_ns(b), 100);
    shards_run(b, 60 * NS_PER_S);
    b->cut[0] = false;
    shards_run(b, 20 * NS_PER_S); /* it was refused */
    assert_true(shards_show(b, 2).debits_pending == 0);
    assert_int_equal(shards_move(b, 4, 2, 1), RESULT_OK);
    expect_books(b, now_ns(b), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(what_is_decided_counts_at_both_ends_before_it_is_followed),
        SHARDS_TEST(what_was_followed_later_counts_from_its_decision_on),
        SHARDS_TEST(what_is_decided_may_be_effective_before_it_was_asked),
        SHARDS_TEST(what_is_only_kept_aside_is_in_no_balance_of_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
