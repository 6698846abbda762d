/* SPDX-License-Identifier: Apache-2.0 */
/* Pending transfers among several that are made together over four shards. */
#include "tests/unit/groups_fixture.h"

static void add_pending_leg(struct transaction *x, uint64_t debit, uint64_t credit, u128 amount)
{
    add_leg(x, debit, credit, amount);
    x->legs[x->create.legs_count - 1].has_flags = true;
    x->legs[x->create.legs_count - 1].flags = TRANSFER_FLAGS_PENDING;
}

static struct transaction_info make_shown(struct shards_bank *b, struct transaction *x)
{
    struct transaction_info made;
    struct question *q = ask(b, x);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transaction_info_type, &made);
    return made;
}

static uint16_t post(struct shards_bank *b, struct id128 id)
{
    const struct transfer_post c = {.transfer_id = id};
    return shards_do(b, &transfer_post_type, &c);
}

static uint16_t release(struct shards_bank *b, struct id128 id)
{
    const struct transfer_void c = {.transfer_id = id};
    return shards_do(b, &transfer_void_type, &c);
}

/* Asked for in shard 0, decided in shard 3: 40 of account 2 are held for account 1, of whose shards
 * the first does not hear of it as long as `unheard`. */
static struct id128 given_held(struct shards_bank *b, bool unheard, uint32_t seconds,
                               struct transaction_info *made)
{
    struct transaction x = {.create = {.has_reason = true, .reason = slice_of("deposit")}};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 1);
    add_pending_leg(&x, 2, 1, 40);
    x.legs[1].has_timeout_s = seconds > 0;
    x.legs[1].timeout_s = seconds;
    add_leg(&x, 4, 3, 1);
    b->lost[3][1] = unheard;
    *made = make_shown(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(made->transfers[1].status, TRANSFER_STATUS_PENDING);
    expect_account(b, 2, 100, 60);
    return made->transfers[1].transfer_id;
}

static void expect_told(struct shards_bank *b, struct id128 transaction_id, uint8_t status)
{
    struct transaction_info info;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(show(b, transaction_id, &info), RESULT_OK);
    assert_int_equal(info.transfers_count, 3);
    assert_int_equal(info.transfers[1].status, status);
    assert_true(info.transfers[1].posted_amount == (status == TRANSFER_STATUS_POSTED ? 40 : 0));
    assert_true(info.transfers[1].remaining_amount == (status == TRANSFER_STATUS_PENDING ? 40 : 0));
    assert_true(slice_equal(info.transfers[1].reason, slice_of("deposit")));
}

static void a_pending_transfer_is_held_and_posted_where_it_is_at_home(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct id128 id = given_held(b, false, 0, &made);
    expect_account(b, 1, 1, 1);
    assert_true(shards_show(b, 1).credits_pending == 40);
    expect_told(b, made.transaction_id, TRANSFER_STATUS_PENDING);
    assert_int_equal(post(b, id), RESULT_OK);
    expect_account(b, 2, 60, 60);
    expect_account(b, 1, 41, 41);
    expect_settled(b);
    shards_restart(b);
    expect_told(b, made.transaction_id, TRANSFER_STATUS_POSTED);
    assert_int_equal(post(b, id), RESULT_PENDING_TRANSFER_ALREADY_POSTED);
}

static void a_transaction_that_holds_something_is_not_moved_back(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct id128 id = given_held(b, false, 0, &made);
    const struct transaction_reverse v = back(&made, 2);
    const struct transfer_reverse one = {.transfer_id = id};
    assert_int_equal(move_back(b, &v), RESULT_TRANSFER_NOT_POSTED);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &one), RESULT_TRANSFER_NOT_POSTED);
    assert_int_equal(move_one_back(b, &made, 2), RESULT_OK);
    assert_int_equal(release(b, id), RESULT_OK);
    expect_settled(b);
}

