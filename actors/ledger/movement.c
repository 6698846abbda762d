/* SPDX-License-Identifier: Apache-2.0 */
/* Beside group_movement.c the only place where counters change: pending, posted, the ledger's
 * totals and the versions of both accounts, always all of them, so that debits equal credits after
 * each event; ledger_totals_check() compares them at the end. A sum that does not fit, or a counter
 * that would fall below zero, stops the process: wrong money is neither recorded nor served.
 * transfer_posted, by far the most frequent, changes the accounts' hot part alone. */
#include "actors/ledger/movement.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "schemas/common.h"

static void movement_add(u128 *counter, u128 amount)
{
    bool fits = u128_add(*counter, amount, counter);
    check(fits);
}

static void movement_take(u128 *counter, u128 amount)
{
    bool enough = u128_sub(*counter, amount, counter);
    check(enough);
}

struct sides {
    struct account *debit, *credit;
    struct ledger_totals *totals;
};

/* Both accounts and their ledger, to be changed: the accounts by `find`, that is, all of them or
 * their hot part. */
static inline struct sides sides_by(void *(*find)(struct registry *, uint16_t, struct id128),
                                    struct registry *r, struct id128 debit_id,
                                    struct id128 credit_id)
{
    struct sides s;
    s.debit = find(r, KIND_ACCOUNT, debit_id);
    s.credit = find(r, KIND_ACCOUNT, credit_id);
    check(s.debit != s.credit);
    check(s.debit->currency == s.credit->currency);
    check(id128_equal(s.debit->tenant_id, s.credit->tenant_id));
    check(s.debit->version > 0);
    check(s.credit->version > 0);
    s.totals = ledger_totals_state(r, s.debit->tenant_id, s.debit->currency);
    check(s.totals->currency == s.debit->currency);
    s.debit->version++;
    s.credit->version++;
    return s;
}

static struct sides sides_of(struct registry *r, struct id128 debit_id, struct id128 credit_id)
{
    return sides_by(registry_state, r, debit_id, credit_id);
}

static void movement_post(struct sides *s, u128 amount)
{
    movement_add(&s->debit->debits_posted, amount);
    movement_add(MUTANT(CREDIT_WRONG) ? &s->debit->credits_posted : &s->credit->credits_posted,
                 amount);
    movement_add(&s->totals->debits_posted, amount);
    movement_add(&s->totals->credits_posted, amount);
    ledger_totals_check(s->totals);
}

static void movement_hold(struct sides *s, u128 amount)
{
    movement_add(&s->debit->debits_pending, amount);
    movement_add(&s->credit->credits_pending, amount);
    movement_add(&s->totals->debits_pending, amount);
    movement_add(&s->totals->credits_pending, amount);
    ledger_totals_check(s->totals);
}

static void movement_release(struct sides *s, u128 amount)
{
    movement_take(&s->debit->debits_pending, amount);
    movement_take(&s->credit->credits_pending, amount);
    movement_take(&s->totals->debits_pending, amount);
    movement_take(&s->totals->credits_pending, amount);
    ledger_totals_check(s->totals);
}

static void note_import(struct ledger_totals *l, uint32_t flags, uint64_t effective_time)
{
    bool imported = (flags & TRANSFER_FLAGS_IMPORTED) != 0;
    check(!imported || effective_time >= l->transfers_imported_to);
    l->transfer_count++;
    if (imported)
        l->transfers_imported_to = effective_time + 1;
}

/* One between two shards was looked at in the order of imports when it was asked for or decided:
 * meanwhile others may have come. */
static void note_crossed_import(struct ledger_totals *l, uint32_t flags, uint64_t effective_time)
{
    if ((flags & TRANSFER_FLAGS_IMPORTED) != 0 && effective_time >= l->transfers_imported_to)
        l->transfers_imported_to = effective_time + 1;
}

void transfer_posted_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_posted *e = event;
    struct sides s = sides_by(registry_hot, r, e->debit_account_id, e->credit_account_id);
    check(e->currency == s.debit->currency);
    movement_post(&s, e->amount);
    note_import(s.totals, e->flags, e->effective_time);
}

/* What must be true of a pending transfer between two events. */
static void pending_assert(const struct pending_transfer *h)
{
    check(h->status > 0);
    check(h->status <= TRANSFER_STATUS_COUNT);
    check(h->posted <= h->amount);
    check(h->held <= h->amount - h->posted);
    check(h->status == TRANSFER_STATUS_PENDING || h->held == 0);
}

