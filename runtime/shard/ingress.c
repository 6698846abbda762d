/* SPDX-License-Identifier: Apache-2.0 */
/* See ingress.h. */
#include "runtime/shard/ingress.h"

#include "runtime/shard/shard_priv.h"

/* --- refusals --------------------------------------------------------------------------------- */

static void refuse_busy(struct shard *s, struct message *m, uint16_t code)
{
    s->stats.kinds[m->target_kind].busy++;
    shard_finish(s, m, code);
    m->retry_after_ms = SHARD_BUSY_RETRY_MS;
}

bool ingress_may_enter(struct shard *s, struct message *m)
{
    if (m->type->view) {
        view_read_post(s, m);
        return false;
    }
    if (s->writable && !dedup_table_full(&s->ids) && !dedup_table_full(&s->keys))
        return true;
    refuse_busy(s, m, s->writable ? ERR_BUSY : ERR_STORE_FULL);
    return false;
}

/* --- into a mailbox --------------------------------------------------------------------------- */

/* None of its turns runs now. */
static cold void deliver_held(struct shard *s, struct message *m, struct actor *a)
{
    if ((a->flags & ACTOR_QUARANTINED) != 0) {
        supervisor_refused(s, m);
    } else if (!actor_mailbox_put(a, &m->link)) {
        refuse_busy(s, m, ERR_SUSPENDED);
    } else {
        s->stats.kinds[m->target_kind].depth++;
        controls_await(s, m->deadline_ns);
    }
}

void ingress_deliver(struct shard *s, struct message *m, struct actor *a)
{
    if ((a->flags & ACTOR_HALTED) != 0) {
        deliver_held(s, m, a);
    } else if (!actor_mailbox_put(a, &m->link)) {
        refuse_busy(s, m, ERR_BUSY);
    } else {
        s->stats.kinds[m->target_kind].depth++;
        shard_ready(s, a);
    }
}

void ingress_take(struct shard *s, struct message *m)
{
    struct actor *a = ingress_target(s, m, NULL);
    if (a != NULL)
        ingress_deliver(s, m, a);
}

/* Where their actors lie, by their slots, which have come by now. */
static void ingress_find(struct shard *s, size_t end)
{
    struct ingress *a = &s->ingress;
    for (struct ingress_item *i = &a->items[a->found]; i < &a->items[end]; i++) {
        uint16_t kind = i->message->target_kind;
        i->actor = registry_guess(&s->registry, kind, i->hash);
        registry_prefetch(&s->registry, kind, i->actor);
    }
    a->found = end;
}

static void ingress_hash(struct shard *s, size_t end)
{
    struct ingress *a = &s->ingress;
    for (struct ingress_item *i = &a->items[a->hashed]; i < &a->items[end]; i++) {
        const struct message *m = i->message;
        i->hash = id128_hash(m->target);
        registry_prefetch_slot(&s->registry, m->target_kind, i->hash);
        if (m->keyed)
            dedup_table_prefetch(&s->keys, m->key);
    }
    a->hashed = end;
}

void ingress_look_ahead(struct shard *s)
{
    const struct ingress *a = &s->ingress;
    size_t end = a->hashed + INGRESS_STEP;
    ingress_find(s, a->hashed);
    ingress_hash(s, end < a->count ? end : a->count);
}

void ingress_accept(struct shard *s)
{
    struct ingress *a = &s->ingress;
    if (a->count == 0)
        return;
    ingress_look_ahead(s);
    ingress_look_ahead(s);
    while (a->next < a->count) {
        const struct ingress_item *i = ingress_next(s);
        struct actor *to = ingress_target(s, i->message, i->actor);
        if (to != NULL)
            ingress_deliver(s, i->message, to);
    }
    a->count = a->next = a->hashed = a->found = 0;
}

void ingress_forget(struct shard *s, const struct actor *gone)
{
    struct ingress *a = &s->ingress;
    for (size_t i = a->next; i < a->found; i++)
        if (a->items[i].actor == gone)
            a->items[i].actor = NULL;
}

/* --- the post --------------------------------------------------------------------------------- */

static cold void begin_group(struct shard *s)
{
    s->ingress.since_ns = env_mono_ns(s->env);
    env_wake(s->env);
}

/* To a running shard. */
static inline void ingress_put(struct shard *s, struct message *m)
{
    struct ingress *a = &s->ingress;
    if (a->count == INGRESS_MAX)
        ingress_accept(s);
    if (a->count == 0)
        begin_group(s);
    m->posted_ns = a->since_ns;
    a->items[a->count++] = (struct ingress_item){.message = m};
}

/* Other than to a running shard. */
static cold void post_later(struct shard *s, struct message *m)
{
    if (s->state == SHARD_STOPPED || s->closing) {
        shard_finish(s, m, ERR_UNAVAILABLE);
        return;
    }
    m->posted_ns = env_mono_ns(s->env);
    if (!stash_put(s, m))
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
        ingress_put(s, m);
    } else {
        post_later(s, m);
    }
}
