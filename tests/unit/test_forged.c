/* SPDX-License-Identifier: Apache-2.0 */
/* What another shard says is not believed: each kind of send is changed on its way in whatever the
 * turn that handles it rests on. It is parked, with a reason, and neither shard stops. */
#include "tests/unit/crossing_fixture.h"
#include "tests/unit/street_fixture.h"

#include "runtime/base/time.h"
#include "schemas/payment.h"

#define DAY 86400

static void forge(struct shards_bank *b, struct frame *f);

/* From this request on. */
static void ask_forged(struct shards_bank *b, const struct message_type *type, const void *body)
{
    b->forge = forge;
    shards_ask(b, type, body, 0);
}

/* --- what is under way when the send leaves --------------------------------------------------- */

static void transfer(struct shards_bank *b)
{
    given_payer_and_payee(b);
    const struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    ask_forged(b, &transfer_create_type, &c);
}

/* Of account 2's 100, 30 are held for account 1. */
static struct id128 given_pending(struct shards_bank *b)
{
    given_payer_and_payee(b);
    struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    c.flags = TRANSFER_FLAGS_PENDING;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    return c.transfer_id;
}

static void post(struct shards_bank *b)
{
    const struct transfer_post c = {.transfer_id = given_pending(b)};
    ask_forged(b, &transfer_post_type, &c);
}

static void pending_end(struct shards_bank *b)
{
    const struct transfer_void c = {.transfer_id = given_pending(b)};
    ask_forged(b, &transfer_void_type, &c);
}

static void group(struct shards_bank *b)
{
    static struct transaction_leg legs[2];
    given_payer_and_payee(b);
    for (int i = 0; i < 2; i++)
        legs[i] = (struct transaction_leg){
            .debit_account_id = shards_account(i == 0 ? 2 : 4),
            .credit_account_id = shards_account(i == 0 ? 4 : 1),
            .has_amount = true,
            .amount = 10,
            .currency = USD,
        };
    const struct transaction_create c = {.legs = legs, .legs_count = 2};
    ask_forged(b, &transaction_create_type, &c);
}

static void wallet(struct shards_bank *b)
{
    const struct street s = given_ann_and_bob(b);
    const struct wallet_transfer c = {
        .wallet_id = s.ann, .to_wallet_id = s.bob, .amount = dollars(3000)};
    ask_forged(b, &wallet_transfer_type, &c);
}

static void hold(struct shards_bank *b)
{
    const struct street s = given_ann_and_bob(b);
    struct wallet_hold_info info;
    const struct wallet_hold_create create = {.wallet_id = s.ann, .amount = dollars(6000)};
    struct question *q = shards_ask(b, &wallet_hold_create_type, &create, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_hold_info_type, &info);
    const struct wallet_hold_capture c = {.hold_id = info.hold_id,
                                          .wallet_id = s.ann,
                                          .has_to_wallet_id = true,
                                          .to_wallet_id = s.bob};
    ask_forged(b, &wallet_hold_capture_type, &c);
}

static struct question *paid(struct shards_bank *b, uint8_t mode)
{
    const struct street s = given_ann_and_bob(b);
    const struct payment_create create = {.from_account = s.ann,
                                          .to_account = s.bob,
                                          .amount = 3000,
                                          .currency = USD,
                                          .has_capture = true,
                                          .capture = mode};
    return shards_ask(b, &payment_create_type, &create, 0);
}

static struct id128 given_payment(struct shards_bank *b, uint8_t mode)
{
    struct payment_info info;
    struct question *q = paid(b, mode);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &payment_info_type, &info);
    return info.payment_id;
}

static void payment(struct shards_bank *b)
{
    b->forge = forge;
    paid(b, PAYMENT_CAPTURE_MODE_AUTOMATIC);
}

static void authorisation(struct shards_bank *b)
{
    b->forge = forge;
    paid(b, PAYMENT_CAPTURE_MODE_MANUAL);
}

static void capture(struct shards_bank *b)
{
    const struct payment_capture c = {.payment_id = given_payment(b, PAYMENT_CAPTURE_MODE_MANUAL)};
    ask_forged(b, &payment_capture_type, &c);
}

