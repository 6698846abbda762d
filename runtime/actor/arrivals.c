/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

static struct actor *guess(const struct shard *s, const struct arrival *i)
{
    return registry_guess(&s->registry, i->message->target_kind, i->hash);
}

/* The slot has come by now and tells where the actor is. */
prefetching void prefetch_actor(const struct shard *s, const struct arrival *i)
{
    registry_prefetch(&s->registry, i->message->target_kind, guess(s, i));
}

void arrivals_put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    uint64_t hash = id128_hash(m->target);
    registry_prefetch_slot(&s->registry, m->target_kind, hash);
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
    a->items[a->count++] = (struct arrival){m, hash};
    if (a->count > ARRIVALS_AHEAD)
        prefetch_actor(s, &a->items[a->count - 1 - ARRIVALS_AHEAD]);
    if (a->count == ARRIVALS_GROUP)
        arrivals_accept(s);
    else if (a->count == 1)
        env_wake(s->env);
}

void arrivals_accept(struct shard *s)
{
    struct arrivals *a = &s->arrivals;
    if (a->count == 0)
        return;
    for (size_t i = a->count > ARRIVALS_AHEAD ? a->count - ARRIVALS_AHEAD : 0; i < a->count; i++)
        prefetch_actor(s, &a->items[i]);
    uint64_t now_ns = env_mono_ns(s->env);
    for (size_t i = 0; i < a->count; i++) {
        struct message *m = a->items[i].message;
        m->posted_ns = now_ns;
        shard_accept(s, m, guess(s, &a->items[i]));
    }
    a->count = 0;
}
