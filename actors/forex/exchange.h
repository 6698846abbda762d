/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange: the way from one currency to another by the rates that count: that of the pair, the
 * opposite one divided by, or both by way of EXCHANGE_PIVOT, whichever is found first. */
#ifndef FOREX_EXCHANGE_H
#define FOREX_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/common/rate.h"
#include "actors/forex/pair.h"
#include "runtime/actor/turn.h"

#define EXCHANGE_PIVOT 840 /* US dollar */

struct exchange {
    struct rate_way way;
    uint8_t derived;                      /* enum rate_derivation */
    bool manual;                          /* one of them */
    uint64_t observed_ns, stale_after_ns; /* the older, the earlier */
    uint64_t version;                     /* of both */
    struct slice sources[RATE_STEPS_MAX];
};

/* What counts of this pair: WAITING while it is being loaded, ABSENT where nothing does. */
typedef enum presence (*exchange_look)(struct turn *t, struct pair_name name, struct pair_now *ret);

/* By the homes of pairs, in shard 0; by this shard's copies, which waits for nothing. */
enum presence exchange_look_home(struct turn *t, struct pair_name name, struct pair_now *ret);
enum presence exchange_look_copy(struct turn *t, struct pair_name name, struct pair_now *ret);

must_check enum presence exchange_find(struct turn *t, exchange_look look, struct pair_name name,
                                       struct exchange *ret);
static inline bool exchange_stale(const struct exchange *e, uint64_t now_ns)
{
    return now_ns > e->stale_after_ns;
}

enum turn_result exchange_on_convert(struct turn *t, struct id128 self, const struct message *m);

#endif
