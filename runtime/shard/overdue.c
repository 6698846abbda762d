/* SPDX-License-Identifier: Apache-2.0 */
/* Where an actor waits is left to the parts that know: a LOADING one stays so, with fewer messages;
 * of a WAITING one whose first message is gone, admission decides; a RESUMABLE one has nothing to
 * try again any more and is merely QUEUED. */
#include "runtime/shard/overdue.h"

#include "runtime/base/check.h"

/* True: its first message is gone. */
static bool overdue_of(struct overdue *o, struct actor *a, uint64_t now_ns)
{
    const struct fifo_link *first = actor_mailbox_first(a);
    residence_expire(o->residence, a, now_ns);
    return actor_mailbox_first(a) != first;
}

static void overdue_loading(struct overdue *o, uint64_t now_ns)
{
    const struct schedule *q = o->schedule;
    for (size_t i = 0; i < q->loading_count; i++)
        (void)overdue_of(o, q->loading[i], now_ns);
}

static void overdue_waiting(struct overdue *o, uint64_t now_ns)
{
    struct schedule *q = o->schedule;
    const struct fifo_link *last = fifo_empty(&q->wait_queue) ? NULL : q->wait_queue.last;
    bool more = last != NULL;
    while (more && !fifo_empty(&q->wait_queue)) { /* what is given up may set all others going */
        struct actor *a = schedule_first_waiting(q);
        more = &a->run_link != last;
        if (!overdue_of(o, a, now_ns)) {
            schedule_rotate_waiting(q);
            continue;
        }
        admission_forgo(o->admission, a);
        if (actor_mailbox_empty(a))
            ingress_let_go(o->ingress, a);
    }
}

static void overdue_running(struct overdue *o, uint64_t now_ns)
{
    struct fifo_link *link = o->schedule->run_queue.first;
    for (; link != NULL; link = link->next) {
        struct actor *a = actor_of_run_link(link);
        if (overdue_of(o, a, now_ns) && (a->flags & ACTOR_RESUMABLE) != 0)
            schedule_move(o->schedule, a, ACTOR_QUEUED);
    }
}

static void overdue_fire(struct alarm *alarm)
{
    struct overdue *o = container_of(alarm, struct overdue, alarm);
    uint64_t now_ns = env_mono_ns(o->env);
    check(alarm->due_ns == 0);
    if (!*o->running)
        return;
    overdue_loading(o, now_ns);
    overdue_running(o, now_ns);
    overdue_waiting(o, now_ns);
    env_wake(o->env); /* answers are given, and it is looked again, at the end of a pass */
}

void overdue_init(struct overdue *o, const struct overdue *uses)
{
    check(uses->env != NULL);
    check(uses->schedule != NULL);
    check(uses->admission != NULL);
    check(uses->residence != NULL);
    check(uses->ingress != NULL);
    check(uses->running != NULL);
    *o = *uses;
    o->alarm.fire = overdue_fire;
}
