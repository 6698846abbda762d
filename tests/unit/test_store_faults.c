/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store over a disk that fails: the same short history with the n-th write, sync or
 * truncation failing, n = 1, 2, ... until none is hit. After each run the journal must hold what
 * was acknowledged and at most the one batch whose fate was unknown, and a restart must agree. The
 * same with keys: of those in the views, and only of those, the position must be found while their
 * runs are merged. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <sqlite3.h>

#define BATCHES 12
#define BODY_SIZE 40000 /* a few pages */
#define SHARD 1
#define OTHER 0 /* so many batches of it are there that the index has a new stretch meanwhile */
#define OTHER_BATCHES (1024 - BATCHES / 2)

enum failure {
    FAIL_WRITE_IO,
    FAIL_WRITE_FULL,
    FAIL_SYNC,
    FAIL_TRUNCATE,
    FAIL_INDEX, /* of the WAL, in shared memory: it cannot grow */
    FAILURES
};

static const struct {
    const char *name;
    int code;
} failures[FAILURES] = {
    [FAIL_WRITE_IO] = {"write", SQLITE_IOERR_WRITE},
    [FAIL_WRITE_FULL] = {"write to a full disk", SQLITE_FULL},
    [FAIL_SYNC] = {"sync", SQLITE_IOERR_FSYNC},
    [FAIL_TRUNCATE] = {"truncate", SQLITE_IOERR_TRUNCATE},
    [FAIL_INDEX] = {"the index on a full disk", SQLITE_IOERR_SHMSIZE},
};

/* --- a VFS that passes everything on, until one call fails ------------------------------------ */

struct disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    enum failure failure;
    uint32_t calls_before; /* of that kind, until one fails */
    uint32_t failed;
};

struct disk_file {
    sqlite3_file base;
    struct disk *disk;
    sqlite3_file real[]; /* as large as the real VFS wants it */
};

#define REAL(file) (((struct disk_file *)(file))->real)
#define REAL_METHODS(file) (REAL(file)->pMethods)

static bool fails(sqlite3_file *file, enum failure failure)
{
    struct disk *disk = ((struct disk_file *)file)->disk;
    if (disk->failure != failure || disk->failed > 0)
        return false;
    if (disk->calls_before-- > 0)
        return false;
    disk->failed++;
    return true;
}

static int disk_close(sqlite3_file *file)
{
    return REAL_METHODS(file)->xClose(REAL(file));
}

static int disk_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return REAL_METHODS(file)->xRead(REAL(file), bytes, size, at);
}

/* A failing write leaves half of its bytes. */
static int disk_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    bool io = fails(file, FAIL_WRITE_IO);
    bool full = fails(file, FAIL_WRITE_FULL);
    int code = REAL_METHODS(file)->xWrite(REAL(file), bytes, io || full ? size / 2 : size, at);
    return io ? SQLITE_IOERR_WRITE : full ? SQLITE_FULL : code;
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (fails(file, FAIL_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    return REAL_METHODS(file)->xTruncate(REAL(file), size);
}

static int disk_sync(sqlite3_file *file, int flags)
{
    return fails(file, FAIL_SYNC) ? SQLITE_IOERR_FSYNC
                                  : REAL_METHODS(file)->xSync(REAL(file), flags);
}

static int disk_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL_METHODS(file)->xFileSize(REAL(file), size);
}

static int disk_lock(sqlite3_file *file, int level)
{
    return REAL_METHODS(file)->xLock(REAL(file), level);
}

static int disk_unlock(sqlite3_file *file, int level)
{
    return REAL_METHODS(file)->xUnlock(REAL(file), level);
}

static int disk_check_lock(sqlite3_file *file, int *taken)
{
    return REAL_METHODS(file)->xCheckReservedLock(REAL(file), taken);
}

static int disk_control(sqlite3_file *file, int what, void *argument)
{
    return REAL_METHODS(file)->xFileControl(REAL(file), what, argument);
}

static int disk_sector(sqlite3_file *file)
{
    return REAL_METHODS(file)->xSectorSize(REAL(file));
}

static int disk_characteristics(sqlite3_file *file)
{
    return REAL_METHODS(file)->xDeviceCharacteristics(REAL(file));
}

static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    if (page > 0 && extend && fails(file, FAIL_INDEX)) {
        errno = ENOSPC;
        return SQLITE_IOERR_SHMSIZE;
    }
    return REAL_METHODS(file)->xShmMap(REAL(file), page, size, extend, ret);
}

static int disk_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
    return REAL_METHODS(file)->xShmLock(REAL(file), at, count, flags);
}

