/* SPDX-License-Identifier: Apache-2.0 */
/* Registry: residence and change of actors. Every change in the live shard first saves what it
 * overwrites into the undo log of the turn, so that a chain of transfers or a whole turn can be
 * taken back. */
#include "runtime/actor/registry_priv.h"
#include "runtime/base/array.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum undo_op {
    UNDO_STATE,    /* restore the state's bytes */
    UNDO_CREATE,   /* the actor did not exist */
    UNDO_REMOVE,   /* the actor existed with these bytes; release them when the turn stands */
    UNDO_ALLOC,    /* free this memory */
    UNDO_FREE,     /* free this memory when the turn stands */
    UNDO_DEADLINE, /* restore the deadline */
};

struct undo_entry {
    enum undo_op op;
    uint32_t size;        /* STATE, REMOVE: so much of the state ... */
    union {
        size_t bytes_at;  /* ... is from here on in undo_bytes */
        void *memory;     /* ALLOC, FREE */
    };
    struct actor *actor;
    uint64_t number;      /* STATE, CREATE, REMOVE: touched_seq before; DEADLINE: due before */
};

/* Serials of turns and savepoints are even. An actor's is odd if only its hot part was saved. */
#define SERIAL_STEP 2u
#define SERIAL_HOT 1u

static const struct actor_kind *kind_of(const struct registry *r, uint16_t kind)
{
    check(kind < KIND_MAX && r->domain->kinds[kind] != NULL);
    return r->domain->kinds[kind];
}

void registry_init(struct registry *r, const struct domain *d)
{
    check(d != NULL);
    *r = (struct registry){.domain = d, .undo_serial = SERIAL_STEP};
    for (int k = 0; k < KIND_MAX; k++) {
        table_init(&r->actors[k]);
        table_init(&r->deadlines[k]);
        const struct actor_kind *kind = d->kinds[k];
        if (kind == NULL)
            continue;
        slab_init_lined(&r->slabs[k], sizeof(struct actor) + kind->state_size, ACTOR_HOT_AT);
        r->hot_sizes[k] = kind->hot_size == 0 ? kind->state_size : kind->hot_size;
    }
    slab_init(&r->deadline_slab, sizeof(struct deadline));
}

static uint32_t state_size(const struct registry *r, const struct actor *a)
{
    return r->domain->kinds[a->kind]->state_size;
}

/* --- undo ------------------------------------------------------------------------------------- */

static struct undo_entry *undo_push(struct registry *r, enum undo_op op, struct actor *a)
{
    check(r->undoable);
    array_reserve(r->undo, r->undo_cap, r->undo_count + 1);
    struct undo_entry *e = &r->undo[r->undo_count++];
    *e = (struct undo_entry){.op = op, .actor = a};
    return e;
}

/* Saves the first bytes of the state. */
static void undo_save(struct registry *r, enum undo_op op, struct actor *a, uint32_t size)
{
    check(size > 0);
    array_reserve(r->undo_bytes, r->undo_bytes_cap, r->undo_bytes_used + size);
    struct undo_entry *e = undo_push(r, op, a);
    e->size = size;
    e->bytes_at = r->undo_bytes_used;
    e->number = a->touched_seq;
    memcpy(r->undo_bytes + e->bytes_at, actor_state(a), size);
    r->undo_bytes_used += size;
}

/* A new serial: states saved before must be saved again when touched. */
static void undo_next_serial(struct registry *r)
{
    r->undo_serial += SERIAL_STEP;
    if (r->undo_serial != 0)
        return;
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&r->actors[k], &cursor)) != NULL)
            actor_of_entry(e)->saved = 0;
    }
    r->undo_serial = SERIAL_STEP;
}

struct registry_mark registry_mark(struct registry *r)
{
    check(r->undo_count <= r->undo_cap);
    undo_next_serial(r);
    return (struct registry_mark){r->undo_count};
}

static void restore_state(struct registry *r, const struct undo_entry *e)
{
    check(e->bytes_at + e->size <= r->undo_bytes_used);
    memcpy(actor_state(e->actor), r->undo_bytes + e->bytes_at, e->size);
    e->actor->touched_seq = e->number;
    r->undo_bytes_used = e->bytes_at;
}

/* --- does it exist ---------------------------------------------------------------------------- */

static inline void registry_appear(struct registry *r, struct actor *a)
{
    check((a->flags & ACTOR_EXISTS) == 0);
    a->flags |= ACTOR_EXISTS;
    r->existing[a->kind]++;
}

static inline void registry_vanish(struct registry *r, struct actor *a)
{
    check((a->flags & ACTOR_EXISTS) != 0 && r->existing[a->kind] > 0);
    a->flags &= (uint16_t)~ACTOR_EXISTS;
    r->existing[a->kind]--;
}

/* --- undo ------------------------------------------------------------------------------------- */

