/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store over files that are not as it left them: what is derived is made again, and
 * what the journal lost is told. */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#define SHARD 3
#define COINS 4000
#define NAME_BYTES 3000 /* of a coin: a few of them fill a page */

static char name[NAME_BYTES + 1];

static char *path_in(const struct fixture *f, const char *file)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", f->directory, file);
    return path;
}

static off_t size_of(const struct fixture *f, const char *file)
{
    struct stat st;
    return stat(path_in(f, file), &st) == 0 ? st.st_size : -1;
}

static void flip(const struct fixture *f, const char *file, off_t at)
{
    char byte;
    int fd = open(path_in(f, file), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 4);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void copy(const char *from, const char *to)
{
    static char bytes[1 << 20];
    ssize_t size;
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0)
        return;
    assert_true(out >= 0);
    while ((size = read(in, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(out, bytes, (size_t)size), size);
    close(in);
    close(out);
}

/* What the process would leave behind if it died now. */
static struct fixture crashed(const struct fixture *f)
{
    static const char *const files[] = {"journal.db", "journal.db-wal", "views.db", "views.db-wal",
                                        "commit-mark"};
    struct fixture copied = *f;
    char from[600];
    copied.journal = NULL;
    copied.views = NULL;
    fixture_directory(&copied);
    for (size_t i = 0; i < array_len(files); i++) {
        snprintf(from, sizeof from, "%s", path_in(f, files[i]));
        copy(from, path_in(&copied, files[i]));
    }
    return copied;
}

static void put_coins(struct view_store *s, uint64_t first, uint64_t count, uint64_t seq)
{
    memset(name, 'n', NAME_BYTES);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    for (uint64_t i = first; i < first + count; i++)
        assert_int_equal(put_coin(s, 1, i, i, name, 0), ERR_OK);
    assert_int_equal(commit_at(s, SHARD, seq), ERR_OK);
}

static bool count_row(void *context, const struct value *row)
{
    (void)row;
    ++*(uint32_t *)context;
    return true;
}

static enum err count_coins(struct view_store *s, uint32_t *count)
{
    struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, NULL, 0, false, UINT32_MAX};
    *count = 0;
    return views_scan(s, &q, count_row, count);
}

/* --- opening as payd does --------------------------------------------------------------------- */

struct told {
    uint32_t times;
    char reason[REASON_SIZE];
};

static void rebuilding(void *context, const char *reason)
{
    struct told *told = context;
    told->times++;
    snprintf(told->reason, sizeof told->reason, "%s", reason);
}

static enum err open_rebuilding(struct fixture *f, struct told *told)
{
    struct store_sqlite_options options = fixture_options(f);
    options.rebuilding = rebuilding;
    options.context = told;
    *told = (struct told){0};
    return store_sqlite_open(&options, &f->journal, &f->views, f->reason, sizeof f->reason);
}

static void assert_made_anew(struct fixture *f, const char *why)
{
    struct told told;
    uint32_t coins;
    assert_int_equal(fixture_open_sqlite(f), ERR_CORRUPT); /* without asking for it */
    assert_non_null(strstr(f->reason, "rebuilt from the journal"));
    assert_int_equal(open_rebuilding(f, &told), ERR_OK);
    assert_int_equal(told.times, 1);
    if (strstr(told.reason, why) == NULL)
        fail_msg("reason: %s", told.reason);
    assert_int_equal(views_seq(f->views, SHARD), 0);
    assert_int_equal(count_coins(f->views, &coins), ERR_OK);
    assert_int_equal(coins, 0);
    put_coins(f->views, 1, 10, 1);
    fixture_shut(f);
    assert_int_equal(open_rebuilding(f, &told), ERR_OK);
    assert_int_equal(told.times, 0);
    fixture_shut(f);
}

static void assert_taken(struct fixture *f, uint64_t seq, uint32_t coins)
{
    struct told told;
    uint32_t found;
    assert_int_equal(open_rebuilding(f, &told), ERR_OK);
    if (told.times != 0)
        fail_msg("made anew: %s", told.reason);
    assert_int_equal(views_seq(f->views, SHARD), seq);
    assert_int_equal(count_coins(f->views, &found), ERR_OK);
    assert_int_equal(found, coins);
    fixture_shut(f);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void a_byte_that_changed_is_not_read(void **state)
{
    struct fixture *f = *state;
    struct told told;
    put_coins(f->views, 1, COINS, 1);
    fixture_shut(f);
    off_t size = size_of(f, "views.db");
    uint32_t found_at_start = 0, found_by_reading = 0, unread = 0;
    for (off_t at = 100; at < size; at += size / 40) {
        struct fixture c = crashed(f);
        uint32_t coins;
        flip(&c, "views.db", at);
        assert_int_equal(open_rebuilding(&c, &told), ERR_OK);
        enum err e = count_coins(c.views, &coins);
        if (told.times > 0) {
            found_at_start++;
        } else if (e == ERR_OK) {
            unread++; /* of an index, or of no row */
            assert_int_equal(coins, COINS);
        } else {
            found_by_reading++;
            assert_int_equal(e, ERR_CORRUPT);
        }
        fixture_shut(&c);
        if (e != ERR_OK)
            assert_made_anew(&c, "damage was found");
        remove_directory(c.directory);
    }
    assert_true(found_by_reading > 20);
    assert_true(found_at_start + found_by_reading + unread >= 40);
}

/* SQLite would take what is missing for zeros. */
static void what_is_cut_off_is_not_read(void **state)
{
    struct fixture *f = *state;
    struct told told;
    uint32_t coins;
    put_coins(f->views, 1, COINS, 1);
    fixture_shut(f);
    assert_int_equal(open_rebuilding(f, &told), ERR_OK);
    assert_int_equal(told.times, 0);
    put_coins(f->views, COINS + 1, 1, 2); /* the WAL tells now how many pages there are */
    assert_int_equal(truncate(path_in(f, "views.db"), size_of(f, "views.db") / 2), 0);
    assert_int_equal(count_coins(f->views, &coins), ERR_CORRUPT);
    fixture_shut(f);
    assert_made_anew(f, "damage was found");
}

/* Only their readers know what they mean. */
static void what_its_reader_calls_damaged_is_made_anew(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views, 1, 10, 1);
    f->views->ops->damaged(f->views);
    f->views->ops->damaged(f->views); /* one of several readers */
    uint32_t coins;
    assert_int_equal(count_coins(f->views, &coins), ERR_OK);
    assert_int_equal(coins, 10);
    fixture_shut(f);
    assert_made_anew(f, "damage was found");
}

/* A page is whole, but not at its place. */
static void a_page_that_went_elsewhere_is_not_read(void **state)
{
    struct fixture *f = *state;
    uint32_t coins;
    put_coins(f->views, 1, COINS, 1);
    fixture_shut(f);
    off_t last = size_of(f, "views.db") / 8192 - 1;
    char pages[2][8192];
    int fd = open(path_in(f, "views.db"), O_RDWR);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pread(fd, pages[i], 8192, (last / 2 + i) * 8192), 8192);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pwrite(fd, pages[1 - i], 8192, (last / 2 + i) * 8192), 8192);
    close(fd);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    assert_int_equal(count_coins(f->views, &coins), ERR_CORRUPT);
    fixture_shut(f);
    assert_made_anew(f, "damage was found");
}

