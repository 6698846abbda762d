/* SPDX-License-Identifier: Apache-2.0 */
/* Running: the turns of a pass, one after another, and what is noted of each. Messages that came
 * while nothing waited run straight from ingress; all others from their actor's mailbox, at most
 * SHARD_ACTOR_MESSAGES in a row, so that one busy actor does not keep the others waiting. The clock
 * is read once for up to SHARD_CLOCK_TURNS turns; a traced actor's turn is measured by itself. A
 * turn beyond a limit jumps back to running_turns(), which ends it and goes on. All of this is done
 * for every message, so the path of a turn that only looks at its actor is kept short. */
#include "runtime/shard/shard_priv.h"
#include "runtime/shard/turn_inline.h"

#define RUNNING_ASIDE ((uint64_t)1 << 63) /* in the high half of such an id */

/* --- the clock -------------------------------------------------------------------------------- */

/* To read the clock costs as much as a short turn. So it is read after each turn that wrote, and
 * for the others when a few have run, or the next message is for another handler: whatever took
 * long, its handler is known. */

static const char *name_of(const struct message_type *type)
{
    return type == NULL ? "timeout" : type->name;
}

/* One of the messages whose turns delayed everybody else, all of one handler. */
static void log_stall(struct shard *s, const struct message *m, uint64_t took_ns,
                      uint64_t suppressed)
{
    LOG_WARN(s->env->log, "turn_stalled", log_uint("shard", s->options.number),
             log_text("kind", s->options.domain->kinds[m->target_kind]->name),
             log_id("actor", m->target), log_text("message", name_of(m->type)),
             log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
             log_uint("took_us", took_ns / 1000), log_uint("turns", s->running.count),
             log_uint("suppressed", suppressed));
}

static void note_stall(struct shard *s, uint64_t took_ns)
{
    check(s->running.count <= SHARD_CLOCK_TURNS);
    check(s->running.count > 0);
    s->stats.stalls++;
    if (took_ns > s->stats.stall_ns_max)
        s->stats.stall_ns_max = took_ns;
    uint64_t suppressed;
    const struct message_type *type = s->running.turns[0]->type;
    uint32_t handler = (type != NULL ? type->number : 0) % SHARD_STALL_LIMITS;
    if (log_limit_pass(&s->stall_lines[handler], s->running.now_ns, &suppressed))
        for (uint32_t i = 0; i < s->running.count; i++)
            log_stall(s, s->running.turns[i], took_ns, suppressed);
}

static void running_trace(struct shard *s, const struct actor *a, const struct message *m,
                          uint64_t took_ns)
{
    check((a->flags & ACTOR_TRACED) != 0);
    LOG_INFO(s->env->log, "turn", log_uint("shard", s->options.number),
             log_text("kind", s->options.domain->kinds[a->kind]->name),
             log_id("actor", a->entry.id), log_text("message", name_of(m->type)),
             log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
             log_uint("code", m->code), log_uint("took_us", took_ns / 1000));
}

/* Returns how long the turns took that have run since the last look. */
static cold uint64_t read_clock(struct shard *s)
{
    uint64_t began_ns = s->running.now_ns;
    s->running.now_ns = env_mono_ns(s->env);
    check(s->running.now_ns >= began_ns);
    uint64_t took_ns = s->running.now_ns - began_ns;
    if (took_ns >= SHARD_TURN_STALL_NS && s->running.count > 0)
        note_stall(s, took_ns);
    s->running.count = 0;
    s->running.count_max = SHARD_CLOCK_TURNS;
    return took_ns;
}

/* Starts the clock anew, so that it measures the next turns without those before them. */
static void part_turns(struct shard *s)
{
    if (s->running.count > 0)
        (void)read_clock(s);
}

/* The next message is for another handler. */
static cold void change_handler(struct shard *s, const struct message *m)
{
    check(s->options.domain->kinds[m->target_kind] != NULL);
    const struct actor_kind *kind = s->options.domain->kinds[m->target_kind];
    part_turns(s);
    s->running.type = m->type;
    s->running.kind = m->target_kind;
    s->running.stats = &s->stats.kinds[m->target_kind];
    s->running.handle = NULL;
    for (uint32_t i = 0; i < kind->handler_count; i++)
        if (kind->handlers[i].type == m->type)
            s->running.handle = kind->handlers[i].handle;
}