static void refund(struct shards_bank *b)
{
    const struct payment_refund c = {.payment_id =
                                         given_payment(b, PAYMENT_CAPTURE_MODE_AUTOMATIC)};
    ask_forged(b, &payment_refund_type, &c);
}

/* --- how it is changed ------------------------------------------------------------------------ */

static void token_without_id(struct token *k)
{
    k->id = ID128_ZERO;
}

static void token_at_home(struct token *k)
{
    k->debit_account_id = shards_account(3);
}

static void token_to_itself(struct token *k)
{
    k->debit_account_id = k->credit_account_id;
}

static void token_from_nobody(struct token *k)
{
    k->debit_account_id = ID128_ZERO;
}

static void token_lacks_silently(struct token *k)
{
    k->has_wanted = true;
    k->wanted = k->amount + 1;
}

static void token_of_everything(struct token *k)
{
    k->marks |= TOKEN_MARKS_UNLIMITED;
}

static void token_lacks_nothing(struct token *k)
{
    token_lacks_silently(k);
    k->has_lack = true;
    k->lack = RESULT_OK;
}

static void token_posts(struct token *k)
{
    k->flags |= TRANSFER_FLAGS_POST_PENDING;
}

static void token_posts_another(struct token *k)
{
    token_posts(k);
    k->has_pending_id = true;
    k->pending_id = shards_account(77);
}

static void token_closes(struct token *k)
{
    k->flags |= TRANSFER_FLAGS_CLOSING_CREDIT;
}

static void token_voids(struct token *k)
{
    k->flags |= TRANSFER_FLAGS_VOID_PENDING;
}

static void token_is_imported(struct token *k)
{
    k->flags |= TRANSFER_FLAGS_IMPORTED;
}

static void token_reverses_itself(struct token *k)
{
    k->has_reverses_id = true;
    k->reverses_id = k->id;
}

static void token_of_no_tenant(struct token *k)
{
    k->has_tenant_id = true;
    k->tenant_id = ID128_ZERO;
}

static void token_in_euros(struct token *k)
{
    k->currency = EUR;
}

static void token_of_more(struct token *k)
{
    k->amount = 31;
}

static void token_of_another_debit(struct token *k)
{
    k->debit_account_id = shards_account(4);
}

static void token_of_another_wallet(struct token *k)
{
    k->credit_account_id = (struct id128){k->credit_account_id.hi ^ 1, k->credit_account_id.lo};
}

static void token_of_a_refund(struct token *k)
{
    const struct id128 payer = k->debit_account_id;
    k->debit_account_id = (struct id128){k->credit_account_id.hi ^ 1, k->credit_account_id.lo};
    k->credit_account_id = payer;
}

#define OF_TOKEN(name, message)                                                                    \
    static void message##_##name(void *body)                                                       \
    {                                                                                              \
        name(&((struct message *)body)->token);                                                    \
    }
OF_TOKEN(token_without_id, transfer_token)
OF_TOKEN(token_at_home, transfer_token)
OF_TOKEN(token_to_itself, transfer_token)
OF_TOKEN(token_from_nobody, transfer_token)
OF_TOKEN(token_lacks_silently, transfer_token)
OF_TOKEN(token_of_everything, transfer_token)
OF_TOKEN(token_lacks_nothing, transfer_token)
OF_TOKEN(token_posts, transfer_token)
OF_TOKEN(token_posts_another, transfer_token)
OF_TOKEN(token_closes, transfer_token)
OF_TOKEN(token_voids, transfer_token)
OF_TOKEN(token_is_imported, transfer_token)
OF_TOKEN(token_reverses_itself, transfer_token)
OF_TOKEN(token_of_no_tenant, transfer_token)
OF_TOKEN(token_in_euros, transfer_token)
OF_TOKEN(token_of_more, transfer_token)
OF_TOKEN(token_of_another_debit, transfer_token)
OF_TOKEN(token_without_id, wallet_token)
OF_TOKEN(token_posts_another, wallet_token)
OF_TOKEN(token_of_another_wallet, wallet_token)
OF_TOKEN(token_without_id, payment_token)
OF_TOKEN(token_posts_another, payment_token)
OF_TOKEN(token_of_another_wallet, payment_token)
OF_TOKEN(token_of_a_refund, payment_token)

