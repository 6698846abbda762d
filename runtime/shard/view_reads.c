/* SPDX-License-Identifier: Apache-2.0 */
/* Lists wait in the order of arrival: a later one never waits for less than the first, so only the
 * first is looked at. A list
 * whose wait is over goes into the fair queue, from there to the read worker, at most
 * VIEW_READS_BEGUN_MAX at a time, and is answered when it was read. So nearly all that wait are
 * here, where they can be ended, and not in the worker's queue. Accesses to progress.h are ordered
 * so that a view that moves either finds the waiting mark set or is seen by the look that follows.
 */
#include "runtime/shard/view_reads.h"

#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/shard/query_run.h"

struct view_read {
    struct fifo_link link;
    struct work work;
    struct view_reads *reads;
    struct fair_asker *asker;
    struct message *message;
    uint64_t cost;   /* once it was read */
    bool captured;   /* seqs are set: each shard has opened */
    uint64_t seqs[]; /* the views must have reached these batches, one of each shard */
};

static void view_read_run(struct work *w)
{
    struct view_read *q = container_of(w, struct view_read, work);
    struct view_reads *v = q->reads;
    struct message *m = q->message;
    check(m->type->view);
    struct query_run run = {.under = v->store, .env = v->env, .message = m, .ended = &v->ended};
    q->cost = query_run(&run, v->domain->queries[m->type->number]);
}

static void view_read_end(struct view_read *q)
{
    struct view_reads *v = q->reads;
    answers_push(v->answers, q->message);
    fair_queue_leave(&v->ready, q->asker);
    check(v->count > 0);
    v->count--;
    slab_give(&v->slab, q);
    env_wake(v->env);
}

static void end_with(struct view_read *q, uint16_t code)
{
    check(code != ERR_OK);
    q->message->code = code;
    view_read_end(q);
}

static bool is_over(const struct view_reads *v, const struct view_read *q)
{
    return !MUTANT(WAIT_FOR_THE_GONE) && message_over(q->message, env_mono_ns(v->env));
}

static void end_over(struct view_reads *v, struct view_read *q)
{
    v->stats->kinds[q->message->target_kind].expired++;
    end_with(q, ERR_EXPIRED);
}

/* Keeps the worker busy with what is next. */
static void view_reads_begin(struct view_reads *v)
{
    struct fifo_link *link;
    while (v->begun < VIEW_READS_BEGUN_MAX && (link = fair_queue_pop(&v->ready)) != NULL) {
        struct view_read *q = container_of(link, struct view_read, link);
        if (is_over(v, q)) {
            end_over(v, q);
            continue;
        }
        v->begun++;
        env_work(v->env, v->worker, &q->work);
    }
}

static void view_read_done(struct work *w)
{
    struct view_read *q = container_of(w, struct view_read, work);
    struct view_reads *v = q->reads;
    uint64_t suppressed;
    check(v->begun > 0);
    v->begun--;
    fair_queue_charge(q->asker, q->cost);
    if (q->message->code == ERR_EXPIRED)
        v->stats->kinds[q->message->target_kind].expired++;
    if (q->message->code == ERR_CORRUPT)
        v->store->ops->damaged(v->store);
    if (q->message->code == ERR_CORRUPT &&
        log_limit_pass(&v->damaged_lines, env_mono_ns(v->env), &suppressed))
        LOG_ERROR(v->env->log, "views_damaged", log_uint("shard", v->number),
                  log_text("message", q->message->type->name),
                  log_text("reason", VIEWS_DAMAGED_REASON), log_uint("suppressed", suppressed));
    view_read_end(q);
    view_reads_begin(v);
}

static bool is_about_one_actor(const struct view_read *q)
{
    return q->message->type->target_offset != MESSAGE_NO_OFFSET;
}

static void begin_wait(struct view_reads *v, struct view_read *q)
{
    check(v->count > 0);
    fifo_push(&v->waiting, &q->link);
    progress_wait(v->progress, v->number, true);
}

/* What is not begun is looked at from time to time. */
static void view_reads_watch(struct view_reads *v)
{
    if (v->count > v->begun && v->expiry.due_ns == 0)
        env_alarm_set(v->env, &v->expiry, env_mono_ns(v->env) + VIEW_READ_LOOK_NS);
}

static bool link_is_over(void *context, const struct fifo_link *link)
{
    return is_over(context, container_of(link, const struct view_read, link));
}

static void expire_ready(struct view_reads *v)
{
    struct fifo over;
    struct fifo_link *link;
    fifo_init(&over);
    fair_queue_take(&v->ready, link_is_over, v, &over);
    while ((link = fifo_pop(&over)) != NULL)
        end_over(v, container_of(link, struct view_read, link));
}

/* Deadlines differ: that of a later one may pass before that of the first. */
static void view_read_expire(struct alarm *a)
{
    struct view_reads *v = container_of(a, struct view_reads, expiry);
    check(v->expiry.due_ns == 0);
    struct fifo looked_at = v->waiting;
    struct fifo_link *link;
    fifo_init(&v->waiting);
    while ((link = fifo_pop(&looked_at)) != NULL) {
        struct view_read *q = container_of(link, struct view_read, link);
        if (is_over(v, q))
            end_over(v, q);
        else
            begin_wait(v, q);
    }
    expire_ready(v);
    view_reads_watch(v);
}

