/* SPDX-License-Identifier: Apache-2.0 */
/* Shard: the pass, and what its parts report. A pass runs turns until the budget is spent or none
 * is ready, starts the commit of what they wrote and one step of the background work; then the
 * answers that are final are given back. Between two passes the parts report: loads, commits, steps
 * of the views, a recovery. A commit that failed, or whose outcome is unknown, makes the shard
 * recover: messages to its actors go to the stash, and a recovery rebuilds the rest from what the
 * store has. */
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/shard/shard_priv.h"

/* --- loads ------------------------------------------------------------------------------------ */

void shard_on_loaded(void *context, struct load *l)
{
    struct shard *s = context;
    if (s->state != SHARD_RUNNING)
        return;
    enum err e = l->result == ERR_NOT_FOUND ? ERR_OK : l->result;
    if (l->what == LOAD_STATE)
        e = residence_loaded(&s->residence, l);
    else if (l->what == LOAD_DECISION && e == ERR_OK)
        dedup_table_cache(l->is_key ? &s->keys : &s->ids, l->id,
                          l->result == ERR_OK ? l->position : 0);
    if (e == ERR_CORRUPT && l->what != LOAD_PART)
        shard_views_damaged(s);
    else if (e != ERR_OK)
        admission_load_failed(&s->admission, e);
}

void shard_on_load_finished(void *context, bool overflowed)
{
    struct shard *s = context;
    check(!s->loader.busy);
    if (s->state != SHARD_RUNNING)
        return;
    if (s->admission.failed != ERR_OK)
        running_sends_put_off(s);
    passivation_loaded(&s->passivation);
    admission_loaded(&s->admission, overflowed);
    env_wake(s->env);
}

/* A disk that stays full is said once, and once that it has room again. */
static void shard_set_writable(struct shard *s, bool writable)
{
    if (s->writable && !writable)
        LOG_WARN(s->env->log, "store_full", log_uint("shard", s->options.number),
                 log_text("reason", "no space is left: what changes something is refused, lists "
                                    "show the last that could be stored"));
    else if (!s->writable && writable)
        LOG_INFO(s->env->log, "store_writable", log_uint("shard", s->options.number));
    s->writable = writable;
}

/* --- recovering ------------------------------------------------------------------------------- */

void shard_start_recovery(struct shard *s, enum err cause)
{
    check(s->recovery == NULL);
    check(s->state != SHARD_RUNNING);
    check(s->state != SHARD_STOPPED);
    s->recovery = recovery_start(&s->recovery_uses, cause);
}

/* The states in the views must not move while they are read: a projector's step ends first. */
static void recover_if_possible(struct shard *s)
{
    if (s->state == SHARD_RECOVERING && s->recovery == NULL && !s->projector.follower.busy)
        shard_start_recovery(s, s->recovery_cause);
}

static void shard_recover(struct shard *s, enum err cause)
{
    check(s->state == SHARD_RUNNING);
    check(cause != ERR_OK);
    s->stats.recoveries++;
    supervisor_rebuilt(&s->supervisor);
    waits_refuse_all(&s->waits, ERR_UNAVAILABLE);
    streams_stop(&s->streams);
    parked_retry_drop(&s->parked_retry);
    shard_stash_actors(s);
    loader_reset(&s->loader);
    admission_reset(&s->admission);
    s->recovery_cause = cause;
    shard_set_state(s, SHARD_RECOVERING);
    recover_if_possible(s);
}

void shard_on_recovery_retrying(void *context)
{
    struct shard *s = context;
    check(s->state != SHARD_RUNNING);
    check(s->recovery != NULL);
    if (s->state != SHARD_RECOVERING)
        shard_set_state(s, SHARD_RECOVERING);
}

void shard_on_recovery_failed(void *context, const char *reason)
{
    struct shard *s = context;
    check(s->recovery != NULL);
    shard_stop(s, "%s", reason);
    s->recovery = NULL;
}

/* The books' times do not go back: after a start with a wall clock that is behind them, time goes
 * on from where they end. */
static void shard_take_time(struct shard *s, uint64_t last_event_ns)
{
    (void)clock_tick(&s->clock, s->env);
    uint64_t behind_ns = clock_reach(&s->clock, last_event_ns);
    if (behind_ns > CLOCK_STEP_NS)
        LOG_WARN(s->env->log, "wall_clock_behind_journal", log_uint("shard", s->options.number),
                 log_uint("behind_ms", behind_ns / NS_PER_MS));
}

void shard_on_recovered(void *context, const struct recovery_found *found)
{
    struct shard *s = context;
    check(found->position.seq <= found->seq);
    check(found->epoch != 0);
    check(s->recovery != NULL);
    /* Also if the first attempt failed and this is another. */
    bool first = s->journal.epoch == 0;
    if (first)
        shard_take_time(s, found->time_ns);
    else
        clock_undo(&s->clock, found->time_ns);
    journal_resume(&s->journal, found->epoch, found->seq, &found->hash);
    if (first)
        projector_restart(&s->projector, &found->position);
    shard_set_writable(s, found->cause != ERR_STORE_FULL);
    shard_set_state(s, SHARD_RUNNING);
    s->recovery = NULL;
    if (s->options.domain->kinds[KIND_STREAM] != NULL)
        streams_start(&s->streams);
    if (s->streams.running)
        contact_start(&s->contact);
}

