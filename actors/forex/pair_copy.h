/* SPDX-License-Identifier: Apache-2.0 */
/* Copy of a pair: what counts of it, as this shard was last told by its home. Turns of this shard
 * go by it. */
#ifndef FOREX_PAIR_COPY_H
#define FOREX_PAIR_COPY_H

#include <stdint.h>

#include "actors/forex/pair.h"

struct pair_copy {
    uint64_t version;
    struct rate_core core;
};

extern const struct actor_kind pair_copy_kind;

/* Where what is told of a pair goes, in each shard; and a conversion, in any. */
struct place pair_copy_locate(const void *body, const struct principal *who, uint16_t any);
struct place pair_copy_locate_convert(const void *body, const struct principal *who, uint16_t any);

void pair_copy_apply(struct registry *r, const void *event, uint64_t time_ns);

#endif
