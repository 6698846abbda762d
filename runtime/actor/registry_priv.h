/* SPDX-License-Identifier: Apache-2.0 */
/* Registry, the part for the runtime: residence, undo, deadlines. See registry.h for the domain's.
 */
#ifndef ACTOR_REGISTRY_PRIV_H
#define ACTOR_REGISTRY_PRIV_H

#include <setjmp.h>

#include "runtime/actor/actor.h"
#include "runtime/actor/domain.h"
#include "runtime/actor/registry.h"
#include "runtime/base/check.h"
#include "runtime/base/prefetch.h"
#include "runtime/base/slab.h"
#include "runtime/base/table.h"
#include "runtime/base/wheel.h"

static_assert(KIND_MAX <= ACTOR_KIND_MAX, "a kind fits into the actor");

/* One durable deadline. */
struct deadline {
    struct table_entry entry; /* the actor's id */
    struct wheel_timer timer; /* in the wheel, if the registry has one */
    uint16_t kind;
    uint8_t tries; /* of the owner of the wheel: how often it fired in vain */
};

/* Brings a state from the store into an actor that is not resident, blocking. Used while events are
 * replayed (recovery, projector); the live shard loads before a turn instead. Fills `state` (of the
 * kind's size, zeroed) and *due_ns; ERR_NOT_FOUND if there is none. */
typedef enum err (*registry_load_cb)(void *context, const struct actor_kind *kind, struct id128 id,
                                     void *state, uint64_t *due_ns);

struct undo_entry;

#define REGISTRY_REHASH_SLOTS 256
#define REGISTRY_RECENT 16 /* a power of two */

struct registry {
    const struct domain *domain;
    struct table actors[KIND_MAX];
    uint32_t growing; /* a bit for each kind whose table may be */
    struct slab slabs[KIND_MAX];
    uint32_t hot_sizes[KIND_MAX]; /* of their states */
    struct actor *recent[REGISTRY_RECENT]; /* lately found: a turn looks for the same few again */
    struct table deadlines[KIND_MAX];
    struct slab deadline_slab;
    struct wheel *wheel;        /* NULL: deadlines are kept but never fire (projector) */
    registry_load_cb load;      /* NULL: what apply touches must be resident */
    void *load_context;
    enum err load_error;        /* why load failed ... */
    jmp_buf *load_failed;       /* ... and where an apply function is left then: it cannot go on
                                   without the state, and its changes are undone */
    uint64_t seq;               /* the batch that is being filled or replayed */
    size_t resident;            /* actor structs in memory, placeholders included */
    size_t existing[KIND_MAX];  /* of each kind, without placeholders */

    bool undoable;              /* keep an undo log (live shard) */
    uint32_t undo_serial;       /* a state saved under this serial need not be saved again */
    bool undo_frees;            /* there is memory to free when the turn stands */
    struct undo_entry *undo;
    size_t undo_count, undo_cap;
    char *undo_bytes;           /* saved states */
    size_t undo_bytes_used, undo_bytes_cap;

    bool collect_dirty;         /* list what changes (projector) */
    struct actor **dirty;
    size_t dirty_count, dirty_cap;
};

void registry_init(struct registry *r, const struct domain *d);
void registry_done(struct registry *r);

static inline struct actor **registry_recent(struct registry *r, struct id128 id)
{
    return &r->recent[(id.hi ^ id.lo >> 16) & (REGISTRY_RECENT - 1)];
}

/* The actor struct, or NULL if not resident. Not a change. */
static inline struct actor *registry_find(struct registry *r, uint16_t kind, struct id128 id)
{
    struct actor **recent = registry_recent(r, id);
    if (*recent != NULL && id128_equal((*recent)->entry.id, id) && (*recent)->kind == kind)
        return *recent;
    struct table_entry *e = table_find(&r->actors[kind], id);
    if (e == NULL)
        return NULL;
    *recent = actor_of_entry(e);
    return *recent;
}

/* Puts an actor found earlier back into `recent`: the next registry_find() for it needs no look-up,
 * unless it is displaced meanwhile. */
static inline void registry_recall(struct registry *r, struct actor *a)
{
    *registry_recent(r, a->entry.id) = a;
}

/* Prefetching for a later registry_find(), in three steps with other work between them, so that
 * each finds in the cache what the one before asked for; `hash` is the id's id128_hash().
 * 1. Fetch the slot of the table. */
prefetching void registry_prefetch_slot(const struct registry *r, uint16_t kind, uint64_t hash)
{
    table_prefetch_slot(&r->actors[kind], hash);
}

/* 2. The actor by its slot alone: probably the one meant, as the id is not compared; NULL: it is
 * certainly not resident. */
static inline struct actor *registry_guess(const struct registry *r, uint16_t kind, uint64_t hash)
{
    struct table_entry *e = table_guess(&r->actors[kind], hash);
    return e == NULL ? NULL : actor_of_entry(e);
}

/* 3. Fetch the actor with the hot part of its state; NULL is fine. */
prefetching void registry_prefetch(const struct registry *r, uint16_t kind, const struct actor *a)
{
    if (a != NULL)
        prefetch_lines(&a->entry, sizeof *a - ACTOR_HOT_AT + r->hot_sizes[kind]);
}

/* The actor struct, made as a placeholder without state if not resident. */
struct actor *registry_insert(struct registry *r, uint16_t kind, struct id128 id);

/* Loads what is not resident, as the first look-up would. Nothing changed after an error. */
must_check enum err registry_preload(struct registry *r, uint16_t kind, struct id128 id);

/* A state from its stored bytes, outside any turn. false if they are damaged or go on behind it:
 * then the state owns nothing. */
must_check bool registry_read(struct registry *r, const struct actor_kind *k, struct slice body,
                              void *state);

/* Puts a loaded state into a placeholder. false if the bytes are damaged. */
must_check bool registry_fill(struct registry *r, struct actor *a, struct slice body,
                              uint64_t due_ns);

/* Forgets an actor that is idle and clean. */
void registry_evict(struct registry *r, struct actor *a);

/* Arms a deadline outside any turn, of an actor that need not be resident (due_ns 0: disarms it and
 * returns NULL); and takes one out that has fired. */
struct deadline *registry_arm(struct registry *r, uint16_t kind, struct id128 id, uint64_t due_ns);
void registry_disarm(struct registry *r, struct deadline *d);

bool registry_armed(const struct registry *r, uint16_t kind, struct id128 id);

/* Its durable deadline, 0 if none. */
uint64_t registry_due(const struct registry *r, const struct actor *a);

/* A little of the housekeeping that would make look-ups slower if left undone. */
void registry_rehash_step(struct registry *r);

/* Undo log of the current turn. */
struct registry_mark {
    size_t entries;
};
struct registry_mark registry_mark(struct registry *r);
void registry_undo(struct registry *r, struct registry_mark to);
/* The turn stands: frees what it freed, forgets the log. */
void registry_commit(struct registry *r);

/* Forgets all: every actor, deadline and log. Mailboxes must have been emptied by the owner. */
void registry_clear(struct registry *r);

#endif