static void wallet_token_of_a_hold(void *body)
{
    struct wallet_token *m = body;
    m->has_hold_id = true;
    m->hold_id = ID128_ZERO;
}

static void payment_token_of_no_payment(void *body)
{
    ((struct payment_token *)body)->payment_id = ID128_ZERO;
}

static void payment_ask_of_no_payment(void *body)
{
    ((struct payment_ask *)body)->payment_id = ID128_ZERO;
}

static void decided_more(struct decision *d)
{
    d->amount++;
}

static void decided_in_euros(struct decision *d)
{
    d->currency = EUR;
}

static void decided_later(struct decision *d)
{
    d->decided_time += (uint64_t)DAY * NS_PER_S;
}

static void decided_never(struct decision *d)
{
    d->decided_time = 0;
}

static void decided_oddly(struct decision *d)
{
    d->result = UINT16_MAX;
}

#define OF_DECISION(name, message)                                                                 \
    static void message##_##name(void *body)                                                       \
    {                                                                                              \
        name(&((struct message *)body)->decision);                                                 \
    }
OF_DECISION(decided_more, transfer_follow)
OF_DECISION(decided_more, wallet_follow)
OF_DECISION(decided_more, hold_follow)
OF_DECISION(decided_more, payment_follow)
OF_DECISION(decided_in_euros, transfer_follow)
OF_DECISION(decided_later, transfer_follow)
OF_DECISION(decided_never, transfer_follow)
OF_DECISION(decided_oddly, transfer_follow)
OF_DECISION(decided_oddly, wallet_follow)
OF_DECISION(decided_oddly, payment_follow)

#define ABOUT_NOTHING(message)                                                                     \
    static void message##_about_nothing(void *body)                                                \
    {                                                                                              \
        ((struct message *)body)->reservation_id.lo ^= (uint64_t)1 << 20;                          \
    }
ABOUT_NOTHING(wallet_follow)
ABOUT_NOTHING(hold_follow)
ABOUT_NOTHING(payment_follow)

static void payment_follow_of_no_payee(void *body)
{
    ((struct payment_follow *)body)->payee_id = ID128_ZERO;
}

static void payment_follow_of_another_shard(void *body)
{
    ((struct payment_follow *)body)->shard++;
}

static void payment_told_oddly(void *body)
{
    ((struct payment_told *)body)->result = UINT16_MAX;
}

static void payment_told_of_no_payee(void *body)
{
    ((struct payment_told *)body)->has_payee_id = false;
}

static void payment_told_to_nobody(void *body)
{
    ((struct payment_told *)body)->ask.lo++;
}

static void end_of_more(void *body)
{
    ((struct transfer_half_end *)body)->ended.released++;
}

static void end_in_euros(void *body)
{
    ((struct transfer_half_end *)body)->ended.currency = EUR;
}

static void group_of_nothing(void *body)
{
    ((struct group_token *)body)->group.legs_count = 0;
}

static void group_of_nobody(void *body)
{
    ((struct group_token *)body)->group.tenant_id = ID128_ZERO;
}

static void group_from_nowhere(void *body)
{
    ((struct group_token *)body)->group.legs[0].debit_account_id = ID128_ZERO;
}

static void group_elsewhere(void *body)
{
    ((struct group_token *)body)->group.legs[1].credit_account_id = shards_account(2);
}

static void group_of_here(void *body)
{
    ((struct group_token *)body)->group.group_id = shards_account(1);
}

static void group_of_none(void *body)
{
    ((struct group_token *)body)->group.legs[1].amount = 0;
}

static void group_decided_never(void *body)
{
    ((struct group_follow *)body)->decided_time = 0;
}

static void group_refused_oddly(void *body)
{
    ((struct group_follow *)body)->result = UINT16_MAX;
}

static void group_refused_beyond(void *body)
{
    struct group_follow *m = body;
    m->result = RESULT_EXCEEDS_CREDITS;
    m->failed_leg = 2;
}

static void group_follow_of_another(void *body)
{
    ((struct group_follow *)body)->share_id.lo++;
}

/* --- forging ---------------------------------------------------------------------------------- */

