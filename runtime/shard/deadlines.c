/* SPDX-License-Identifier: Apache-2.0 */
/* Durable deadlines. Those of resident actors stand in the shard's wheel since the event that set
 * them; those of actors that nobody asked for yet are read from the store, an hour ahead at a time.
 * When one passes, its actor gets a timeout message; whether something is really due its handler
 * decides from its state, so a deadline that fires twice does no harm. */
#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/shard/shard_priv.h"

#define DEADLINES_PER_PASS 256
/* A full mailbox or a read error: once more, and then ... */
#define DEADLINE_RETRY_NS (100 * NS_PER_MS)
#define DEADLINE_DOUBLED_MAX 7       /* ... after twice the pause each time, up to 12.8 s */
#define DEADLINE_HELD_NS NS_PER_S /* its actor failed, or is held: until it runs again */

/* Arms a deadline that fired in vain once more; `tries` counts for try_ever_later(). */
static void try_later(struct shard *s, uint16_t kind, struct id128 id, uint8_t tries,
                      uint64_t wait_ns)
{
    if (s->state != SHARD_RUNNING)
        return; /* a recovery arms all deadlines anew */
    registry_arm(&s->registry, kind, id, s->clock.now_ns + wait_ns)->tries = tries;
    env_wake(s->env);
}

/* With twice the pause of the time before, up to DEADLINE_DOUBLED_MAX times. */
static void try_ever_later(struct shard *s, uint16_t kind, struct id128 id, uint8_t tries)
{
    uint8_t doubled = tries < DEADLINE_DOUBLED_MAX ? tries : DEADLINE_DOUBLED_MAX;
    try_later(s, kind, id, doubled + 1, (uint64_t)DEADLINE_RETRY_NS << doubled);
}

/* The answer to a timeout message. Whatever it says, a deadline is never given up. */
static void timeout_done(struct message *m)
{
    struct timeout_message *t = container_of(m, struct timeout_message, message);
    struct shard *s = t->shard;
    if (m->code == ERR_FAILED || m->code == ERR_QUARANTINED) {
        try_later(s, m->target_kind, m->target, 0, DEADLINE_HELD_NS);
    } else if (m->code != ERR_OK) {
        if (m->code != ERR_UNAVAILABLE) /* its kind decides too much at once */
            LOG_ERROR(s->env->log, "deadline_refused", log_uint("shard", s->options.number),
                      log_text("kind", s->options.domain->kinds[m->target_kind]->name),
                      log_id("actor", m->target), log_uint("code", m->code));
        try_ever_later(s, m->target_kind, m->target, t->tries);
    }
    slab_give(&s->timeouts, t);
}

static void post_timeout(struct shard *s, uint16_t kind, struct id128 id, uint8_t tries)
{
    struct actor *a = shard_load(s, kind, id);
    if ((a->flags & ACTOR_HALTED) != 0) {
        try_later(s, kind, id, 0, DEADLINE_HELD_NS);
        return;
    }
    struct timeout_message *t = slab_take(&s->timeouts);
    check(t != NULL);
    *t = (struct timeout_message){
        .message =
            {
                .target_kind = kind,
                .target = id,
                .who = {.operator = true},
                .posted_ns = env_mono_ns(s->env),
                .done = timeout_done,
            },
        .shard = s,
        .tries = tries,
    };
    if (actor_mailbox_put(a, &t->message.link)) {
        s->stats.kinds[kind].depth++;
        shard_ready(s, a);
        return;
    }
    slab_give(&s->timeouts, t);
    try_ever_later(s, kind, id, tries);
}

/* What a timeout decides must be written: it waits for a store that takes writes, and behind the
 * last batch of a shard that closes there may be no other. */
static bool may_fire(const struct shard *s)
{
    return s->writable && !s->releasing;
}

