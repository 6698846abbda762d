/* SPDX-License-Identifier: Apache-2.0 */
/* Statements are cached in an open-addressed table by the address and number of their key, half of
 * it at most: beyond that, and while the cached one is in use, a statement is prepared for one use.
 * The cache is emptied by closing alone. */
#include "runtime/store/sqlite/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/memory.h"
#include "runtime/store/sqlite/db_look.h"
#include "runtime/store/sqlite/db_memory.h"
#include "runtime/store/sqlite/db_pace.h"
#include "runtime/store/sqlite/db_pages.h"

#define BUSY_TIMEOUT_MS 5000        /* only while another connection recovers the WAL */
#define ROW_SIZE_MAX (64 * 1024 * 1024)

/* Every connection distrusts the file: no triggers or views of a foreign schema may call
 * functions, cells are checked before use. Deleted rows need no overwriting: the directory is
 * private. Checkpoints of the journal are made by hand (sqlite_journal_tidy). */
#define PRAGMAS_ALL                                                                                \
    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA secure_delete=OFF;"              \
    "PRAGMA temp_store=MEMORY;"

/* Pages of 16 KiB: against 4 KiB, batches of 8 KiB cost 15 % less, of 64 KiB and more 40 % less
 * (each page is a frame of its own in the WAL); 32 KiB gains nothing further up to 64 KiB and
 * makes the smallest commit write twice as much. FULL: a commit returns after its fsync. */
#define DB_JOURNAL_REMEDY                                                                          \
    "restore the directory from a backup, or save what is whole of it (payctl store salvage)"
#define DB_TEXT_OF(number) #number
#define DB_TEXT(number) DB_TEXT_OF(number)

const struct db_kind db_journal = {
    .file_name = "journal.db",
    .application_id = 0x50504a31, /* "PPJ1" */
    .pragmas = "PRAGMA page_size=" DB_TEXT(
        DB_JOURNAL_PAGE) "; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192;" PRAGMAS_ALL,
    /* Also those of the checkpointer, hence FULL. The cache has what the followers of many shards
     * read in one step: each of them needs the same pages. */
    .reader_pragmas = "PRAGMA query_only=ON; PRAGMA synchronous=FULL;"
                      "PRAGMA cache_size=-8192;" PRAGMAS_ALL,
    .remedy = DB_JOURNAL_REMEDY,
};

/* NORMAL is enough here: the WAL is synced before it is copied, so power loss may take the last
 * commits but never tears one, and what is lost is projected again from the journal, because rows,
 * states and position are in one commit. */
const struct db_kind db_views = {
    .file_name = "views.db",
    .application_id = 0x50505631, /* "PPV1" */
    .pragmas = "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
               "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536;" PRAGMAS_ALL,
    .reader_pragmas = "PRAGMA query_only=ON; PRAGMA cache_size=-8192;" PRAGMAS_ALL,
    .remedy = "delete views.db, views.db-wal and views.db-shm: they are rebuilt from the journal",
    .vfs = DB_PAGES_VFS,
    .reserved = DB_PAGES_RESERVED,
};

/* The mode comes first: the pragmas after it read the file. */
#define PRAGMAS_LOOK                                                                               \
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON; PRAGMA cache_size=-2048;" PRAGMAS_ALL

const struct db_kind db_journal_look = {
    .file_name = "journal.db",
    .application_id = 0x50504a31,
    .reader_pragmas = PRAGMAS_LOOK,
    .remedy = DB_JOURNAL_REMEDY,
    .vfs = DB_LOOK_VFS,
    .look = true,
};

const struct db_kind db_views_look = {
    .file_name = "views.db",
    .application_id = 0x50505631,
    .reader_pragmas = PRAGMAS_LOOK,
    .remedy = "delete views.db, views.db-wal and views.db-shm: they are rebuilt from the journal",
    .vfs = DB_LOOK_PAGES_VFS,
    .reserved = DB_PAGES_RESERVED,
    .look = true,
};

