/* SPDX-License-Identifier: Apache-2.0 */
/* Schedule: which of a shard's actors have turns to run. An actor is in one of five states
 * (actor.h), and the state says on which list it is:
 *
 *     LOADING ──loaded──▶ IDLE ──has messages──▶ QUEUED ──its turn──▶ IDLE
 *                          │                       ▲
 *                  its turn needs a load    its message expired
 *                          ▼                       │
 *                       WAITING ──loaded──▶ RESUMABLE ──its turn──▶ IDLE
 *                          └──refused, or suspended──▶ IDLE
 *
 * While its turns run an actor is IDLE. Its state changes here alone: in schedule_move(), and in
 * schedule_ready() and schedule_next(), inlined because nearly every message goes through both.
 * Loop thread only. */
#ifndef SHARD_SCHEDULE_H
#define SHARD_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/actor/actor.h"
#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/list.h"

struct schedule {
    struct env *env;
    struct fifo run_queue;     /* QUEUED and RESUMABLE, in the order they run (actor.run_link) */
    struct fifo wait_queue;    /* WAITING, oldest first */
    bool send_waits;           /* the turn of a send does, too: set anew by each pass */
    size_t resumable;          /* actors that are RESUMABLE: what was loaded for them is kept */
    const struct actor *first; /* WAITING, in front of all others; or NULL */
    struct actor **loading;    /* LOADING, in any order */
    size_t loading_count, loading_cap;
};

void schedule_init(struct schedule *q, struct env *env);
void schedule_done(struct schedule *q);

/* Changes the state. check() fails if the state does not lead there, or if the actor would leave a
 * list that it is not the first of. */
void schedule_move(struct schedule *q, struct actor *a, enum actor_flags to);

/* At the end of the run queue. */
static inline void schedule_enter_run(struct schedule *q, struct actor *a)
{
    check(!actor_mailbox_empty(a));
    if (fifo_empty(&q->run_queue))
        env_wake(q->env); /* the pass goes on by itself until the queue is empty */
    fifo_push(&q->run_queue, &a->run_link);
}

/* QUEUED, if it is IDLE, has a message and is not suspended. */
static inline void schedule_ready(struct schedule *q, struct actor *a)
{
    if ((a->flags & (ACTOR_STATES | ACTOR_SUSPENDED)) != 0 || actor_mailbox_empty(a))
        return;
    a->flags |= ACTOR_QUEUED;
    schedule_enter_run(q, a);
}

/* The next actor to run, IDLE from now on; there must be one. */
static inline struct actor *schedule_next(struct schedule *q)
{
    check(!fifo_empty(&q->run_queue));
    struct actor *a = actor_of_run_link(fifo_pop(&q->run_queue));
    if ((a->flags & ACTOR_STATES) == ACTOR_RESUMABLE) {
        check(q->resumable > 0);
        q->resumable--;
    } else {
        check((a->flags & ACTOR_STATES) == ACTOR_QUEUED);
    }
    a->flags &= (uint16_t)~ACTOR_STATES;
    return a;
}

/* A WAITING actor, the first of them, tries its message again. False: it is suspended, and stays
 * IDLE until an operator resumes it. */
bool schedule_resume(struct schedule *q, struct actor *a);

/* The actor that has waited longest, or NULL. */
struct actor *schedule_first_waiting(const struct schedule *q);

/* Puts that one behind the others. Whoever does so does it with all that wait: once around keeps
 * the order. */
void schedule_rotate_waiting(struct schedule *q);

/* Waits any turn for a load? What was loaded for it is kept. */
static inline bool schedule_waits(const struct schedule *q)
{
    return !fifo_empty(&q->wait_queue) || q->send_waits;
}

static inline bool schedule_idle(const struct schedule *q)
{
    return fifo_empty(&q->run_queue) && fifo_empty(&q->wait_queue);
}

/* All actors are about to go: the lists are emptied, the states are not looked at any more. */
void schedule_reset(struct schedule *q);

#endif
