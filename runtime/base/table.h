/* SPDX-License-Identifier: Apache-2.0 */
/* Hash table from id128 to objects that embed their own id: each slot is one pointer (with 16 bits
 * of the hash in the bits above it), the key is read through it. Linear probing,
 * power-of-two capacity, load at most 3/4, grows by steps so that no single insert moves a
 * million entries. Order of iteration follows ids, not addresses, for a given history of inserts
 * and removes. Not thread-safe. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/prefetch.h"

/* Part of each object. */
struct table_entry {
    struct id128 id;
};

struct table {
    uintptr_t *slots; /* 0 or the entry's address and 16 bits of its hash */
    size_t capacity;
    size_t count;
    uintptr_t *old_slots; /* while growing: not yet moved entries */
    size_t old_capacity;
    size_t old_next; /* old slots below this are still to move */
};

void table_init(struct table *t);
void table_done(struct table *t); /* does not touch the objects */

/* NULL if absent. */
struct table_entry *table_find(const struct table *t, struct id128 id);

/* Prefetching for a later table_find(); `hash` is the id128_hash() of an id, present or not.
 * table_prefetch_slot() fetches the slot into the cache; table_guess(), called once that has come,
 * returns the entry whose tag fits without reading it: nearly always the right one, NULL if the id
 * is certainly absent. */
prefetching void table_prefetch_slot(const struct table *t, uint64_t hash);
static inline struct table_entry *table_guess(const struct table *t, uint64_t hash);

/* The id must be absent. false: no array is larger. */
must_check bool table_insert(struct table *t, struct table_entry *entry);

/* The entry must be present. */
void table_remove(struct table *t, struct table_entry *entry);

/* Are there slots that a growth has still to move? */
static inline bool table_growing(const struct table *t)
{
    return t->old_slots != NULL;
}

/* Continues a growth that is under way: moves at most `moves` slots. For moments when nothing
 * waits; without it only inserts and removes move slots. */
void table_rehash_step(struct table *t, size_t moves);

/* Walks all entries: start with *cursor = 0; NULL at the end. Entries inserted or removed during
 * the walk may be missed or seen twice (growth moves them), never dangling. */
struct table_entry *table_next(const struct table *t, size_t *cursor);

/* --- slots ------------------------------------------------------------------------------------ */

#define TABLE_TAG_SHIFT 48

static_assert(sizeof(uintptr_t) == 8, "the tag lies above the address");

/* The slot where the look-up of a hash begins. */
static inline size_t table_home(uint64_t hash, size_t capacity)
{
    return (size_t)(hash >> 32) & (capacity - 1);
}

/* By the low bits of the hash, which no slot number uses. */
static inline bool table_has_tag(uintptr_t slot, uint64_t hash)
{
    return (slot >> TABLE_TAG_SHIFT ^ hash) << TABLE_TAG_SHIFT == 0;
}

static inline struct table_entry *table_entry_of(uintptr_t slot)
{
    uintptr_t address = slot & (((uintptr_t)1 << TABLE_TAG_SHIFT) - 1);
    return (struct table_entry *)address; /* NOLINT(performance-no-int-to-ptr) */
}

static inline uintptr_t table_guess_slot(const uintptr_t *slots, size_t capacity, uint64_t hash)
{
    size_t i = table_home(hash, capacity);
    while (slots[i] != 0 && !table_has_tag(slots[i], hash))
        i = (i + 1) & (capacity - 1);
    return slots[i];
}

static inline struct table_entry *table_guess(const struct table *t, uint64_t hash)
{
    if (t->capacity == 0)
        return NULL;
    uintptr_t slot = table_guess_slot(t->slots, t->capacity, hash);
    if (__builtin_expect(slot == 0 && t->old_slots != NULL, 0))
        slot = table_guess_slot(t->old_slots, t->old_capacity, hash);
    return table_entry_of(slot);
}

prefetching void table_prefetch_slot(const struct table *t, uint64_t hash)
{
    if (t->capacity > 0)
        __builtin_prefetch(&t->slots[table_home(hash, t->capacity)]);
    if (t->old_slots != NULL)
        __builtin_prefetch(&t->old_slots[table_home(hash, t->old_capacity)]);
}

#endif
