/* SPDX-License-Identifier: Apache-2.0 */
/* The line is always of two shards: that of the wallet that pays, and that of the one that
 * receives, which decides. What the first needs again with the decision either goes with the token
 * and comes back (the time of the debit), or is a state of its own (the capture of a hold). A
 * captured hold moves twice, as inside one shard: from the wallet to clearing, which this shard
 * alone does, and from clearing to the other wallet, which is what crosses. */
#include "actors/wallet/wallet_crossing.h"

#include "actors/wallet/funds_crossing.h"
#include "actors/wallet/hold.h"
#include "actors/wallet/hold_messages.h"
#include "actors/wallet/wallet_messages.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/wallet_states.h"

/* false: the turn ends with *end. */
static bool crossing_may_begin(struct turn *t, const struct message *m, struct token *k,
                               struct token_end *e, enum turn_result *end)
{
    uint16_t code;
    *end = TURN_WAIT;
    if (funds_prepare_token(t, m, k, e, &code) == PRESENCE_WAITING)
        return false;
    *end = TURN_DONE;
    if (code != RESULT_OK)
        turn_refuse(t, code);
    return code == RESULT_OK;
}

/* --- asked ------------------------------------------------------------------------------------ */

enum turn_result wallet_cross(struct turn *t, const struct message *m,
                              const struct funds_move *move, const struct transfer_note *note)
{
    struct token k = funds_token(t, m, move);
    struct token_end e;
    enum turn_result end;
    k.marks |= transfer_note_any(note) ? TOKEN_MARKS_NOTED : 0u;
    if (!crossing_may_begin(t, m, &k, &e, &end))
        return end;
    struct id128 ask = turn_open(t, k.id);
    posting_reserve(t, &k, &e, ask);
    const struct wallet_token sent = {.to_wallet_id = move->to,
                                      .token = k,
                                      .has_debited_time = true,
                                      .debited_time = turn_time(t)};
    const struct wallet_debited debited = {move->from, move->amount, move->currency};
    turn_emit(t, &wallet_debited_type, &debited);
    transfer_note_emit(t, move->tenant_id, k.id, note);
    turn_send(t, &wallet_token_type, &sent);
    return TURN_DONE;
}