static void disk_shm_barrier(sqlite3_file *file)
{
    REAL_METHODS(file)->xShmBarrier(REAL(file));
}

static int disk_shm_unmap(sqlite3_file *file, int remove)
{
    return REAL_METHODS(file)->xShmUnmap(REAL(file), remove);
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 2,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_check_lock,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_characteristics,
    .xShmMap = disk_shm_map,
    .xShmLock = disk_shm_lock,
    .xShmBarrier = disk_shm_barrier,
    .xShmUnmap = disk_shm_unmap,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    struct disk *disk = (struct disk *)vfs;
    struct disk_file *opened = (struct disk_file *)file;
    opened->disk = disk;
    int code = disk->real->xOpen(disk->real, name, opened->real, flags, out_flags);
    opened->base.pMethods = opened->real->pMethods != NULL ? &disk_methods : NULL;
    return code;
}

static void disk_start(struct disk *disk)
{
    disk->real = sqlite3_vfs_find(NULL);
    disk->vfs = *disk->real;
    disk->vfs.zName = "failing";
    disk->vfs.szOsFile += (int)sizeof(struct disk_file);
    disk->vfs.xOpen = disk_open;
    disk->failure = FAILURES;
    assert_int_equal(sqlite3_vfs_register(&disk->vfs, 1), SQLITE_OK);
}

static void disk_stop(struct disk *disk)
{
    sqlite3_vfs_unregister(&disk->vfs);
    sqlite3_vfs_register(disk->real, 1); /* else the default is whichever comes next */
}

/* --- the history ------------------------------------------------------------------------------ */

static char body[BODY_SIZE + 1];
static uint32_t unknown_written, unknown_lost;

/* Does what a shard does after a failure: opens anew until that works, then reads the head. */
static uint64_t recover(struct journal_store *s, enum err e, uint64_t acknowledged)
{
    if (e != ERR_STORE_FULL)
        while (s->ops->reopen(s) != ERR_OK) {
        }
    uint64_t found = head(s, SHARD);
    assert_true(found == acknowledged || (e == ERR_UNKNOWN && found == acknowledged + 1));
    unknown_written += found > acknowledged;
    unknown_lost += e == ERR_UNKNOWN && found == acknowledged;
    return found;
}

static void fill_other(struct fixture *f)
{
    static struct batch_row rows[OTHER_BATCHES];
    uint64_t epoch = lease(f->journal, OTHER);
    for (uint32_t i = 0; i < OTHER_BATCHES; i++)
        rows[i] = batch(OTHER, i + 1, epoch, "");
    assert_int_equal(append_rows(f->journal, rows, OTHER_BATCHES), ERR_OK);
}

/* Appends and projects; every answer must be one the contract allows. */
static void run_history(struct fixture *f)
{
    struct journal_store *s = f->journal;
    struct view_store *v = f->views;
    uint64_t epoch = 0, acknowledged = 0;
    enum err e;
    while ((e = s->ops->lease_take(s, SHARD, slice_of("owner"), &epoch)) != ERR_OK)
        recover(s, e, 0);
    while (acknowledged < BATCHES) {
        e = append_one(s, SHARD, acknowledged + 1, epoch, body);
        if (e == ERR_OK)
            acknowledged++;
        else if (e == ERR_IO || e == ERR_UNKNOWN || e == ERR_STORE_FULL)
            acknowledged = recover(s, e, acknowledged);
        else
            fail_msg("append gave %s", err_text(e));
        assert_int_equal(v->ops->begin(v), ERR_OK);
        e = put_coin(v, 1, acknowledged, acknowledged, "coin", 0);
        if (e != ERR_OK || commit_at(v, SHARD, acknowledged) != ERR_OK)
            v->ops->rollback(v);
    }
}

static bool count_batch(void *context, const struct batch_row *row)
{
    assert_int_equal(row->seq, ++*(uint64_t *)context);
    assert_int_equal(row->body.len, BODY_SIZE);
    assert_memory_equal(row->body.data, body, BODY_SIZE);
    return true;
}

static void check_history(struct fixture *f)
{
    struct journal_store *s = f->journal;
    uint64_t read = 0;
    assert_int_equal(s->ops->tail(s, SHARD, 1, count_batch, &read), ERR_OK);
    assert_int_equal(read, BATCHES);
    assert_int_equal(head(s, OTHER), OTHER_BATCHES);
    uint64_t projected = views_seq(f->views, SHARD);
    assert_true(projected <= BATCHES);
    struct value key[] = {{.type = VALUE_ID, .id = {0, 1}},
                          {.type = VALUE_UINT, .number = projected}};
    struct seen seen = {{0}, 0, 0};
    if (projected > 0)
        assert_int_equal(views_get(f->views, &coins_view, key, see_coin, &seen), ERR_OK);
}

