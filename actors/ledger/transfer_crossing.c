/* SPDX-License-Identifier: Apache-2.0 */
/* Three records: here the debit is kept aside and the request left open; there it is decided; here
 * again the decision is followed and the request answered. A note is recorded with the first, where
 * its texts are. */
#include "actors/ledger/transfer_crossing.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/pending_half.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transfer_conclusion.h"
#include "actors/ledger/transfer_row.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

static bool crossing_is(struct turn *t, uint32_t flags, struct id128 debit_id,
                        struct id128 credit_id)
{
    const uint32_t refused = TRANSFER_FLAGS_LINKED | TRANSFER_FLAGS_MANAGED;
    return (flags & (refused | POSTING_RESOLVES)) == 0 && token_crosses(t, debit_id, credit_id) &&
           turn_at_home(t, debit_id);
}

bool transfer_crosses(struct turn *t, const struct transfer_create *c)
{
    return c->has_credit_account_id &&
           crossing_is(t, c->flags, c->debit_account_id, c->credit_account_id);
}

bool transfer_spec_crosses(struct turn *t, const struct transfer_spec *s)
{
    return crossing_is(t, s->flags, s->debit_account_id, s->credit_account_id);
}

/* Nothing here is against it: the other shard is asked, for the request or list `ask`. */
static void crossing_send(struct turn *t, const struct token *k, const struct token_end *e,
                          const struct transfer_note *note, struct id128 ask)
{
    const struct transfer_token token = {*k};
    check(e->side == CROSSING_SIDE_DEBIT);
    posting_reserve(t, k, e, ask);
    transfer_note_emit(t, e->posting.debit->tenant_id, k->id, note);
    turn_send(t, &transfer_token_type, &token);
}

static enum turn_result crossing_open(struct turn *t, const struct token *k,
                                      const struct token_end *e, const struct transfer_note *note)
{
    check(turn_origin(t) == NULL);
    if (turn_may_open(t, e->peer))
        crossing_send(t, k, e, note, turn_open(t, k->id));
    else
        turn_refuse(t, ERR_SHARD_UNAVAILABLE);
    return TURN_DONE;
}

/* For a list, whose shard has looked at the other one before it told this one. */
static void crossing_list(struct turn *t, struct token *k, struct token_end *e,
                          const struct listed_transfer *c)
{
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(&c->transfer);
    check(turn_origin(t) != NULL);
    k->marks |= c->marks | TOKEN_MARKS_FOR_LIST;
    e->place = c->place;
    crossing_send(t, k, e, &note, c->list_id);
}

