/* SPDX-License-Identifier: Apache-2.0 */
/* Told transfer: a pending transfer of a transaction over shards that has neither account where the
 * transaction was asked for. Its home, the debit account's shard, owns it; each time something
 * becomes of it, it tells the shard that shows the transaction. */
#ifndef LEDGER_TOLD_TRANSFER_H
#define LEDGER_TOLD_TRANSFER_H

#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

/* As it was told last. */
must_check enum presence told_transfer_find(struct turn *t, struct id128 transfer_id,
                                            struct transfers_row *row);

/* It is made, as this row says, unless its home has told of it by now, which was found. */
void told_transfer_begin(struct turn *t, const struct transfers_row *row);

/* At its home, where it has changed: tells whoever shows its transaction. */
void told_transfer_send(struct turn *t, struct id128 transfer_id);

/* There. */
enum turn_result told_transfer_on_tell(struct turn *t, struct id128 self, const struct message *m);

#endif
