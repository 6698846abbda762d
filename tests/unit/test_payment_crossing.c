/* SPDX-License-Identifier: Apache-2.0 */
/* Payments from ann, who lives in shard 0, to bob, who lives in shard 1. */
#include "tests/unit/street_fixture.h"

#include "runtime/base/time.h"
#include "runtime/sends/parked.h"
#include "schemas/payment.h"

static struct question *pay(struct shards_bank *b, const struct street *s, u128 cents, uint64_t key)
{
    const struct payment_create create = {.from_account = s->ann,
                                          .to_account = s->bob,
                                          .amount = cents,
                                          .currency = USD,
                                          .has_customer_id = true,
                                          .customer_id = slice_of("c-7"),
                                          .has_description = true,
                                          .description = slice_of("lunch")};
    return shards_ask(b, &payment_create_type, &create, key);
}

static struct payment_info replied(struct shards_bank *b, struct question *q)
{
    struct payment_info info;
    shards_reply(b, q, &payment_info_type, &info);
    return info;
}

static struct id128 reference(struct shards_bank *b, struct question *q)
{
    struct payment_reference r;
    shards_reply(b, q, &payment_reference_type, &r);
    return r.payment_id;
}

static struct payment_info payment(struct shards_bank *b, struct id128 id)
{
    const struct payment_get get = {.payment_id = id};
    struct question *q = shards_ask(b, &payment_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    return replied(b, q);
}

static struct payment_event_page history(struct shards_bank *b, struct id128 id)
{
    struct payment_event_page page;
    const struct payment_event_list list = {.payment_id = id};
    struct question *q = shards_ask(b, &payment_event_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &payment_event_page_type, &page);
    return page;
}

/* Bob's shard says nothing; what reached it is decided. */
static struct question *given_one_under_way(struct shards_bank *b, const struct street *s)
{
    b->cut[1] = true;
    struct question *q = pay(b, s, 3000, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_false(q->answered);
    return q;
}

static struct payment_info the_only_one(struct shards_bank *b)
{
    struct payment_page page;
    const struct payment_list list = {.has_limit = false};
    struct question *q = shards_ask(b, &payment_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &payment_page_type, &page);
    assert_int_equal(page.payments_count, 1);
    return page.payments[0];
}

/* --- paid at once ----------------------------------------------------------------------------- */

static void a_payment_reaches_another_shard(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = pay(b, &s, 3000, 1);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    const struct payment_info made = replied(b, q);
    assert_int_equal(made.status, PAYMENT_STATUS_COMPLETED);
    assert_true(made.captured_amount == 3000 && made.has_transfer_id);
    assert_true(slice_equal(made.customer_id, slice_of("c-7")));
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
    assert_true(shown(b, s.ann).spent_today == 3000);
}

static void its_history_names_the_shard_of_each_step(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = pay(b, &s, 3000, 1);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    const struct payment_event_page page = history(b, replied(b, q).payment_id);
    assert_int_equal(page.events_count, 2);
    const struct payment_event *started = &page.events[0], *created = &page.events[1];
    assert_int_equal(started->type, PAYMENT_EVENT_KIND_STARTED);
    assert_int_equal(started->status, PAYMENT_STATUS_PROCESSING);
    assert_int_equal(started->shard, 0);
    assert_false(started->has_transfer_id);
    assert_int_equal(created->type, PAYMENT_EVENT_KIND_CREATED);
    assert_int_equal(created->status, PAYMENT_STATUS_COMPLETED);
    assert_int_equal(created->shard, 1);
    assert_true(created->has_transfer_id && created->amount == 3000);
}

static void it_is_processing_until_the_other_shard_has_spoken(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_one_under_way(b, &s);
    const struct payment_info listed = the_only_one(b);
    const struct payment_info p = payment(b, listed.payment_id);
    assert_int_equal(listed.status, PAYMENT_STATUS_PROCESSING);
    assert_int_equal(p.status, PAYMENT_STATUS_PROCESSING);
    assert_true(!p.has_transfer_id && !listed.has_transfer_id && p.captured_amount == 0);
    expect_wallet(b, s.ann, 10000, 7000);
    const struct payment_cancel cancel = {.payment_id = p.payment_id};
    const struct payment_refund refund = {.payment_id = p.payment_id};
    assert_int_equal(shards_do(b, &payment_cancel_type, &cancel), RESULT_PAYMENT_IN_PROGRESS);
    assert_int_equal(shards_do(b, &payment_refund_type, &refund), RESULT_PAYMENT_IN_PROGRESS);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(payment(b, p.payment_id).status, PAYMENT_STATUS_COMPLETED);
}

/* Who the payee is came with the decision. */
static void the_payee_sees_it_once_it_is_decided(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct wallet_info bob = shown(b, s.bob);
    struct question *q = given_one_under_way(b, &s);
    const struct payment_get get = {.payment_id = the_only_one(b).payment_id};
    b->asker = arena_copy(&b->arena, bob.user_id);
    assert_int_equal(shards_do(b, &payment_get_type, &get), RESULT_NOT_FOUND);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    struct question *seen = shards_ask(b, &payment_get_type, &get, 0);
    assert_int_equal(shards_code(b, seen), RESULT_OK);
    assert_false(replied(b, seen).has_customer_id);
}

/* Nobody else, whoever asks while the payee is not known. */
static void a_stranger_never_sees_it(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_one_under_way(b, &s);
    const struct payment_get get = {.payment_id = the_only_one(b).payment_id};
    b->asker = slice_of("stranger");
    assert_int_equal(shards_do(b, &payment_get_type, &get), RESULT_NOT_FOUND);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(shards_do(b, &payment_get_type, &get), RESULT_NOT_FOUND);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void who_waits_no_longer_is_told_of_it_as_it_is(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_one_under_way(b, &s);
    for (int i = 0; i < 2; i++) { /* the second repeats the key */
        q->message.deadline_ns = b->world.now_ns + 300 * NS_PER_MS;
        shards_run(b, NS_PER_S);
        assert_int_equal(shards_code(b, q), RESULT_OUTCOME_PENDING);
        assert_true(q->message.retry_after_ms > 0);
        assert_int_equal(replied(b, q).status, PAYMENT_STATUS_PROCESSING);
        assert_true(id128_equal(replied(b, q).payment_id, the_only_one(b).payment_id));
        q = pay(b, &s, 3000, 1);
        shards_run(b, 20 * NS_PER_MS);
    }
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(replied(b, q).status, PAYMENT_STATUS_COMPLETED);
    expect_wallet(b, s.ann, 7000, 7000);
}

static void a_repetition_gets_the_outcome_also_after_a_crash(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    (void)given_one_under_way(b, &s);
    shards_restart(b);
    struct question *again = pay(b, &s, 3000, 1);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, again), RESULT_OK);
    struct question *later = pay(b, &s, 3000, 1);
    assert_int_equal(shards_code(b, later), RESULT_OK);
    assert_true(id128_equal(replied(b, again).payment_id, replied(b, later).payment_id));
    assert_true(later->message.replayed);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void expect_failed(struct shards_bank *b, struct id128 id, uint16_t code, uint16_t shard)
{
    const struct payment_info p = payment(b, id);
    const struct payment_event_page page = history(b, id);
    const struct payment_event *last = &page.events[page.events_count - 1];
    assert_int_equal(p.status, PAYMENT_STATUS_FAILED);
    assert_int_equal(p.failure_code, code);
    assert_false(p.has_transfer_id || p.has_last_transfer_id);
    assert_int_equal(last->type, PAYMENT_EVENT_KIND_DECLINED);
    assert_int_equal(last->shard, shard);
}

static void what_the_payee_refuses_failed_and_is_given_back(void **state)
{
    struct shards_bank *b = *state;
    struct street s = given_ann_and_bob(b);
    const struct wallet_close close = {.wallet_id = s.bob};
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    struct question *q = pay(b, &s, 3000, 1);
    assert_int_equal(shards_code(b, q), RESULT_DESTINATION_CLOSED);
    expect_failed(b, reference(b, q), RESULT_DESTINATION_CLOSED, 1);
    s.bob.hi ^= 1;
    q = pay(b, &s, 3000, 2);
    assert_int_equal(shards_code(b, q), RESULT_PAYEE_NOT_FOUND);
    expect_failed(b, reference(b, q), RESULT_PAYEE_NOT_FOUND, 1);
    s.bob = given_wallet(b, 1, EUR);
    assert_int_equal(shards_code(b, pay(b, &s, 3000, 3)), RESULT_CURRENCY_MISMATCH);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
}

/* Ann's payment lies parked for whoever has bob's payments, who is halted while bob pays himself.
 */
static struct question *given_parked_payment(struct shards_bank *b, const struct street *s)
{
    struct shard *there = shard_set_shard(b->set, 1);
    const struct payment_create own = {
        .from_account = s->bob, .to_account = s->ann, .amount = 1, .currency = USD};
    shards_ask(b, &payment_create_type, &own, 9);
    assert_int_equal(shard_actor_command(there, KIND_PAYMENT, s->bob, ACTOR_COMMAND_SUSPEND),
                     ERR_OK);
    struct question *q = pay(b, s, 3000, 1);
    shards_run(b, 50 * NS_PER_MS);
    assert_false(q->answered);
    assert_non_null(parked_find(&there->registry, parked_id(0, false, 1)));
    expect_wallet(b, s->ann, 10000, 7000);
    assert_int_equal(shard_actor_command(there, KIND_PAYMENT, s->bob, ACTOR_COMMAND_RESUME),
                     ERR_OK);
    shards_run(b, 50 * NS_PER_MS); /* bob has nothing yet: his own is declined */
    return q;
}

static void a_parked_payment_goes_on_when_an_operator_says_so(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_parked_payment(b, &s);
    retry_parked(b);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(replied(b, q).status, PAYMENT_STATUS_COMPLETED);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
}

static void a_parked_payment_that_is_refused_failed_and_is_given_back(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    struct question *q = given_parked_payment(b, &s);
    refuse_parked(b);
    assert_int_equal(shards_code(b, q), RESULT_DEADLINE_PASSED);
    expect_failed(b, reference(b, q), RESULT_DEADLINE_PASSED, 1);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
}

static void what_the_payer_cannot_pay_is_declined_at_home(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    b->cut[0] = true; /* nobody is asked */
    struct question *q = pay(b, &s, 10001, 1);
    assert_int_equal(shards_code(b, q), RESULT_EXCEEDS_CREDITS);
    expect_failed(b, reference(b, q), RESULT_EXCEEDS_CREDITS, 0);
}

/* Longer than a shard may be out of reach: nothing is recorded. */
static void a_payee_out_of_reach_is_not_asked(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    (void)given_one_under_way(b, &s);
    shards_run(b, 15 * NS_PER_S);
    assert_int_equal(shards_code(b, pay(b, &s, 100, 2)), RESULT_SHARD_UNAVAILABLE);
    (void)the_only_one(b);
}

static void a_decision_that_no_shard_sent_is_nobodys_to_claim(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    (void)given_one_under_way(b, &s);
    const struct payment_follow claim = {.payment_id = the_only_one(b).payment_id};
    const struct payment_token token = {.to_account = s.bob};
    assert_int_equal(shards_do(b, &payment_follow_type, &claim), RESULT_UNSUPPORTED);
    assert_int_equal(shards_do(b, &payment_token_type, &token), RESULT_UNSUPPORTED);
}

/* --- authorised ------------------------------------------------------------------------------- */

static struct question *authorize(struct shards_bank *b, const struct street *s, u128 cents,
                                  uint32_t expires_in_s, uint64_t key)
{
    const struct payment_create create = {.from_account = s->ann,
                                          .to_account = s->bob,
                                          .amount = cents,
                                          .currency = USD,
                                          .has_capture = true,
                                          .capture = PAYMENT_CAPTURE_MODE_MANUAL,
                                          .has_expires_in_s = true,
                                          .expires_in_s = expires_in_s};
    return shards_ask(b, &payment_create_type, &create, key);
}

/* 60 of ann's 100 dollars. */
static struct id128 given_authorized(struct shards_bank *b, const struct street *s,
                                     uint32_t expires_in_s)
{
    struct question *q = authorize(b, s, 6000, expires_in_s, 100);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    return replied(b, q).payment_id;
}

static struct question *capture(struct shards_bank *b, struct id128 id, int64_t cents, bool final,
                                uint64_t key)
{
    const struct payment_capture capture = {.payment_id = id,
                                            .has_amount = true,
                                            .amount = dollars(cents),
                                            .has_final = true,
                                            .final = final};
    return shards_ask(b, &payment_capture_type, &capture, key);
}

static uint16_t cancel(struct shards_bank *b, struct id128 id)
{
    const struct payment_cancel cancel = {.payment_id = id};
    return shards_do(b, &payment_cancel_type, &cancel);
}

static struct question *refund(struct shards_bank *b, struct id128 id, int64_t cents, uint64_t key)
{
    const struct payment_refund refund = {.payment_id = id,
                                          .has_amount = true,
                                          .amount = dollars(cents),
                                          .has_reason = true,
                                          .reason = slice_of("returned")};
    return shards_ask(b, &payment_refund_type, &refund, key);
}

static void one_is_authorised_after_the_payee_was_asked(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    b->cut[1] = true;
    struct question *q = authorize(b, &s, 6000, 3600, 1);
    shards_run(b, 2 * NS_PER_S);
    const struct id128 id = the_only_one(b).payment_id;
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_PROCESSING);
    assert_int_equal(cancel(b, id), RESULT_PAYMENT_IN_PROGRESS);
    expect_wallet(b, s.ann, 10000, 4000);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    const struct payment_info made = replied(b, q);
    assert_int_equal(made.status, PAYMENT_STATUS_AUTHORIZED);
    /* Its time counts from then. */
    assert_true(made.details.expires_at >= made.timestamp + 3602 * NS_PER_S);
    expect_wallet(b, s.ann, 10000, 4000);
    expect_wallet(b, s.bob, 0, 0);
}

static void one_for_nobody_is_given_back(void **state)
{
    struct shards_bank *b = *state;
    struct street s = given_ann_and_bob(b);
    s.bob.hi ^= 1;
    struct question *q = authorize(b, &s, 6000, 3600, 1);
    assert_int_equal(shards_code(b, q), RESULT_PAYEE_NOT_FOUND);
    expect_failed(b, reference(b, q), RESULT_PAYEE_NOT_FOUND, 1);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0 && shown(b, s.ann).open_holds == 0);
}

