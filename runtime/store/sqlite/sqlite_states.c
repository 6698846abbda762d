/* SPDX-License-Identifier: Apache-2.0 */
/* States are rows of one table, found by shard, kind and id, or by when they are due; a state
 * without a body is a row deleted. A reader on the thread of the open transaction goes through the
 * transaction's own connection where it must see what the transaction has written
 * (sqlite_states_load), else it borrows a reader's. */
#include "runtime/store/sqlite/sqlite_states.h"

#include "runtime/store/sqlite/sqlite_views.h"

/* --- reading, any worker ---------------------------------------------------------------------- */

enum err sqlite_states_position_with(struct db *d, uint16_t shard, struct store_position *position)
{
    struct store_position found = {0};
    struct db_use use;
    enum err e = db_fixed(d, DB_POSITION_GET, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    int code = sqlite3_step(use.statement);
    if (code == SQLITE_ROW)
        e = db_read_number(use, 0, &found.seq) &&
                    db_read_exact(use, 1, found.hash.bytes, SHA256_SIZE) &&
                    db_read_number(use, 2, &found.time_ns)
                ? ERR_OK
                : ERR_CORRUPT;
    else if (code != SQLITE_DONE)
        e = db_error(code);
    db_release(use);
    if (e == ERR_OK)
        *position = found;
    return e;
}

enum err sqlite_states_position(struct view_store *base, uint16_t shard,
                                struct store_position *position)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    if (s->views_absent) {
        *position = (struct store_position){0};
        return ERR_OK;
    }
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    e = sqlite_states_position_with(d, shard, position);
    db_pool_return(&s->views_readers, d);
    return e;
}

static bool states_read(struct db_use use, struct state_row *row)
{
    uint64_t kind;
    uint8_t id[16];
    if (!db_read_number(use, 0, &kind) || kind > UINT16_MAX ||
        !db_read_exact(use, 1, id, sizeof id) || !db_read_number(use, 2, &row->due_ns) ||
        !db_read_blob(use, 3, &row->body))
        return false;
    row->kind = (uint16_t)kind;
    row->id = id128_load(id);
    return true;
}

/* Gives each row of a bound statement to `row` and releases the statement; *given counts them. */
static enum err states_give(struct db_use use, uint16_t shard, state_row_cb row, void *context,
                            uint64_t *given)
{
    enum err e = ERR_OK;
    int code;
    while ((code = sqlite3_step(use.statement)) == SQLITE_ROW) {
        struct state_row found = {.shard = shard};
        if (!states_read(use, &found)) {
            e = ERR_CORRUPT;
            break;
        }
        (*given)++;
        if (!row(context, &found))
            break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        e = db_error(code);
    db_release(use);
    return e;
}

enum err sqlite_states_load(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 id,
                            state_row_cb row, void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = sqlite_views_borrow(s, &d);
    if (e != ERR_OK)
        return e;
    uint64_t given = 0;
    struct db_use use;
    e = db_fixed(d, DB_STATE_GET, &use);
    if (e == ERR_OK) {
        uint8_t bytes[16];
        id128_store(id, bytes);
        db_bind_number(use, 1, shard);
        db_bind_number(use, 2, kind);
        db_bind_blob(use, 3, bytes, sizeof bytes);
        e = states_give(use, shard, row, context, &given);
    }
    sqlite_views_return(s, d);
    return e == ERR_OK && given == 0 ? ERR_NOT_FOUND : e;
}

enum err sqlite_states_due(struct view_store *base, uint16_t shard, uint64_t due_ns_max,
                           state_row_cb row, void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    uint64_t given = 0;
    struct db_use use;
    e = db_fixed(d, DB_STATES_DUE, &use);
    if (e == ERR_OK) {
        db_bind_number(use, 1, shard);
        db_bind_number(use, 2, due_ns_max <= INT64_MAX ? due_ns_max : INT64_MAX);
        e = states_give(use, shard, row, context, &given);
    }
    db_pool_return(&s->views_readers, d);
    return e;
}

enum err sqlite_states_each(struct view_store *base, uint16_t shard, uint16_t kind,
                            struct id128 after, state_row_cb row, void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    uint64_t given = 0;
    struct db_use use;
    e = db_fixed(d, DB_STATES_EACH, &use);
    if (e == ERR_OK) {
        uint8_t bytes[16];
        id128_store(after, bytes);
        db_bind_number(use, 1, shard);
        db_bind_number(use, 2, kind);
        db_bind_blob(use, 3, bytes, sizeof bytes);
        e = states_give(use, shard, row, context, &given);
    }
    db_pool_return(&s->views_readers, d);
    return e;
}

/* --- writing, views worker -------------------------------------------------------------------- */

enum err sqlite_states_put(struct view_store *base, const struct state_row *row)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d = &s->views_writer;
    if (row->due_ns > INT64_MAX)
        return ERR_TOO_LARGE;
    bool keep = row->body.len > 0;
    struct db_use use;
    enum err e = db_in_transaction(d);
    if (e == ERR_OK)
        e = db_fixed(d, keep ? DB_STATE_PUT : DB_STATE_DELETE, &use);
    if (e != ERR_OK)
        return e;
    uint8_t bytes[16];
    id128_store(row->id, bytes);
    db_bind_number(use, 1, row->shard);
    db_bind_number(use, 2, row->kind);
    db_bind_blob(use, 3, bytes, sizeof bytes);
    if (keep) {
        db_bind_number(use, 4, row->due_ns);
        db_bind_blob(use, 5, row->body.data, row->body.len);
    }
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

enum err sqlite_states_put_position(struct db *d, uint16_t shard,
                                    const struct store_position *position)
{
    check(position->seq <= INT64_MAX && position->time_ns <= INT64_MAX);
    struct db_use use;
    enum err e = db_in_transaction(d);
    if (e == ERR_OK)
        e = db_fixed(d, DB_POSITION_PUT, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    db_bind_number(use, 2, position->seq);
    db_bind_blob(use, 3, position->hash.bytes, SHA256_SIZE);
    db_bind_number(use, 4, position->time_ns);
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}