void shard_on_states_damaged(void *context)
{
    shard_views_damaged(context);
}

/* --- the pass --------------------------------------------------------------------------------- */

static void shard_project(struct shard *s)
{
    check(s->state == SHARD_RUNNING);
    struct follower *f = &s->projector.follower;
    uint64_t committed_seq = s->journal.committed_seq;
    if (follower_lag(f, committed_seq) == 0 || f->busy || closing_is_late(&s->closing))
        return;
    bool asked = closing_begun(&s->closing) ||
                 progress_wanted(s->options.progress, s->options.number, f->position.seq);
    bool crowded = dedup_table_filling(&s->ids) || dedup_table_filling(&s->keys);
    follower_advance(f, committed_seq, asked || crowded);
}

static void shard_rebuild(struct shard *s)
{
    check(journal_idle(&s->journal));
    check(s->supervisor.rebuild);
    s->stats.restarts++;
    if (failures_add(&s->supervisor.recoveries, env_mono_ns(s->env)) > SUPERVISOR_RECOVERIES_MAX)
        shard_stop(s, "too many turns fail, and rebuilding from the journal does not help");
    else
        shard_recover(s, ERR_FAILED);
}

bool shard_quiet(const struct shard *s)
{
    return s->state == SHARD_STOPPED && journal_at_rest(&s->journal) &&
           !s->projector.follower.busy && !s->loader.busy && s->recovery == NULL &&
           !s->due_sweep.busy && view_reads_idle(&s->view_reads) && !s->filter_fill.busy &&
           !s->early_fill.busy && !s->scrub.busy && !s->streams.read.busy &&
           !closing_releases(&s->closing) && fifo_empty(&s->answers.final);
}

/* --- pass ------------------------------------------------------------------------------------- */

/* What a timeout decides must be written: it waits for a store that takes writes, and after the
 * last batch of a shard that closes there may be no other. */
static bool may_decide(const struct shard *s)
{
    return s->writable && !closing_releases(&s->closing);
}

/* One shard says it for all of them. */
static cold void shard_wall_clock_set(struct shard *s, int64_t by_ns)
{
    check(by_ns != 0);
    if (s->options.number == 0)
        LOG_WARN(s->env->log, "wall_clock_set", log_int("by_ms", by_ns / (int64_t)NS_PER_MS),
                 log_int("now_ahead_ms", clock_ahead_ns(&s->clock) / (int64_t)NS_PER_MS));
}

static void shard_look_at_clock(struct shard *s)
{
    int64_t by_ns = clock_tick(&s->clock, s->env);
    early_ids_advance(&s->early_ids, s->clock.now_ns);
    early_fill_step(&s->early_fill);
    if (by_ns != 0)
        shard_wall_clock_set(s, by_ns);
}

/* Could a send run at once in another pass? */
static bool shard_has_sends_left(const struct shard *s)
{
    bool sends = s->streams.left && s->streams.waiting > 0;
    const struct incoming *parked = s->parked_retry.next;
    bool retries = parked != NULL && parked->retry_ns <= s->running.now_ns;
    return (sends || retries) && s->writable &&
           !closing_releases(&s->closing) && !s->schedule.send_waits;
}

void shard_pass(struct shard *s, uint64_t budget_ns)
{
    check(s->runs == (s->state == SHARD_RUNNING));
    check(budget_ns > 0);
    if (s->state == SHARD_RUNNING) {
        shard_look_at_clock(s);
        if (!fifo_empty(&s->schedule.run_queue))
            ingress_accept(&s->ingress); /* behind those that wait */
        if (may_decide(s))
            deadlines_fire(&s->deadlines);
        if (!fifo_empty(&s->schedule.run_queue) || s->ingress.count > 0 || s->streams.waiting > 0)
            journal_reopen(&s->journal);
        running_turns(s, budget_ns);
        admission_end_pass(&s->admission);
        journal_flush(&s->journal);
        if (s->supervisor.rebuild && journal_idle(&s->journal))
            shard_rebuild(s);
    }
    if (s->state == SHARD_RUNNING) {
        view_reads_advance(&s->view_reads);
        shard_project(s);
        passivation_step(&s->passivation, s->projector.follower.position.seq);
        registry_rehash_step(&s->registry);
        overdue_watch(&s->overdue);
        if (may_decide(s))
            deadlines_arm_alarm(&s->deadlines);
    }
}

bool shard_answer(struct shard *s)
{
    check(s->runs == (s->state == SHARD_RUNNING));
    answers_give(&s->answers);
    if (closing_ends(&s->closing))
        shard_close_step(s); /* behind the answers: refusals that go on must not keep it open */
    return s->state == SHARD_RUNNING && shard_may_run(s) &&
           (!fifo_empty(&s->schedule.run_queue) || shard_has_sends_left(s));
}

/* --- the post --------------------------------------------------------------------------------- */

