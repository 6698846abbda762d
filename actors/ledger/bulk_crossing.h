/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk crossing: what of a list of transfers has accounts in other shards than the list's home. A
 * chain of linked ones goes on its way as a group (group.h); those that are linked to none travel
 * together, apart, with others between the same two shards. The answer to the list waits for all of
 * them (bulk_request.h). What has no place in a parcel is made by its home (listed_transfer.h). */
#ifndef LEDGER_BULK_CROSSING_H
#define LEDGER_BULK_CROSSING_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/earmark.h"
#include "actors/ledger/group.h"
#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

/* Transfers that travel together. */
struct bulk_parcel {
    struct group group;
    uint16_t debit_shard, credit_shard;
    uint32_t cap; /* of its legs */
};

/* Of the list at work. */
struct bulk_crossing {
    const struct principal *who;
    const struct transfer_spec *specs;
    const struct transfer_create *asked; /* NULL: all ids are the client's */
    struct id128 bulk_id;                /* the asker of its groups */
    struct bulk_parcel *parcels;
    uint32_t parcel_count, parcel_cap;
    struct earmarks earmarks; /* by what is in them */
    struct id_places ids;     /* of what is in them, and of items */
    struct group_memo memo;
    uint32_t groups;         /* sent on their way, and each of items */
    struct bulk_item *items; /* what its home makes by itself */
    uint32_t items_count, count;
    bool seen;                           /* one of them, or refused of what the caller may see */
    bool *reached;                       /* by shard: it may be asked; NULL: none was looked at */
    bool unreached;                      /* one may not: nothing may be recorded */
};

/* Is this a chain, or a transfer linked to none, that goes on its way? */
bool bulk_crosses(struct turn *t, const struct bulk_crossing *c, uint32_t first, uint32_t count);

/* Makes it part of what is sent in the end: RESULT_OK, or why not and because of which item, or
 * BULK_WAITING. */
uint16_t bulk_send(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                   uint32_t *failed);

/* Sends what travels apart, after the last item. */
void bulk_send_parcels(struct turn *t, struct bulk_crossing *c);

/* Is the id that of one before it, which travels? */
static inline bool bulk_has_id(const struct bulk_crossing *c, struct id128 id)
{
    return id_places_find(&c->ids, id) != ID_PLACES_NONE;
}

/* Asks for what this shard has of it, so that it loads together with what others need. */
void bulk_prepare(struct turn *t, const struct bulk_crossing *c, uint32_t i);

#endif