static void undo_one(struct registry *r, const struct undo_entry *e)
{
    check(e->op <= UNDO_DEADLINE);
    switch (e->op) {
    case UNDO_STATE:
        restore_state(r, e);
        break;
    case UNDO_CREATE:
        registry_vanish(r, e->actor);
        e->actor->touched_seq = e->number;
        break;
    case UNDO_REMOVE:
        restore_state(r, e);
        registry_appear(r, e->actor);
        break;
    case UNDO_ALLOC:
        free(e->memory);
        break;
    case UNDO_FREE:
        break;
    case UNDO_DEADLINE:
        registry_arm(r, e->actor->kind, e->actor->entry.id, e->number);
        break;
    }
}

void registry_undo(struct registry *r, struct registry_mark to)
{
    check(to.entries <= r->undo_count);
    while (r->undo_count > to.entries)
        undo_one(r, &r->undo[--r->undo_count]);
    undo_next_serial(r);
}

void registry_commit(struct registry *r)
{
    check(r->undo_count <= r->undo_cap);
    for (size_t i = 0; r->undo_frees && i < r->undo_count; i++) {
        struct undo_entry *e = &r->undo[i];
        if (e->op == UNDO_FREE)
            free(e->memory);
    }
    r->undo_frees = false;
    r->undo_count = 0;
    r->undo_bytes_used = 0;
    undo_next_serial(r);
}

/* --- change ----------------------------------------------------------------------------------- */

static void mark_dirty(struct registry *r, struct actor *a)
{
    if (!r->collect_dirty || (a->flags & ACTOR_DIRTY) != 0)
        return;
    array_reserve(r->dirty, r->dirty_cap, r->dirty_count + 1);
    a->flags |= ACTOR_DIRTY;
    r->dirty[r->dirty_count++] = a;
}

/* Before a change of the whole state or of its hot part alone. */
static inline void registry_touch(struct registry *r, struct actor *a, bool hot)
{
    uint32_t serial = r->undo_serial | (hot ? SERIAL_HOT : 0);
    if (r->undoable && a->saved != serial && a->saved != r->undo_serial) {
        undo_save(r, UNDO_STATE, a, hot ? r->hot_sizes[a->kind] : state_size(r, a));
        a->saved = serial;
    }
    a->touched_seq = r->seq;
    a->flags |= ACTOR_USED;
    mark_dirty(r, a);
}