static void fill_pending(struct pending_transfer *h, const struct transfer_pending *e,
                         uint64_t time_ns)
{
    h->amount = e->amount;
    h->held = e->amount;
    h->user_data_128 = e->user_data_128;
    h->debit_account_id = e->debit_account_id;
    h->credit_account_id = e->credit_account_id;
    h->reverses_id = e->reverses_id;
    h->transaction_id = e->transaction_id;
    h->user_data_64 = e->user_data_64;
    h->effective_time = e->has_effective_time ? e->effective_time : time_ns;
    h->recorded_time = time_ns;
    h->user_data_32 = e->user_data_32;
    h->flags = e->flags;
    h->has_timeout_s = e->has_timeout_s;
    h->timeout_s = e->timeout_s;
    h->currency = e->currency;
    h->code = e->code;
    h->status = TRANSFER_STATUS_PENDING;
}

void transfer_pending_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct transfer_pending *e = event;
    struct sides s = sides_of(r, e->debit_account_id, e->credit_account_id);
    movement_hold(&s, e->amount);
    note_import(s.totals, e->flags, e->effective_time);
    if ((e->flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0)
        s.debit->flags |= ACCOUNT_FLAGS_CLOSED;
    if ((e->flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0)
        s.credit->flags |= ACCOUNT_FLAGS_CLOSED;
    account_hold_add(r, s.debit, e->id);
    account_hold_add(r, s.credit, e->id);
    struct pending_transfer *h = registry_create(r, KIND_TRANSFER, e->id);
    h->tenant_id = s.debit->tenant_id;
    check(h->status == 0);
    fill_pending(h, e, time_ns);
    pending_assert(h);
    account_assert(s.debit);
    account_assert(s.credit);
    if (h->has_timeout_s)
        registry_deadline(r, KIND_TRANSFER, e->id, pending_transfer_due_ns(h));
}

/* --- between shards --------------------------------------------------------------------------- */

/* The account of this shard, and opposite of it the one of money in transit. */
static struct sides sides_crossing(struct registry *r, struct id128 own_id, uint8_t side,
                                   uint16_t slot, uint16_t peer)
{
    const struct account *found = registry_state(r, KIND_ACCOUNT, own_id);
    const struct id128 tenant_id = found->tenant_id;
    uint16_t currency = found->currency;
    struct id128 id = transit_id(slot, peer, tenant_id, currency);
    struct account *transit = transit_state(r, id, tenant_id, currency);
    struct account *own = registry_state(r, KIND_ACCOUNT, own_id); /* it may lie elsewhere now */
    bool debit = side == CROSSING_SIDE_DEBIT;
    check(own != transit);
    return (struct sides){
        .debit = debit ? own : transit,
        .credit = debit ? transit : own,
        .totals = ledger_totals_state(r, tenant_id, currency),
    };
}

/* A reservation of nothing counts among the holds too, so that its account is not closed. */
static void movement_keep(struct sides *s, uint8_t side, u128 amount)
{
    struct ledger_totals *l = s->totals;
    movement_hold(s, amount);
    movement_add(side == CROSSING_SIDE_DEBIT ? &l->transit_credits_pending
                                             : &l->transit_debits_pending,
                 amount);
    account_hold_count(s->debit, 1);
    account_hold_count(s->credit, 1);
}

/* Of the account of this shard; who changes or sees the one in transit asks for no version. */
static void movement_next_version(struct sides *s, uint8_t side)
{
    struct account *own = side == CROSSING_SIDE_DEBIT ? s->debit : s->credit;
    check(own->version > 0);
    own->version++;
}

/* What it says of the account of this shard, which a pending transfer closes from when its part is
 * kept aside. */
static void movement_close(struct sides *s, uint8_t side, uint32_t flags, bool close)
{
    struct account *own = side == CROSSING_SIDE_DEBIT ? s->debit : s->credit;
    if (!reservation_closes(flags, side))
        return;
    check(((own->flags & ACCOUNT_FLAGS_CLOSED) == 0) == close);
    own->flags ^= ACCOUNT_FLAGS_CLOSED;
}

/* Its time waits while the other shard is asked to post it, and begins to count anew. */
static void pending_set_resolving(struct registry *r, struct id128 id, bool resolving)
{
    struct pending_transfer *h = registry_state(r, KIND_TRANSFER, id);
    check(h->side == CROSSING_SIDE_DEBIT);
    check(h->status == TRANSFER_STATUS_PENDING);
    check(h->resolving != resolving || MUTANT(EXPIRE_POSTING));
    h->resolving = resolving;
    if (!h->has_timeout_s || MUTANT(EXPIRE_POSTING))
        return;
    if (resolving)
        registry_no_deadline(r, KIND_TRANSFER, id);
    else
        registry_deadline(r, KIND_TRANSFER, id, pending_transfer_due_ns(h));
}

void transfer_reserved_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_reserved *e = event;
    struct sides s = sides_crossing(r, reservation_account(e), e->side, e->slot, e->peer);
    check(e->currency == s.debit->currency);
    movement_keep(&s, e->side, reservation_amount(e));
    movement_next_version(&s, e->side);
    movement_close(&s, e->side, e->flags, true);
    account_assert(s.debit);
    account_assert(s.credit);
    if (e->has_pending_id)
        pending_set_resolving(r, e->pending_id, true);
    struct reservation *kept = registry_create(r, KIND_RESERVATION, reservation_id_of(e));
    check(kept->kept.currency == 0);
    kept->kept = *e;
    if (!e->has_ask)
        kept->kept.ask = e->id;
}

