/* SPDX-License-Identifier: Apache-2.0 */
/* Several transfers over the accounts of four shards, made together or not at all, and moved back.
 */
#include "tests/unit/groups_fixture.h"

/* --- made ------------------------------------------------------------------------------------- */

static void a_transaction_moves_money_over_four_shards(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.has_description = true, .description = slice_of("round")}};
    struct transaction_info made, shown;
    given_accounts(b);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 100);
    add_leg(&x, 1, 2, 60);
    add_leg(&x, 2, 3, 25);
    add_leg(&x, 3, 1, 5);
    struct question *q = ask(b, &x);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transaction_info_type, &made);
    assert_int_equal(made.transfers_count, 4);
    assert_true(slice_equal(made.description, slice_of("round")));
    expect_settled(b);
    expect_account(b, 4, 100, 0);
    expect_account(b, 1, 45, 45);
    expect_account(b, 2, 35, 35);
    expect_account(b, 3, 20, 20);
    assert_int_equal(show(b, made.transaction_id, &shown), RESULT_OK);
    assert_int_equal(shown.transfers_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(shown.transfers[i].recorded_time == made.transfers[0].recorded_time);
        assert_true(shown.transfers[i].amount == x.legs[i].amount);
    }
}

/* The account has nothing of its own: what the first leg brings the second takes. */
static void a_leg_spends_what_an_earlier_one_brought(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    given_accounts(b);
    add_leg(&x, 4, 2, 50);
    add_leg(&x, 2, 1, 50);
    add_leg(&x, 1, 3, 50);
    assert_int_equal(make(b, &x), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
    expect_account(b, 2, 0, 0);
    expect_account(b, 3, 50, 50);
}

/* In the other order it has not come yet. */
static void a_leg_does_not_spend_what_a_later_one_brings(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    uint32_t leg;
    given_accounts(b);
    add_leg(&x, 4, 3, 10);
    add_leg(&x, 2, 1, 50);
    add_leg(&x, 4, 2, 50);
    assert_int_equal(make_failing(b, &x, &leg), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(leg, 1);
    expect_settled(b);
    expect_account(b, 3, 0, 0);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void what_the_last_shard_refuses_all_let_go(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    uint32_t leg;
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 1, 100), RESULT_OK);
    const struct account_freeze freeze = {.account_id = shards_account(3)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    add_leg(&x, 4, 2, 10);
    add_leg(&x, 1, 2, 100);
    add_leg(&x, 2, 3, 10);
    assert_int_equal(make_failing(b, &x, &leg), RESULT_CREDIT_ACCOUNT_FROZEN);
    assert_int_equal(leg, 2);
    expect_settled(b);
    expect_account(b, 1, 100, 100);
    expect_account(b, 2, 0, 0);
}

static void what_home_refuses_leaves_nothing(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    uint32_t leg;
    given_accounts(b);
    shards_open(b, 8, USD, STRICT);
    add_leg(&x, 4, 1, 1);
    add_leg(&x, 8, 1, 1);
    assert_int_equal(make_failing(b, &x, &leg), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(leg, 1);
    expect_account(b, 1, 0, 0);
    expect_settled(b);
}

static void what_is_balanced_stays_in_its_shard(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    uint32_t leg;
    given_accounts(b);
    add_leg(&x, 4, 1, 1);
    x.legs[0].has_flags = true;
    x.legs[0].flags = TRANSFER_FLAGS_BALANCING_DEBIT;
    assert_int_equal(make_failing(b, &x, &leg), RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS);
}

/* --- under way -------------------------------------------------------------------------------- */

static void what_is_kept_aside_is_neither_spent_nor_closed(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    given_accounts(b);
    shards_open(b, 8, USD, STRICT);
    shards_open(b, 12, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 8, 100), RESULT_OK);
    b->cut[0] = true;
    add_leg(&x, 4, 12, 5);
    add_leg(&x, 12, 1, 5);
    add_leg(&x, 8, 1, 70);
    add_leg(&x, 4, 8, 10);
    struct question *q = ask(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    expect_account(b, 8, 100, 30);
    expect_account(b, 12, 0, 0);
    assert_int_equal(shards_move(b, 8, 4, 31), RESULT_EXCEEDS_CREDITS);
    const struct account_close close = {.account_id = shards_account(12)};
    assert_int_equal(shards_do(b, &account_close_type, &close), RESULT_ACCOUNT_NOT_EMPTY);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_settled(b);
    expect_account(b, 8, 40, 40);
    assert_int_equal(shards_do(b, &account_close_type, &close), RESULT_OK);
}

static void who_asks_again_gets_the_same_outcome(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}}, other;
    struct transaction_info info;
    given_accounts(b);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 30);
    add_leg(&x, 4, 2, 20);
    other = x;
    other.legs[1].amount = 21;
    b->cut[0] = true;
    struct question *first = ask(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    struct question *same = ask(b, &x);
    assert_int_equal(show(b, x.create.transaction_id, &info), RESULT_OUTCOME_PENDING);
    assert_int_equal(make(b, &other), RESULT_TRANSACTION_EXISTS);
    other = x;
    other.create.has_description = true;
    other.create.description = slice_of("in other words");
    assert_int_equal(make(b, &other), RESULT_TRANSACTION_EXISTS);
    assert_false(first->answered || same->answered);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
    assert_int_equal(make(b, &x), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 30, 30);
    expect_account(b, 2, 20, 20);
}

static void what_is_under_way_outlives_the_process(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    given_accounts(b);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 30);
    add_leg(&x, 1, 2, 30);
    add_leg(&x, 2, 3, 10);
    b->cut[2] = true;
    ask(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    expect_account(b, 2, 0, 0);
    shards_restart(b);
    struct question *again = ask(b, &x);
    b->cut[2] = false;
    assert_int_equal(shards_code(b, again), RESULT_OK);
    expect_settled(b);
    expect_account(b, 2, 20, 20);
    expect_account(b, 3, 10, 10);
}

/* The promise outlives what happens between. */
static void following_looks_at_no_rule(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 1, 30), RESULT_OK);
    add_leg(&x, 4, 1, 1);
    add_leg(&x, 1, 2, 31);
    b->cut[2] = true;
    struct question *q = ask(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    const struct account_freeze freeze = {.account_id = shards_account(1)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    b->cut[2] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
}

/* What two of them together would bring the sums to is more than a number holds. */
static void the_sums_have_room_for_what_is_under_way(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    const u128 most = U128_MAX / 3;
    uint32_t leg;
    given_accounts(b);
    shards_open(b, 8, USD, 0);
    b->cut[0] = true;
    add_leg(&x, 4, 8, most);
    add_leg(&x, 8, 4, most);
    add_leg(&x, 4, 1, 1);
    struct question *q = ask(b, &x);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(make_failing(b, &x, &leg), RESULT_OVERFLOWS_DEBITS);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_settled(b);
}

static void a_shard_that_is_not_reached_is_said_before_anything_is_recorded(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    given_accounts(b);
    shards_open(b, 8, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 8, 10), RESULT_OK);
    b->cut[3] = true;
    const struct transfer_create c = shards_transfer(3, 1, 1);
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_S);
    b->cut[0] = b->cut[3] = true;
    add_leg(&x, 8, 3, 1);
    shards_ask(b, &transaction_create_type, &x.create, 0);
    shards_run(b, 20 * NS_PER_S);
    add_leg(&x, 8, 2, 1);
    assert_int_equal(make(b, &x), RESULT_SHARD_UNAVAILABLE);
    expect_account(b, 8, 10, 9);
}

