/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger totals: debits and credits of one tenant in one currency, kept apart so that they check
 * each other at every event. An actor of its own kind, found in the shard and never addressed by
 * messages. */
#ifndef LEDGER_LEDGER_TOTALS_H
#define LEDGER_LEDGER_TOTALS_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/u128.h"
#include "schemas/ledger.h"

struct ledger_totals {
    u128 debits_pending;
    u128 debits_posted;
    u128 credits_pending;
    u128 credits_posted;
    uint64_t account_count;
    uint64_t transfer_count;
    uint64_t accounts_imported_to; /* the time after the last one's: imports never go back */
    uint64_t transfers_imported_to;
    /* Of these, what is on accounts of money in transit (transit.h). */
    u128 transit_debits_pending;
    u128 transit_debits_posted;
    u128 transit_credits_pending;
    u128 transit_credits_posted;
    u128 promised; /* what groups under way will move beyond what is kept aside for them */
    uint16_t currency;
};

extern const struct actor_kind ledger_totals_kind;

/* Like all ids made from hashes it must not look like one with a time: the shard takes an id with a
 * late time for one that it never saw. */
static inline struct id128 ledger_totals_id(struct id128 tenant_id, uint16_t currency)
{
    struct id128 both = {tenant_id.hi ^ currency, tenant_id.lo};
    return id128_derive(both, id128_slot(both));
}

/* Finds what opening an account of this tenant and currency changes besides: the totals, ABSENT
 * before the first one, and the shard's directory, which names them. */
must_check enum presence ledger_totals_find(struct turn *t, struct id128 tenant_id,
                                            uint16_t currency);

/* For the apply functions: counts an account that was opened. The first one of a tenant in its
 * currency makes the totals and names them in the shard's directory. */
void ledger_totals_count_account(struct registry *r, const struct account_opened *e);

/* Can so much be added to both sides, or kept aside on both, and all that is promised be kept? Of
 * both sides the sums are equal. Pending and posted together always fit, and are no less than
 * posted; no sum of an account is larger. */
static inline bool ledger_totals_have_room(const struct ledger_totals *l, u128 amount)
{
    u128 sum = l->debits_posted + l->debits_pending;
    return u128_add(sum, l->promised, &sum) && u128_add(sum, amount, &sum);
}

/* For the apply functions: the totals of a tenant and currency, made if they are not there. */
struct ledger_totals *ledger_totals_made(struct registry *r, struct id128 tenant_id,
                                         uint16_t currency);

/* For the apply functions: the totals of a tenant and currency, to be changed. */
struct ledger_totals *ledger_totals_state(struct registry *r, struct id128 tenant_id,
                                          uint16_t currency);

/* Debits equal credits, pending and posted: check() fails otherwise. */
static inline void ledger_totals_check(const struct ledger_totals *l)
{
    check(l->debits_posted == l->credits_posted);
    check(l->debits_pending == l->credits_pending);
}

#endif
