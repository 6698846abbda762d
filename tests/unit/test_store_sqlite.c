/* SPDX-License-Identifier: Apache-2.0 */
/* What only the embedded store can meet: locks, damaged and foreign files, migrations that do not
 * fit, a full disk. Each refusal is one line that names file, cause and remedy. */
#include "runtime/store/sqlite/store_sqlite_priv.h"
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char *path_in(const struct fixture *f, const char *name, char path[600])
{
    snprintf(path, 600, "%s/%s", f->directory, name);
    return path;
}

static void overwrite(struct fixture *f, const char *file, off_t at, const char *bytes)
{
    char path[600];
    int fd = open(path_in(f, file, path), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
    close(fd);
}

/* Another file of the same name. */
static void put_another(struct fixture *f, const char *file)
{
    char path[600];
    int fd = open(path_in(f, file, path), O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void assert_refused(struct fixture *f, enum err expected, const char *file,
                           const char *cause)
{
    struct fixture other = *f;
    other.views = NULL;
    other.reason[0] = '\0';
    assert_int_equal(fixture_open_sqlite(&other), expected);
    assert_null(other.views);
    memcpy(f->reason, other.reason, sizeof f->reason);
    if (strstr(f->reason, file) == NULL || strstr(f->reason, cause) == NULL ||
        strchr(f->reason, '\n') != NULL)
        fail_msg("reason: %s", f->reason);
}

/* --- a transaction that SQLite takes back by itself ------------------------------------------- */

/* As after an error of any statement in it, also of one that only reads. */
static void nothing_is_written_into_views_outside_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    sqlite3 *writer = store_sqlite_of_views(s)->views_writer.handle;
    const struct state_row row = {.kind = 1, .id = {0, 5}, .body = slice_of("state")};
    const struct key_decision key = {{0, 6}, 1, 1};
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 1, 1, "before", 0), ERR_OK);
    assert_int_equal(sqlite3_exec(writer, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(put_coin(s, 1, 2, 1, "after", 0), ERR_IO);
    assert_int_equal(s->ops->put_state(s, &row), ERR_IO);
    (void)s->ops->keys_add(s, (struct key_space){0, KEY_KIND_REQUEST}, &key, 1);
    assert_int_equal(commit_at(s, 0, 1), ERR_IO);
    assert_int_equal(views_seq(s, 0), 0);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 3, 1, "again", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, 1), ERR_OK);
    assert_int_equal(views_seq(s, 0), 1);
    struct seen seen = {{0}, 0, 0};
    for (uint64_t place = 1; place <= 3; place++) {
        const struct value key_of_coin[] = {{.type = VALUE_ID, .id = {0, 1}},
                                            {.type = VALUE_UINT, .number = place}};
        enum err e = s->ops->get(s, &coins_view, key_of_coin, see_coin, &seen);
        assert_int_equal(e, place == 3 ? ERR_OK : ERR_NOT_FOUND);
    }
}

/* --- lock and files --------------------------------------------------------------------------- */

/* Shards whose rows are made in one transaction of the views are seen as of one moment. */
static void a_transaction_of_the_views_follows_one_moment_of_the_journal(void **state)
{
    struct fixture *f = *state;
    uint64_t epochs[] = {lease(f->journal, 0), lease(f->journal, 1)};
    assert_int_equal(append_one(f->journal, 0, 1, epochs[0], "a"), ERR_OK);
    assert_int_equal(append_one(f->journal, 1, 1, epochs[1], "b"), ERR_OK);
    for (int committed = 0; committed < 2; committed++) {
        assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
        assert_tail(f->journal, 0, 1, committed == 0 ? "1:a " : "1:a 2:c ");
        if (committed == 0) {
            assert_int_equal(append_one(f->journal, 0, 2, epochs[0], "c"), ERR_OK);
            assert_int_equal(append_one(f->journal, 1, 2, epochs[1], "d"), ERR_OK);
        }
        assert_tail(f->journal, 1, 1, committed == 0 ? "1:b " : "1:b 2:d ");
        assert_tail(f->journal, 0, 1, committed == 0 ? "1:a " : "1:a 2:c ");
        if (committed == 0)
            f->views->ops->rollback(f->views);
        else
            assert_int_equal(f->views->ops->commit(f->views), ERR_OK);
        assert_tail(f->journal, 1, 1, "1:b 2:d ");
    }
    assert_int_equal(f->journal->ops->reopen(f->journal), ERR_OK);
}

