/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

void arrivals_put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    registry_prefetch_slot(&s->registry, m->target_kind, m->target);
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
    a->messages[a->count++] = m;
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
    /* The slots have come by now and tell where the actors are. */
    for (size_t i = 0; i < a->count; i++) {
        const struct message *m = a->messages[i];
        a->actors[i] = registry_prefetch(&s->registry, m->target_kind, m->target);
    }
    uint64_t now_ns = env_mono_ns(s->env);
    for (size_t i = 0; i < a->count; i++) {
        a->messages[i]->posted_ns = now_ns;
        shard_accept(s, a->messages[i], a->actors[i]);
    }
    a->count = 0;
}
