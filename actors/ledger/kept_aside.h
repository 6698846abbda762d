/* SPDX-License-Identifier: Apache-2.0 */
/* Kept aside: rows of what accounts keep aside for transfers that other shards decide. An account's
 * pending counters have it, but nothing stands opposite, so entries say how much of them it is, and
 * balances of the past leave it out. Views worker. */
#ifndef LEDGER_KEPT_ASIDE_H
#define LEDGER_KEPT_ASIDE_H

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

struct account;

/* Under this id stand the sums of an account; a walk over what it keeps begins behind it. */
#define KEPT_ASIDE_SUMS ID128_ZERO

#define KEPT_ASIDE_PARTS_MAX 32768 /* bytes of what a group will move of an account */

/* It was kept aside then, or is let go, whatever becomes of it. `ends`: of a post, what its pending
 * transfer then holds no longer. */
void kept_aside_put(struct projection *p, const struct transfer_reserved *k, u128 ends,
                    uint64_t time_ns);
void kept_aside_put_group(struct projection *p, const struct group_reserved *e, uint64_t time_ns);
void kept_aside_remove(struct projection *p, struct id128 account_id, struct id128 transfer_id);

/* How much of the account's pending counters it is, as of the event. */
void kept_aside_find(struct projection *p, const struct account *a, struct entries_row *row);

#endif
