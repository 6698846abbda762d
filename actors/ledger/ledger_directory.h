/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger directory: the shard's own actor of the ledger (id {0, shard}). It names all totals that
 * the shard has, and takes the messages that are about no single account: those that open accounts,
 * bulk and trial balances. */
#ifndef LEDGER_LEDGER_DIRECTORY_H
#define LEDGER_LEDGER_DIRECTORY_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#define LEDGERS_MAX 65536 /* of one shard: tenants times their currencies; named in one state */

struct ledger_directory {
    struct ledger_name *names; /* of all totals; those that are in it never change */
    uint32_t names_count;
    /* entries the list can take; not stored: 0 in a state that was just read */
    uint32_t names_room;
};

extern const struct actor_kind ledger_directory_kind;

static inline struct id128 ledger_directory_id(uint16_t shard)
{
    return (struct id128){0, shard};
}

/* Where a tenant has its wallets, and accounts that get an id here: in one shard, so that money can
 * move between any two of them. */
static inline uint16_t ledger_tenant_shard(struct id128 tenant_id, uint16_t shards)
{
    return (uint16_t)(id128_home(tenant_id) % shards);
}

/* For the apply functions: names new totals. There is room: account_open_check() sees to it. */
void ledger_directory_add(struct registry *r, uint16_t shard, struct ledger_name name);

#endif
