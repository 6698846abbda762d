/* SPDX-License-Identifier: Apache-2.0 */
/* View read: a message that is answered from the views (message_type.view): a list or report. It
 * first waits until the views hold everything that was durable when it came, so that a client sees
 * its own writes; then its query (domain.h) runs on the store's read worker. What is about one
 * actor waits for the views of its shard, anything else for those of all shards. */
#include <stdatomic.h>

#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/shard/shard_priv.h"

#define VIEW_READ_LOOK_NS (100 * NS_PER_MS) /* how late an answer EXPIRED may be */

struct view_read {
    struct fifo_link link;
    struct work work;
    struct shard *shard;
    struct message *message;
    bool captured;   /* seqs are set: each shard has opened */
    uint64_t seqs[]; /* the views must have reached these batches, one of each shard */
};

static void view_read_run(struct work *w)
{
    struct view_read *q = container_of(w, struct view_read, work);
    struct message *m = q->message;
    if (atomic_load_explicit(&q->shard->view_reads.ended, memory_order_relaxed)) {
        m->code = ERR_UNAVAILABLE; /* thousands may lie before the last one */
        return;
    }
    wire_writer_clear(&m->reply);
    m->code = q->shard->options.domain->queries[m->type->number]->run(
        q->shard->options.view_store, m, &m->reply, &m->reply_type);
    if (m->reply.failed) {
        m->code = ERR_TOO_LARGE;
        m->reply_type = 0;
    }
}

static void view_read_end(struct view_read *q)
{
    struct shard *s = q->shard;
    fifo_push(&s->answered, &q->message->link);
    s->view_reads.count--;
    slab_give(&s->view_reads.slab, q);
    env_wake(s->env);
}

static void end_with(struct view_read *q, uint16_t code)
{
    q->message->code = code;
    view_read_end(q);
}

static void view_read_done(struct work *w)
{
    struct view_read *q = container_of(w, struct view_read, work);
    struct shard *s = q->shard;
    uint64_t suppressed;
    if (q->message->code == ERR_CORRUPT)
        s->options.view_store->ops->damaged(s->options.view_store);
    if (q->message->code == ERR_CORRUPT &&
        log_limit_pass(&s->view_reads.damaged_lines, env_mono_ns(s->env), &suppressed))
        LOG_ERROR(s->env->log, "views_damaged", log_uint("shard", s->options.number),
                  log_text("message", q->message->type->name),
                  log_text("reason", SHARD_VIEWS_DAMAGED), log_uint("suppressed", suppressed));
    view_read_end(q);
}

static bool is_late(const struct shard *s, const struct view_read *q)
{
    uint64_t deadline = q->message->deadline_ns;
    return deadline != 0 && env_mono_ns(s->env) > deadline;
}

static void end_late(struct shard *s, struct view_read *q)
{
    s->stats.kinds[q->message->target_kind].expired++;
    end_with(q, ERR_EXPIRED);
}

static enum view_read_reach reach_of(const struct view_read *q)
{
    return q->message->type->target_offset == MESSAGE_NO_OFFSET ? VIEW_READ_ALL : VIEW_READ_OWN;
}

static bool view_read_capture(struct shard *s, struct view_read *q)
{
    struct progress *p = s->options.progress;
    if (reach_of(q) == VIEW_READ_ALL && !MUTANT(LIST_OWN_SHARD))
        return progress_capture(p, s->options.number, q->seqs);
    progress_capture_own(p, s->options.number, q->seqs);
    return true;
}

static void begin_wait(struct shard *s, struct view_read *q)
{
    fifo_push(&s->view_reads.waiting[reach_of(q)], &q->link);
    progress_wait(s->options.progress, s->options.number, true);
    if (q->message->deadline_ns != 0 && s->view_reads.expiry.due_ns == 0)
        env_alarm_set(s->env, &s->view_reads.expiry, env_mono_ns(s->env) + VIEW_READ_LOOK_NS);
}

