/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/pending_half.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transit.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

void pending_half_send_end(struct turn *t, const struct pending_transfer *h,
                           const struct half_end *end)
{
    check(h->side == CROSSING_SIDE_DEBIT);
    check(h->status != TRANSFER_STATUS_PENDING);
    const struct transfer_half_end sent = {h->credit_account_id, *end};
    turn_send(t, &transfer_half_end_type, &sent);
}

enum turn_result transfer_on_half_end(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_half_end *c = m->body;
    const struct pending_transfer *h;
    const struct account *own;
    const struct ledger_totals *totals;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    enum presence half = turn_find_pending_transfer(t, c->ended.pending_id, &h);
    enum presence account = turn_find_account(t, self, &own);
    if (half == PRESENCE_WAITING || account == PRESENCE_WAITING)
        return TURN_WAIT;
    if (half != PRESENCE_THERE || account != PRESENCE_THERE || h->side != CROSSING_SIDE_CREDIT ||
        !id128_equal(h->credit_account_id, self) || h->status != TRANSFER_STATUS_PENDING ||
        h->held != c->ended.released || h->currency != c->ended.currency ||
        h->peer != turn_origin(t)->shard)
        return turn_fail(t, "the end of a pending transfer of which nothing is held");
    check(h->currency == own->currency);
    struct id128 totals_id = ledger_totals_id(h->tenant_id, h->currency);
    bool waiting = turn_find_ledger_totals(t, totals_id, &totals) == PRESENCE_WAITING;
    waiting |= transit_find(t, own, h->peer) == PRESENCE_WAITING;
    if (waiting)
        return TURN_WAIT;
    struct transfer_half_ended e = {.released = 0};
    transfer_half_ended_from_half_end(&e, &c->ended);
    turn_emit(t, &transfer_half_ended_type, &e);
    return TURN_DONE;
}