static const char *const fixed_sql[DB_FIXED_COUNT] = {
    [DB_BEGIN] = "BEGIN IMMEDIATE",
    [DB_BEGIN_READ] = "BEGIN",
    [DB_COMMIT] = "COMMIT",
    [DB_ROLLBACK] = "ROLLBACK",
    /* 1 row, 2 shard, 3 seq, 4 epoch, 5 count, 6 prev_hash, 7 hash, 8 body */
    [DB_BATCH_INSERT] =
        "INSERT INTO batches (row, shard, seq, epoch, count, prev_hash, hash, body) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [DB_BATCH_AT] =
        "SELECT shard, seq, epoch, count, prev_hash, hash, body FROM batches WHERE row = ?1",
    [DB_BATCH_FROM] = "SELECT shard, seq, epoch, count, prev_hash, hash, body FROM batches "
                      "WHERE row >= ?1 AND shard = ?2 AND seq >= ?3 ORDER BY row",
    [DB_BATCH_NEWEST] =
        "SELECT seq FROM batches WHERE row > ?1 AND shard = ?2 ORDER BY row DESC LIMIT 1",
    [DB_BATCH_PLACES] = "SELECT shard, seq FROM batches WHERE row > ?1 ORDER BY row",
    [DB_BATCH_ROWS] = "SELECT row FROM batches ORDER BY row DESC LIMIT 1",
    [DB_BATCH_LINES] = "SELECT first_seq, first_row, rows FROM batch_index WHERE shard = ?1 AND "
                       "first_seq >= ifnull((SELECT max(first_seq) FROM batch_index "
                       "WHERE shard = ?1 AND first_seq <= ?2), 0) ORDER BY first_seq",
    [DB_BATCH_LINE_NEWEST] = "SELECT first_seq, first_row, rows FROM batch_index WHERE shard = ?1 "
                             "ORDER BY first_seq DESC LIMIT 1",
    [DB_BATCH_LINE_PUT] =
        "INSERT INTO batch_index (shard, first_seq, first_row, rows) VALUES (?1, ?2, ?3, ?4)",
    [DB_LEASE_TAKE] = "INSERT INTO leases (shard, epoch, owner) VALUES (?1, 1, ?2) "
                      "ON CONFLICT (shard) DO UPDATE SET epoch = epoch + 1, owner = ?2 "
                      "RETURNING epoch",
    [DB_LEASE_RELEASE] = "UPDATE leases SET owner = NULL "
                         "WHERE shard = ?1 AND epoch = ?2 AND owner IS NOT NULL",
    [DB_LEASE_COPY] = "INSERT INTO leases (shard, epoch) VALUES (?1, ?2) "
                      "ON CONFLICT (shard) DO UPDATE SET epoch = max(epoch, ?2)",
    [DB_SLOTS_GET] = "SELECT shard, first_slot, last_slot FROM slots ORDER BY shard",
    [DB_SLOTS_PUT] = "INSERT INTO slots (shard, first_slot, last_slot) VALUES (?1, ?2, ?3)",
    [DB_SLOTS_DROP] = "DELETE FROM slots",
    [DB_BATCHES_ANY] = "SELECT 1 FROM batches LIMIT 1",
    [DB_LEASES_HELD] = "SELECT shard, epoch FROM leases "
                       "WHERE shard BETWEEN ?1 AND ?2 AND owner IS NOT NULL",
    [DB_POSITION_GET] = "SELECT seq, hash, time_ns FROM position WHERE shard = ?1",
    [DB_POSITION_PUT] = "INSERT OR REPLACE INTO position (shard, seq, hash, time_ns) "
                        "VALUES (?1, ?2, ?3, ?4)",
    [DB_STATE_GET] = "SELECT kind, id, due_ns, body FROM states "
                     "WHERE shard = ?1 AND kind = ?2 AND id = ?3",
    [DB_STATE_PUT] = "INSERT OR REPLACE INTO states (shard, kind, id, due_ns, body) "
                     "VALUES (?1, ?2, ?3, ?4, ?5)",
    [DB_STATE_DELETE] = "DELETE FROM states WHERE shard = ?1 AND kind = ?2 AND id = ?3",
    [DB_STATES_DUE] = "SELECT kind, id, due_ns, body FROM states INDEXED BY states_by_due "
                      "WHERE shard = ?1 AND due_ns > 0 AND due_ns <= ?2 "
                      "ORDER BY due_ns, kind, id",
    [DB_STATES_EACH] = "SELECT kind, id, due_ns, body FROM states "
                       "WHERE shard = ?1 AND kind = ?2 AND id > ?3 ORDER BY id",
};

/* SQLite reports a full disk only when ENOSPC comes from write(). Growing the shared memory of the
 * WAL, quotas and limits on a file's size end in an I/O error. A failed sync is never "full":
 * after it nobody knows what the disk has. sqlite3_system_errno() does not help: a failing COMMIT
 * leaves it as it was (3.40). */
bool db_no_space(int code)
{
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    if ((code & 0xff) != SQLITE_IOERR || code == SQLITE_IOERR_FSYNC ||
        code == SQLITE_IOERR_DIR_FSYNC)
        return false;
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
}

