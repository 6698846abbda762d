/* SPDX-License-Identifier: Apache-2.0 */
/* The lists are singly linked, so an actor can only leave one at its front; every path through the
 * states does. Actors that load come back in any order: each knows its place in their array. An
 * actor on the run queue may be suspended while it is there: it stays, and the code that runs its
 * turns checks its flags. */
#include "runtime/shard/schedule.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"

void schedule_init(struct schedule *q, struct env *env)
{
    check(env != NULL);
    *q = (struct schedule){.env = env};
    fifo_init(&q->run_queue);
    fifo_init(&q->wait_queue);
}

void schedule_done(struct schedule *q)
{
    free(q->loading);
    q->loading = NULL;
    q->loading_count = q->loading_cap = 0;
}

/* Where a state leads. */
static unsigned schedule_edges(unsigned from)
{
    switch (from) {
    case ACTOR_IDLE:
        return ACTOR_LOADING | ACTOR_QUEUED | ACTOR_WAITING;
    case ACTOR_WAITING:
        return ACTOR_RESUMABLE; /* and IDLE */
    case ACTOR_RESUMABLE:
        return ACTOR_QUEUED; /* and IDLE */
    case ACTOR_LOADING:
    case ACTOR_QUEUED:
        return 0; /* IDLE alone */
    default:
        check(from == ACTOR_IDLE); /* fails: an actor is in one state at a time */
        return 0;
    }
}

static bool schedule_runs(unsigned state)
{
    return state == ACTOR_QUEUED || state == ACTOR_RESUMABLE;
}

static void schedule_leave(struct fifo *list, const struct actor *a)
{
    check(!fifo_empty(list));
    const struct fifo_link *left = fifo_pop(list);
    check(left == &a->run_link);
}

static void schedule_enter_wait(struct schedule *q, struct actor *a)
{
    check(!actor_mailbox_empty(a));
    if (a == q->first)
        fifo_push_front(&q->wait_queue, &a->run_link);
    else
        fifo_push(&q->wait_queue, &a->run_link);
}

static void schedule_enter_loading(struct schedule *q, struct actor *a)
{
    array_reserve(q->loading, q->loading_cap, q->loading_count + 1);
    a->loading_at = q->loading_count;
    q->loading[q->loading_count++] = a;
}

static void schedule_leave_loading(struct schedule *q, const struct actor *a)
{
    check(q->loading_count > 0);
    check(q->loading[a->loading_at] == a);
    struct actor *last = q->loading[--q->loading_count];
    q->loading[a->loading_at] = last;
    last->loading_at = a->loading_at;
}

void schedule_move(struct schedule *q, struct actor *a, enum actor_flags to)
{
    unsigned from = a->flags & ACTOR_STATES;
    check(to == ACTOR_IDLE ? from != ACTOR_IDLE : (schedule_edges(from) & to) == (unsigned)to);
    if (from == ACTOR_LOADING)
        schedule_leave_loading(q, a);
    else if (from == ACTOR_WAITING)
        schedule_leave(&q->wait_queue, a);
    else if (schedule_runs(from) && !schedule_runs(to))
        schedule_leave(&q->run_queue, a);
    a->flags = (uint16_t)((a->flags & ~ACTOR_STATES) | to);
    if (to == ACTOR_LOADING)
        schedule_enter_loading(q, a);
    else if (to == ACTOR_WAITING)
        schedule_enter_wait(q, a);
    else if (schedule_runs(to) && !schedule_runs(from))
        schedule_enter_run(q, a);
    check(from != ACTOR_RESUMABLE || q->resumable > 0);
    q->resumable += (size_t)(to == ACTOR_RESUMABLE) - (size_t)(from == ACTOR_RESUMABLE);
}

bool schedule_resume(struct schedule *q, struct actor *a)
{
    check((a->flags & ACTOR_WAITING) != 0);
    bool runs_now = (a->flags & ACTOR_SUSPENDED) == 0;
    schedule_move(q, a, runs_now ? ACTOR_RESUMABLE : ACTOR_IDLE);
    return runs_now;
}

struct actor *schedule_first_waiting(const struct schedule *q)
{
    check(q->resumable == 0 || !fifo_empty(&q->run_queue));
    return fifo_empty(&q->wait_queue) ? NULL : actor_of_run_link(q->wait_queue.first);
}

void schedule_rotate_waiting(struct schedule *q)
{
    check(!fifo_empty(&q->wait_queue));
    fifo_push(&q->wait_queue, fifo_pop(&q->wait_queue));
}

void schedule_reset(struct schedule *q)
{
    q->loading_count = 0;
    fifo_init(&q->run_queue);
    fifo_init(&q->wait_queue);
    q->send_waits = false;
    q->resumable = 0;
    q->first = NULL;
}
