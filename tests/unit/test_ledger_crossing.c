/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers between accounts of two shards: account 2 lives in shard 0, accounts 1 and 3 in shard
 * 1. Money comes from account 4 (shard 0) or 5 (shard 1), which may be overdrawn. */
#include "tests/unit/crossing_fixture.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/transit.h"
#include "runtime/base/time.h"
#include "runtime/sends/parked.h"

/* --- words ------------------------------------------------------------------------------------ */

static struct id128 acme(void)
{
    return shards_teller().tenant_id;
}

static struct id128 transit_account(uint16_t shard)
{
    return transit_id(shard * SHARD_SLOTS, 1 - shard, acme(), USD);
}

/* Credits less debits of the account for money in transit that `shard` has for the other. */
static int64_t in_transit(struct shards_bank *b, uint16_t shard)
{
    struct registry *r = &shard_set_shard(b->set, shard)->registry;
    const struct account *a = registry_state_if(r, KIND_ACCOUNT, transit_account(shard));
    return a == NULL ? 0 : (int64_t)a->credits_posted - (int64_t)a->debits_posted;
}

/* --- made ------------------------------------------------------------------------------------- */

static void money_moves_to_an_account_of_another_shard(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info made, shown;
    given_payer_and_payee(b);
    struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    c.has_description = true;
    c.description = slice_of("two books");
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &made);
    assert_true(id128_equal(made.transfer_id, c.transfer_id));
    assert_int_equal(made.status, TRANSFER_STATUS_POSTED);
    assert_true(made.amount == 30);
    assert_true(slice_equal(made.description, slice_of("two books")));
    expect_account(b, 2, 70, 70);
    expect_account(b, 1, 30, 30);
    assert_int_equal(show_transfer(b, c.transfer_id, &shown), RESULT_OK);
    assert_true(shown.recorded_time == made.recorded_time);
    assert_true(shown.effective_time == made.effective_time);
    assert_int_equal(in_transit(b, 0), 30);
    assert_int_equal(in_transit(b, 1), -30);
    expect_balanced(b);
}

/* Kept aside, then decided there, then followed: never to be spent in both places. */
static void what_is_on_its_way_is_available_nowhere_twice(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_false(q->answered);
    expect_account(b, 2, 100, 70);
    expect_account(b, 1, 0, 0);
    expect_balanced(b);
    b->cut[0] = false;
    b->cut[1] = true;
    shards_run(b, 10 * NS_PER_S);
    expect_account(b, 2, 100, 70);
    assert_int_equal(in_transit(b, 0), 0);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_account(b, 1, 30, 30);
    assert_int_equal(in_transit(b, 0) + in_transit(b, 1), 0);
}

static void a_balancing_transfer_moves_what_both_ends_allow(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info made;
    given_payer_and_payee(b);
    struct transfer_create c = shards_transfer(2, 1, 500);
    c.has_flags = true;
    c.flags = TRANSFER_FLAGS_BALANCING_DEBIT;
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &made);
    assert_true(made.amount == 100);
    c.has_amount = false;
    c.debit_account_id = shards_account(1);
    c.credit_account_id = shards_account(2);
    q = shards_ask(b, &transfer_create_type, &c, 2);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_account(b, 2, 100, 100);
    expect_account(b, 1, 0, 0);
}

/* What the one who pays and the one who receives can give and take, and what is asked for (0:
 * nothing, all that there is). */
struct balancing {
    uint64_t has, lacks, asked;
    bool strict; /* who pays has nothing but what it has */
    uint16_t code;
    uint64_t moved;
};

