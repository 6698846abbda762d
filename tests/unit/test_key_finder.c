/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups of keys: filters spare the runs that lack a key, and never hide one that is there. */
#include "runtime/base/time.h"
#include "tests/unit/key_fixture.h"

/* 1 in 100, of filters of any size. */
static void a_filter_forgets_nothing_and_rarely_errs(void **state)
{
    enum { ASKED = 100000 };
    static const uint32_t sizes[] = {1, 49, 50, 51, 80, 1000, KEY_FILTER_KEYS};
    (void)state;
    for (size_t i = 0; i < array_len(sizes); i++) {
        static uint64_t hashes[KEY_FILTER_KEYS];
        uint8_t bytes[KEY_FILTER_BYTES_MAX];
        for (uint64_t n = 0; n < sizes[i]; n++)
            hashes[n] = key_filter_hash((struct id128){n << 16, 5}); /* much alike */
        const struct slice bits = {(const char *)bytes, key_filter_make(hashes, sizes[i], bytes)};
        assert_true(key_filter_fits(bits));
        for (uint64_t n = 0; n < sizes[i]; n++)
            assert_true(key_filter_maybe(bits, hashes[n]));
        size_t wrong = 0;
        for (uint64_t n = 1; n <= ASKED; n++)
            wrong += key_filter_maybe(bits, key_filter_hash((struct id128){n << 16, 6}));
        assert_in_range(wrong, 0, ASKED * 15 / 1000);
    }
}

/* Some runs of 6,000 keys that are not merged. */
static void write_runs(struct fixture *f, uint64_t runs)
{
    struct key_index k;
    begin_with(f, &k, 1);
    for (uint64_t i = 0; i < runs; i++) {
        add(1 + 6000 * i, 1 + 6000 * (i + 1), i * 3 * NS_PER_DAY);
        step(f, &k, i * 3 * NS_PER_DAY);
    }
    assert_int_equal(k.run_count, runs);
    key_index_done(&k);
}

static void a_new_key_is_looked_for_in_hardly_any_run(void **state)
{
    enum { RUNS = 5, ASKED = 2000 };
    struct fixture *f = *state;
    struct key_finder finder;
    write_runs(f, RUNS);
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    key_work.chunks_sought = key_work.filters_sought = 0;
    for (uint64_t n = 0; n < ASKED; n++)
        assert_new(f, &finder, key_of(1000000 + n));
    assert_int_equal(key_work.filters_sought, RUNS); /* each read once */
    assert_in_range(key_work.chunks_sought, 0, RUNS * ASKED * 15 / 1000);
    key_finder_done(&finder);
}

static void filters_take_only_so_much_memory(void **state)
{
    enum { RUNS = 5, KEYS = 6000 * RUNS };
    static const size_t limits[] = {0, 8000, 20000};
    struct fixture *f = *state;
    write_runs(f, RUNS);
    for (size_t i = 0; i < array_len(limits); i++) {
        struct key_finder finder;
        key_finder_init(&finder, keys_of_shard, limits[i]);
        for (uint64_t n = 1; n <= KEYS; n += 97) {
            assert_found(f, &finder, key_of(n), n);
            assert_new(f, &finder, key_of(KEYS + n));
            assert_true(finder.filters.bytes <= limits[i]);
        }
        key_finder_done(&finder);
    }
}

/* The runs of before there were filters. */
static void a_run_without_filters_is_looked_into(void **state)
{
    struct fixture *f = *state;
    struct key_finder finder;
    write_runs(f, 1);
    struct key_index k;
    begin(f, &k);
    const struct value key[] = {
        {.type = VALUE_UINT, .number = KEY_SHARD},
        {.type = VALUE_UINT, .number = KEY_KIND_REQUEST},
        {.type = VALUE_UINT, .number = k.runs[0].number},
        {.type = VALUE_ID, .id = k.runs[0].first},
    };
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    assert_int_equal(f->views->ops->delete_row(f->views, &key_filters_view, key), ERR_OK);
    commit(f, 1);
    assert_int_equal(rows_of(f, &key_filters_view), 0);
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    for (uint64_t n = 1; n <= 6000; n += 31)
        assert_found(f, &finder, key_of(n), n);
    assert_new(f, &finder, key_of(6001));
    key_finder_done(&finder);
    key_index_done(&k);
}

