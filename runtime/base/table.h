/* SPDX-License-Identifier: Apache-2.0 */
/* Hash table from id128 to objects that embed their own id: each slot is one pointer (with 16 bits
 * of the hash in the bits above it), the key is read through it. Linear probing,
 * power-of-two capacity, load at most 3/4, grows by steps so that no single insert pays for a
 * million. Order of iteration follows ids, not addresses, for a given history of inserts and
 * removes. Not thread-safe. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/prefetch.h"

/* The objects begin with this. */
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

/* Starts to bring into the cache what table_find() will read: first the slot; once that has come,
 * the first bytes of the entry it leads to. No effect but time; the id need not be present. The
 * entry is returned without a look at its id: it is nearly always the right one; NULL if the id is
 * certainly absent. */
prefetching void table_prefetch_slot(const struct table *t, struct id128 id);
struct table_entry *table_prefetch_entry(const struct table *t, struct id128 id, size_t bytes);

/* The id must be absent. false without memory. */
must_check bool table_insert(struct table *t, struct table_entry *entry);

/* The entry must be present. */
void table_remove(struct table *t, struct table_entry *entry);

/* Goes on growing: up to so many slots are moved. For moments when nothing waits; without it only
 * inserts and removes do so. */
void table_tidy(struct table *t, size_t moves);

/* Walks all entries: start with *cursor = 0; NULL at the end. Entries inserted or removed during
 * the walk may be missed or seen twice (growth moves them), never dangling. */
struct table_entry *table_next(const struct table *t, size_t *cursor);

/* The slot where the look-up of a hash begins. */
static inline size_t table_home(uint64_t hash, size_t capacity)
{
    return (size_t)(hash >> 32) & (capacity - 1);
}

prefetching void table_prefetch_slot(const struct table *t, struct id128 id)
{
    uint64_t hash = id128_hash(id);
    if (t->capacity > 0)
        __builtin_prefetch(&t->slots[table_home(hash, t->capacity)]);
    if (t->old_slots != NULL)
        __builtin_prefetch(&t->old_slots[table_home(hash, t->old_capacity)]);
}

#endif