static void balance(struct shards_bank *b, const struct balancing *x, uint64_t payer,
                    uint64_t payee)
{
    struct transfer_info made;
    shards_open(b, payer, USD, x->strict ? STRICT : 0);
    shards_open(b, payee, USD, ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS);
    assert_int_equal(shards_move(b, 4, payer, x->has), RESULT_OK);
    assert_int_equal(shards_move(b, payee, 4, x->lacks), RESULT_OK);
    struct transfer_create c = shards_transfer(payer, payee, x->asked);
    c.has_amount = x->asked != 0;
    c.has_flags = true;
    c.flags = TRANSFER_FLAGS_BALANCING_CREDIT;
    struct question *q = shards_ask(b, &transfer_create_type, &c, 0);
    assert_int_equal(shards_code(b, q), x->code);
    if (x->code == RESULT_OK) {
        shards_reply(b, q, &transfer_info_type, &made);
        assert_true(made.amount == x->moved);
    }
    shards_forget_questions(b);
    assert_true(shards_show(b, payee).balance == x->lacks - x->moved);
}

/* In one shard and over two. */
static void balancing_what_the_payee_lacks_is_the_same_wherever_it_is(void **state)
{
    static const struct balancing all[] = {
        {100, 40, 0, true, RESULT_OK, 40},
        {100, 40, 1000, true, RESULT_OK, 40},
        {100, 40, 30, true, RESULT_OK, 30},
        {100, 100, 0, true, RESULT_OK, 100},
        {100, 101, 0, true, RESULT_EXCEEDS_CREDITS, 0},
        {100, 101, 1000, true, RESULT_EXCEEDS_CREDITS, 0},
        {100, 101, 90, true, RESULT_OK, 90},
        {100, 150, 0, false, RESULT_OK, 150},
    };
    struct shards_bank *b = *state;
    shards_open(b, 4, USD, 0);
    for (uint64_t i = 0; i < array_len(all); i++) {
        balance(b, &all[i], 100 + 8 * i, 102 + 8 * i);
        balance(b, &all[i], 104 + 8 * i, 105 + 8 * i);
    }
    expect_balanced(b);
}

/* An account that may give any amount keeps no more aside than leaves room for others. */
static void balancing_leaves_the_sums_room(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    shards_open(b, 6, USD, 0);
    shards_open(b, 3, USD, ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS);
    assert_int_equal(shards_move(b, 3, 4, 7), RESULT_OK);
    b->cut[0] = true;
    struct transfer_create c = shards_transfer(6, 3, 0);
    c.has_amount = false;
    c.has_flags = true;
    c.flags = TRANSFER_FLAGS_BALANCING_CREDIT;
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_false(q->answered);
    assert_int_equal(shards_move(b, 2, 4, 10), RESULT_OK);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_true(shards_show(b, 3).balance == 0);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void what_the_payer_lacks_is_refused_at_home(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 2, 1, 101), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(shards_move(b, 6, 1, 1), RESULT_DEBIT_ACCOUNT_NOT_FOUND);
    expect_account(b, 2, 100, 100);
}

/* At neither end, in neither direction, inside its shard and from another. */
static void an_account_for_money_in_transit_is_nobodys(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 2, 1, 30), RESULT_OK);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        struct transfer_create to = shards_transfer(2, 1, 1), from = shards_transfer(2, 1, 1);
        to.credit_account_id = transit_account(shard);
        from.debit_account_id = transit_account(shard);
        const struct account_get get = {transit_account(shard)};
        const struct account_freeze freeze = {.account_id = transit_account(shard)};
        assert_int_equal(shards_do(b, &transfer_create_type, &to), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
        assert_int_equal(shards_do(b, &transfer_create_type, &from),
                         RESULT_DEBIT_ACCOUNT_NOT_FOUND);
        assert_int_equal(shards_do(b, &account_get_type, &get), RESULT_NOT_FOUND);
        assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_NOT_FOUND);
    }
    assert_int_equal(in_transit(b, 0), 30);
    assert_int_equal(in_transit(b, 1), -30);
    expect_balanced(b);
}

static void an_operator_is_told_where_money_in_transit_goes(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 2, 1, 30), RESULT_OK);
    b->operates = true;
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        struct account_info info;
        const struct account_get get = {transit_account(shard)};
        struct question *q = shards_ask(b, &account_get_type, &get, 0);
        assert_int_equal(shards_code(b, q), RESULT_OK);
        shards_reply(b, q, &account_info_type, &info);
        assert_int_equal(info.purpose, ACCOUNT_PURPOSE_TRANSIT);
        assert_true(info.has_purpose && info.has_peer_shard);
        assert_int_equal(info.peer_shard, 1 - shard);
        assert_false(info.has_opened_time);
        assert_true(info.balance == 30);
        assert_int_equal(info.balance_side, shard == 0 ? BALANCE_SIDE_CREDIT : BALANCE_SIDE_DEBIT);
    }
    const struct account_freeze freeze = {.account_id = transit_account(0)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_NOT_FOUND);
    assert_false(shards_show(b, 2).has_purpose);
}

