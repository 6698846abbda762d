/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends look at a posting of which the other account is away, so the rules and their order are
 * those of posting_check.c. Where the transfer is asked for nothing has decided about it yet; where
 * a send brings it, form, times and flags were looked at before it left. */
#include "actors/ledger/token.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "runtime/base/slot_map.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

bool token_crosses(struct turn *t, struct id128 debit_id, struct id128 credit_id)
{
    if (turn_at_home(t, debit_id) && turn_at_home(t, credit_id))
        return false;
    return !id128_is_zero(debit_id) && !id128_is_max(debit_id) && !id128_is_zero(credit_id) &&
           !id128_is_max(credit_id);
}

struct token token_of(struct turn *t, const struct transfer_spec *s, const struct principal *who)
{
    struct token k = {.amount = 0};
    check((s->flags & POSTING_RESOLVES) == 0);
    token_from_transfer_spec(&k, s);
    k.decide_until = turn_now(t) + TOKEN_PATIENCE_NS;
    bool reasoned = s->has_reason && !fields_blank(s->reason);
    /* Without an amount a balancing transfer is for all that there is, and a closing one for none.
     */
    bool all = !s->has_amount && (s->flags & POSTING_BALANCES) != 0;
    k.marks = (who->adjusts ? TOKEN_MARKS_ADJUSTS : 0u) | (reasoned ? TOKEN_MARKS_REASONED : 0u) |
              (all ? TOKEN_MARKS_UNLIMITED : 0u);
    return k;
}

/* Balancing and posts may be of an amount that was lowered, down to nothing. */
static bool token_form_fits(const struct token *k)
{
    struct posting p = {.managed = false};
    transfer_spec_from_token(&p.transfer, k);
    p.transfer.flags &= ~(uint32_t)TRANSFER_FLAGS_MANAGED;
    p.transfer.has_amount = !posting_has(&p, POSTING_BALANCES | POSTING_RESOLVES);
    bool dated = k->has_effective_time || !posting_has(&p, TRANSFER_FLAGS_IMPORTED);
    return dated && !posting_has(&p, TRANSFER_FLAGS_VOID_PENDING) &&
           posting_form_check(&p) == RESULT_OK &&
           (!k->has_reverses_id ||
            (!id128_is_zero(k->reverses_id) && !id128_equal(k->reverses_id, k->id))) &&
           (!k->has_tenant_id || !id128_is_zero(k->tenant_id));
}

const char *token_fault(struct turn *t, const struct token *k)
{
    const struct send_origin *o = turn_origin(t);
    bool debit_here = turn_at_home(t, k->debit_account_id);
    check(o != NULL);
    if (!token_form_fits(k))
        return "a token of a transfer that cannot be asked for";
    struct id128 away = debit_here ? k->credit_account_id : k->debit_account_id;
    if (debit_here == turn_at_home(t, k->credit_account_id) ||
        slot_map_home(turn_slots(t), away) != o->shard)
        return "a token of other accounts than those of its two shards";
    bool all = (k->marks & TOKEN_MARKS_UNLIMITED) != 0;
    if (all && (k->flags & POSTING_BALANCES) == 0)
        return "a token for all that there is that does not balance";
    if (k->has_wanted != (k->has_lack && !all))
        return "a token that lacks something and does not say what";
    bool refuses = !k->has_lack || (k->lack != RESULT_OK && result_info(k->lack) != NULL);
    return refuses ? NULL : "a token that lacks something for no known reason";
}

/* Is it for all that there is? What the end before gives of that is an amount like any other,
 * unless more were refused there. */
static bool token_for_all(const struct token *k, bool continues)
{
    return (k->marks & TOKEN_MARKS_UNLIMITED) != 0 && (!continues || k->has_lack);
}

/* The posting as this shard sees it. */
static struct posting token_posting(struct turn *t, const struct principal *who,
                                    const struct token *k, bool continues)
{
    struct posting p = {
        .tenant_id = k->has_tenant_id ? k->tenant_id : who->tenant_id,
        .any_tenant = who->operator&& !k->has_tenant_id,
        .managed = (k->flags & TRANSFER_FLAGS_MANAGED) != 0,
        .adjusts = (k->marks & TOKEN_MARKS_ADJUSTS) != 0,
        .reverses_id = k->has_reverses_id ? k->reverses_id : ID128_ZERO,
        .transaction_id = k->has_transaction_id ? k->transaction_id : ID128_ZERO,
        .debit_away = !turn_at_home(t, k->debit_account_id),
        .credit_away = !turn_at_home(t, k->credit_account_id),
        .continues = continues,
    };
    transfer_spec_from_token(&p.transfer, k);
    if (k->has_wanted)
        p.transfer.amount = k->wanted;
    p.transfer.has_amount = !token_for_all(k, continues);
    p.transfer.has_reason = (k->marks & TOKEN_MARKS_REASONED) != 0;
    if (!p.continues)
        p.transfer.flags &= ~(uint32_t)TRANSFER_FLAGS_MANAGED; /* recorded, not asked for */
    return p;
}

