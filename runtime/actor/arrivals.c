/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

void arrivals_init(struct arrivals *a)
{
    *a = (struct arrivals){0};
    fifo_init(&a->messages);
}

static void prefetch_slots(const struct shard *s, const struct message *m)
{
    registry_prefetch_slot(&s->registry, m->target_kind, m->target);
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
}

bool arrivals_put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    if (a->count == ARRIVALS_MAX)
        return false;
    if (a->count < ARRIVALS_GROUP)
        prefetch_slots(s, m);
    fifo_push(&a->messages, &m->link);
    a->count++;
    env_wake(s->env);
    return true;
}

struct message *arrivals_take(struct shard *s)
{
    struct fifo_link *link = fifo_pop(&s->arrivals.messages);
    if (link == NULL)
        return NULL;
    s->arrivals.count--;
    return container_of(link, struct message, link);
}

/* The slots of this group have come by now and tell where the actors are; those of the next group
 * will come while this one runs. */
static void prefetch(const struct shard *s)
{
    const struct fifo_link *l = s->arrivals.messages.first;
    for (int i = 0; i < ARRIVALS_GROUP && l != NULL; i++, l = l->next) {
        const struct message *m = container_of(l, struct message, link);
        registry_prefetch(&s->registry, m->target_kind, m->target);
    }
    for (int i = 0; i < ARRIVALS_GROUP && l != NULL; i++, l = l->next)
        prefetch_slots(s, container_of(l, struct message, link));
}

void arrivals_accept(struct shard *s, uint64_t now_ns)
{
    prefetch(s);
    struct message *m;
    for (int i = 0; i < ARRIVALS_GROUP && (m = arrivals_take(s)) != NULL; i++) {
        m->posted_ns = now_ns;
        shard_accept(s, m);
    }
}

void arrivals_accept_all(struct shard *s)
{
    uint64_t now_ns = env_mono_ns(s->env);
    while (s->arrivals.count > 0)
        arrivals_accept(s, now_ns);
}
