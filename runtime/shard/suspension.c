/* SPDX-License-Identifier: Apache-2.0 */
/* One alarm for all suspended actors, set for the earliest deadline. When it fires, each mailbox is
 * gone through once, and what is still to come sets it again. While the first message of an actor
 * waits for the loader, its mailbox is left alone and looked at a little later. */
#include "runtime/shard/suspension.h"

#include "runtime/base/check.h"
#include "runtime/base/time.h"

#define SUSPENSION_RETRY_NS (10 * NS_PER_MS)

static void suspension_fire(struct alarm *alarm);

void suspension_init(struct suspension *su, struct env *env, struct residence *residence,
                     const bool *running)
{
    check(env != NULL);
    check(residence != NULL);
    check(running != NULL);
    *su = (struct suspension){.env = env, .residence = residence, .running = running};
    su->expiry.fire = suspension_fire;
}

void suspension_await(struct suspension *su, uint64_t deadline_ns)
{
    if (deadline_ns != 0 && (su->expiry.due_ns == 0 || deadline_ns < su->expiry.due_ns))
        env_alarm_set(su->env, &su->expiry, deadline_ns + 1);
}

static void suspension_await_all(struct suspension *su, const struct actor *a)
{
    struct fifo_link *first = actor_mailbox_first(a), *link = first;
    while (link != NULL) {
        suspension_await(su, container_of(link, struct message, link)->deadline_ns);
        link = link->next == first ? NULL : link->next;
    }
}

enum err suspension_begin(struct suspension *su, struct actor *a)
{
    enum err e = controls_give(su->residence->controls, a, ACTOR_SUSPENDED);
    if (e != ERR_OK)
        return e;
    check((a->flags & ACTOR_SUSPENDED) != 0);
    suspension_await_all(su, a); /* those that came before count as well */
    return ERR_OK;
}

static void suspension_expire(void *context, struct actor *a)
{
    struct suspension *su = context;
    struct residence *r = su->residence;
    uint64_t now_ns = env_mono_ns(su->env);
    if ((a->flags & ACTOR_SUSPENDED) == 0)
        return;
    if ((a->flags & ACTOR_WAITING) != 0) {
        suspension_await(su, now_ns + SUSPENSION_RETRY_NS);
        return;
    }
    const struct fifo_link *first = actor_mailbox_first(a);
    residence_expire(r, a, now_ns);
    if ((a->flags & ACTOR_RESUMABLE) != 0 && actor_mailbox_first(a) != first)
        schedule_move(r->schedule, a, ACTOR_QUEUED); /* it has forgotten what it was to try again */
    suspension_await_all(su, a);
}

static void suspension_fire(struct alarm *alarm)
{
    struct suspension *su = container_of(alarm, struct suspension, expiry);
    if (*su->running)
        residence_each_controlled(su->residence, suspension_expire, su);
}
