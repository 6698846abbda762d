/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of wallets, of their movements and of their holds, from the views. Movements are the
 * entries of the wallet's account. */
#ifndef WALLET_WALLET_QUERIES_H
#define WALLET_WALLET_QUERIES_H

#include "runtime/actor/domain.h"

uint16_t wallet_query_list(struct view_store *s, const struct message *m, struct wire_writer *reply,
                           uint16_t *reply_type);
uint16_t wallet_query_transactions(struct view_store *s, const struct message *m,
                                   struct wire_writer *reply, uint16_t *reply_type);
uint16_t wallet_query_transaction(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type);
uint16_t wallet_query_holds(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);

#endif