static cold void end_turns(struct shard *s, const struct actor *a, const struct message *m)
{
    check(s->running.count > 0);
    uint64_t took_ns = read_clock(s);
    if ((a->flags & (ACTOR_TRACED | ACTOR_WAITING)) == ACTOR_TRACED)
        running_trace(s, a, m, took_ns);
}

/* --- one message ------------------------------------------------------------------------------ */

static inline void count_turn(struct shard *s, const struct message *m)
{
    struct shard_kind_stats *stats = s->running.stats;
    uint64_t wait_ns = s->running.now_ns - m->posted_ns;
    stats->turns++;
    stats->wait_ns_sum += wait_ns;
    if (wait_ns > stats->wait_ns_max)
        stats->wait_ns_max = wait_ns;
}

/* Where a message waits: with its actor, or, if it need not come before the others of that one,
 * under an id of its own, which no other message has. */
static cold struct actor *waits_with(struct shard *s, struct actor *a, struct message *m)
{
    if (!s->options.domain->kinds[a->kind]->independent || (a->entry.id.hi & RUNNING_ASIDE) != 0)
        return a;
    m->target = (struct id128){RUNNING_ASIDE | ++s->running.asides, s->options.number};
    return registry_insert(&s->registry, a->kind, m->target);
}

static cold struct actor *running_wait(struct shard *s, struct actor *a, struct message *m)
{
    struct actor *with = waits_with(s, a, m);
    admission_wait(&s->admission, with, m);
    return with;
}

static inline void running_ran(struct shard *s, struct actor *a, struct message *m,
                               enum turn_result result)
{
    s->running.turns[s->running.count++] = m;
    if (result == TURN_WAIT)
        a = running_wait(s, a, m);
    else
        count_turn(s, m);
    if (s->turn.must_finish || s->running.count >= s->running.count_max)
        end_turns(s, a, m);
}

static cold void running_expire(struct shard *s, struct message *m)
{
    check(m->deadline_ns != 0);
    s->stats.kinds[m->target_kind].expired++;
    answers_refuse(&s->answers, m, ERR_EXPIRED);
}

/* Twice in the code: the two ways here are those of nearly all messages. */
static inline __attribute__((always_inline)) void run_message(struct shard *s, struct actor *a,
                                                              struct message *m)
{
    if (m->deadline_ns != 0 && s->running.now_ns > m->deadline_ns) {
        running_expire(s, m);
        return;
    }
    if (m->type != s->running.type || m->target_kind != s->running.kind)
        change_handler(s, m);
    running_ran(s, a, m, turn_run(s, a, m));
}

/* --- one actor -------------------------------------------------------------------------------- */

/* What is special about its next turn; false if there is none now. */
static cold bool may_go_on(struct shard *s, const struct actor *a)
{
    check((a->flags & (ACTOR_CONTROLS | ACTOR_WAITING)) != 0);
    if ((a->flags & (ACTOR_HALTED | ACTOR_WAITING)) != 0)
        return false;
    part_turns(s);
    s->running.count_max = 1; /* traced: its turn by itself */
    return true;
}

static void refuse_mailbox(struct shard *s, struct actor *a)
{
    check((a->flags & ACTOR_QUARANTINED) != 0);
    while (a->mailbox_last != NULL) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        check(s->stats.kinds[a->kind].depth > 0);
        s->stats.kinds[a->kind].depth--;
        supervisor_refused(&s->supervisor, m);
    }
}

/* None of its turns runs any more. */
static cold void running_halt(struct shard *s, struct actor *a)
{
    check((a->flags & ACTOR_HALTED) != 0);
    if ((a->flags & ACTOR_QUARANTINED) != 0)
        refuse_mailbox(s, a);
}

static inline void run_mailbox(struct shard *s, struct actor *a)
{
    for (int left = SHARD_ACTOR_MESSAGES; !actor_mailbox_empty(a) && left > 0; left--) {
        if ((a->flags & (ACTOR_CONTROLS | ACTOR_WAITING)) != 0 && !may_go_on(s, a))
            return;
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        s->stats.kinds[a->kind].depth--;
        run_message(s, a, m);
        if (journal_full(&s->journal))
            return;
    }
}

