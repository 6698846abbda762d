/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of an owner: wallet_open, and the actor that it is addressed to. */
#ifndef WALLET_OWNER_MESSAGES_H
#define WALLET_OWNER_MESSAGES_H

#include "runtime/actor/domain.h"

struct place owner_locate(const void *body, const struct principal *who, uint16_t any);
enum turn_result owner_on_wallet_open(struct turn *t, struct id128 self, const struct message *m);

#endif
