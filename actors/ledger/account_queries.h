/* SPDX-License-Identifier: Apache-2.0 */
/* Account queries: lists of accounts and of their entries, and balances as of a moment, read from
 * the views. Every call looks at a limited number of rows (ledger_list.h). */
#ifndef LEDGER_ACCOUNT_QUERIES_H
#define LEDGER_ACCOUNT_QUERIES_H

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#ifndef ACCOUNT_LATE_ENTRIES_MAX       /* the simulator makes few */
#define ACCOUNT_LATE_ENTRIES_MAX 10000 /* back-dated entries one balance adds up */
#endif

uint16_t account_query_list(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);
/* By effective time: the last entry of which all before it count (found in log2 of the account's
 * entries), and the back-dated entries after it. By recorded time the entry alone. */
uint16_t account_query_balance(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type);
struct ledger_list;
/* The same for one account of a list that is under way. */
must_check uint16_t account_balance_find(struct ledger_list *list,
                                         const struct account_balance_at *q,
                                         struct account_balance *b);
uint16_t account_query_entries(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type);
uint16_t account_query_transactions(struct view_store *s, const struct message *m,
                                    struct wire_writer *reply, uint16_t *reply_type);

#endif
