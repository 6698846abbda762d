/* SPDX-License-Identifier: Apache-2.0 */
/* House account: an account of the platform's own, that each shard has for a tenant and currency:
 * nobody asks for it, it is opened when it is first needed. Its id follows from what it is for, so
 * that whoever knows the ranges of the slots can name it, also that of another shard. */
#ifndef LEDGER_HOUSE_H
#define LEDGER_HOUSE_H

#include <stdint.h>

#include "actors/ledger/manager.h"
#include "runtime/base/slot_map.h"

struct account; /* actors/ledger/account.h */

struct house {
    enum managed_account purpose; /* MANAGED_CLEARING */
    uint16_t shard;               /* whose it is */
    struct id128 tenant_id;
    uint16_t currency;
};

/* Reserved, and at home in the shard whose account it is. */
struct id128 house_id(const struct slot_map *slots, const struct house *h);

/* That of the turn's shard. */
struct house house_of(struct turn *t, enum managed_account purpose, struct id128 tenant_id,
                      uint16_t currency);
struct id128 house_own_id(struct turn *t, enum managed_account purpose, struct id128 tenant_id,
                          uint16_t currency);

/* Looks for an account of the turn's shard, and for what opening it would change. */
must_check enum presence house_find(struct turn *t, const struct house *h);

/* Emits its opening, after house_find() said ABSENT. */
void house_open(struct turn *t, const struct house *h);

#endif
