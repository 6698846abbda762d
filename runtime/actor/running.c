/* SPDX-License-Identifier: Apache-2.0 */
/* Running: the turns of a pass, one after another, and what is noted of each. Whatever is done here
 * is done for every message, so the way of a turn that only looks at its actor is kept short. */
#include "runtime/actor/shard_priv.h"

/* --- what is noted --------------------------------------------------------------------------- */

static const char *name_of(const struct message_type *type)
{
    return type == NULL ? "timeout" : type->name;
}

/* A handler that held up everybody else for too long. */
static void note_stall(struct shard *s, const struct actor *a, const struct message *m,
                       uint64_t took_ns)
{
    s->stats.stalls++;
    if (took_ns > s->stats.stall_ns_max)
        s->stats.stall_ns_max = took_ns;
    uint64_t suppressed;
    if (log_limit_pass(&s->stall_lines, s->running.now_ns, &suppressed))
        LOG_WARN(s->env->log, "turn_stalled", log_uint("shard", s->options.number),
                 log_text("kind", s->options.domain->kinds[a->kind]->name),
                 log_id("actor", a->entry.id), log_text("message", name_of(m->type)),
                 log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
                 log_uint("took_us", took_ns / 1000), log_uint("suppressed", suppressed));
}

static void trace(struct shard *s, const struct actor *a, const struct message *m,
                  uint64_t took_ns)
{
    LOG_INFO(s->env->log, "turn", log_uint("shard", s->options.number),
             log_text("kind", s->options.domain->kinds[a->kind]->name),
             log_id("actor", a->entry.id), log_text("message", name_of(m->type)),
             log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
             log_uint("code", m->code), log_uint("took_us", took_ns / 1000));
}

static out_of_line void read_clock(struct shard *s, const struct actor *a, const struct message *m,
                                   uint64_t tick_ns)
{
    uint64_t began_ns = s->running.now_ns;
    s->running.now_ns = env_mono_ns(s->env);
    s->tick_ns = tick_ns;
    s->tick_turns = 0;
    uint64_t took_ns = s->running.now_ns - began_ns;
    if (took_ns >= SHARD_TURN_STALL_NS)
        note_stall(s, a, m, took_ns);
    if ((a->flags & ACTOR_TRACED) != 0)
        trace(s, a, m, took_ns);
}

/* To read the clock costs as much as many a turn: it is read after every SHARD_CLOCK_TURNS turns,
 * and at once after one that the system's tick shows to have been long. */
static void note_turn(struct shard *s, const struct actor *a, const struct message *m)
{
    struct shard_kind_stats *stats = &s->stats.kinds[a->kind];
    stats->turns++;
    if (m->type != NULL) {
        uint64_t wait_ns = s->running.now_ns - m->posted_ns;
        stats->depth--;
        stats->wait_ns_sum += wait_ns;
        if (wait_ns > stats->wait_ns_max)
            stats->wait_ns_max = wait_ns;
    }
    uint64_t tick_ns = env_tick_ns(s->env);
    if (tick_ns != s->tick_ns || ++s->tick_turns >= SHARD_CLOCK_TURNS ||
        (a->flags & ACTOR_TRACED) != 0)
        read_clock(s, a, m, tick_ns);
}

/* --- running --------------------------------------------------------------------------------- */

/* Its actor stops here: the message stays its first one until what it needs is there. */
static void wait(struct shard *s, struct actor *a, struct message *m)
{
    s->running.left = 0;
    actor_mailbox_put_back(a, &m->link);
    a->flags |= ACTOR_WAITING;
    if (a == s->alone)
        fifo_push_front(&s->wait_queue, &a->run_link);
    else
        fifo_push(&s->wait_queue, &a->run_link);
}

static void ran(struct shard *s, enum turn_result result)
{
    struct actor *a = s->turn.actor;
    struct message *m = s->turn.message;
    if (result == TURN_WAIT)
        wait(s, a, m);
    else
        note_turn(s, a, m);
}

static void run_message(struct shard *s, struct actor *a)
{
    struct message *m = container_of(actor_mailbox_take(a), struct message, link);
    shard_woken_done(s, a);
    if (m->deadline_ns != 0 && s->running.now_ns > m->deadline_ns) {
        s->stats.kinds[a->kind].expired++;
        s->stats.kinds[a->kind].depth--;
        shard_finish(s, m, ERR_EXPIRED);
        return;
    }
    if ((a->flags & ACTOR_TRACED) != 0)
        s->running.now_ns = env_mono_ns(s->env);
    ran(s, turn_run(s, a, m));
}

static void refuse_mailbox(struct shard *s, struct actor *a)
{
    while (a->mailbox_last != NULL) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        if (m->type != NULL)
            s->stats.kinds[a->kind].depth--;
        supervisor_refused(s, m);
    }
}

/* A placeholder that turned out to stand for nothing. */
static void forget_if_nothing(struct shard *s, struct actor *a)
{
    const uint16_t kept = ACTOR_EXISTS | ACTOR_LOADING | ACTOR_QUEUED | ACTOR_WAITING |
                         ACTOR_ORDERS;
    if ((a->flags & kept) == 0 && a->touched_seq == 0)
        registry_evict(&s->registry, a);
}

/* Goes on with the messages of the actor whose turn it is. */
static void run_actor(struct shard *s)
{
    struct actor *a = s->running.actor;
    while (a->mailbox_last != NULL && s->running.left > 0) {
        if ((a->flags & ACTOR_HELD) != 0 || journal_full(&s->journal))
            break;
        s->running.left--;
        run_message(s, a);
    }
    if ((a->flags & ACTOR_QUARANTINED) != 0)
        refuse_mailbox(s, a);
    if ((a->flags & ACTOR_HELD) != 0)
        shard_woken_done(s, a);
    if (a == s->alone && (a->flags & ACTOR_WAITING) == 0)
        shard_served(s);
    if (a->mailbox_last != NULL)
        shard_ready(s, a);
    else
        forget_if_nothing(s, a);
}

void running_turns(struct shard *s, uint64_t budget_ns)
{
    s->running.now_ns = env_mono_ns(s->env);
    s->running.end_ns = s->running.now_ns + budget_ns;
    /* Set once for all turns, for it costs as much as many a turn. What is needed behind it stands
     * in the shard: variables of this function need not survive the jump. */
    if (setjmp(s->given_up) != 0) {
        ran(s, turn_gave_up(s));
        run_actor(s);
    }
    while (!fifo_empty(&s->run_queue) && shard_may_run(s)) {
        struct actor *a = actor_of_run_link(fifo_pop(&s->run_queue));
        a->flags &= (uint16_t)~ACTOR_QUEUED;
        s->running.actor = a;
        s->running.left = SHARD_ACTOR_MESSAGES;
        run_actor(s);
        if (s->running.now_ns >= s->running.end_ns)
            return;
    }
}