static void every_failing_call_is_survived(void **state)
{
    enum failure failure = *(enum failure *)*state;
    memset(body, 'b', BODY_SIZE);
    struct disk disk = {.failed = 1};
    uint32_t runs = 0;
    unknown_written = unknown_lost = 0;
    while (disk.failed > 0) {
        disk_start(&disk);
        void *fixture = NULL;
        fixture_sqlite(&fixture);
        struct fixture *f = fixture;
        fill_other(f);
        disk.failed = 0;
        disk.calls_before = runs++;
        disk.failure = failure;
        run_history(f);
        check_history(f);
        fixture_close(f);
        disk.failure = FAILURES;
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        check_history(f);
        fixture_done(&fixture);
        disk_stop(&disk);
    }
    print_message("%s: %u places, %u unknown commits were written, %u were not\n",
                  failures[failure].name, runs - 1, unknown_written, unknown_lost);
    assert_true(runs > 1);
    assert_true(failure != FAIL_SYNC || unknown_written > 0);
    assert_true(failure != FAIL_WRITE_IO || unknown_lost > 0);
}

static void copy_file(const char *from, const char *to, const char *name)
{
    static char bytes[1 << 20];
    char path[600];
    snprintf(path, sizeof path, "%s/%s", from, name);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s", to, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* Opens what a start would find if the process died now. */
static struct fixture open_after_a_crash(const struct fixture *f)
{
    static const char *const names[] = {"journal.db", "journal.db-wal", "views.db",
                                        "views.db-wal", "commit-mark"};
    struct fixture after = *f;
    fixture_directory(&after);
    for (size_t i = 0; i < array_len(names); i++)
        copy_file(f->directory, after.directory, names[i]);
    assert_int_equal(fixture_open_sqlite(&after), ERR_OK);
    return after;
}

static void close_after_a_crash(struct fixture *after)
{
    fixture_close(after);
    remove_directory(after->directory);
}

static uint64_t head_after_a_crash(const struct fixture *f)
{
    struct fixture after = open_after_a_crash(f);
    uint64_t found = head(after.journal, SHARD);
    close_after_a_crash(&after);
    return found;
}

/* The index grows after the frames of a commit are written: the disk is full, and yet the batch may
 * be there. */
static void a_commit_whose_index_cannot_grow_is_unknown(void **state)
{
    (void)state;
    memset(body, 'b', BODY_SIZE);
    struct disk disk;
    disk_start(&disk);
    void *fixture = NULL;
    fixture_sqlite(&fixture);
    struct fixture *f = fixture;
    uint64_t epoch = 0, acknowledged = 0;
    assert_int_equal(f->journal->ops->lease_take(f->journal, SHARD, slice_of("owner"), &epoch),
                     ERR_OK);
    disk.failed = disk.calls_before = 0;
    disk.failure = FAIL_INDEX;
    enum err e;
    while ((e = append_one(f->journal, SHARD, acknowledged + 1, epoch, body)) == ERR_OK)
        acknowledged++;
    assert_int_equal(disk.failed, 1);
    assert_int_equal(head_after_a_crash(f), acknowledged + 1);
    assert_int_equal(e, ERR_UNKNOWN);
    acknowledged = recover(f->journal, e, acknowledged);
    assert_int_equal(append_one(f->journal, SHARD, acknowledged + 1, epoch, body), ERR_OK);
    assert_int_equal(head(f->journal, SHARD), acknowledged + 1);
    assert_int_equal(head_after_a_crash(f), acknowledged + 1);
    fixture_done(&fixture);
    disk_stop(&disk);
}

/* --- keys ------------------------------------------------------------------------------------- */

#define KEYS_SLICE 4 /* merged in one commit */
#define KEYS_STEP 2  /* added in one commit */
/* A merge begins in the commit of step 8 (sixteen keys) and ends in that of step 11; the following
 * commits delete its sources. */
#define STEP_MERGING 8
#define STEPS 14

static const struct key_space keys_space = {SHARD, KEY_KIND_REQUEST};

static struct id128 key_of(uint64_t n)
{
    return (struct id128){id128_hash((struct id128){n, 1}), n};
}

/* Keys KEYS_STEP * (step - 1) and on, each with its number as its position. */
static enum err add_keys(struct view_store *v, uint64_t step)
{
    struct key_decision decisions[KEYS_STEP];
    for (uint64_t i = 0, n = KEYS_STEP * (step - 1); i < KEYS_STEP; i++, n++)
        decisions[i] = (struct key_decision){key_of(n), n, step};
    enum err e = v->ops->begin(v);
    if (e == ERR_OK)
        e = v->ops->keys_add(v, keys_space, decisions, KEYS_STEP);
    if (e == ERR_OK)
        e = commit_at(v, SHARD, step);
    if (e != ERR_OK)
        v->ops->rollback(v);
    return e;
}

/* The keys of the steps that are in the views are found, the others are not. Returns the number of
 * these steps, which is `acknowledged`, or one more if a commit failed. */
static uint64_t check_keys(struct view_store *v, uint64_t acknowledged, bool failed)
{
    uint64_t there = views_seq(v, SHARD);
    assert_in_range(there, acknowledged, acknowledged + failed);
    for (uint64_t n = 0; n < KEYS_STEP * (STEPS + 1); n++) {
        uint64_t position = UINT64_MAX;
        enum err e = v->ops->key_find(v, keys_space, key_of(n), &position);
        assert_int_equal(e, n < KEYS_STEP * there ? ERR_OK : ERR_NOT_FOUND);
        assert_int_equal(position, e == ERR_OK ? n : UINT64_MAX);
    }
    return there;
}

static uint64_t check_keys_after_a_crash(const struct fixture *f, uint64_t acknowledged)
{
    struct fixture after = open_after_a_crash(f);
    uint64_t there = check_keys(after.views, acknowledged, true);
    close_after_a_crash(&after);
    return there;
}

/* Adds keys up to this step. After a failure the position says what is there, as it does to the
 * projector, and a start after a crash must find the same. */
static void add_keys_until(struct fixture *f, uint64_t last)
{
    uint64_t there = views_seq(f->views, SHARD);
    while (there < last) {
        if (add_keys(f->views, there + 1) == ERR_OK) {
            there++;
            continue;
        }
        const uint64_t found = check_keys(f->views, there, true);
        assert_int_equal(check_keys_after_a_crash(f, there), found);
        there = found;
    }
}

static bool is_merging(const struct fixture *f)
{
    char path[300];
    sqlite3 *handle;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/views.db", f->directory);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, "payd-pages"),
                     SQLITE_OK);
    /* KEY_RUN_UNFINISHED */
    static const char sql[] = "SELECT 1 FROM key_runs WHERE state = 3";
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return found;
}

