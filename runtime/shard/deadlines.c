/* SPDX-License-Identifier: Apache-2.0 */
/* The wheel says which deadline has passed; it is taken out, and its actor gets a timeout message.
 * A timeout that was answered other than OK, or found no room, arms the deadline again, a while
 * later: a deadline is never given up. */
#include "runtime/shard/deadlines.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"

#define DEADLINES_PER_PASS 256
/* A full mailbox or a read error: once more, and then ... */
#define DEADLINE_RETRY_NS (100 * NS_PER_MS)
#define DEADLINE_DOUBLED_MAX 7       /* ... after twice the pause each time, up to 12.8 s */
#define DEADLINE_HALTED_NS NS_PER_S  /* its actor failed, or is halted: until it runs again */

/* A message the runtime sends itself when a durable deadline passes. */
struct timeout_message {
    struct message message;
    struct deadlines *deadlines;
    uint8_t tries; /* before this one, in vain */
};

static void deadlines_wake(struct alarm *a)
{
    env_wake(a->env);
}

void deadlines_init(struct deadlines *d, const struct deadlines *uses)
{
    check(uses->env != NULL);
    check(uses->domain != NULL);
    check(uses->registry != NULL);
    check(uses->wheel != NULL);
    check(uses->clock != NULL);
    check(uses->residence != NULL);
    check(uses->stats != NULL);
    check(uses->running != NULL);
    *d = *uses;
    slab_init(&d->timeouts, sizeof(struct timeout_message));
    d->alarm.fire = deadlines_wake;
}

void deadlines_done(struct deadlines *d)
{
    slab_done(&d->timeouts);
}

/* Arms a deadline that fired in vain once more; `tries` counts for try_ever_later(). */
static void try_later(struct deadlines *d, uint16_t kind, struct id128 id, uint8_t tries,
                      uint64_t wait_ns)
{
    check(d->domain->kinds[kind] != NULL);
    check(kind < KIND_MAX);
    if (!*d->running)
        return; /* a recovery arms all deadlines anew */
    registry_arm(d->registry, kind, id, d->clock->now_ns + wait_ns)->tries = tries;
    env_wake(d->env);
}

/* With twice the pause of the time before, up to DEADLINE_DOUBLED_MAX times. */
static void try_ever_later(struct deadlines *d, uint16_t kind, struct id128 id, uint8_t tries)
{
    check(tries <= DEADLINE_DOUBLED_MAX + 1);
    uint8_t doubled = tries < DEADLINE_DOUBLED_MAX ? tries : DEADLINE_DOUBLED_MAX;
    try_later(d, kind, id, doubled + 1, (uint64_t)DEADLINE_RETRY_NS << doubled);
}

/* The answer to a timeout message. Whatever it says, a deadline is never given up. */
static void timeout_done(struct message *m)
{
    check(m->type == NULL);
    check(m->home == NULL);
    struct timeout_message *t = container_of(m, struct timeout_message, message);
    struct deadlines *d = t->deadlines;
    if (m->code == ERR_FAILED || m->code == ERR_QUARANTINED) {
        try_later(d, m->target_kind, m->target, 0, DEADLINE_HALTED_NS);
    } else if (m->code != ERR_OK) {
        if (m->code != ERR_UNAVAILABLE) /* its kind decides too much at once */
            LOG_ERROR(d->env->log, "deadline_refused", log_uint("shard", d->number),
                      log_text("kind", d->domain->kinds[m->target_kind]->name),
                      log_id("actor", m->target), log_uint("code", m->code));
        try_ever_later(d, m->target_kind, m->target, t->tries);
    }
    slab_give(&d->timeouts, t);
}

static void post_timeout(struct deadlines *d, uint16_t kind, struct id128 id, uint8_t tries)
{
    check(d->domain->kinds[kind]->timeout != NULL);
    struct actor *a = residence_get(d->residence, kind, id);
    if ((a->flags & ACTOR_HALTED) != 0) {
        try_later(d, kind, id, 0, DEADLINE_HALTED_NS);
        return;
    }
    struct timeout_message *t = slab_take(&d->timeouts);
    *t = (struct timeout_message){
        .message =
            {
                .target_kind = kind,
                .target = id,
                .who = principal_system(),
                .posted_ns = env_mono_ns(d->env),
                .done = timeout_done,
            },
        .deadlines = d,
        .tries = tries,
    };
    if (actor_mailbox_put(a, &t->message.link)) {
        d->stats->kinds[kind].depth++;
        schedule_ready(d->residence->schedule, a);
        return;
    }
    slab_give(&d->timeouts, t);
    try_ever_later(d, kind, id, tries);
}

void deadlines_fire(struct deadlines *d)
{
    check(*d->running);
    uint64_t now_ns = d->clock->now_ns + (MUTANT(EXPIRE_EARLY) ? DEADLINE_RETRY_NS : 0);
    for (int i = 0; i < DEADLINES_PER_PASS; i++) {
        struct wheel_timer *timer = wheel_expire(d->wheel, now_ns);
        if (timer == NULL)
            break;
        struct deadline *passed = container_of(timer, struct deadline, timer);
        uint16_t kind = passed->kind;
        struct id128 id = passed->entry.id;
        uint8_t tries = passed->tries;
        registry_disarm(d->registry, passed);
        post_timeout(d, kind, id, tries);
    }
}

void deadlines_arm_alarm(struct deadlines *d)
{
    check(*d->running);
    uint64_t next = wheel_next_ns(d->wheel);
    if (next == UINT64_MAX)
        return;
    uint64_t wait = next > d->clock->now_ns ? next - d->clock->now_ns : 0;
    uint64_t tick = (uint64_t)1 << WHEEL_TICK_SHIFT;
    uint64_t due = env_mono_ns(d->env) + (wait < tick ? tick : wait);
    if (d->alarm.due_ns == 0 || d->alarm.due_ns > due)
        env_alarm_set(d->env, &d->alarm, due);
}
