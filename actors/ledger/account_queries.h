/* SPDX-License-Identifier: Apache-2.0 */
/* Account queries: lists of accounts and of their entries, read from the views. Every call looks at
 * a limited number of rows (ledger_list.h). */
#ifndef LEDGER_ACCOUNT_QUERIES_H
#define LEDGER_ACCOUNT_QUERIES_H

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

uint16_t account_query_list(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);
uint16_t account_query_entries(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type);
uint16_t account_query_transactions(struct view_store *s, const struct message *m,
                                    struct wire_writer *reply, uint16_t *reply_type);

#endif
