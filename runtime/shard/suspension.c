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

enum err suspension_begin(struct suspension *su, struct actor *a)
{
    enum err e = controls_give(su->residence->controls, a, ACTOR_SUSPENDED);
    if (e != ERR_OK)
        return e;
    check((a->flags & ACTOR_SUSPENDED) != 0);
    /* Those that came before count as well. */
    struct fifo_link *first = actor_mailbox_first(a), *link = first;
    while (link != NULL) {
        suspension_await(su, container_of(link, struct message, link)->deadline_ns);
        link = link->next == first ? NULL : link->next;
    }
    return ERR_OK;
}

/* Takes the first message out: the actor, if it was to try that one again, has forgotten it. */
static struct message *suspension_take(struct suspension *su, struct actor *a)
{
    check((a->flags & ACTOR_WAITING) == 0);
    check((a->flags & ACTOR_SUSPENDED) != 0);
    struct message *m = container_of(actor_mailbox_take(a), struct message, link);
    if ((a->flags & ACTOR_RESUMABLE) != 0)
        schedule_move(su->residence->schedule, a, ACTOR_QUEUED);
    return m;
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
    for (uint32_t left = a->mailbox_count; left > 0; left--) {
        struct message *m = suspension_take(su, a);
        if (m->deadline_ns == 0 || now_ns <= m->deadline_ns) {
            actor_mailbox_put_back(a, &m->link);
            a->mailbox_last = &m->link; /* once around keeps the order */
            suspension_await(su, m->deadline_ns);
            continue;
        }
        r->stats->kinds[a->kind].expired++;
        r->stats->kinds[a->kind].depth--;
        answers_refuse(r->answers, m, ERR_EXPIRED);
    }
}

static void suspension_fire(struct alarm *alarm)
{
    struct suspension *su = container_of(alarm, struct suspension, expiry);
    if (*su->running)
        residence_each_controlled(su->residence, suspension_expire, su);
}
