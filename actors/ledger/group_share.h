/* SPDX-License-Identifier: Apache-2.0 */
/* Group share: what a shard keeps aside for a group of transfers that another one decides
 * (group.h), all of it under one id. It counts among the open holds of its accounts, in their
 * pending counters and versions, as a reservation does. What the group will move beyond that is
 * promised in the ledger's totals, so that its sums have room for it whatever comes between. The
 * group itself is found as the event that made the share. */
#ifndef LEDGER_GROUP_SHARE_H
#define LEDGER_GROUP_SHARE_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

struct group_share {
    struct group_kept *kept;
    struct group_promise *promised;
    uint32_t kept_count, promised_count;
    struct id128 ask; /* at home: the request that waits for the outcome; else zero */
    uint16_t slot;    /* transit_slot() of this shard */
    uint16_t decider;
};

/* Of a group, in the shard that has this slot. */
struct id128 group_share_id(struct id128 group_id, uint16_t slot);

/* The group whose share is there, as it was recorded. */
must_check enum presence group_share_find(struct turn *t, struct id128 share_id,
                                          const struct group_share **share,
                                          const struct group_reserved **made);

/* The group that was read last in this turn, for whoever looks at many of its transfers. */
struct group_memo {
    struct id128 share_id;
    const struct group_reserved *made; /* NULL: none */
};

/* The transfer with this id is under way in the group of this share: *leg is it. ABSENT: it is not
 * any more. `memo` may be NULL. */
must_check enum presence group_share_find_leg(struct turn *t, struct id128 share_id,
                                              struct id128 transfer_id, struct group_memo *memo,
                                              const struct group_leg **leg,
                                              struct id128 *tenant_id);

#endif