enum err db_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ERR_STORE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
        return ERR_CORRUPT;
    case SQLITE_NOMEM:
        memory_ended(0);
    case SQLITE_CONSTRAINT: /* a row that its table refuses */
        return ERR_FAILED;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_DATA)
            return ERR_CORRUPT;
        return db_no_space(code) ? ERR_STORE_FULL : ERR_IO;
    default:
        return ERR_IO;
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static int db_read_integer(sqlite3 *handle, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    int end = sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : end;
}

static const char *db_message(sqlite3 *handle, int code)
{
    return code == SQLITE_IOERR_DATA
               ? "a page does not match its checksum, or was written by an earlier version"
               : sqlite3_errmsg(handle);
}

/* Checks that the file is one of this kind, by its application_id, which a new one gets here. NULL
 * if all is well, else what is wrong. */
static const char *db_claim(sqlite3 *handle, const struct db_kind *kind, int *code)
{
    int64_t found = 0, objects = 0;
    *code = db_read_integer(handle, "PRAGMA application_id", &found);
    if (*code == SQLITE_OK)
        *code = db_read_integer(handle, "SELECT count(*) FROM sqlite_schema", &objects);
    if (*code != SQLITE_OK)
        return db_message(handle, *code);
    if (found == 0 && objects == 0 && kind->look)
        return NULL;
    if (found == 0 && objects == 0) {
        char sql[64];
        snprintf(sql, sizeof sql, "PRAGMA application_id=%d", kind->application_id);
        *code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
        return *code == SQLITE_OK ? NULL : sqlite3_errmsg(handle);
    }
    if (found == kind->application_id)
        return NULL;
    *code = SQLITE_NOTADB;
    return "is a database, but not of this store";
}

static const char *db_configure(sqlite3 *handle, const struct db_kind *kind, bool reader, int *code)
{
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, ROW_SIZE_MAX);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    int reserved = kind->reserved; /* of a new file; one that is there keeps what it has */
    if (reserved > 0)
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    const char *pragmas = reader ? kind->reader_pragmas : kind->pragmas;
    *code = sqlite3_exec(handle, pragmas, NULL, NULL, NULL);
    if (*code != SQLITE_OK)
        return db_message(handle, *code);
    return reader && !kind->look ? NULL : db_claim(handle, kind, code);
}

