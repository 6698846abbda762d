/* SPDX-License-Identifier: Apache-2.0 */
/* Crossing: money on its way between shards, as the journals have it. What a shard decided for
 * another, and the other has not taken or has parked, is exactly what the transit accounts of the
 * two hold together; each shard balances by itself, its transit accounts included; and what can be
 * spent in all shards together is never more than there is.
 *
 * A unit is what must balance by itself: a currency of a tenant, the coins of the tallies. Whoever
 * follows the events of a service says what they do to a unit, and who follows the sends, which of
 * them are decisions (ref_sends.h). */
#ifndef SIMULATION_REF_CROSSING_H
#define SIMULATION_REF_CROSSING_H

#include <stdint.h>

#include "tests/simulation/tally.h"

#define REF_UNITS_MAX 64

__extension__ typedef __int128 ref_amount;

struct ref_unit {
    uint64_t name;
    ref_amount own[TALLY_SHARDS_MAX];  /* of all accounts but those of transit */
    ref_amount kept[TALLY_SHARDS_MAX]; /* of these, promised */
    ref_amount transit[TALLY_SHARDS_MAX][TALLY_SHARDS_MAX];   /* of a shard, by peer */
    ref_amount under_way[TALLY_SHARDS_MAX][TALLY_SHARDS_MAX]; /* from the decider, by follower */
};

struct ref_crossing {
    uint16_t shards;
    struct ref_unit units[REF_UNITS_MAX];
    uint32_t count;
};

/* The first of an unknown name makes it. */
struct ref_unit *ref_crossing_unit(struct ref_crossing *c, uint64_t name);

/* After each commit of this shard; broken() says what is wrong. */
void ref_crossing_check(const struct ref_crossing *c, uint16_t shard);

/* Everything has come to its end: nothing is on its way any more. */
void ref_crossing_check_end(const struct ref_crossing *c);

#endif
