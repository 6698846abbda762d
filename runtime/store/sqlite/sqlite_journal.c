/* SPDX-License-Identifier: Apache-2.0 */
/* An append is one transaction: it checks the leases of its shards, for each the journal's head,
 * and inserts the rows, then it commits, which syncs the WAL once for all of them, and notes the
 * newest batches in the commit mark. A shard that may not write any more is found before a row of
 * it is inserted, so the others need not be undone. A commit of which nobody knows whether it is
 * there sets `journal_broken`: until sqlite_journal_reopen() has read the WAL again, nothing more
 * is written.
 *
 * Checkpoints. In WAL mode an append writes and syncs the WAL alone; the pages must at some time be
 * copied into journal.db ("checkpoint") so that the WAL can start over. Left to SQLite that
 * happens inside an append, which then takes 20 to 50 ms. Here the views worker copies every
 * CHECKPOINT_FRAMES (sqlite_journal_tidy) while appends go on. It never quite catches up with
 * a busy writer, and the WAL starts over only when all of it is copied: so beyond RESTART_FRAMES an
 * append first copies the small rest itself. The WAL file keeps its size: overwriting a file that
 * does not grow is what makes its sync cheap. */
#include "runtime/store/sqlite/sqlite_journal.h"

#include <stdio.h>
#include <sys/stat.h>

#include "runtime/store/sqlite/db_pace.h"

/* In frames of one page, 16 KiB. */
#define CHECKPOINT_FRAMES 512    /* 8 MiB */
#define RESTART_FRAMES 4096      /* 64 MiB: the usual size of the WAL */
#define RESTART_REST_FRAMES 128  /* 2 MiB: what an append copies itself, about 3 ms */
#define RESTART_FORCE_FRAMES                                                                       \
    16384 /* 256 MiB: the views worker does not copy; an append copies all of it */

static int journal_on_commit(void *context, sqlite3 *handle, const char *database, int frames)
{
    (void)handle;
    (void)database;
    struct store_sqlite *s = context;
    atomic_store(&s->wal_frames, (uint32_t)frames);
    return SQLITE_OK;
}

/* --- files that were removed ------------------------------------------------------------------ */

static struct file_identity file_identity_at(const struct store_sqlite *s, const char *suffix)
{
    char path[sizeof s->journal_path + 8];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", s->journal_path, suffix);
    return stat(path, &st) == 0 ? (struct file_identity){st.st_dev, st.st_ino}
                                : (struct file_identity){0};
}

static bool file_identity_equal(struct file_identity a, struct file_identity b)
{
    return a.device == b.device && a.inode == b.inode;
}

/* A file that was removed or moved takes writes and syncs as before until its last user closes it:
 * acknowledged batches would then be gone. */
static bool journal_files_are_ours(const struct store_sqlite *s)
{
    return file_identity_equal(s->journal_file, file_identity_at(s, "")) &&
           file_identity_equal(s->journal_wal, file_identity_at(s, "-wal"));
}

void sqlite_journal_watch(struct store_sqlite *s)
{
    s->journal_file = file_identity_at(s, "");
    s->journal_wal = file_identity_at(s, "-wal");
    atomic_store(&s->wal_frames, 0);
    atomic_store(&s->wal_backfilled, 0);
    sqlite3_wal_hook(s->journal.handle, journal_on_commit, s);
}

/* --- checkpoints ------------------------------------------------------------------------------ */

/* Copies what no reader still needs in the WAL; waits for no other connection. */
static void journal_copy_wal(struct store_sqlite *s, struct db *d)
{
    int frames = 0, copied = 0;
    int code =
        sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    if (code == SQLITE_OK && copied >= 0)
        atomic_store(&s->wal_backfilled, (uint32_t)copied);
    /* After a full disk or a busy connection everything is still in the WAL; any other failure may
     * be a failed sync, after which nothing more is written until a reopen has read the WAL. */
    else if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY &&
             db_error(code) != ERR_STORE_FULL)
        atomic_store(&s->journal_broken, true);
}

/* Frames not copied yet. After the WAL started over the old count of copied frames is too high:
 * then all frames count. */
static uint32_t journal_frames_behind(struct store_sqlite *s)
{
    uint32_t frames = atomic_load(&s->wal_frames);
    uint32_t copied = atomic_load(&s->wal_backfilled);
    return copied <= frames ? frames - copied : frames;
}

