/* SPDX-License-Identifier: Apache-2.0 */
/* Ended half: the row of a pending transfer that has ended at home, until the other shard has let
 * go what it held for it: balances of the past do so from the end on. Views worker. */
#ifndef LEDGER_ENDED_HALF_H
#define LEDGER_ENDED_HALF_H

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

/* It has ended at home, as the row of its end says. */
void ended_half_put(struct projection *p, struct id128 account_id, struct id128 pending_id,
                    const struct transfers_row *end);

/* The other shard has let go. */
void ended_half_follow(struct projection *p, struct id128 account_id, struct id128 pending_id,
                       uint16_t currency);

#endif
