/* SPDX-License-Identifier: Apache-2.0 */
/* Transit: the accounts that stand for money on its way between two shards, one in each of them for
 * the other, of each tenant and currency. They are made by the first event that uses them, have no
 * limits, rows or entries, and name no holds. What both of a pair hold together is exactly what is
 * decided in one shard and not yet taken in the other; totals and trial balances leave out what is
 * on both sides of them. */
#ifndef LEDGER_TRANSIT_H
#define LEDGER_TRANSIT_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

struct account;

/* The first slot of the turn's shard: it stays with the shard if others of its range are given
 * away. */
uint16_t transit_slot(struct turn *t);

/* Of the shard with this transit_slot(), for money that goes to or comes from the shard `peer`. */
struct id128 transit_id(uint16_t slot, uint16_t peer, struct id128 tenant_id, uint16_t currency);

/* Looks up this shard's for the peer beside an account of its own, before an event changes it. It
 * may not be there yet. */
must_check enum presence transit_find(struct turn *t, const struct account *own, uint16_t peer);

/* Is this account one of them: made by no opening, under an id that no client can choose. Whoever
 * asks for it, but an operator, is told that there is no such account. */
bool transit_is(const struct account *a, struct id128 id);

/* The shard to and from which the money of this one is on its way. */
uint16_t transit_peer(struct turn *t, const struct account *a, struct id128 id);

/* Of a transfer that crosses, the account of this shard: the other side of the one in transit. */
static inline struct id128 transit_opposite(const struct transfer_crossed *e)
{
    return e->side == CROSSING_SIDE_DEBIT ? e->debit_account_id : e->credit_account_id;
}

/* For the apply functions: the account, to be changed; made if it is not there. */
struct account *transit_state(struct registry *r, struct id128 id, struct id128 tenant_id,
                              uint16_t currency);

#endif