void view_reads_post(struct view_reads *v, struct message *m)
{
    check(m->type != NULL && m->type->view);
    if (m->type->number >= DOMAIN_NUMBER_MAX || v->domain->queries[m->type->number] == NULL) {
        answers_refuse(v->answers, m, ERR_UNSUPPORTED);
        return;
    }
    if (atomic_load_explicit(&v->ended, memory_order_relaxed)) {
        answers_refuse(v->answers, m, ERR_UNAVAILABLE);
        return;
    }
    if (v->count >= VIEW_READS_MAX) {
        answers_refuse_busy(v->answers, m, ERR_BUSY);
        return;
    }
    struct fair_asker *asker = fair_queue_enter(&v->ready, &m->who);
    if (asker == NULL) {
        answers_refuse_busy(v->answers, m, ERR_BUSY);
        return;
    }
    struct view_read *q = slab_take(&v->slab);
    *q = (struct view_read){
        .work = {.run = view_read_run, .done = view_read_done},
        .reads = v,
        .asker = asker,
        .message = m,
    };
    q->captured = progress_capture(v->progress, v->number, is_about_one_actor(q), q->seqs);
    m->runtime.slots = v->slots;
    m->version = 0;
    m->reply_type = 0;
    v->count++;
    begin_wait(v, q);
    view_reads_advance(v);
    view_reads_watch(v);
    env_wake(v->env);
}

/* A shard whose views are late has a mark that its views are waited for: it projects without a
 * pause and notifies this shard when they have moved. */
static enum progress_wait view_read_look(struct view_reads *v, struct view_read *q)
{
    bool one_actor = is_about_one_actor(q);
    if (!q->captured)
        q->captured = progress_capture(v->progress, v->number, one_actor, q->seqs);
    if (MUTANT(STALE_LIST))
        return PROGRESS_REACHED;
    if (!q->captured)
        return PROGRESS_BEHIND;
    enum progress_wait found = progress_reached(v->progress, q->seqs);
    return found == PROGRESS_NEVER && one_actor ? PROGRESS_STUCK : found;
}

static void view_read_ready(struct view_reads *v, struct view_read *q, bool stale)
{
    struct message *m = q->message;
    m->stale = stale;
    m->shown_ns = stale ? progress_shown_ns(v->progress, q->seqs) : 0;
    fair_queue_push(&v->ready, q->asker, &q->link);
}

void view_reads_advance(struct view_reads *v)
{
    while (!fifo_empty(&v->waiting)) {
        struct view_read *q = container_of(v->waiting.first, struct view_read, link);
        bool over = is_over(v, q);
        enum progress_wait found = over ? PROGRESS_NEVER : view_read_look(v, q);
        if (found == PROGRESS_BEHIND)
            break; /* those after it came later and wait for no less */
        fifo_pop(&v->waiting);
        if (over)
            end_over(v, q);
        else if (found == PROGRESS_NEVER)
            end_with(q, ERR_UNAVAILABLE);
        else
            view_read_ready(v, q, found == PROGRESS_STUCK);
    }
    if (fifo_empty(&v->waiting))
        progress_wait(v->progress, v->number, false);
    view_reads_begin(v);
}

void view_reads_fail_all(struct view_reads *v, uint16_t code)
{
    check(code != ERR_OK);
    struct fifo_link *link;
    while ((link = fifo_pop(&v->waiting)) != NULL)
        end_with(container_of(link, struct view_read, link), code);
    while ((link = fair_queue_pop(&v->ready)) != NULL)
        end_with(container_of(link, struct view_read, link), code);
    progress_wait(v->progress, v->number, false);
}

void view_reads_end_all(struct view_reads *v)
{
    atomic_store_explicit(&v->ended, true, memory_order_relaxed);
    check(atomic_load_explicit(&v->ended, memory_order_relaxed));
    view_reads_fail_all(v, ERR_UNAVAILABLE);
}

bool view_reads_idle(const struct view_reads *v)
{
    return v->count == 0;
}

void view_reads_kill(struct view_reads *v)
{
    v->count = 0;
}

void view_reads_done(struct view_reads *v)
{
    check(v->count == 0);
    fair_queue_done(&v->ready);
    slab_done(&v->slab);
}

void view_reads_init(struct view_reads *v, const struct view_reads *uses)
{
    check(uses->env != NULL);
    check(uses->domain != NULL);
    check(uses->store != NULL);
    check(uses->progress != NULL);
    check(uses->answers != NULL);
    check(uses->stats != NULL);
    check(uses->number < uses->progress->count);
    *v = *uses;
    v->damaged_lines = (struct log_limit){.lines_max = 1, .window_ns = VIEW_READS_LOG_NS};
    fifo_init(&v->waiting);
    fair_queue_init(&v->ready);
    slab_init(&v->slab, sizeof(struct view_read) + v->progress->count * sizeof(uint64_t));
    v->expiry.fire = view_read_expire;
}