static sqlite3_file *file_of(sqlite3 *database)
{
    sqlite3_file *file = NULL;
    assert_int_equal(sqlite3_exec(database, "SELECT count(*) FROM coins", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file),
                     SQLITE_OK);
    return file;
}

/* Some versions of SQLite ask for what they want of an overflow page, and all of them could. */
static void a_part_of_a_page_is_read_only_if_the_page_is_whole(void **state)
{
    static const struct {
        int at, size; /* within the pages that begin at `pages` */
    } parts[] = {{0, 8188}, {0, 4}, {4, 8180}, {8191, 1}, {5000, 100}, {1, 8191}, {8000, 8300}};
    struct fixture *f = *state;
    char read[2 * 8192], written[2 * 8192];
    put_coins(f->views, 1, 100, 1);
    fixture_shut(f);
    off_t pages = size_of(f, "views.db") / 8192 / 2 * 8192;
    int fd = open(path_in(f, "views.db"), O_RDONLY);
    assert_int_equal(pread(fd, written, sizeof written, pages), sizeof written);
    close(fd);
    sqlite3 *database;
    assert_int_equal(
        sqlite3_open_v2(path_in(f, "views.db"), &database, SQLITE_OPEN_READWRITE, "payd-pages"),
        SQLITE_OK);
    sqlite3_file *file = file_of(database);
    for (size_t i = 0; i < array_len(parts); i++) {
        assert_int_equal(file->pMethods->xRead(file, read, parts[i].size, pages + parts[i].at),
                         SQLITE_OK);
        assert_memory_equal(read, written + parts[i].at, parts[i].size);
    }
    assert_int_equal(size_of(f, "views.db-damaged"), -1);
    flip(f, "views.db", pages + 6000);
    for (size_t i = 0; i < array_len(parts); i++)
        assert_int_equal(file->pMethods->xRead(file, read, parts[i].size, pages + parts[i].at),
                         SQLITE_IOERR_DATA);
    flip(f, "views.db", pages + 6000);
    assert_int_equal(truncate(path_in(f, "views.db"), pages + 6000), 0);
    assert_int_equal(file->pMethods->xRead(file, read, 100, pages), SQLITE_IOERR_DATA);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    assert_made_anew(f, "damage was found");
}

