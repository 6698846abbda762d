/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of a wallet's messages that move no money: show, freeze, unfreeze, close, limits. */
#ifndef WALLET_WALLET_MESSAGES_H
#define WALLET_WALLET_MESSAGES_H

#include "actors/wallet/wallet.h"

enum turn_result wallet_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_balance_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_freeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_unfreeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_close(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_limits_set(struct turn *t, struct id128 self, const struct message *m);

#endif
