/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted map in memory from byte strings to pointers: the tables and indexes of the simulated
 * store. A treap whose priorities are hashes of the keys, so its shape depends on nothing but its
 * content. Not thread-safe; does not own the values. */
#ifndef SIM_ORDERED_H
#define SIM_ORDERED_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

struct ordered_node;

struct ordered {
    struct ordered_node *root;
    size_t count;
};

struct ordered_entry {
    struct slice key; /* valid until the entry is removed */
    void *value;
};

/* Zeroed memory is an empty map. */
void ordered_done(struct ordered *o);

/* NULL if absent. */
void *ordered_find(const struct ordered *o, struct slice key);

/* Copies the key. Returns the value replaced or NULL; memory is asked of the system and checked. */
void *ordered_put(struct ordered *o, struct slice key, void *value);

/* Returns the value removed or NULL. */
void *ordered_remove(struct ordered *o, struct slice key);

/* The first entry at or after `key` (or strictly after), the last strictly before it. */
bool ordered_at_or_after(const struct ordered *o, struct slice key, struct ordered_entry *ret);
bool ordered_after(const struct ordered *o, struct slice key, struct ordered_entry *ret);
bool ordered_before(const struct ordered *o, struct slice key, struct ordered_entry *ret);

#endif