static void it_is_captured_in_parts(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 3600);
    assert_int_equal(shards_code(b, capture(b, id, 2000, false, 1)), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_PARTIALLY_CAPTURED);
    expect_wallet(b, s.ann, 8000, 4000);
    expect_wallet(b, s.bob, 2000, 2000);
    assert_int_equal(shards_code(b, capture(b, id, 4001, false, 2)),
                     RESULT_CAPTURE_EXCEEDS_AUTHORIZED);
    assert_int_equal(shards_code(b, capture(b, id, 1000, true, 3)), RESULT_OK);
    const struct payment_info p = payment(b, id);
    assert_int_equal(p.status, PAYMENT_STATUS_COMPLETED);
    assert_true(p.captured_amount == 3000);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 3000, 3000);
    assert_true(shown(b, s.ann).spent_today == 3000 && shown(b, s.ann).open_holds == 0);
}

static void a_capture_names_both_shards_and_both_wallets(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 3600);
    assert_int_equal(shards_code(b, capture(b, id, 2000, false, 1)), RESULT_OK);
    const struct payment_event_page page = history(b, id);
    const uint8_t kinds[] = {PAYMENT_EVENT_KIND_STARTED, PAYMENT_EVENT_KIND_CREATED,
                             PAYMENT_EVENT_KIND_CAPTURE_STARTED, PAYMENT_EVENT_KIND_CAPTURED};
    assert_int_equal(page.events_count, array_len(kinds));
    for (uint32_t i = 0; i < page.events_count; i++) {
        assert_int_equal(page.events[i].type, kinds[i]);
        assert_int_equal(page.events[i].shard, i % 2);
    }
    assert_int_equal(page.events[2].status, PAYMENT_STATUS_PROCESSING);
    const struct wallet_transaction_page out = movements(b, s.ann), in = movements(b, s.bob);
    assert_int_equal(out.transactions[0].type, WALLET_TRANSACTION_TYPE_PAYMENT_OUT);
    assert_int_equal(in.transactions[0].type, WALLET_TRANSACTION_TYPE_PAYMENT_IN);
    assert_true(id128_equal(out.transactions[0].counterparty_wallet_id, s.bob));
    assert_true(id128_equal(in.transactions[0].counterparty_wallet_id, s.ann));
    assert_true(id128_equal(out.transactions[0].payment_id, id));
    assert_true(id128_equal(in.transactions[0].payment_id, id));
    assert_int_equal(out.transactions[1].type, WALLET_TRANSACTION_TYPE_PAYMENT_AUTHORIZED);
}

