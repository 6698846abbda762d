/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the batches once before the replay does, notes the ids that the events name (event_needs)
 * and whose states are not in memory, sorts them, and loads them one after another. A state that is
 * named twice is loaded once: registry_preload() finds it the second time. */
#include "runtime/projector/preload.h"

#include <stdlib.h>

#include "runtime/base/array.h"

struct needed {
    struct id128 id;
    uint16_t kind;
};

struct preload {
    struct replay *replay;
    const struct follower *step;
    uint64_t seq_max, events_left;
    struct needed *items;
    size_t count, cap;
};

static void preload_need(struct preload *p, uint16_t kind, struct id128 id)
{
    if (registry_find(p->replay->registry, kind, id) != NULL)
        return;
    array_reserve(p->items, p->cap, p->count + 1);
    p->items[p->count++] = (struct needed){id, kind};
}

/* false: it cannot be read. */
static bool preload_event(struct preload *p, const struct record_reader *record)
{
    struct replay *r = p->replay;
    const struct event_needs *needs =
        record->number < DOMAIN_NUMBER_MAX ? r->domain->needs[record->number] : NULL;
    if (needs == NULL)
        return true;
    struct wire_reader wire;
    wire_reader_init(&wire, record->event.data, record->event.len);
    memset(r->event, 0, needs->type->size);
    bool read = needs->type->read(&wire, &r->arena, r->event);
    arena_reset(&r->arena);
    for (uint16_t i = 0; read && i < needs->count; i++) {
        struct id128 id;
        memcpy(&id, (const char *)r->event + needs->ids[i], sizeof id);
        preload_need(p, needs->kind, id);
    }
    return read;
}

static bool preload_batch(void *context, const struct batch_row *row)
{
    struct preload *p = context;
    struct record_reader record;
    enum record_part part;
    if (row->seq > p->seq_max || follower_abandoned(p->step))
        return false;
    record_reader_init(&record, row->body);
    while ((part = record_next(&record)) != RECORD_DONE) {
        if (part == RECORD_DAMAGED)
            return false;
        if (part != RECORD_EVENT)
            continue;
        if (p->events_left == 0 || !preload_event(p, &record))
            return false;
        p->events_left--;
    }
    return true;
}

static int preload_compare(const void *left, const void *right)
{
    const struct needed *a = left, *b = right;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : id128_compare(a->id, b->id);
}

/* A stop does not wait for what is being read: it may be a million states of a slow disk. */
static enum err preload_load(const struct preload *p)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->count && e == ERR_OK && !follower_abandoned(p->step); i++)
        e = registry_preload(p->replay->registry, p->items[i].kind, p->items[i].id);
    if (e != ERR_OK)
        return replay_load_failed(p->replay, e);
    return follower_abandoned(p->step) ? ERR_UNAVAILABLE : ERR_OK;
}

enum err preload_states(struct replay *r, const struct follower *step, struct journal_store *s,
                        uint64_t seq_max, uint64_t events_max)
{
    struct preload p = {.replay = r, .step = step, .seq_max = seq_max, .events_left = events_max};
    /* The journal has its own connection: what is wrong with it the replay, which reads the same
     * batches, will say. */
    (void)!s->ops->tail(s, r->shard, r->seq + 1, preload_batch, &p);
    if (p.count > 0 && !follower_abandoned(step))
        qsort(p.items, p.count, sizeof *p.items, preload_compare);
    enum err e = preload_load(&p);
    free(p.items);
    return e;
}
