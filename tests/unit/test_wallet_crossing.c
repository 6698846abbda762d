/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers and captures between ann, who lives in shard 0, and bob, who lives in shard 1. */
#include "tests/unit/street_fixture.h"

#include "runtime/base/time.h"
#include "runtime/sends/parked.h"
#include "schemas/ledger.h"

static struct question *pay(struct shards_bank *b, struct id128 from, struct id128 to,
                            int64_t cents, uint64_t key)
{
    const struct wallet_transfer transfer = {.wallet_id = from,
                                             .to_wallet_id = to,
                                             .amount = dollars(cents),
                                             .has_description = true,
                                             .description = slice_of("rent")};
    return shards_ask(b, &wallet_transfer_type, &transfer, key);
}

/* --- transfers -------------------------------------------------------------------------------- */

static void a_wallet_pays_one_of_another_shard(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct wallet_transaction made;
    struct question *q = pay(b, s.ann, s.bob, 3000, 1);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_type, &made);
    assert_true(made.amount == 3000 && made.balance == 7000 && made.available_balance == 7000);
    assert_true(id128_equal(made.counterparty_wallet_id, s.bob));
    assert_true(slice_equal(made.description, slice_of("rent")));
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
    assert_true(shown(b, s.ann).spent_today == 3000);
}

static void both_see_it_among_their_movements(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    assert_int_equal(shards_code(b, pay(b, s.ann, s.bob, 3000, 1)), RESULT_OK);
    const struct wallet_transaction_page out = movements(b, s.ann), in = movements(b, s.bob);
    assert_int_equal(out.transactions_count, 2);
    assert_int_equal(in.transactions_count, 1);
    assert_int_equal(out.transactions[0].type, WALLET_TRANSACTION_TYPE_TRANSFER_OUT);
    assert_int_equal(in.transactions[0].type, WALLET_TRANSACTION_TYPE_TRANSFER_IN);
    assert_true(id128_equal(in.transactions[0].counterparty_wallet_id, s.ann));
    assert_true(slice_equal(in.transactions[0].description, slice_of("rent")));
    assert_true(id128_equal(in.transactions[0].transfer_id, out.transactions[0].transfer_id));
    assert_true(in.transactions[0].balance == 3000);
}

static struct wallet_transaction movement(struct shards_bank *b, struct id128 wallet,
                                          struct id128 transfer)
{
    struct wallet_transaction x;
    const struct wallet_transaction_get get = {.wallet_id = wallet, .transfer_id = transfer};
    struct question *q = shards_ask(b, &wallet_transaction_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_type, &x);
    return x;
}

/* Also where the wallet that pays was used between the decision and its being carried out. */
static void both_find_it_by_its_id(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct wallet_transaction made;
    b->cut[1] = true;
    struct question *q = pay(b, s.ann, s.bob, 3000, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(movements(b, s.bob).transactions_count, 1);
    fund(b, s.ann, 5);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_type, &made);
    const struct wallet_transaction out = movement(b, s.ann, made.transfer_id);
    const struct wallet_transaction in = movement(b, s.bob, made.transfer_id);
    assert_true(out.type == WALLET_TRANSACTION_TYPE_TRANSFER_OUT && out.balance == 7005);
    assert_true(out.timestamp == made.timestamp && in.timestamp < out.timestamp);
    assert_true(in.type == WALLET_TRANSACTION_TYPE_TRANSFER_IN && in.balance == 3000);
}

/* Of two who have seen the same wallet one may use it. */
static void who_comes_second_has_seen_an_older_wallet(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct precondition seen = {
        .match = {.versions = {shown(b, s.ann).version}, .count = 1, .given = true}};
    b->condition = &seen;
    b->cut[0] = true;
    struct question *first = pay(b, s.ann, s.bob, 3000, 1);
    assert_int_equal(shards_code(b, pay(b, s.ann, s.bob, 3000, 2)), ERR_PRECONDITION);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    b->condition = NULL;
    expect_wallet(b, s.ann, 7000, 7000);
}

static void what_the_other_wallet_refuses_is_given_back_to_the_day(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct wallet_close close = {.wallet_id = s.bob};
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    assert_int_equal(shards_code(b, pay(b, s.ann, s.bob, 3000, 1)), RESULT_DESTINATION_CLOSED);
    struct id128 nobody = s.bob;
    nobody.hi ^= 1;
    assert_int_equal(shards_code(b, pay(b, s.ann, nobody, 3000, 2)), RESULT_DESTINATION_NOT_FOUND);
    const struct id128 japanese = given_wallet(b, 1, 392);
    assert_int_equal(shards_code(b, pay(b, s.ann, japanese, 3000, 3)), RESULT_CURRENCY_MISMATCH);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
}