/* What is kept aside is free, and the reservation gone: one version more, together with what comes
 * of it. */
static struct transfer_reserved movement_let_go(struct registry *r, struct id128 id)
{
    const struct reservation *found = registry_state(r, KIND_RESERVATION, id);
    const struct transfer_reserved k = found->kept;
    check(k.currency != 0);
    struct sides s = sides_crossing(r, reservation_account(&k), k.side, k.slot, k.peer);
    struct ledger_totals *l = s.totals;
    movement_release(&s, reservation_amount(&k));
    movement_take(k.side == CROSSING_SIDE_DEBIT ? &l->transit_credits_pending
                                                : &l->transit_debits_pending,
                  reservation_amount(&k));
    account_hold_count(s.debit, -1);
    account_hold_count(s.credit, -1);
    movement_next_version(&s, k.side);
    account_assert(s.debit);
    account_assert(s.credit);
    registry_remove(r, KIND_RESERVATION, id);
    return k;
}

void transfer_released_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_released *e = event;
    const struct transfer_reserved k = movement_let_go(r, reservation_id(e->id, e->account_id));
    struct sides s = sides_crossing(r, e->account_id, k.side, k.slot, k.peer);
    movement_close(&s, k.side, k.flags, false);
    if (!id128_is_zero(k.pending_id))
        pending_set_resolving(r, k.pending_id, false);
}

/* Against the account of money in transit, where the ledger counts it apart. */
static void crossed_post(struct sides *s, uint8_t side, u128 amount)
{
    struct ledger_totals *l = s->totals;
    movement_post(s, amount);
    movement_add(side == CROSSING_SIDE_DEBIT ? &l->transit_credits_posted
                                             : &l->transit_debits_posted,
                 amount);
}

/* From now on it is pending here, with one account. */
static struct pending_transfer *movement_begin_half(struct registry *r, struct sides *s,
                                                    const struct transfer_pending *p, uint8_t side,
                                                    uint64_t decided_time)
{
    bool debit = side == CROSSING_SIDE_DEBIT;
    movement_keep(s, side, p->amount); /* counts it at both */
    account_hold_count(debit ? s->debit : s->credit, -1);
    account_hold_add(r, debit ? s->debit : s->credit, p->id); /* named here */
    struct pending_transfer *h = registry_create(r, KIND_TRANSFER, p->id);
    h->tenant_id = s->debit->tenant_id;
    fill_pending(h, p, decided_time);
    h->crosses = true;
    h->side = side;
    pending_assert(h);
    return h;
}

/* At home its time begins, in the other shard it is a half. */
static void crossed_hold(struct registry *r, struct sides *s, const struct transfer_crossed *e,
                         uint64_t time_ns)
{
    struct transfer_pending p = {.amount = 0};
    transfer_pending_from_transfer_crossed(&p, e);
    struct pending_transfer *h =
        movement_begin_half(r, s, &p, e->side, e->has_decided_time ? e->decided_time : time_ns);
    h->slot = e->slot;
    h->peer = e->peer;
    check(pending_transfer_is_half(h) != e->has_decided_time);
    if (h->has_timeout_s && (e->has_decided_time || MUTANT(OTHER_SIDE_TIMER)))
        registry_deadline(r, KIND_TRANSFER, e->id, pending_transfer_due_ns(h));
}