static void nothing_else_ends_it_while_it_is_captured(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 5);
    b->cut[1] = true;
    struct question *first = capture(b, id, 2000, true, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_PROCESSING);
    assert_int_equal(cancel(b, id), RESULT_PAYMENT_IN_PROGRESS);
    assert_int_equal(shards_code(b, capture(b, id, 1, false, 2)), RESULT_PAYMENT_IN_PROGRESS);
    shards_run(b, 9 * NS_PER_S);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_PROCESSING);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_COMPLETED);
    expect_wallet(b, s.ann, 8000, 8000);
    expect_wallet(b, s.bob, 2000, 2000);
}

/* As for a hold: the ids of a message can be told from each other. */
static void nobody_takes_the_id_of_its_capture_before_it_is_decided(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 3600);
    shards_open(b, 2, USD, 0);
    shards_open(b, 4, USD, 0);
    b->cut[1] = true;
    struct question *q = capture(b, id, 2000, true, 1);
    shards_run(b, 50 * NS_PER_MS);
    struct transfer_create guess = shards_transfer(2, 4, 1);
    expect_taken_before(b, movements(b, s.bob).transactions[0].transfer_id, &guess);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_COMPLETED);
    expect_wallet(b, s.ann, 8000, 8000);
    expect_wallet(b, s.bob, 2000, 2000);
}

