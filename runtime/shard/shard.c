/* SPDX-License-Identifier: Apache-2.0 */
/* Shard: life and pass. Posts are in ingress.c, how turns follow each other in running.c, the turn
 * in turn.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/shard/shard_priv.h"

/* --- state ------------------------------------------------------------------------------------ */

enum shard_state shard_state(const struct shard *s)
{
    return s->state;
}

bool shard_writable(const struct shard *s)
{
    return s->state == SHARD_RUNNING && s->writable;
}

static void accept_parked(struct shard *s)
{
    struct message *m;
    for (size_t left = s->stash.count; left > 0 && (m = stash_take(s)) != NULL; left--)
        ingress_take(s, m);
}

void shard_set_state(struct shard *s, enum shard_state state)
{
    s->state = state;
    if (state == SHARD_STOPPED)
        progress_stop(s->options.progress, s->options.number);
    if (state == SHARD_RUNNING) {
        progress_open(s->options.progress, s->options.number, s->journal.committed_seq,
                      s->projector.follower.position.seq);
        controls_restore(s);
        accept_parked(s);
        deadlines_sweep(s);
        filter_fill_start(s);
        scrub_start(&s->scrub);
        if (!s->writable)
            env_alarm_set(s->env, &s->probe_alarm,
                          env_mono_ns(s->env) + SHARD_FULL_PROBE_NS);
    }
    s->options.state_changed(s->options.context, state, state == SHARD_STOPPED ? s->reason : NULL);
    env_wake(s->env);
}

void shard_finish(struct shard *s, struct message *m, uint16_t code)
{
    m->code = code;
    m->reply_type = 0;
    m->version = 0;
    m->retry_after_ms = 0;
    fifo_push(&s->answered, &m->link);
    env_wake(s->env);
}

/* Nobody will learn the outcome of these batches from this process. */
static void fail_batches(struct shard *s, bool sent_too)
{
    struct batch *b;
    while (s->journal.open != NULL || sent_too) {
        b = sent_too ? journal_take_failed(&s->journal) : journal_take_unsent(&s->journal);
        if (b == NULL)
            break;
        struct fifo_link *deferred;
        while ((deferred = fifo_pop(&b->deferred)) != NULL)
            shard_finish(s, container_of(deferred, struct message, link), ERR_UNAVAILABLE);
        journal_spare(&s->journal, b);
    }
}

static void stop_alarms(struct shard *s)
{
    env_alarm_stop(s->env, &s->wheel_alarm);
    env_alarm_stop(s->env, &s->probe_alarm);
    env_alarm_stop(s->env, &s->sweep_alarm);
    env_alarm_stop(s->env, &s->closing_alarm);
    env_alarm_stop(s->env, &s->controls.expiry);
    env_alarm_stop(s->env, &s->stash.expiry);
    env_alarm_stop(s->env, &s->view_reads.expiry);
    scrub_stop(&s->scrub);
    follower_stop(&s->projector.follower);
}