/* Other than to a running shard. */
static cold void post_later(struct shard *s, struct message *m)
{
    check(s->state != SHARD_RUNNING || closing_begun(&s->closing));
    if (s->state == SHARD_STOPPED || closing_begun(&s->closing)) {
        answers_refuse(&s->answers, m, ERR_UNAVAILABLE);
        return;
    }
    m->posted_ns = env_mono_ns(s->env);
    if (!stash_put(&s->stash, m))
        ingress_refuse(&s->ingress, m, ERR_UNAVAILABLE);
}

void shard_frame(struct shard *s, const struct frame *f)
{
    if (f->what == FRAME_REACH || f->what == FRAME_REACHED)
        contact_frame(&s->contact, f);
    else
        streams_frame(&s->streams, f);
}

enum err shard_parked_retry(struct shard *s, struct id128 id, struct slice by)
{
    return parked_retry_begin(s, id, &(struct parked_wish){.by = by});
}

enum err shard_parked_retry_all(struct shard *s, uint16_t kind, struct id128 target,
                                struct slice by)
{
    return parked_retry_target(s, kind, target, by);
}

enum err shard_parked_refuse(struct shard *s, struct id128 id, struct slice by, struct slice reason)
{
    return parked_retry_begin(s, id, &(struct parked_wish){true, by, reason});
}

void shard_post(struct shard *s, struct message *m)
{
    m->drew_ids = false;
    m->replayed = false;
    m->quota_percent = 0;
    if (m->target_kind >= KIND_MAX || s->options.domain->kinds[m->target_kind] == NULL) {
        m->target_kind = 0;
        answers_refuse(&s->answers, m, ERR_UNSUPPORTED);
    } else if (s->state == SHARD_RUNNING && !closing_begun(&s->closing)) {
        ingress_put(&s->ingress, m);
    } else {
        post_later(s, m);
    }
}

/* --- journal and projector -------------------------------------------------------------------- */

void shard_on_durable(void *context, struct batch *b)
{
    struct shard *s = context;
    struct fifo_link *link;
    progress_commit(s->options.progress, s->options.number, b->seq);
    if (s->state == SHARD_RUNNING)
        streams_durable(&s->streams, b);
    if (MUTANT(FORGET_ANSWERS) && b->seq % 16 == 15)
        fifo_init(&b->deferred);
    while ((link = fifo_pop(&b->deferred)) != NULL)
        answers_push(&s->answers, container_of(link, struct message, link));
    if (!s->writable) {
        shard_set_writable(s, true); /* the probe went through: the views have space as well */
        progress_unstick(s->options.progress, s->options.number);
        follower_retry(&s->projector.follower);
        s->options.state_changed(s->options.context, s->state, NULL);
    }
    env_wake(s->env);
}

void shard_on_append_failure(void *context, enum err e)
{
    check(e != ERR_OK);
    struct shard *s = context;
    if (s->state == SHARD_STOPPED)
        shard_fail_batches(s, true);
    else if (e == ERR_STORE_FULL && !s->writable && journal_retract(&s->journal))
        return; /* a probe, in vain: nothing has changed, the next one is set */
    else if (e == ERR_FENCED)
        shard_stop(s, "another process has taken over shard %u", s->options.number);
    else
        shard_recover(s, e);
}

/* The books of two shards contradict each other: nobody must go on with that. */
void shard_on_unfit(void *context, const char *reason)
{
    shard_stop(context, "%s", reason);
}

/* What was put off may run. */
void shard_on_put_off(struct alarm *a)
{
    env_wake(a->env);
}

void shard_on_probe(struct alarm *a)
{
    struct shard *s = container_of(a, struct shard, probe_alarm);
    if (s->state != SHARD_RUNNING || s->writable || closing_releases(&s->closing))
        return;
    journal_probe(&s->journal);
    env_alarm_set(s->env, &s->probe_alarm, env_mono_ns(s->env) + SHARD_FULL_PROBE_NS);
}

/* Of the room for what the views do not have yet: the part that is in use. */
uint32_t shard_unprojected_percent(void *context)
{
    const struct shard *s = context;
    uint64_t seq = s->projector.follower.position.seq;
    uint32_t ids = dedup_table_behind(&s->ids, seq), keys = dedup_table_behind(&s->keys, seq);
    return ids > keys ? ids : keys;
}

void shard_on_projected(void *context, enum err result, const char *reason)
{
    struct shard *s = context;
    uint64_t seq = s->projector.follower.position.seq;
    if (result == ERR_CORRUPT || result == ERR_FAILED) {
        shard_stop(s, "%s", reason[0] != '\0' ? reason : VIEWS_DAMAGED_REASON);
    } else if (result == ERR_OK) {
        progress_project(s->options.progress, s->options.number, seq,
                         s->projector.follower.position.time_ns);
        dedup_table_projected(&s->ids, seq);
        dedup_table_projected(&s->keys, seq);
    } else if (result == ERR_STORE_FULL) {
        progress_stick(s->options.progress, s->options.number);
    }
    recover_if_possible(s);
    env_wake(s->env);
}