static void one_whose_capture_is_refused_expires_when_it_is_overdue(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 5);
    const struct wallet_close close = {.wallet_id = s.bob};
    assert_int_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    assert_int_equal(shards_code(b, capture(b, id, 2000, true, 1)), RESULT_DESTINATION_CLOSED);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_AUTHORIZED);
    b->cut[1] = true;
    struct question *late = capture(b, id, 2000, true, 2);
    shards_run(b, 8 * NS_PER_S);
    b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
    assert_int_equal(shards_code(b, late), RESULT_DESTINATION_CLOSED);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_EXPIRED);
    expect_wallet(b, s.ann, 10000, 10000);
    assert_true(shown(b, s.ann).spent_today == 0);
}

static void a_capture_goes_on_after_a_crash_although_the_payer_is_frozen(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 3600);
    b->cut[1] = true;
    (void)capture(b, id, 2000, false, 1);
    shards_run(b, 20 * NS_PER_MS);
    const struct wallet_freeze freeze = {
        .wallet_id = s.ann, .has_scope = true, .scope = FREEZE_SCOPE_ALL};
    assert_int_equal(shards_do(b, &wallet_freeze_type, &freeze), RESULT_OK);
    shards_restart(b);
    struct question *again = capture(b, id, 2000, false, 1);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, again), RESULT_OK);
    expect_wallet(b, s.ann, 8000, 4000);
    expect_wallet(b, s.bob, 2000, 2000);
}