static void what_the_payee_refuses_is_let_go(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    shards_open(b, 3, EUR, 0);
    assert_int_equal(shards_move(b, 2, 7, 10), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    assert_int_equal(shards_move(b, 2, 3, 10), RESULT_ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY);
    const struct account_freeze freeze = {.account_id = shards_account(1)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    const struct transfer_create c = with_id(shards_transfer(2, 1, 10), 1);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_CREDIT_ACCOUNT_FROZEN);
    expect_account(b, 2, 100, 100);
    const struct account_unfreeze unfreeze = {.account_id = shards_account(1)};
    assert_int_equal(shards_do(b, &account_unfreeze_type, &unfreeze), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_ID_ALREADY_FAILED);
    assert_int_equal(shards_move(b, 2, 1, 10), RESULT_OK);
    expect_balanced(b);
}

/* In memory the refusal alone is known; in the views what was kept aside under the id is too. */
static void a_refused_id_stays_refused_when_it_has_left_memory(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    const struct account_freeze freeze = {.account_id = shards_account(1)};
    const struct account_unfreeze unfreeze = {.account_id = shards_account(1)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    const struct transfer_create c = with_id(shards_transfer(2, 1, 10), 1);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_CREDIT_ACCOUNT_FROZEN);
    assert_int_equal(shards_do(b, &account_unfreeze_type, &unfreeze), RESULT_OK);
    shards_run(b, 60 * NS_PER_S);
    shards_restart(b);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_ID_ALREADY_FAILED);
    expect_account(b, 2, 100, 100);
}

static void a_decision_after_its_time_is_a_refusal(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 60 * NS_PER_S);
    b->cut[0] = false;
    shards_run(b, 20 * NS_PER_S);
    assert_true(q->answered);
    assert_int_equal(q->message.code, RESULT_DEADLINE_PASSED);
    expect_account(b, 2, 100, 100);
}

static void a_shard_that_is_not_reached_is_said_before_anything_is_recorded(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = shards_transfer(2, 1, 1);
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_S);
    assert_int_equal(shards_move(b, 2, 1, 1), RESULT_SHARD_UNAVAILABLE);
    expect_account(b, 2, 100, 99);
}

/* What waits for it is refused once it is back, and nothing new is taken on meanwhile. */
static void a_shard_may_be_gone_for_hours(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = b->cut[1] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    for (int hour = 0; hour < 3; hour++) {
        shards_run(b, 3600 * NS_PER_S);
        assert_int_equal(shards_move(b, 2, 1, 1), RESULT_SHARD_UNAVAILABLE);
        expect_account(b, 2, 100, 70);
    }
    assert_false(q->answered);
    b->cut[0] = b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_DEADLINE_PASSED);
    expect_account(b, 2, 100, 100);
    assert_int_equal(shards_move(b, 2, 1, 30), RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_balanced(b);
}

/* --- between ---------------------------------------------------------------------------------- */

/* What was promised is done, whatever became of the account. */
static void following_looks_at_no_rule(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[1] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    const struct account_freeze freeze = {.account_id = shards_account(2)};
    assert_int_equal(shards_do(b, &account_freeze_type, &freeze), RESULT_OK);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_account(b, 2, 70, 70);
}

static void an_account_with_something_kept_aside_is_not_closed(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    shards_open(b, 6, USD, STRICT);
    b->cut[0] = true;
    struct transfer_create c = shards_transfer(6, 1, 30);
    c.has_flags = true;
    c.flags = TRANSFER_FLAGS_BALANCING_DEBIT;
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    const struct account_close close = {.account_id = shards_account(6)};
    assert_int_equal(shards_do(b, &account_close_type, &close), RESULT_ACCOUNT_NOT_EMPTY);
    b->cut[0] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_do(b, &account_close_type, &close), RESULT_OK);
}

