/* SPDX-License-Identifier: Apache-2.0 */
/* The actors' states in the embedded store, and the position that views and states are as of: calls
 * of view_store.h. Reading from any thread, writing in the views worker's transaction. */
#ifndef SQLITE_STATES_H
#define SQLITE_STATES_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

enum err sqlite_states_position(struct view_store *base, uint16_t shard,
                                struct store_position *position);
/* The same through this connection. */
must_check enum err sqlite_states_position_with(struct db *d, uint16_t shard,
                                                struct store_position *position);
must_check enum err sqlite_states_put_position(struct db *d, uint16_t shard,
                                               const struct store_position *position);

/* Through the open transaction on its own thread, else as of the last commit. */
enum err sqlite_states_load(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 id,
                            state_row_cb row, void *context);
/* As of the last commit. */
enum err sqlite_states_due(struct view_store *base, uint16_t shard, uint64_t due_ns_max,
                           state_row_cb row, void *context);
enum err sqlite_states_each(struct view_store *base, uint16_t shard, uint16_t kind,
                            struct id128 after, state_row_cb row, void *context);
enum err sqlite_states_put(struct view_store *base, const struct state_row *row);

#endif