void deadlines_fire(struct shard *s)
{
    if (!may_fire(s))
        return;
    uint64_t now_ns = s->clock.now_ns + (MUTANT(EXPIRE_EARLY) ? DEADLINE_RETRY_NS : 0);
    for (int i = 0; i < DEADLINES_PER_PASS; i++) {
        struct wheel_timer *timer = wheel_expire(&s->wheel, now_ns);
        if (timer == NULL)
            break;
        struct deadline *d = container_of(timer, struct deadline, timer);
        uint16_t kind = d->kind;
        struct id128 id = d->entry.id;
        uint8_t tries = d->tries;
        registry_disarm(&s->registry, d);
        post_timeout(s, kind, id, tries);
    }
}

void deadlines_arm_alarm(struct shard *s)
{
    uint64_t next = wheel_next_ns(&s->wheel);
    if (next == UINT64_MAX || !may_fire(s))
        return;
    uint64_t wait = next > s->clock.now_ns ? next - s->clock.now_ns : 0;
    uint64_t tick = (uint64_t)1 << WHEEL_TICK_SHIFT;
    uint64_t due = env_mono_ns(s->env) + (wait < tick ? tick : wait);
    if (s->wheel_alarm.due_ns == 0 || s->wheel_alarm.due_ns > due)
        env_alarm_set(s->env, &s->wheel_alarm, due);
}

/* --- from the store, on the read worker ------------------------------------------------------- */

static bool keep_due(void *context, const struct state_row *row)
{
    struct shard *s = context;
    array_reserve(s->swept.rows, s->swept.cap, s->swept.count + 1);
    s->swept.rows[s->swept.count++] = (struct due_row){row->id, row->due_ns, row->kind};
    return true;
}

static void sweep_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, sweep_work);
    struct view_store *store = s->options.view_store;
    s->swept.result = store->ops->states_due(store, s->options.number, s->swept.due_max_ns,
                                             keep_due, s);
}

/* Does memory know more of it than the row? Not of an actor that is still being loaded. */
static bool known_better(struct shard *s, const struct due_row *row)
{
    const struct actor *a = registry_find(&s->registry, row->kind, row->id);
    return (a != NULL && (a->flags & ACTOR_LOADING) == 0) ||
           registry_armed(&s->registry, row->kind, row->id);
}

static void arm_swept(struct shard *s)
{
    for (size_t i = 0; i < s->swept.count; i++) {
        const struct due_row *row = &s->swept.rows[i];
        if (!known_better(s, row))
            registry_arm(&s->registry, row->kind, row->id, row->due_ns);
    }
}

static void sweep_again(struct alarm *a)
{
    deadlines_sweep(container_of(a, struct shard, sweep_alarm));
}

static void sweep_done(struct work *w)
{
    struct shard *s = container_of(w, struct shard, sweep_work);
    s->sweeping = false;
    if (s->state == SHARD_RUNNING) {
        if (!MUTANT(FORGET_DEADLINES))
            arm_swept(s);
        if (s->swept.outdated)
            deadlines_sweep(s);
        else if (s->swept.result == ERR_CORRUPT)
            shard_views_damaged(s); /* a hold that never expires is worse */
        else if (s->swept.result != ERR_OK)
            env_alarm_set(s->env, &s->sweep_alarm, env_mono_ns(s->env) + DEADLINE_RETRY_NS);
    }
    env_wake(s->env);
}

void deadlines_sweep(struct shard *s)
{
    if (s->state != SHARD_RUNNING)
        return;
    /* A sweep that began before a recovery misses deadlines that were only in memory then. */
    s->swept.outdated = s->sweeping;
    if (s->sweeping)
        return;
    s->sweeping = true;
    free(s->swept.rows);
    s->swept.rows = NULL;
    s->swept.count = s->swept.cap = 0;
    s->swept.due_max_ns = s->clock.now_ns + SHARD_DUE_HORIZON_NS;
    s->sweep_work.run = sweep_run;
    s->sweep_work.done = sweep_done;
    env_work(s->env, s->options.read_worker, &s->sweep_work);
    s->sweep_alarm.fire = sweep_again;
    env_alarm_set(s->env, &s->sweep_alarm, env_mono_ns(s->env) + SHARD_DUE_SWEEP_NS);
}