/* --- the WAL of the views --------------------------------------------------------------------- */

/* After a checkpoint began, the file has pages that the WAL must agree with. */
static void what_is_left_of_a_wal_is_taken_or_made_anew(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 0;
    while (size_of(f, "views.db") < (off_t)8 << 20) {
        seq++;
        put_coins(f->views, seq * COINS, COINS, seq);
    }
    off_t copied = size_of(f, "views.db-wal");
    uint32_t coins = (uint32_t)seq * COINS;
    struct fixture c = crashed(f);
    assert_taken(&c, seq, coins);
    remove_directory(c.directory);
    for (int eighths = 0; eighths < 8; eighths++) {
        c = crashed(f);
        assert_int_equal(truncate(path_in(&c, "views.db-wal"), copied / 8 * eighths + 100), 0);
        if (eighths > 0)
            assert_made_anew(&c, "do not belong together");
        else
            assert_taken(&c, seq, coins); /* all that was copied is in the file */
        remove_directory(c.directory);
    }
    c = crashed(f);
    flip(&c, "views.db-wal", copied / 3);
    assert_made_anew(&c, "do not belong together");
    remove_directory(c.directory);
    /* The WAL starts over: whatever is left of the next one continues the file. */
    put_coins(f->views, (seq + 1) * COINS, 1, seq + 1);
    c = crashed(f);
    assert_taken(&c, seq + 1, coins + 1);
    remove_directory(c.directory);
    c = crashed(f);
    flip(&c, "views.db-wal", 1000);
    assert_taken(&c, seq, coins);
    remove_directory(c.directory);
}

/* Nothing was copied yet: what is left is an older state, but a whole one. */
static void a_wal_of_which_nothing_was_copied_may_end_anywhere(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seq = 1; seq <= 5; seq++)
        put_coins(f->views, seq * 100, 100, seq);
    for (off_t cut = 0; cut < size_of(f, "views.db-wal"); cut += 300001) {
        struct fixture c = crashed(f);
        struct told told;
        uint32_t coins;
        assert_int_equal(truncate(path_in(&c, "views.db-wal"), cut), 0);
        assert_int_equal(open_rebuilding(&c, &told), ERR_OK);
        assert_int_equal(count_coins(c.views, &coins), ERR_OK);
        assert_int_equal(coins, views_seq(c.views, SHARD) * 100);
        fixture_shut(&c);
        remove_directory(c.directory);
    }
}

static void without_its_commit_mark_it_is_made_anew(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views, 1, 10, 1);
    fixture_shut(f);
    assert_int_equal(unlink(path_in(f, "commit-mark")), 0);
    assert_made_anew(f, "the commit mark does not say");
}

/* --- what stands in a file's place ------------------------------------------------------------ */

static void what_is_no_file_is_made_anew(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"views.db", "views.db-wal", "views.db-shm"};
    put_coins(f->views, 1, 10, 1);
    fixture_shut(f);
    for (size_t i = 0; i < array_len(files); i++) {
        unlink(path_in(f, files[i]));
        assert_int_equal(mkdir(path_in(f, files[i]), 0700), 0);
        assert_made_anew(f, "is not a file");
    }
}

