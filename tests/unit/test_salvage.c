/* SPDX-License-Identifier: Apache-2.0 */
/* Salvage of a damaged journal: what is whole is in the copy, byte for byte, wherever the damage
 * is; what is not is named; and the damaged directory stays as it was. */
#include "runtime/store/sqlite/salvage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/rng.h"
#include "runtime/journal/record.h"
#include "runtime/store/sqlite/db.h"
#include "tests/unit/store_fixture.h"

#define SHARDS 3 /* the second has no batch */
#define BATCHES 24
#define BODY_MAX 70000
#define PLACES 16
#define FILE_NAME "journal.db"
#define WAL "journal.db-wal"

static const char *const files[] = {FILE_NAME, WAL, "commit-mark", "views.db", "views.db-wal"};

struct rescue {
    struct fixture *f; /* its directory is the damaged one */
    char target[256];
    struct store_sqlite_options options;
    struct salvage_report report;
    struct batch_row rows[SHARDS][BATCHES + 1];
};

/* --- a journal -------------------------------------------------------------------------------- */

static bool is_whole(const struct batch_row *row)
{
    struct sha256_digest hash = batch_hash(row);
    return memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) == 0;
}

/* Small ones share a page, large ones go over several. */
static void make_batch(struct rescue *r, uint16_t shard, uint64_t seq, uint64_t epoch)
{
    static const uint32_t sizes[] = {0, 40, 300, 9000, 20000, BODY_MAX};
    struct batch_row *row = &r->rows[shard][seq];
    uint32_t size = sizes[(seq * 7 + shard) % array_len(sizes)];
    char *body = malloc(size + 1);
    assert_non_null(body);
    for (uint32_t i = 0; i < size; i++)
        body[i] = (char)rng_below(&r->f->rng, 256);
    *row = (struct batch_row){.shard = shard, .seq = seq, .epoch = epoch, .count = 1,
                              .body = {body, size}};
    if (seq > 1)
        row->prev_hash = row[-1].hash;
    row->hash = batch_hash(row);
    assert_int_equal(append_rows(r->f->journal, row, 1), ERR_OK);
}

static void copy_file(const char *from_directory, const char *to_directory, const char *name)
{
    char path[600], piece[65536];
    snprintf(path, sizeof path, "%s/%s", from_directory, name);
    int in = open(path, O_RDONLY);
    snprintf(path, sizeof path, "%s/%s", to_directory, name);
    int out = open(path, O_WRONLY | O_CREAT, 0600);
    ssize_t got;
    while (in >= 0 && (got = read(in, piece, sizeof piece)) > 0)
        assert_int_equal(write(out, piece, (size_t)got), got);
    close(in);
    close(out);
}

/* As it is while the node runs, or, closed, after it has stopped. */
static void leave_files(struct fixture *f, bool closed)
{
    char left[300];
    snprintf(left, sizeof left, "%s-left", f->directory);
    assert_int_equal(mkdir(left, 0700), 0);
    if (closed)
        fixture_shut(f);
    for (size_t i = 0; i < array_len(files); i++)
        copy_file(f->directory, left, files[i]);
    if (!closed)
        fixture_shut(f);
    remove_directory(f->directory);
    assert_int_equal(rename(left, f->directory), 0);
}

static int setup(void **state, bool closed)
{
    struct rescue *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(fixture_sqlite(state), 0);
    r->f = *state;
    snprintf(r->target, sizeof r->target, "%.200s-rescued", r->f->directory);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        uint64_t epoch = lease(r->f->journal, shard);
        for (uint64_t seq = 1; shard != 1 && seq <= BATCHES; seq++)
            make_batch(r, shard, seq, epoch);
    }
    leave_files(r->f, closed);
    r->options = fixture_options(r->f);
    r->options.directory = r->target;
    *state = r;
    return 0;
}

/* All is in the WAL. */
static int killed(void **state)
{
    return setup(state, false);
}

/* All is in the file. */
static int stopped(void **state)
{
    return setup(state, true);
}

static int done(void **state)
{
    struct rescue *r = *state;
    void *f = r->f;
    salvage_report_done(&r->report);
    remove_directory(r->target);
    for (int shard = 0; shard < SHARDS; shard++)
        for (int seq = 0; seq <= BATCHES; seq++)
            free((void *)(uintptr_t)r->rows[shard][seq].body.data);
    free(r);
    return fixture_done(&f);
}

/* --- damage ----------------------------------------------------------------------------------- */

static int open_file(const struct rescue *r, const char *name, int mode)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", r->f->directory, name);
    int fd = open(path, mode);
    assert_true(fd >= 0);
    return fd;
}