#define FORM "a token of a transfer that cannot be asked for"
#define PLACE "a token of other accounts than those of its two shards"
#define AMOUNT "a decision about another amount"
#define RESULT "a decision with an unknown result"
#define NOTHING "a decision about nothing that is kept aside"
#define WHEN "a decision that was not made yet"
#define HALF "the end of a pending transfer of which nothing is held"
#define UNHELD "a post of what is not held here"
#define LEG "a group with a transfer that cannot be asked for"

struct forgery {
    const struct message_type *type;
    void (*begin)(struct shards_bank *b);
    void (*change)(void *body);
    const char *reason;
};

static const struct forgery forgeries[] = {
    {&transfer_token_type, transfer, transfer_token_token_without_id, FORM},
    {&transfer_token_type, transfer, transfer_token_token_at_home, PLACE},
    {&transfer_token_type, transfer, transfer_token_token_to_itself, FORM},
    {&transfer_token_type, transfer, transfer_token_token_from_nobody, FORM},
    {&transfer_token_type, transfer, transfer_token_token_lacks_silently,
     "a token that lacks something and does not say what"},
    {&transfer_token_type, transfer, transfer_token_token_of_everything,
     "a token for all that there is that does not balance"},
    {&transfer_token_type, transfer, transfer_token_token_lacks_nothing,
     "a token that lacks something for no known reason"},
    {&transfer_token_type, transfer, transfer_token_token_posts, FORM},
    {&transfer_token_type, transfer, transfer_token_token_posts_another, UNHELD},
    {&transfer_token_type, transfer, transfer_token_token_closes, FORM},
    {&transfer_token_type, transfer, transfer_token_token_voids, FORM},
    {&transfer_token_type, transfer, transfer_token_token_is_imported, FORM},
    {&transfer_token_type, transfer, transfer_token_token_reverses_itself, FORM},
    {&transfer_token_type, transfer, transfer_token_token_of_no_tenant, FORM},
    {&transfer_token_type, post, transfer_token_token_in_euros, UNHELD},
    {&transfer_token_type, post, transfer_token_token_of_more, UNHELD},
    {&transfer_token_type, post, transfer_token_token_of_another_debit, UNHELD},
    {&transfer_follow_type, transfer, transfer_follow_decided_more, AMOUNT},
    {&transfer_follow_type, transfer, transfer_follow_decided_in_euros, AMOUNT},
    {&transfer_follow_type, transfer, transfer_follow_decided_later, WHEN},
    {&transfer_follow_type, transfer, transfer_follow_decided_never, WHEN},
    {&transfer_follow_type, transfer, transfer_follow_decided_oddly, RESULT},
    {&transfer_follow_type, post, transfer_follow_decided_more, AMOUNT},
    {&transfer_half_end_type, pending_end, end_of_more, HALF},
    {&transfer_half_end_type, pending_end, end_in_euros, HALF},
    {&wallet_token_type, wallet, wallet_token_token_without_id, FORM},
    {&wallet_token_type, wallet, wallet_token_token_posts_another,
     "a token of a transfer that no service makes"},
    {&wallet_token_type, wallet, wallet_token_token_of_another_wallet, "a token of another wallet"},
    {&wallet_token_type, wallet, wallet_token_of_a_hold, "a token of neither a wallet nor a hold"},
    {&wallet_token_type, hold, wallet_token_of_a_hold, "a token of neither a wallet nor a hold"},
    {&wallet_follow_type, wallet, wallet_follow_decided_more, AMOUNT},
    {&wallet_follow_type, wallet, wallet_follow_decided_oddly, RESULT},
    {&wallet_follow_type, wallet, wallet_follow_about_nothing, NOTHING},
    {&hold_follow_type, hold, hold_follow_decided_more, AMOUNT},
    {&hold_follow_type, hold, hold_follow_about_nothing, NOTHING},
    {&payment_token_type, payment, payment_token_token_without_id, FORM},
    {&payment_token_type, payment, payment_token_token_posts_another,
     "a token of a transfer that no service makes"},
    {&payment_token_type, payment, payment_token_token_of_another_wallet,
     "a token of another wallet"},
    {&payment_token_type, payment, payment_token_of_no_payment,
     "a token of another shard's payment"},
    {&payment_token_type, refund, payment_token_token_of_a_refund, "a token of another wallet"},
    {&payment_ask_type, authorisation, payment_ask_of_no_payment,
     "a question about another shard's payment"},
    {&payment_follow_type, payment, payment_follow_decided_more, AMOUNT},
    {&payment_follow_type, payment, payment_follow_decided_oddly, RESULT},
    {&payment_follow_type, payment, payment_follow_about_nothing, NOTHING},
    {&payment_follow_type, payment, payment_follow_of_no_payee,
     "a decision about what was not asked for this payment"},
    {&payment_follow_type, capture, payment_follow_of_another_shard,
     "a decision about what was not asked for this payment"},
    {&payment_follow_type, refund, payment_follow_decided_more, AMOUNT},
    {&payment_told_type, authorisation, payment_told_oddly,
     "an answer that this payment does not wait for"},
    {&payment_told_type, authorisation, payment_told_of_no_payee,
     "an answer that this payment does not wait for"},
    {&payment_told_type, authorisation, payment_told_to_nobody, "an answer to what is not open"},
    {&group_token_type, group, group_of_nothing, "a group of nothing or nobody"},
    {&group_token_type, group, group_of_nobody, "a group of nothing or nobody"},
    {&group_token_type, group, group_from_nowhere, LEG},
    {&group_token_type, group, group_of_none, LEG},
    {&group_token_type, group, group_elsewhere, "a group that has nothing to do here"},
    {&group_token_type, group, group_of_here, "a group that has nothing to do here"},
    {&group_follow_type, group, group_decided_never, WHEN},
    {&group_follow_type, group, group_refused_oddly,
     "a refusal of nothing, or for no known reason"},
    {&group_follow_type, group, group_refused_beyond,
     "a refusal of nothing, or for no known reason"},
    {&group_follow_type, group, group_follow_of_another, "a decision about another group"},
};

