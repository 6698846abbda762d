/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction of the views worker: calls of view_store.h, on the views worker alone. Whatever
 * way it ends, s->views_thread is 0 afterwards; if nothing was committed, or that is not known, the
 * key indexes read anew which runs there are. */
#ifndef SQLITE_TRANSACTION_H
#define SQLITE_TRANSACTION_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

enum err sqlite_transaction_begin(struct view_store *base);
enum err sqlite_transaction_move(struct view_store *base, uint16_t shard,
                                 const struct store_position *position);
/* Ends it in either case: after an error nothing of it is there. */
enum err sqlite_transaction_commit(struct view_store *base);
/* Without an open transaction it does nothing. */
void sqlite_transaction_rollback(struct view_store *base);
/* Empties all tables but that of the migrations, in a transaction of its own. */
enum err sqlite_transaction_drop(struct view_store *base);

#endif