/* --- moved back ------------------------------------------------------------------------------- */

/* From account 4 by way of account 1 to account 2, of which 5 stays in between: asked for in shard
 * 0, decided in shard 2. */
static struct transaction_info given_made(struct shards_bank *b)
{
    struct transaction x = {.create = {.legs_count = 0}};
    struct transaction_info made;
    given_accounts(b);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 30);
    add_leg(&x, 1, 2, 25);
    struct question *q = ask(b, &x);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transaction_info_type, &made);
    expect_settled(b);
    return made;
}

static void expect_all_back(struct shards_bank *b)
{
    expect_settled(b);
    expect_account(b, 4, 0, 0);
    expect_account(b, 1, 0, 0);
    expect_account(b, 2, 0, 0);
}

static void a_transaction_over_shards_is_moved_back_whole(void **state)
{
    struct shards_bank *b = *state;
    struct transaction_info reversal, shown;
    const struct transaction_info made = given_made(b);
    struct transaction_reverse v = back(&made, 2);
    v.has_reason = true;
    v.reason = slice_of("booked twice");
    struct question *q = ask_back(b, &v);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transaction_info_type, &reversal);
    assert_true(id128_equal(reversal.reverses_id, made.transaction_id));
    assert_int_equal(reversal.transfers_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct transfer_info *one = &reversal.transfers[i];
        assert_true(id128_equal(one->reverses_id, made.transfers[1 - i].transfer_id));
        assert_true(one->amount == made.transfers[1 - i].amount);
        assert_true(slice_equal(one->reason, v.reason));
    }
    expect_all_back(b);
    assert_int_equal(show(b, made.transaction_id, &shown), RESULT_OK);
    assert_true(id128_equal(shown.reversed_by_id, v.reversal_id));
    assert_true(id128_equal(shown.transfers[0].reversed_by_id, reversal.transfers[1].transfer_id));
    assert_int_equal(show(b, v.reversal_id, &shown), RESULT_OK);
    assert_true(id128_equal(shown.reverses_id, made.transaction_id));
}

