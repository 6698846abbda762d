/* SPDX-License-Identifier: Apache-2.0 */
/* Hold: money of a wallet kept aside for a while. The ledger keeps it aside in a pending transfer
 * to the clearing account, whose id has the same 128 bits; the hold has the deadline, the transfer
 * none of its own. Captured money stays in clearing (it left for the outside) or goes on to a
 * wallet. */
#ifndef WALLET_HOLD_H
#define WALLET_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/wallet/wallet.h"
#include "schemas/wallet.h"

struct hold {
    struct id128 wallet_id;
    u128 amount;
    u128 captured;
    u128 remaining;           /* still kept aside */
    uint64_t created_at;
    uint64_t expires_at;
    struct slice description; /* registry memory */
    struct metadata metadata; /* registry memory */
    uint32_t version;
    uint16_t currency;
    uint8_t status;           /* enum hold_status */
    /* While another shard decides about a capture. */
    bool has_capturing;
    bool capture_final;
    u128 capturing;
    struct id128 capture_id; /* of its transfer */
};

extern const struct actor_kind hold_kind;

/* Held or partially captured: money is kept aside. */
bool hold_open(const struct hold *h);

/* Its row without metadata, which the row has encoded. Texts are the hold's. */
struct wallet_holds_row hold_row(struct id128 id, const struct hold *h);
/* As an answer shows it. Texts are the hold's. */
struct wallet_hold_info hold_shown(struct id128 id, const struct hold *h);

/* --- apply, for the table of rules ------------------------------------------------------------ */

void hold_apply_placed(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_captured(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_capturing(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_capture_refused(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_released(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_expired(struct registry *r, const void *event, uint64_t time_ns);
void hold_apply_extended(struct registry *r, const void *event, uint64_t time_ns);

#endif
