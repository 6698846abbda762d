/* SPDX-License-Identifier: Apache-2.0 */
/* Reversals of transfers between two shards: account 2 lives in shard 0, accounts 1 and 3 in shard
 * 1. A transfer from 2 to 1 is at home in shard 0, its reversal in shard 1. */
#include "tests/unit/shards_fixture.h"

#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS

/* --- words ------------------------------------------------------------------------------------ */

static struct id128 id_of(uint64_t n, uint16_t shard)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 1000) << 16 | shard * SHARD_SLOTS};
}

static uint64_t now_ns(const struct shards_bank *b)
{
    return WORLD_EPOCH_NS + b->world.now_ns;
}

/* Account 2 has 100, and 30 of them go to account 1 as transfer `n`, whose id has a slot of this
 * shard. */
static struct id128 given_moved(struct shards_bank *b, uint64_t n, uint16_t shard)
{
    struct transfer_create c = shards_transfer(2, 1, 30);
    c.has_transfer_id = true;
    c.transfer_id = id_of(n, shard);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    return c.transfer_id;
}

static void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    shards_open(b, 2, USD, STRICT);
    shards_open(b, 1, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
}

static struct transfer_reverse reversal_of(struct id128 id)
{
    return (struct transfer_reverse){.transfer_id = id};
}

static struct transfer_reverse reversal_as(struct id128 id, uint64_t n)
{
    struct transfer_reverse v = reversal_of(id);
    v.has_reversal_id = true;
    v.reversal_id = id_of(n, 1);
    return v;
}

static void expect_balances(struct shards_bank *b, u128 payer, u128 payee)
{
    assert_true(shards_show(b, 2).balance == payer);
    assert_true(shards_show(b, 2).available == payer);
    assert_true(shards_show(b, 1).balance == payee);
    assert_true(shards_show(b, 1).available == payee);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_null(shard_audit(shard_set_shard(b->set, i)));
}

static struct transfer_info shown(struct shards_bank *b, struct id128 id)
{
    struct transfer_info info;
    const struct transfer_get get = {id};
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    return info;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Whichever shard the id leads to. */
static void money_goes_back_over_shards(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info made;
    given_accounts(b);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        struct id128 id = given_moved(b, 1 + shard, shard);
        struct transfer_reverse v = reversal_of(id);
        v.has_description = true;
        v.description = slice_of("booked twice");
        struct question *q = shards_ask(b, &transfer_reverse_type, &v, 7 + shard);
        assert_int_equal(shards_code(b, q), RESULT_OK);
        shards_reply(b, q, &transfer_info_type, &made);
        assert_true(id128_equal(made.reverses_id, id));
        assert_true(id128_equal(made.debit_account_id, shards_account(1)));
        assert_true(made.amount == 30);
        assert_true(slice_equal(made.description, slice_of("booked twice")));
        expect_balances(b, 100, 0);
        assert_true(id128_equal(shown(b, id).reversed_by_id, made.transfer_id));
        assert_true(id128_equal(shown(b, made.transfer_id).reverses_id, id));
        struct question *again = shards_ask(b, &transfer_reverse_type, &v, 7 + shard);
        assert_int_equal(shards_code(b, again), RESULT_OK);
        assert_true(again->message.replayed);
        expect_balances(b, 100, 0);
    }
}

static void a_transfer_is_reversed_once_under_whatever_id(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_moved(b, 1, 0);
    assert_int_equal(shards_move(b, 2, 1, 70), RESULT_OK);
    const struct transfer_reverse first = reversal_as(id, 2), other = reversal_as(id, 3);
    const struct transfer_reverse any = reversal_of(id);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &first), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &other), RESULT_ALREADY_REVERSED);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &any), RESULT_ALREADY_REVERSED);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &first), RESULT_OK);
    shards_restart(b);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &other), RESULT_ALREADY_REVERSED);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &first), RESULT_OK);
    expect_balances(b, 30, 70);
}