static const struct account *token_account(const struct token_end *e)
{
    return e->side == CROSSING_SIDE_DEBIT ? e->posting.debit : e->posting.credit;
}

/* A transfer is reversed once: where it is at home, which decides its reversal, it is known by
 * which. */
static enum presence token_find_reversal(struct turn *t, const struct token *k, struct token_end *e)
{
    struct id128 by_id;
    if (!k->has_reverses_id || !e->posting.continues)
        return PRESENCE_ABSENT;
    enum presence there = transfer_find_reversal(t, k->reverses_id, &by_id);
    e->posting.reversed = there == PRESENCE_THERE;
    return there;
}

static enum presence token_find_as(struct turn *t, const struct principal *who,
                                   const struct token *k, struct token_end *e, bool continues)
{
    *e =
        (struct token_end){.posting = token_posting(t, who, k, continues), .slot = transit_slot(t)};
    check(e->posting.debit_away != e->posting.credit_away);
    e->side = e->posting.debit_away ? CROSSING_SIDE_CREDIT : CROSSING_SIDE_DEBIT;
    e->posting.from = e->posting.continues ? turn_origin(t)->shard : turn_shard(t);
    e->peer = slot_map_home(turn_slots(t),
                            e->posting.debit_away ? k->debit_account_id : k->credit_account_id);
    check(e->peer != turn_shard(t));
    bool waiting = posting_find(t, &e->posting) == PRESENCE_WAITING;
    waiting |= token_find_reversal(t, k, e) == PRESENCE_WAITING;
    const struct account *own = token_account(e);
    if (own != NULL)
        waiting |= transit_find(t, own, e->peer) == PRESENCE_WAITING;
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

enum presence token_find(struct turn *t, const struct principal *who, const struct token *k,
                         struct token_end *e)
{
    return token_find_as(t, who, k, e, turn_origin(t) != NULL);
}

enum presence token_find_asked(struct turn *t, const struct principal *who, const struct token *k,
                               struct token_end *e)
{
    check(turn_origin(t) != NULL);
    return token_find_as(t, who, k, e, false);
}

/* As much as this end gives; the rest is refused there, if it is wanted there, as it would be
 * inside one shard. */
static void token_lower(struct token *k, const struct token_end *e)
{
    const struct account *debit = e->posting.debit;
    bool all = token_for_all(k, e->posting.continues);
    u128 wanted = k->amount;
    check(all || e->posting.amount <= k->amount);
    k->amount = e->posting.amount;
    if (e->posting.continues || (!all && k->amount == wanted) ||
        posting_has(&e->posting, TRANSFER_FLAGS_BALANCING_DEBIT))
        return;
    check(e->side == CROSSING_SIDE_DEBIT);
    k->lack = account_debit_check(debit, k->amount + 1);
    k->has_lack = k->lack != RESULT_OK;
    k->has_wanted = k->has_lack && !all;
    k->wanted = k->has_wanted ? wanted : 0;
}

uint16_t token_check(struct turn *t, struct token *k, struct token_end *e)
{
    uint16_t code = posting_check(t, &e->posting);
    if (code != RESULT_OK)
        return code;
    const struct account *own = token_account(e);
    check(own != NULL);
    check(own->currency == k->currency);
    if (e->posting.continues && e->posting.amount > k->amount) {
        check(k->has_lack);
        return k->lack;
    }
    token_lower(k, e);
    if (e->posting.any_tenant) {
        k->has_tenant_id = true;
        k->tenant_id = own->tenant_id;
    }
    return RESULT_OK;
}

void posting_reserve(struct turn *t, const struct token *k, const struct token_end *e,
                     struct id128 ask)
{
    struct transfer_reserved r = {.amount = 0};
    check(k->amount == e->posting.amount);
    check(!id128_is_zero(ask));
    check(e->peer != turn_shard(t));
    transfer_reserved_from_token(&r, k);
    r.side = e->side;
    r.slot = e->slot;
    r.peer = e->peer;
    r.has_ask = !id128_equal(ask, k->id);
    r.ask = ask;
    r.has_place = (k->marks & TOKEN_MARKS_FOR_LIST) != 0;
    r.place = r.has_place ? e->place : 0;
    if (MUTANT(KEEP_NOTHING))
        r.amount = 0;
    turn_emit(t, &transfer_reserved_type, &r);
}

/* A post of what is held here, or there; the rest stays or goes back. */
static struct transfer_resolved post_of(const struct pending_transfer *h, u128 amount,
                                        uint32_t flags)
{
    bool keeps = (flags & TRANSFER_FLAGS_KEEP_REMAINDER) != 0;
    check(h->status == TRANSFER_STATUS_PENDING);
    check(amount <= h->held);
    return (struct transfer_resolved){.amount = amount,
                                      .released = keeps ? 0 : h->held - amount,
                                      .remaining = keeps ? h->held - amount : 0};
}

/* What this shard does of it, the last of its line. */
static void token_emit(struct turn *t, const struct token *k, const struct token_end *e)
{
    if (k->has_pending_id) {
        struct transfer_resolved r = post_of(e->posting.pending, k->amount, k->flags);
        transfer_resolved_from_token(&r, k);
        turn_emit(t, &transfer_resolved_type, &r);
        if (MUTANT(POST_AGAIN) && r.remaining >= r.amount) {
            r.remaining -= r.amount;
            turn_emit(t, &transfer_resolved_type, &r);
        }
        return;
    }
    struct transfer_crossed c = {.amount = 0};
    transfer_crossed_from_token(&c, k);
    c.side = e->side;
    c.slot = e->slot;
    c.peer = e->peer;
    turn_emit(t, &transfer_crossed_type, &c);
    if (k->has_reverses_id)
        transfer_reversal_emit(t, k->reverses_id, k->id);
}

struct decision posting_decide(struct turn *t, struct token *k, struct token_end *e)
{
    struct decision d = {.result = RESULT_DEADLINE_PASSED, .currency = k->currency};
    const struct send_origin *o = turn_origin(t);
    check(o != NULL);
    check(e->posting.continues);
    if (turn_now(t) <= k->decide_until && !o->refusing)
        d.result = token_check(t, k, e);
    if (MUTANT(DECIDE_BLINDLY) && d.result == RESULT_CREDIT_ACCOUNT_FROZEN)
        d.result = RESULT_OK;
    d.decided_time = turn_time(t);
    if (d.result != RESULT_OK) {
        bool taken = e->posting.earlier.number != 0;
        if ((k->marks & TOKEN_MARKS_ID_CHOSEN) != 0 && !taken)
            posting_refused(t, &e->posting, d.result);
        return d;
    }
    token_emit(t, k, e);
    d.amount = k->amount;
    return d;
}

struct id128 token_reservation_id(const struct token *k, const struct token_end *e)
{
    check(e->posting.continues);
    return reservation_id(k->id, e->side == CROSSING_SIDE_DEBIT ? k->credit_account_id
                                                                : k->debit_account_id);
}

/* --- following -------------------------------------------------------------------------------- */

/* Has its id here been used for nothing else since? Of two transfers to each other under one id the
 * other shard's may have come first. */
static enum presence find_own_id(struct turn *t, struct following *f)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, f->kept.id, &stored);
    check(!id128_is_zero(f->kept.id));
    f->has_id = there == PRESENCE_THERE && stored.number == TRANSFER_RESERVED_NUMBER;
    return there;
}

