/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store: two SQLite files in one directory. journal.db has the batches (WAL,
 * synchronous=FULL: a returned append survives power loss), views.db what the projector derives
 * from them (it may be deleted; it is rebuilt). They are two files so that the projector's long
 * transactions never delay a commit. A third file, `commit-mark`, remembers how far both had come,
 * so that a lost end is noticed. */
#ifndef SQLITE_STORE_SQLITE_H
#define SQLITE_STORE_SQLITE_H

#include "runtime/store/journal_store.h"
#include "runtime/store/view_store.h"

struct store_sqlite_options {
    const char *directory;                  /* made if absent (mode 0700) */
    const struct view_table *const *tables; /* checked against the migrated database */
    uint32_t table_count;
    const struct sqlite_migration *migrations; /* generated from sql/sqlite/, in order */
    uint32_t migration_count;
    /* merged in one commit of the views; 0: KEY_MERGE_KEYS (key_index.h) */
    size_t key_merge_keys;
    size_t key_filter_bytes; /* for filters over a shard's idempotency keys in memory, at most */
    /* Of the deployment: a new directory gets equal ranges of slots for as many, another number
     * than it was made with is refused; 0 = any, and none is made. */
    uint16_t shards;
    /* Only to look: no file of the directory is made, changed or removed, and it may be one that
     * cannot be written. Of the stores' calls journal tail, head, committed and views position are
     * allowed. Damaged views are refused, or with `rebuilding` taken for absent. */
    bool look;
    /* Called during the opening, on its thread, when views.db is damaged (`reason`) and will be
     * made anew from the journal: the caller's projector then starts at its first batch. NULL: the
     * opening is refused instead. */
    void (*rebuilding)(void *context, const char *reason);
    void *context;
};

/* One file of sql/sqlite/: NNNN_journal_*.sql goes to journal.db, NNNN_views_*.sql to views.db.
 * Applied once, recorded in table `migrations` with its hash; a changed file stops the start.
 *
 * The table of a view has the declared columns in their order and is STRICT, WITHOUT ROWID; UINT is
 * INTEGER, U128 ANY, TEXT TEXT, ID and BYTES BLOB. Its indexes are named TABLE_INDEX, ascending,
 * not partial. Columns are NOT NULL unless optional: a cursor through an optional column of an
 * index is right but slow. Anything else stops the start. */
struct sqlite_migration {
    const char *name;
    const char *sql;
    bool journal;
};

/* All of sql/sqlite/, made by sql/embed.py at build time: a program that uses them links sql_dep.
 */
extern const struct sqlite_migration sqlite_migrations[];
extern const uint32_t sqlite_migration_count;

/* Takes an exclusive lock on the directory (ERR_IN_USE if another process has it), migrates and
 * opens. Gives both stores of the directory; the caller closes each, and the lock is given up with
 * the second. On failure `reason`, a buffer of the caller's, has file, cause and remedy in one
 * line, cut at reason_size bytes. Blocks; any thread, before the workers start. */
must_check enum err store_sqlite_open(const struct store_sqlite_options *options,
                                      struct journal_store **journal, struct view_store **views,
                                      char *reason, size_t reason_size);

#endif