static void what_is_authorised_is_cancelled_increased_and_expires_at_home(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_authorized(b, &s, 5);
    const struct payment_increase increase = {.payment_id = id, .amount = dollars(1000)};
    b->cut[0] = true; /* nobody is asked */
    assert_int_equal(shards_do(b, &payment_increase_type, &increase), RESULT_OK);
    expect_wallet(b, s.ann, 10000, 3000);
    shards_run(b, 6 * NS_PER_S);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_EXPIRED);
    b->cut[0] = false;
    shards_run(b, NS_PER_S);
    struct question *q = authorize(b, &s, 500, 3600, 2);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    assert_int_equal(cancel(b, replied(b, q).payment_id), RESULT_OK);
    expect_wallet(b, s.ann, 10000, 10000);
}

/* --- refunded --------------------------------------------------------------------------------- */

static struct id128 given_paid(struct shards_bank *b, const struct street *s)
{
    struct question *q = pay(b, s, 3000, 200);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    return replied(b, q).payment_id;
}

static void it_is_refunded_in_parts(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_paid(b, &s);
    assert_int_equal(shards_code(b, refund(b, id, 1000, 1)), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_PARTIALLY_REFUNDED);
    assert_int_equal(shards_code(b, refund(b, id, 2001, 2)), RESULT_REFUND_EXCEEDS_CAPTURED);
    assert_int_equal(shards_code(b, refund(b, id, 2000, 3)), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_REFUNDED);
    expect_wallet(b, s.ann, 10000, 10000);
    expect_wallet(b, s.bob, 0, 0);
    assert_true(shown(b, s.ann).spent_today == 0);
    const struct payment_event_page page = history(b, id);
    assert_int_equal(page.events[2].type, PAYMENT_EVENT_KIND_REFUND_STARTED);
    assert_int_equal(page.events[2].shard, 0);
    assert_int_equal(page.events[3].type, PAYMENT_EVENT_KIND_REFUNDED);
    assert_int_equal(page.events[3].shard, 1);
    assert_true(slice_equal(page.events[3].reason, slice_of("returned")));
}

