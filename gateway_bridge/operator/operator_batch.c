/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of the journal, as they are stored. One, in pieces: what an auditor looks at when a
 * verification names it; whoever asks puts the pieces of its body together and reads them. Or a run
 * of them, as many as make RUN_BYTES: what a backup is made of; they are copied into the request's
 * arena, which only the worker touches meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/journal/batch_copy.h"
#include "schemas/result.h"

#define PIECE_MAX 65536 /* as declared */
#define RULE_MAX 200
#define RUN_MAX 1000 /* as declared */
#define RUN_BYTES ((size_t)1 << 20)

struct look {
    struct batch_copy copy;
    uint64_t head; /* the newest batch, where the one asked for is not there */
};

static uint16_t operator_batch_shard(const struct journal_batch_get *m)
{
    return (uint16_t)(m->has_shard ? m->shard : 0);
}

/* --- on the worker ---------------------------------------------------------------------------- */

static void operator_batch_take(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    const struct journal_batch_get *m = q->body;
    struct journal_store *s = q->operator->options.journal_store;
    struct look *l = q->answer;
    enum err e = batch_copy_take(&l->copy, s, operator_batch_shard(m), m->batch);
    enum err headless =
        e == ERR_NOT_FOUND ? s->ops->head(s, operator_batch_shard(m), &l->head) : ERR_OK;
    q->code = (uint16_t)(headless != ERR_OK ? headless : e);
}

/* --- on the loop's thread --------------------------------------------------------------------- */

static struct slice operator_batch_bytes(const struct sha256_digest *hash)
{
    return (struct slice){(const char *)hash->bytes, SHA256_SIZE};
}

static void operator_answer_piece(struct operator_request *q)
{
    const struct journal_batch_get *m = q->body;
    const struct batch_copy *c = &((const struct look *)q->answer)->copy;
    uint64_t offset = m->has_offset ? m->offset : 0;
    uint32_t rest = offset < c->row.body.len ? c->row.body.len - (uint32_t)offset : 0;
    struct journal_batch batch = {
        .shard = c->row.shard,
        .seq = c->row.seq,
        .epoch = c->row.epoch,
        .count = c->row.count,
        .previous_hash = operator_batch_bytes(&c->row.prev_hash),
        .hash = operator_batch_bytes(&c->row.hash),
        .has_hash_before = c->has_before,
        .hash_before = operator_batch_bytes(&c->before),
        .size = c->row.body.len,
        .piece = {c->row.body.data + c->row.body.len - rest, rest < PIECE_MAX ? rest : PIECE_MAX},
    };
    operator_answer_with(q, &journal_batch_type, &batch);
}

static void operator_refuse_absent(struct operator_request *q)
{
    const struct journal_batch_get *m = q->body;
    unsigned long long head = ((const struct look *)q->answer)->head;
    char rule[RULE_MAX];
    if (m->batch > 0 && m->batch <= head)
        snprintf(rule, sizeof rule,
                 "names a batch that is missing, although the journal of shard "
                 "%u goes on to %llu",
                 operator_batch_shard(m), head);
    else
        snprintf(rule, sizeof rule, "must be from 1 to %llu, the newest of shard %u", head,
                 operator_batch_shard(m));
    operator_refuse_field(q, "batch", rule);
}

static void operator_batch_taken(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    struct look *l = q->answer;
    struct batch_copy copy = l->copy; /* the answer takes the arena with it */
    if (q->code == RESULT_OK)
        operator_answer_piece(q);
    else if (q->code == RESULT_NOT_FOUND)
        operator_refuse_absent(q);
    else
        operator_answer(q, q->code);
    batch_copy_drop(&copy);
}

void operator_batch_get(struct operator_request *q)
{
    const struct journal_batch_get *m = q->body;
    if (m->has_shard && m->shard >= shard_set_count(operator_shards(q->operator))) {
        operator_refuse_shard(q);
        return;
    }
    q->answer = arena_alloc(&q->arena, sizeof(struct look));
    if (q->answer == NULL) {
        operator_answer(q, RESULT_NO_MEMORY);
        return;
    }
    q->work = (struct work){.run = operator_batch_take, .done = operator_batch_taken};
    env_work(loop_env(q->operator->options.loop), q->operator->worker, &q->work);
}

/* --- a run of batches ------------------------------------------------------------------------- */

struct run {
    struct operator_request *request;
    struct stored_batch batches[RUN_MAX];
    uint32_t count;
    size_t bytes;
};

static struct slice operator_copy_bytes(struct run *r, const void *data, size_t size)
{
    return arena_copy(&r->request->arena, (struct slice){data, (uint32_t)size});
}

static bool operator_run_add(void *context, const struct batch_row *row)
{
    struct run *r = context;
    if (row->body.len > PIECE_MAX)
        return false;
    r->batches[r->count++] = (struct stored_batch){
        .seq = row->seq,
        .epoch = row->epoch,
        .count = row->count,
        .previous_hash = operator_copy_bytes(r, row->prev_hash.bytes, SHA256_SIZE),
        .hash = operator_copy_bytes(r, row->hash.bytes, SHA256_SIZE),
        .body = operator_copy_bytes(r, row->body.data, row->body.len),
    };
    r->bytes += row->body.len;
    return r->count < RUN_MAX && r->bytes < RUN_BYTES;
}

static void operator_run_take(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    const struct journal_run_get *m = q->body;
    struct journal_store *s = q->operator->options.journal_store;
    q->code = (uint16_t)s->ops->tail(s, (uint16_t)m->shard, m->first, operator_run_add, q->answer);
    if (q->arena.failed)
        q->code = RESULT_NO_MEMORY;
}

static void operator_run_taken(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    struct run *r = q->answer;
    struct journal_run run = {.batches = r->batches, .batches_count = r->count};
    if (q->code == RESULT_OK)
        operator_answer_with(q, &journal_run_type, &run);
    else
        operator_answer(q, q->code);
}

void operator_run_get(struct operator_request *q)
{
    const struct journal_run_get *m = q->body;
    if (m->shard >= shard_set_count(operator_shards(q->operator))) {
        operator_refuse_shard(q);
        return;
    }
    if (!operator_make_answer(q, sizeof(struct run)))
        return;
    ((struct run *)q->answer)->request = q;
    q->work = (struct work){.run = operator_run_take, .done = operator_run_taken};
    env_work(loop_env(q->operator->options.loop), q->operator->worker, &q->work);
}
