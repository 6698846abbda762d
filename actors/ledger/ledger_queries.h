/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's queries: lists and balances as of a moment, read from the views. Every call looks at
 * a limited number of rows; a list that reached the limit gives a cursor to go on with. */
#ifndef LEDGER_LEDGER_QUERIES_H
#define LEDGER_LEDGER_QUERIES_H

#include "runtime/actor/domain.h"

#define LEDGER_QUERY_ROWS_MAX 10000         /* rows one list looks at */
#define LEDGER_QUERY_LATE_ENTRIES_MAX 10000 /* back-dated entries one balance adds up */
#define LEDGER_QUERY_PAGE_DEFAULT 50
#define LEDGER_QUERY_PAGE_MAX 1000

uint16_t ledger_query_accounts(struct store *s, const struct message *m, struct wire_writer *reply,
                               uint16_t *reply_type);
/* By effective time: the last entry of which all before it count (found in log2 of the account's
 * entries), and the back-dated entries after it. By recorded time the entry alone. */
uint16_t ledger_query_balance(struct store *s, const struct message *m, struct wire_writer *reply,
                              uint16_t *reply_type);
uint16_t ledger_query_entries(struct store *s, const struct message *m, struct wire_writer *reply,
                              uint16_t *reply_type);
uint16_t ledger_query_transactions(struct store *s, const struct message *m,
                                   struct wire_writer *reply, uint16_t *reply_type);
uint16_t ledger_query_transfers(struct store *s, const struct message *m, struct wire_writer *reply,
                                uint16_t *reply_type);

#endif
