/* SPDX-License-Identifier: Apache-2.0 */
/* Several transfers over the accounts of four shards, made together or not at all: account n lives
 * in shard n % 4. Money comes from account 4 (shard 0), which may be overdrawn. */
#define SHARDS 4
#include "tests/unit/shards_fixture.h"

#include "actors/ledger/account.h"
#include "actors/ledger/transit.h"
#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS
#define LEGS_MAX 8

/* --- words ------------------------------------------------------------------------------------ */

struct transaction {
    struct transaction_create create;
    struct transaction_leg legs[LEGS_MAX];
};

static void add_leg(struct transaction *x, uint64_t debit, uint64_t credit, u128 amount)
{
    assert_true(x->create.legs_count < LEGS_MAX);
    x->create.legs = x->legs;
    x->legs[x->create.legs_count++] = (struct transaction_leg){
        .debit_account_id = shards_account(debit),
        .credit_account_id = shards_account(credit),
        .has_amount = true,
        .amount = amount,
        .currency = USD,
    };
}

static void with_id(struct transaction *x, uint64_t n)
{
    x->create.has_transaction_id = true;
    x->create.transaction_id = (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 5000) << 16};
}

static struct question *ask(struct shards_bank *b, struct transaction *x)
{
    x->create.legs = x->legs;
    return shards_ask(b, &transaction_create_type, &x->create, 0);
}

static uint16_t make(struct shards_bank *b, struct transaction *x)
{
    return shards_code(b, ask(b, x));
}

static uint16_t make_failing(struct shards_bank *b, struct transaction *x, uint32_t *leg)
{
    struct leg_refusal refusal;
    struct question *q = ask(b, x);
    uint16_t code = shards_code(b, q);
    shards_reply(b, q, &leg_refusal_type, &refusal);
    *leg = refusal.failed_leg;
    return code;
}

static uint16_t show(struct shards_bank *b, struct id128 id, struct transaction_info *info)
{
    const struct transaction_get get = {id};
    struct question *q = shards_ask(b, &transaction_get_type, &get, 0);
    uint16_t code = shards_code(b, q);
    if (code == RESULT_OK)
        shards_reply(b, q, &transaction_info_type, info);
    return code;
}

/* Accounts 1 to 3, of which none may be overdrawn, in the shards of their numbers. */
static void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    for (uint64_t n = 1; n <= 3; n++)
        shards_open(b, n, USD, STRICT);
}

static void expect_account(struct shards_bank *b, uint64_t n, u128 posted, u128 available)
{
    const struct account_info info = shards_show(b, n);
    assert_true(info.balance == posted);
    assert_true(info.available == available);
}

static void expect_settled(struct shards_bank *b)
{
    int64_t transit = 0;
    shards_run(b, 10 * NS_PER_S);
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct registry *r = &shard_set_shard(b->set, i)->registry;
        assert_null(shard_audit(shard_set_shard(b->set, i)));
        for (uint16_t peer = 0; peer < SHARDS; peer++) {
            const struct account *a = registry_state_if(
                r, KIND_ACCOUNT, transit_id(i * SHARD_SLOTS, peer, shards_teller().tenant_id, USD));
            assert_true(a == NULL || (a->debits_pending == 0 && a->credits_pending == 0));
            transit += a == NULL ? 0 : (int64_t)a->credits_posted - (int64_t)a->debits_posted;
        }
    }
    assert_int_equal(transit, 0);
}

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

static void what_is_held_or_balanced_stays_in_its_shard(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    uint32_t leg;
    given_accounts(b);
    add_leg(&x, 4, 1, 1);
    x.legs[0].has_flags = true;
    x.legs[0].flags = TRANSFER_FLAGS_PENDING;
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

/* Moving back what several shards moved is not for one of them. */
static void what_was_made_over_shards_is_not_reversed_in_one(void **state)
{
    struct shards_bank *b = *state;
    struct transaction x = {.create = {.legs_count = 0}};
    struct transaction_info made;
    given_accounts(b);
    shards_open(b, 5, USD, 0);
    with_id(&x, 1);
    add_leg(&x, 4, 1, 30);
    add_leg(&x, 1, 5, 10);
    struct question *q = ask(b, &x);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transaction_info_type, &made);
    expect_settled(b);
    for (uint32_t i = 0; i < 2; i++) {
        const struct transfer_reverse reverse = {.transfer_id = made.transfers[i].transfer_id};
        assert_int_equal(shards_do(b, &transfer_reverse_type, &reverse),
                         RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS);
    }
    const struct transaction_reverse whole = {.transaction_id = made.transaction_id};
    assert_int_equal(shards_do(b, &transaction_reverse_type, &whole),
                     RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS);
    expect_account(b, 1, 20, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_transaction_moves_money_over_four_shards),
        SHARDS_TEST(a_leg_spends_what_an_earlier_one_brought),
        SHARDS_TEST(a_leg_does_not_spend_what_a_later_one_brings),
        SHARDS_TEST(what_the_last_shard_refuses_all_let_go),
        SHARDS_TEST(what_home_refuses_leaves_nothing),
        SHARDS_TEST(what_is_held_or_balanced_stays_in_its_shard),
        SHARDS_TEST(what_is_kept_aside_is_neither_spent_nor_closed),
        SHARDS_TEST(who_asks_again_gets_the_same_outcome),
        SHARDS_TEST(what_is_under_way_outlives_the_process),
        SHARDS_TEST(following_looks_at_no_rule),
        SHARDS_TEST(the_sums_have_room_for_what_is_under_way),
        SHARDS_TEST(a_shard_that_is_not_reached_is_said_before_anything_is_recorded),
        SHARDS_TEST(what_was_made_over_shards_is_not_reversed_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
