/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk crossing: what of a list of transfers has accounts in other shards than the list's home. A
 * chain of linked ones goes on its way as a group (group.h), and so does one that is linked to
 * none; the answer to the list waits for all of them (bulk_request.h). */
#ifndef LEDGER_BULK_CROSSING_H
#define LEDGER_BULK_CROSSING_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

/* Of the list at work. */
struct bulk_crossing {
    const struct principal *who;
    const struct transfer_spec *specs;
    const struct transfer_create *asked; /* NULL: all ids are the client's */
    struct id128 bulk_id;                /* the asker of its groups */
    uint32_t groups;                     /* sent on their way */
    bool seen;                           /* one of them, or refused of what the caller may see */
    bool *reached;                       /* by shard: it may be asked; NULL: none was looked at */
    bool unreached;                      /* one may not: nothing may be recorded */
};

/* Is this a chain, or a transfer linked to none, that goes on its way? */
bool bulk_crosses(struct turn *t, const struct bulk_crossing *c, uint32_t first, uint32_t count);

/* Sends it on its way: RESULT_OK, or why not and because of which item, or BULK_WAITING. */
uint16_t bulk_send(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                   uint32_t *failed);

/* Asks for what this shard has of it, so that it loads together with what others need. */
void bulk_prepare(struct turn *t, const struct bulk_crossing *c, uint32_t i);

#endif