enum err db_open(struct db *d, const struct db_kind *kind, const char *directory, bool reader,
                 char *reason, size_t reason_size)
{
    check(reader || !kind->look);
    memset(d->slots, 0, sizeof d->slots);
    d->slots_used = 0;
    char path[DB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", directory, kind->file_name);
    db_memory_install();
    db_pace_install();
    db_pages_install();
    if (kind->look)
        db_look_install();
    int mode = kind->look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code =
        sqlite3_open_v2(path, &d->handle,
                        mode | SQLITE_OPEN_NOMUTEX | (reader ? 0 : SQLITE_OPEN_CREATE), kind->vfs);
    const char *wrong = code == SQLITE_OK ? db_configure(d->handle, kind, reader, &code)
                                          : sqlite3_errmsg(d->handle);
    if (wrong == NULL)
        return ERR_OK;
    enum err e = db_error(code);
    /* Anything else is found in the content: no call has failed. */
    bool failed = ((code & 0xff) == SQLITE_IOERR && code != SQLITE_IOERR_DATA) ||
                  (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_FULL;
    int system = d->handle != NULL && failed ? sqlite3_system_errno(d->handle) : 0;
    char text[128];
    snprintf(reason, reason_size, "%s: %s%s%s%s%s", path, wrong, system != 0 ? ": " : "",
             system != 0 ? strerror_r(system, text, sizeof text) : "",
             e == ERR_CORRUPT ? "; " : "", e == ERR_CORRUPT ? kind->remedy : "");
    db_close(d, true);
    return e;
}

void db_close(struct db *d, bool keep_wal)
{
    if (d->handle == NULL)
        return;
    for (uint32_t i = 0; i < DB_STATEMENTS_MAX; i++)
        sqlite3_finalize(d->slots[i].statement);
    if (keep_wal)
        sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int code = sqlite3_close(d->handle);
    check(code == SQLITE_OK);
    d->handle = NULL;
}

/* --- statements ------------------------------------------------------------------------------- */

void db_sql_add(struct db_sql *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t space = sizeof sql->text - sql->len;
    int len = vsnprintf(sql->text + sql->len, space, format, arguments);
    va_end(arguments);
    check(len >= 0 && (size_t)len < space); /* tables are declared by us, within limits */
    sql->len += (size_t)len;
}

static uint32_t db_slot_of(struct db_key key)
{
    uint64_t h = ((uintptr_t)key.about >> 4) * 0x9E3779B97F4A7C15u + key.shape;
    h *= 0xD6E8FEB86659FD93u;
    return (uint32_t)(h >> 40) & (DB_STATEMENTS_MAX - 1);
}

enum err db_prepare(struct db *d, struct db_key key, db_sql_cb write, const void *context,
                    struct db_use *ret)
{
    uint32_t at = db_slot_of(key);
    while (d->slots[at].statement != NULL) {
        const struct db_slot *slot = &d->slots[at];
        if (slot->key.about == key.about && slot->key.shape == key.shape) {
            if (sqlite3_stmt_busy(slot->statement))
                break; /* a walk within a walk of the same shape */
            *ret = (struct db_use){slot->statement, false};
            return ERR_OK;
        }
        at = (at + 1) & (DB_STATEMENTS_MAX - 1);
    }
    bool keep = d->slots[at].statement == NULL && d->slots_used < DB_STATEMENTS_MAX / 2;
    struct db_sql sql;
    sql.len = 0;
    write(&sql, context);
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v3(d->handle, sql.text, (int)sql.len + 1,
                                  keep ? SQLITE_PREPARE_PERSISTENT : 0, &statement, NULL);
    if (code != SQLITE_OK)
        return db_error(code);
    if (keep) {
        d->slots[at] = (struct db_slot){key, statement};
        d->slots_used++;
    }
    *ret = (struct db_use){statement, !keep};
    return ERR_OK;
}

static void db_write_fixed(struct db_sql *sql, const void *context)
{
    db_sql_add(sql, "%s", (const char *)context);
}

enum err db_fixed(struct db *d, enum db_fixed which, struct db_use *ret)
{
    return db_prepare(d, (struct db_key){NULL, which}, db_write_fixed, fixed_sql[which], ret);
}

void db_release(struct db_use use)
{
    if (use.temporary) {
        sqlite3_finalize(use.statement);
        return;
    }
    sqlite3_reset(use.statement);
    sqlite3_clear_bindings(use.statement); /* they point into the caller's memory */
}

static int db_step(struct db_use use)
{
    errno = 0;
    int code = sqlite3_step(use.statement);
    check(code != SQLITE_ROW);
    return code;
}

int db_finish(struct db_use use)
{
    int code = db_step(use);
    db_release(use);
    return code;
}

int db_finish_bound(struct db_use use)
{
    int code = db_step(use);
    if (use.temporary)
        sqlite3_finalize(use.statement);
    else
        sqlite3_reset(use.statement);
    return code;
}

enum err db_run(struct db *d, enum db_fixed which)
{
    struct db_use use;
    enum err e = db_fixed(d, which, &use);
    if (e != ERR_OK)
        return e;
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

enum err db_in_transaction(const struct db *d)
{
    return sqlite3_get_autocommit(d->handle) ? ERR_IO : ERR_OK;
}

void db_rollback(struct db *d)
{
    if (d->handle == NULL || sqlite3_get_autocommit(d->handle))
        return; /* SQLite rolls back by itself after some errors */
    enum err e = db_run(d, DB_ROLLBACK);
    check(e == ERR_OK || sqlite3_get_autocommit(d->handle));
}

/* --- values ----------------------------------------------------------------------------------- */

void db_bind_number(struct db_use use, int at, uint64_t number)
{
    check(number <= INT64_MAX);
    check(sqlite3_bind_int64(use.statement, at, (sqlite3_int64)number) == SQLITE_OK);
}

void db_bind_blob(struct db_use use, int at, const void *data, size_t size)
{
    /* A NULL pointer would bind NULL, not an empty blob. */
    int code = sqlite3_bind_blob64(use.statement, at, size > 0 ? data : "", size, SQLITE_STATIC);
    check(code == SQLITE_OK);
}

bool db_read_number(struct db_use use, int column, uint64_t *ret)
{
    if (sqlite3_column_type(use.statement, column) != SQLITE_INTEGER)
        return false;
    int64_t number = sqlite3_column_int64(use.statement, column);
    if (number < 0)
        return false;
    *ret = (uint64_t)number;
    return true;
}

bool db_read_blob(struct db_use use, int column, struct slice *ret)
{
    if (sqlite3_column_type(use.statement, column) != SQLITE_BLOB)
        return false;
    const void *data = sqlite3_column_blob(use.statement, column);
    int size = sqlite3_column_bytes(use.statement, column);
    if (data == NULL && size > 0)
        return false;
    *ret = (struct slice){data != NULL ? data : "", (uint32_t)size};
    return true;
}

bool db_read_exact(struct db_use use, int column, void *bytes, int size)
{
    struct slice found;
    if (!db_read_blob(use, column, &found) || found.len != (uint32_t)size)
        return false;
    memcpy(bytes, found.data, found.len);
    return true;
}
