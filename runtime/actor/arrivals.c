/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "runtime/actor/arrivals.h"

#include "runtime/actor/shard_priv.h"

/* --- refusals -------------------------------------------------------------------------------- */

static void refuse_busy(struct shard *s, struct message *m, uint16_t code)
{
    s->stats.kinds[m->target_kind].busy++;
    shard_finish(s, m, code);
    m->retry_after_ms = SHARD_BUSY_RETRY_MS;
}

/* What no mailbox takes now; false if it was dealt with here. */
static out_of_line bool may_change(struct shard *s, struct message *m)
{
    if (s->writable && !outcomes_full(&s->ids) && !outcomes_full(&s->keys))
        return true;
    refuse_busy(s, m, s->writable ? ERR_BUSY : ERR_STORE_FULL);
    return false;
}

/* --- into a mailbox -------------------------------------------------------------------------- */

/* None of its turns runs now. */
static out_of_line void deliver_held(struct shard *s, struct message *m, struct actor *a)
{
    if ((a->flags & ACTOR_QUARANTINED) != 0) {
        supervisor_refused(s, m);
    } else if (!actor_mailbox_put(a, &m->link)) {
        refuse_busy(s, m, ERR_SUSPENDED);
    } else {
        s->stats.kinds[m->target_kind].depth++;
        orders_await(s, m->deadline_ns);
    }
}

static inline void deliver(struct shard *s, struct message *m, struct actor *a)
{
    if ((a->flags & ACTOR_HELD) != 0) {
        deliver_held(s, m, a);
    } else if (!actor_mailbox_put(a, &m->link)) {
        refuse_busy(s, m, ERR_BUSY);
    } else {
        s->stats.kinds[m->target_kind].depth++;
        shard_ready(s, a);
    }
}

static inline void admit(struct shard *s, struct message *m, struct actor *seen)
{
    if (m->type->view) {
        inquiry_post(s, m);
        return;
    }
    if (m->type->mutates && !may_change(s, m))
        return;
    if (seen == NULL || !id128_equal(seen->entry.id, m->target))
        seen = shard_bring(s, m->target_kind, m->target);
    deliver(s, m, seen);
}

void arrivals_take(struct shard *s, struct message *m)
{
    admit(s, m, NULL);
}

/* --- in groups ------------------------------------------------------------------------------- */

/* What not every message needs. */
static out_of_line void put_more(struct shard *s, const struct message *m)
{
    if (m->keyed)
        outcomes_prefetch(&s->keys, m->key);
    if (s->arrivals.count == ARRIVALS_GROUP)
        arrivals_accept(s);
    else
        env_wake(s->env);
}

/* Of a running shard: waits for its group. */
static inline void put(struct shard *s, struct message *m)
{
    struct arrivals *a = &s->arrivals;
    uint64_t hash = id128_hash(m->target);
    registry_prefetch_slot(&s->registry, m->target_kind, hash);
    a->items[a->count++] = (struct arrival){m, .hash = hash};
    if (m->keyed || a->count == 1 || a->count == ARRIVALS_GROUP)
        put_more(s, m);
}

/* Other than to a running shard. */
static out_of_line void post_later(struct shard *s, struct message *m)
{
    if (s->state == SHARD_STOPPED || s->closing) {
        shard_finish(s, m, ERR_UNAVAILABLE);
        return;
    }
    m->posted_ns = env_mono_ns(s->env);
    if (!parking_put(s, m))
        refuse_busy(s, m, ERR_UNAVAILABLE);
}

void shard_post(struct shard *s, struct message *m)
{
    m->drew_ids = false;
    m->replayed = false;
    if (m->target_kind >= KIND_MAX || s->options.domain->kinds[m->target_kind] == NULL) {
        m->target_kind = 0;
        shard_finish(s, m, ERR_UNSUPPORTED);
    } else if (s->state == SHARD_RUNNING && !s->closing) {
        put(s, m);
    } else {
        post_later(s, m);
    }
}

/* Where the actors of the group lie, by their slots, which have come by now. Nothing leaves the
 * registry before the group is in its mailboxes. */
static void find_actors(struct shard *s, struct arrival *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t kind = items[i].message->target_kind;
        items[i].actor = registry_guess(&s->registry, kind, items[i].hash);
        registry_prefetch(&s->registry, kind, items[i].actor);
    }
}

void arrivals_accept(struct shard *s)
{
    struct arrivals *a = &s->arrivals;
    if (a->count == 0)
        return;
    find_actors(s, a->items, a->count);
    uint64_t now_ns = env_mono_ns(s->env);
    for (size_t i = 0; i < a->count; i++) {
        struct message *m = a->items[i].message;
        m->posted_ns = now_ns;
        admit(s, m, a->items[i].actor);
    }
    a->count = 0;
}
