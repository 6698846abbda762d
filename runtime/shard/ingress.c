/* SPDX-License-Identifier: Apache-2.0 */
/* Each message goes through three steps, a group of INGRESS_STEP at a time: its hash and the slot
 * of its actor (ingress_hash), the actor by that slot (ingress_find), and its turn or mailbox. Each
 * step prefetches what the next one reads. What the look-up of its key reads is fetched when it
 * comes: where a process has many shards, few messages of one are together. */
#include "runtime/shard/ingress.h"

#include "runtime/base/check.h"

void ingress_init(struct ingress *in, const struct ingress_uses *uses)
{
    check(uses->env != NULL);
    check(uses->registry != NULL);
    check(uses->residence != NULL);
    check(uses->schedule != NULL);
    check(uses->answers != NULL);
    check(uses->suspension != NULL);
    check(uses->supervisor != NULL);
    check(uses->view_reads != NULL);
    check(uses->writable != NULL);
    check(uses->ids != NULL);
    check(uses->keys != NULL);
    check(uses->stats != NULL);
    in->uses = *uses;
    in->count = in->next = in->hashed = in->found = 0;
}

cold void ingress_begin(struct ingress *in)
{
    ingress_accept(in);
    check(in->count == 0);
    check(in->next == 0);
    in->since_ns = env_mono_ns(in->uses.env);
    env_wake(in->uses.env);
}

/* --- refusals --------------------------------------------------------------------------------- */

void ingress_refuse(struct ingress *in, struct message *m, uint16_t code)
{
    check(code != ERR_OK);
    in->uses.stats->kinds[m->target_kind].busy++;
    answers_refuse_busy(in->uses.answers, m, code);
}

static cold bool ingress_may_know_key(const struct ingress *in, const struct message *m)
{
    uint64_t position;
    check(m->keyed);
    return dedup_table_find(in->uses.keys, m->key, &position) != DEDUP_NEW;
}

bool ingress_may_enter(struct ingress *in, struct message *m)
{
    check(m->type->view || m->type->mutates);
    if (m->type->view) {
        view_reads_post(in->uses.view_reads, m);
        return false;
    }
    if (m->asks_key && !ingress_may_know_key(in, m)) {
        answers_refuse(in->uses.answers, m, ERR_NOT_FOUND);
        return false;
    }
    if (*in->uses.writable && !dedup_table_full(in->uses.ids) && !dedup_table_full(in->uses.keys))
        return true;
    ingress_refuse(in, m, *in->uses.writable ? ERR_BUSY : ERR_STORE_FULL);
    return false;
}

/* --- into a mailbox --------------------------------------------------------------------------- */

/* None of its turns runs now. */
static cold void ingress_deliver_halted(struct ingress *in, struct message *m, struct actor *a)
{
    check((a->flags & ACTOR_HALTED) != 0);
    if ((a->flags & ACTOR_QUARANTINED) != 0) {
        supervisor_refused(in->uses.supervisor, m);
    } else if (!actor_mailbox_put(a, &m->link)) {
        ingress_refuse(in, m, ERR_SUSPENDED);
    } else {
        in->uses.stats->kinds[m->target_kind].depth++;
        suspension_await(in->uses.suspension, m->deadline_ns);
    }
}

void ingress_deliver(struct ingress *in, struct message *m, struct actor *a)
{
    check(a->kind == m->target_kind);
    if ((a->flags & ACTOR_HALTED) != 0) {
        ingress_deliver_halted(in, m, a);
    } else if (!actor_mailbox_put(a, &m->link)) {
        ingress_refuse(in, m, ERR_BUSY);
    } else {
        in->uses.stats->kinds[m->target_kind].depth++;
        schedule_ready(in->uses.schedule, a);
    }
}

void ingress_take(struct ingress *in, struct message *m)
{
    check(m->type != NULL);
    struct actor *a = ingress_target(in, m, NULL);
    if (a != NULL)
        ingress_deliver(in, m, a);
}

/* Where their actors lie, by their slots, which have come by now. */
static void ingress_find(struct ingress *in, size_t end)
{
    check(end <= in->count);
    check(in->found <= end);
    const struct registry *r = in->uses.registry;
    for (struct ingress_item *i = &in->items[in->found]; i < &in->items[end]; i++) {
        uint16_t kind = i->message->target_kind;
        i->actor = registry_guess(r, kind, i->hash);
        registry_prefetch(r, kind, i->actor);
    }
    in->found = end;
}

static void ingress_hash(struct ingress *in, size_t end)
{
    check(end <= in->count);
    check(in->hashed <= end);
    const struct registry *r = in->uses.registry;
    for (struct ingress_item *i = &in->items[in->hashed]; i < &in->items[end]; i++) {
        const struct message *m = i->message;
        i->hash = id128_hash(m->target);
        registry_prefetch_slot(r, m->target_kind, i->hash);
    }
    in->hashed = end;
}

void ingress_look_ahead(struct ingress *in)
{
    check(in->hashed <= in->count);
    check(in->found <= in->hashed);
    size_t end = in->hashed + INGRESS_STEP;
    ingress_find(in, in->hashed);
    ingress_hash(in, end < in->count ? end : in->count);
}

void ingress_accept(struct ingress *in)
{
    check(in->next <= in->count);
    if (in->count == 0)
        return;
    ingress_look_ahead(in);
    ingress_look_ahead(in);
    while (in->next < in->count) {
        const struct ingress_item *i = ingress_next(in);
        struct actor *to = ingress_target(in, i->message, i->actor);
        if (to != NULL)
            ingress_deliver(in, i->message, to);
    }
    in->count = in->next = in->hashed = in->found = 0;
}

void ingress_forget(struct ingress *in, const struct actor *gone)
{
    check(in->found <= in->count);
    for (size_t i = in->next; i < in->found; i++)
        if (in->items[i].actor == gone)
            in->items[i].actor = NULL;
}

void ingress_drain(struct ingress *in, struct stash *to)
{
    check(in->next == 0); /* no turn runs */
    for (size_t i = 0; i < in->count; i++)
        stash_put_beyond(to, in->items[i].message);
    in->count = in->hashed = in->found = 0;
}
