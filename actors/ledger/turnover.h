/* SPDX-License-Identifier: Apache-2.0 */
/* Turnover: what accounts add up to, pending or posted. Of the accounts of money in transit between
 * shards what stands on both sides is left out: it is turnover of no account of a client's. What is
 * left on one side is on its way to another shard, and balances this one. */
#ifndef LEDGER_TURNOVER_H
#define LEDGER_TURNOVER_H

#include <stdbool.h>

#include "actors/ledger/ledger_totals.h"
#include "runtime/base/u128.h"

struct turnover {
    u128 debits, credits;
    u128 transit_debits, transit_credits; /* of them, on accounts of money in transit */
};

struct turnover turnover_pending(const struct ledger_totals *l);
struct turnover turnover_posted(const struct ledger_totals *l);

/* To a sum of such, which begins with nothing. false: it does not fit, and the sum is no more. */
bool turnover_add(struct turnover *sum, const struct turnover *more);

#endif
