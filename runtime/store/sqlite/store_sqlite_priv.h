/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the embedded store, shared by its files only.
 *
 * Connections. Each file has one writer, used by one worker alone, and a pool of readers that any
 * thread borrows for one call. The views worker also copies the journal's WAL into journal.db
 * through a connection of its own, so that an append never waits for that. In SQLite terms every
 * struct db is used by one thread at a time, hence opened without SQLite's own mutex. */
#ifndef SQLITE_STORE_SQLITE_PRIV_H
#define SQLITE_STORE_SQLITE_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "runtime/store/sqlite/store_sqlite.h"
#include "runtime/store/views_priv.h"

#define DB_PATH_MAX 4096
#define DB_STATEMENTS_MAX 512 /* slots of the cache of prepared statements; power of two */
#define DB_READERS_MAX 16     /* borrowed at once, for each file; more callers wait */
#define DB_SQL_MAX 8192

/* --- one connection: store_sqlite_db.c -------------------------------------------------------- */

/* What differs between the two files. */
struct db_kind {
    const char *file_name;
    int application_id;
    const char *pragmas; /* of every connection */
    const char *reader_pragmas;
    const char *remedy; /* of a damaged file */
    const char *vfs;    /* NULL: SQLite's own */
    int reserved;       /* bytes at the end of each page that are not SQLite's */
};

extern const struct db_kind db_journal;
extern const struct db_kind db_views;

/* A statement's identity within a connection: a table and a shape, or NULL and enum db_fixed. */
struct db_key {
    const void *about;
    uint32_t shape;
};

struct db_slot {
    struct db_key key;
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *handle; /* NULL = closed */
    struct db_slot slots[DB_STATEMENTS_MAX];
    uint32_t slots_used;
    bool borrowed; /* pool only */
};

/* SQL under construction. */
struct db_sql {
    char text[DB_SQL_MAX];
    size_t len;
};

/* A prepared statement in use. */
struct db_use {
    sqlite3_stmt *statement;
    bool temporary; /* not from the cache */
};

enum db_fixed {
    DB_BEGIN,
    DB_BEGIN_READ,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_BATCH_INSERT,
    DB_BATCH_CUT,
    DB_BATCH_TAIL,
    DB_BATCH_HEAD,
    DB_LEASE_TAKE,
    DB_LEASE_RELEASE,
    DB_LEASE_HELD,
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

/* Opens directory/file_name. On failure *d is closed and the cause in `reason`. */
must_check enum err db_open(struct db *d, const struct db_kind *kind, const char *directory,
                            bool reader, char *reason, size_t reason_size);

/* Finalizes all statements. keep_wal leaves the WAL as it is for the next opening to judge. */
void db_close(struct db *d, bool keep_wal);

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
/* Right after a statement failed: for want of space, and certainly before a sync? */
bool db_no_space(int code);

/* Ends an open transaction without its effects. */
void db_rollback(struct db *d);

printf_like(2, 3) void db_sql_add(struct db_sql *sql, const char *format, ...);

void db_bind_number(struct db_use use, int at, uint64_t number);
void db_bind_blob(struct db_use use, int at, const void *data, size_t size);

/* Reads a column; false if it is not of this form. */
must_check bool db_read_number(struct db_use use, int column, uint64_t *ret);
must_check bool db_read_blob(struct db_use use, int column, struct slice *ret);
must_check bool db_read_exact(struct db_use use, int column, void *bytes, int size);

/* --- a file's readers: store_sqlite_pool.c ---------------------------------------------------- */

struct db_pool {
    const struct db_kind *kind;
    const char *directory;
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct db items[DB_READERS_MAX];
};

void db_pool_init(struct db_pool *p, const struct db_kind *kind, const char *directory);
void db_pool_done(struct db_pool *p);

/* Closes all connections; none may be borrowed. */
void db_pool_close(struct db_pool *p, bool keep_wal);

/* Waits for a free connection and opens it if need be. */
must_check enum err db_pool_borrow(struct db_pool *p, struct db **ret);
void db_pool_return(struct db_pool *p, struct db *d);

/* --- pages with checksums: store_sqlite_pages.c ----------------------------------------------- */

#define PAGES_VFS "payd-pages"
#define PAGES_SIZE 8192       /* of the pages of a file opened with it */
#define PAGES_RESERVED 8      /* of these, for the checksum */
#define PAGES_MARK "-damaged" /* what a file found beside it that had a wrong page */

/* Before the first connection; more than once does no harm. */
void pages_install(void);
/* Leaves that mark beside the file, with what was found. */
void pages_mark(const char *path, const char *found);

/* --- what remembers how far the files had come: store_sqlite_commit_mark.c -------------------- */

#define COMMIT_MARK_FILE "commit-mark"
#define COMMIT_MARK_VIEWS 0        /* store_sqlite_checkpoint.c says what it holds */
#define COMMIT_MARK_SHARD 1        /* + shard: a = seq of the newest batch, hash = its hash */
#define COMMIT_MARK_RECORDS 257    /* beyond them nothing is remembered */

struct commit_mark_record {
    uint64_t a, b;
    uint8_t hash[SHA256_SIZE];
};

/* Each record is written by one worker. */
struct commit_mark {
    int fd; /* -1 = closed */
    uint64_t counts[COMMIT_MARK_RECORDS];
};

/* Creates it if need be. 0 or a system error. */
must_check int commit_mark_open(struct commit_mark *w, const char *directory);
void commit_mark_close(struct commit_mark *w);
/* false: nothing is known. */
must_check bool commit_mark_read(const struct commit_mark *w, uint32_t number,
                             struct commit_mark_record *record);
void commit_mark_write(struct commit_mark *w, uint32_t number,
                       const struct commit_mark_record *record);
/* false: what was written may not survive power loss. */
must_check bool commit_mark_sync(struct commit_mark *w);

/* --- the store -------------------------------------------------------------------------------- */

/* Of a packed table the columns that order nothing stand in one more column, the last. */
#define VIEW_REST "rest"

/* What the database says of a view beyond its declaration. */
struct view_info {
    const struct view_table *table;
    uint64_t nullable; /* bit n: column n may be NULL */
    uint64_t ordered;  /* bit n: a key or an index orders by column n */
    uint64_t packed;   /* bit n: column n stands in VIEW_REST */
};

/* Which file a path led to. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

struct sqlite_keys;

struct store_sqlite {
    struct journal_store journal_base;
    struct view_store views_base;
    bool journal_closed, views_closed; /* by their users; the last one to go takes all with it */
    char directory[DB_PATH_MAX];
    char journal_path[DB_PATH_MAX + 16];
    int lock_fd;
    bool opened; /* all of it */
    struct view_info *views;
    uint32_t view_count;
    struct commit_mark commit_mark;
    uint8_t *rest; /* views worker: a VIEW_REST on its way */
    size_t rest_cap;

