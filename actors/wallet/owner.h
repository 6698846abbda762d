/* SPDX-License-Identifier: Apache-2.0 */
/* Owner: which wallets a person or company has, one per currency. Its id is derived from tenant and
 * subject, and its slot is that of all its wallets, and of what was made with them. */
#ifndef WALLET_OWNER_H
#define WALLET_OWNER_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/wallet.h"

#ifndef OWNER_WALLETS_MAX    /* the simulator has few currencies */
#define OWNER_WALLETS_MAX 32 /* currencies that one owner can have a wallet of */
#endif

struct owner {
    struct owner_wallet *wallets; /* the open and frozen ones, in the order of opening; registry
                                     memory of exactly this many */
    uint32_t wallets_count;
};

extern const struct actor_kind owner_kind;

/* The actor of an owner (owner_id.h). */
struct id128 owner_key(struct id128 owner_id);

/* The wallet of this currency, or zero. `o` may be NULL. */
struct id128 owner_wallet_of(const struct owner *o, uint16_t currency);

/* Parts of the apply functions of wallet_opened and wallet_status_changed. */
void owner_wallet_add(struct registry *r, struct id128 key, struct owner_wallet w);
void owner_wallet_drop(struct registry *r, struct id128 key, struct id128 wallet_id);

#endif
