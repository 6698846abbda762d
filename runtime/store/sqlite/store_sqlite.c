/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the embedded store: directory, lock, files, migrations. */
#include "runtime/store/sqlite/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/store/sqlite/key_run.h"
#include "runtime/store/sqlite/store_sqlite_priv.h"

#define SYSTEM_TEXT_MAX 128

enum err sqlite_refuse(char *reason, size_t reason_size, const char *path, const char *doing,
                       int system)
{
    char text[SYSTEM_TEXT_MAX];
    const char *remedy = "";
    if (system == EACCES || system == EPERM || system == EROFS)
        remedy = "; give its owner read and write access or choose another directory";
    else if (system == ENOSPC || system == EDQUOT)
        remedy = "; free some space";
    snprintf(reason, reason_size, "%s: cannot %s: %s%s", path, doing,
             strerror_r(system, text, sizeof text), remedy);
    return system == ENOSPC || system == EDQUOT ? ERR_STORE_FULL : ERR_IO;
}

/* Makes what was created in a directory survive power loss. */
static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return failed;
}

static enum err make_directory(const char *path, char *reason, size_t reason_size)
{
    struct stat st;
    if (mkdir(path, 0700) == 0) {
        char parent[DB_PATH_MAX + 4];
        snprintf(parent, sizeof parent, "%s/..", path);
        int failed = sync_directory(parent);
        if (failed != 0 && failed != EACCES) /* a parent one may search but not read */
            return sqlite_refuse(reason, reason_size, parent, "sync the directory", failed);
    } else if (errno != EEXIST) {
        return sqlite_refuse(reason, reason_size, path, "make the directory", errno);
    }
    if (stat(path, &st) != 0)
        return sqlite_refuse(reason, reason_size, path, "open the directory", errno);
    if (!S_ISDIR(st.st_mode))
        return sqlite_refuse(reason, reason_size, path, "use it as the data directory", ENOTDIR);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return sqlite_refuse(reason, reason_size, path, "write to the directory", errno);
    return ERR_OK;
}

/* The kernel drops the lock with the process, however that ends. */
static enum err take_lock(struct store_sqlite *s, char *reason, size_t reason_size)
{
    char path[DB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/lock", s->directory);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return sqlite_refuse(reason, reason_size, path, "open the lock", errno);
    char holder[32] = "";
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        int system = errno;
        if (system != EWOULDBLOCK)
            return sqlite_refuse(reason, reason_size, path, "take the lock", system);
        ssize_t size = pread(s->lock_fd, holder, sizeof holder - 1, 0);
        holder[size > 0 ? size : 0] = '\0';
        snprintf(reason, reason_size,
                 "%s: the data directory is in use by another process (%s); stop it or choose "
                 "another directory with DATABASE_URL (--database-url sqlite:DIRECTORY)",
                 s->directory, holder[0] != '\0' ? holder : "unknown");
        return ERR_IN_USE;
    }
    /* For the message above only: nothing depends on it. */
    int len = snprintf(holder, sizeof holder, "%ld", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, holder, (size_t)len, 0) != len)
        return sqlite_refuse(reason, reason_size, path, "write the lock", errno);
    return ERR_OK;
}

/* SQLite would follow the umask. Nobody has the file open yet, so closing it here drops no lock of
 * SQLite's. */