static void a_journal_s_files_are_never_removed(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"journal.db-wal", "journal.db-shm"};
    struct told told;
    fixture_shut(f);
    for (size_t i = 0; i < array_len(files); i++) {
        assert_int_equal(mkdir(path_in(f, files[i]), 0700), 0);
        assert_int_equal(open_rebuilding(f, &told), ERR_CORRUPT);
        assert_non_null(strstr(f->reason, files[i]));
        assert_non_null(strstr(f->reason, "is not a file"));
        assert_int_equal(rmdir(path_in(f, files[i])), 0);
    }
}

/* --- what was committed ----------------------------------------------------------------------- */

static uint64_t committed(struct journal_store *s, uint16_t shard)
{
    struct store_position position;
    assert_int_equal(s->ops->committed(s, shard, &position), ERR_OK);
    if (position.seq > 0)
        assert_memory_equal(position.hash.bytes, digest_of(position.seq).bytes, SHA256_SIZE);
    return position.seq;
}

static void what_was_committed_is_remembered(void **state)
{
    struct fixture *f = *state;
    uint64_t epoch = lease(f->journal, SHARD);
    assert_int_equal(committed(f->journal, SHARD), 0);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(append_one(f->journal, SHARD, seq, epoch, "body"), ERR_OK);
        assert_int_equal(committed(f->journal, SHARD), seq);
    }
    assert_int_equal(append_one(f->journal, SHARD, 7, epoch, "body"), ERR_FENCED);
    assert_int_equal(committed(f->journal, SHARD), 5);
    assert_int_equal(committed(f->journal, SHARD + 1), 0);
    struct fixture c = crashed(f);
    assert_int_equal(truncate(path_in(&c, "journal.db-wal"), 100), 0);
    assert_int_equal(fixture_open_sqlite(&c), ERR_OK);
    assert_int_equal(head(c.journal, SHARD), 0);
    assert_int_equal(committed(c.journal, SHARD), 5);
    fixture_shut(&c);
    remove_directory(c.directory);
}

/* A torn write leaves the note before. */
static void a_torn_note_is_not_believed(void **state)
{
    struct fixture *f = *state;
    uint64_t epoch = lease(f->journal, 0);
    for (uint64_t seq = 1; seq <= 4; seq++)
        assert_int_equal(append_one(f->journal, 0, seq, epoch, "body"), ERR_OK);
    fixture_shut(f);
    off_t record = 128; /* of shard 0, behind that of the views; its 4th write is in the first */
    flip(f, "commit-mark", record + 10);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    assert_int_equal(committed(f->journal, 0), 3);
    fixture_shut(f);
    flip(f, "commit-mark", record + 64 + 10);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    assert_int_equal(committed(f->journal, 0), 0);
}

/* --- whoever looks ---------------------------------------------------------------------------- */

static const char *const all_files[] = {"journal.db",  "journal.db-wal", "journal.db-shm",
                                        "views.db",    "views.db-wal",   "views.db-shm",
                                        "commit-mark", "lock",           "views.db-damaged"};

/* One digest of them all, and of which there are. */
static struct sha256_digest files_digest(const struct fixture *f)
{
    static char bytes[32 << 20];
    struct sha256_digest digest = {{0}};
    for (size_t i = 0; i < array_len(all_files); i++) {
        int fd = open(path_in(f, all_files[i]), O_RDONLY);
        ssize_t size = fd >= 0 ? read(fd, bytes, sizeof bytes) : 0;
        assert_in_range(size, 0, sizeof bytes - 1);
        struct slice parts[] = {{(const char *)digest.bytes, SHA256_SIZE},
                                slice_of(fd >= 0 ? all_files[i] : ""),
                                {bytes, (uint32_t)size}};
        digest = sha256(parts, array_len(parts));
        if (fd >= 0)
            close(fd);
    }
    return digest;
}

static enum err open_looking(struct fixture *f)
{
    struct store_sqlite_options options = fixture_options(f);
    options.look = true;
    return store_sqlite_open(&options, &f->journal, &f->views, f->reason, sizeof f->reason);
}

/* What is seen by a look, which changes nothing. */
static void assert_looks(struct fixture *f, uint64_t batches, uint64_t mark, uint64_t views)
{
    struct sha256_digest before = files_digest(f);
    if (open_looking(f) != ERR_OK)
        fail_msg("looking: %s", f->reason);
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(f->journal->ops->tail(f->journal, SHARD, 1, see_batch, &seen), ERR_OK);
    assert_int_equal(seen.count, batches);
    assert_int_equal(head(f->journal, SHARD), batches);
    assert_int_equal(committed(f->journal, SHARD), mark);
    assert_int_equal(views_seq(f->views, SHARD), views);
    fixture_shut(f);
    assert_memory_equal(before.bytes, files_digest(f).bytes, SHA256_SIZE);
}