/* Both are kept aside before either is decided. */
static void of_two_reversals_asked_for_at_once_one_is_made(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_moved(b, 1, 0);
    assert_int_equal(shards_move(b, 2, 1, 70), RESULT_OK);
    b->cut[1] = true;
    const struct transfer_reverse first = reversal_as(id, 2), other = reversal_of(id);
    struct question *one = shards_ask(b, &transfer_reverse_type, &first, 1);
    struct question *two = shards_ask(b, &transfer_reverse_type, &other, 2);
    struct question *same = shards_ask(b, &transfer_reverse_type, &first, 0);
    shards_run(b, 20 * NS_PER_MS);
    assert_false(one->answered || two->answered || same->answered);
    assert_true(shards_show(b, 1).available == 40);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, one), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
    assert_int_equal(shards_code(b, two), RESULT_ALREADY_REVERSED);
    expect_balances(b, 30, 70);
}

/* The id of a reversal of one transfer is no answer to who asks for that of another. */
static void an_id_is_that_of_one_reversal(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 first = given_moved(b, 1, 0), second = given_moved(b, 2, 0);
    const struct transfer_reverse v = reversal_as(first, 3), other = reversal_as(second, 3);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_REVERSES_ID);
    struct transfer_create c = shards_transfer(1, 2, 30);
    c.has_transfer_id = true;
    c.transfer_id = v.reversal_id;
    assert_int_equal(shards_do(b, &transfer_create_type, &c),
                     RESULT_EXISTS_WITH_DIFFERENT_REVERSES_ID);
    expect_balances(b, 70, 30);
}

static void a_reversal_that_is_refused_may_be_asked_for_again(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_moved(b, 1, 0);
    const struct transfer_reverse v = reversal_of(id);
    const struct account_freeze freeze = {.account_id = shards_account(2)};
    const struct account_unfreeze unfreeze = {.account_id = shards_account(2)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_CREDIT_ACCOUNT_FROZEN);
    assert_int_equal(shards_do(b, &account_unfreeze_type, &unfreeze), RESULT_OK);
    assert_false(shown(b, id).has_reversed_by_id);
    shards_open(b, 3, USD, 0);
    assert_int_equal(shards_move(b, 1, 3, 1), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(shards_move(b, 3, 1, 1), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    expect_balances(b, 100, 0);
}

static void a_reversal_counts_no_earlier_than_what_it_reverses(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    uint64_t before = now_ns(b);
    struct transfer_reverse v = reversal_of(given_moved(b, 1, 0));
    v.has_effective_time = true;
    v.effective_time = before;
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v),
                     RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
    v.effective_time = shown(b, v.transfer_id).effective_time;
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    expect_balances(b, 100, 0);
}

static void a_reversal_whose_time_is_up_is_refused_and_leaves_nothing(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_reverse v = reversal_of(given_moved(b, 1, 0));
    assert_int_equal(shards_move(b, 2, 1, 70), RESULT_OK);
    b->cut[1] = true;
    struct question *q = shards_ask(b, &transfer_reverse_type, &v, 1);
    shards_run(b, 60 * NS_PER_S);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_SHARD_UNAVAILABLE);
    b->cut[1] = false;
    shards_run(b, 20 * NS_PER_S);
    assert_int_equal(shards_code(b, q), RESULT_DEADLINE_PASSED);
    expect_balances(b, 0, 100);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    expect_balances(b, 30, 70);
}

static void nobody_sees_what_is_not_theirs_by_reversing_it(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        const struct transfer_reverse v = reversal_of(given_moved(b, 1 + shard, shard));
        struct question *q = shards_ask(b, &transfer_reverse_type, &v, 0);
        q->message.who.tenant = slice_of("rival");
        principal_identify(&q->message.who);
        assert_int_equal(shards_code(b, q), RESULT_NOT_FOUND);
    }
    expect_balances(b, 40, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(money_goes_back_over_shards),
        SHARDS_TEST(a_transfer_is_reversed_once_under_whatever_id),
        SHARDS_TEST(of_two_reversals_asked_for_at_once_one_is_made),
        SHARDS_TEST(an_id_is_that_of_one_reversal),
        SHARDS_TEST(a_reversal_that_is_refused_may_be_asked_for_again),
        SHARDS_TEST(a_reversal_counts_no_earlier_than_what_it_reverses),
        SHARDS_TEST(a_reversal_whose_time_is_up_is_refused_and_leaves_nothing),
        SHARDS_TEST(nobody_sees_what_is_not_theirs_by_reversing_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