void shard_stop(struct shard *s, const char *format, ...)
{
    if (s->state == SHARD_STOPPED)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(s->reason, sizeof s->reason, format, args);
    va_end(args);
    view_reads_fail_all(s, ERR_UNAVAILABLE);
    stash_put_mailboxes(s);
    fail_batches(s, journal_at_rest(&s->journal));
    struct message *m;
    while ((m = stash_take(s)) != NULL)
        shard_finish(s, m, ERR_UNAVAILABLE);
    stop_alarms(s);
    shard_set_state(s, SHARD_STOPPED);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void give_answers(struct shard *s)
{
    struct fifo_link *link;
    while ((link = fifo_pop(&s->answered)) != NULL) {
        struct message *m = container_of(link, struct message, link);
        if (m->home == NULL)
            m->done(m); /* the runtime's own: a deadline, a replayed letter */
        else
            s->options.answer(s->options.context, m);
    }
}

/* --- residence -------------------------------------------------------------------------------- */

bool shard_fresh(const struct shard *s, uint16_t kind, struct id128 id)
{
    return id128_tells_time(id) && id128_unix_ms(id) > s->evicted_ms[kind];
}

struct actor *shard_load(struct shard *s, uint16_t kind, struct id128 id)
{
    struct actor *a = registry_find(&s->registry, kind, id);
    if (a != NULL)
        return a;
    a = registry_insert(&s->registry, kind, id);
    controls_apply(s, a);
    if (shard_fresh(s, kind, id))
        return a;
    a->flags |= ACTOR_LOADING;
    s->stats.loads++;
    loader_ask(&s->loader, &(struct load){.what = LOAD_STATE, .kind = kind, .id = id});
    return a;
}

/* --- loads ------------------------------------------------------------------------------------ */

/* All messages of an actor that could not be loaded. */
static void fail_mailbox(struct shard *s, struct actor *a, uint16_t code)
{
    while (a->mailbox_last != NULL) {
        struct message *m =
            container_of(actor_mailbox_take(a), struct message, link);
        s->stats.kinds[a->kind].depth--;
        shard_finish(s, m, code);
    }
}

void shard_views_damaged(struct shard *s)
{
    s->options.view_store->ops->damaged(s->options.view_store);
    shard_stop(s, SHARD_VIEWS_DAMAGED);
}

static void state_loaded(struct shard *s, struct load *l)
{
    struct actor *a = registry_find(&s->registry, l->kind, l->id);
    if (a == NULL || (a->flags & ACTOR_LOADING) == 0)
        return; /* the registry was rebuilt meanwhile */
    a->flags &= (uint16_t)~ACTOR_LOADING;
    a->flags |= ACTOR_USED; /* it stays until who asked for it has looked */
    if (l->result == ERR_OK) {
        if (!registry_fill(&s->registry, a, l->body, l->due_ns))
            shard_views_damaged(s);
    } else if (l->result == ERR_CORRUPT) {
        shard_views_damaged(s);
    } else if (l->result != ERR_NOT_FOUND) {
        s->load_error = l->result;
        fail_mailbox(s, a, ERR_UNAVAILABLE);
        a->flags = 0; /* its orders are applied again when it comes back */
        registry_evict(&s->registry, a);
        return;
    }
    shard_ready(s, a);
}

static void on_loaded(void *context, struct load *l)
{
    struct shard *s = context;
    if (s->state != SHARD_RUNNING)
        return;
    if (l->what == LOAD_STATE) {
        state_loaded(s, l);
        return;
    }
    if (l->result == ERR_CORRUPT && l->what == LOAD_DECISION)
        shard_views_damaged(s);
    else if (l->result != ERR_OK && l->result != ERR_NOT_FOUND)
        s->load_error = l->result;
    else if (l->what == LOAD_DECISION)
        dedup_table_cache(l->is_key ? &s->keys : &s->ids, l->id,
                       l->result == ERR_OK ? l->position : 0);
}

/* Something was not to be had: the turns that wait are refused, for one of them needs it. */
static void fail_waiting(struct shard *s)
{
    struct fifo waiting = s->wait_queue;
    fifo_init(&s->wait_queue);
    s->alone = NULL;
    s->loader.crowded = false;
    struct fifo_link *link;
    while ((link = fifo_pop(&waiting)) != NULL) {
        struct actor *a = actor_of_run_link(link);
        a->flags &= (uint16_t)~ACTOR_WAITING;
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        s->stats.kinds[a->kind].depth--;
        shard_finish(s, m, ERR_UNAVAILABLE);
        shard_ready(s, a);
    }
}

/* Its message can run again. */
static void shard_wake(struct shard *s, struct actor *a)
{
    a->flags &= (uint16_t)~ACTOR_WAITING;
    shard_ready(s, a);
    if ((a->flags & ACTOR_QUEUED) != 0) { /* not if an operator holds it */
        a->flags |= ACTOR_WOKEN;
        s->woken++;
    }
}

void shard_wake_waiting(struct shard *s)
{
    struct fifo_link *link;
    while ((link = fifo_pop(&s->wait_queue)) != NULL)
        shard_wake(s, actor_of_run_link(link));
}

/* All turns have run for which there was room. Of those that wait the first that can run gets all
 * the room; then the others try again, so that at least one gets through each time. */
static void next_alone(struct shard *s)
{
    struct fifo_link *link;
    loader_forget(&s->loader);
    s->alone = NULL;
    while (s->alone == NULL && (link = fifo_pop(&s->wait_queue)) != NULL) {
        struct actor *a = actor_of_run_link(link);
        shard_wake(s, a);
        if ((a->flags & ACTOR_QUEUED) != 0)
            s->alone = a;
    }
    s->loader.crowded = s->alone != NULL;
}

void shard_served(struct shard *s)
{
    s->alone = NULL;
    s->loader.crowded = false;
    loader_forget(&s->loader);
    shard_wake_waiting(s);
}

/* The loader is crowded and has loaded something. */
static void serve_crowd(struct shard *s)
{
    if (s->alone == NULL) {
        shard_wake_waiting(s);
    } else if ((s->alone->flags & ACTOR_WAITING) != 0) {
        if (s->loader.parts.count >= LOADER_PARTS_MAX)
            loader_forget(&s->loader);
        shard_wake(s, actor_of_run_link(fifo_pop(&s->wait_queue))); /* it waits in front */
        if ((s->alone->flags & ACTOR_QUEUED) == 0)
            shard_served(s); /* an operator holds it */
    }
}

static void on_load_finished(void *context)
{
    struct shard *s = context;
    if (s->state != SHARD_RUNNING)
        return;
    s->hand_left = s->registry.resident;
    if (s->load_error != ERR_OK)
        fail_waiting(s);
    else if (s->loader.crowded)
        serve_crowd(s);
    else
        shard_wake_waiting(s);
    s->load_error = ERR_OK;
    env_wake(s->env);
}

/* --- the pass --------------------------------------------------------------------------------- */

static void shard_project(struct shard *s)
{
    struct follower *f = &s->projector.follower;
    uint64_t committed_seq = s->journal.committed_seq;
    if (follower_lag(f, committed_seq) == 0 || f->busy || closing_is_late(s))
        return;
    bool asked =
        s->closing || progress_wanted(s->options.progress, s->options.number, f->position.seq);
    bool crowded = dedup_table_filling(&s->ids) || dedup_table_filling(&s->keys);
    follower_advance(f, committed_seq, asked || crowded);
}

static void shard_rebuild(struct shard *s)
{
    s->stats.restarts++;
    if (failures_add(&s->supervisor.recoveries, env_mono_ns(s->env)) > SUPERVISOR_RECOVERIES_MAX)
        shard_stop(s, "too many turns fail, and rebuilding from the journal does not help");
    else
        shard_recover(s, ERR_FAILED);
}

bool shard_quiet(const struct shard *s)
{
    return s->state == SHARD_STOPPED && journal_at_rest(&s->journal) &&
           !s->projector.follower.busy && !s->loader.busy && s->recovery == NULL && !s->sweeping &&
           s->view_reads.count == 0 && !s->filter_fill.busy && !s->scrub.busy && !s->releasing &&
           fifo_empty(&s->answered);
}

/* --- pass ------------------------------------------------------------------------------------- */

bool shard_pass(struct shard *s, uint64_t budget_ns)
{
    if (s->state == SHARD_RUNNING) {
        clock_tick(&s->clock, s->env);
        if (!fifo_empty(&s->run_queue))
            ingress_accept(s); /* behind those that wait */
        deadlines_fire(s);
        if (!fifo_empty(&s->run_queue) || s->ingress.count > 0)
            journal_reopen(&s->journal);
        running_turns(s, budget_ns);
        if (s->woken == 0 && fifo_empty(&s->wait_queue) && s->loader.parts.count > 0)
            loader_forget(&s->loader);
        if (s->woken == 0 && s->loader.crowded && s->alone == NULL)
            next_alone(s);
        journal_flush(&s->journal);
        if (s->supervisor.rebuild && journal_idle(&s->journal))
            shard_rebuild(s);
    }
    if (s->state == SHARD_RUNNING) {
        view_reads_advance(s);
        shard_project(s);
        passivation_step(s);
        registry_rehash_step(&s->registry);
        deadlines_arm_alarm(s);
    }
    give_answers(s);
    if (s->ending)
        closing_advance(s); /* behind the answers: refusals that go on must not keep it open */
    return s->state == SHARD_RUNNING && !fifo_empty(&s->run_queue) && shard_may_run(s);
}

/* --- journal and projector -------------------------------------------------------------------- */

static void on_durable(void *context, struct batch *b)
{
    struct shard *s = context;
    struct fifo_link *link;
    progress_commit(s->options.progress, s->options.number, b->seq);
    if (MUTANT(FORGET_ANSWERS) && b->seq % 16 == 15)
        fifo_init(&b->deferred);
    while ((link = fifo_pop(&b->deferred)) != NULL)
        fifo_push(&s->answered, link);
    if (!s->writable) {
        s->writable = true; /* the probe went through */
        s->options.state_changed(s->options.context, s->state, NULL);
    }
    env_wake(s->env);
}

/* The states in the views must not move while they are read: a projector's step ends first. */
static void recover_if_possible(struct shard *s)
{
    if (s->state == SHARD_RECOVERING && s->recovery == NULL && !s->projector.follower.busy)
        recovery_start(s, s->recovery_cause);
}

void shard_recover(struct shard *s, enum err cause)
{
    s->stats.recoveries++;
    supervisor_rebuilt(&s->supervisor);
    stash_put_mailboxes(s);
    loader_reset(&s->loader);
    s->alone = NULL;
    s->woken = 0;
    s->recovery_cause = cause;
    shard_set_state(s, SHARD_RECOVERING);
    recover_if_possible(s);
}

static void on_append_failure(void *context, enum err e)
{
    struct shard *s = context;
    if (s->state == SHARD_STOPPED)
        fail_batches(s, true);
    else if (e == ERR_STORE_FULL && !s->writable && journal_retract(&s->journal))
        return; /* a probe, in vain: nothing has changed, the next one is set */
    else if (e == ERR_FENCED)
        shard_stop(s, "another process has taken over shard %u", s->options.number);
    else
        shard_recover(s, e);
}

static void shard_probe(struct alarm *a)
{
    struct shard *s = container_of(a, struct shard, probe_alarm);
    if (s->state != SHARD_RUNNING || s->writable || s->releasing)
        return;
    journal_probe(&s->journal);
    env_alarm_set(s->env, &s->probe_alarm, env_mono_ns(s->env) + SHARD_FULL_PROBE_NS);
}

/* Of the room for what the views do not have yet: the part that is in use. */
static uint32_t unprojected_percent(void *context)
{
    const struct shard *s = context;
    uint64_t seq = s->projector.follower.position.seq;
    uint32_t ids = dedup_table_behind(&s->ids, seq), keys = dedup_table_behind(&s->keys, seq);
    return ids > keys ? ids : keys;
}

static void on_projected(void *context, enum err result, const char *reason)
{
    struct shard *s = context;
    uint64_t seq = s->projector.follower.position.seq;
    if (result == ERR_CORRUPT || result == ERR_FAILED) {
        shard_stop(s, "%s", reason[0] != '\0' ? reason : SHARD_VIEWS_DAMAGED);
    } else if (result == ERR_OK) {
        progress_project(s->options.progress, s->options.number, seq);
        dedup_table_projected(&s->ids, seq);
        dedup_table_projected(&s->keys, seq);
    }
    recover_if_possible(s);
    env_wake(s->env);
}

static void on_wake_alarm(struct alarm *a)
{
    env_wake(a->env);
}

/* --- life ------------------------------------------------------------------------------------- */

static void init_queues(struct shard *s)
{
    fifo_init(&s->run_queue);
    fifo_init(&s->wait_queue);
    fifo_init(&s->answered);
    stash_init(&s->stash);
    view_reads_init(s);
    slab_init(&s->timeouts, sizeof(struct timeout_message));
    arena_init(&s->turn_arena, SHARD_TURN_MEMORY);
    for (size_t i = 0; i < SHARD_STALL_LIMITS; i++)
        s->stall_lines[i] = (struct log_limit){.lines_max = 1, .window_ns = SHARD_STALL_LOG_NS};
}

static void init_parts(struct shard *s)
{
    const struct shard_options *o = &s->options;
    wheel_init(&s->wheel, 0);
    registry_init(&s->registry, o->domain);
    s->registry.wheel = &s->wheel;
    journal_init(&s->journal, o->env, o->journal_worker, o->journal_store, o->number);
    s->journal.on_durable = on_durable;
    s->journal.on_failure = on_append_failure;
    s->journal.context = s;
    projector_init(&s->projector, o->env, o->views_worker, o->journal_store, o->view_store,
                   o->domain, o->number);
    s->projector.follower.on_step = on_projected;
    s->projector.follower.fill = unprojected_percent;
    s->projector.follower.context = s;
    scrub_init(&s->scrub, o->env, o->read_worker, o->journal_store, &s->journal, o->number);
    loader_init(&s->loader, o->env, o->read_worker, o->journal_store, o->view_store, o->number);
    s->loader.loaded = on_loaded;
    s->loader.finished = on_load_finished;
    s->loader.context = s;
    supervisor_init(&s->supervisor);
    controls_init(&s->controls);
    s->wheel_alarm.fire = on_wake_alarm;
    s->closing_alarm.fire = on_wake_alarm;
    s->probe_alarm.fire = shard_probe;
}

struct shard *shard_new(const struct shard_options *options)
{
    struct shard *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *options;
    s->env = options->env;
    s->state = SHARD_OPENING;
    s->writable = true;
    init_queues(s);
    init_parts(s);
    bool ready = dedup_table_init(&s->ids, options->dedup_entries_max, 0) &&
                 dedup_table_init(&s->keys, options->dedup_entries_max, options->filter_bytes);
    check(ready);
    recovery_start(s, ERR_OK);
    return s;
}

/* A message of the runtime's own that nobody will answer any more. */
static void drop_own(struct fifo *messages)
{
    struct fifo_link *link;
    while ((link = fifo_pop(messages)) != NULL) {
        struct message *m = container_of(link, struct message, link);
        if (m->home == NULL)
            m->done(m);
    }
}

struct shard *shard_kill(struct shard *s)
{
    stash_put_mailboxes(s);
    stop_alarms(s);
    s->journal.under_way = 0;
    s->projector.follower.busy = s->loader.busy = s->sweeping = false;
    s->filter_fill.busy = s->scrub.busy = s->releasing = false;
    struct batch *b;
    while ((b = journal_take_failed(&s->journal)) != NULL) {
        drop_own(&b->deferred);
        fifo_init(&b->deferred);
        journal_spare(&s->journal, b);
    }
    recovery_kill(s);
    drop_own(&s->stash.messages);
    drop_own(&s->answered);
    s->view_reads.count = 0;
    s->state = SHARD_STOPPED;
    return shard_free(s);
}

struct shard *shard_free(struct shard *s)
{
    if (s == NULL)
        return NULL;
    check(shard_quiet(s));
    registry_done(&s->registry);
    journal_done(&s->journal);
    projector_done(&s->projector);
    loader_done(&s->loader);
    supervisor_done(&s->supervisor);
    controls_done(&s->controls);
    dedup_table_done(&s->ids);
    dedup_table_done(&s->keys);
    slab_done(&s->view_reads.slab);
    slab_done(&s->timeouts);
    arena_done(&s->turn_arena);
    filter_fill_done(s);
    free(s->added);
    free(s->swept.rows);
    free(s);
    return NULL;
}
