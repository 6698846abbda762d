/* SPDX-License-Identifier: Apache-2.0 */
/* What a shard tells comes in its order, so the last is what is true. It may come before the
 * transaction is shown at all: then what it says stays. */
#include "actors/ledger/told_transfer.h"

#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/transfer_row.h"
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

static struct id128 told_transfer_key(struct id128 transfer_id)
{
    uint8_t id[16];
    check(!id128_is_zero(transfer_id));
    id128_store(transfer_id, id);
    const struct slice pieces[] = {slice_of("told"), {(const char *)id, sizeof id}};
    return id128_derive(sha256_id(pieces, array_len(pieces)), id128_slot(transfer_id));
}

enum presence told_transfer_find(struct turn *t, struct id128 transfer_id,
                                 struct transfers_row *row)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, told_transfer_key(transfer_id), &stored);
    if (there != PRESENCE_THERE)
        return there;
    if (stored.number != LEG_TOLD_NUMBER)
        return PRESENCE_ABSENT; /* an id that somebody chose */
    *row = (struct transfers_row){.amount = 0};
    transfers_row_from_leg_told(row, stored.event);
    check(id128_equal(row->transfer_id, transfer_id));
    return there;
}

static void told_transfer_emit(struct turn *t, const struct told_transfer *told)
{
    struct leg_told e = {.amount = 0};
    check(told->status != 0);
    leg_told_from_told_transfer(&e, told);
    e.told_key = told_transfer_key(told->transfer_id);
    turn_emit(t, &leg_told_type, &e);
}

void told_transfer_begin(struct turn *t, const struct transfers_row *row)
{
    struct transfers_row earlier;
    struct told_transfer told = {.amount = 0};
    enum presence there = told_transfer_find(t, row->transfer_id, &earlier);
    check(there != PRESENCE_WAITING);
    if (there == PRESENCE_THERE)
        return;
    told_transfer_from_transfers_row(&told, row);
    told_transfer_emit(t, &told);
}

void told_transfer_send(struct turn *t, struct id128 transfer_id)
{
    const struct pending_transfer *h = turn_found_pending_transfer(t, transfer_id);
    if (id128_is_zero(h->told_id) || MUTANT(TELL_NOBODY))
        return;
    const struct transfers_row row = transfer_row_of_pending(transfer_id, h);
    struct leg_tell sent = {.share_id = h->told_id};
    check(!turn_at_home(t, h->told_id));
    told_transfer_from_transfers_row(&sent.transfer, &row);
    turn_send(t, &leg_tell_type, &sent);
}

enum turn_result told_transfer_on_tell(struct turn *t, struct id128 self, const struct message *m)
{
    const struct leg_tell *sent = m->body;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    if (!id128_equal(sent->share_id, self) || id128_is_zero(sent->transfer.transfer_id) ||
        turn_at_home(t, sent->transfer.debit_account_id))
        return turn_fail(t, "told of a pending transfer that is at home here, or none");
    told_transfer_emit(t, &sent->transfer);
    return TURN_DONE;
}