static struct pending_transfer *held_between(struct registry *r, const struct leg_held *e,
                                             const struct transfer_pending *p)
{
    bool debit = (e->ends & LEG_ENDS_DEBIT) != 0;
    uint8_t side = debit ? CROSSING_SIDE_DEBIT : CROSSING_SIDE_CREDIT;
    struct sides s = sides_crossing(r, debit ? e->debit_account_id : e->credit_account_id, side,
                                    e->slot, e->peer);
    check(e->currency == s.debit->currency);
    movement_next_version(&s, side);
    struct pending_transfer *h = movement_begin_half(r, &s, p, side, e->decided_time);
    h->slot = e->slot;
    h->peer = e->peer;
    s.totals->transfer_count += debit;
    return h;
}

static struct pending_transfer *held_here(struct registry *r, const struct leg_held *e,
                                          const struct transfer_pending *p)
{
    struct sides s = sides_of(r, e->debit_account_id, e->credit_account_id);
    check(e->currency == s.debit->currency);
    movement_hold(&s, e->amount);
    account_hold_add(r, s.debit, e->id);
    account_hold_add(r, s.credit, e->id);
    s.totals->transfer_count++;
    struct pending_transfer *h = registry_create(r, KIND_TRANSFER, e->id);
    h->tenant_id = s.debit->tenant_id;
    fill_pending(h, p, e->decided_time);
    pending_assert(h);
    return h;
}

void leg_held_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct leg_held *e = event;
    struct transfer_pending p = {.amount = 0};
    bool debit = (e->ends & LEG_ENDS_DEBIT) != 0, credit = (e->ends & LEG_ENDS_CREDIT) != 0;
    check(debit || credit);
    transfer_pending_from_leg_held(&p, e);
    struct pending_transfer *h = debit && credit ? held_here(r, e, &p) : held_between(r, e, &p);
    h->told_id = e->has_told_id ? e->told_id : ID128_ZERO;
    if (h->has_timeout_s && debit)
        registry_deadline(r, KIND_TRANSFER, e->id, pending_transfer_due_ns(h));
}

/* The shard that asked counts it. */
void transfer_crossed_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct transfer_crossed *e = event;
    struct id128 own_id = transit_opposite(e);
    if (e->has_decided_time)
        (void)movement_let_go(r, reservation_id(e->id, own_id));
    struct sides s = sides_crossing(r, own_id, e->side, e->slot, e->peer);
    check(e->currency == s.debit->currency);
    if ((e->flags & TRANSFER_FLAGS_PENDING) != 0)
        crossed_hold(r, &s, e, time_ns);
    else
        crossed_post(&s, e->side, e->amount);
    if (e->has_decided_time && MUTANT(FORGET_TRANSIT))
        movement_take(e->side == CROSSING_SIDE_DEBIT ? &s.credit->credits_posted
                                                     : &s.debit->debits_posted,
                      e->amount);
    if (!e->has_decided_time) {
        movement_next_version(&s, e->side);
        movement_close(&s, e->side, e->flags, true);
    }
    note_crossed_import(s.totals, e->flags, e->effective_time);
    s.totals->transfer_count += e->has_decided_time;
}

/* --- the end of what is pending --------------------------------------------------------------- */

/* Both accounts, or the one of this shard and that of money in transit. */
static struct sides sides_of_pending(struct registry *r, const struct pending_transfer *h)
{
    if (!h->crosses)
        return sides_of(r, h->debit_account_id, h->credit_account_id);
    struct id128 own_id =
        h->side == CROSSING_SIDE_DEBIT ? h->debit_account_id : h->credit_account_id;
    return sides_crossing(r, own_id, h->side, h->slot, h->peer);
}

static void pending_give_back(struct sides *s, struct pending_transfer *h, u128 amount)
{
    struct ledger_totals *l = s->totals;
    movement_take(&h->held, amount);
    movement_release(s, amount);
    if (h->crosses)
        movement_take(h->side == CROSSING_SIDE_DEBIT ? &l->transit_credits_pending
                                                     : &l->transit_debits_pending,
                      amount);
}

static void pending_post(struct sides *s, struct pending_transfer *h, u128 amount)
{
    movement_add(&h->posted, amount);
    if (amount == 0)
        return;
    if (!h->crosses)
        movement_post(s, amount);
    else
        crossed_post(s, h->side, amount);
}