    struct file_identity journal_file, journal_wal; /* as opened; journal worker */
    struct db journal;               /* journal worker */
    struct db journal_checkpointer;  /* views worker */
    struct db_pool journal_readers;  /* any */
    pthread_rwlock_t journal_open;   /* written by reopen, read by every other user but append */
    _Atomic bool journal_broken;     /* appends refused until reopened */
    _Atomic uint32_t wal_frames;     /* in the journal's WAL after the last append */
    _Atomic uint32_t wal_backfilled; /* of these, already copied into journal.db */

    struct db views_writer;          /* views worker */
    uint32_t views_frames;           /* views worker: in the views' WAL after the last commit */
    struct db_pool views_readers;    /* any */
    pthread_mutex_t keys_mutex;      /* of the array; store_sqlite_keys.c */
    struct sqlite_keys **keys;
    size_t keys_count, keys_cap;
    size_t key_merge_keys, key_filter_bytes;
    _Atomic uintptr_t views_thread;  /* pthread_self() of the open transaction, 0 = none */
};

static inline struct store_sqlite *sqlite_of_journal(struct journal_store *base)
{
    return container_of(base, struct store_sqlite, journal_base);
}

static inline struct store_sqlite *sqlite_of_views(struct view_store *base)
{
    return container_of(base, struct store_sqlite, views_base);
}

/* store_sqlite.c: why a file cannot be used, with the remedy where there is one. */
enum err sqlite_refuse(char *reason, size_t reason_size, const char *path, const char *doing,
                       int system);
/* Creates the file for its owner only. */
must_check enum err sqlite_make_file(const struct store_sqlite *s, const struct db_kind *kind,
                                     char *reason, size_t reason_size);

/* store_sqlite_migrate.c: bring a file up to date, and compare the views with what is declared. */
must_check enum err sqlite_migrate_journal(struct store_sqlite *s,
                                           const struct store_sqlite_options *options,
                                           char *reason, size_t reason_size);
must_check enum err sqlite_migrate_views(struct store_sqlite *s,
                                         const struct store_sqlite_options *options, char *reason,
                                         size_t reason_size);

/* store_sqlite_rebuild.c */

/* ERR_CORRUPT unless what stands at the names of this kind's files, if anything, are files that
 * may be read and written. */
must_check enum err sqlite_files_usable(const struct store_sqlite *s, const struct db_kind *kind,
                                        char *reason, size_t reason_size);
