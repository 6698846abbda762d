/* SPDX-License-Identifier: Apache-2.0 */
/* Pending transfer: money that both accounts keep aside until it is posted, voided or expires; for
 * an account it is one of its holds. The one sort of transfer that is an actor (KIND_TRANSFER; its
 * messages are in transfer.h). It stays after it was resolved, so that later attempts are answered
 * with what became of it; passivation makes that cheap. A wallet's hold (KIND_HOLD,
 * actors/wallet/hold.h) is an actor of its own whose money one of these keeps aside. */
#ifndef LEDGER_PENDING_TRANSFER_H
#define LEDGER_PENDING_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/ledger.h"

struct pending_transfer {
    u128 amount; /* as asked for (after balancing) */
    u128 held;   /* what is still pending */
    u128 posted; /* what was posted so far */
    u128 user_data_128;
    struct id128 tenant_id;
    struct id128 debit_account_id;
    struct id128 credit_account_id;
    struct id128 reverses_id;    /* zero = none */
    struct id128 transaction_id; /* zero = none */
    uint64_t user_data_64;
    uint64_t effective_time;
    uint64_t recorded_time;
    uint32_t user_data_32;
    uint32_t flags;
    uint32_t timeout_s; /* from recorded_time on */
    uint16_t currency;
    uint16_t code;
    uint8_t status; /* enum transfer_status; PENDING while anything is held */
    bool has_timeout_s;
    /* Of one between two shards. Its home, the shard of the debit account, owns it and has its
     * only timer; the other has a half of it, which does what home has decided or asks for. */
    bool crosses;         /* it is one, and what follows is there; else both accounts are here */
    uint8_t side;         /* enum crossing_side: which account is here */
    bool resolving;       /* at home: the other shard is asked to post it */
    uint16_t slot;        /* transit_slot() of this shard */
    uint16_t peer;        /* the other one */
    struct id128 told_id; /* at home: who is told what becomes of it (told_transfer.h); or zero */
};

/* Is it at home elsewhere? */
static inline bool pending_transfer_is_half(const struct pending_transfer *h)
{
    return h->crosses && h->side == CROSSING_SIDE_CREDIT;
}

/* When its time is up, if it has a timeout. */
static inline uint64_t pending_transfer_due_ns(const struct pending_transfer *h)
{
    return h->recorded_time + (uint64_t)h->timeout_s * NS_PER_S;
}

extern const struct actor_kind pending_transfer_kind;

#endif