static void a_reader_follows_runs_that_are_merged_away(void **state)
{
    struct fixture *f = *state;
    struct key_index writer;
    struct key_finder reader;
    begin(f, &writer);
    key_finder_init(&reader, keys_of_shard, FILTER_BYTES);
    add(1, 5, 1);
    step(f, &writer, 1);
    assert_new(f, &reader, key_of(5));
    add(5, 40, 2);
    step(f, &writer, 2); /* takes the first run in */
    assert_int_equal(writer.run_count, 1);
    assert_found(f, &reader, key_of(3), 3);
    assert_found(f, &reader, key_of(39), 39);
    key_index_done(&writer);
    key_finder_done(&reader);
}

/* All reads of a look-up are of one commit, whatever is committed meanwhile. */
static void a_key_is_found_while_its_run_is_merged_away(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    struct key_finder finder;
    begin(f, &k);
    key_finder_init(&finder, keys_of_shard, 0);
    add(1, 61, 1);
    step(f, &k, 1);
    struct db *d = borrow_reader(f);
    const struct key_rows rows = {sqlite_of(f), d, keys_of_shard};
    const uint64_t seq = views_seq(f->views, 0);
    uint64_t position;
    assert_int_equal(db_run(d, DB_BEGIN_READ), ERR_OK);
    assert_int_equal(key_finder_find(&finder, &rows, seq, key_of(60), &position), ERR_OK);
    for (uint64_t i = 1; i <= 12; i++) {
        add(1 + 60 * i, 61 + 60 * i, 1);
        step(f, &k, 1);
    }
    assert_true(k.runs[0].number > 1);
    for (uint64_t n = 1; n <= 60; n++) {
        assert_int_equal(key_finder_find(&finder, &rows, seq, key_of(n), &position), ERR_OK);
        assert_int_equal(position, n);
    }
    assert_int_equal(key_finder_find(&finder, &rows, seq, key_of(61), &position), ERR_NOT_FOUND);
    db_rollback(d);
    return_reader(f, d);
    assert_found(f, &finder, key_of(61), 61);
    key_finder_done(&finder);
    key_index_done(&k);
}

/* The numbers of their runs come again. */
static void views_made_anew_have_other_runs(void **state)
{
    struct fixture *f = *state;
    struct key_finder reader;
    key_finder_init(&reader, keys_of_shard, FILTER_BYTES);
    write_runs(f, 2);
    assert_new(f, &reader, key_of(50000));
    assert_int_equal(f->views->ops->drop(f->views), ERR_OK);
    struct key_index k;
    begin(f, &k);
    add(50000, 50200, 1);
    step(f, &k, 1);
    for (uint64_t n = 50000; n < 50200; n++)
        assert_found(f, &reader, key_of(n), n);
    assert_new(f, &reader, key_of(1));
    key_index_done(&k);
    key_finder_done(&reader);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void put_short(struct fixture *f, const struct view_table *t, const struct value *row)
{
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    assert_int_equal(f->views->ops->put_row(f->views, t, row), ERR_OK);
    commit(f, 1);
}

static void damage_is_not_taken_for_a_new_key(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    struct key_finder finder;
    uint64_t position;
    write_runs(f, 1);
    begin(f, &k);
    const struct value shard = {.type = VALUE_UINT, .number = KEY_SHARD};
    const struct value kind = {.type = VALUE_UINT, .number = KEY_KIND_REQUEST};
    const struct value run = {.type = VALUE_UINT, .number = k.runs[0].number};
    const struct value first = {.type = VALUE_ID, .id = k.runs[0].first};
    const struct value last = {.type = VALUE_ID, .id = k.runs[0].last};
    const struct value bytes = {.type = VALUE_BYTES, .text = {"short", 5}};
    const struct value chunk[KEY_CHUNK_COLUMNS] = {shard, kind, run, first, bytes};
    const struct value filter[KEY_FILTER_COLUMNS] = {shard, kind, run, first, last, bytes};
    key_finder_init(&finder, keys_of_shard, 0);
    put_short(f, &key_chunks_view, chunk);
    assert_int_equal(look_up(f, &finder, k.runs[0].first, &position), ERR_CORRUPT);
    put_short(f, &key_filters_view, filter);
    assert_int_equal(look_up(f, &finder, k.runs[0].last, &position), ERR_CORRUPT);
    key_finder_done(&finder);
    key_index_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_forgets_nothing_and_rarely_errs),
        TEST(a_new_key_is_looked_for_in_hardly_any_run),
        TEST(filters_take_only_so_much_memory),
        TEST(a_run_without_filters_is_looked_into),
        TEST(a_reader_follows_runs_that_are_merged_away),
        TEST(a_key_is_found_while_its_run_is_merged_away),
        TEST(views_made_anew_have_other_runs),
        TEST(damage_is_not_taken_for_a_new_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