void sqlite_journal_tidy(struct journal_store *base)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    db_pace_thread();
    if (journal_frames_behind(s) < CHECKPOINT_FRAMES || atomic_load(&s->journal_broken))
        return;
    pthread_rwlock_rdlock(&s->journal_open);
    struct db *d = &s->journal_checkpointer;
    char reason[256];
    if (d->handle != NULL ||
        db_open(d, &db_journal, s->directory, true, reason, sizeof reason) == ERR_OK)
        journal_copy_wal(s, d);
    pthread_rwlock_unlock(&s->journal_open);
}

static void journal_restart_wal(struct store_sqlite *s)
{
    uint32_t frames = atomic_load(&s->wal_frames);
    if (frames >= RESTART_FORCE_FRAMES ||
        (frames >= RESTART_FRAMES && journal_frames_behind(s) <= RESTART_REST_FRAMES))
        journal_copy_wal(s, &s->journal);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The next lease that somebody holds: its run, if there is one, is not fenced. */
static enum err journal_let_in(struct db_use use, struct batch_run *runs, uint32_t count)
{
    uint64_t shard, epoch;
    if (!db_read_number(use, 0, &shard) || !db_read_number(use, 1, &epoch))
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++)
        if (runs[i].rows[0].shard == shard && runs[i].rows[0].epoch == epoch)
            runs[i].result = ERR_OK;
    return ERR_OK;
}

/* Do the writers have their leases? Asked once for all of them, in the transaction of the rows, so
 * that no other writer can come between. The others are fenced. */
static enum err journal_fence(struct db *d, struct batch_run *runs, uint32_t count)
{
    uint16_t first = UINT16_MAX, last = 0;
    struct db_use use;
    enum err e = db_fixed(d, DB_LEASES_HELD, &use);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t shard = runs[i].rows[0].shard;
        check(runs[i].count > 0);
        first = shard < first ? shard : first;
        last = shard > last ? shard : last;
        runs[i].result = ERR_FENCED;
    }
    db_bind_number(use, 1, first);
    db_bind_number(use, 2, last);
    int code;
    while ((code = sqlite3_step(use.statement)) == SQLITE_ROW && e == ERR_OK)
        e = journal_let_in(use, runs, count);
    db_release(use);
    if (e == ERR_OK && code != SQLITE_DONE)
        e = db_error(code);
    for (uint32_t i = 0; e != ERR_OK && i < count; i++)
        runs[i].result = ERR_OK; /* nobody knows */
    return e;
}

/* Does the row continue what is stored? */
static enum err journal_continues(struct store_sqlite *s, const struct batch_row *row)
{
    uint64_t head;
    enum err e = batch_index_head(&s->batches, &s->journal, row->shard, &head);
    if (e == ERR_OK && head + 1 != row->seq)
        e = ERR_FENCED;
    return e;
}

enum err sqlite_journal_insert(struct store_sqlite *s, const struct batch_row *row)
{
    check(row->seq > 0 && row->seq <= JOURNAL_SEQ_MAX && row->epoch <= INT64_MAX);
    struct db_use use;
    enum err e = db_fixed(&s->journal, DB_BATCH_INSERT, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, batch_index_next_row(&s->batches));
    db_bind_number(use, 2, row->shard);
    db_bind_number(use, 3, row->seq);
    db_bind_number(use, 4, row->epoch);
    db_bind_number(use, 5, row->count);
    db_bind_blob(use, 6, row->prev_hash.bytes, SHA256_SIZE);
    db_bind_blob(use, 7, row->hash.bytes, SHA256_SIZE);
    db_bind_blob(use, 8, row->body.data, row->body.len);
    int code = db_finish(use);
    return code == SQLITE_DONE ? batch_index_add(&s->batches, &s->journal, row->shard, row->seq)
                               : db_error(code);
}

/* Did a COMMIT that failed leave nothing behind? The commit frame is the last to be written: if
 * there is no space for it, the WAL's checksums exclude the transaction for good. But the WAL's
 * index in shared memory grows only after that, when the frames are on the disk: a later opening
 * finds them. */
