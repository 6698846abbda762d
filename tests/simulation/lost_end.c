/* SPDX-License-Identifier: Apache-2.0 */
/* See lost_end.h. The marks are compared as an auditor does: the sends of all journals are read
 * first, then what was taken of them. */
#include "tests/simulation/lost_end.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "tests/simulation/verdict.h"

#define LOST_BATCHES_MAX 6 /* batches with sends or after them */

/* --- losing ----------------------------------------------------------------------------------- */

/* The batch of the newest send of this shard to another; 0: there is none. */
static uint64_t lost_end_newest(const struct run *run, uint16_t from)
{
    uint64_t place = 0;
    for (uint16_t to = 0; to < run->swarm.shards; to++)
        for (int all = 0; all < 2; all++) {
            const struct ref_stream *s = &run->sends.streams[from][to][all];
            if (to != from && s->sent > 0 && s->sends[s->sent - 1].place > place)
                place = s->sends[s->sent - 1].place;
        }
    return position_seq(place);
}

bool lost_end_happen(struct run *run)
{
    uint16_t first = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        uint16_t shard = (uint16_t)((first + i) % run->swarm.shards);
        uint64_t seq = lost_end_newest(run, shard);
        if (seq == 0)
            continue;
        uint64_t lost = rng_below(&run->rng, LOST_BATCHES_MAX);
        run->lost_end = true;
        world_note(&run->world, "lost end", shard, seq);
        store_sim_restore(run->sim, shard, seq > lost ? seq - lost - 1 : 0);
        return true;
    }
    return false;
}

void lost_end_stopped(struct run *run, uint16_t shard, const char *reason)
{
    if (strstr(reason, "has taken send") == NULL || strstr(reason, "the last one here") == NULL)
        broken("shard %u lost its end and stops without naming the marks: %s", shard, reason);
    run->cover.faults[COVER_LOST_END]++;
    run->noticed = true;
}

/* --- the books as they stand ------------------------------------------------------------------ */

struct lost_end_reading {
    const struct run *run;
    struct ref_sends sends;
    uint16_t shard;
    bool takes; /* second walk */
};

static bool decides_nothing(const struct record_send *send, uint64_t *unit, ref_amount *amount)
{
    (void)send;
    *unit = 0;
    *amount = 0;
    return false;
}

static bool lost_end_read(void *context, const struct batch_row *row)
{
    struct lost_end_reading *l = context;
    struct record_reader r;
    enum record_part part;
    record_reader_init(&r, row->body);
    while ((part = record_next(&r)) != RECORD_DONE) {
        check(part != RECORD_DAMAGED);
        if (part == RECORD_SEND && !l->takes)
            ref_sends_sent(&l->sends, l->shard, &r.send, position_make(row->seq, r.item),
                           r.send_hash);
        if (part == RECORD_TAKEN && l->takes) {
            ref_sends_begin(&l->sends);
            l->sends.parks = true; /* only its mark is looked at */
            ref_sends_taken(&l->sends, &r.taken);
            ref_sends_took(&l->sends, l->shard);
        }
    }
    return true;
}

/* All that any shard took is in the journal of the shard that sent it. */
static void lost_end_compare(const struct run *run)
{
    struct ref_crossing nothing = {.shards = run->swarm.shards};
    struct lost_end_reading l = {.run = run};
    ref_sends_init(&l.sends, run->swarm.shards, &nothing);
    l.sends.decides = decides_nothing;
    for (int walk = 0; walk < 2; walk++) {
        l.takes = walk == 1;
        for (l.shard = 0; l.shard < run->swarm.shards; l.shard++) {
            struct journal_store *store = run->journal_store;
            enum err e = store->ops->tail(store, l.shard, 1, lost_end_read, &l);
            check(e == ERR_OK);
        }
    }
    ref_sends_done(&l.sends);
}

void lost_end_check(const struct run *run)
{
    if (!run->noticed)
        lost_end_compare(run);
}