static void who_asks_again_gets_the_same_outcome(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info info;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    const struct transfer_create other = with_id(shards_transfer(2, 1, 31), 1);
    struct question *first = shards_ask(b, &transfer_create_type, &c, 0);
    shards_run(b, 20 * NS_PER_MS);
    struct question *same_id = shards_ask(b, &transfer_create_type, &c, 0);
    struct question *same_id_keyed = shards_ask(b, &transfer_create_type, &c, 9);
    shards_run(b, 20 * NS_PER_MS);
    assert_true(!first->answered && !same_id->answered && !same_id_keyed->answered);
    assert_int_equal(show_transfer(b, c.transfer_id, &info), RESULT_OUTCOME_PENDING);
    struct question *different = shards_ask(b, &transfer_create_type, &other, 0);
    assert_int_equal(shards_code(b, different), RESULT_EXISTS_WITH_DIFFERENT_AMOUNT);
    b->cut[0] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same_id), RESULT_OK);
    assert_int_equal(shards_code(b, same_id_keyed), RESULT_OK);
    struct question *late = shards_ask(b, &transfer_create_type, &c, 0);
    assert_int_equal(shards_code(b, late), RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_account(b, 1, 30, 30);
}

static void what_is_under_way_outlives_the_process(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    shards_restart(b);
    expect_account(b, 2, 100, 70);
    struct question *again = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    b->cut[0] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, again), RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_account(b, 1, 30, 30);
    expect_balanced(b);
}

/* What other shards have not decided in all that time is still under way. */
static void a_key_is_known_as_long_as_its_outcome_is_awaited(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30), other = shards_transfer(2, 1, 31);
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    shards_kill(b);
    b->world.now_ns += 40 * NS_PER_DAY; /* nobody has looked after it */
    shards_start(b);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shards_move(b, 4, 2, 1), RESULT_OK);
        shards_run(b, 60 * NS_PER_S);
        shards_restart(b);
    }
    struct question *again = shards_ask(b, &transfer_create_type, &c, 1);
    struct question *reused = shards_ask(b, &transfer_create_type, &other, 1);
    reused->message.fingerprint = (struct id128){1, 1};
    assert_int_equal(shards_code(b, reused), RESULT_KEY_REUSED);
    b->cut[0] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, again), RESULT_DEADLINE_PASSED);
    expect_account(b, 2, 102, 102);
    expect_balanced(b);
}

/* The words of the transfer stand in it. */
static void what_needs_a_damaged_batch_is_parked(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    shards_open(b, 5, USD, 0);
    struct shard *home = shard_set_shard(b->set, 0);
    struct transfer_create c = shards_transfer(2, 1, 30);
    c.has_description = true;
    c.description = slice_of("rent");
    b->cut[1] = true;
    uint64_t seq = home->journal.committed_seq + 1;
    shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, NS_PER_S);
    assert_int_equal(shards_move(b, 4, 2, 1), RESULT_OK);
    shards_run(b, 60 * NS_PER_S); /* the views have come so far */
    shards_restart(b);
    assert_true(store_sim_flip(b->sim, 0, seq, 1000));
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    home = shard_set_shard(b->set, 0);
    assert_int_equal(home->registry.existing[KIND_PARKED], 1);
    assert_false(home->loader.busy);
    assert_int_equal(shards_move(b, 5, 2, 1), RESULT_OK); /* the stream goes on */
    expect_account(b, 2, 102, 72);
    expect_balanced(b);
}

static void nobody_can_claim_a_decision(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    shards_ask(b, &transfer_create_type, &c, 0);
    shards_run(b, 20 * NS_PER_MS);
    const struct transfer_follow follow = {.reservation_id =
                                               reservation_id(c.transfer_id, shards_account(2)),
                                           .decision = {.result = RESULT_EXCEEDS_CREDITS}};
    assert_int_equal(shards_do(b, &transfer_follow_type, &follow), RESULT_UNSUPPORTED);
    const struct transfer_token token = {{.credit_account_id = shards_account(1), .amount = 5}};
    assert_int_equal(shards_do(b, &transfer_token_type, &token), RESULT_UNSUPPORTED);
    expect_account(b, 2, 100, 70);
}