void sqlite_views_damaged(struct view_store *base);
/* Opens views.db; empty, if it is damaged and the options allow that. */
must_check enum err sqlite_views_open(struct store_sqlite *s,
                                      const struct store_sqlite_options *options, char *reason,
                                      size_t reason_size);

/* store_sqlite_checkpoint.c: of views.db, on the views worker */

/* Do file and WAL, just opened, belong together, and is nothing missing? */
must_check bool sqlite_views_whole(struct store_sqlite *s);
void sqlite_views_new(struct store_sqlite *s);    /* the file was just made */
void sqlite_views_watch(struct store_sqlite *s);  /* after the opening */
void sqlite_views_checkpoint(struct store_sqlite *s); /* when it is time; after a commit */
/* Before the last connection closes. false: the WAL must stay. */
must_check bool sqlite_views_checkpoint_all(struct store_sqlite *s);

/* store_sqlite_pace.c. Before the first connection; more than once does no harm. */
void sqlite_pace_install(void);
/* From now on the calling thread waits for the disk after each portion it has written; what it
 * hears then of a failed write fails the write that waited. */
void sqlite_pace_thread(void);

/* store_sqlite_journal.c */
void sqlite_journal_watch(struct store_sqlite *s); /* after each opening of s->journal */
void sqlite_tidy(struct journal_store *base);
enum err sqlite_append(struct journal_store *base, const struct batch_row *rows, uint32_t count);
enum err sqlite_cut(struct journal_store *base, uint16_t shard, uint64_t epoch, uint64_t first_seq);
enum err sqlite_reopen(struct journal_store *base);
enum err sqlite_lease_take(struct journal_store *base, uint16_t shard, struct slice owner,
                           uint64_t *epoch);
enum err sqlite_lease_release(struct journal_store *base, uint16_t shard, uint64_t epoch);
enum err sqlite_tail(struct journal_store *base, uint16_t shard, uint64_t first_seq,
                     batch_row_cb row, void *context);
enum err sqlite_head(struct journal_store *base, uint16_t shard, uint64_t *seq);
enum err sqlite_committed(struct journal_store *base, uint16_t shard,
                          struct store_position *position);

/* store_sqlite_states.c */
enum err sqlite_position(struct view_store *base, uint16_t shard, struct store_position *position);
enum err sqlite_state_load(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 id,
                           state_row_cb row, void *context);
enum err sqlite_states_due(struct view_store *base, uint16_t shard, uint64_t due_ns_max,
                           state_row_cb row, void *context);
enum err sqlite_states_each(struct view_store *base, uint16_t shard, uint16_t kind,
                            struct id128 after, state_row_cb row, void *context);
enum err sqlite_begin(struct view_store *base);
enum err sqlite_put_state(struct view_store *base, const struct state_row *row);
enum err sqlite_commit(struct view_store *base, uint16_t shard,
                       const struct store_position *position);
void sqlite_rollback(struct view_store *base);
enum err sqlite_views_drop(struct view_store *base);

/* The same through this connection. */
must_check enum err sqlite_position_with(struct db *d, uint16_t shard,
                                         struct store_position *position);

/* store_sqlite_keys.c */
void sqlite_keys_done(struct store_sqlite *s);
/* Before the commit of a shard: what its keys have to do now and then. */
must_check enum err sqlite_keys_advance(struct store_sqlite *s, uint16_t shard);
/* The open transaction will leave nothing, or it is not known. */
void sqlite_keys_outdate(struct store_sqlite *s);
enum err sqlite_keys_add(struct view_store *base, struct key_space space,
                         const struct key_decision *decisions, size_t count);
enum err sqlite_keys_expire(struct view_store *base, struct key_space space, uint64_t until_ns);
enum err sqlite_key_find(struct view_store *base, struct key_space space, struct id128 key,
                         uint64_t *position);
enum err sqlite_keys_walk(struct view_store *base, struct key_space space,
                          struct key_cursor *cursor, uint32_t most, key_cb key, void *context);

/* store_sqlite_views.c */
/* For reading: the open transaction's own connection on its thread, else one of the pool. */
must_check enum err sqlite_views_borrow(struct store_sqlite *s, struct db **ret);
void sqlite_views_return(struct store_sqlite *s, struct db *d);
/* A scan through this connection. */
enum err sqlite_scan_with(struct store_sqlite *s, struct db *d, const struct view_scan *q,
                          view_row_cb row, void *context);
enum err sqlite_scan(struct view_store *base, const struct view_scan *q, view_row_cb row,
                     void *context);
enum err sqlite_get(struct view_store *base, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context);
enum err sqlite_put_row(struct view_store *base, const struct view_table *t,
                        const struct value *row);
enum err sqlite_delete_row(struct view_store *base, const struct view_table *t,
                           const struct value *key);

#endif
