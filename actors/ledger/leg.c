/* SPDX-License-Identifier: Apache-2.0 */
/* The rules are those of posting_check.c, for the accounts that are here. The shard that decides
 * looks at the legs of others too: their money passes from one of its transit accounts to another,
 * for which its sums must have room. */
#include "actors/ledger/leg.h"

#include "actors/ledger/account.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_half.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transfer_row.h"
#include "actors/ledger/transit.h"
#include "runtime/base/slot_map.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

bool leg_may_cross(uint32_t flags)
{
    return (flags & ~(uint32_t)(TRANSFER_FLAGS_LINKED | TRANSFER_FLAGS_PENDING)) == 0;
}

struct leg_place leg_place_of(struct turn *t, const struct group_leg *asked)
{
    check(!id128_is_zero(asked->debit_account_id));
    check(!id128_is_zero(asked->credit_account_id));
    uint16_t here = turn_shard(t), debit = slot_map_home(turn_slots(t), asked->debit_account_id),
             credit = slot_map_home(turn_slots(t), asked->credit_account_id);
    return (struct leg_place){debit, credit, debit == here, credit == here};
}

struct leg leg_of(struct turn *t, const struct group *g, uint32_t i)
{
    const struct group_leg *asked = &g->legs[i];
    check(i < g->legs_count);
    struct leg l = {.place = leg_place_of(t, asked)};
    l.posting = (struct posting){
        .tenant_id = g->tenant_id,
        .adjusts = (asked->marks & TOKEN_MARKS_ADJUSTS) != 0,
        .reverses_id = asked->has_reverses_id ? asked->reverses_id : ID128_ZERO,
        .original_time = g->has_original_time ? g->original_time : 0,
        .transaction_id = g->has_transaction_id ? g->transaction_id : ID128_ZERO,
        .debit_away = !l.place.debit_here,
        .credit_away = !l.place.credit_here,
        .continues = turn_origin(t) != NULL,
        .grouped = true,
    };
    transfer_spec_from_group_leg(&l.posting.transfer, asked);
    l.posting.transfer.has_amount = true;
    l.posting.transfer.has_reason = (asked->marks & TOKEN_MARKS_REASONED) != 0;
    return l;
}

/* The account of money in transit to that shard; it may not be there yet. */
static bool leg_transit_waits(struct turn *t, const struct posting *p, uint16_t peer)
{
    const struct account *transit;
    if (peer == turn_shard(t) || p->transfer.currency == 0)
        return false;
    struct id128 id = transit_id(transit_slot(t), peer, p->tenant_id, p->transfer.currency);
    return turn_find_account(t, id, &transit) == PRESENCE_WAITING;
}

/* Of what is kept aside for its asker, between the shards of both accounts. */
static bool leg_holding_waits(struct turn *t, const struct leg *l, struct leg_between between)
{
    const struct posting *p = &l->posting;
    const struct half_end_came *end;
    struct transfers_row told;
    const struct pending_transfer *h;
    bool waiting = false;
    check(posting_has(p, TRANSFER_FLAGS_PENDING));
    if (!leg_here(&l->place))
        return between.home == turn_shard(t) &&
               told_transfer_find(t, p->transfer.id, &told) == PRESENCE_WAITING;
    /* Somebody may be looking for it. */
    waiting = turn_find_pending_transfer(t, p->transfer.id, &h) == PRESENCE_WAITING;
    const struct leg_place *at = &l->place;
    if (at->debit_here != at->credit_here)
        waiting |= leg_transit_waits(t, p, at->debit_here ? at->credit_shard : at->debit_shard);
    if (at->credit_here && !at->debit_here)
        waiting |= pending_half_find_end(t, p->transfer.id, &end) == PRESENCE_WAITING;
    return waiting;
}