static void a_second_opener_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, ERR_IN_USE, f->directory, "in use by another process");
    char pid[16];
    snprintf(pid, sizeof pid, "(%d)", (int)getpid());
    assert_non_null(strstr(f->reason, pid));
    assert_int_equal(append_one(f->journal, 0, 1, lease(f->journal, 0), "a"), ERR_OK);
    fixture_shut(f);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    assert_tail(f->journal, 0, 1, "1:a ");
}

/* As long as nothing was written, any number will do. */
static void another_number_of_shards_is_refused(void **state)
{
    struct fixture *f = *state;
    f->shards = 5;
    fixture_restart(f);
    f->shards = 3;
    fixture_restart(f);
    for (uint16_t shard = 0; shard < f->shards; shard++)
        (void)lease(f->journal, shard);
    assert_int_equal(append_one(f->journal, 1, 1, lease(f->journal, 1), "a"), ERR_OK);
    fixture_shut(f);
    f->shards = 1;
    assert_refused(f, ERR_UNSUPPORTED, f->directory, "set SHARDS (--shards) to 3");
    f->shards = 4;
    assert_refused(f, ERR_UNSUPPORTED, f->directory, "has 3 shards");
    f->shards = 0;
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    f->shards = 3;
    fixture_restart(f);
    assert_tail(f->journal, 1, 1, "1:a ");
}

static void slots_that_are_none_of_a_deployment_are_damage(void **state)
{
    static const struct {
        const char *damage, *repair;
    } cases[] = {
        {"UPDATE slots SET shard = 7 WHERE shard = 2",
         "UPDATE slots SET shard = 2 WHERE shard = 7"},
        {"UPDATE slots SET last_slot = last_slot - 1 WHERE shard = 1",
         "UPDATE slots SET last_slot = last_slot + 1 WHERE shard = 1"},
        {"UPDATE slots SET first_slot = 65536 WHERE shard = 0", /* 0 in 16 bits */
         "UPDATE slots SET first_slot = 0 WHERE shard = 0"},
        {"UPDATE slots SET last_slot = last_slot + 65536",
         "UPDATE slots SET last_slot = last_slot - 65536"},
        {"UPDATE slots SET last_slot = 65536 WHERE shard = 0; UPDATE slots SET first_slot = 1"
         " WHERE shard = 1",
         "UPDATE slots SET last_slot = 21844 WHERE shard = 0; UPDATE slots SET first_slot = 21845"
         " WHERE shard = 1"},
        {"CREATE TABLE kept AS SELECT * FROM slots; DELETE FROM slots",
         "INSERT INTO slots SELECT * FROM kept; DROP TABLE kept"},
    };
    struct fixture *f = *state;
    f->shards = 3;
    fixture_restart(f);
    assert_int_equal(append_one(f->journal, 1, 1, lease(f->journal, 1), "a"), ERR_OK);
    fixture_shut(f);
    for (size_t i = 0; i < array_len(cases); i++) {
        alter(f, "journal.db", cases[i].damage);
        assert_refused(f, ERR_CORRUPT, "journal.db", "which slots the shards have cannot be read");
        alter(f, "journal.db", cases[i].repair);
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        fixture_shut(f);
    }
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
}

static void files_are_the_owners_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {".", "lock", "journal.db", "journal.db-wal", "views.db"};
    assert_int_equal(append_one(f->journal, 0, 1, lease(f->journal, 0), "a"), ERR_OK);
    for (size_t i = 0; i < array_len(names); i++) {
        char path[600];
        struct stat st;
        assert_int_equal(stat(path_in(f, names[i], path), &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
}

static void a_missing_parent_is_named(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    char directory[sizeof f->directory];
    memcpy(directory, f->directory, sizeof directory);
    snprintf(f->directory, sizeof f->directory, "/nonexistent/data");
    assert_refused(f, ERR_IO, "/nonexistent/data", "No such file or directory");
    snprintf(f->directory, sizeof f->directory, "/dev/null");
    assert_refused(f, ERR_IO, "/dev/null", "Not a directory");
    memcpy(f->directory, directory, sizeof directory);
}

static void an_unwritable_directory_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    assert_int_equal(chmod(f->directory, 0500), 0);
    bool root = geteuid() == 0; /* may write everywhere */
    if (root)
        assert_int_equal(seteuid(65534), 0);
    assert_refused(f, ERR_IO, f->directory, "Permission denied; give its owner read and write");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(f->directory, 0700), 0);
}