static void what_is_being_refunded_is_not_refunded_again(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_paid(b, &s);
    b->cut[1] = true;
    struct question *first = refund(b, id, 2000, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_COMPLETED);
    assert_int_equal(shards_code(b, refund(b, id, 1001, 2)), RESULT_REFUND_EXCEEDS_CAPTURED);
    struct question *second = refund(b, id, 1000, 3);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(shards_code(b, refund(b, id, 1, 4)), RESULT_PAYMENT_ALREADY_REFUNDED);
    shards_restart(b);
    b->cut[1] = false;
    first = refund(b, id, 2000, 1);
    second = refund(b, id, 1000, 3);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, second), RESULT_OK);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_REFUNDED);
    expect_wallet(b, s.ann, 10000, 10000);
}

static void withdraw(struct shards_bank *b, struct id128 wallet, int64_t cents)
{
    const struct wallet_withdraw w = {.wallet_id = wallet, .amount = dollars(cents)};
    assert_int_equal(shards_do(b, &wallet_withdraw_type, &w), RESULT_OK);
}

static void a_payee_without_the_money_refunds_nothing(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_paid(b, &s);
    withdraw(b, s.bob, 2500);
    assert_int_equal(shards_code(b, refund(b, id, 1000, 1)), RESULT_PAYEE_LACKS_FUNDS);
    const struct wallet_freeze freeze = {.wallet_id = s.bob};
    assert_int_equal(shards_do(b, &wallet_freeze_type, &freeze), RESULT_OK);
    assert_int_equal(shards_code(b, refund(b, id, 500, 2)), RESULT_WALLET_FROZEN);
    const struct payment_event_page page = history(b, id);
    assert_int_equal(page.events[3].type, PAYMENT_EVENT_KIND_REFUND_REFUSED);
    assert_int_equal(payment(b, id).status, PAYMENT_STATUS_COMPLETED);
    expect_wallet(b, s.ann, 7000, 7000);
    expect_wallet(b, s.bob, 500, 500);
}

/* Where the money will come to stays open. */
static void a_payer_who_is_refunded_does_not_close_the_wallet(void **state)
{
    struct shards_bank *b = *state;
    const struct street s = given_ann_and_bob(b);
    const struct id128 id = given_paid(b, &s);
    withdraw(b, s.ann, 7000);
    b->cut[1] = true;
    struct question *q = refund(b, id, 1000, 1);
    shards_run(b, 20 * NS_PER_MS);
    const struct wallet_close close = {.wallet_id = s.ann};
    assert_int_not_equal(shards_do(b, &wallet_close_type, &close), RESULT_OK);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_wallet(b, s.ann, 1000, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_payment_reaches_another_shard),
        SHARDS_TEST(its_history_names_the_shard_of_each_step),
        SHARDS_TEST(it_is_processing_until_the_other_shard_has_spoken),
        SHARDS_TEST(the_payee_sees_it_once_it_is_decided),
        SHARDS_TEST(a_stranger_never_sees_it),
        SHARDS_TEST(who_waits_no_longer_is_told_of_it_as_it_is),
        SHARDS_TEST(a_repetition_gets_the_outcome_also_after_a_crash),
        SHARDS_TEST(what_the_payee_refuses_failed_and_is_given_back),
        SHARDS_TEST(a_parked_payment_goes_on_when_an_operator_says_so),
        SHARDS_TEST(a_parked_payment_that_is_refused_failed_and_is_given_back),
        SHARDS_TEST(what_the_payer_cannot_pay_is_declined_at_home),
        SHARDS_TEST(a_payee_out_of_reach_is_not_asked),
        SHARDS_TEST(a_decision_that_no_shard_sent_is_nobodys_to_claim),
        SHARDS_TEST(one_is_authorised_after_the_payee_was_asked),
        SHARDS_TEST(one_for_nobody_is_given_back),
        SHARDS_TEST(it_is_captured_in_parts),
        SHARDS_TEST(a_capture_names_both_shards_and_both_wallets),
        SHARDS_TEST(nothing_else_ends_it_while_it_is_captured),
        SHARDS_TEST(nobody_takes_the_id_of_its_capture_before_it_is_decided),
        SHARDS_TEST(one_whose_capture_is_refused_expires_when_it_is_overdue),
        SHARDS_TEST(a_capture_goes_on_after_a_crash_although_the_payer_is_frozen),
        SHARDS_TEST(what_is_authorised_is_cancelled_increased_and_expires_at_home),
        SHARDS_TEST(it_is_refunded_in_parts),
        SHARDS_TEST(what_is_being_refunded_is_not_refunded_again),
        SHARDS_TEST(a_payee_without_the_money_refunds_nothing),
        SHARDS_TEST(a_payer_who_is_refunded_does_not_close_the_wallet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