enum err sqlite_make_file(const struct store_sqlite *s, const struct db_kind *kind, char *reason,
                          size_t reason_size)
{
    char path[DB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", s->directory, kind->file_name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sqlite_refuse(reason, reason_size, path, "open it", errno);
    close(fd);
    return ERR_OK;
}

static bool file_there(const struct store_sqlite *s, const char *name)
{
    char path[DB_PATH_MAX + 32];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", s->directory, name);
    return lstat(path, &st) == 0 && st.st_size > 0;
}

/* A new journal beside old views, or in place of one whose WAL is still here, would be an empty
 * ledger with somebody's money gone. */
static enum err refuse_lost_journal(const struct store_sqlite *s, char *reason, size_t reason_size)
{
    if (file_there(s, "journal.db") ||
        (!file_there(s, "views.db") && !file_there(s, "journal.db-wal") &&
         !file_there(s, COMMIT_MARK_FILE)))
        return ERR_OK;
    snprintf(reason, reason_size,
             "%s/journal.db: is missing or empty, although what was made beside it is there; "
             "restore the directory from a backup", s->directory);
    return ERR_CORRUPT;
}

/* Ids name shards by their remainder: with another number of them actors would be looked for, and
 * made, where their journal is not. A journal that cannot be read is the recovery's to tell. */
static enum err refuse_other_shards(const struct store_sqlite *s, uint16_t shards, char *reason,
                                    size_t reason_size)
{
    static const char sql[] =
        "SELECT max(shard) + 1 FROM leases WHERE EXISTS (SELECT 1 FROM batches)";
    sqlite3_stmt *statement = NULL;
    uint64_t made_with = shards;
    int code = sqlite3_prepare_v2(s->journal.handle, sql, -1, &statement, NULL);
    if (shards > 0 && code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
        made_with = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    if (made_with == shards)
        return ERR_OK;
    snprintf(reason, reason_size,
             "%s: has %llu shard%s, which is fixed for a deployment, and cannot be opened with %u; "
             "set SHARDS (--shards) to %llu",
             s->directory, (unsigned long long)made_with, made_with == 1 ? "" : "s", shards,
             (unsigned long long)made_with);
    return ERR_UNSUPPORTED;
}

static enum err open_journal(struct store_sqlite *s, const struct store_sqlite_options *options,
                             char *reason, size_t reason_size)
{
    enum err e = refuse_lost_journal(s, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_files_usable(s, &db_journal, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_make_file(s, &db_journal, reason, reason_size);
    if (e == ERR_OK)
        e = db_open(&s->journal, &db_journal, s->directory, false, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_migrate_journal(s, options, reason, reason_size);
    if (e == ERR_OK)
        e = refuse_other_shards(s, options->shards, reason, reason_size);
    int failed = e == ERR_OK ? commit_mark_open(&s->commit_mark, s->directory) : 0;
    if (failed != 0) {
        char path[DB_PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/%s", s->directory, COMMIT_MARK_FILE);
        return sqlite_refuse(reason, reason_size, path, "open it", failed);
    }
    return e;
}

static enum err open_files(struct store_sqlite *s, const struct store_sqlite_options *options,
                           char *reason, size_t reason_size)
{
    enum err e = open_journal(s, options, reason, reason_size);
    if (e == ERR_OK)
        e = sqlite_views_open(s, options, reason, reason_size);
    if (e != ERR_OK)
        return e;
    int failed = sync_directory(s->directory);
    if (failed != 0)
        return sqlite_refuse(reason, reason_size, s->directory, "sync the directory", failed);
    sqlite_journal_watch(s);
    s->opened = true;
    return ERR_OK;
}

static uint64_t size_of(const struct store_sqlite *s, const struct db_kind *kind)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    uint64_t size = 0;
    for (size_t i = 0; i < array_len(suffixes); i++) {
        char path[DB_PATH_MAX + 32];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s%s", s->directory, kind->file_name, suffixes[i]);
        if (stat(path, &st) == 0)
            size += (uint64_t)st.st_size;
    }
    return size;
}

static enum err sqlite_journal_size(struct journal_store *base, uint64_t *bytes)
{
    *bytes = size_of(sqlite_of_journal(base), &db_journal);
    return ERR_OK;
}

static enum err sqlite_views_size(struct view_store *base, uint64_t *bytes)
{
    *bytes = size_of(sqlite_of_views(base), &db_views);
    return ERR_OK;
}

/* --- closing ---------------------------------------------------------------------------------- */

/* What both stores use goes with the second. */
static void release(struct store_sqlite *s)
{
    if (!s->journal_closed || !s->views_closed)
        return;
    commit_mark_close(&s->commit_mark);
    db_pool_done(&s->journal_readers);
    db_pool_done(&s->views_readers);
    pthread_rwlock_destroy(&s->journal_open);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->keys_mutex);
    free(s->views);
    free(s->rest);
    free(s);
}

static void sqlite_journal_close(struct journal_store *base)
{
    struct store_sqlite *s = sqlite_of_journal(base);
    check(!s->journal_closed);
    /* An unknown commit stays in the WAL for the next start to judge. */
    bool keep_wal = atomic_load(&s->journal_broken) || !s->opened;
    db_pool_close(&s->journal_readers, keep_wal);
    db_close(&s->journal_checkpointer, keep_wal);
    db_close(&s->journal, keep_wal);
    s->journal_closed = true;
    release(s);
}

static void sqlite_views_close(struct view_store *base)
{
    struct store_sqlite *s = sqlite_of_views(base);
    check(!s->views_closed);
    sqlite_rollback(base);
    sqlite_keys_done(s);
    db_pool_close(&s->views_readers, true);
    db_close(&s->views_writer, !s->opened || !sqlite_views_checkpoint_all(s));
    s->views_closed = true;
    release(s);
}

/* --- opening ---------------------------------------------------------------------------------- */

static const struct journal_store_ops journal_ops = {
    .append = sqlite_append,
    .cut = sqlite_cut,
    .reopen = sqlite_reopen,
    .lease_take = sqlite_lease_take,
    .lease_release = sqlite_lease_release,
    .tail = sqlite_tail,
    .head = sqlite_head,
    .committed = sqlite_committed,
    .tidy = sqlite_tidy,
    .size = sqlite_journal_size,
    .close = sqlite_journal_close,
};

static const struct view_store_ops view_ops = {
    .position = sqlite_position,
    .state_load = sqlite_state_load,
    .states_due = sqlite_states_due,
    .states_each = sqlite_states_each,
    .key_find = sqlite_key_find,
    .keys_walk = sqlite_keys_walk,
    .keys_add = sqlite_keys_add,
    .keys_expire = sqlite_keys_expire,
    .scan = sqlite_scan,
    .get = sqlite_get,
    .begin = sqlite_begin,
    .put_state = sqlite_put_state,
    .put_row = sqlite_put_row,
    .delete_row = sqlite_delete_row,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .drop = sqlite_views_drop,
    .damaged = sqlite_views_damaged,
    .size = sqlite_views_size,
    .close = sqlite_views_close,
};

static struct store_sqlite *make_store(const struct store_sqlite_options *options)
{
    struct store_sqlite *s = calloc(1, sizeof *s);
    struct view_info *views = calloc(KEY_VIEWS + options->table_count, sizeof *views);
    if (s == NULL || views == NULL) {
        free(s);
        free(views);
        return NULL;
    }
    s->journal_base = (struct journal_store){
        .ops = &journal_ops, .name = "sqlite", .location = s->journal_path, .tears = false};
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
    pthread_mutex_init(&s->keys_mutex, NULL);
    db_pool_init(&s->journal_readers, &db_journal, s->directory);
    db_pool_init(&s->views_readers, &db_views, s->directory);
    return s;
}

enum err store_sqlite_open(const struct store_sqlite_options *options,
                           struct journal_store **journal, struct view_store **views, char *reason,
                           size_t reason_size)
{
    if (strlen(options->directory) >= DB_PATH_MAX)
        return sqlite_refuse(reason, reason_size, "data directory", "use its name", ENAMETOOLONG);
    struct store_sqlite *s = make_store(options);
    if (s == NULL)
        return sqlite_refuse(reason, reason_size, options->directory, "open the store", ENOMEM);
    enum err e = make_directory(s->directory, reason, reason_size);
    if (e == ERR_OK)
        e = take_lock(s, reason, reason_size);
    if (e == ERR_OK)
        e = open_files(s, options, reason, reason_size);
    if (e != ERR_OK) {
        sqlite_views_close(&s->views_base); /* everything is left as it was found */
        sqlite_journal_close(&s->journal_base);
        return e;
    }
    *journal = &s->journal_base;
    *views = &s->views_base;
    return ERR_OK;
}