/* A journal that is not where it was takes appends and keeps none of them. */
static void nothing_is_durable_in_files_that_are_gone(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"journal.db", "journal.db-wal"};
    char path[600], moved[600];
    for (size_t i = 0; i < array_len(files); i++) {
        uint64_t head_seq = head(f->journal, 0);
        uint64_t epoch = lease(f->journal, 0);
        assert_int_equal(append_one(f->journal, 0, head_seq + 1, epoch, "there"), ERR_OK);
        path_in(f, files[i], path);
        path_in(f, "elsewhere", moved);
        assert_int_equal(rename(path, moved), 0);
        assert_int_equal(append_one(f->journal, 0, head_seq + 2, epoch, "gone"), ERR_UNKNOWN);
        assert_int_equal(append_one(f->journal, 0, head_seq + 2, epoch, "gone"), ERR_IO);
        assert_int_equal(f->journal->ops->reopen(f->journal), ERR_GONE);
        put_another(f, files[i]);
        assert_int_equal(f->journal->ops->reopen(f->journal), ERR_GONE);
        assert_int_equal(rename(moved, path), 0);
        assert_int_equal(f->journal->ops->reopen(f->journal), ERR_OK);
        assert_true(head(f->journal, 0) > head_seq);
    }
}

/* --- damage ----------------------------------------------------------------------------------- */

static void a_damaged_header_is_refused_with_the_remedy(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    overwrite(f, "views.db", 0, "no database at all");
    assert_refused(f, ERR_CORRUPT, "views.db", "rebuilt from the journal");
    overwrite(f, "journal.db", 0, "no database at all");
    assert_refused(f, ERR_CORRUPT, "journal.db", "restore the directory from a backup");
}

static void a_damaged_page_is_found_when_read(void **state)
{
    struct fixture *f = *state;
    char body[1500];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    uint64_t epoch = lease(f->journal, 0);
    for (uint64_t seq = 1; seq <= 100; seq++)
        assert_int_equal(append_one(f->journal, 0, seq, epoch, body), ERR_OK);
    fixture_shut(f);
    char path[600];
    struct stat st;
    assert_int_equal(stat(path_in(f, "journal.db", path), &st), 0);
    for (off_t page = 4; page * 16384 < st.st_size; page++) /* all rows, not the schema */
        overwrite(f, "journal.db", page * 16384, "????????");
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    struct seen seen = {{0}, 0, 0};
    enum err e = f->journal->ops->tail(f->journal, 0, 1, see_batch, &seen);
    assert_int_equal(e, ERR_CORRUPT);
}

static void a_file_of_another_store_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    char journal[600], views[600];
    alter(f, "views.db", "PRAGMA application_id=7");
    assert_refused(f, ERR_CORRUPT, "views.db", "not of this store");
    assert_int_equal(unlink(path_in(f, "views.db", views)), 0);
    assert_int_equal(link(path_in(f, "journal.db", journal), views), 0);
    assert_refused(f, ERR_CORRUPT, "views.db", "checksum"); /* nor of pages as long as these */
}

static void a_lost_journal_is_not_made_anew(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    char path[600];
    struct stat st;
    assert_int_equal(unlink(path_in(f, "journal.db", path)), 0);
    assert_refused(f, ERR_CORRUPT, "journal.db", "is missing or empty");
    assert_int_equal(stat(path, &st), -1);
}