/* ERR_OK also if the store does not have it. */
static enum err load_inserted(struct registry *r, struct actor *a)
{
    check((a->flags & ACTOR_EXISTS) == 0);
    check(r->load != NULL);
    uint64_t due_ns = 0;
    bool undoable = r->undoable;
    r->undoable = false; /* what is loaded stays, though the event that needs it be undone */
    enum err e = r->load(r->load_context, kind_of(r, a->kind), a->entry.id, actor_state(a),
                         &due_ns);
    r->undoable = undoable;
    if (e == ERR_OK) {
        registry_appear(r, a);
        registry_arm(r, a->kind, a->entry.id, due_ns);
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static cold struct actor *registry_load(struct registry *r, uint16_t kind, struct id128 id)
{
    struct actor *a = registry_insert(r, kind, id);
    enum err e = load_inserted(r, a);
    if (e != ERR_OK) {
        r->load_error = e;
        check(r->load_failed != NULL);
        longjmp(*r->load_failed, 1);
    }
    return a;
}

/* Resident, from memory or (replaying) from the store; a placeholder if it exists nowhere. */
static inline struct actor *registry_find_or_load(struct registry *r, uint16_t kind,
                                                  struct id128 id)
{
    struct actor *a = registry_find(r, kind, id);
    return a != NULL || r->load == NULL ? a : registry_load(r, kind, id);
}

static inline void *state_to_change(struct registry *r, uint16_t kind, struct id128 id, bool hot)
{
    struct actor *a = registry_find_or_load(r, kind, id);
    if (a == NULL || (a->flags & ACTOR_EXISTS) == 0)
        return NULL;
    registry_touch(r, a, hot);
    return actor_state(a);
}

void *registry_state_if(struct registry *r, uint16_t kind, struct id128 id)
{
    return state_to_change(r, kind, id, false);
}

void *registry_state(struct registry *r, uint16_t kind, struct id128 id)
{
    void *state = state_to_change(r, kind, id, false);
    check(state != NULL);
    return state;
}

void *registry_hot(struct registry *r, uint16_t kind, struct id128 id)
{
    void *state = state_to_change(r, kind, id, true);
    check(state != NULL);
    return state;
}

void *registry_create(struct registry *r, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct actor *a = registry_find_or_load(r, kind, id);
    if (a == NULL)
        a = registry_insert(r, kind, id);
    check((a->flags & ACTOR_EXISTS) == 0);
    memset(actor_state(a), 0, kind_of(r, kind)->state_size);
    if (r->undoable)
        undo_push(r, UNDO_CREATE, a)->number = a->touched_seq;
    a->saved = r->undo_serial; /* undoing the creation undoes all that follows */
    registry_appear(r, a);
    a->flags |= ACTOR_USED;
    a->touched_seq = r->seq;
    mark_dirty(r, a);
    return actor_state(a);
}

void registry_remove(struct registry *r, uint16_t kind, struct id128 id)
{
    check(r->domain->kinds[kind] != NULL);
    struct actor *a = registry_find_or_load(r, kind, id);
    check(a != NULL && (a->flags & ACTOR_EXISTS) != 0);
    uint64_t touched_seq = a->touched_seq;
    registry_no_deadline(r, kind, id);
    const struct actor_kind *k = kind_of(r, kind);
    if (r->undoable) {
        undo_save(r, UNDO_REMOVE, a, k->state_size);
        r->undo[r->undo_count - 1].number = touched_seq;
    }
    if (k->codec->release != NULL)
        k->codec->release(r, actor_state(a));
    registry_vanish(r, a);
    a->touched_seq = r->seq;
    mark_dirty(r, a);
}

void *registry_alloc(struct registry *r, size_t size)
{
    check(size > 0);
    void *memory = memory_take_zeroed(1, size);
    if (r->undoable)
        undo_push(r, UNDO_ALLOC, NULL)->memory = memory;
    return memory;
}

void registry_free(struct registry *r, void *memory)
{
    if (memory == NULL)
        return;
    if (r->undoable) {
        undo_push(r, UNDO_FREE, NULL)->memory = memory;
        r->undo_frees = true;
    } else {
        free(memory);
    }
}

enum err registry_preload(struct registry *r, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    check(r->load != NULL);
    if (registry_find(r, kind, id) != NULL)
        return ERR_OK;
    struct actor *a = registry_insert(r, kind, id);
    enum err e = load_inserted(r, a);
    if (e != ERR_OK)
        registry_evict(r, a);
    return e;
}

/* --- deadlines -------------------------------------------------------------------------------- */

static struct deadline *deadline_of(const struct registry *r, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct table_entry *e = table_find(&r->deadlines[kind], id);
    return e == NULL ? NULL : container_of(e, struct deadline, entry);
}

uint64_t registry_due(const struct registry *r, const struct actor *a)
{
    check(a->kind < KIND_MAX);
    struct deadline *d = deadline_of(r, a->kind, a->entry.id);
    return d == NULL ? 0 : d->timer.due_ns;
}

bool registry_armed(const struct registry *r, uint16_t kind, struct id128 id)
{
    return deadline_of(r, kind, id) != NULL;
}

void registry_disarm(struct registry *r, struct deadline *d)
{
    check(d->kind < KIND_MAX);
    if (!list_empty(&d->timer.link))
        wheel_stop(r->wheel, &d->timer);
    table_remove(&r->deadlines[d->kind], &d->entry);
    slab_give(&r->deadline_slab, d);
}

struct deadline *registry_arm(struct registry *r, uint16_t kind, struct id128 id, uint64_t due_ns)
{
    struct deadline *d = deadline_of(r, kind, id);
    if (d != NULL)
        registry_disarm(r, d);
    if (due_ns == 0)
        return NULL;
    d = slab_take(&r->deadline_slab);
    *d = (struct deadline){.entry.id = id, .timer.due_ns = due_ns, .kind = kind};
    list_init(&d->timer.link);
    bool inserted = table_insert(&r->deadlines[kind], &d->entry);
    check(inserted);
    if (r->wheel != NULL)
        wheel_set(r->wheel, &d->timer, due_ns);
    return d;
}

static void registry_rearm(struct registry *r, uint16_t kind, struct id128 id, uint64_t due_ns)
{
    struct actor *a = registry_find(r, kind, id);
    check(a != NULL);
    uint64_t before = registry_due(r, a);
    if (before == due_ns)
        return;
    if (r->undoable)
        undo_push(r, UNDO_DEADLINE, a)->number = before;
    registry_arm(r, kind, id, due_ns);
    a->touched_seq = r->seq;
    mark_dirty(r, a);
}

void registry_deadline(struct registry *r, uint16_t kind, struct id128 id, uint64_t due_ns)
{
    check(due_ns != 0); /* it would be none */
    registry_rearm(r, kind, id, due_ns);
}

void registry_no_deadline(struct registry *r, uint16_t kind, struct id128 id)
{
    registry_rearm(r, kind, id, 0);
}

/* --- residence -------------------------------------------------------------------------------- */

struct actor *registry_insert(struct registry *r, uint16_t kind, struct id128 id)
{
    struct actor *a = registry_find(r, kind, id);
    if (a != NULL)
        return a;
    const struct actor_kind *k = kind_of(r, kind);
    a = slab_take(&r->slabs[kind]);
    memset(a, 0, sizeof *a + k->state_size);
    a->entry.id = id;
    a->kind = kind & (ACTOR_KIND_MAX - 1);
    bool inserted = table_insert(&r->actors[kind], &a->entry);
    check(inserted);
    r->growing |= (uint32_t)table_growing(&r->actors[kind]) << kind;
    r->resident++;
    return a;
}

bool registry_read(struct registry *r, const struct actor_kind *k, struct slice body, void *state)
{
    struct wire_reader reader;
    wire_reader_init(&reader, body.data, body.len);
    check(k->codec != NULL);
    bool undoable = r->undoable;
    r->undoable = false;
    bool read = k->codec->read(r, &reader, state);
    bool whole = read && wire_finished(&reader);
    if (read && !whole && k->codec->release != NULL)
        k->codec->release(r, state);
    r->undoable = undoable;
    return whole;
}

bool registry_fill(struct registry *r, struct actor *a, struct slice body, uint64_t due_ns)
{
    check(due_ns == 0 || (a->flags & ACTOR_EXISTS) == 0);
    const struct actor_kind *k = kind_of(r, a->kind);
    check((a->flags & ACTOR_EXISTS) == 0);
    if (!registry_read(r, k, body, actor_state(a)))
        return false;
    registry_appear(r, a);
    a->flags |= ACTOR_USED;
    registry_arm(r, a->kind, a->entry.id, due_ns);
    return true;
}

/* Frees what a state owns, outside any turn. */
static void registry_release(struct registry *r, struct actor *a)
{
    check(a->kind < KIND_MAX);
    const struct actor_kind *k = r->domain->kinds[a->kind];
    bool undoable = r->undoable;
    r->undoable = false;
    if ((a->flags & ACTOR_EXISTS) != 0 && k->codec->release != NULL)
        k->codec->release(r, actor_state(a));
    r->undoable = undoable;
}

static void forget_recent(struct registry *r)
{
    memset(r->recent, 0, sizeof r->recent);
}

void registry_evict(struct registry *r, struct actor *a)
{
    check(r->resident > 0);
    check(a->mailbox_last == NULL);
    check((a->flags & (ACTOR_STATES | ACTOR_DIRTY)) == 0);
    registry_release(r, a);
    if ((a->flags & ACTOR_EXISTS) != 0)
        registry_vanish(r, a);
    forget_recent(r);
    table_remove(&r->actors[a->kind], &a->entry);
    slab_give(&r->slabs[a->kind], a);
    r->resident--;
}

void registry_rehash_step(struct registry *r)
{
    static_assert(KIND_MAX <= 32, "a bit for each kind");
    for (uint32_t left = r->growing; left != 0; left &= left - 1) {
        int kind = __builtin_ctz(left);
        table_rehash_step(&r->actors[kind], REGISTRY_REHASH_SLOTS);
        if (!table_growing(&r->actors[kind]))
            r->growing &= ~(UINT32_C(1) << kind);
    }
}

void registry_each(struct registry *r, uint16_t kind,
                   bool (*each)(void *context, struct id128 id, const void *state), void *context)
{
    check(each != NULL);
    check(kind < KIND_MAX);
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&r->actors[kind], &cursor)) != NULL) {
        struct actor *a = actor_of_entry(e);
        if ((a->flags & ACTOR_EXISTS) != 0 && !each(context, a->entry.id, actor_state(a)))
            return;
    }
}

