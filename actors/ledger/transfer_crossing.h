/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer crossing: single transfers between accounts of two shards, asked for where the debit
 * account lives. The answer is given when the credit account's shard has decided. */
#ifndef LEDGER_TRANSFER_CROSSING_H
#define LEDGER_TRANSFER_CROSSING_H

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

/* Is this one that transfer_cross() makes? */
bool transfer_crosses(struct turn *t, const struct transfer_create *c);

/* Asked for with this. */
enum turn_result transfer_cross(struct turn *t, const struct message *m);

/* Reverses by this posting, of which the debit account lives here. */
enum turn_result reversal_cross(struct turn *t, const struct message *m, const struct posting *p,
                                bool id_chosen);

enum turn_result transfer_on_token(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_follow(struct turn *t, struct id128 self, const struct message *m);

#endif