static const struct forgery *forgery; /* the one that is tried */

static void forge(struct shards_bank *b, struct frame *f)
{
    const struct message_type *type = forgery->type;
    if (f->what != FRAME_SEND || f->type != type->number)
        return;
    void *body = arena_alloc(&b->arena, type->size);
    struct wire_reader from;
    struct wire_writer to;
    assert_non_null(body);
    memset(body, 0, type->size);
    wire_reader_init(&from, f->message.data, f->message.len);
    assert_true(type->read(&from, &b->arena, body));
    forgery->change(body);
    wire_writer_init(&to, 1 << 16);
    type->write(&to, body);
    const struct slice changed = wire_written(&to);
    char *kept = arena_alloc(&b->arena, changed.len);
    assert_non_null(kept);
    memcpy(kept, changed.data, changed.len);
    f->message = (struct slice){kept, changed.len};
    wire_writer_done(&to);
}

struct found {
    uint32_t count;
    char reason[128];
};

static bool take_parked(void *context, struct id128 id, const void *state)
{
    struct found *found = context;
    const struct parked *p = state;
    (void)id;
    assert_int_equal(p->type, forgery->type->number);
    snprintf(found->reason, sizeof found->reason, "%.*s", (int)p->reason.len, p->reason.data);
    found->count++;
    return true;
}

static void forgery_is_parked(void **state)
{
    struct shards_bank *b = *state;
    struct found found = {0};
    forgery->begin(b);
    shards_run(b, NS_PER_S);
    for (uint16_t i = 0; i < SHARDS; i++)
        registry_each(&shard_set_shard(b->set, i)->registry, KIND_PARKED, take_parked, &found);
    if (found.count != 1)
        fail_msg("%s: %u parked", forgery->type->name, found.count);
    assert_string_equal(found.reason, forgery->reason);
    expect_balanced(b);
    b->forge = NULL;
    shards_restart(b);
    expect_balanced(b);
}

static void what_does_not_fit_is_parked(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(forgeries); i++) {
        void *bank;
        forgery = &forgeries[i];
        assert_int_equal(shards_setup(&bank), 0);
        forgery_is_parked(&bank);
        shards_teardown(&bank);
    }
}

static void nobody_can_claim_a_decision(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_follow follow = {.reservation_id = {1, 2}};
    const struct payment_told told = {.payment_id = {3, 4}};
    assert_int_equal(shards_do(b, &transfer_follow_type, &follow), RESULT_UNSUPPORTED);
    assert_int_equal(shards_do(b, &payment_told_type, &told), RESULT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_parked),
        SHARDS_TEST(nobody_can_claim_a_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