static void a_look_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t epoch = lease(f->journal, SHARD);
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_int_equal(append_one(f->journal, SHARD, seq, epoch, "body"), ERR_OK);
    put_coins(f->views, 1, 10, 4);
    struct fixture c = crashed(f);
    assert_looks(&c, 5, 5, 4); /* all of it in WALs without an index */
    flip(&c, "journal.db-wal", size_of(&c, "journal.db-wal") - 5);
    assert_looks(&c, 4, 5, 4);
    flip(&c, "journal.db-wal", size_of(&c, "journal.db-wal") - 5);
    assert_looks(&c, 5, 5, 4);
    assert_int_equal(unlink(path_in(&c, "commit-mark")), 0);
    assert_int_equal(unlink(path_in(&c, "views.db")), 0);
    assert_int_equal(unlink(path_in(&c, "views.db-wal")), 0);
    assert_looks(&c, 5, 0, 0);
    remove_directory(c.directory);
    fixture_shut(f);
    assert_looks(f, 5, 5, 4); /* none of it */
}

static void a_damaged_page_is_seen_by_a_look_without_a_mark(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views, 1, 10, 4);
    fixture_shut(f);
    flip(f, "views.db", 5000);
    struct sha256_digest before = files_digest(f);
    assert_int_equal(open_looking(f), ERR_CORRUPT);
    assert_non_null(strstr(f->reason, "checksum"));
    assert_memory_equal(before.bytes, files_digest(f).bytes, SHA256_SIZE);
}

static void a_look_and_a_node_exclude_each_other(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f, third = *f;
    assert_int_equal(open_looking(&other), ERR_IN_USE);
    fixture_shut(f);
    assert_int_equal(open_looking(f), ERR_OK);
    assert_int_equal(open_looking(&third), ERR_OK);
    assert_int_equal(fixture_open_sqlite(&other), ERR_IN_USE);
    fixture_shut(&third);
}

/* The end of the WAL may be lost only to SQLite: what is behind a flipped bit is not written over
 * before something is to be stored. */
static void a_wal_stays_until_something_is_written(void **state)
{
    struct fixture *f = *state;
    uint64_t epoch = lease(f->journal, SHARD);
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_int_equal(append_one(f->journal, SHARD, seq, epoch, "body"), ERR_OK);
    put_coins(f->views, 1, 10, 4);
    struct fixture c = crashed(f);
    off_t wal = size_of(&c, "journal.db-wal"), views_wal = size_of(&c, "views.db-wal");
    off_t at = wal - 40000; /* some frames before the end */
    flip(&c, "journal.db-wal", at);
    assert_int_equal(fixture_open_sqlite(&c), ERR_OK);
    assert_in_range(head(c.journal, SHARD), 1, 4);
    fixture_shut(&c);
    assert_int_equal(size_of(&c, "journal.db-wal"), wal);
    assert_int_equal(size_of(&c, "views.db-wal"), views_wal);
    flip(&c, "journal.db-wal", at);
    assert_looks(&c, 5, 5, 4);
    remove_directory(c.directory);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_byte_that_changed_is_not_read),
        CASE(what_is_cut_off_is_not_read),
        CASE(what_its_reader_calls_damaged_is_made_anew),
        CASE(a_page_that_went_elsewhere_is_not_read),
        CASE(a_part_of_a_page_is_read_only_if_the_page_is_whole),
        CASE(what_is_left_of_a_wal_is_taken_or_made_anew),
        CASE(a_wal_of_which_nothing_was_copied_may_end_anywhere),
        CASE(without_its_commit_mark_it_is_made_anew),
        CASE(what_is_no_file_is_made_anew),
        CASE(a_journal_s_files_are_never_removed),
        CASE(what_was_committed_is_remembered),
        CASE(a_torn_note_is_not_believed),
        CASE(a_look_changes_nothing),
        CASE(a_damaged_page_is_seen_by_a_look_without_a_mark),
        CASE(a_look_and_a_node_exclude_each_other),
        CASE(a_wal_stays_until_something_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
