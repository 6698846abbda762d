/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of one database file: a thread borrows a connection for the length of a call. All
 * calls from any thread, but those that begin and end the pool or close its connections. */
#ifndef SQLITE_DB_POOL_H
#define SQLITE_DB_POOL_H

#include <pthread.h>

#include "runtime/store/sqlite/db.h"

#define DB_READERS_MAX 16 /* borrowed at once; more callers wait */

struct db_pool {
    const struct db_kind *kind;
    const char *directory; /* the store's */
    pthread_mutex_t mutex; /* of `borrowed` in the items */
    pthread_cond_t returned;
    struct db items[DB_READERS_MAX];
};

void db_pool_init(struct db_pool *p, const struct db_kind *kind, const char *directory);
void db_pool_done(struct db_pool *p);

/* Closes all connections; none may be borrowed. keep_wal as db_close() has it. */
void db_pool_close(struct db_pool *p, bool keep_wal);

/* Waits for a free connection and opens it if need be. */
must_check enum err db_pool_borrow(struct db_pool *p, struct db **ret);
void db_pool_return(struct db_pool *p, struct db *d);

#endif