static void clear_kind(struct registry *r, int kind)
{
    check(r->domain->kinds[kind] != NULL);
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&r->actors[kind], &cursor)) != NULL)
        registry_release(r, actor_of_entry(e));
    r->existing[kind] = 0;
    table_done(&r->actors[kind]);
    slab_done(&r->slabs[kind]);
    cursor = 0;
    while (r->wheel != NULL && (e = table_next(&r->deadlines[kind], &cursor)) != NULL) {
        struct deadline *d = container_of(e, struct deadline, entry);
        if (!list_empty(&d->timer.link))
            wheel_stop(r->wheel, &d->timer);
    }
    table_done(&r->deadlines[kind]);
}

void registry_clear(struct registry *r)
{
    registry_undo(r, (struct registry_mark){0});
    check(r->undo_count == 0);
    forget_recent(r);
    for (int k = 0; k < KIND_MAX; k++)
        if (r->domain->kinds[k] != NULL)
            clear_kind(r, k);
    slab_done(&r->deadline_slab);
    r->dirty_count = 0;
    r->resident = 0;
    r->load_error = ERR_OK;
}

void registry_done(struct registry *r)
{
    registry_clear(r);
    free(r->undo);
    free(r->undo_bytes);
    free(r->dirty);
    *r = (struct registry){0};
}
