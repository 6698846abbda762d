/* SPDX-License-Identifier: Apache-2.0 */
/* One table for each kind, by the actor's id. Every change is made twice, in the entry and in the
 * flags of the resident actor: turns look at the flags alone, the entry is for the moment when the
 * actor becomes resident again. An entry exists as long as one of its flags is set. With no entry
 * at all, the usual case, a look-up touches no table. */
#include "runtime/shard/controls.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"

struct control {
    struct table_entry entry; /* the actor's id */
    uint16_t flags;           /* some of ACTOR_CONTROLS, never none */
};

void controls_init(struct controls *o)
{
    *o = (struct controls){0};
    for (int k = 0; k < KIND_MAX; k++)
        table_init(&o->actors[k]);
}

void controls_done(struct controls *o)
{
    check(o->count <= CONTROLS_MAX);
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&o->actors[k], &cursor)) != NULL)
            free(container_of(e, struct control, entry));
        table_done(&o->actors[k]);
    }
}

static struct control *controls_find(const struct controls *o, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct table_entry *e = o->count == 0 ? NULL : table_find(&o->actors[kind], id);
    return e == NULL ? NULL : container_of(e, struct control, entry);
}

static struct control *controls_add(struct controls *o, const struct actor *a)
{
    check(o->count < CONTROLS_MAX);
    struct control *control = memory_take_zeroed(1, sizeof *control);
    control->entry.id = a->entry.id;
    bool inserted = table_insert(&o->actors[a->kind], &control->entry);
    check(inserted);
    o->count++;
    return control;
}

enum err controls_give(struct controls *o, struct actor *a, uint16_t flag)
{
    check(flag != 0 && (flag & ~ACTOR_CONTROLS) == 0);
    struct control *control = controls_find(o, a->kind, a->entry.id);
    if (control == NULL && o->count == CONTROLS_MAX)
        return ERR_TOO_LARGE;
    if (control == NULL)
        control = controls_add(o, a);
    control->flags |= flag;
    a->flags |= flag;
    check((a->flags & ACTOR_CONTROLS) == control->flags);
    return ERR_OK;
}

void controls_lift(struct controls *o, struct actor *a, uint16_t flags)
{
    check((flags & ~ACTOR_CONTROLS) == 0);
    a->flags &= (uint16_t)~flags;
    struct control *control = controls_find(o, a->kind, a->entry.id);
    check(control != NULL || (a->flags & ACTOR_CONTROLS) == 0);
    if (control == NULL)
        return;
    control->flags &= (uint16_t)~flags;
    if (control->flags != 0)
        return;
    table_remove(&o->actors[a->kind], &control->entry);
    check(o->count > 0);
    o->count--;
    free(control);
}

void controls_apply(const struct controls *o, struct actor *a)
{
    const struct control *control = controls_find(o, a->kind, a->entry.id);
    check(control == NULL || (control->flags & ~ACTOR_CONTROLS) == 0);
    if (control != NULL)
        a->flags |= control->flags;
}

void controls_each(const struct controls *o,
                   void (*each)(void *context, uint16_t kind, struct id128 id), void *context)
{
    check(each != NULL);
    uint32_t count = o->count;
    for (uint16_t k = 0; k < KIND_MAX && o->count > 0; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&o->actors[k], &cursor)) != NULL)
            each(context, k, e->id);
    }
    check(o->count == count);
}