enum presence leg_find(struct turn *t, struct leg *l, struct leg_between between)
{
    bool decides = between.decider == turn_shard(t);
    bool waiting = posting_find(t, &l->posting) == PRESENCE_WAITING;
    bool holds = posting_has(&l->posting, TRANSFER_FLAGS_PENDING);
    if (holds)
        waiting |= leg_holding_waits(t, l, between);
    if (decides && !holds) {
        waiting |= leg_transit_waits(t, &l->posting, l->place.debit_shard);
        waiting |= leg_transit_waits(t, &l->posting, l->place.credit_shard);
    } else {
        waiting |= leg_transit_waits(t, &l->posting, between.decider);
    }
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

/* Of money that only passes through: the totals may have to be made. */
static uint16_t leg_passing_check(struct turn *t, const struct posting *p)
{
    const struct ledger_totals *totals;
    const struct ledger_directory *directory;
    struct id128 id = ledger_totals_id(p->tenant_id, p->transfer.currency);
    enum presence there = turn_find_ledger_totals(t, id, &totals);
    check(there != PRESENCE_WAITING);
    check(p->debit_away && p->credit_away);
    if (there == PRESENCE_THERE)
        return ledger_totals_have_room(totals, p->transfer.amount) ? RESULT_OK
                                                                   : RESULT_OVERFLOWS_DEBITS;
    there = turn_find_ledger_directory(t, LEDGER_DIRECTORY_ID, &directory);
    check(there != PRESENCE_WAITING);
    bool full = there == PRESENCE_THERE && directory->names_count >= LEDGERS_MAX;
    return full ? RESULT_OVERFLOWS_DEBITS : RESULT_OK;
}

uint16_t leg_check(struct turn *t, struct leg *l)
{
    uint16_t code = posting_check(t, &l->posting);
    if (code != RESULT_OK)
        return code;
    check(l->posting.amount == l->posting.transfer.amount);
    bool passes = !leg_here(&l->place) && turn_origin(t) != NULL &&
                  l->place.debit_shard != l->place.credit_shard &&
                  !posting_has(&l->posting, TRANSFER_FLAGS_PENDING);
    return passes ? leg_passing_check(t, &l->posting) : RESULT_OK;
}

uint16_t leg_try(struct turn *t, struct leg *l, const struct earmarks *spared)
{
    check(l->posting.grouped);
    earmarks_spare(spared, &l->posting);
    return leg_check(t, l);
}

static struct leg_posted leg_posted_of(struct turn *t, const struct group *g, uint32_t i,
                                       struct leg_between between, uint64_t decided_time)
{
    const struct leg_place at = leg_place_of(t, &g->legs[i]);
    bool decides = between.decider == turn_shard(t);
    check(decided_time != 0);
    check(between.home != between.decider);
    struct leg_posted e = {.amount = 0};
    leg_posted_from_group_leg(&e, &g->legs[i]);
    e.tenant_id = g->tenant_id;
    e.ends = (at.debit_here ? LEG_ENDS_DEBIT : 0u) | (at.credit_here ? LEG_ENDS_CREDIT : 0u) |
             (decides ? LEG_ENDS_DECIDED : 0u) |
             (between.home == turn_shard(t) ? LEG_ENDS_HOME : 0u);
    e.slot = transit_slot(t);
    e.debit_peer = decides ? at.debit_shard : between.decider;
    e.credit_peer = decides ? at.credit_shard : between.decider;
    e.home = between.home;
    e.decided_time = decided_time;
    e.has_transaction_id = g->has_transaction_id;
    e.transaction_id = g->transaction_id;
    return e;
}

/* Its home tells the shard where the group was asked for, unless that has one of its accounts. */
static struct leg_held leg_held_of(struct turn *t, const struct group *g, uint32_t i,
                                   struct leg_between between, uint64_t decided_time)
{
    const struct leg_place at = leg_place_of(t, &g->legs[i]);
    struct leg_held e = {.amount = 0};
    check(decided_time != 0);
    leg_held_from_group_leg(&e, &g->legs[i]);
    e.tenant_id = g->tenant_id;
    e.ends = (at.debit_here ? LEG_ENDS_DEBIT : 0u) | (at.credit_here ? LEG_ENDS_CREDIT : 0u);
    e.slot = transit_slot(t);
    e.peer = at.debit_here ? at.credit_shard : at.debit_shard;
    e.decided_time = decided_time;
    e.has_transaction_id = g->has_transaction_id;
    e.transaction_id = g->transaction_id;
    e.has_told_id =
        at.debit_here && between.home != at.debit_shard && between.home != at.credit_shard;
    e.told_id = group_share_id(g->group_id, id128_slot(g->group_id));
    return e;
}

/* What is held for it, and ends at once if its end came before. */
static void leg_emit_held(struct turn *t, const struct group *g, const struct leg_place *at,
                          const struct leg_held *e, struct leg_between between)
{
    const struct half_end_came *end = NULL;
    const struct transfer_note note = {.has_reason = g->has_reason, .reason = g->reason};
    check(leg_here(at));
    turn_emit(t, &leg_held_type, e);
    if (at->debit_here) {
        if (between.home != turn_shard(t))
            transfer_note_emit(t, g->tenant_id, e->id, &note);
        return;
    }
    enum presence ended = pending_half_find_end(t, e->id, &end);
    check(ended != PRESENCE_WAITING);
    if (ended == PRESENCE_ABSENT)
        return;
    struct transfer_half_ended over = {.released = 0};
    transfer_half_ended_from_half_end_came(&over, end);
    turn_emit(t, &transfer_half_ended_type, &over);
}

void leg_emit(struct turn *t, const struct group *g, uint32_t i, struct leg_between between,
              uint64_t decided_time)
{
    const struct leg_place at = leg_place_of(t, &g->legs[i]);
    bool home = between.home == turn_shard(t), decides = between.decider == turn_shard(t);
    check(decided_time != 0);
    if (!leg_holds(&g->legs[i])) {
        const struct leg_posted e = leg_posted_of(t, g, i, between, decided_time);
        if (leg_here(&at) || home || decides)
            turn_emit(t, &leg_posted_type, &e);
        return;
    }
    const struct leg_held e = leg_held_of(t, g, i, between, decided_time);
    if (leg_here(&at)) {
        leg_emit_held(t, g, &at, &e, between);
    } else if (home) {
        const struct transfers_row row = transfer_row_of_held(&e);
        told_transfer_begin(t, &row);
    }
}

struct transfers_row leg_row(struct turn *t, const struct group *g, uint32_t i,
                             struct leg_between between, uint64_t decided_time)
{
    check(i < g->legs_count);
    if (leg_holds(&g->legs[i])) {
        const struct leg_held held = leg_held_of(t, g, i, between, decided_time);
        return transfer_row_of_held(&held);
    }
    const struct leg_posted posted = leg_posted_of(t, g, i, between, decided_time);
    return transfer_row_of_leg(&posted);
}
