/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger: the totals of one tenant in one currency, kept apart for debits and credits so that they
 * check each other at every event; and the shard's own actor (id {0, shard}), which takes bulk
 * messages and knows which ledgers the shard has. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#define LEDGERS_MAX 65536 /* of one shard: tenants times their currencies; named in one state */

struct ledger_name {
    struct id128 tenant_id;
    uint16_t currency;
};

struct ledger {
    u128 debits_pending;
    u128 debits_posted;
    u128 credits_pending;
    u128 credits_posted;
    uint64_t account_count;
    uint64_t transfer_count;
    uint64_t imported_account_time;  /* of the last imported ones: imports never go back */
    uint64_t imported_transfer_time;
    struct ledger_name *names; /* the shard's own: all ledgers. Those that are in it never change */
    uint32_t name_count;
    uint16_t currency;
};

extern const struct actor_kind ledger_kind;
extern const struct service ledger_service;

/* Of one tenant in one currency. Found in the shard, never addressed by messages. Like all ids made
 * from hashes it must not tell a time: the shard takes late times for ids it never saw. */
static inline struct id128 ledger_id(struct id128 tenant_id, uint16_t currency)
{
    struct id128 both = {tenant_id.hi ^ currency, tenant_id.lo};
    return id128_derive(both, id128_home(both));
}

static inline struct id128 ledger_of_shard(uint16_t shard)
{
    return (struct id128){0, shard};
}

/* Where a tenant has its wallets, and accounts that get an id here: in one shard, so that money can
 * move between any two of them. */
static inline uint16_t ledger_tenant_shard(struct id128 tenant_id, uint16_t shards)
{
    return (uint16_t)(id128_home(tenant_id) % shards);
}

/* For the apply functions: counts an account that was opened, starting its ledger if it is the
 * first. */
void ledger_account_opened(struct registry *r, const struct account_opened *e);

/* For the apply functions: the ledger of a tenant and currency, to be changed. */
struct ledger *ledger_state(struct registry *r, struct id128 tenant_id, uint16_t currency);

/* Debits equal credits, pending and posted: check() fails otherwise. */
static inline void ledger_check(const struct ledger *l)
{
    check(l->debits_posted == l->credits_posted);
    check(l->debits_pending == l->credits_pending);
}

#endif
