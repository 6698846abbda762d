/* SPDX-License-Identifier: Apache-2.0 */
/* The deadline may be late, or come after a post or void: the status is looked at anew, and only
 * what is still pending expires. Both accounts and the totals are found before the event, because
 * its apply changes them and cannot wait. A missing account is a broken invariant, and the turn
 * fails. */
#include "actors/ledger/pending_transfer.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transaction_messages.h"
#include "actors/ledger/transfer_messages.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

static enum turn_result on_timeout(struct turn *t, struct id128 self)
{
    const struct pending_transfer *h;
    enum presence there = turn_find_pending_transfer(t, self, &h);
    if (there != PRESENCE_THERE)
        return there == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    if (h->status != TRANSFER_STATUS_PENDING)
        return TURN_DONE;
    const struct account *debit, *credit;
    const struct ledger_totals *totals;
    enum presence d = turn_find_account(t, h->debit_account_id, &debit);
    enum presence c = turn_find_account(t, h->credit_account_id, &credit);
    enum presence l =
        turn_find_ledger_totals(t, ledger_totals_id(h->tenant_id, h->currency), &totals);
    if (d == PRESENCE_WAITING || c == PRESENCE_WAITING || l == PRESENCE_WAITING)
        return TURN_WAIT;
    if (d != PRESENCE_THERE || c != PRESENCE_THERE || l != PRESENCE_THERE)
        return turn_fail(t, "a pending transfer without its accounts");
    check(h->has_timeout_s);
    check(h->held <= h->amount);
    check(h->held <= debit->debits_pending);
    check(h->held <= credit->credits_pending);
    struct transfer_expired e = {self};
    turn_emit(t, &transfer_expired_type, &e);
    return TURN_DONE;
}

static const struct handler handlers[] = {
    {&transfer_get_type, transfer_on_get},         {&transfer_post_type, transfer_on_post},
    {&transfer_void_type, transfer_on_void},       {&transfer_reverse_type, transfer_on_reverse},
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
