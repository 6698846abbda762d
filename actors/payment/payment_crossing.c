/* SPDX-License-Identifier: Apache-2.0 */
/* Three records each: here the money is kept aside, the step recorded as asked for and its request
 * left open; there it is decided; here again that is carried out and the request answered. What the
 * payer's shard refuses is declined as if both wallets were in it; what the other refuses was
 * recorded as started before, and is a payment that failed, even if there is no such wallet.
 *
 * What is only authorised stands in a pending transfer to the clearing account of the payer's
 * shard, as a hold does, so nothing of it is in the other shard. A capture moves it twice: to
 * clearing, which this shard alone does, and from there to the payee, which is what crosses. One at
 * a time, and nothing else ends the authorisation meanwhile; of refunds any number are on their
 * way. */
#include "actors/payment/payment_crossing.h"

#include "actors/payment/payment_messages.h"
#include "actors/wallet/funds_crossing.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/mutant.h"
#include "runtime/base/slot_map.h"
#include "schemas/common.h"
#include "schemas/payment_states.h"
#include "schemas/wallet_states.h"

/* --- asked ------------------------------------------------------------------------------------ */

static enum turn_result crossing_asked(struct turn *t, struct id128 payment_id)
{
    const struct payment_info info = payment_shown(t, payment_id);
    turn_tell_meanwhile(t, &payment_info_type, &info, info.version);
    return TURN_DONE;
}

static void crossing_start(struct turn *t, const struct payment_created *asked)
{
    struct payment_started started = {.amount = 0};
    payment_started_from_payment_created(&started, asked);
    turn_emit(t, &payment_started_type, &started);
}

