/* SPDX-License-Identifier: Apache-2.0 */
/* Tally: a service of the simulator alone, beside all others in its nodes. Its actors send to each
 * other within and across shards what shows by itself whether it took effect once and in order:
 *
 *     notes   from one tally to another, numbered for each pair
 *     news    from one tally to the boards of all shards, numbered for each tally
 *     moves   of coins between tallies of one to three shards: a token goes from shard to shard,
 *             all but the last keep aside what they give, the last decides, the others follow;
 *             who asked is answered at the end
 *
 * Turns of sends fail now and then (tally_fail_sends()). */
#ifndef SIMULATION_TALLY_H
#define SIMULATION_TALLY_H

#include "runtime/actor/domain.h"
#include "runtime/base/rng.h"
#include "runtime/base/slot_map.h"

#define KIND_TALLY 20
#define KIND_BOARD 21
#define KIND_COINS_KEPT 22
#define KIND_COINS_TRANSIT 23

#define TALLIES 3                       /* in each shard */
#define BOARD_ID ((struct id128){3, 0}) /* the same in each shard */
#define TALLY_SHARDS_MAX 8
#define TALLIES_MAX (TALLIES * TALLY_SHARDS_MAX)
#define TALLY_COINS 100 /* of a new one */
#define TALLY_PARTS_MAX 3
#define TALLY_BURST_MAX 12 /* notes of one turn */

struct tally {
    uint64_t coins, kept;                           /* of the coins so many are promised to moves */
    uint64_t told;                                  /* news */
    uint64_t sent[TALLIES_MAX], heard[TALLIES_MAX]; /* notes to and from each */
};

struct board {
    uint64_t heard[TALLIES_MAX]; /* news of each */
};

/* A message of clients (count), a send and two events. */
struct tally_note {
    struct id128 from, to;
    uint64_t n; /* of clients: how many */
};

struct tally_news {
    struct id128 tally, board;
    uint64_t n;
};

/* A message of clients, two sends, their answer and events. */
struct tally_move {
    struct id128 move;   /* its id */
    struct id128 target; /* which tally it is for */
    struct id128 ask;    /* of turn_open() */
    uint64_t step;       /* which part that is */
    uint64_t code;       /* the decision */
    uint64_t count;
    struct id128 tallies[TALLY_PARTS_MAX]; /* the first is home, the last decides */
    uint64_t shards[TALLY_PARTS_MAX];      /* theirs */
    int64_t deltas[TALLY_PARTS_MAX];       /* the coins they get; their sum is 0 */
};

extern const struct service tally_service;
extern const struct message_type tally_post_type, tally_note_type; /* asked; sent */
extern const struct message_type tally_tell_type, tally_news_type; /* the same */
extern const struct message_type tally_move_type, tally_token_type, tally_follow_type;
extern const struct message_type tally_moved_type;                /* the answer */
extern const struct message_type note_left_type, note_heard_type; /* events */
extern const struct message_type news_told_type, news_heard_type;
extern const struct message_type coins_kept_type, coins_decided_type, coins_followed_type;
extern const struct message_type move_settled_type;

struct id128 tally_id(const struct slot_map *slots, uint32_t number, uint16_t shard);
/* Its place in the arrays above. */
uint32_t tally_index(struct id128 id);

/* From now on so many turns of sends fail, as `rng` draws. */
void tally_fail_sends(struct rng *rng, uint32_t ppm);

#endif
