/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction of SQLite on the writer's connection. Before a shard's position is written its
 * keys merge a slice; rows, states, keys and positions are in one commit. Afterwards that copies
 * the WAL into the file if this is due. SQLite rolls some failed transactions back by itself: a
 * commit therefore asks whether one is open still. */
#include "runtime/store/sqlite/sqlite_transaction.h"

#include "runtime/store/sqlite/db_pace.h"
#include "runtime/store/sqlite/sqlite_checkpoint.h"
#include "runtime/store/sqlite/sqlite_journal.h"
#include "runtime/store/sqlite/sqlite_keys.h"
#include "runtime/store/sqlite/sqlite_states.h"

enum err sqlite_transaction_begin(struct view_store *base)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    check(atomic_load(&s->views_thread) == 0);
    db_pace_thread();
    atomic_store(&s->used, true);
    enum err e = db_run(&s->views_writer, DB_BEGIN);
    if (e == ERR_OK)
        atomic_store(&s->views_thread, (uintptr_t)pthread_self());
    return e;
}

static void transaction_end(struct store_sqlite *s)
{
    sqlite_journal_end_following(s);
    db_rollback(&s->views_writer);
    atomic_store(&s->views_thread, 0);
}

void sqlite_transaction_rollback(struct view_store *base)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    transaction_end(s);
    sqlite_keys_outdate(s);
}

enum err sqlite_transaction_move(struct view_store *base, uint16_t shard,
                                 const struct store_position *position)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    check(atomic_load(&s->views_thread) == (uintptr_t)pthread_self());
    enum err e = db_in_transaction(&s->views_writer);
    if (e == ERR_OK)
        e = sqlite_keys_advance(s, shard);
    return e == ERR_OK ? sqlite_states_put_position(&s->views_writer, shard, position) : e;
}

enum err sqlite_transaction_commit(struct view_store *base)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    check(atomic_load(&s->views_thread) == (uintptr_t)pthread_self());
    sqlite_journal_end_following(s);
    enum err e = db_in_transaction(&s->views_writer);
    if (e == ERR_OK)
        e = db_run(&s->views_writer, DB_COMMIT);
    transaction_end(s);
    if (e != ERR_OK)
        sqlite_keys_outdate(s);
    sqlite_checkpoint_due(s);
    return e;
}

/* --- emptying --------------------------------------------------------------------------------- */

static int transaction_delete_all(sqlite3 *handle)
{
    sqlite3_stmt *tables;
    int code = sqlite3_prepare_v2(handle,
                                  "SELECT name FROM sqlite_schema WHERE type = 'table' "
                                  "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' "
                                  "AND name <> 'migrations'",
                                  -1, &tables, NULL);
    if (code != SQLITE_OK)
        return code;
    while ((code = sqlite3_step(tables)) == SQLITE_ROW) {
        char *sql = sqlite3_mprintf("DELETE FROM \"%w\"", sqlite3_column_text(tables, 0));
        int deleted = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(handle, sql, NULL, NULL, NULL);
        sqlite3_free(sql);
        if (deleted != SQLITE_OK) {
            sqlite3_finalize(tables);
            return deleted;
        }
    }
    int end = sqlite3_finalize(tables);
    return code == SQLITE_DONE ? SQLITE_OK : end;
}

enum err sqlite_transaction_drop(struct view_store *base)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    enum err e = sqlite_transaction_begin(base);
    if (e != ERR_OK)
        return e;
    int code = transaction_delete_all(s->views_writer.handle);
    e = code == SQLITE_OK ? db_run(&s->views_writer, DB_COMMIT) : db_error(code);
    sqlite_transaction_rollback(base);
    return e;
}
