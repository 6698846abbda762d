/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ahead: in a turn over the many items of a list, prefetches what the next items will look up,
 * so that their cache misses overlap. The ids of an item are generated (message_type.ids). It
 * changes nothing but the time taken. One for each shard, for the turn that runs; the shard's
 * thread only. */
#ifndef SHARD_LOOK_AHEAD_H
#define SHARD_LOOK_AHEAD_H

#include <stdint.h>

#include "runtime/actor/message.h"

/* items whose misses overlap: more the processor does not keep track of */
#define LOOK_AHEAD_GROUP 16
#define LOOK_AHEAD_IDS_MAX 4 /* ids of an item that are looked at, of each sort */

struct actor;
struct shard;

struct look_ahead {
    const char *items;
    uint32_t count;
    uint32_t item_size;
    uint16_t actor_count;    /* ids of an item under which actors are found ... */
    uint16_t decision_count; /* ... and those under which something was decided */
    struct message_id actors[LOOK_AHEAD_IDS_MAX];
    struct message_id decisions[LOOK_AHEAD_IDS_MAX];
    /* Of this group of items and the next one, id by id: probably the items' actors; NULL: none. */
    struct actor *found[2][LOOK_AHEAD_IDS_MAX][LOOK_AHEAD_GROUP];
    /* Of the next group and the one after it, likewise: of the ids. */
    uint64_t hashes[2][LOOK_AHEAD_IDS_MAX][LOOK_AHEAD_GROUP];
};

/* A turn over the items of this message's list begins. */
void look_ahead_begin(struct shard *s, const struct message *m);

/* It begins with this item. In order, each once. */
void look_ahead_item(struct shard *s, uint32_t item);

/* Actors may have left the registry: what was found of them is forgotten. */
void look_ahead_forget(struct shard *s);

#endif
