/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the embedded store, shared by its files only: what all of them know of it.
 *
 * Connections. Each database file has one writer, used by one worker alone, and a pool of readers
 * that any thread borrows for one call. The views worker also copies the journal's WAL into
 * journal.db through a connection of its own, so that an append never waits for that. */
#ifndef SQLITE_STORE_SQLITE_PRIV_H
#define SQLITE_STORE_SQLITE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "runtime/store/sqlite/batch_index.h"
#include "runtime/store/sqlite/commit_mark.h"
#include "runtime/store/sqlite/db_pool.h"
#include "runtime/store/sqlite/store_sqlite.h"

/* Which file a path led to. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

struct sqlite_keys; /* sqlite_keys.c */
struct view_info;   /* sqlite_views.h */

struct store_sqlite {
    struct journal_store journal_base;
    struct view_store views_base;
    bool journal_closed, views_closed; /* the second call of the two frees it all */
    char directory[DB_PATH_MAX];
    char journal_path[DB_PATH_MAX + 16];
    int lock_fd;
    struct slot_map slots; /* as they are stored; without shards if none are yet */
    bool opened;        /* both files, in order */
    _Atomic bool used;  /* and something may have been written: on closing the WALs may be tidied */
    bool journal_empty; /* opened to look, and it has not even its tables */
    bool views_absent;  /* the same, and there are none, or none that can be read */
    const struct db_kind *journal_kind, *views_kind; /* for what they were opened */
    struct view_info *views;
    uint32_t view_count;
    struct commit_mark commit_mark;
    uint8_t *rest; /* views worker: the VIEW_REST of the row that is being put */
    size_t rest_cap;

    struct file_identity journal_file, journal_wal; /* as opened; journal worker */
    struct db journal;               /* journal worker */
    struct batch_index batches;      /* in it */
    struct db journal_checkpointer;  /* views worker */
    struct db_pool journal_readers;  /* any */
    struct db *journal_followed;     /* one of them; the thread of the views' transaction */
    pthread_rwlock_t journal_open;   /* written by reopen, read by every other user but append */
    _Atomic bool journal_broken;     /* appends refused until reopened */
    _Atomic uint32_t wal_frames;     /* in the journal's WAL after the last append */
    _Atomic uint32_t wal_backfilled; /* of these, already copied into journal.db */

    struct db views_writer;          /* views worker */
    uint32_t views_frames;           /* views worker: in the views' WAL after the last commit */
    struct db_pool views_readers;    /* any */
    pthread_mutex_t keys_mutex;      /* of the array; sqlite_keys.c */
    struct sqlite_keys **keys;
    size_t keys_count, keys_cap;
    size_t key_merge_keys, key_filter_bytes;
    _Atomic uintptr_t views_thread;  /* pthread_self() of the open transaction, 0 = none */
};

static inline struct store_sqlite *store_sqlite_of_journal(struct journal_store *base)
{
    return container_of(base, struct store_sqlite, journal_base);
}

static inline struct store_sqlite *store_sqlite_of_views(struct view_store *base)
{
    return container_of(base, struct store_sqlite, views_base);
}

#endif
