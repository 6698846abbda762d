/* SPDX-License-Identifier: Apache-2.0 */
/* Leg: one transfer of a group (group.h) as this shard sees it: which of its accounts are here, and
 * what it does to them, or to the accounts of money in transit, when it is made. */
#ifndef LEDGER_LEG_H
#define LEDGER_LEG_H

#include "actors/ledger/earmark.h"
#include "actors/ledger/posting.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

/* The shards that a group is on its way between, for what stands in transit. */
struct leg_between {
    uint16_t home, decider;
};

/* Where its accounts are. */
struct leg_place {
    uint16_t debit_shard, credit_shard;
    bool debit_here, credit_here;
};

struct leg {
    struct posting posting; /* of the accounts that are here */
    struct leg_place place;
};

/* May a transfer with these flags be one of a group over shards? What takes what there is, closes
 * an account or happened before may not. */
bool leg_may_cross(uint32_t flags);

/* Is it kept aside for its asker (pending) once it is made? */
static inline bool leg_holds(const struct group_leg *l)
{
    return (l->flags & TRANSFER_FLAGS_PENDING) != 0;
}

/* Is there anything of it in this shard? */
static inline bool leg_here(const struct leg_place *at)
{
    return at->debit_here || at->credit_here;
}

struct leg_place leg_place_of(struct turn *t, const struct group_leg *asked);

struct leg leg_of(struct turn *t, const struct group *g, uint32_t i);

/* Finds all that it needs here. WAITING: return TURN_WAIT. */
must_check enum presence leg_find(struct turn *t, struct leg *l, struct leg_between between);

/* The rules that this shard looks at, in the order of the codes. */
must_check uint16_t leg_check(struct turn *t, struct leg *l);

/* The same beside what is earmarked; NULL: nothing is. */
must_check uint16_t leg_try(struct turn *t, struct leg *l, const struct earmarks *spared);

/* Records what this shard has of it, which is decided at this time. */
void leg_emit(struct turn *t, const struct group *g, uint32_t i, struct leg_between between,
              uint64_t decided_time);

/* As it is shown then. */
struct transfers_row leg_row(struct turn *t, const struct group *g, uint32_t i,
                             struct leg_between between, uint64_t decided_time);

#endif