/* Home has followed, the other shard not: it cannot say that it takes the money. */
static void what_is_held_is_posted_once_both_hold_it(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct id128 id = given_held(b, true, 0, &made);
    assert_int_equal(post(b, id), RESULT_PENDING_TRANSFER_UNDER_WAY);
    expect_account(b, 2, 100, 60);
    b->lost[3][1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(post(b, id), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 41, 41);
    expect_told(b, made.transaction_id, TRANSFER_STATUS_POSTED);
}

/* Home ends it alone; the other shard hears that before it hears that there is something to end. */
static void what_has_ended_at_home_is_not_held_in_the_other_shard(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct id128 id = given_held(b, true, 0, &made);
    assert_int_equal(release(b, id), RESULT_OK);
    expect_account(b, 2, 100, 100);
    shards_run(b, NS_PER_S);
    shards_restart(b);
    b->lost[3][1] = false;
    expect_told(b, made.transaction_id, TRANSFER_STATUS_VOIDED);
    assert_true(shards_show(b, 1).credits_pending == 0);
    expect_account(b, 1, 1, 1);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_null(shard_audit(shard_set_shard(b->set, i)));
}

static void what_is_held_expires_at_home(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct id128 id = given_held(b, true, 2, &made);
    shards_run(b, 3 * NS_PER_S);
    expect_account(b, 2, 100, 100);
    b->lost[3][1] = false;
    expect_told(b, made.transaction_id, TRANSFER_STATUS_EXPIRED);
    assert_int_equal(release(b, id), RESULT_PENDING_TRANSFER_EXPIRED);
    expect_settled(b);
}

/* Both accounts in shard 1, asked for in shard 0. */
static void what_is_held_inside_one_shard_is_at_home_there(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    struct transaction_info info;
    given_accounts(b);
    shards_open(b, 5, USD, 0);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 30);
    add_pending_leg(&x, 1, 5, 10);
    const struct transaction_info made = make_shown(b, &x);
    expect_account(b, 1, 30, 20);
    assert_int_equal(post(b, made.transfers[1].transfer_id), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 20, 20);
    assert_int_equal(show(b, made.transaction_id, &info), RESULT_OK);
    assert_int_equal(info.transfers[1].status, TRANSFER_STATUS_POSTED);
}

static void what_is_held_is_not_spent_by_the_next(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}}, y = x;
    uint32_t leg;
    given_accounts(b);
    add_pending_leg(&x, 4, 1, 50);
    add_leg(&x, 1, 2, 50);
    assert_int_equal(make_failing(b, &x, &leg), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(leg, 1);
    shards_open(b, 8, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 8, 100), RESULT_OK);
    b->cut[0] = true;
    add_pending_leg(&y, 8, 1, 70);
    add_leg(&y, 4, 8, 50);
    add_leg(&y, 8, 2, 60);
    struct question *q = ask(b, &y);
    shards_run(b, 20 * NS_PER_MS);
    expect_account(b, 8, 100, 20); /* 80 of them together take more than they bring */
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_run(b, 10 * NS_PER_S);
    expect_account(b, 8, 90, 20);
}

/* Wherever they are at home. */
static void a_list_shows_all_of_a_transaction(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info made;
    struct transfer_page page;
    given_held(b, false, 0, &made);
    shards_run(b, 10 * NS_PER_S);
    const struct transfers_list list = {.has_transaction_id = true,
                                        .transaction_id = made.transaction_id};
    struct question *q = shards_ask(b, &transfers_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(id128_equal(page.transfers[i].transfer_id, made.transfers[i].transfer_id));
        assert_true(slice_equal(page.transfers[i].reason, slice_of("deposit")));
    }
    assert_int_equal(release(b, made.transfers[1].transfer_id), RESULT_OK);
    expect_settled(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_pending_transfer_is_held_and_posted_where_it_is_at_home),
        SHARDS_TEST(a_transaction_that_holds_something_is_not_moved_back),
        SHARDS_TEST(what_is_held_is_posted_once_both_hold_it),
        SHARDS_TEST(what_has_ended_at_home_is_not_held_in_the_other_shard),
        SHARDS_TEST(what_is_held_expires_at_home),
        SHARDS_TEST(what_is_held_inside_one_shard_is_at_home_there),
        SHARDS_TEST(what_is_held_is_not_spent_by_the_next),
        SHARDS_TEST(a_list_shows_all_of_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
