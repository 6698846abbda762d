/* SPDX-License-Identifier: Apache-2.0 */
/* Trial balance: what debits and credits add up to, per currency. Each shard balances by itself at
 * every moment, so the sum of all shards does too. */
#ifndef LEDGER_TRIAL_BALANCE_H
#define LEDGER_TRIAL_BALANCE_H

#include "runtime/actor/domain.h"

/* Of the shard whose ledger actor `self` is. */
enum turn_result trial_balance_on_get(struct turn *t, struct id128 self, const struct message *m);

/* Of all shards (struct gatherer). */
uint16_t trial_balance_join(const struct slice *replies, uint16_t count,
                            struct wire_writer *reply);

#endif