static void what_the_payer_may_not_do_is_refused_at_home(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    assert_int_equal(shards_code(b, pay(b, s.ann, s.bob, 10001, 1)), RESULT_EXCEEDS_CREDITS);
    const struct wallet_freeze freeze = {.wallet_id = s.ann};
    assert_int_equal(shards_do(b, &wallet_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(shards_code(b, pay(b, s.ann, s.bob, 1, 2)), RESULT_WALLET_FROZEN);
    assert_true(shown(b, s.ann).spent_today == 0);
}

/* Neither a freeze nor a restart takes back what was promised; the wallet cannot be closed. */
static void what_is_under_way_is_carried_out(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    b->cut[1] = true;
    (void)pay(b, s.ann, s.bob, 10000, 1);
    shards_run(b, 20 * NS_PER_MS);
    expect_wallet(b, s.ann, 10000, 0);
    const struct wallet_close close = {.wallet_id = s.ann};
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_WALLET_HAS_HOLDS);
    const struct wallet_freeze freeze = {
        .wallet_id = s.ann, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    assert_int_equal(shards_do(b, &wallet_freeze_type, &freeze), RESULT_OK);
    shards_restart(b);
    struct question *again = pay(b, s.ann, s.bob, 10000, 1);
    shards_run(b, 20 * NS_PER_MS);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, again), RESULT_OK);
    expect_wallet(b, s.ann, 0, 0);
    expect_wallet(b, s.bob, 10000, 10000);
}

/* Bob's wallet is empty: an adjustment of all that is there keeps nothing aside, but it is under
 * way. */
static void a_wallet_with_nothing_kept_aside_is_not_closed_either(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct wallet_close close = {.wallet_id = s.bob};
    const struct transfer_create all = {.debit_account_id = s.bob,
                                        .has_credit_account_id = true,
                                        .credit_account_id = s.ann,
                                        .currency = USD,
                                        .has_flags = true,
                                        .flags = TRANSFER_FLAGS_BALANCING_DEBIT,
                                        .has_reason = true,
                                        .reason = slice_of("A mistake")};
    b->adjusts = true;
    b->cut[0] = true;
    struct question *q = shards_ask(b, &transfer_create_type, &all, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_WALLET_HAS_HOLDS);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    expect_wallet(b, s.ann, 10000, 10000);
}

/* The shard of the wallet decides, and cannot see the reason. */
static void an_adjustment_from_another_shard_needs_a_right_and_a_reason(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    shards_open(b, 4, USD, 0);
    struct transfer_create c = shards_transfer(4, 1, 500);
    c.credit_account_id = s.bob;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_ADJUSTMENT_NOT_ALLOWED);
    b->adjusts = true;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_REASON_MISSING);
    c.has_reason = true;
    c.reason = slice_of("  ");
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_REASON_MISSING);
    c.reason = slice_of("lost in the mail");
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    expect_wallet(b, s.bob, 500, 500);
}

/* --- parked ----------------------------------------------------------------------------------- */

static uint64_t parked_count(struct shards_bank *b)
{
    struct shard_stats stats;
    shard_get_stats(shard_set_shard(b->set, 1), &stats);
    return stats.parked;
}

static void command(struct shards_bank *b, struct id128 wallet, enum actor_command c)
{
    (void)shown(b, wallet); /* so that it is in memory */
    assert_int_equal(shard_actor_command(shard_set_shard(b->set, 1), KIND_WALLET, wallet, c),
                     ERR_OK);
}

/* Ann pays 30 dollars, which lie parked for bob's wallet, which works again. */
static struct question *given_parked_payment(struct shards_bank *b, const struct street *s)
{
    command(b, s->bob, ACTOR_COMMAND_SUSPEND);
    struct question *q = pay(b, s->ann, s->bob, 3000, 1);
    shards_run(b, 50 * NS_PER_MS);
    assert_int_equal(parked_count(b), 1);
    expect_wallet(b, s->ann, 10000, 7000);
    assert_int_equal(shard_actor_command(shard_set_shard(b->set, 1), KIND_WALLET, s->bob,
                                         ACTOR_COMMAND_RESUME),
                     ERR_OK);
    return q;
}