/* After its turns of this pass: back on the queue if messages are left. */
static inline void done_with(struct shard *s, struct actor *a)
{
    if ((a->flags & ACTOR_HALTED) != 0)
        running_halt(s, a);
    admission_ran(&s->admission, a);
    if (!actor_mailbox_empty(a))
        schedule_ready(&s->schedule, a);
    else
        ingress_let_go(&s->ingress, a);
}

/* --- all actors ------------------------------------------------------------------------------- */

static inline bool time_left(const struct shard *s)
{
    return shard_may_run(s) && s->running.now_ns < s->running.end_ns;
}

static cold void run_queue(struct shard *s)
{
    while (!fifo_empty(&s->schedule.run_queue) && time_left(s)) {
        struct actor *a = schedule_next(&s->schedule);
        run_mailbox(s, a);
        done_with(s, a);
    }
}

bool running_time_left(const struct shard *s)
{
    return time_left(s) && s->writable && !closing_releases(&s->closing);
}

enum turn_result running_send(struct shard *s, struct actor *a, struct message *m)
{
    if (m->type != s->running.type || m->target_kind != s->running.kind)
        change_handler(s, m);
    a->flags |= ACTOR_USED; /* no mailbox holds it while the turn waits for what else it needs */
    enum turn_result result = turn_run_send(s, a, m);
    s->running.turns[s->running.count++] = m;
    if (result != TURN_WAIT)
        s->running.stats->turns++;
    end_turns(s, a, m);
    return result;
}

/* Its turn can run without a stay in the mailbox. */
static inline bool is_idle(const struct actor *a)
{
    return (a->flags & (ACTOR_CONTROLS | ACTOR_STATES)) == 0 && actor_mailbox_empty(a);
}

/* Those that came while nothing else waited. */
static cold void run_ingress(struct shard *s)
{
    const struct actor *last = NULL;
    int left = 0; /* of this one before the next one's turn */
    ingress_look_ahead(&s->ingress);
    ingress_look_ahead(&s->ingress);
    while (s->ingress.next < s->ingress.count && time_left(s)) {
        const struct ingress_item *i = ingress_next(&s->ingress);
        struct actor *a = ingress_target(&s->ingress, i->message, i->actor);
        if (a == NULL)
            continue;
        left = a == last ? left - 1 : SHARD_ACTOR_MESSAGES;
        last = a;
        if (left > 0 && is_idle(a)) {
            run_message(s, a, i->message);
            done_with(s, a);
        } else {
            ingress_deliver(&s->ingress, i->message, a);
        }
    }
}

static cold void end_after_jump(struct shard *s)
{
    check(s->turn.message != NULL);
    if (s->turn.message->origin != NULL) {
        running_send_gave_up(s);
        return;
    }
    check(s->turn.actor != NULL);
    struct actor *a = s->turn.actor;
    running_ran(s, a, s->turn.message, turn_gave_up(s));
    done_with(s, a);
}

/* Of many shards on a loop most have nothing to do in a pass that one of them wanted. */
static inline bool is_anything_ready(const struct shard *s)
{
    return s->ingress.count > 0 || !fifo_empty(&s->schedule.run_queue) || s->streams.waiting > 0 ||
           s->parked_retry.next != NULL;
}

void running_turns(struct shard *s, uint64_t budget_ns)
{
    check(budget_ns > 0);
    check(s->state == SHARD_RUNNING);
    if (!is_anything_ready(s)) {
        s->schedule.send_waits = false;
        return;
    }
    (void)read_clock(s);
    s->running.end_ns = s->running.now_ns + budget_ns;
    /* Set once for all turns, because it costs as much as a small turn. What is needed after the
     * jump is in the shard: variables of this function need not survive it. */
    if (setjmp(s->given_up) != 0)
        end_after_jump(s);
    s->schedule.send_waits = false;
    if (s->parked_retry.next != NULL)
        parked_retry_step(s);
    if (s->streams.waiting > 0)
        running_sends(s);
    run_ingress(s);
    run_queue(s);
    ingress_accept(&s->ingress);
    check(s->ingress.count == 0);
    if (s->running.count > 0)
        (void)read_clock(s); /* their messages are given back now */
}
