/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

void arrivals_init(struct arrivals *a)
{
    *a = (struct arrivals){0};
    fifo_init(&a->messages);
}

void arrivals_put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    registry_prefetch_slot(&s->registry, m->target_kind, m->target);
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
    fifo_push(&a->messages, &m->link);
    if (++a->count == ARRIVALS_GROUP)
        arrivals_accept(s);
    else
        env_wake(s->env);
}

struct message *arrivals_take(struct shard *s)
{
    struct fifo_link *link = fifo_pop(&s->arrivals.messages);
    if (link == NULL)
        return NULL;
    s->arrivals.count--;
    return container_of(link, struct message, link);
}

void arrivals_accept(struct shard *s)
{
    if (s->arrivals.count == 0)
        return;
    /* The slots have come by now and tell where the actors are. */
    for (struct fifo_link *l = s->arrivals.messages.first; l != NULL; l = l->next) {
        struct message *m = container_of(l, struct message, link);
        registry_prefetch(&s->registry, m->target_kind, m->target);
    }
    uint64_t now_ns = env_mono_ns(s->env);
    struct message *m;
    while ((m = arrivals_take(s)) != NULL) {
        m->posted_ns = now_ns;
        shard_accept(s, m);
    }
}
