/* SPDX-License-Identifier: Apache-2.0 */
/* Wallet history: what happened to a wallet and to its holds, and who did it. One per query, on the
 * read worker. */
#ifndef WALLET_WALLET_HISTORY_H
#define WALLET_WALLET_HISTORY_H

#include "runtime/actor/domain.h"

uint16_t wallet_query_events(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type);
uint16_t wallet_query_hold_events(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type);

#endif
