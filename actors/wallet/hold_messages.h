/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of holds. wallet_hold_create is addressed to the wallet: `self` is then the wallet's id,
 * and the hold is made in its shard. */
#ifndef WALLET_HOLD_MESSAGES_H
#define WALLET_HOLD_MESSAGES_H

#include "runtime/actor/domain.h"

enum turn_result hold_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result hold_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result hold_on_capture(struct turn *t, struct id128 self, const struct message *m);
enum turn_result hold_on_release(struct turn *t, struct id128 self, const struct message *m);
enum turn_result hold_on_extend(struct turn *t, struct id128 self, const struct message *m);

/* The hold's time is over. */
enum turn_result hold_on_timeout(struct turn *t, struct id128 self);

#endif
