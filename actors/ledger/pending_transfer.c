/* SPDX-License-Identifier: Apache-2.0 */
/* The deadline may be late, or come after a post or void: the status is looked at anew, and only
 * what is still pending expires. Both accounts and the totals are found before the event, because
 * its apply changes them and cannot wait. A missing account is a broken invariant, and the turn
 * fails. One that another shard is asked to post has no deadline meanwhile. */
#include "actors/ledger/pending_transfer.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_half.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transaction_messages.h"
#include "actors/ledger/transfer_messages.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

/* Its accounts, but one that is in another shard, and their ledger. */
static enum presence pending_find_sides(struct turn *t, const struct pending_transfer *h)
{
    const struct account *own, *other = NULL; /* no other: it is in another shard */
    const struct ledger_totals *totals;
    bool half = pending_transfer_is_half(h);
    enum presence o = turn_find_account(t, half ? h->credit_account_id : h->debit_account_id, &own);
    enum presence c = o;
    if (!h->crosses)
        c = turn_find_account(t, h->credit_account_id, &other);
    else if (o == PRESENCE_THERE && transit_find(t, own, h->peer) == PRESENCE_WAITING)
        c = PRESENCE_WAITING;
    enum presence l =
        turn_find_ledger_totals(t, ledger_totals_id(h->tenant_id, h->currency), &totals);
    if (o == PRESENCE_WAITING || c == PRESENCE_WAITING || l == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    if (o != PRESENCE_THERE || c != PRESENCE_THERE || l != PRESENCE_THERE)
        return PRESENCE_ABSENT;
    check(h->held <= (half ? own->credits_pending : own->debits_pending));
    check(other == NULL || h->held <= other->credits_pending);
    return PRESENCE_THERE;
}

static void pending_expire(struct turn *t, struct id128 id, const struct pending_transfer *h)
{
    const struct transfer_expired e = {id};
    uint64_t time_ns = turn_time(t);
    const struct half_end end = {.pending_id = id,
                                 .released = h->held,
                                 .currency = h->currency,
                                 .effective_time = time_ns,
                                 .decided_time = time_ns};
    check(h->has_timeout_s);
    check(h->held <= h->amount);
    turn_emit(t, &transfer_expired_type, &e);
    if (h->side == CROSSING_SIDE_DEBIT)
        pending_half_send_end(t, h, &end);
    told_transfer_send(t, id);
}

static enum turn_result on_timeout(struct turn *t, struct id128 self)
{
    const struct pending_transfer *h;
    enum presence there = turn_find_pending_transfer(t, self, &h);
    if (there != PRESENCE_THERE)
        return there == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    if (h->status != TRANSFER_STATUS_PENDING || (h->resolving && !MUTANT(EXPIRE_POSTING)))
        return TURN_DONE;
    check(!pending_transfer_is_half(h) || MUTANT(OTHER_SIDE_TIMER));
    there = pending_find_sides(t, h);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a pending transfer without its accounts");
    pending_expire(t, self, h);
    return TURN_DONE;
}

static const struct handler handlers[] = {
    {&transfer_get_type, transfer_on_get},
    {&transfer_post_type, transfer_on_post},
    {&transfer_void_type, transfer_on_void},
    {&transfer_reverse_type, transfer_on_reverse},
    {&transaction_get_type, transaction_on_get},
    {&transaction_reverse_type, transaction_on_reverse},
};

const struct actor_kind pending_transfer_kind = {
    .name = "transfer",
    .number = KIND_TRANSFER,
    .state_size = sizeof(struct pending_transfer),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &pending_transfer_codec,
    .timeout = on_timeout,
};