static bool journal_left_nothing(int code)
{
    return db_no_space(code) && code != SQLITE_IOERR_SHMSIZE && code != SQLITE_IOERR_SHMMAP;
}

/* Ends the transaction according to `e`, what its statements gave. */
static enum err journal_end(struct store_sqlite *s, enum err e)
{
    struct db *d = &s->journal;
    struct db_use use;
    if (e == ERR_OK)
        e = db_fixed(d, DB_COMMIT, &use);
    if (e == ERR_OK) {
        int code = db_finish(use);
        if (code == SQLITE_DONE)
            return ERR_OK;
        e = journal_left_nothing(code) ? ERR_STORE_FULL : ERR_UNKNOWN;
    }
    db_rollback(d);
    batch_index_forget(&s->batches);
    if (e != ERR_STORE_FULL && e != ERR_FENCED && e != ERR_TOO_LARGE)
        atomic_store(&s->journal_broken, true);
    return e;
}

/* Only the first row is compared with what is stored. */
static enum err journal_insert_run(struct store_sqlite *s, const struct batch_run *run)
{
    check(run->count > 0);
    enum err e = journal_continues(s, &run->rows[0]);
    for (uint32_t i = 0; e == ERR_OK && i < run->count; i++) {
        check(run->rows[i].shard == run->rows[0].shard && run->rows[i].epoch == run->rows[0].epoch);
        check(run->rows[i].seq == run->rows[0].seq + i);
        e = sqlite_journal_insert(s, &run->rows[i]);
    }
    return e;
}

/* All that were appended, in one write. */
static void journal_note_committed(struct store_sqlite *s, const struct batch_run *runs,
                                   uint32_t count)
{
    uint32_t first = UINT32_MAX, last = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i].result != ERR_OK)
            continue;
        const struct batch_row *newest = &runs[i].rows[runs[i].count - 1];
        struct commit_mark_record record = {.a = newest->seq};
        memcpy(record.hash, newest->hash.bytes, SHA256_SIZE);
        uint32_t number = COMMIT_MARK_SHARD + newest->shard;
        commit_mark_note(&s->commit_mark, number, &record);
        first = number < first ? number : first;
        last = number > last ? number : last;
    }
    if (first <= last)
        commit_mark_write(&s->commit_mark, first, last);
}

static enum err journal_insert_runs(struct store_sqlite *s, struct batch_run *runs, uint32_t count)
{
    journal_restart_wal(s);
    enum err e = db_run(&s->journal, DB_BEGIN);
    if (e == ERR_OK)
        e = batch_index_begin(&s->batches, &s->journal);
    if (e == ERR_OK)
        e = journal_fence(&s->journal, runs, count);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        if (runs[i].result == ERR_OK)
            runs[i].result = journal_insert_run(s, &runs[i]);
        if (runs[i].result != ERR_FENCED)
            e = runs[i].result;
    }
    e = journal_end(s, e);
    if (e == ERR_OK && !journal_files_are_ours(s)) {
        atomic_store(&s->journal_broken, true);
        e = ERR_UNKNOWN;
    }
    return e;
}

void sqlite_journal_append(struct journal_store *base, struct batch_run *runs, uint32_t count)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    check(count > 0);
    for (uint32_t i = 0; i < count; i++)
        runs[i].result = ERR_OK;
    enum err e = atomic_load(&s->journal_broken) ? ERR_IO : journal_insert_runs(s, runs, count);
    for (uint32_t i = 0; i < count; i++)
        if (runs[i].result != ERR_FENCED)
            runs[i].result = e;
    journal_note_committed(s, runs, count);
}

/* After an unknown commit its frames may be in the WAL or not. All connections close without
 * touching it, so that the opening reads the WAL as a start after a crash would; copying all
 * of it into journal.db, synced, then makes what was found durable. */
enum err sqlite_journal_reopen(struct journal_store *base)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    if (!journal_files_are_ours(s))
        return ERR_GONE;
    pthread_rwlock_wrlock(&s->journal_open);
    db_pool_close(&s->journal_readers, true);
    db_close(&s->journal_checkpointer, true);
    db_close(&s->journal, true);
    batch_index_forget(&s->batches);
    char reason[256];
    enum err e =
        db_open(&s->journal, &db_journal, s->directory, false, reason, sizeof reason);
    if (e == ERR_OK) {
        int code = sqlite3_wal_checkpoint_v2(s->journal.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                             NULL, NULL);
        e = code == SQLITE_OK ? ERR_OK : db_error(code);
    }
    if (e == ERR_OK) {
        sqlite_journal_watch(s);
        atomic_store(&s->journal_broken, false);
    } else {
        atomic_store(&s->journal_broken, true);
    }
    pthread_rwlock_unlock(&s->journal_open);
    return e;
}