static void rows_of_another_form_are_damage(void **state)
{
    struct fixture *f = *state;
    static const char *const harms[] = {
        "UPDATE batches SET hash = x'00' WHERE seq = 2",
        "UPDATE batches SET prev_hash = zeroblob(33) WHERE seq = 2",
        "UPDATE batches SET seq = -2 WHERE seq = 2; UPDATE batches SET seq = 1 WHERE seq = 3",
        "UPDATE batches SET epoch = -1 WHERE seq = 2",
        "UPDATE batches SET count = 4294967296 WHERE seq = 2",
    };
    uint64_t epoch = lease(f->journal, 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(append_one(f->journal, 0, seq, epoch, "x"), ERR_OK);
    fixture_shut(f);
    alter(f, "journal.db", "CREATE TABLE copy AS SELECT * FROM batches");
    for (size_t i = 0; i < array_len(harms); i++) {
        alter(f, "journal.db", harms[i]);
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        struct seen seen = {{0}, 0, 0};
        enum err e = f->journal->ops->tail(f->journal, 0, 1, see_batch, &seen);
        if (e != ERR_CORRUPT || strcmp(seen.text, "1:x ") != 0)
            fail_msg("%s: %s, %s", harms[i], err_text(e), seen.text);
        fixture_shut(f);
        alter(f, "journal.db", "DELETE FROM batches; INSERT INTO batches SELECT * FROM copy");
    }
}

static void values_of_another_form_are_damage(void **state)
{
    struct fixture *f = *state;
    static const char *const harms[] = {
        "UPDATE coins SET amount = -1",          "UPDATE coins SET amount = zeroblob(16)",
        "UPDATE coins SET amount = 'many'",      "UPDATE coins SET parent = x'01'",
        "UPDATE coins SET place = -5",           "UPDATE coins SET rest = x''",
        "UPDATE coins SET rest = x'0409000000'", "UPDATE coins SET rest = substr(rest, 2)",
        "UPDATE coins SET rest = CAST(rest || x'00' AS BLOB)",
    };
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    assert_int_equal(put_coin(f->views, 1, 1, 1, "coin", 2), ERR_OK);
    assert_int_equal(commit_at(f->views, 0, 1), ERR_OK);
    fixture_shut(f);
    alter(f, "views.db", "CREATE TABLE copy AS SELECT * FROM coins");
    for (size_t i = 0; i < array_len(harms); i++) {
        alter(f, "views.db", harms[i]);
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, NULL, 0, false, 10};
        struct seen seen = {{0}, 0, 0};
        assert_int_equal(views_scan(f->views, &q, see_coin, &seen), ERR_CORRUPT);
        fixture_shut(f);
        alter(f, "views.db", "DELETE FROM coins; INSERT INTO coins SELECT * FROM copy");
    }
}

/* --- migrations ------------------------------------------------------------------------------- */

static void a_changed_migration_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    f->migrations[f->migration_count - 1].sql = COINS_SQL " ";
    assert_refused(f, ERR_UNSUPPORTED, "views.db", "another content");
}

static void a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    alter(f, "journal.db",
          "INSERT INTO migrations (name, sha256) VALUES ('0009_journal_x.sql', zeroblob(32))");
    assert_refused(f, ERR_UNSUPPORTED, "journal.db",
                   "0009_journal_x.sql, which this program does not know");
}

static void a_failing_migration_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    struct sqlite_migration *added = &f->migrations[f->migration_count++];
    *added = (struct sqlite_migration){
        "9001_views_more.sql", "CREATE TABLE more (a INTEGER) STRICT; CREATE TABLE coins (a);",
        false};
    assert_refused(f, ERR_IO, "views.db", "9001_views_more.sql failed");
    added->sql = "CREATE TABLE more (b INTEGER) STRICT;";
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
}

/* As after a first start that was killed once the files were made. */
static void one_without_any_migration_is_looked_at_as_an_empty_one(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    static const char *const names[] = {"journal.db", "views.db", "commit-mark"};
    char path[600];
    for (size_t i = 0; i < array_len(names); i++)
        assert_int_equal(unlink(path_in(f, names[i], path)), 0);
    uint32_t count = f->migration_count;
    f->migration_count = 0;
    f->shards = 0;
    assert_refused(f, ERR_UNSUPPORTED, "views.db", "no migration creates its table");
    f->migration_count = count;
    f->shards = 2;
    struct store_sqlite_options look = fixture_options(f);
    look.look = true;
    assert_int_equal(store_sqlite_open(&look, &f->journal, &f->views, f->reason, sizeof f->reason),
                     ERR_OK);
    fixture_restart(f);
}

