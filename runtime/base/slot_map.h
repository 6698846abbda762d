/* SPDX-License-Identifier: Apache-2.0 */
/* Slot map: which shard has which slots. An id names its slot (id128.h), never a shard, so that a
 * deployment can be given other ranges without changing an id. Each shard has one range, and all of
 * them together have every slot once. Constant once it is filled; any thread. */
#ifndef BASE_SLOT_MAP_H
#define BASE_SLOT_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/id128.h"

#define SLOT_COUNT 65536
#define SLOT_MAP_SHARDS_MAX 256

struct slot_range {
    uint16_t first, last;
};

struct slot_map {
    uint16_t shards;
    struct slot_range ranges[SLOT_MAP_SHARDS_MAX]; /* of each shard */
    /* The same in the order of the slots, for look-ups. */
    uint16_t lasts[SLOT_MAP_SHARDS_MAX];  /* the last slot of each range ... */
    uint16_t owners[SLOT_MAP_SHARDS_MAX]; /* ... and its shard */
    uint16_t starts[SLOT_COUNT / 256];    /* of each 256 slots: the range of the first of them */
};

/* Equal ranges, as near as can be, in the order of the shards. */
void slot_map_split(struct slot_map *m, uint16_t shards);

/* Ranges from elsewhere, of shards 0, 1, ...; false: they do not have every slot once, and the map
 * is without shards. */
must_check bool slot_map_set(struct slot_map *m, const struct slot_range *ranges, uint32_t shards);

static inline uint16_t slot_map_shard(const struct slot_map *m, uint16_t slot)
{
    unsigned i = m->starts[slot >> 8];
    while (slot > m->lasts[i])
        i++;
    return m->owners[i];
}

/* The shard in which what has this id is at home. */
static inline uint16_t slot_map_home(const struct slot_map *m, struct id128 id)
{
    return slot_map_shard(m, id128_slot(id));
}

static inline bool slot_range_has(struct slot_range r, uint16_t slot)
{
    return slot >= r.first && slot <= r.last;
}

/* One of its slots, chosen by these bits. */
static inline uint16_t slot_range_pick(struct slot_range r, uint16_t bits)
{
    return (uint16_t)(r.first + (uint32_t)bits % (r.last - r.first + 1u));
}

#endif