enum err sqlite_journal_lease_take(struct journal_store *base, uint16_t shard, struct slice owner,
                                   uint64_t *epoch)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    struct db *d = &s->journal;
    if (atomic_load(&s->journal_broken))
        return ERR_IO;
    uint64_t taken = 0;
    atomic_store(&s->used, true);
    enum err e = db_run(d, DB_BEGIN);
    struct db_use use;
    if (e == ERR_OK)
        e = db_fixed(d, DB_LEASE_TAKE, &use);
    if (e == ERR_OK) {
        db_bind_number(use, 1, shard);
        db_bind_blob(use, 2, owner.data, owner.len);
        int code = sqlite3_step(use.statement);
        if (code != SQLITE_ROW)
            e = db_error(code);
        else if (!db_read_number(use, 0, &taken))
            e = ERR_CORRUPT;
        db_release(use);
    }
    e = journal_end(s, e);
    if (e == ERR_OK)
        *epoch = taken;
    return e;
}

enum err sqlite_journal_lease_release(struct journal_store *base, uint16_t shard, uint64_t epoch)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    struct db *d = &s->journal;
    if (atomic_load(&s->journal_broken))
        return ERR_IO;
    enum err e = db_run(d, DB_BEGIN);
    struct db_use use;
    if (e == ERR_OK)
        e = db_fixed(d, DB_LEASE_RELEASE, &use);
    if (e == ERR_OK) {
        db_bind_number(use, 1, shard);
        db_bind_number(use, 2, epoch);
        int code = db_finish(use);
        if (code != SQLITE_DONE)
            e = db_error(code);
        else if (sqlite3_changes(d->handle) != 1)
            e = ERR_FENCED;
    }
    return journal_end(s, e);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool journal_read_batch(struct db_use use, struct batch_row *row)
{
    uint64_t shard, count;
    if (!db_read_number(use, 0, &shard) || !db_read_number(use, 1, &row->seq) ||
        !db_read_number(use, 2, &row->epoch) || !db_read_number(use, 3, &count))
        return false;
    if (shard > UINT16_MAX || count > UINT32_MAX || row->seq > JOURNAL_SEQ_MAX)
        return false;
    row->shard = (uint16_t)shard;
    row->count = (uint32_t)count;
    return db_read_exact(use, 4, row->prev_hash.bytes, SHA256_SIZE) &&
           db_read_exact(use, 5, row->hash.bytes, SHA256_SIZE) && db_read_blob(use, 6, &row->body);
}

/* Batches of one shard on their way to who reads them. */
struct journal_walk {
    struct db *d;
    uint16_t shard;
    uint64_t first_seq; /* the next one has this number or a higher one */
    batch_row_cb row;
    void *context;
    enum err error;
    bool ended; /* by an error, or nobody wants more */
};

/* The row at which the statement stands. It must be of the shard, behind the one before. */
static void journal_walk_row(struct journal_walk *w, struct db_use use, uint64_t last_seq)
{
    struct batch_row found;
    if (!journal_read_batch(use, &found) || found.shard != w->shard || found.seq < w->first_seq ||
        found.seq > last_seq)
        w->error = ERR_CORRUPT;
    else
        w->first_seq = found.seq + 1;
    w->ended = w->error != ERR_OK || !w->row(w->context, &found);
}

/* The batch at a row that the index names. One that is not there leaves a gap, for the caller. */
static bool journal_walk_named(void *context, uint64_t row, uint64_t seq)
{
    struct journal_walk *w = context;
    struct db_use use;
    w->error = db_fixed(w->d, DB_BATCH_AT, &use);
    w->ended = w->error != ERR_OK;
    if (w->ended)
        return false;
    db_bind_number(use, 1, row);
    w->first_seq = seq;
    int code = sqlite3_step(use.statement);
    if (code == SQLITE_ROW)
        journal_walk_row(w, use, seq);
    else if (code != SQLITE_DONE)
        w->error = db_error(code);
    db_release(use);
    w->ended = w->ended || w->error != ERR_OK;
    return !w->ended;
}

