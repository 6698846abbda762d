/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer queries: lists of transfers, read from the views. Every call looks at a limited number
 * of rows (ledger_list.h). */
#ifndef LEDGER_TRANSFER_QUERIES_H
#define LEDGER_TRANSFER_QUERIES_H

#include "runtime/actor/domain.h"

uint16_t transfer_query_list(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type);

#endif