static void a_transaction_over_shards_is_moved_back_once(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse v = back(&made, 2), other = back(&made, 3),
                                     any = back(&made, 0);
    struct transaction_reverse reworded = v;
    reworded.has_description = true;
    reworded.description = slice_of("in other words");
    assert_int_equal(move_back(b, &v), RESULT_OK);
    for (int restarted = 0; restarted < 2; restarted++) {
        assert_int_equal(move_back(b, &v), RESULT_OK);
        assert_int_equal(move_back(b, &reworded), RESULT_TRANSACTION_EXISTS);
        assert_int_equal(move_back(b, &other), RESULT_ALREADY_REVERSED);
        assert_int_equal(move_back(b, &any), RESULT_ALREADY_REVERSED);
        assert_int_equal(move_one_back(b, &made, 0), RESULT_ALREADY_REVERSED);
        assert_int_equal(move_one_back(b, &made, 1), RESULT_ALREADY_REVERSED);
        expect_all_back(b);
        shards_restart(b);
    }
}

/* Whoever asks for the same hears the same; whoever asks for another one makes none. */
static void of_reversals_asked_for_at_once_one_is_made(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse v = back(&made, 2), other = back(&made, 3);
    struct transaction_reverse reworded = v;
    reworded.has_reason = true;
    reworded.reason = slice_of("in other words");
    b->cut[0] = true;
    struct question *first = ask_back(b, &v), *same = ask_back(b, &v);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(move_back(b, &reworded), RESULT_TRANSACTION_EXISTS);
    assert_int_equal(move_back(b, &other), RESULT_REVERSAL_UNDER_WAY);
    assert_int_equal(move_one_back(b, &made, 0), RESULT_REVERSAL_UNDER_WAY);
    assert_int_equal(move_one_back(b, &made, 1), RESULT_REVERSAL_UNDER_WAY);
    assert_false(first->answered || same->answered);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
    assert_int_equal(move_back(b, &other), RESULT_ALREADY_REVERSED);
    expect_all_back(b);
}

static void a_reversal_under_way_outlives_the_process(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse v = back(&made, 2), other = back(&made, 3);
    b->cut[0] = true;
    ask_back(b, &v);
    shards_run(b, 20 * NS_PER_MS);
    shards_restart(b);
    struct question *again = ask_back(b, &v);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(move_back(b, &other), RESULT_REVERSAL_UNDER_WAY);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, again), RESULT_OK);
    expect_all_back(b);
}

/* What the second transfer brought is spent: it cannot be moved back, nor then the first. */
static void a_reversal_that_is_refused_leaves_the_way_to_another(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse v = back(&made, 2), other = back(&made, 3);
    struct leg_refusal refusal;
    assert_int_equal(shards_move(b, 2, 4, 25), RESULT_OK);
    struct question *q = ask_back(b, &v);
    assert_int_equal(shards_code(b, q), RESULT_EXCEEDS_CREDITS);
    shards_reply(b, q, &leg_refusal_type, &refusal);
    assert_int_equal(refusal.failed_leg, 1);
    expect_settled(b);
    expect_account(b, 1, 5, 5);
    assert_int_equal(shards_move(b, 4, 2, 25), RESULT_OK);
    assert_int_equal(move_back(b, &other), RESULT_OK);
    expect_all_back(b);
}

