/* SPDX-License-Identifier: Apache-2.0 */
/* A look-up begins at the range that has the first of the slot's 256 neighbours, and goes on from
 * there: with equal ranges by one step at most. */
#include "runtime/base/slot_map.h"

#include <string.h>

/* The shard whose range begins here, or none. */
static uint16_t slot_map_beginning(const struct slot_map *m, uint32_t first)
{
    uint16_t shard = 0;
    while (shard < m->shards && m->ranges[shard].first != first)
        shard++;
    return shard;
}

/* Puts the ranges in the order of their slots; false unless each begins where one ends. */
static bool slot_map_order(struct slot_map *m)
{
    uint32_t next = 0, block = 0;
    for (uint16_t i = 0; i < m->shards; i++) {
        uint16_t shard = slot_map_beginning(m, next);
        if (shard == m->shards || m->ranges[shard].last < next)
            return false;
        m->owners[i] = shard;
        m->lasts[i] = m->ranges[shard].last;
        next = m->lasts[i] + 1u;
        for (; block * 256 < next; block++)
            m->starts[block] = i;
    }
    return next == SLOT_COUNT;
}

bool slot_map_set(struct slot_map *m, const struct slot_range *ranges, uint32_t shards)
{
    m->shards = 0;
    if (shards == 0 || shards > SLOT_MAP_SHARDS_MAX)
        return false;
    *m = (struct slot_map){.shards = (uint16_t)shards};
    memcpy(m->ranges, ranges, shards * sizeof *ranges);
    if (slot_map_order(m))
        return true;
    m->shards = 0;
    return false;
}

void slot_map_split(struct slot_map *m, uint16_t shards)
{
    struct slot_range ranges[SLOT_MAP_SHARDS_MAX];
    check(shards > 0 && shards <= SLOT_MAP_SHARDS_MAX);
    for (uint32_t i = 0; i < shards; i++)
        ranges[i] = (struct slot_range){(uint16_t)(i * SLOT_COUNT / shards),
                                        (uint16_t)((i + 1) * SLOT_COUNT / shards - 1)};
    bool whole = slot_map_set(m, ranges, shards);
    check(whole);
}
