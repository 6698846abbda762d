/* SPDX-License-Identifier: Apache-2.0 */
/* An actor comes with the first message that looks for it, LOADING until the loader has answered,
 * and leaves through residence_evict(). What an operator laid down about it (controls.h) is put on
 * it whenever it comes. */
#include "runtime/shard/residence.h"

#include "runtime/base/check.h"

struct actor *residence_get(struct residence *r, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct actor *a = registry_find(r->registry, kind, id);
    if (a != NULL)
        return a;
    a = registry_insert(r->registry, kind, id);
    check((a->flags & (ACTOR_EXISTS | ACTOR_STATES)) == 0);
    controls_apply(r->controls, a);
    if (residence_fresh(r, kind, id))
        return a;
    schedule_move(r->schedule, a, ACTOR_LOADING);
    r->stats->loads++;
    loader_ask(r->loader, &(struct load){.what = LOAD_STATE, .kind = kind, .id = id});
    return a;
}

static void residence_refuse_mailbox(struct residence *r, struct actor *a)
{
    check((a->flags & ACTOR_STATES) == ACTOR_IDLE);
    while (a->mailbox_last != NULL) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        check(r->stats->kinds[a->kind].depth > 0);
        r->stats->kinds[a->kind].depth--;
        answers_refuse(r->answers, m, ERR_UNAVAILABLE);
    }
}

enum err residence_loaded(struct residence *r, struct load *l)
{
    check(l->what == LOAD_STATE);
    struct actor *a = registry_find(r->registry, l->kind, l->id);
    if (a == NULL || (a->flags & ACTOR_LOADING) == 0)
        return ERR_OK; /* the registry was rebuilt in between */
    schedule_move(r->schedule, a, ACTOR_IDLE);
    a->flags |= ACTOR_USED; /* it stays until whoever asked for it has looked */
    if ((a->flags & ACTOR_EXISTS) != 0 || a->touched_seq != 0) {
        /* It was made meanwhile, by a turn that knew without the state that it did not exist (a
         * transfer by its id): the store is behind that. */
        schedule_ready(r->schedule, a);
        return ERR_OK;
    }
    if (l->result == ERR_OK && !registry_fill(r->registry, a, l->body, l->due_ns))
        return ERR_CORRUPT;
    if (l->result != ERR_OK && l->result != ERR_NOT_FOUND) {
        residence_refuse_mailbox(r, a);
        registry_evict(r->registry, a);
        return l->result;
    }
    schedule_ready(r->schedule, a);
    return ERR_OK;
}

/* It may exist, and is no longer here. */
static void residence_note_evicted(struct residence *r, uint16_t kind, struct id128 id)
{
    uint64_t ms = id128_unix_ms(id);
    r->whole[kind] = false;
    if (early_ids_is_early(id, r->early_ids->now_ms * NS_PER_MS))
        early_ids_note(r->early_ids, id);
    else if (id128_tells_time(id) && ms > r->evicted_ms[kind])
        r->evicted_ms[kind] = ms;
}

void residence_expire(struct residence *r, struct actor *a, uint64_t now_ns)
{
    for (uint32_t left = a->mailbox_count; left > 0; left--) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        if (!message_over(m, now_ns)) {
            actor_mailbox_put_back(a, &m->link);
            a->mailbox_last = &m->link; /* once around keeps the order */
            continue;
        }
        check(r->stats->kinds[a->kind].depth > 0);
        r->stats->kinds[a->kind].expired++;
        r->stats->kinds[a->kind].depth--;
        answers_refuse(r->answers, m, ERR_EXPIRED);
    }
}

void residence_evict(struct residence *r, struct actor *a)
{
    check((a->flags & (ACTOR_STATES | ACTOR_CONTROLS)) == 0);
    if ((a->flags & ACTOR_EXISTS) != 0 || a->touched_seq != 0)
        residence_note_evicted(r, a->kind, a->entry.id);
    registry_evict(r->registry, a);
    r->stats->evicted++;
}

void residence_restart(struct residence *r, bool whole, uint64_t evicted_ms)
{
    check(r->registry->resident == 0);
    for (int k = 0; k < KIND_MAX; k++) {
        r->whole[k] = whole;
        r->evicted_ms[k] = evicted_ms;
    }
}

/* The callback and its arguments. */
struct controlled_walk {
    struct residence *residence;
    void (*each)(void *context, struct actor *a);
    void *context;
};

static void residence_call(void *context, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct controlled_walk *walk = context;
    walk->each(walk->context, residence_get(walk->residence, kind, id));
}

void residence_each_controlled(struct residence *r, void (*each)(void *context, struct actor *a),
                               void *context)
{
    check(each != NULL);
    struct controlled_walk walk = {r, each, context};
    controls_each(r->controls, residence_call, &walk);
}

static void residence_restore(void *context, struct actor *a)
{
    struct residence *r = context;
    controls_apply(r->controls, a);
}

void residence_restore_controls(struct residence *r)
{
    residence_each_controlled(r, residence_restore, r);
}