static void a_parked_payment_goes_on_when_an_operator_says_so(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_parked_payment(b, &s);
    retry_parked(b);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
}

/* Who resumes an actor need not know what came for it meanwhile, from whichever shard. */
static void what_is_parked_for_a_wallet_is_run_in_its_order(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct shard *there = shard_set_shard(b->set, 1);
    const struct slice by = slice_of("unix:operator");
    command(b, s.bob, ACTOR_COMMAND_SUSPEND);
    struct question *first = pay(b, s.ann, s.bob, 3000, 1);
    struct question *second = pay(b, s.ann, s.bob, 4000, 2);
    shards_run(b, 50 * NS_PER_MS);
    assert_int_equal(shard_parked_retry_all(there, KIND_WALLET, s.bob, by), ERR_SUSPENDED);
    assert_int_equal(shard_actor_command(there, KIND_WALLET, s.bob, ACTOR_COMMAND_RESUME), ERR_OK);
    assert_int_equal(shard_parked_retry_all(there, KIND_WALLET, s.bob, by), ERR_OK);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, second), RESULT_OK);
    expect_wallet(b, s.bob, 7000, 7000);
    assert_int_equal(shard_parked_retry_all(there, KIND_WALLET, s.bob, by), ERR_OK);
}

static void a_parked_payment_that_is_refused_is_given_back(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_parked_payment(b, &s);
    refuse_parked(b);
    assert_int_equal(shards_code(b, q), RESULT_DEADLINE_PASSED);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
    assert_int_equal(parked_count(b), 0);
}

static void who_manages_an_account_of_another_shard_is_told(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct managed_refusal refusal;
    char wallet[4 + ID128_TEXT_LEN + 1] = "wal_";
    shards_open(b, 2, USD, 0);
    struct transfer_create c = shards_transfer(2, 1, 5);
    c.credit_account_id = s.bob;
    c.flags = TRANSFER_FLAGS_PENDING;
    struct question *q = shards_ask(b, &transfer_create_type, &c, 0);
    assert_int_equal(shards_code(b, q), RESULT_MANAGED);
    shards_reply(b, q, &managed_refusal_type, &refusal);
    id128_text(s.bob, wallet + 4);
    assert_true(slice_equal(refusal.managed_by, slice_of(wallet)));
    assert_true(slice_equal(refusal.use, slice_of("POST /wallets/{wallet_id}/holds")));
}

/* --- holds ------------------------------------------------------------------------------------ */

/* Keeps 60 dollars of ann's aside for this long. */
static struct id128 given_hold(struct shards_bank *b, const struct street *s, uint32_t seconds)
{
    struct wallet_hold_info info;
    const struct wallet_hold_create create = {.wallet_id = s->ann,
                                              .amount = dollars(6000),
                                              .has_expires_in_s = true,
                                              .expires_in_s = seconds};
    struct question *q = shards_ask(b, &wallet_hold_create_type, &create, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_hold_info_type, &info);
    return info.hold_id;
}

static struct question *capture(struct shards_bank *b, const struct street *s, struct id128 hold,
                                int64_t cents, bool final, uint64_t key)
{
    const struct wallet_hold_capture c = {.hold_id = hold,
                                          .wallet_id = s->ann,
                                          .has_amount = true,
                                          .amount = dollars(cents),
                                          .has_final = true,
                                          .final = final,
                                          .has_to_wallet_id = true,
                                          .to_wallet_id = s->bob};
    return shards_ask(b, &wallet_hold_capture_type, &c, key);
}

static struct wallet_hold_info hold_of(struct shards_bank *b, const struct street *s,
                                       struct id128 hold)
{
    struct wallet_hold_info info;
    const struct wallet_hold_get get = {.hold_id = hold, .wallet_id = s->ann};
    struct question *q = shards_ask(b, &wallet_hold_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_hold_info_type, &info);
    return info;
}

static void a_hold_is_captured_in_parts_to_another_shard(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 hold = given_hold(b, &s, 3600);
    assert_int_equal(shards_code(b, capture(b, &s, hold, 2000, false, 1)), RESULT_OK);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_PARTIALLY_CAPTURED);
    expect_wallet(b, s.ann, 8000, 4000);
    expect_wallet(b, s.bob, 2000, 2000);
    assert_int_equal(shards_code(b, capture(b, &s, hold, 1000, true, 2)), RESULT_OK);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_CAPTURED);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
}

