/* SPDX-License-Identifier: Apache-2.0 */
/* Inquiry: a list or report. It first waits until the views hold everything that was durable when
 * it came, so that a client sees its own writes, then runs on the store's read lane. */
#include <stdatomic.h>

#include "runtime/actor/shard_priv.h"
#include "runtime/base/plant.h"

struct inquiry {
    struct fifo_link link;
    struct work work;
    struct shard *shard;
    struct message *message;
    uint64_t seq; /* the views must have reached this batch */
};

static void inquiry_run(struct work *w)
{
    struct inquiry *q = container_of(w, struct inquiry, work);
    struct message *m = q->message;
    if (atomic_load_explicit(&q->shard->inquiries.ended, memory_order_relaxed)) {
        m->code = ERR_UNAVAILABLE; /* thousands may lie before the last one */
        return;
    }
    wire_writer_clear(&m->reply);
    m->code = q->shard->options.domain->queries[m->type->number]->run(
        q->shard->options.store, m, &m->reply, &m->reply_type);
    if (m->reply.failed) {
        m->code = ERR_TOO_LARGE;
        m->reply_type = 0;
    }
}

static void inquiry_end(struct inquiry *q)
{
    struct shard *s = q->shard;
    fifo_push(&s->answered, &q->message->link);
    s->inquiries.count--;
    slab_give(&s->inquiries.slab, q);
    env_wake(s->env);
}

static void inquiry_done(struct work *w)
{
    inquiry_end(container_of(w, struct inquiry, work));
}

void inquiry_post(struct shard *s, struct message *m)
{
    if (m->type->number >= DOMAIN_NUMBER_MAX ||
        s->options.domain->queries[m->type->number] == NULL) {
        shard_finish(s, m, ERR_UNSUPPORTED);
        return;
    }
    if (atomic_load_explicit(&s->inquiries.ended, memory_order_relaxed)) {
        shard_finish(s, m, ERR_UNAVAILABLE);
        return;
    }
    if (s->inquiries.count >= SHARD_INQUIRIES_MAX) {
        shard_finish(s, m, ERR_BUSY);
        m->retry_after_ms = SHARD_BUSY_RETRY_MS;
        return;
    }
    struct inquiry *q = slab_take(&s->inquiries.slab);
    check(q != NULL);
    *q = (struct inquiry){
        .work = {.run = inquiry_run, .done = inquiry_done},
        .shard = s,
        .message = m,
        .seq = s->journal.committed_seq,
    };
    m->version = 0;
    m->reply_type = 0;
    s->inquiries.count++;
    fifo_push(&s->inquiries.waiting, &q->link);
    inquiry_advance(s);
    env_wake(s->env);
}

void inquiry_advance(struct shard *s)
{
    while (!fifo_empty(&s->inquiries.waiting)) {
        struct inquiry *q = container_of(s->inquiries.waiting.first, struct inquiry, link);
        uint64_t deadline = q->message->deadline_ns;
        if (deadline != 0 && env_mono_ns(s->env) > deadline) {
            fifo_pop(&s->inquiries.waiting);
            q->message->code = ERR_EXPIRED;
            inquiry_end(q);
            continue;
        }
        if (q->seq > s->projector.position.seq && !PLANT(STALE_LIST))
            return; /* the pass sees that somebody waits and hurries the projector */
        fifo_pop(&s->inquiries.waiting);
        env_work(s->env, s->options.read_lane, &q->work);
    }
}

void inquiry_fail_all(struct shard *s, uint16_t code)
{
    struct fifo_link *link;
    while ((link = fifo_pop(&s->inquiries.waiting)) != NULL) {
        struct inquiry *q = container_of(link, struct inquiry, link);
        q->message->code = code;
        inquiry_end(q);
    }
}

void shard_end_lists(struct shard *s)
{
    atomic_store_explicit(&s->inquiries.ended, true, memory_order_relaxed);
    inquiry_fail_all(s, ERR_UNAVAILABLE);
}

size_t inquiry_size(void)
{
    return sizeof(struct inquiry);
}
