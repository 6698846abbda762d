/* SPDX-License-Identifier: Apache-2.0 */
/* The tallies (tally.h) as the journals have them. */
#ifndef SIMULATION_REF_TALLIES_H
#define SIMULATION_REF_TALLIES_H

#include "runtime/journal/record.h"
#include "tests/simulation/model/ref_crossing.h"

/* A move that has its outcome. */
struct ref_move {
    struct id128 id;
    uint16_t code;
};

struct ref_tallies {
    struct ref_crossing *crossing;
    uint64_t left[TALLIES_MAX][TALLIES_MAX], heard[TALLIES_MAX][TALLIES_MAX]; /* notes */
    uint64_t told[TALLIES_MAX], read[TALLY_SHARDS_MAX][TALLIES_MAX];          /* news */
    int64_t coins[TALLIES_MAX], kept[TALLIES_MAX];
    struct ref_move *moves;
    uint32_t move_count, move_cap;
};

void ref_tallies_init(struct ref_tallies *r, struct ref_crossing *crossing);
void ref_tallies_done(struct ref_tallies *r);

/* true: it was an event of a tally. */
bool ref_tallies_event(struct ref_tallies *r, uint16_t shard, const struct message_type *type,
                       const void *event);

/* Is the send a decision of a move? ref_sends.decides. */
bool ref_tallies_decides(const struct record_send *send, uint64_t *unit, ref_amount *amount);

/* NULL: it is not decided durably. */
const struct ref_move *ref_tallies_move(const struct ref_tallies *r, struct id128 id);

/* All notes and news have arrived. */
void ref_tallies_check_end(const struct ref_tallies *r, uint16_t shards);

#endif