static void a_hold_that_is_being_captured_is_ended_by_nothing_else(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 hold = given_hold(b, &s, 5);
    b->cut[1] = true;
    struct question *first = capture(b, &s, hold, 6000, true, 1);
    shards_run(b, 20 * NS_PER_MS);
    const struct wallet_hold_release release = {.hold_id = hold, .wallet_id = s.ann};
    assert_int_equal(shards_do(b, &wallet_hold_release_type, &release), RESULT_CAPTURE_UNDER_WAY);
    assert_int_equal(shards_code(b, capture(b, &s, hold, 1, false, 2)), RESULT_CAPTURE_UNDER_WAY);
    shards_run(b, 9 * NS_PER_S);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_HELD);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_CAPTURED);
    expect_wallet(b, s.bob, 6000, 6000);
}

/* A freeze for all comes too late, and the version that was shown is still the hold's. */
static void a_hold_that_is_being_captured_stays_promised(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 hold = given_hold(b, &s, 3600);
    b->cut[1] = true;
    struct question *q = capture(b, &s, hold, 2000, false, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(hold_of(b, &s, hold).version, 1);
    const struct wallet_freeze freeze = {
        .wallet_id = s.ann, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    assert_int_equal(shards_do(b, &wallet_freeze_type, &freeze), RESULT_OK);
    shards_restart(b);
    q = capture(b, &s, hold, 2000, false, 1);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(hold_of(b, &s, hold).version, 2);
    expect_wallet(b, s.ann, 8000, 4000);
    expect_wallet(b, s.bob, 2000, 2000);
}

static void a_hold_whose_capture_is_refused_ends_when_it_is_overdue(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 hold = given_hold(b, &s, 5);
    const struct wallet_close close = {.wallet_id = s.bob};
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    assert_int_equal(shards_code(b, capture(b, &s, hold, 6000, true, 1)),
                     RESULT_DESTINATION_CLOSED);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_HELD);
    b->cut[1] = true;
    struct question *late = capture(b, &s, hold, 6000, true, 2);
    shards_run(b, 8 * NS_PER_S);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_HELD);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, late), RESULT_DESTINATION_CLOSED);
    assert_int_equal(hold_of(b, &s, hold).status, HOLD_STATUS_EXPIRED);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
}

/* Ids of one message are made of one draw, so whoever is shown the transfer that reaches bob can
 * tell the one that takes the money from ann; and may keep books beside the wallets. */
static void nobody_takes_the_id_of_a_capture_before_it_is_decided(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 hold = given_hold(b, &s, 3600);
    shards_open(b, 2, USD, 0);
    shards_open(b, 4, USD, 0);
    b->cut[1] = true;
    struct question *q = capture(b, &s, hold, 6000, true, 1);
    shards_run(b, 50 * NS_PER_MS);
    struct transfer_create guess = shards_transfer(2, 4, 1);
    guess.has_transfer_id = true;
    expect_taken_before(b, movements(b, s.bob).transactions[0].transfer_id, &guess);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_wallet(b, s.ann, 4000, 4000);
    expect_wallet(b, s.bob, 6000, 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_wallet_pays_one_of_another_shard),
        SHARDS_TEST(both_see_it_among_their_movements),
        SHARDS_TEST(both_find_it_by_its_id),
        SHARDS_TEST(who_comes_second_has_seen_an_older_wallet),
        SHARDS_TEST(what_the_other_wallet_refuses_is_given_back_to_the_day),
        SHARDS_TEST(what_the_payer_may_not_do_is_refused_at_home),
        SHARDS_TEST(an_adjustment_from_another_shard_needs_a_right_and_a_reason),
        SHARDS_TEST(what_is_under_way_is_carried_out),
        SHARDS_TEST(a_wallet_with_nothing_kept_aside_is_not_closed_either),
        SHARDS_TEST(who_manages_an_account_of_another_shard_is_told),
        SHARDS_TEST(a_parked_payment_goes_on_when_an_operator_says_so),
        SHARDS_TEST(what_is_parked_for_a_wallet_is_run_in_its_order),
        SHARDS_TEST(a_parked_payment_that_is_refused_is_given_back),
        SHARDS_TEST(a_hold_is_captured_in_parts_to_another_shard),
        SHARDS_TEST(a_hold_that_is_being_captured_is_ended_by_nothing_else),
        SHARDS_TEST(a_hold_that_is_being_captured_stays_promised),
        SHARDS_TEST(a_hold_whose_capture_is_refused_ends_when_it_is_overdue),
        SHARDS_TEST(nobody_takes_the_id_of_a_capture_before_it_is_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