/* The batches behind those that the index names, where nobody knows which they are. */
static enum err journal_walk_rest(struct journal_walk *w, uint64_t first_row)
{
    struct db_use use;
    enum err e = db_fixed(w->d, DB_BATCH_FROM, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, first_row);
    db_bind_number(use, 2, w->shard);
    db_bind_number(use, 3, w->first_seq);
    int code = SQLITE_DONE;
    while (!w->ended && (code = sqlite3_step(use.statement)) == SQLITE_ROW)
        journal_walk_row(w, use, JOURNAL_SEQ_MAX);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        w->error = db_error(code);
    db_release(use);
    return w->error;
}

static enum err journal_read_batches(struct batch_index *x, struct journal_walk *w)
{
    uint64_t row;
    enum err e = batch_index_each(x, w->d, w->shard, w->first_seq, journal_walk_named, w, &row);
    if (e == ERR_OK && row > 0)
        e = journal_walk_rest(w, row);
    return e == ERR_OK ? w->error : e;
}

/* A reader in a transaction. */
static enum err journal_begin_reading(struct store_sqlite *s, struct db **ret)
{
    pthread_rwlock_rdlock(&s->journal_open);
    enum err e = db_pool_borrow(&s->journal_readers, ret);
    if (e == ERR_OK) {
        e = db_run(*ret, DB_BEGIN_READ);
        if (e != ERR_OK)
            db_pool_return(&s->journal_readers, *ret);
    }
    if (e != ERR_OK)
        pthread_rwlock_unlock(&s->journal_open);
    return e;
}

static void journal_end_reading(struct store_sqlite *s, struct db *d)
{
    db_rollback(d);
    db_pool_return(&s->journal_readers, d);
    pthread_rwlock_unlock(&s->journal_open);
}

/* Whoever follows the journal in a transaction of the views stays in one of the journal until then:
 * SQLite forgets all pages at the beginning of each, if anything was appended meanwhile, and those
 * of sixteen shards are mostly the same. */
void sqlite_journal_end_following(struct store_sqlite *s)
{
    if (s->journal_followed != NULL)
        journal_end_reading(s, s->journal_followed);
    s->journal_followed = NULL;
}

enum err sqlite_journal_tail(struct journal_store *base, uint16_t shard, uint64_t first_seq,
                             batch_row_cb row, void *context)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    if (first_seq > JOURNAL_SEQ_MAX || s->journal_empty)
        return ERR_OK;
    bool follows = atomic_load(&s->views_thread) == (uintptr_t)pthread_self();
    struct db *d = follows ? s->journal_followed : NULL;
    enum err e = d != NULL ? ERR_OK : journal_begin_reading(s, &d);
    if (e != ERR_OK)
        return e;
    if (follows)
        s->journal_followed = d;
    e = journal_read_batches(
        &s->batches,
        &(struct journal_walk){
            .d = d, .shard = shard, .first_seq = first_seq, .row = row, .context = context});
    if (!follows)
        journal_end_reading(s, d);
    return e;
}

enum err sqlite_journal_head(struct journal_store *base, uint16_t shard, uint64_t *seq)
{
    struct store_sqlite *s = store_sqlite_of_journal(base);
    struct db *d;
    if (s->journal_empty) {
        *seq = 0;
        return ERR_OK;
    }
    enum err e = journal_begin_reading(s, &d);
    if (e != ERR_OK)
        return e;
    e = batch_index_newest(d, shard, seq);
    journal_end_reading(s, d);
    return e;
}

enum err sqlite_journal_committed(struct journal_store *base, uint16_t shard,
                                  struct store_position *position)
{
    struct commit_mark_record record;
    *position = (struct store_position){0};
    if (commit_mark_read(&store_sqlite_of_journal(base)->commit_mark, COMMIT_MARK_SHARD + shard,
                         &record)) {
        position->seq = record.a;
        memcpy(position->hash.bytes, record.hash, SHA256_SIZE);
    }
    return ERR_OK;
}