static off_t size_of(const struct rescue *r, const char *name)
{
    struct stat st;
    int fd = open_file(r, name, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    return st.st_size;
}

/* Flips a bit of each byte: done twice, all is as it was. */
static void flip(const struct rescue *r, const char *name, off_t at, size_t count)
{
    uint8_t bytes[DB_JOURNAL_PAGE];
    int fd = open_file(r, name, O_RDWR);
    assert_true(count <= sizeof bytes);
    assert_int_equal(pread(fd, bytes, count, at), count);
    for (size_t i = 0; i < count; i++)
        bytes[i] ^= 0x10;
    assert_int_equal(pwrite(fd, bytes, count, at), count);
    close(fd);
}

static struct sha256_digest content(const struct rescue *r)
{
    struct sha256_digest all = {{0}};
    for (size_t i = 0; i < array_len(files); i++) {
        off_t size = size_of(r, files[i]);
        char *bytes = malloc((size_t)size + 1);
        int fd = open_file(r, files[i], O_RDONLY);
        assert_int_equal(read(fd, bytes, (size_t)size), size);
        struct slice pieces[] = {{(const char *)all.bytes, SHA256_SIZE}, {bytes, (uint32_t)size}};
        all = sha256(pieces, array_len(pieces));
        free(bytes);
        close(fd);
    }
    return all;
}

/* --- what was saved --------------------------------------------------------------------------- */

struct comparison {
    const struct rescue *r;
    bool there[SHARDS][BATCHES + 1];
};

static bool compare(void *context, const struct batch_row *row)
{
    struct comparison *c = context;
    assert_true(row->shard < SHARDS && row->seq >= 1 && row->seq <= BATCHES);
    const struct batch_row *was = &c->r->rows[row->shard][row->seq];
    assert_memory_equal(row->hash.bytes, was->hash.bytes, SHA256_SIZE);
    assert_int_equal(row->epoch, was->epoch);
    assert_true(is_whole(row) && slice_equal(row->body, was->body));
    c->there[row->shard][row->seq] = true;
    return true;
}

static bool named_missing(const struct salvage_report *r, uint16_t shard, uint64_t seq)
{
    for (uint32_t i = 0; i < r->gap_count; i++)
        if (r->gaps[i].shard == shard && r->gaps[i].first <= seq && r->gaps[i].last >= seq)
            return true;
    return false;
}

/* Each batch is in the copy as it was, or named as missing, or left out behind one that is. Returns
 * how many are missing. */
static uint32_t assert_saved(struct rescue *r, bool until_gap)
{
    struct comparison c = {.r = r};
    struct fixture copy = *r->f;
    uint32_t missing = 0;
    memcpy(copy.directory, r->target, sizeof copy.directory);
    copy.shards = SHARDS;
    assert_int_equal(fixture_open_sqlite(&copy), ERR_OK);
    for (uint16_t shard = 0; shard < SHARDS; shard++) {
        assert_int_equal(copy.journal->ops->tail(copy.journal, shard, 1, compare, &c), ERR_OK);
        bool behind = false;
        for (uint64_t seq = 1; shard != 1 && seq <= BATCHES; seq++) {
            bool named = named_missing(&r->report, shard, seq);
            behind = behind || named;
            missing += named;
            assert_int_equal(c.there[shard][seq], !named && !(until_gap && behind));
        }
        uint64_t epoch = lease(copy.journal, shard); /* of the first node on it */
        assert_true(!c.there[shard][1] || epoch > r->rows[shard][1].epoch);
    }
    fixture_close(&copy);
    return missing;
}

static uint32_t rescued(struct rescue *r, bool until_gap)
{
    struct salvage_options options = {.directory = r->f->directory, .target = r->options,
                                      .until_gap = until_gap, .whole = is_whole};
    char reason[REASON_SIZE] = "";
    struct sha256_digest before = content(r);
    remove_directory(r->target);
    salvage_report_done(&r->report);
    if (salvage_run(&options, &r->report, reason, sizeof reason) != ERR_OK)
        fail_msg("%s", reason);
    struct sha256_digest after = content(r);
    assert_memory_equal(before.bytes, after.bytes, SHA256_SIZE);
    return assert_saved(r, until_gap);
}

static bool names_place(const struct salvage_report *r, const char *file, off_t at)
{
    for (uint32_t i = 0; i < r->place_count; i++) {
        const struct salvage_place *p = &r->places[i];
        if (strcmp(p->file, file) == 0 && (off_t)p->offset <= at &&
            at < (off_t)(p->offset + p->bytes))
            return true;
    }
    return false;
}

/* --- scenarios -------------------------------------------------------------------------------- */

static void of_a_whole_journal_nothing_is_missing(void **state)
{
    struct rescue *r = *state;
    assert_int_equal(rescued(r, false), 0);
    assert_int_equal(r->report.place_count, 0);
    assert_false(r->report.hole);
    assert_int_equal(r->report.shard_count, SHARDS);
    assert_int_equal(r->report.shards[2].copied, BATCHES);
}

/* SQLite would give none of the batches behind it. */
static void a_flipped_bit_of_the_wal_costs_one_batch_at_most(void **state)
{
    struct rescue *r = *state;
    off_t size = size_of(r, WAL);
    uint32_t lost = 0, named = 0;
    for (off_t at = 5; at < size; at += size / PLACES) {
        flip(r, WAL, at, 1);
        uint32_t missing = rescued(r, false);
        flip(r, WAL, at, 1);
        assert_true(missing <= 1);
        lost += missing;
        named += names_place(&r->report, WAL, at);
        assert_true(missing == 0 || names_place(&r->report, WAL, at));
    }
    assert_true(lost > PLACES / 8 && lost < PLACES && named > PLACES * 3 / 4);
}

static void what_was_cut_off_the_wal_is_counted(void **state)
{
    struct rescue *r = *state;
    char path[600];
    snprintf(path, sizeof path, "%s/" WAL, r->f->directory);
    assert_int_equal(truncate(path, size_of(r, WAL) / 2), 0);
    assert_true(rescued(r, false) > BATCHES / 2);
    assert_false(r->report.hole);
    for (uint32_t i = 0; i < r->report.gap_count; i++)
        assert_true(r->report.gaps[i].end && r->report.gaps[i].last == BATCHES);
}

/* Also an inner page of the tree, below which SQLite finds nothing. */
static void a_lost_page_costs_what_stood_on_it(void **state)
{
    struct rescue *r = *state;
    off_t size = size_of(r, FILE_NAME);
    uint32_t holes = 0, whole = 0;
    for (off_t at = 0; at < size; at += DB_JOURNAL_PAGE) {
        flip(r, FILE_NAME, at, DB_JOURNAL_PAGE);
        uint32_t missing = rescued(r, false);
        assert_true(names_place(&r->report, FILE_NAME, at) && missing < BATCHES / 2);
        assert_int_equal(r->report.gap_count > 0, missing > 0);
        whole += missing == 0;
        holes += r->report.hole;
        rescued(r, true);
        assert_false(r->report.hole);
        flip(r, FILE_NAME, at, DB_JOURNAL_PAGE);
    }
    assert_true(holes > 10 && whole >= 3);
}

static void a_changed_byte_is_never_taken_for_true(void **state)
{
    struct rescue *r = *state;
    off_t size = size_of(r, FILE_NAME);
    for (off_t at = 77; at < size; at += size / PLACES) {
        flip(r, FILE_NAME, at, 1);
        rescued(r, false); /* compares every batch */
        flip(r, FILE_NAME, at, 1);
    }
}

static void assert_refused(struct rescue *r, enum err expected, const char *cause)
{
    struct salvage_options options = {
        .directory = r->f->directory, .target = r->options, .whole = is_whole};
    char reason[REASON_SIZE] = "";
    assert_int_equal(salvage_run(&options, &r->report, reason, sizeof reason), expected);
    if (strstr(reason, cause) == NULL)
        fail_msg("reason: %s", reason);
}

static void only_a_new_directory_is_made(void **state)
{
    struct rescue *r = *state;
    assert_int_equal(mkdir(r->target, 0700), 0);
    assert_refused(r, ERR_IO, "exists");
    assert_int_equal(rmdir(r->target), 0);
}

static void without_a_whole_batch_none_is_made(void **state)
{
    struct rescue *r = *state;
    for (off_t at = 0; at < size_of(r, FILE_NAME); at += DB_JOURNAL_PAGE)
        flip(r, FILE_NAME, at, DB_JOURNAL_PAGE);
    assert_refused(r, ERR_CORRUPT, "no whole batch");
    assert_int_equal(access(r->target, F_OK), -1);
}

static void not_while_a_node_has_it(void **state)
{
    struct rescue *r = *state;
    assert_int_equal(fixture_open_sqlite(r->f), ERR_OK);
    assert_refused(r, ERR_IN_USE, "in use");
    fixture_shut(r->f);
}

static void the_copy_knows_how_many_shards_there_are(void **state)
{
    struct rescue *r = *state;
    struct fixture copy = *r->f;
    rescued(r, false);
    memcpy(copy.directory, r->target, sizeof copy.directory);
    copy.shards = SHARDS - 1;
    assert_int_equal(fixture_open_sqlite(&copy), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_a_whole_journal_nothing_is_missing, killed, done),
        cmocka_unit_test_setup_teardown(of_a_whole_journal_nothing_is_missing, stopped, done),
        cmocka_unit_test_setup_teardown(a_flipped_bit_of_the_wal_costs_one_batch_at_most, killed,
                                        done),
        cmocka_unit_test_setup_teardown(what_was_cut_off_the_wal_is_counted, killed, done),
        cmocka_unit_test_setup_teardown(a_lost_page_costs_what_stood_on_it, stopped, done),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_never_taken_for_true, stopped, done),
        cmocka_unit_test_setup_teardown(only_a_new_directory_is_made, stopped, done),
        cmocka_unit_test_setup_teardown(without_a_whole_batch_none_is_made, stopped, done),
        cmocka_unit_test_setup_teardown(not_while_a_node_has_it, stopped, done),
        cmocka_unit_test_setup_teardown(the_copy_knows_how_many_shards_there_are, stopped, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
