/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in the embedded store: calls of view_store.h. Each key space has an index, which the views
 * worker writes (key_index.h), and a finder (key_finder.h), which callers use in turn. */
#ifndef SQLITE_KEYS_H
#define SQLITE_KEYS_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* While closing. */
void sqlite_keys_done(struct store_sqlite *s);

/* Views worker, in its transaction. */
enum err sqlite_keys_add(struct view_store *base, struct key_space space,
                         const struct key_decision *decisions, size_t count);
enum err sqlite_keys_expire(struct view_store *base, struct key_space space, uint64_t until_ns);
/* The last before the commit of a shard: one slice of the merging of its keys. */
must_check enum err sqlite_keys_advance(struct store_sqlite *s, uint16_t shard);
/* The open transaction was taken back, or it is not known: the indexes read their runs anew. */
void sqlite_keys_outdate(struct store_sqlite *s);

/* Any thread, as of the last commit. */
enum err sqlite_keys_find(struct view_store *base, struct key_space space, struct id128 key,
                          uint64_t *position);
enum err sqlite_keys_walk(struct view_store *base, struct key_space space,
                          struct key_cursor *cursor, uint32_t most, key_cb key, void *context);
enum err sqlite_keys_between(struct view_store *base, const struct key_range *range);

#endif
