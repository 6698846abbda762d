/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

static struct actor *prefetch(struct shard *s, const struct message *m)
{
    return registry_prefetch(&s->registry, m->target_kind, m->target);
}

void arrivals_put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    registry_prefetch_slot(&s->registry, m->target_kind, m->target);
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
    a->messages[a->count++] = m;
    /* The slot of an earlier one has come by now and tells where its actor is. */
    if (a->count > ARRIVALS_AHEAD)
        (void)prefetch(s, a->messages[a->count - 1 - ARRIVALS_AHEAD]);
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
        (void)prefetch(s, a->messages[i]);
    uint64_t now_ns = env_mono_ns(s->env);
    for (size_t i = 0; i < a->count; i++) {
        struct message *m = a->messages[i];
        m->posted_ns = now_ns;
        shard_accept(s, m, prefetch(s, m));
    }
    a->count = 0;
}