enum turn_result crossing_repeat(struct turn *t, const struct transfer_reserved *kept,
                                 const struct transfer_note *note)
{
    struct transfer_info earlier = {.transfer_id = kept->id};
    check(!id128_is_zero(kept->ask));
    if ((kept->marks & TOKEN_MARKS_FOR_LIST) != 0) { /* no request waits for it, but a list */
        turn_refuse(t, RESULT_OUTCOME_PENDING);
        return TURN_DONE;
    }
    if ((kept->marks & TOKEN_MARKS_NOTED) != 0 &&
        transfer_info_find_note(t, &earlier) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = transfer_note_check(&earlier, note);
    if (code == RESULT_OK)
        turn_attach(t, kept->ask);
    else
        turn_refuse(t, code);
    return TURN_DONE;
}

/* Asks for it, if nothing that this shard knows is against it; `counts_from` is that of what it
 * reverses. */
static enum turn_result crossing_ask(struct turn *t, const struct message *m, struct token *k,
                                     const struct transfer_note *note, uint64_t counts_from)
{
    struct token_end e;
    bool id_chosen = (k->marks & TOKEN_MARKS_ID_CHOSEN) != 0;
    check(turn_origin(t) == NULL);
    k->marks |= transfer_note_any(note) ? TOKEN_MARKS_NOTED : 0u;
    if (token_find(t, &m->who, k, &e) == PRESENCE_WAITING)
        return TURN_WAIT;
    check(e.side == CROSSING_SIDE_DEBIT);
    e.posting.original_time = counts_from;
    uint16_t code = token_check(t, k, &e);
    if (code == RESULT_OUTCOME_PENDING && e.posting.reservation != NULL)
        return crossing_repeat(t, &e.posting.reservation->kept, note);
    if (code != RESULT_OK)
        return transfer_conclude(t, &e.posting, code, note, id_chosen);
    return crossing_open(t, k, &e, note);
}

enum turn_result transfer_cross(struct turn *t, const struct message *m)
{
    const struct transfer_create *c = m->body;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(c);
    const struct transfer_spec spec = transfer_asked_for(t, c);
    check(c->has_credit_account_id);
    struct token k = token_of(t, &spec, &m->who);
    k.marks |= c->has_transfer_id ? TOKEN_MARKS_ID_CHOSEN : 0u;
    return crossing_ask(t, m, &k, &note, 0);
}

enum presence transfer_cross_listed(struct turn *t, const struct principal *who,
                                    const struct listed_transfer *c, struct posting *p,
                                    uint16_t *code)
{
    struct token_end e;
    struct token k = token_of(t, &c->transfer, who);
    k.marks |= c->marks;
    if (token_find_asked(t, who, &k, &e) == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    *code = token_check(t, &k, &e);
    *p = e.posting;
    if (*code == RESULT_OK)
        crossing_list(t, &k, &e, c);
    return PRESENCE_THERE;
}

enum turn_result reversal_cross(struct turn *t, const struct message *m, const struct posting *p,
                                bool id_chosen)
{
    const struct transfer_reverse *c = m->body;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(c);
    check(turn_at_home(t, p->transfer.debit_account_id));
    check(!id128_is_zero(p->reverses_id));
    struct token k = token_of(t, &p->transfer, &m->who);
    k.has_reverses_id = true;
    k.reverses_id = p->reverses_id;
    k.has_tenant_id = !id128_equal(p->tenant_id, m->who.tenant_id);
    k.tenant_id = p->tenant_id;
    k.marks |= id_chosen ? TOKEN_MARKS_ID_CHOSEN : 0u;
    return crossing_ask(t, m, &k, &note, p->original_time);
}

/* What is left out is that of the pending transfer. */
static struct token post_token(struct turn *t, const struct principal *who, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    const struct pending_transfer *h = p->pending;
    struct token k = {.amount = 0};
    token_from_transfer_spec(&k, s);
    k.debit_account_id = h->debit_account_id;
    k.credit_account_id = h->credit_account_id;
    k.amount = p->amount;
    k.currency = h->currency;
    k.code = h->code;
    k.user_data_128 = s->has_user_data_128 ? s->user_data_128 : h->user_data_128;
    k.user_data_64 = s->has_user_data_64 ? s->user_data_64 : h->user_data_64;
    k.user_data_32 = s->has_user_data_32 ? s->user_data_32 : h->user_data_32;
    k.decide_until = turn_now(t) + TOKEN_PATIENCE_NS;
    k.has_tenant_id = !id128_equal(h->tenant_id, who->tenant_id);
    k.tenant_id = h->tenant_id;
    check(h->side == CROSSING_SIDE_DEBIT);
    check(k.amount <= h->held);
    return k;
}

static struct token_end post_end(const struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    return (struct token_end){
        .posting = *p, .side = CROSSING_SIDE_DEBIT, .slot = h->slot, .peer = h->peer};
}

enum turn_result post_cross(struct turn *t, const struct message *m, const struct posting *p,
                            const struct transfer_note *note, bool id_chosen)
{
    struct token k = post_token(t, &m->who, p);
    k.marks |= id_chosen ? TOKEN_MARKS_ID_CHOSEN : 0u;
    k.marks |= transfer_note_any(note) ? TOKEN_MARKS_NOTED : 0u;
    const struct token_end e = post_end(p);
    return crossing_open(t, &k, &e, note);
}

void post_cross_listed(struct turn *t, const struct principal *who, const struct listed_transfer *c,
                       const struct posting *p)
{
    struct token k = post_token(t, who, p);
    struct token_end e = post_end(p);
    crossing_list(t, &k, &e, c);
}

/* Home asks for no more than it holds, and that is held here too. */
static bool half_holds(const struct pending_transfer *h, const struct token *k)
{
    return h != NULL && pending_transfer_is_half(h) && h->status == TRANSFER_STATUS_PENDING &&
           k->amount <= h->held && k->currency == h->currency &&
           id128_equal(k->debit_account_id, h->debit_account_id) &&
           id128_equal(k->credit_account_id, h->credit_account_id);
}

enum turn_result transfer_on_token(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_token *sent = m->body;
    struct token k = sent->token;
    struct token_end e;
    (void)self;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    const char *fault = token_fault(t, &k);
    if (fault != NULL || !turn_at_home(t, k.credit_account_id))
        return turn_fail(t, fault != NULL ? fault : "a token that takes from an account here");
    if (token_find(t, &m->who, &k, &e) == PRESENCE_WAITING)
        return TURN_WAIT;
    check(e.side == CROSSING_SIDE_CREDIT);
    if (k.has_pending_id && !half_holds(e.posting.pending, &k)) {
        const struct group_leg *leg;
        enum presence comes =
            e.posting.pending != NULL ? PRESENCE_ABSENT : pending_half_comes(t, k.pending_id, &leg);
        if (comes == PRESENCE_WAITING)
            return TURN_WAIT;
        if (comes == PRESENCE_ABSENT)
            return turn_fail(t, "a post of what is not held here");
    }
    struct transfer_follow follow = {.reservation_id = token_reservation_id(&k, &e)};
    follow.decision = posting_decide(t, &k, &e);
    if (follow.decision.result == RESULT_OK || !MUTANT(REFUSE_SILENTLY))
        turn_send(t, &transfer_follow_type, &follow);
    return TURN_DONE;
}

/* The note that was recorded with the reservation. */
static enum presence crossing_info(struct turn *t, const struct following *f,
                                   const struct decision *d, struct transfer_info *info)
{
    check(!id128_is_zero(f->kept.id));
    *info = (struct transfer_info){.transfer_id = f->kept.id};
    return d->result == RESULT_OK && (f->kept.marks & TOKEN_MARKS_NOTED) != 0
               ? transfer_info_find_note(t, info)
               : PRESENCE_ABSENT;
}

/* Carries out what was decided, and shows what was made. */
static struct transfers_row crossing_follow(struct turn *t, const struct following *f,
                                            const struct decision *d)
{
    struct transfer_crossed made = {.amount = 0};
    check(d->result == RESULT_OK);
    if (f->kept.has_pending_id) {
        const struct transfer_resolved post = posting_follow_post(t, f, d);
        return transfer_row_of_resolved(&post, post.decided_time);
    }
    posting_follow(t, f, d, &made);
    if ((made.flags & TRANSFER_FLAGS_PENDING) == 0)
        return transfer_row_of_crossed(&made, made.decided_time);
    return transfer_row_of_pending(made.id, turn_found_pending_transfer(t, made.id));
}

void crossing_tell_list(struct turn *t, struct id128 list_id, const struct bulk_refusal *outcome)
{
    const struct listed_outcome m = {list_id, *outcome};
    check(turn_origin(t) != NULL);
    check(!id128_is_zero(list_id));
    check((outcome->result == RESULT_MANAGED) == (outcome->manager_code != 0));
    turn_send(t, &listed_outcome_type, &m);
}

/* Tells the list that waits for it; false: a request does. */
static bool crossing_told_list(struct turn *t, const struct following *f, uint16_t code)
{
    struct bulk_refusal outcome = {.place = f->kept.place, .result = code};
    if ((f->kept.marks & TOKEN_MARKS_FOR_LIST) == 0)
        return false;
    if (code == RESULT_MANAGED)
        manager_note_away(t, f->kept.credit_account_id,
                          (f->kept.flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0, &outcome);
    crossing_tell_list(t, f->kept.ask, &outcome);
    return true;
}

/* As inside one shard, a refusal of what a service manages names the manager. */
static void crossing_refuse(struct turn *t, const struct following *f, uint16_t code)
{
    check(code != RESULT_OK);
    if (crossing_told_list(t, f, code))
        return;
    if (code != RESULT_MANAGED) {
        turn_close(t, f->kept.ask, code, NULL, NULL, 0);
        return;
    }
    bool closes = (f->kept.flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0;
    const struct managed_refusal refusal =
        manager_refusal_away(t, f->kept.credit_account_id, closes);
    turn_close(t, f->kept.ask, code, &managed_refusal_type, &refusal, 0);
}

enum turn_result transfer_on_follow(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_follow *c = m->body;
    struct following f;
    struct transfer_info note, info;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    enum presence there = posting_follow_find(t, self, &f);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a decision about nothing that is kept aside");
    const char *fault = posting_follow_fault(t, &f, &c->decision);
    if (fault != NULL || (f.kept.flags & TRANSFER_FLAGS_MANAGED) != 0)
        return turn_fail(t, fault != NULL ? fault : "a decision about what a service makes");
    if (crossing_info(t, &f, &c->decision, &note) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (c->decision.result != RESULT_OK) {
        posting_follow(t, &f, &c->decision, NULL);
        if ((f.kept.marks & TOKEN_MARKS_NOTED) != 0)
            transfer_note_forget(t, f.tenant_id, f.kept.id);
        crossing_refuse(t, &f, c->decision.result);
        return TURN_DONE;
    }
    const struct transfers_row row = crossing_follow(t, &f, &c->decision);
    if (crossing_told_list(t, &f, RESULT_OK))
        return TURN_DONE;
    info = transfer_row_info(&row, turn_alloc(t, MANAGER_TEXT_MAX));
    transfer_info_take_note(&info, &note);
    turn_close(t, f.kept.ask, RESULT_OK, &transfer_info_type, &info, 0);
    return TURN_DONE;
}