static void a_reversal_counts_no_earlier_than_the_transaction(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    struct transaction_reverse v = back(&made, 2);
    v.has_effective_time = true;
    v.effective_time = made.transfers[0].effective_time - 1;
    assert_int_equal(move_back(b, &v), RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
    v.effective_time++;
    assert_int_equal(move_back(b, &v), RESULT_OK);
    expect_all_back(b);
}

/* A transfer of it alone, wherever its accounts are: then no more the whole. */
static void a_transfer_of_a_transaction_is_moved_back_alone(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info one;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse whole = back(&made, 2);
    struct transfer_reverse v = {.transfer_id = made.transfers[1].transfer_id,
                                 .has_reversal_id = true,
                                 .reversal_id = id_of(3),
                                 .has_description = true,
                                 .description = slice_of("too much")};
    struct question *q = shards_ask(b, &transfer_reverse_type, &v, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &one);
    assert_true(id128_equal(one.reverses_id, v.transfer_id));
    assert_false(one.has_transaction_id);
    assert_true(slice_equal(one.description, v.description));
    expect_settled(b);
    expect_account(b, 1, 30, 30);
    expect_account(b, 2, 0, 0);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    v.description = slice_of("in other words");
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v),
                     RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    assert_int_equal(move_one_back(b, &made, 1), RESULT_ALREADY_REVERSED);
    assert_int_equal(move_back(b, &whole), RESULT_ALREADY_REVERSED);
    assert_int_equal(move_one_back(b, &made, 0), RESULT_OK);
    expect_all_back(b);
}

/* Be it that the shard which is asked has no account of it. */
static void a_refused_reversal_is_refused_again_under_its_key(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transfer_reverse v = {.transfer_id = made.transfers[1].transfer_id,
                                       .has_effective_time = true,
                                       .effective_time = made.transfers[1].effective_time - 1};
    for (int again = 0; again < 2; again++) {
        struct question *q = shards_ask(b, &transfer_reverse_type, &v, 7);
        assert_int_equal(shards_code(b, q), RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
        assert_int_equal(q->message.replayed, again);
    }
}

static void while_one_is_moved_back_alone_the_whole_is_not(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse whole = back(&made, 2);
    struct transfer_reverse v = {.transfer_id = made.transfers[1].transfer_id,
                                 .has_reversal_id = true,
                                 .reversal_id = id_of(3),
                                 .has_reason = true,
                                 .reason = slice_of("too much")};
    b->cut[0] = true;
    struct question *first = shards_ask(b, &transfer_reverse_type, &v, 1);
    struct question *same = shards_ask(b, &transfer_reverse_type, &v, 0);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(move_back(b, &whole), RESULT_REVERSAL_UNDER_WAY);
    assert_int_equal(move_one_back(b, &made, 1), RESULT_REVERSAL_UNDER_WAY);
    v.reason = slice_of("in other words");
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_EXISTS_WITH_DIFFERENT_REASON);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 30, 30);
}

static void nobody_moves_back_what_is_not_theirs(void **state)
{
    struct shards_bank *b = *state;
    const struct transaction_info made = given_made(b);
    const struct transaction_reverse v = back(&made, 2);
    struct question *q = ask_back(b, &v);
    q->message.who.tenant = slice_of("rival");
    principal_identify(&q->message.who);
    assert_int_equal(shards_code(b, q), RESULT_NOT_FOUND);
    expect_account(b, 2, 25, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_transaction_moves_money_over_four_shards),
        SHARDS_TEST(a_leg_spends_what_an_earlier_one_brought),
        SHARDS_TEST(a_leg_does_not_spend_what_a_later_one_brings),
        SHARDS_TEST(what_the_last_shard_refuses_all_let_go),
        SHARDS_TEST(what_home_refuses_leaves_nothing),
        SHARDS_TEST(what_is_balanced_stays_in_its_shard),
        SHARDS_TEST(what_is_kept_aside_is_neither_spent_nor_closed),
        SHARDS_TEST(who_asks_again_gets_the_same_outcome),
        SHARDS_TEST(what_is_under_way_outlives_the_process),
        SHARDS_TEST(following_looks_at_no_rule),
        SHARDS_TEST(the_sums_have_room_for_what_is_under_way),
        SHARDS_TEST(a_shard_that_is_not_reached_is_said_before_anything_is_recorded),
        SHARDS_TEST(a_transaction_over_shards_is_moved_back_whole),
        SHARDS_TEST(a_transaction_over_shards_is_moved_back_once),
        SHARDS_TEST(of_reversals_asked_for_at_once_one_is_made),
        SHARDS_TEST(a_reversal_under_way_outlives_the_process),
        SHARDS_TEST(a_reversal_that_is_refused_leaves_the_way_to_another),
        SHARDS_TEST(a_reversal_counts_no_earlier_than_the_transaction),
        SHARDS_TEST(a_transfer_of_a_transaction_is_moved_back_alone),
        SHARDS_TEST(a_refused_reversal_is_refused_again_under_its_key),
        SHARDS_TEST(while_one_is_moved_back_alone_the_whole_is_not),
        SHARDS_TEST(nobody_moves_back_what_is_not_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