/* Each keeps its own aside before it hears of the other. */
static void of_two_in_opposite_directions_under_one_id_one_is_made(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 4, 1, 100), RESULT_OK);
    const struct transfer_create there = with_id(shards_transfer(2, 1, 30), 1);
    const struct transfer_create back = with_id(shards_transfer(1, 2, 30), 1);
    struct question *first = shards_ask(b, &transfer_create_type, &there, 1);
    struct question *second = shards_ask(b, &transfer_create_type, &back, 2);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, second), RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID);
    expect_account(b, 2, 70, 70);
    expect_account(b, 1, 130, 130);
    assert_int_equal(shards_do(b, &transfer_create_type, &back),
                     RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID);
    assert_int_equal(shards_do(b, &transfer_create_type, &there), RESULT_OK);
    expect_balanced(b);
}

/* Under an id of either shard, and what only home knows of it when that has followed. */
static void what_is_decided_is_shown(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info info;
    given_payer_and_payee(b);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        struct transfer_create c = with_id_of(shards_transfer(2, 1, 30), 1, shard);
        c.has_description = true;
        c.description = slice_of("rent");
        b->cut[1] = true;
        struct question *q = shards_ask(b, &transfer_create_type, &c, 0);
        shards_run(b, 20 * NS_PER_MS);
        assert_false(q->answered);
        assert_int_equal(show_transfer(b, c.transfer_id, &info), RESULT_OK);
        assert_true(info.amount == 30 && info.status == TRANSFER_STATUS_POSTED);
        b->cut[1] = false;
        assert_int_equal(shards_code(b, q), RESULT_OK);
        assert_int_equal(show_transfer(b, c.transfer_id, &info), RESULT_OK);
        assert_true(slice_equal(info.description, slice_of("rent")));
        const struct transfer_get none = {{info.transfer_id.hi, info.transfer_id.lo ^ 1 << 20}};
        assert_int_equal(shards_do(b, &transfer_get_type, &none), RESULT_NOT_FOUND);
    }
}

/* --- shown ------------------------------------------------------------------------------------ */

/* What was recorded before; 0: all. */
static struct entry_page history(struct shards_bank *b, uint64_t n, uint64_t before)
{
    struct entry_page page;
    const struct account_entries get = {
        .account_id = shards_account(n), .has_to = before != 0, .to = before};
    struct question *q = shards_ask(b, &account_entries_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &entry_page_type, &page);
    return page;
}

/* One version when it is kept aside and one at its end, of which only what was posted has an entry:
 * the history goes over what was refused, also where it is searched by time. */
