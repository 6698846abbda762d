/* SPDX-License-Identifier: Apache-2.0 */
/* See controls.h. */
#include "runtime/shard/controls.h"

#include <stdlib.h>

#include "runtime/base/time.h"
#include "runtime/shard/shard_priv.h"

/* An actor whose first message is being loaded for: later. */
#define CONTROLS_RETRY_NS (10 * NS_PER_MS)

struct control {
    struct table_entry entry; /* the actor's id */
    uint16_t flags;
};

static void controls_expire(struct alarm *alarm);

void controls_init(struct controls *o)
{
    *o = (struct controls){.expiry.fire = controls_expire};
    for (int k = 0; k < KIND_MAX; k++)
        table_init(&o->actors[k]);
}

void controls_done(struct controls *o)
{
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&o->actors[k], &cursor)) != NULL)
            free(container_of(e, struct control, entry));
        table_done(&o->actors[k]);
    }
}

static struct control *order_of(const struct controls *o, uint16_t kind, struct id128 id)
{
    struct table_entry *e = o->count == 0 ? NULL : table_find(&o->actors[kind], id);
    return e == NULL ? NULL : container_of(e, struct control, entry);
}

/* --- giving and lifting ----------------------------------------------------------------------- */

/* Those that waited before the order count as well. */
static void await_mailbox(struct shard *s, const struct actor *a)
{
    struct fifo_link *first = actor_mailbox_first(a), *link = first;
    while (link != NULL) {
        controls_await(s, container_of(link, struct message, link)->deadline_ns);
        link = link->next == first ? NULL : link->next;
    }
}

enum err controls_give(struct shard *s, struct actor *a, uint16_t flag)
{
    struct controls *o = &s->controls;
    check((flag & ~ACTOR_CONTROLS) == 0);
    struct control *order = order_of(o, a->kind, a->entry.id);
    if (order == NULL) {
        if (o->count == CONTROLS_MAX)
            return ERR_TOO_LARGE;
        order = calloc(1, sizeof *order);
        check(order != NULL);
        order->entry.id = a->entry.id;
        bool inserted = table_insert(&o->actors[a->kind], &order->entry);
        check(inserted);
        o->count++;
    }
    order->flags |= flag;
    a->flags |= flag;
    if (flag == ACTOR_SUSPENDED)
        await_mailbox(s, a);
    return ERR_OK;
}

void controls_lift(struct shard *s, struct actor *a, uint16_t flags)
{
    struct controls *o = &s->controls;
    a->flags &= (uint16_t)~flags;
    struct control *order = order_of(o, a->kind, a->entry.id);
    if (order == NULL)
        return;
    order->flags &= (uint16_t)~flags;
    if (order->flags != 0)
        return;
    table_remove(&o->actors[a->kind], &order->entry);
    o->count--;
    free(order);
}

void controls_apply(struct shard *s, struct actor *a)
{
    const struct control *order = order_of(&s->controls, a->kind, a->entry.id);
    if (order != NULL)
        a->flags |= order->flags;
}

/* Calls each actor with orders that is resident, or brings it. */
static void each_actor(struct shard *s, void (*each)(struct shard *s, struct actor *a))
{
    for (uint16_t k = 0; k < KIND_MAX && s->controls.count > 0; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&s->controls.actors[k], &cursor)) != NULL)
            each(s, shard_load(s, k, e->id));
    }
}

void controls_restore(struct shard *s)
{
    each_actor(s, controls_apply);
}

/* --- deadlines of waiting messages ------------------------------------------------------------ */

void controls_await(struct shard *s, uint64_t deadline_ns)
{
    struct alarm *expiry = &s->controls.expiry;
    if (deadline_ns != 0 && (expiry->due_ns == 0 || deadline_ns < expiry->due_ns))
        env_alarm_set(s->env, expiry, deadline_ns + 1);
}

static void expire_mailbox(struct shard *s, struct actor *a)
{
    if ((a->flags & ACTOR_SUSPENDED) == 0)
        return;
    uint64_t now_ns = env_mono_ns(s->env);
    if ((a->flags & ACTOR_WAITING) != 0) {
        controls_await(s, now_ns + CONTROLS_RETRY_NS); /* its first message is the loader's now */
        return;
    }
    for (uint32_t left = a->mailbox_count; left > 0; left--) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        shard_woken_done(s, a); /* the first one may be gone: it asks again */
        if (m->deadline_ns == 0 || now_ns <= m->deadline_ns) {
            actor_mailbox_put_back(a, &m->link);
            a->mailbox_last = &m->link; /* once around keeps the order */
            controls_await(s, m->deadline_ns);
            continue;
        }
        s->stats.kinds[a->kind].expired++;
        s->stats.kinds[a->kind].depth--;
        shard_finish(s, m, ERR_EXPIRED);
    }
}

static void controls_expire(struct alarm *alarm)
{
    struct shard *s = container_of(alarm, struct shard, controls.expiry);
    if (s->state == SHARD_RUNNING)
        each_actor(s, expire_mailbox);
}
