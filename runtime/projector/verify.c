/* SPDX-License-Identifier: Apache-2.0 */
/* Each step reads the tail of the store from where the last one ended and replays it. It ends with
 * the first thing that does not hold: a batch the replay refuses, one the store cannot give, or,
 * after the newest batch, what a service's audit finds in the states. */
#include "runtime/projector/verify.h"

#include <stdio.h>

void verify_done(struct verify *v)
{
    replay_done(&v->replay);
    registry_done(&v->registry);
}

static uint64_t verify_batches_done(const struct verify *v)
{
    return v->replay.events + v->replay.records + v->replay.seq;
}

static bool verify_row(void *context, const struct batch_row *row)
{
    struct verify *v = context;
    if (replay_batch(&v->replay, row) != ERR_OK) {
        v->problem = v->replay.reason[0] != '\0' ? v->replay.reason : "a batch cannot be replayed";
        v->damaged_seq = v->replay.damaged_seq;
        return false;
    }
    return v->replay.seq < v->head_seq && verify_batches_done(v) < v->stop;
}

/* The store does not give the batch after the last one that is in order: damage, if it is missing
 * or the store says so itself; else what failed may work the next time. */
static void verify_unread(struct verify *v, enum err e)
{
    struct replay *r = &v->replay;
    bool damaged = e == ERR_NOT_FOUND || e == ERR_CORRUPT;
    unsigned long long last = r->seq;
    if (damaged)
        snprintf(r->reason, sizeof r->reason,
                 "journal of shard %u is damaged at batch %llu: it cannot be read from %s (%s); "
                 "batch %llu is the last that holds",
                 r->shard, last + 1, v->store->location,
                 e == ERR_NOT_FOUND ? "it is not there" : err_text(e), last);
    else
        snprintf(r->reason, sizeof r->reason,
                 "journal of shard %u cannot be read after batch %llu from %s: %s", r->shard, last,
                 v->store->location, err_text(e));
    v->damaged_seq = damaged ? last + 1 : 0;
    v->problem = r->reason;
}

static void verify_record(void *context, const struct record_reader *record)
{
    struct verify *v = context;
    if (record->taken.n > 0)
        marks_taken(v->marks, v->replay.shard, &record->taken);
}

void verify_init(struct verify *v, const struct domain *d, struct journal_store *s, uint16_t shard,
                 struct marks *marks)
{
    static const struct store_position first = {0};
    *v = (struct verify){.store = s, .marks = marks};
    registry_init(&v->registry, d);
    replay_init(&v->replay, d, &v->registry, shard, &first);
    v->replay.on_record = marks != NULL ? verify_record : NULL;
    v->replay.context = v;
    enum err e = s->ops->head(s, shard, &v->head_seq);
    if (e == ERR_CORRUPT)
        v->head_seq = UINT64_MAX;
    else if (e != ERR_OK)
        verify_unread(v, e);
}

static void verify_audit(struct verify *v)
{
    const struct domain *d = v->replay.domain;
    for (uint32_t i = 0; i < d->service_count && v->problem == NULL; i++) {
        if (d->services[i]->audit != NULL)
            v->problem = d->services[i]->audit(&v->registry);
    }
}

bool verify_step(struct verify *v, uint64_t most)
{
    check(!v->finished);
    uint64_t seq = v->replay.seq;
    if (v->problem == NULL && seq < v->head_seq) {
        v->stop = verify_batches_done(v) + most;
        enum err e = v->store->ops->tail(v->store, v->replay.shard, seq + 1, verify_row, v);
        if (e != ERR_OK && v->problem == NULL)
            verify_unread(v, e);
        if (v->problem == NULL && v->replay.seq == seq)
            verify_unread(v, ERR_NOT_FOUND);
    }
    v->finished = v->problem != NULL || v->replay.seq >= v->head_seq;
    if (v->finished && v->problem == NULL)
        verify_audit(v);
    return !v->finished;
}
