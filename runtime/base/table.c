/* SPDX-License-Identifier: Apache-2.0 */
/* Hash table of objects by id.
 *
 * Linear probing with backward-shift deletion, so there are no tombstones. A slot holds the
 * object's address and, in the 16 bits that no address of a process uses, 16 bits of the hash: a
 * probe past another object's slot then does not read that object (a cache miss).
 *
 * Growth: the full array becomes the old one and every later insert or removal moves a few of its
 * slots. They leave from the highest slot downward: the one that leaves is always the last of its
 * run, so no probe sequence in the old array is ever cut. The run that wraps around to slot 0 is
 * moved first, in one go, for the same reason. */
#include "runtime/base/table.h"

#include <stdlib.h>

#include "runtime/base/huge.h"
#include "runtime/base/memory.h"

#define TABLE_CAPACITY_MIN 16
#define TABLE_CAPACITY_MAX ((size_t)1 << 32) /* the slot comes from 32 bits of the hash */
#define TABLE_MOVES 4                        /* old slots per operation; more than 4/3 suffices */

void table_init(struct table *t)
{
    *t = (struct table){0};
}

void table_done(struct table *t)
{
    free(t->slots);
    free(t->old_slots);
    table_init(t);
}

/* The slot of the id, or the empty slot that ends its probe sequence. */
static inline size_t table_probe(const uintptr_t *slots, size_t capacity, struct id128 id,
                                 uint64_t hash)
{
    size_t i = table_home(hash, capacity);
    for (;; i = (i + 1) & (capacity - 1)) {
        uintptr_t slot = slots[i];
        if (slot == 0)
            return i;
        if (table_has_tag(slot, hash) && id128_equal(table_entry_of(slot)->id, id))
            return i;
    }
}

struct table_entry *table_find(const struct table *t, struct id128 id)
{
    if (t->capacity == 0)
        return NULL;
    uint64_t hash = id128_hash(id);
    uintptr_t slot = t->slots[table_probe(t->slots, t->capacity, id, hash)];
    if (__builtin_expect(slot == 0 && t->old_slots != NULL, 0))
        slot = t->old_slots[table_probe(t->old_slots, t->old_capacity, id, hash)];
    return table_entry_of(slot);
}

/* Puts an entry that is known to be absent into the new array. */
static void table_put_slot(struct table *t, uintptr_t slot, uint64_t hash)
{
    size_t i = table_home(hash, t->capacity);
    while (t->slots[i] != 0)
        i = (i + 1) & (t->capacity - 1);
    t->slots[i] = slot;
}

static void table_move_slot(struct table *t, size_t i)
{
    uintptr_t slot = t->old_slots[i];
    if (slot == 0)
        return;
    t->old_slots[i] = 0;
    table_put_slot(t, slot, id128_hash(table_entry_of(slot)->id));
}

void table_rehash_step(struct table *t, size_t moves)
{
    if (t->old_slots == NULL)
        return;
    for (size_t n = 0; n < moves && t->old_next > 0; n++)
        table_move_slot(t, --t->old_next);
    if (t->old_next > 0)
        return;
    free(t->old_slots);
    t->old_slots = NULL;
    t->old_capacity = 0;
}

static bool table_grow(struct table *t)
{
    size_t capacity = t->capacity == 0 ? TABLE_CAPACITY_MIN : t->capacity * 2;
    if (capacity > TABLE_CAPACITY_MAX)
        return false;
    /* calloc of this size is fresh pages of the system: nothing is written before it is used. */
    uintptr_t *slots = memory_take_zeroed(capacity, sizeof *slots);
    huge_page_advise(slots, capacity * sizeof *slots);
    check(t->old_slots == NULL); /* a growth ends long before the next: TABLE_MOVES */
    if (t->capacity > 0) {
        t->old_slots = t->slots;
        t->old_capacity = t->capacity;
        t->old_next = t->capacity;
    }
    t->slots = slots;
    t->capacity = capacity;
    if (t->old_slots != NULL)
        for (size_t i = 0; t->old_slots[i] != 0; i++)
            table_move_slot(t, i);
    return true;
}

bool table_insert(struct table *t, struct table_entry *entry)
{
    if ((t->count + 1) * 4 > t->capacity * 3 && !table_grow(t))
        return false;
    uint64_t hash = id128_hash(entry->id);
    size_t i = table_probe(t->slots, t->capacity, entry->id, hash);
    check(t->slots[i] == 0);
    check((uintptr_t)entry >> TABLE_TAG_SHIFT == 0);
    t->slots[i] = (uintptr_t)entry | (uintptr_t)hash << TABLE_TAG_SHIFT;
    t->count++;
    check(t->count < t->capacity); /* so each probe ends */
    table_rehash_step(t, TABLE_MOVES);
    return true;
}

/* Empties slot i and closes the gap with the entries whose probe sequence passed over it. */
static void table_close_gap(uintptr_t *slots, size_t capacity, size_t gap)
{
    size_t mask = capacity - 1;
    for (size_t i = (gap + 1) & mask; slots[i] != 0; i = (i + 1) & mask) {
        size_t home = table_home(id128_hash(table_entry_of(slots[i])->id), capacity);
        if (((i - home) & mask) < ((i - gap) & mask))
            continue; /* its home lies after the gap */
        slots[gap] = slots[i];
        gap = i;
    }
    slots[gap] = 0;
}

void table_remove(struct table *t, struct table_entry *entry)
{
    check(t->capacity > 0 && t->count > 0);
    uint64_t hash = id128_hash(entry->id);
    uintptr_t *slots = t->slots;
    size_t capacity = t->capacity;
    size_t i = table_probe(slots, capacity, entry->id, hash);
    if (slots[i] == 0 && t->old_slots != NULL) {
        slots = t->old_slots;
        capacity = t->old_capacity;
        i = table_probe(slots, capacity, entry->id, hash);
    }
    check(table_entry_of(slots[i]) == entry);
    table_close_gap(slots, capacity, i);
    t->count--;
    table_rehash_step(t, TABLE_MOVES);
}

struct table_entry *table_next(const struct table *t, size_t *cursor)
{
    while (*cursor < t->capacity) {
        uintptr_t slot = t->slots[(*cursor)++];
        if (slot != 0)
            return table_entry_of(slot);
    }
    while (*cursor < t->capacity + t->old_capacity) {
        uintptr_t slot = t->old_slots[(*cursor)++ - t->capacity];
        if (slot != 0)
            return table_entry_of(slot);
    }
    return NULL;
}
