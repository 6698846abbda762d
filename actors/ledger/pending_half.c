/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/pending_half.h"

#include "actors/ledger/account.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"
#include "runtime/base/slot_map.h"
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

static struct id128 pending_half_end_key(struct id128 pending_id)
{
    uint8_t id[16];
    check(!id128_is_zero(pending_id));
    id128_store(pending_id, id);
    const struct slice pieces[] = {slice_of("half end"), {(const char *)id, sizeof id}};
    return id128_derive(sha256_id(pieces, array_len(pieces)), id128_slot(pending_id));
}

enum presence pending_half_comes(struct turn *t, struct id128 pending_id,
                                 const struct group_leg **leg)
{
    struct stored_event stored;
    struct id128 tenant_id;
    enum presence there = turn_find_decision(t, pending_id, &stored);
    if (there != PRESENCE_THERE || stored.number != LEG_RESERVED_NUMBER)
        return there == PRESENCE_WAITING ? there : PRESENCE_ABSENT;
    const struct leg_reserved *e = stored.event;
    return group_share_find_leg(t, e->share_id, pending_id, NULL, leg, &tenant_id);
}

enum presence pending_half_find_end(struct turn *t, struct id128 pending_id,
                                    const struct half_end_came **end)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, pending_half_end_key(pending_id), &stored);
    if (there == PRESENCE_THERE && stored.number != HALF_END_CAME_NUMBER)
        return PRESENCE_ABSENT; /* an id that somebody chose */
    *end = there == PRESENCE_THERE ? stored.event : NULL;
    return there;
}

/* Nothing is held yet: it ends once it is. */
static enum turn_result pending_half_keep_end(struct turn *t, struct id128 self,
                                              const struct half_end *end)
{
    struct half_end_came e = {.released = 0};
    const struct group_leg *leg = NULL;
    enum presence comes = pending_half_comes(t, end->pending_id, &leg);
    if (comes == PRESENCE_WAITING)
        return TURN_WAIT;
    if (comes == PRESENCE_ABSENT || !id128_equal(leg->credit_account_id, self) ||
        (leg->flags & TRANSFER_FLAGS_PENDING) == 0 || end->released != leg->amount ||
        end->currency != leg->currency ||
        slot_map_home(turn_slots(t), leg->debit_account_id) != turn_origin(t)->shard)
        return turn_fail(t, "the end of a pending transfer of which nothing is held");
    half_end_came_from_half_end(&e, end);
    e.end_key = pending_half_end_key(end->pending_id);
    if (!MUTANT(FORGET_END))
        turn_emit(t, &half_end_came_type, &e);
    return TURN_DONE;
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
    if (half == PRESENCE_ABSENT)
        return pending_half_keep_end(t, self, &c->ended);
    if (account != PRESENCE_THERE || h->side != CROSSING_SIDE_CREDIT ||
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
