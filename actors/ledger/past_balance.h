/* SPDX-License-Identifier: Apache-2.0 */
/* Past balance: the counters of an account as they were at a moment, by effective or by recorded
 * time; of a transfer between shards that is when it was decided, in both histories. What is only
 * kept aside for another shard's decision is in no balance of the past. Read worker. */
#ifndef LEDGER_PAST_BALANCE_H
#define LEDGER_PAST_BALANCE_H

#include "actors/ledger/ledger_list.h"
#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#ifndef PAST_BALANCE_LATE_MAX       /* the simulator makes few */
#define PAST_BALANCE_LATE_MAX 10000 /* late entries that one balance looks at */
#endif

uint16_t past_balance_query(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);

/* The same for one account of a list that is under way. */
must_check uint16_t past_balance_find(struct ledger_list *list, const struct account_balance_at *q,
                                      struct account_balance *b);

#endif
