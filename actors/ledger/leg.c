/* SPDX-License-Identifier: Apache-2.0 */
/* The rules are those of posting_check.c, for the accounts that are here. The shard that decides
 * looks at the legs of others too: their money passes from one of its transit accounts to another,
 * for which its sums must have room. */
#include "actors/ledger/leg.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transit.h"
#include "runtime/base/slot_map.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

bool leg_may_cross(uint32_t flags)
{
    return (flags & ~(uint32_t)TRANSFER_FLAGS_LINKED) == 0;
}

struct leg leg_of(struct turn *t, const struct group *g, uint32_t i)
{
    const struct group_leg *asked = &g->legs[i];
    check(i < g->legs_count);
    check(!id128_is_zero(asked->debit_account_id));
    check(!id128_is_zero(asked->credit_account_id));
    struct leg l = {
        .debit_shard = slot_map_home(turn_slots(t), asked->debit_account_id),
        .credit_shard = slot_map_home(turn_slots(t), asked->credit_account_id),
    };
    l.debit_here = l.debit_shard == turn_shard(t);
    l.credit_here = l.credit_shard == turn_shard(t);
    l.posting = (struct posting){
        .tenant_id = g->tenant_id,
        .adjusts = (asked->marks & TOKEN_MARKS_ADJUSTS) != 0,
        .reverses_id = asked->has_reverses_id ? asked->reverses_id : ID128_ZERO,
        .original_time = g->has_original_time ? g->original_time : 0,
        .transaction_id = g->has_transaction_id ? g->transaction_id : ID128_ZERO,
        .debit_away = !l.debit_here,
        .credit_away = !l.credit_here,
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

enum presence leg_find(struct turn *t, struct leg *l, struct leg_between between)
{
    bool decides = between.decider == turn_shard(t);
    bool waiting = posting_find(t, &l->posting) == PRESENCE_WAITING;
    if (decides) {
        waiting |= leg_transit_waits(t, &l->posting, l->debit_shard);
        waiting |= leg_transit_waits(t, &l->posting, l->credit_shard);
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
    bool passes = !leg_here(l) && turn_origin(t) != NULL && l->debit_shard != l->credit_shard;
    return passes ? leg_passing_check(t, &l->posting) : RESULT_OK;
}

uint16_t leg_try(struct turn *t, struct leg *l, const struct earmarks *spared)
{
    check(l->posting.grouped);
    earmarks_spare(spared, &l->posting);
    return leg_check(t, l);
}

struct leg_posted leg_event(struct turn *t, const struct group *g, uint32_t i,
                            struct leg_between between, uint64_t decided_time)
{
    const struct leg l = leg_of(t, g, i);
    bool decides = between.decider == turn_shard(t);
    check(decided_time != 0);
    check(between.home != between.decider);
    struct leg_posted e = {.amount = 0};
    leg_posted_from_group_leg(&e, &g->legs[i]);
    e.tenant_id = g->tenant_id;
    e.ends = (l.debit_here ? LEG_ENDS_DEBIT : 0u) | (l.credit_here ? LEG_ENDS_CREDIT : 0u) |
             (decides ? LEG_ENDS_DECIDED : 0u) |
             (between.home == turn_shard(t) ? LEG_ENDS_HOME : 0u);
    e.slot = transit_slot(t);
    e.debit_peer = decides ? l.debit_shard : between.decider;
    e.credit_peer = decides ? l.credit_shard : between.decider;
    e.home = between.home;
    e.decided_time = decided_time;
    e.has_transaction_id = g->has_transaction_id;
    e.transaction_id = g->transaction_id;
    return e;
}