static void keys_are_found_whatever_call_of_a_merge_fails(void **state)
{
    enum failure failure = *(enum failure *)*state;
    struct disk disk = {.failed = 1};
    uint32_t runs = 0;
    while (disk.failed > 0) {
        disk_start(&disk);
        void *fixture = NULL;
        fixture_sqlite(&fixture);
        struct fixture *f = fixture;
        f->key_merge_keys = KEYS_SLICE;
        fixture_restart(f);
        add_keys_until(f, STEP_MERGING);
        assert_true(is_merging(f));
        disk.failed = 0;
        disk.calls_before = runs++;
        disk.failure = failure;
        add_keys_until(f, STEPS);
        assert_false(is_merging(f));
        check_keys(f->views, STEPS, false);
        fixture_close(f);
        disk.failure = FAILURES;
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        check_keys(f->views, STEPS, false);
        fixture_done(&fixture);
        disk_stop(&disk);
    }
    print_message("keys, %s: %u places\n", failures[failure].name, runs - 1);
    assert_true(runs > 1);
}

int main(void)
{
    static enum failure each[FAILURES] = {FAIL_WRITE_IO, FAIL_WRITE_FULL, FAIL_SYNC,
                                          FAIL_TRUNCATE};
    const struct CMUnitTest tests[] = {
        {"write", every_failing_call_is_survived, NULL, NULL, &each[FAIL_WRITE_IO]},
        {"write to a full disk", every_failing_call_is_survived, NULL, NULL,
         &each[FAIL_WRITE_FULL]},
        {"sync", every_failing_call_is_survived, NULL, NULL, &each[FAIL_SYNC]},
        {"truncate", every_failing_call_is_survived, NULL, NULL, &each[FAIL_TRUNCATE]},
        {"keys, write", keys_are_found_whatever_call_of_a_merge_fails, NULL, NULL,
         &each[FAIL_WRITE_IO]},
        {"keys, write to a full disk", keys_are_found_whatever_call_of_a_merge_fails, NULL, NULL,
         &each[FAIL_WRITE_FULL]},
        {"keys, sync", keys_are_found_whatever_call_of_a_merge_fails, NULL, NULL, &each[FAIL_SYNC]},
        cmocka_unit_test(a_commit_whose_index_cannot_grow_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
