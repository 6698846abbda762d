/* SPDX-License-Identifier: Apache-2.0 */
/* Opening takes the lock of the directory, then opens the journal, the commit mark and the views in
 * this order, each migrated before the next; a failure closes what was opened and leaves the files
 * as they were found, and so does closing what was opened and never written (`used`): a WAL that
 * has lost its end may still have what was behind that place. Who only looks (`look`) opens through
 * a VFS that changes nothing (db_look.h). The two stores are one struct with two bases: the second
 * close frees it. */
#include "runtime/store/sqlite/store_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/store/sqlite/key_run.h"
#include "runtime/store/sqlite/sqlite_checkpoint.h"
#include "runtime/store/sqlite/sqlite_files.h"
#include "runtime/store/sqlite/sqlite_journal.h"
#include "runtime/store/sqlite/sqlite_keys.h"
#include "runtime/store/sqlite/sqlite_migrate.h"
#include "runtime/store/sqlite/sqlite_rebuild.h"
#include "runtime/store/sqlite/sqlite_slots.h"
#include "runtime/store/sqlite/sqlite_states.h"
#include "runtime/store/sqlite/sqlite_transaction.h"
#include "runtime/store/sqlite/sqlite_views.h"
#include "runtime/store/views_priv.h"

/* A new journal beside old views, or in place of one whose WAL is still here, would be an empty
 * ledger: all money would be gone. */
static enum err store_sqlite_refuse_lost_journal(const struct store_sqlite *s, char *reason,
                                                 size_t reason_size)
{
    if (sqlite_files_filled(s->directory, db_journal.file_name, "") ||
        (!sqlite_files_filled(s->directory, db_views.file_name, "") &&
         !sqlite_files_filled(s->directory, db_journal.file_name, "-wal") &&
         !sqlite_files_filled(s->directory, COMMIT_MARK_FILE, "")))
        return ERR_OK;
    snprintf(reason, reason_size,
             "%s/journal.db: is missing or empty, although what was made beside it is there; "
             "restore the directory from a backup", s->directory);
    return ERR_CORRUPT;
}

static enum err store_sqlite_open_journal(struct store_sqlite *s,
                                          const struct store_sqlite_options *options, char *reason,
                                          size_t reason_size)
{
    bool look = options->look;
    enum err e = store_sqlite_refuse_lost_journal(s, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_files_usable(s->directory, s->journal_kind, reason, reason_size);
    if (e == ERR_OK && !look)
        e = sqlite_files_make(s->directory, &db_journal, reason, reason_size);
    if (e == ERR_OK)
        e = db_open(&s->journal, s->journal_kind, s->directory, look, reason, reason_size);
    s->journal_empty = e == ERR_OK && look && !sqlite_migrate_begun(&s->journal);
    if (e == ERR_OK && !s->journal_empty)
        e = sqlite_migrate_journal(s, options, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_slots_open(s, options, reason, reason_size);
    if (e != ERR_OK)
        return e;
    int failed = look ? commit_mark_look(&s->commit_mark, s->directory)
                      : commit_mark_open(&s->commit_mark, s->directory);
    if (failed != 0) {
        struct sqlite_path path = sqlite_files_path(s->directory, COMMIT_MARK_FILE, "");
        return sqlite_files_refuse(reason, reason_size, path.text, "open it", failed);
    }
    return e;
}

static enum err store_sqlite_open_files(struct store_sqlite *s,
                                        const struct store_sqlite_options *options, char *reason,
                                        size_t reason_size)
{
    enum err e = store_sqlite_open_journal(s, options, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_rebuild_open(s, options, reason, reason_size);
    if (e != ERR_OK || options->look)
        return e;
    int failed = sqlite_files_sync_directory(s->directory);
    if (failed != 0)
        return sqlite_files_refuse(reason, reason_size, s->directory, "sync the directory", failed);
    sqlite_journal_watch(s);
    s->opened = true;
    return ERR_OK;
}

static enum err store_sqlite_journal_size(struct journal_store *base, uint64_t *bytes)
{
    *bytes = sqlite_files_size(store_sqlite_of_journal(base)->directory, &db_journal);
    return ERR_OK;
}

static enum err store_sqlite_views_size(struct view_store *base, uint64_t *bytes)
{
    *bytes = sqlite_files_size(store_sqlite_of_views(base)->directory, &db_views);
    return ERR_OK;
}

/* --- closing ---------------------------------------------------------------------------------- */

/* Frees what both stores use once both are closed. */
static void store_sqlite_release(struct store_sqlite *s)
{
    if (!s->journal_closed || !s->views_closed)
        return;
    commit_mark_close(&s->commit_mark);
    db_pool_done(&s->journal_readers);
    db_pool_done(&s->views_readers);
    pthread_rwlock_destroy(&s->journal_open);
    batch_index_done(&s->batches);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->keys_mutex);
    free(s->views);
    free(s->rest);
    free(s);
}

static void store_sqlite_close_journal(struct journal_store *base)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    check(!s->journal_closed);
    /* An unknown commit stays in the WAL for the next start to judge. */
    bool keep_wal = atomic_load(&s->journal_broken) || !s->opened || !atomic_load(&s->used);
    db_pool_close(&s->journal_readers, keep_wal);
    db_close(&s->journal_checkpointer, keep_wal);
    db_close(&s->journal, keep_wal);
    s->journal_closed = true;
    store_sqlite_release(s);
}

static void store_sqlite_close_views(struct view_store *base)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    check(!s->views_closed);
    sqlite_transaction_rollback(base);
    sqlite_keys_done(s);
    db_pool_close(&s->views_readers, true);
    bool tidy = s->opened && atomic_load(&s->used) && sqlite_checkpoint_all(s);
    db_close(&s->views_writer, !tidy);
    s->views_closed = true;
    store_sqlite_release(s);
}