/* Deadlines differ: one behind the first may pass before it. */
static void view_read_expire(struct alarm *a)
{
    struct shard *s = container_of(a, struct shard, view_reads.expiry);
    struct fifo looked_at;
    struct fifo_link *link;
    for (int reach = 0; reach < VIEW_READ_REACHES; reach++) {
        looked_at = s->view_reads.waiting[reach];
        fifo_init(&s->view_reads.waiting[reach]);
        while ((link = fifo_pop(&looked_at)) != NULL) {
            struct view_read *q = container_of(link, struct view_read, link);
            if (is_late(s, q))
                end_late(s, q);
            else
                begin_wait(s, q);
        }
    }
}

void view_read_post(struct shard *s, struct message *m)
{
    if (m->type->number >= DOMAIN_NUMBER_MAX ||
        s->options.domain->queries[m->type->number] == NULL) {
        shard_finish(s, m, ERR_UNSUPPORTED);
        return;
    }
    if (atomic_load_explicit(&s->view_reads.ended, memory_order_relaxed)) {
        shard_finish(s, m, ERR_UNAVAILABLE);
        return;
    }
    if (s->view_reads.count >= SHARD_VIEW_READS_MAX) {
        shard_finish(s, m, ERR_BUSY);
        m->retry_after_ms = SHARD_BUSY_RETRY_MS;
        return;
    }
    struct view_read *q = slab_take(&s->view_reads.slab);
    check(q != NULL);
    *q = (struct view_read){
        .work = {.run = view_read_run, .done = view_read_done},
        .shard = s,
        .message = m,
    };
    q->captured = view_read_capture(s, q);
    m->version = 0;
    m->reply_type = 0;
    s->view_reads.count++;
    begin_wait(s, q);
    view_reads_advance(s);
    env_wake(s->env);
}

/* Whose views are behind knows it, hurries, and notifies this shard when they have moved. */
static enum progress_wait view_read_look(struct shard *s, struct view_read *q)
{
    if (!q->captured)
        q->captured = view_read_capture(s, q);
    if (MUTANT(STALE_LIST))
        return PROGRESS_REACHED;
    return q->captured ? progress_reached(s->options.progress, q->seqs) : PROGRESS_BEHIND;
}

static void view_read_advance(struct shard *s, struct fifo *waiting)
{
    while (!fifo_empty(waiting)) {
        struct view_read *q = container_of(waiting->first, struct view_read, link);
        bool late = is_late(s, q);
        enum progress_wait found = late ? PROGRESS_NEVER : view_read_look(s, q);
        if (found == PROGRESS_BEHIND)
            return; /* those behind it came later and wait for no less */
        fifo_pop(waiting);
        if (late)
            end_late(s, q);
        else if (found == PROGRESS_NEVER)
            end_with(q, ERR_UNAVAILABLE);
        else
            env_work(s->env, s->options.read_worker, &q->work);
    }
}

void view_reads_advance(struct shard *s)
{
    bool waiting = false;
    for (int reach = 0; reach < VIEW_READ_REACHES; reach++) {
        view_read_advance(s, &s->view_reads.waiting[reach]);
        waiting |= !fifo_empty(&s->view_reads.waiting[reach]);
    }
    if (!waiting)
        progress_wait(s->options.progress, s->options.number, false);
}

void view_reads_fail_all(struct shard *s, uint16_t code)
{
    struct fifo_link *link;
    for (int reach = 0; reach < VIEW_READ_REACHES; reach++)
        while ((link = fifo_pop(&s->view_reads.waiting[reach])) != NULL)
            end_with(container_of(link, struct view_read, link), code);
    progress_wait(s->options.progress, s->options.number, false);
}

void view_reads_end_all(struct shard *s)
{
    atomic_store_explicit(&s->view_reads.ended, true, memory_order_relaxed);
    view_reads_fail_all(s, ERR_UNAVAILABLE);
}

void view_reads_init(struct shard *s)
{
    s->view_reads.damaged_lines =
        (struct log_limit){.lines_max = 1, .window_ns = SHARD_STALL_LOG_NS};
    for (int reach = 0; reach < VIEW_READ_REACHES; reach++)
        fifo_init(&s->view_reads.waiting[reach]);
    slab_init(&s->view_reads.slab,
              sizeof(struct view_read) + s->options.progress->count * sizeof(uint64_t));
    s->view_reads.expiry.fire = view_read_expire;
}