enum turn_result hold_cross(struct turn *t, const struct message *m, struct hold_capture *c)
{
    struct token k = funds_token(t, m, &c->forward);
    struct token_end e;
    enum turn_result end;
    if (posting_find(t, &c->take) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = posting_check(t, &c->take);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    if (!crossing_may_begin(t, m, &k, &e, &end))
        return end;
    struct id128 ask = turn_open(t, k.id);
    const struct wallet_hold_capturing capturing = {c->hold_id, c->take.transfer.id, c->amount,
                                                    c->forward.currency, c->final};
    turn_emit(t, &wallet_hold_capturing_type, &capturing);
    posting_reserve(t, &k, &e, ask);
    const struct wallet_token sent = {
        .to_wallet_id = c->forward.to, .token = k, .has_hold_id = true, .hold_id = c->hold_id};
    turn_send(t, &wallet_token_type, &sent);
    return TURN_DONE;
}

/* --- decided ---------------------------------------------------------------------------------- */

static void crossing_send_back(struct turn *t, const struct wallet_token *token,
                               struct id128 reservation_id, const struct decision *d)
{
    if (token->has_hold_id) {
        const struct hold_follow back = {token->hold_id, reservation_id, *d};
        turn_send(t, &hold_follow_type, &back);
        return;
    }
    const struct wallet_follow back = {token->token.debit_account_id, reservation_id, *d,
                                       token->debited_time};
    turn_send(t, &wallet_follow_type, &back);
}

enum turn_result wallet_on_token(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_token *sent = m->body;
    struct token k = sent->token;
    struct token_end e;
    struct wallet_ref to;
    if (turn_origin(t) == NULL)
        return wallet_refuse(t, RESULT_UNSUPPORTED);
    const char *fault = funds_token_fault(t, &k, self, true);
    if (fault != NULL || sent->has_hold_id != (k.code == MANAGED_HOLD_FORWARD) ||
        (sent->has_hold_id && id128_is_zero(sent->hold_id)))
        return turn_fail(t, fault != NULL ? fault : "a token of neither a wallet nor a hold");
    enum presence found = wallet_find(t, self, &to);
    enum presence ledger = token_find(t, &m->who, &k, &e);
    if (found == PRESENCE_WAITING || ledger == PRESENCE_WAITING)
        return TURN_WAIT;
    struct id128 tenant_id = k.has_tenant_id ? k.tenant_id : m->who.tenant_id;
    struct decision d = {.result = wallet_check_receiver(tenant_id, k.currency, found, &to),
                         .currency = k.currency,
                         .decided_time = turn_time(t)};
    if (d.result == RESULT_OK)
        d = posting_decide(t, &k, &e);
    crossing_send_back(t, sent, token_reservation_id(&k, &e), &d);
    return TURN_DONE;
}

/* --- carried out ------------------------------------------------------------------------------ */

/* The answer to the transfer's request; it was recorded here at that time. */
static void crossing_answer(struct turn *t, const struct following *f, u128 amount,
                            uint64_t time_ns, const struct transfer_info *note)
{
    const struct funds_move move = {
        .id = f->kept.id, .amount = amount, .currency = f->kept.currency};
    struct wallet_transaction reply = wallet_transaction_made(
        t, f->kept.debit_account_id, &move, WALLET_TRANSACTION_TYPE_TRANSFER_OUT, time_ns);
    reply.has_counterparty_wallet_id = true;
    reply.counterparty_wallet_id = f->kept.credit_account_id;
    reply.has_description = note->has_description;
    reply.description = note->description;
    reply.metadata = note->metadata;
    turn_close(t, f->kept.ask, RESULT_OK, &wallet_transaction_type, &reply, 0);
}

enum turn_result wallet_on_follow(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_follow *c = m->body;
    struct following f;
    struct wallet_ref w;
    enum turn_result end;
    if (!funds_follow(t, c->reservation_id, &c->decision, &f, &end))
        return end;
    if (!funds_kept_for(&f, MANAGED_TRANSFER, ID128_ZERO) ||
        !id128_equal(f.kept.debit_account_id, self))
        return turn_fail(t, "a decision about what this wallet does not pay");
    struct transfer_info note = {.transfer_id = f.kept.id};
    enum presence noted = PRESENCE_ABSENT;
    if ((f.kept.marks & TOKEN_MARKS_NOTED) != 0)
        noted = transfer_info_find_note(t, &note);
    if (wallet_find(t, self, &w) == PRESENCE_WAITING || noted == PRESENCE_WAITING)
        return TURN_WAIT;
    check(w.wallet != NULL);
    struct transfer_crossed made;
    uint64_t time_ns = turn_time(t);
    posting_follow(t, &f, &c->decision, &made);
    if (c->decision.result == RESULT_OK) {
        crossing_answer(t, &f, made.amount, time_ns, &note);
        return TURN_DONE;
    }
    const struct wallet_debit_returned returned = {self, f.kept.amount, f.kept.currency,
                                                   c->debited_time};
    if (!MUTANT(KEEP_DEBIT))
        turn_emit(t, &wallet_debit_returned_type, &returned);
    turn_close(t, f.kept.ask, c->decision.result, NULL, NULL, 0);
    return TURN_DONE;
}

/* The posting that takes what the hold keeps aside, as it was decided before. */
static struct posting crossing_take(struct id128 hold_id, const struct hold *h,
                                    struct id128 tenant_id)
{
    const struct funds_move move = {.id = h->capture_id,
                                    .tenant_id = tenant_id,
                                    .amount = h->capturing,
                                    .currency = h->currency};
    bool keep_rest = h->capturing != h->remaining && !h->capture_final;
    struct posting p = funds_capture(&move, hold_id, keep_rest);
    p.decided = true;
    p.amount = h->capturing;
    return p;
}

enum turn_result hold_on_follow(struct turn *t, struct id128 self, const struct message *m)
{
    const struct hold_follow *c = m->body;
    struct following f;
    const struct hold *h;
    struct wallet_ref w;
    enum turn_result end;
    if (!funds_follow(t, c->reservation_id, &c->decision, &f, &end))
        return end;
    if (!funds_kept_for(&f, MANAGED_HOLD_FORWARD, self))
        return turn_fail(t, "a decision about what was not captured of this hold");
    if (turn_find_hold(t, self, &h) == PRESENCE_WAITING)
        return TURN_WAIT;
    check(h != NULL && h->has_capturing && h->capturing == f.kept.amount);
    struct posting take = crossing_take(self, h, f.tenant_id);
    bool waiting = posting_find(t, &take) == PRESENCE_WAITING;
    waiting |= wallet_find(t, h->wallet_id, &w) == PRESENCE_WAITING;
    if (waiting)
        return TURN_WAIT;
    if (c->decision.result == RESULT_OK) {
        struct transfer_crossed made;
        const struct wallet_hold_captured captured = {
            self, h->capturing, h->capture_final ? h->remaining - h->capturing : 0, h->currency};
        posting_emit(t, &take);
        posting_follow(t, &f, &c->decision, &made);
        turn_emit(t, &wallet_hold_captured_type, &captured);
        const struct wallet_hold_info info = hold_shown(self, turn_found_hold(t, self));
        turn_close(t, f.kept.ask, RESULT_OK, &wallet_hold_info_type, &info, info.version);
        return TURN_DONE;
    }
    const struct wallet_hold_capture_refused refused = {self};
    posting_follow(t, &f, &c->decision, NULL);
    turn_emit(t, &wallet_hold_capture_refused_type, &refused);
    turn_close(t, f.kept.ask, c->decision.result, NULL, NULL, 0);
    return TURN_DONE;
}