/* --- opening ---------------------------------------------------------------------------------- */

static const struct journal_store_ops journal_ops = {
    .append = sqlite_journal_append,
    .reopen = sqlite_journal_reopen,
    .lease_take = sqlite_journal_lease_take,
    .lease_release = sqlite_journal_lease_release,
    .tail = sqlite_journal_tail,
    .head = sqlite_journal_head,
    .committed = sqlite_journal_committed,
    .tidy = sqlite_journal_tidy,
    .size = store_sqlite_journal_size,
    .close = store_sqlite_close_journal,
};

static const struct view_store_ops view_ops = {
    .position = sqlite_states_position,
    .state_load = sqlite_states_load,
    .states_due = sqlite_states_due,
    .states_each = sqlite_states_each,
    .key_find = sqlite_keys_find,
    .keys_walk = sqlite_keys_walk,
    .keys_between = sqlite_keys_between,
    .keys_add = sqlite_keys_add,
    .keys_expire = sqlite_keys_expire,
    .scan = sqlite_views_scan,
    .get = sqlite_views_get,
    .begin = sqlite_transaction_begin,
    .put_state = sqlite_states_put,
    .put_row = sqlite_views_put_row,
    .delete_row = sqlite_views_delete_row,
    .move = sqlite_transaction_move,
    .commit = sqlite_transaction_commit,
    .rollback = sqlite_transaction_rollback,
    .drop = sqlite_transaction_drop,
    .damaged = sqlite_rebuild_damaged,
    .size = store_sqlite_views_size,
    .close = store_sqlite_close_views,
};

static struct store_sqlite *store_sqlite_make(const struct store_sqlite_options *options)
{
    struct store_sqlite *s = memory_take_zeroed(1, sizeof *s);
    struct view_info *views = memory_take_zeroed(KEY_VIEWS + options->table_count, sizeof *views);
    s->journal_base = (struct journal_store){.ops = &journal_ops,
                                             .name = "sqlite",
                                             .location = s->journal_path,
                                             .slots = &s->slots,
                                             .tears = false};
    s->views_base = (struct view_store){.ops = &view_ops, .name = "sqlite"};
    s->lock_fd = -1;
    s->commit_mark.fd = -1;
    s->views = views;
    s->view_count = KEY_VIEWS + options->table_count;
    s->key_merge_keys = options->key_merge_keys;
    s->key_filter_bytes = options->key_filter_bytes;
    for (uint32_t i = 0; i < s->view_count; i++) {
        const struct view_table *t = i < KEY_VIEWS ? key_views[i] : options->tables[i - KEY_VIEWS];
        uint64_t ordered = view_ordered_columns(t);
        views[i] = (struct view_info){
            .table = t, .ordered = ordered, .packed = t->packed ? view_columns(t) & ~ordered : 0};
    }
    memcpy(s->directory, options->directory, strlen(options->directory) + 1);
    snprintf(s->journal_path, sizeof s->journal_path, "%s/%s", s->directory, db_journal.file_name);
    pthread_rwlock_init(&s->journal_open, NULL);
    batch_index_init(&s->batches);
    pthread_mutex_init(&s->keys_mutex, NULL);
    s->journal_kind = options->look ? &db_journal_look : &db_journal;
    s->views_kind = options->look ? &db_views_look : &db_views;
    db_pool_init(&s->journal_readers, s->journal_kind, s->directory);
    db_pool_init(&s->views_readers, s->views_kind, s->directory);
    return s;
}

enum err store_sqlite_open(const struct store_sqlite_options *options,
                           struct journal_store **journal, struct view_store **views, char *reason,
                           size_t reason_size)
{
    if (strlen(options->directory) >= DB_PATH_MAX)
        return sqlite_files_refuse(reason, reason_size, "data directory", "use its name",
                                   ENAMETOOLONG);
    struct store_sqlite *s = store_sqlite_make(options);
    if (s == NULL)
        return sqlite_files_refuse(reason, reason_size, options->directory, "open the store",
                                   ENOMEM);
    enum err e = ERR_OK;
    if (!options->look)
        e = sqlite_files_make_directory(s->directory, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_files_lock(s->directory, options->look, &s->lock_fd, reason, reason_size);
    if (e == ERR_OK)
        e = store_sqlite_open_files(s, options, reason, reason_size);
    if (e != ERR_OK) {
        store_sqlite_close_views(&s->views_base); /* everything is left as it was found */
        store_sqlite_close_journal(&s->journal_base);
        return e;
    }
    *journal = &s->journal_base;
    *views = &s->views_base;
    return ERR_OK;
}