static void a_table_unlike_its_declaration_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql, *cause;
    } cases[] = {
        {"DROP TABLE coins", "no migration creates its table"},
        {"DROP INDEX coins_by_amount", "index coins_by_amount is declared but no migration"},
        {"DROP INDEX coins_by_amount; CREATE INDEX coins_by_amount ON coins (owner)",
         "index coins_by_amount has other columns"},
        {"DROP INDEX coins_by_amount; "
         "CREATE INDEX coins_by_amount ON coins (owner, amount) WHERE amount > 0", "partial"},
        {"DROP INDEX coins_by_amount; CREATE INDEX coins_by_amount ON coins (owner, amount DESC)",
         "order"},
        {"ALTER TABLE coins ADD COLUMN more TEXT", "column more more than its declaration"},
        {"ALTER TABLE coins RENAME COLUMN parent TO mother",
         "column 4 is mother, declared is parent"},
        {"ALTER TABLE coins RENAME COLUMN rest TO name", "column 5 is name, declared is rest"},
        {"DROP TABLE coins; CREATE TABLE coins (owner BLOB, place INTEGER)", "WITHOUT ROWID"},
        {"DROP TABLE coins; CREATE TABLE coins (owner BLOB, place INTEGER, "
         "PRIMARY KEY (owner, place)) STRICT, WITHOUT ROWID", "has 2 columns, 5 are declared"},
        {"DROP TABLE coins; CREATE TABLE coins (owner BLOB, place INTEGER, "
         "PRIMARY KEY (place, owner)) STRICT, WITHOUT ROWID", "stands elsewhere"},
        {"DROP TABLE coins; CREATE TABLE coins (owner TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
         "column owner is TEXT, declared is BLOB"},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        fixture_shut(f);
        alter(f, "views.db", cases[i].sql);
        assert_refused(f, ERR_UNSUPPORTED, "views.db", cases[i].cause);
        char path[600];
        assert_int_equal(unlink(path_in(f, "views.db", path)), 0); /* rebuilt from nothing */
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    }
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void fill_until_refused(struct fixture *f, uint64_t epoch, uint64_t *acknowledged,
                               const char *body)
{
    enum err e;
    while ((e = append_one(f->journal, 0, *acknowledged + 1, epoch, body)) == ERR_OK)
        (*acknowledged)++;
    assert_int_equal(e, ERR_STORE_FULL);
    assert_int_equal(append_one(f->journal, 0, *acknowledged + 1, epoch, body), ERR_STORE_FULL);
    assert_int_equal(head(f->journal, 0), *acknowledged); /* reads go on */
}

static void a_full_disk_refuses_and_recovers_by_itself(void **state)
{
    struct fixture *f = *state;
    fixture_shut(f);
    if (mount("tmpfs", f->directory, "tmpfs", 0, "size=2m,mode=0700") != 0) {
        print_message("skipped: cannot mount a small file system here\n");
        skip();
    }
    char ballast[600], body[20000];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    int fd = open(path_in(f, "ballast", ballast), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, 500000), 0);
    close(fd);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    uint64_t epoch = lease(f->journal, 0), acknowledged = 0;
    fill_until_refused(f, epoch, &acknowledged, body);
    assert_true(acknowledged > 0);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append_one(f->journal, 0, acknowledged + 1, epoch, body), ERR_OK);
    acknowledged++;
    fill_until_refused(f, epoch, &acknowledged, body);
    fixture_restart(f);
    assert_int_equal(head(f->journal, 0), acknowledged);
    fixture_shut(f);
    assert_int_equal(umount2(f->directory, MNT_DETACH), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_written_into_views_outside_a_transaction),
        CASE(a_transaction_of_the_views_follows_one_moment_of_the_journal),
        CASE(a_second_opener_is_refused),
        CASE(another_number_of_shards_is_refused),
        CASE(slots_that_are_none_of_a_deployment_are_damage),
        CASE(files_are_the_owners_alone),
        CASE(a_missing_parent_is_named),
        CASE(an_unwritable_directory_is_refused),
        CASE(nothing_is_durable_in_files_that_are_gone),
        CASE(a_damaged_header_is_refused_with_the_remedy),
        CASE(a_damaged_page_is_found_when_read),
        CASE(a_file_of_another_store_is_refused),
        CASE(a_lost_journal_is_not_made_anew),
        CASE(rows_of_another_form_are_damage),
        CASE(values_of_another_form_are_damage),
        CASE(a_changed_migration_is_refused),
        CASE(a_newer_database_is_refused),
        CASE(a_failing_migration_leaves_nothing),
        CASE(one_without_any_migration_is_looked_at_as_an_empty_one),
        CASE(a_table_unlike_its_declaration_is_refused),
        CASE(a_full_disk_refuses_and_recovers_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
