/* SPDX-License-Identifier: Apache-2.0 */
/* Reservation: what an account keeps aside for a transfer that another shard decides. It counts
 * among the account's open holds, in its pending counters and in its version, so that the money can
 * neither be spent nor the account be closed, nor is what was seen before taken for the present;
 * but it is not named there, has no entry, no timer, and nobody resolves it but the message that
 * brings the decision. Then it is gone. */
#ifndef LEDGER_RESERVATION_H
#define LEDGER_RESERVATION_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

struct reservation {
    struct transfer_reserved kept; /* as it was recorded; `ask` is always there */
};

extern const struct actor_kind reservation_kind;

/* Of a transfer, where this account is. */
struct id128 reservation_id(struct id128 transfer_id, struct id128 account_id);

/* What is kept aside: nothing of a post, for the pending transfer holds it. */
static inline u128 reservation_amount(const struct transfer_reserved *k)
{
    return (k->flags & TRANSFER_FLAGS_POST_PENDING) != 0 ? 0 : k->amount;
}

/* Does a transfer with these flags close the account at this side, from when its part is kept aside
 * on and while it is pending? */
static inline bool reservation_closes(uint32_t flags, uint8_t side)
{
    const uint32_t debit = TRANSFER_FLAGS_CLOSING_DEBIT, credit = TRANSFER_FLAGS_CLOSING_CREDIT;
    return (flags & (side == CROSSING_SIDE_DEBIT ? debit : credit)) != 0;
}

/* The account of this shard. */
static inline struct id128 reservation_account(const struct transfer_reserved *k)
{
    return k->side == CROSSING_SIDE_DEBIT ? k->debit_account_id : k->credit_account_id;
}

static inline struct id128 reservation_id_of(const struct transfer_reserved *k)
{
    return reservation_id(k->id, reservation_account(k));
}

#endif