static void what_is_kept_aside_is_a_version_without_an_entry(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    uint64_t version = shards_show(b, 2).version;
    b->cut[0] = true;
    const struct transfer_create c = shards_transfer(2, 1, 30);
    struct question *q = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_true(shards_show(b, 2).version == version + 1);
    assert_int_equal(history(b, 2, 0).entries_count, 2);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_true(shards_show(b, 2).version == version + 2);
    assert_int_equal(shards_move(b, 2, 7, 10), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    assert_true(shards_show(b, 2).version == version + 4);
    assert_int_equal(shards_move(b, 2, 4, 10), RESULT_OK);
    const struct entry_page all = history(b, 2, 0);
    assert_int_equal(all.entries_count, 4);
    assert_true(all.entries[0].version == version + 5);
    assert_true(all.entries[1].version == version + 2);
    assert_int_equal(history(b, 2, all.entries[0].recorded_time).entries_count, 3);
}

static void it_is_one_transfer_in_both_histories(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    const struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    const struct entry_page payer = history(b, 2, 0), payee = history(b, 1, 0);
    assert_int_equal(payer.entries_count, 3); /* opened, funded, this */
    assert_int_equal(payee.entries_count, 2);
    assert_true(id128_equal(payer.entries[0].transfer_id, c.transfer_id));
    assert_true(id128_equal(payee.entries[0].transfer_id, c.transfer_id));
    assert_true(payer.entries[0].effective_time == payee.entries[0].effective_time);
    assert_true(payer.entries[0].debits_posted == 30);
    assert_true(payee.entries[0].credits_posted == 30);
    struct transfer_page page;
    const struct transfers_list list = {.has_account_id = true, .account_id = shards_account(1)};
    struct question *q = shards_ask(b, &transfers_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, 1);
    assert_true(page.transfers[0].recorded_time == payee.entries[0].recorded_time);
}

static void a_trial_balance_counts_it_once(void **state)
{
    struct shards_bank *b = *state;
    struct trial_balance balance;
    const struct trial_balance_get get = {0};
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 2, 1, 30), RESULT_OK);
    struct question *q = shards_ask(b, &trial_balance_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &trial_balance_type, &balance);
    assert_int_equal(balance.lines_count, 1);
    assert_true(balance.balanced);
    assert_int_equal(balance.lines[0].transfer_count, 2);
    assert_int_equal(balance.lines[0].account_count, 3);
    assert_true(balance.lines[0].debits_posted == 130);
    assert_true(balance.lines[0].credits_posted == 130);
}

/* --- its price -------------------------------------------------------------------------------- */

static uint64_t journal_bytes(struct shards_bank *b)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < SHARDS; i++)
        sum += shard_set_shard(b->set, i)->journal.stats.bytes;
    return sum;
}

/* With a key, three records, two sends and two marks. Many at a time, so that who asks is written
 * seldom. */
static void it_takes_at_most_700_bytes_of_journal(void **state)
{
    struct shards_bank *b = *state;
    enum {
        COUNT = 40
    };
    const struct transfer_create c = shards_transfer(2, 1, 1);
    given_payer_and_payee(b);
    uint64_t before = journal_bytes(b);
    for (uint64_t i = 1; i <= COUNT; i++)
        shards_ask(b, &transfer_create_type, &c, i);
    shards_run(b, NS_PER_S);
    for (uint32_t i = 0; i < b->question_count; i++)
        assert_int_equal(b->questions[i].message.code, RESULT_OK);
    uint64_t each = (journal_bytes(b) - before) / COUNT;
    print_message("bytes of journal for a crossing transfer: %u\n", (unsigned)each);
    assert_true(each <= 700);
}

/* --- at random -------------------------------------------------------------------------------- */

#define KEYS 40

struct asked {
    struct transfer_create transfer;
    bool asked;
};

static void ask_at_random(struct shards_bank *b, struct asked *all)
{
    uint64_t key = rng_below(&b->rng, KEYS);
    if (b->question_count == QUESTIONS_MAX)
        return;
    if (!all[key].asked) {
        uint64_t debit = 1 + rng_below(&b->rng, 4),
                 credit = 1 + (debit + rng_below(&b->rng, 3)) % 4;
        all[key].transfer = shards_transfer(debit, credit, 1 + rng_below(&b->rng, 60));
        all[key].transfer.debit_account_id = shards_account(debit);
        if (rng_chance(&b->rng, 300000)) {
            all[key].transfer = with_id(all[key].transfer, key);
            all[key].transfer.transfer_id.lo |= debit % SHARDS * SHARD_SLOTS;
        }
    }
    all[key].asked = true;
    shards_ask(b, &transfer_create_type, &all[key].transfer, key + 1);
}

/* What each account should have by the outcomes given. */
static void expect_outcomes(struct shards_bank *b, struct asked *all)
{
    int64_t balance[5] = {0, 100, 100, 100, 100};
    for (uint64_t key = 0; key < KEYS; key++) {
        if (!all[key].asked)
            continue;
        const struct transfer_create *c = &all[key].transfer;
        struct question *q = shards_ask(b, &transfer_create_type, c, key + 1);
        uint16_t code = shards_code(b, q);
        shards_forget_questions(b);
        assert_true(code == RESULT_OK || code == RESULT_EXCEEDS_CREDITS ||
                    code == RESULT_DEADLINE_PASSED);
        if (code != RESULT_OK)
            continue;
        balance[c->debit_account_id.lo >> 16] -= (int64_t)c->amount;
        balance[c->credit_account_id.lo >> 16] += (int64_t)c->amount;
    }
    for (uint64_t n = 1; n <= 4; n++)
        expect_account(b, n, (u128)balance[n], (u128)balance[n]);
    assert_int_equal(shards_move(b, 12, 11, 1), RESULT_OK); /* so that both are in memory */
    assert_int_equal(in_transit(b, 0) + in_transit(b, 1), 0);
    shards_forget_questions(b);
}

