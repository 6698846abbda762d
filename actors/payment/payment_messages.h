/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of a payment. Each finds all it needs, asks the table of states, and moves the money,
 * the payment and the payer's limits in one turn. payment_create is addressed by the payer's
 * wallet: `self` is then the wallet's id, and the payment is made in its shard. */
#ifndef PAYMENT_PAYMENT_MESSAGES_H
#define PAYMENT_PAYMENT_MESSAGES_H

#include "runtime/actor/domain.h"

enum turn_result payment_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_capture(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_refund(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_cancel(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_update(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_extend(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_increase(struct turn *t, struct id128 self, const struct message *m);

/* The authorisation's time is over. */
enum turn_result payment_on_timeout(struct turn *t, struct id128 self);

#endif
