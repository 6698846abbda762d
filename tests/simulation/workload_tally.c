/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask of the tallies. The request's type decides what becomes of them (tally.h). */
#include "tests/simulation/workload.h"

#include "tests/simulation/tally.h"

static struct id128 some_tally(struct run *run)
{
    uint16_t shard = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    return tally_id(run->reference.slots, (uint32_t)rng_below(&run->rng, TALLIES), shard);
}

static bool make_notes(struct run *run, struct request *q)
{
    q->type = &tally_post_type;
    q->who = workload_clerk(run);
    q->body.tally_note = (struct tally_note){some_tally(run), some_tally(run),
                                             1 + rng_below(&run->rng, TALLY_BURST_MAX)};
    return true;
}

static bool make_news(struct run *run, struct request *q)
{
    q->type = &tally_tell_type;
    q->who = workload_clerk(run);
    q->body.tally_news = (struct tally_news){.tally = some_tally(run)};
    return true;
}

static bool names_twice(const struct tally_move *m, uint64_t part)
{
    for (uint64_t i = 0; i < part; i++)
        if (id128_equal(m->tallies[i], m->tallies[part]))
            return true;
    return false;
}

/* Coins for one part from another, or from two. */
static void draw_deltas(struct run *run, struct tally_move *m)
{
    int64_t sum = 0;
    for (uint64_t i = 0; i + 1 < m->count; i++) {
        int64_t coins = (int64_t)rng_below(&run->rng, workload_chance(run, 4) ? 200 : 20);
        m->deltas[i] = workload_chance(run, 2) ? coins : -coins;
        sum += m->deltas[i];
    }
    m->deltas[m->count - 1] = -sum;
}

static bool make_move(struct run *run, struct request *q)
{
    struct tally_move *m = &q->body.tally_move;
    q->type = &tally_move_type;
    q->who = workload_clerk(run);
    m->move = (struct id128){rng_next(&run->rng) >> 1, rng_next(&run->rng)};
    m->count = 1 + rng_below(&run->rng, TALLY_PARTS_MAX);
    for (uint64_t i = 0; i < m->count; i++)
        do {
            m->tallies[i] = some_tally(run);
        } while (names_twice(m, i));
    m->target = m->tallies[0];
    draw_deltas(run, m);
    return true;
}

const struct operation tally_operations[] = {
    {"notes", make_notes},
    {"news", make_news},
    {"move", make_move},
};
const uint32_t tally_operation_count = array_len(tally_operations);