static void each_transfer_is_made_once_whatever_happens(void **state)
{
    struct shards_bank *b = *state;
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct asked all[KEYS] = {0};
        shards_kill(b);
        store_sim_free(b->sim);
        rng_seed(&b->rng, seed);
        b->sim = store_sim_new(&(struct store_sim_options){.tables = b->tables,
                                                           .table_count = b->table_count,
                                                           .rng = &b->rng,
                                                           .faults = {.crash_lost_ppm = 500000}});
        shards_start(b);
        for (uint64_t n = 1; n <= 4; n++) {
            shards_open(b, n, USD, STRICT);
            shards_open(b, n + 10, USD, 0);
            assert_int_equal(shards_move(b, n + 10 - 10 % SHARDS, n, 100), RESULT_OK);
        }
        b->lose_ppm = (uint32_t)rng_below(&b->rng, 400000);
        b->repeat_ppm = 150000;
        for (int step = 0; step < 150; step++) {
            ask_at_random(b, all);
            shards_run(b, rng_below(&b->rng, 30) * NS_PER_MS);
            expect_balanced(b);
            if (rng_chance(&b->rng, 30000))
                shards_restart(b);
        }
        b->lose_ppm = b->repeat_ppm = 0;
        shards_run(b, 60 * NS_PER_S);
        shards_forget_questions(b);
        expect_outcomes(b, all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(money_moves_to_an_account_of_another_shard),
        SHARDS_TEST(what_is_on_its_way_is_available_nowhere_twice),
        SHARDS_TEST(a_balancing_transfer_moves_what_both_ends_allow),
        SHARDS_TEST(balancing_what_the_payee_lacks_is_the_same_wherever_it_is),
        SHARDS_TEST(balancing_leaves_the_sums_room),
        SHARDS_TEST(what_the_payer_lacks_is_refused_at_home),
        SHARDS_TEST(an_account_for_money_in_transit_is_nobodys),
        SHARDS_TEST(an_operator_is_told_where_money_in_transit_goes),
        SHARDS_TEST(what_the_payee_refuses_is_let_go),
        SHARDS_TEST(a_refused_id_stays_refused_when_it_has_left_memory),
        SHARDS_TEST(a_decision_after_its_time_is_a_refusal),
        SHARDS_TEST(a_shard_that_is_not_reached_is_said_before_anything_is_recorded),
        SHARDS_TEST(a_shard_may_be_gone_for_hours),
        SHARDS_TEST(following_looks_at_no_rule),
        SHARDS_TEST(an_account_with_something_kept_aside_is_not_closed),
        SHARDS_TEST(who_asks_again_gets_the_same_outcome),
        SHARDS_TEST(what_is_under_way_outlives_the_process),
        SHARDS_TEST(a_key_is_known_as_long_as_its_outcome_is_awaited),
        SHARDS_TEST(what_needs_a_damaged_batch_is_parked),
        SHARDS_TEST(nobody_can_claim_a_decision),
        SHARDS_TEST(of_two_in_opposite_directions_under_one_id_one_is_made),
        SHARDS_TEST(what_is_decided_is_shown),
        SHARDS_TEST(what_is_kept_aside_is_a_version_without_an_entry),
        SHARDS_TEST(it_is_one_transfer_in_both_histories),
        SHARDS_TEST(a_trial_balance_counts_it_once),
        SHARDS_TEST(it_takes_at_most_700_bytes_of_journal),
        SHARDS_TEST(each_transfer_is_made_once_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