enum presence posting_follow_find(struct turn *t, struct id128 reservation_id, struct following *f)
{
    const struct reservation *r;
    enum presence there = turn_find_reservation(t, reservation_id, &r);
    if (there != PRESENCE_THERE)
        return there;
    check(id128_equal(reservation_id_of(&r->kept), reservation_id));
    check(!id128_is_zero(r->kept.ask));
    *f = (struct following){.reservation_id = reservation_id, .kept = r->kept};
    f->kept.has_reverses_id = !id128_is_zero(f->kept.reverses_id);
    f->kept.has_transaction_id = !id128_is_zero(f->kept.transaction_id);
    f->kept.has_pending_id = !id128_is_zero(f->kept.pending_id);
    const struct account *own;
    const struct ledger_totals *totals;
    const struct pending_transfer *h;
    there = turn_find_account(t, reservation_account(&f->kept), &own);
    if (there != PRESENCE_THERE)
        return there;
    f->tenant_id = own->tenant_id;
    struct id128 totals_id = ledger_totals_id(own->tenant_id, own->currency);
    bool waiting = turn_find_ledger_totals(t, totals_id, &totals) == PRESENCE_WAITING;
    waiting |= transit_find(t, own, f->kept.peer) == PRESENCE_WAITING;
    if (f->kept.has_pending_id)
        waiting |= turn_find_pending_transfer(t, f->kept.pending_id, &h) == PRESENCE_WAITING;
    else if ((f->kept.flags & TRANSFER_FLAGS_PENDING) != 0) /* somebody may be looking for it */
        waiting |= turn_find_pending_transfer(t, f->kept.id, &h) == PRESENCE_WAITING;
    if ((f->kept.marks & TOKEN_MARKS_ID_CHOSEN) != 0)
        waiting |= find_own_id(t, f) == PRESENCE_WAITING;
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

const char *posting_follow_fault(struct turn *t, const struct following *f,
                                 const struct decision *d)
{
    const struct transfer_reserved *k = &f->kept;
    const struct send_origin *o = turn_origin(t);
    check(o != NULL);
    check(k->peer != turn_shard(t));
    if (o->shard != k->peer)
        return "a decision of a shard that was not asked";
    if (d->decided_time == 0 || d->decided_time > o->time_ns)
        return "a decision that was not made yet";
    if (d->result != RESULT_OK)
        return result_info(d->result) == NULL ? "a decision with an unknown result" : NULL;
    bool lowers = (k->flags & POSTING_BALANCES) != 0;
    bool fits =
        d->currency == k->currency && d->amount <= k->amount && (lowers || d->amount == k->amount);
    return fits || MUTANT(KEEP_NOTHING) ? NULL : "a decision about another amount";
}

static void follow_refusal(struct turn *t, const struct following *f, uint16_t code)
{
    check(code != RESULT_OK);
    bool reopens = reservation_closes(f->kept.flags, f->kept.side);
    const struct transfer_released e = {f->kept.id, reservation_account(&f->kept), code, reopens,
                                        reopens};
    const struct posting p = {.transfer = {.id = f->kept.id}, .tenant_id = f->tenant_id};
    turn_emit(t, &transfer_released_type, &e);
    if (f->has_id)
        posting_refused(t, &p, code);
}

/* Frozen since it was kept aside, which changes nothing. */
static bool follow_is_frozen(struct turn *t, const struct transfer_reserved *k)
{
    const uint32_t frozen = ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN;
    check(!id128_is_zero(k->id));
    return (turn_found_account(t, reservation_account(k))->flags & frozen) != 0;
}

void posting_follow(struct turn *t, const struct following *f, const struct decision *d,
                    struct transfer_crossed *made)
{
    const struct transfer_reserved *k = &f->kept;
    check(turn_origin(t) != NULL);
    check(d->decided_time != 0);
    if (d->result != RESULT_OK) {
        follow_refusal(t, f, d->result);
        return;
    }
    check(d->amount <= k->amount || MUTANT(KEEP_NOTHING));
    *made = (struct transfer_crossed){.amount = 0};
    transfer_crossed_from_transfer_reserved(made, k);
    made->amount = MUTANT(FOLLOW_ALL) ? k->amount : d->amount;
    made->has_decided_time = true;
    made->decided_time = d->decided_time;
    if (MUTANT(FOLLOW_RECHECKS) && follow_is_frozen(t, k))
        follow_refusal(t, f, RESULT_DEBIT_ACCOUNT_FROZEN);
    else
        turn_emit(t, &transfer_crossed_type, made);
}

struct transfer_resolved posting_follow_post(struct turn *t, const struct following *f,
                                             const struct decision *d)
{
    const struct transfer_reserved *k = &f->kept;
    const struct pending_transfer *h = turn_found_pending_transfer(t, k->pending_id);
    check(turn_origin(t) != NULL);
    check(d->result == RESULT_OK);
    check(d->amount == k->amount);
    check(h->resolving);
    struct transfer_resolved e = post_of(h, d->amount, k->flags);
    transfer_resolved_from_transfer_reserved(&e, k);
    e.has_decided_time = true;
    e.decided_time = d->decided_time;
    turn_emit(t, &transfer_resolved_type, &e);
    told_transfer_send(t, k->pending_id);
    return e;
}