/* The account of money in transit names no holds. */
static void pending_unlist(struct registry *r, struct sides *s, const struct pending_transfer *h,
                           struct id128 id)
{
    if (h->side == CROSSING_SIDE_CREDIT)
        account_hold_count(s->debit, -1);
    else
        account_hold_remove(r, s->debit, id);
    if (h->side == CROSSING_SIDE_DEBIT)
        account_hold_count(s->credit, -1);
    else
        account_hold_remove(r, s->credit, id);
}

/* Nothing of it is held any more. */
static void movement_resolve(struct registry *r, struct sides *s, struct pending_transfer *h,
                             struct id128 id, enum transfer_status status)
{
    check(h->status == TRANSFER_STATUS_PENDING);
    check(status != TRANSFER_STATUS_PENDING);
    check(h->held == 0);
    h->status = (uint8_t)status;
    pending_unlist(r, s, h, id);
    registry_no_deadline(r, KIND_TRANSFER, id);
    if (status == TRANSFER_STATUS_POSTED)
        return;
    if (h->crosses) {
        movement_close(s, h->side, h->flags, false);
        return;
    }
    if ((h->flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0)
        s->debit->flags &= ~(uint32_t)ACCOUNT_FLAGS_CLOSED;
    if ((h->flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0)
        s->credit->flags &= ~(uint32_t)ACCOUNT_FLAGS_CLOSED;
}

/* What was kept aside for a post that is followed here made a version of the account already. */
static void resolved_begin(struct registry *r, const struct transfer_resolved *e,
                           const struct pending_transfer *h)
{
    if (!e->has_decided_time)
        return;
    check(h->side == CROSSING_SIDE_DEBIT);
    (void)movement_let_go(r, reservation_id(e->id, h->debit_account_id));
    pending_set_resolving(r, e->pending_id, false);
}

void transfer_resolved_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_resolved *e = event;
    struct pending_transfer *h = registry_state(r, KIND_TRANSFER, e->pending_id);
    check(h->status == TRANSFER_STATUS_PENDING);
    pending_assert(h);
    check(id128_equal(e->debit_account_id, h->debit_account_id));
    check(id128_equal(e->credit_account_id, h->credit_account_id));
    resolved_begin(r, e, h);
    check(!h->resolving);
    struct sides s = sides_of_pending(r, h);
    u128 taken = e->amount;
    movement_add(&taken, e->released);
    pending_give_back(&s, h, taken);
    check(h->held == e->remaining);
    pending_post(&s, h, e->amount);
    if (h->crosses && !e->has_decided_time)
        movement_next_version(&s, h->side);
    if (!h->crosses)
        note_import(s.totals, e->flags, e->effective_time);
    else
        note_crossed_import(s.totals, e->flags, e->effective_time);
    s.totals->transfer_count += h->side == CROSSING_SIDE_DEBIT;
    pending_assert(h);
    if (h->held > 0)
        return;
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    movement_resolve(r, &s, h, e->pending_id,
                     voids ? TRANSFER_STATUS_VOIDED : TRANSFER_STATUS_POSTED);
}

/* All of it goes back. */
static void pending_end(struct registry *r, struct id128 id, enum transfer_status status)
{
    struct pending_transfer *h = registry_state(r, KIND_TRANSFER, id);
    check(h->status == TRANSFER_STATUS_PENDING);
    check(!h->resolving || MUTANT(EXPIRE_POSTING));
    pending_assert(h);
    struct sides s = sides_of_pending(r, h);
    pending_give_back(&s, h, h->held);
    if (h->crosses)
        movement_next_version(&s, h->side);
    movement_resolve(r, &s, h, id, status);
    pending_assert(h);
}

void transfer_expired_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_expired *e = event;
    pending_end(r, e->pending_id, TRANSFER_STATUS_EXPIRED);
}

void transfer_half_ended_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_half_ended *e = event;
    const struct pending_transfer *h = registry_state(r, KIND_TRANSFER, e->pending_id);
    check(pending_transfer_is_half(h));
    check(h->held == e->released);
    pending_end(r, e->pending_id,
                e->has_ended_by_id ? TRANSFER_STATUS_VOIDED : TRANSFER_STATUS_EXPIRED);
}

void event_kept_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)r, (void)event, (void)time_ns;
}
