/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of a wallet's messages: show, freeze, unfreeze, close, limits, fund, withdraw,
 * transfer. */
#ifndef WALLET_WALLET_MESSAGES_H
#define WALLET_WALLET_MESSAGES_H

#include "actors/wallet/wallet.h"

enum turn_result wallet_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_balance_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_freeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_unfreeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_close(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_limits_set(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_update(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_fund(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_withdraw(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_transfer(struct turn *t, struct id128 self, const struct message *m);

/* Emits a wallet with its account and answers with it; after funds_find(). */
enum turn_result wallet_open_in_turn(struct turn *t, const struct wallet_opened *opened);

#endif
