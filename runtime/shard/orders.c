/* SPDX-License-Identifier: Apache-2.0 */
/* See orders.h. */
#include "runtime/shard/orders.h"

#include <stdlib.h>

#include "runtime/base/time.h"
#include "runtime/shard/shard_priv.h"

/* An actor whose first message is being loaded for: later. */
#define ORDERS_RETRY_NS (10 * NS_PER_MS)

struct order {
    struct table_entry entry; /* the actor's id */
    uint16_t flags;
};

static void expire(struct alarm *alarm);

void orders_init(struct orders *o)
{
    *o = (struct orders){.expiry.fire = expire};
    for (int k = 0; k < KIND_MAX; k++)
        table_init(&o->actors[k]);
}

void orders_done(struct orders *o)
{
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&o->actors[k], &cursor)) != NULL)
            free(container_of(e, struct order, entry));
        table_done(&o->actors[k]);
    }
}

static struct order *order_of(const struct orders *o, uint16_t kind, struct id128 id)
{
    struct table_entry *e = o->count == 0 ? NULL : table_find(&o->actors[kind], id);
    return e == NULL ? NULL : container_of(e, struct order, entry);
}

/* --- giving and lifting ---------------------------------------------------------------------- */

/* Those that waited before the order count as well. */
static void await_mailbox(struct shard *s, const struct actor *a)
{
    struct fifo_link *first = actor_mailbox_first(a), *link = first;
    while (link != NULL) {
        orders_await(s, container_of(link, struct message, link)->deadline_ns);
        link = link->next == first ? NULL : link->next;
    }
}

enum err orders_give(struct shard *s, struct actor *a, uint16_t flag)
{
    struct orders *o = &s->orders;
    check((flag & ~ACTOR_ORDERS) == 0);
    struct order *order = order_of(o, a->kind, a->entry.id);
    if (order == NULL) {
        if (o->count == ORDERS_MAX)
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

void orders_lift(struct shard *s, struct actor *a, uint16_t flags)
{
    struct orders *o = &s->orders;
    a->flags &= (uint16_t)~flags;
    struct order *order = order_of(o, a->kind, a->entry.id);
    if (order == NULL)
        return;
    order->flags &= (uint16_t)~flags;
    if (order->flags != 0)
        return;
    table_remove(&o->actors[a->kind], &order->entry);
    o->count--;
    free(order);
}

void orders_apply(struct shard *s, struct actor *a)
{
    const struct order *order = order_of(&s->orders, a->kind, a->entry.id);
    if (order != NULL)
        a->flags |= order->flags;
}

/* Calls each actor with orders that is resident, or brings it. */
static void each_actor(struct shard *s, void (*each)(struct shard *s, struct actor *a))
{
    for (uint16_t k = 0; k < KIND_MAX && s->orders.count > 0; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&s->orders.actors[k], &cursor)) != NULL)
            each(s, shard_bring(s, k, e->id));
    }
}

void orders_restore(struct shard *s)
{
    each_actor(s, orders_apply);
}

/* --- deadlines of waiting messages ----------------------------------------------------------- */

void orders_await(struct shard *s, uint64_t deadline_ns)
{
    struct alarm *expiry = &s->orders.expiry;
    if (deadline_ns != 0 && (expiry->due_ns == 0 || deadline_ns < expiry->due_ns))
        env_alarm_set(s->env, expiry, deadline_ns + 1);
}

static void expire_mailbox(struct shard *s, struct actor *a)
{
    if ((a->flags & ACTOR_SUSPENDED) == 0)
        return;
    uint64_t now_ns = env_mono_ns(s->env);
    if ((a->flags & ACTOR_WAITING) != 0) {
        orders_await(s, now_ns + ORDERS_RETRY_NS); /* its first message is the loader's now */
        return;
    }
    for (uint32_t left = a->mailbox_count; left > 0; left--) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        shard_woken_done(s, a); /* the first one may be gone: it asks again */
        if (m->deadline_ns == 0 || now_ns <= m->deadline_ns) {
            actor_mailbox_put_back(a, &m->link);
            a->mailbox_last = &m->link; /* once around keeps the order */
            orders_await(s, m->deadline_ns);
            continue;
        }
        s->stats.kinds[a->kind].expired++;
        s->stats.kinds[a->kind].depth--;
        shard_finish(s, m, ERR_EXPIRED);
    }
}

static void expire(struct alarm *alarm)
{
    struct shard *s = container_of(alarm, struct shard, orders.expiry);
    if (s->state == SHARD_RUNNING)
        each_actor(s, expire_mailbox);
}
