/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that move a wallet's money at once: fund, withdraw, transfer. */
#ifndef WALLET_WALLET_MOVE_H
#define WALLET_WALLET_MOVE_H

#include "actors/wallet/wallet.h"

enum turn_result wallet_on_fund(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_withdraw(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_transfer(struct turn *t, struct id128 self, const struct message *m);

#endif
