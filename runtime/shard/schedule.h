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
 * While its turns run an actor is IDLE. schedule_move() is the only place that changes a state.
 * Loop thread only. */
#ifndef SHARD_SCHEDULE_H
#define SHARD_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/actor/actor.h"
#include "runtime/base/env.h"
#include "runtime/base/list.h"

struct schedule {
    struct env *env;
    struct fifo run_queue;     /* QUEUED and RESUMABLE, in the order they run (actor.run_link) */
    struct fifo wait_queue;    /* WAITING, oldest first */
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

/* QUEUED, if it is IDLE, has a message and is not suspended. */
static inline void schedule_ready(struct schedule *q, struct actor *a)
{
    if ((a->flags & (ACTOR_STATES | ACTOR_SUSPENDED)) == 0 && !actor_mailbox_empty(a))
        schedule_move(q, a, ACTOR_QUEUED);
}

/* A WAITING actor, the first of them, tries its message again. False: it is suspended, and stays
 * IDLE until an operator resumes it. */
bool schedule_resume(struct schedule *q, struct actor *a);

/* The next actor to run, IDLE from now on; there must be one. */
struct actor *schedule_next(struct schedule *q);

/* The actor that has waited longest, or NULL. */
struct actor *schedule_first_waiting(const struct schedule *q);

/* Puts that one behind the others. Whoever does so does it with all that wait: once around keeps
 * the order. */
void schedule_rotate_waiting(struct schedule *q);

static inline bool schedule_idle(const struct schedule *q)
{
    return fifo_empty(&q->run_queue) && fifo_empty(&q->wait_queue);
}

/* All actors are about to go: the lists are emptied, the states are not looked at any more. */
void schedule_reset(struct schedule *q);

#endif
