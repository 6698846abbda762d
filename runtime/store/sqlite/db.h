/* SPDX-License-Identifier: Apache-2.0 */
/* One SQLite connection with its prepared statements. It is used by one thread at a time, hence
 * opened without SQLite's own mutex. Calls block on the disk. A result code of SQLite's becomes an
 * error by db_error(): ERR_STORE_FULL, ERR_CORRUPT, ERR_FAILED for a row that its table refuses,
 * ERR_TOO_LARGE, else ERR_IO. Without memory the process ends. */
#ifndef SQLITE_DB_H
#define SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/slice.h"

#define DB_PATH_MAX 4096
#define DB_STATEMENTS_MAX 512 /* slots of the cache of prepared statements; power of two */
#define DB_SQL_MAX 8192
#define DB_JOURNAL_PAGE 16384 /* bytes of a page of journal.db */

/* What differs between the two files. Strings are constants. */
struct db_kind {
    const char *file_name;
    int application_id;
    const char *pragmas;        /* of the writer's connection */
    const char *reader_pragmas; /* of the others */
    const char *remedy;         /* what an operator does about a damaged file */
    const char *vfs;            /* NULL: SQLite's own */
    int reserved;               /* bytes at the end of each page that are not SQLite's */
    bool look;                  /* nothing of the directory is changed; readers only */
};

extern const struct db_kind db_journal;
extern const struct db_kind db_views;
extern const struct db_kind db_journal_look, db_views_look; /* the same files */

/* A statement's identity within a connection: a table and a shape, or NULL and enum db_fixed. */
struct db_key {
    const void *about;
    uint32_t shape;
};

struct db_slot {
    struct db_key key;
    sqlite3_stmt *statement; /* NULL = free */
};

struct db {
    sqlite3 *handle; /* NULL = closed */
    struct db_slot slots[DB_STATEMENTS_MAX];
    uint32_t slots_used;
    bool borrowed; /* of a pool's connection (db_pool.h), under the pool's mutex */
};

/* SQL under construction. */
struct db_sql {
    char text[DB_SQL_MAX];
    size_t len;
};

/* A prepared statement in use. */
struct db_use {
    sqlite3_stmt *statement;
    bool temporary; /* not from the cache: finalized when it is released */
};

enum db_fixed {
    DB_BEGIN,
    DB_BEGIN_READ,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_BATCH_INSERT,
    DB_BATCH_AT,
    DB_BATCH_FROM,
    DB_BATCH_NEWEST,
    DB_BATCH_PLACES,
    DB_BATCH_ROWS,
    DB_BATCH_LINES,
    DB_BATCH_LINE_NEWEST,
    DB_BATCH_LINE_PUT,
    DB_LEASE_TAKE,
    DB_LEASE_RELEASE,
    DB_LEASES_HELD,
    DB_LEASE_COPY,
    DB_SLOTS_GET,
    DB_SLOTS_PUT,
    DB_SLOTS_DROP,
    DB_BATCHES_ANY,
    DB_POSITION_GET,
    DB_POSITION_PUT,
    DB_STATE_GET,
    DB_STATE_PUT,
    DB_STATE_DELETE,
    DB_STATES_DUE,
    DB_STATES_EACH,
    DB_FIXED_COUNT,
};

typedef void (*db_sql_cb)(struct db_sql *sql, const void *context);

/* Opens directory/file_name; only a writer may make the file. On failure *d is closed, and `reason`
 * has path and cause in one line, with the remedy if the file is damaged (ERR_CORRUPT). */
must_check enum err db_open(struct db *d, const struct db_kind *kind, const char *directory,
                            bool reader, char *reason, size_t reason_size);

/* Finalizes all statements. keep_wal leaves the WAL as it is for the next opening to judge. */
void db_close(struct db *d, bool keep_wal);

/* Gives a statement that is ready for its parameters; it must be released or finished. The first
 * use of a key prepares what `write` writes, later ones find it in the cache. */
must_check enum err db_fixed(struct db *d, enum db_fixed which, struct db_use *ret);
must_check enum err db_prepare(struct db *d, struct db_key key, db_sql_cb write,
                               const void *context, struct db_use *ret);
void db_release(struct db_use use);

/* Steps a statement without result rows and releases it: SQLITE_DONE or the error's code. */
int db_finish(struct db_use use);

/* The same for a statement that has all its parameters bound before each use: they need no
 * clearing, which costs as much as binding them. */
int db_finish_bound(struct db_use use);

/* Prepares, steps and releases one of the statements without parameters. */
must_check enum err db_run(struct db *d, enum db_fixed which);

/* What a result code means when nothing was committed. */
enum err db_error(int code);
/* To be asked right after a statement failed with this code: did it fail for want of space, and
 * certainly before a sync? */
bool db_no_space(int code);

/* ERR_IO if no transaction is open: some errors, also of a statement that only reads, make SQLite
 * take the whole transaction back, and what is written then is committed at once. */
must_check enum err db_in_transaction(const struct db *d);

/* Ends an open transaction without its effects. */
void db_rollback(struct db *d);

/* Appends; the text must fit. */
printf_like(2, 3) void db_sql_add(struct db_sql *sql, const char *format, ...);

/* Parameters count from 1, columns from 0. A number is at most INT64_MAX; a blob is not copied and
 * must stay until the statement is released. */
void db_bind_number(struct db_use use, int at, uint64_t number);
void db_bind_blob(struct db_use use, int at, const void *data, size_t size);

/* Reads a column; false if it is not of this form. The slice is good until the next step. */
must_check bool db_read_number(struct db_use use, int column, uint64_t *ret);
must_check bool db_read_blob(struct db_use use, int column, struct slice *ret);
must_check bool db_read_exact(struct db_use use, int column, void *bytes, int size);

#endif
