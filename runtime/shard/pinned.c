/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shard/pinned.h"

#include "runtime/actor/registry_priv.h"
#include "runtime/base/mutant.h"
#include "runtime/sends/open_ask.h"
#include "runtime/shard/residence.h"

struct pinned_reading {
    struct registry *registry;
    bool damaged;
};

static bool pinned_keep(void *context, const struct state_row *row)
{
    struct pinned_reading *p = context;
    struct actor *a = registry_insert(p->registry, row->kind, row->id);
    p->damaged |= !registry_fill(p->registry, a, row->body, row->due_ns);
    return !p->damaged;
}

/* That of the id zero, which is after none, and all others. */
static enum err pinned_read(struct registry *r, struct view_store *views, uint16_t shard,
                            uint16_t kind)
{
    struct pinned_reading p = {.registry = r};
    enum err e = views->ops->state_load(views, shard, kind, ID128_ZERO, pinned_keep, &p);
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        e = views->ops->states_each(views, shard, kind, ID128_ZERO, pinned_keep, &p);
    if (p.damaged)
        views->ops->damaged(views);
    return e == ERR_OK && p.damaged ? ERR_CORRUPT : e;
}

enum err pinned_load(struct residence *r, struct view_store *views, uint16_t shard)
{
    enum err e = ERR_OK;
    for (uint16_t kind = 0; e == ERR_OK && kind < KIND_MAX; kind++) {
        const struct actor_kind *k = r->registry->domain->kinds[kind];
        if (k == NULL || !k->pinned)
            continue;
        r->whole[kind] = true;
        if (views != NULL && !(MUTANT(FORGET_ASKS) && kind == KIND_OPEN_ASK))
            e = pinned_read(r->registry, views, shard, kind);
    }
    return e;
}
