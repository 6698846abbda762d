/* SPDX-License-Identifier: Apache-2.0 */
/* Limit: how much one debit, and all debits of a UTC day, may take from a wallet. What was taken is
 * counted also while no limit is set, so that a limit applies from the moment it is set. */
#ifndef WALLET_LIMIT_H
#define WALLET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/time.h"
#include "runtime/base/u128.h"

#define LIMIT_DAY_NS NS_PER_DAY

struct limit {
    u128 per_transaction; /* minor units */
    u128 per_day;
    u128 spent;           /* on spent_day */
    uint32_t spent_day;   /* days since 1970 */
    bool has_per_transaction, has_per_day;
};

/* RESULT_OK, or which limit a debit of this amount would break at this time. */
must_check uint16_t limit_check(const struct limit *l, u128 amount, uint64_t time_ns);

/* One transaction of this amount is more than one may be, on whatever day. */
bool limit_forbids(const struct limit *l, u128 amount);

/* Counts a debit. */
void limit_use(struct limit *l, u128 amount, uint64_t time_ns);

/* A day allows at least one transaction of the greatest amount. */
bool limit_consistent(const struct limit *l);

/* Takes back part of a debit made at `used_ns`, if its day is still the one that is counted. */
void limit_return(struct limit *l, u128 amount, uint64_t used_ns);

/* Counted on the day of this time. */
u128 limit_spent(const struct limit *l, uint64_t time_ns);

#endif