enum turn_result payment_cross(struct turn *t, const struct message *m,
                               const struct payment_created *asked, const struct funds_move *move)
{
    struct token k = funds_token(t, m, move);
    struct token_end e;
    uint16_t code;
    if (funds_prepare_token(t, m, &k, &e, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code == RESULT_SHARD_UNAVAILABLE)
        return wallet_refuse(t, code);
    if (code != RESULT_OK)
        return payment_decline(t, asked, code);
    struct id128 ask = turn_open(t, k.id);
    posting_reserve(t, &k, &e, ask);
    crossing_start(t, asked);
    const struct payment_token sent = {
        .to_account = move->to, .payment_id = asked->payment_id, .token = k};
    turn_send(t, &payment_token_type, &sent);
    return crossing_asked(t, asked->payment_id);
}

enum turn_result payment_cross_authorization(struct turn *t, const struct message *m,
                                             const struct payment_created *asked,
                                             const struct funds_move *move)
{
    const struct payment_create *create = m->body;
    struct funds_move held = *move;
    held.to = house_own_id(t, MANAGED_CLEARING, move->tenant_id, move->currency);
    held.code = MANAGED_AUTHORIZATION;
    struct posting p = funds_pending(&held);
    uint16_t code;
    if (!turn_may_open(t, slot_map_home(turn_slots(t), move->to)))
        return wallet_refuse(t, RESULT_SHARD_UNAVAILABLE);
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return payment_decline(t, asked, code);
    posting_emit(t, &p);
    const struct payment_ask sent = {
        .to_account = move->to,
        .payment_id = asked->payment_id,
        .ask = turn_open(t, asked->payment_id),
        .tenant_id = move->tenant_id,
        .currency = move->currency,
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .has_expires_in_s = create->has_expires_in_s,
        .expires_in_s = create->expires_in_s,
    };
    crossing_start(t, asked);
    turn_send(t, &payment_ask_type, &sent);
    return crossing_asked(t, asked->payment_id);
}

enum turn_result payment_cross_capture(struct turn *t, const struct message *m,
                                       const struct payment *p, struct posting *take,
                                       const struct payment_captured *asked)
{
    const struct funds_move move = {
        .id = turn_new_id(t, id128_slot(asked->payment_id)),
        .tenant_id = p->tenant_id,
        .from = house_own_id(t, MANAGED_CLEARING, p->tenant_id, p->currency),
        .to = p->to_account,
        .reference = asked->payment_id,
        .amount = asked->amount,
        .currency = p->currency,
        .code = MANAGED_PAYMENT_FORWARD,
    };
    struct token k = funds_token(t, m, &move);
    struct token_end e;
    uint16_t code;
    enum presence found = posting_find(t, take);
    if (funds_prepare_token(t, m, &k, &e, &code) == PRESENCE_WAITING || found == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t against_taking = posting_check(t, take);
    if (against_taking != RESULT_OK || code != RESULT_OK)
        return wallet_refuse(t, against_taking != RESULT_OK ? against_taking : code);
    const struct payment_capturing capturing = {asked->payment_id, asked->transfer_id,
                                                asked->amount, asked->released, p->currency};
    const struct payment_token sent = {.to_account = move.to,
                                       .payment_id = asked->payment_id,
                                       .token = k,
                                       .metadata = asked->metadata};
    struct id128 ask = turn_open(t, k.id);
    turn_emit(t, &payment_capturing_type, &capturing);
    posting_reserve(t, &k, &e, ask);
    turn_send(t, &payment_token_type, &sent);
    return crossing_asked(t, asked->payment_id);
}

enum turn_result payment_cross_refund(struct turn *t, const struct message *m,
                                      const struct funds_move *move)
{
    const struct payment_refund *refund = m->body;
    struct token k = funds_token(t, m, move);
    struct token_end e;
    uint16_t code;
    if (funds_prepare_token(t, m, &k, &e, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    const struct payment_refunding refunding = {move->reference, move->id, move->amount,
                                                move->currency};
    const struct payment_token sent = {
        .to_account = move->from,
        .payment_id = move->reference,
        .token = k,
        .has_reason = refund->has_reason,
        .reason = refund->reason,
        .metadata = refund->metadata,
    };
    struct id128 ask = turn_open(t, k.id);
    turn_emit(t, &payment_refunding_type, &refunding);
    posting_reserve(t, &k, &e, ask);
    turn_send(t, &payment_token_type, &sent);
    return crossing_asked(t, move->reference);
}

/* Of a send: is the payment at home in the shard that sent it? */
static bool crossing_comes_from(struct turn *t, struct id128 payment_id)
{
    return !id128_is_zero(payment_id) &&
           slot_map_home(turn_slots(t), payment_id) == turn_origin(t)->shard;
}

/* --- decided ---------------------------------------------------------------------------------- */

/* What the payee's wallet says; the ledger has its own say. */
static uint16_t crossing_check(const struct message *m, enum presence found,
                               const struct wallet_ref *payee)
{
    const struct payment_token *sent = m->body;
    const struct token *k = &sent->token;
    if (k->code == MANAGED_REFUND) {
        check(found == PRESENCE_THERE); /* it received what is to be given back */
        return payment_check_giver(payee->wallet);
    }
    struct id128 tenant_id = k->has_tenant_id ? k->tenant_id : m->who.tenant_id;
    return payment_check_payee(tenant_id, k->currency, found, payee);
}

enum turn_result payment_on_token(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_token *sent = m->body;
    struct token k = sent->token;
    struct token_end e;
    struct wallet_ref payee;
    if (turn_origin(t) == NULL)
        return wallet_refuse(t, RESULT_UNSUPPORTED);
    const char *fault = funds_token_fault(t, &k, self, k.code != MANAGED_REFUND);
    if (fault != NULL || !crossing_comes_from(t, sent->payment_id))
        return turn_fail(t, fault != NULL ? fault : "a token of another shard's payment");
    enum presence found = wallet_find(t, self, &payee);
    enum presence ledger = token_find(t, &m->who, &k, &e);
    if (found == PRESENCE_WAITING || ledger == PRESENCE_WAITING)
        return TURN_WAIT;
    if (k.code == MANAGED_REFUND && found != PRESENCE_THERE)
        return turn_fail(t, "a refund by a wallet that is not there");
    struct payment_follow back = {
        .payment_id = sent->payment_id,
        .reservation_id = token_reservation_id(&k, &e),
        .decision = {.result = crossing_check(m, found, &payee),
                     .currency = k.currency,
                     .decided_time = turn_time(t)},
        .shard = turn_shard(t),
        .has_reason = sent->has_reason,
        .reason = sent->reason,
        .metadata = sent->metadata,
    };
    if (back.decision.result == RESULT_OK)
        back.decision = posting_decide(t, &k, &e);
    if (back.decision.result == RESULT_EXCEEDS_CREDITS)
        back.decision.result = RESULT_PAYEE_LACKS_FUNDS;
    back.has_payee_id = back.decision.result == RESULT_OK;
    if (back.has_payee_id)
        back.payee_id = payee.wallet->owner_id;
    turn_send(t, &payment_follow_type, &back);
    return TURN_DONE;
}

enum turn_result payment_on_ask(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_ask *asked = m->body;
    struct wallet_ref payee;
    if (turn_origin(t) == NULL)
        return wallet_refuse(t, RESULT_UNSUPPORTED);
    if (!crossing_comes_from(t, asked->payment_id))
        return turn_fail(t, "a question about another shard's payment");
    enum presence found = wallet_find(t, self, &payee);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = payment_check_payee(asked->tenant_id, asked->currency, found, &payee);
    if (turn_now(t) > asked->decide_until || turn_origin(t)->refusing)
        code = RESULT_DEADLINE_PASSED;
    const struct payment_told told = {
        .payment_id = asked->payment_id,
        .ask = asked->ask,
        .result = code,
        .shard = turn_shard(t),
        .has_payee_id = code == RESULT_OK,
        .payee_id = code == RESULT_OK ? payee.wallet->owner_id : ID128_ZERO,
        .has_expires_in_s = asked->has_expires_in_s,
        .expires_in_s = asked->expires_in_s,
    };
    turn_send(t, &payment_told_type, &told);
    return TURN_DONE;
}

/* --- carried out ------------------------------------------------------------------------------ */

/* The payment whose step was decided, and its payer's wallet. */
static enum presence crossing_find(struct turn *t, struct id128 id, const struct payment **p)
{
    struct wallet_ref payer;
    enum presence there = turn_find_payment(t, id, p);
    if (there != PRESENCE_THERE)
        return there;
    there = wallet_find(t, (*p)->from_account, &payer);
    check(there != PRESENCE_ABSENT);
    return there;
}

/* The request is answered with the payment as it is now. */
static enum turn_result crossing_answer(struct turn *t, struct id128 id, struct id128 ask)
{
    const struct payment_info info = payment_shown(t, id);
    turn_close(t, ask, RESULT_OK, &payment_info_type, &info, info.version);
    return TURN_DONE;
}

static enum turn_result crossing_accept(struct turn *t, const struct payment_accepted *accepted,
                                        struct id128 ask)
{
    check(!id128_is_zero(accepted->payee_id));
    turn_emit(t, &payment_accepted_type, accepted);
    return crossing_answer(t, accepted->payment_id, ask);
}

static enum turn_result crossing_refuse(struct turn *t, const struct payment_refused *refused,
                                        struct id128 ask)
{
    const struct payment_reference reference = {refused->payment_id};
    turn_emit(t, &payment_refused_type, refused);
    turn_close(t, ask, refused->failure, &payment_reference_type, &reference, 0);
    return TURN_DONE;
}

static enum turn_result crossing_pay(struct turn *t, const struct following *f,
                                     const struct payment_follow *c)
{
    const struct payment_accepted accepted = {
        .payment_id = c->payment_id, .payee_id = c->payee_id, .shard = c->shard};
    const struct payment_refused refused = {c->payment_id, c->decision.result, c->shard};
    struct transfer_crossed made;
    posting_follow(t, f, &c->decision, &made);
    return c->decision.result == RESULT_OK ? crossing_accept(t, &accepted, f->kept.ask)
                                           : crossing_refuse(t, &refused, f->kept.ask);
}

/* The posting that takes what is captured from the payer, as it was decided before. */
static struct posting crossing_take(struct id128 id, const struct payment *p)
{
    const struct funds_move move = {.id = p->capture_id,
                                    .tenant_id = p->tenant_id,
                                    .reference = id,
                                    .amount = p->capturing,
                                    .currency = p->currency};
    bool part =
        payment_capture_action(p, p->capturing, p->releasing) == PAYMENT_ACTION_CAPTURE_PART;
    struct posting take = funds_capture(&move, p->pending_id, part);
    take.decided = true;
    take.amount = p->capturing;
    return take;
}

static enum turn_result crossing_capture(struct turn *t, const struct payment *p,
                                         const struct following *f, const struct payment_follow *c)
{
    const struct payment_captured captured = {
        .payment_id = c->payment_id,
        .transfer_id = f->kept.id,
        .amount = p->capturing,
        .released = p->releasing,
        .currency = p->currency,
        .metadata = c->metadata,
        .has_shard = true,
        .shard = c->shard,
    };
    const struct payment_capture_refused refused = {c->payment_id, p->capturing, p->currency,
                                                    c->decision.result, c->shard};
    struct transfer_crossed made;
    struct posting take = crossing_take(c->payment_id, p);
    check(p->has_capturing && p->capturing == f->kept.amount);
    if (posting_find(t, &take) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (c->decision.result == RESULT_OK)
        posting_emit(t, &take);
    posting_follow(t, f, &c->decision, &made);
    if (c->decision.result == RESULT_OK) {
        turn_emit(t, &payment_captured_type, &captured);
        return crossing_answer(t, c->payment_id, f->kept.ask);
    }
    turn_emit(t, &payment_capture_refused_type, &refused);
    turn_close(t, f->kept.ask, c->decision.result, NULL, NULL, 0);
    return TURN_DONE;
}

static enum turn_result crossing_refund(struct turn *t, const struct following *f,
                                        const struct payment_follow *c)
{
    const struct payment_refunded refunded = {
        .payment_id = c->payment_id,
        .transfer_id = f->kept.id,
        .amount = f->kept.amount,
        .currency = f->kept.currency,
        .has_reason = c->has_reason,
        .reason = c->reason,
        .metadata = c->metadata,
        .has_shard = true,
        .shard = c->shard,
    };
    const struct payment_refund_refused refused = {
        c->payment_id, f->kept.id, f->kept.amount, f->kept.currency, c->decision.result, c->shard};
    struct transfer_crossed made;
    posting_follow(t, f, &c->decision, &made);
    if (c->decision.result == RESULT_OK) {
        turn_emit(t, &payment_refunded_type, &refunded);
        return crossing_answer(t, c->payment_id, f->kept.ask);
    }
    turn_emit(t, &payment_refund_refused_type, &refused);
    turn_close(t, f->kept.ask, c->decision.result, NULL, NULL, 0);
    return TURN_DONE;
}

/* Of the payment, capture or refund that is kept aside; a payment made names its payee. */
static bool crossing_fits(struct turn *t, struct id128 self, const struct payment_follow *c,
                          const struct following *f)
{
    bool pays = funds_kept_for(f, MANAGED_PAYMENT, self);
    bool named = c->has_payee_id && !id128_is_zero(c->payee_id);
    return id128_equal(c->payment_id, self) && c->shard == turn_origin(t)->shard &&
           (!pays || named || c->decision.result != RESULT_OK) &&
           (pays || funds_kept_for(f, MANAGED_PAYMENT_FORWARD, self) ||
            funds_kept_for(f, MANAGED_REFUND, self));
}

enum turn_result payment_on_follow(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_follow *c = m->body;
    struct following f;
    const struct payment *p;
    enum turn_result end;
    if (!funds_follow(t, c->reservation_id, &c->decision, &f, &end))
        return end;
    if (!crossing_fits(t, self, c, &f))
        return turn_fail(t, "a decision about what was not asked for this payment");
    enum presence there = crossing_find(t, self, &p);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    check(there == PRESENCE_THERE); /* something is kept aside for it */
    if (f.kept.code == MANAGED_PAYMENT_FORWARD)
        return crossing_capture(t, p, &f, c);
    return f.kept.code == MANAGED_REFUND ? crossing_refund(t, &f, c) : crossing_pay(t, &f, c);
}

/* Its time counts from here. */
static enum turn_result crossing_authorize(struct turn *t, const struct payment_told *told)
{
    const struct payment_accepted accepted = {
        .payment_id = told->payment_id,
        .payee_id = told->payee_id,
        .shard = told->shard,
        .has_expires_at = true,
        .expires_at = turn_time(t) + wallet_life_ns(told->has_expires_in_s, told->expires_in_s),
    };
    return crossing_accept(t, &accepted, told->ask);
}

/* Its payee's shard was asked, and has not answered. */
static bool crossing_awaits(struct turn *t, const struct payment *p, struct id128 self,
                            const struct payment_told *told)
{
    bool named = told->has_payee_id && !id128_is_zero(told->payee_id);
    bool says = told->result == RESULT_OK ? named : result_info(told->result) != NULL;
    return says && id128_equal(told->payment_id, self) && told->shard == turn_origin(t)->shard &&
           p->status == PAYMENT_STATUS_PROCESSING && p->capture == PAYMENT_CAPTURE_MODE_MANUAL &&
           id128_is_zero(p->payee_id) &&
           slot_map_home(turn_slots(t), p->to_account) == turn_origin(t)->shard;
}

enum turn_result payment_on_told(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_told *told = m->body;
    const struct payment *p;
    uint16_t code;
    if (turn_origin(t) == NULL)
        return wallet_refuse(t, RESULT_UNSUPPORTED);
    enum presence there = crossing_find(t, self, &p);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT || !crossing_awaits(t, p, self, told))
        return turn_fail(t, "an answer that this payment does not wait for");
    if (told->result == RESULT_OK)
        return crossing_authorize(t, told);
    const struct funds_move back = {.id = turn_new_id(t, id128_slot(self)),
                                    .tenant_id = p->tenant_id,
                                    .currency = p->currency};
    struct posting given_back = funds_void(&back, p->pending_id);
    if (funds_prepare(t, &given_back, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return turn_fail(t, "a refused authorisation cannot be given back");
    posting_emit(t, &given_back);
    const struct payment_refused refused = {self, told->result, told->shard};
    return crossing_refuse(t, &refused, told->ask);
}
