/* SPDX-License-Identifier: Apache-2.0 */
/* Pending half: what the credit account's shard holds for a pending transfer between two shards.
 * It has no timer and nobody resolves it there: home, the debit account's shard, owns the transfer
 * (pending_transfer.h). A post is asked of both (transfer_crossing.h); that it was voided, or its
 * time is up, home decides alone, and the other shard cannot refuse to let go. */
#ifndef LEDGER_PENDING_HALF_H
#define LEDGER_PENDING_HALF_H

#include "actors/ledger/pending_transfer.h"
#include "runtime/actor/turn.h"

/* At home, where it has ended: the other shard is told. */
void pending_half_send_end(struct turn *t, const struct pending_transfer *h,
                           const struct half_end *end);

/* There, what it will hold: is it under way in a group that home has followed, and this shard not?
 * Then *leg is what was asked for. */
must_check enum presence pending_half_comes(struct turn *t, struct id128 pending_id,
                                            const struct group_leg **leg);

/* Its end, if that came before; it is recorded with what is held. */
must_check enum presence pending_half_find_end(struct turn *t, struct id128 pending_id,
                                               const struct half_end_came **end);

/* There. */
enum turn_result transfer_on_half_end(struct turn *t, struct id128 self, const struct message *m);

#endif
