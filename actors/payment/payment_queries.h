/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of payments, and the history of one, from the views. */
#ifndef PAYMENT_PAYMENT_QUERIES_H
#define PAYMENT_PAYMENT_QUERIES_H

#include "runtime/actor/domain.h"

uint16_t payment_query_list(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);
uint16_t payment_query_events(struct view_store *s, const struct message *m,
                              struct wire_writer *reply, uint16_t *reply_type);
uint16_t payment_query_refunds(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type);
uint16_t payment_query_adapters(struct view_store *s, const struct message *m,
                                struct wire_writer *reply, uint16_t *reply_type);

#endif
