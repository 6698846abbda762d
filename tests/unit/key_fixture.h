/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the sorted runs of keys share: an embedded store whose work is counted, a
 * projector's steps, and look-ups. */
#ifndef TESTS_KEY_FIXTURE_H
#define TESTS_KEY_FIXTURE_H

#include "runtime/base/time.h"
#include "runtime/store/sqlite/key_finder.h"
#include "runtime/store/sqlite/key_index.h"
#include "runtime/store/sqlite/store_sqlite_priv.h"
#include "tests/unit/store_fixture.h"

#define KEEP_NS (31 * NS_PER_DAY)
#define FILTER_BYTES ((size_t)1 << 20)
#define STEP_KEYS_MAX 20000

/* Of a shard whose commits the store never sees: it leaves these keys to the test. */
#define KEY_SHARD 7
static const struct key_space keys_of_shard = {KEY_SHARD, KEY_KIND_REQUEST};
static const struct key_space ids_of_shard = {KEY_SHARD, KEY_KIND_EVENT};

static inline struct id128 key_of(uint64_t n)
{
    return (struct id128){id128_hash((struct id128){n, 1}), id128_hash((struct id128){n, 2})};
}

static inline struct store_sqlite *sqlite_of(struct fixture *f)
{
    return store_sqlite_of_views(f->views);
}

/* --- counting --------------------------------------------------------------------------------- */

/* Statements of readers since they were last set to 0. */
static struct {
    size_t chunks_sought, filters_sought;
} key_work;

static inline int count_statement(unsigned type, void *context, void *statement, void *sql)
{
    (void)type;
    (void)context;
    (void)statement;
    key_work.chunks_sought += strstr(sql, "key_chunks") != NULL;
    key_work.filters_sought += strstr(sql, "key_filters") != NULL;
    return 0;
}

static inline struct db *borrow_reader(struct fixture *f)
{
    struct db *d;
    assert_int_equal(db_pool_borrow(&sqlite_of(f)->views_readers, &d), ERR_OK);
    assert_int_equal(sqlite3_trace_v2(d->handle, SQLITE_TRACE_STMT, count_statement, NULL),
                     SQLITE_OK);
    return d;
}

static inline void return_reader(struct fixture *f, struct db *d)
{
    db_pool_return(&sqlite_of(f)->views_readers, d);
}

/* Rows put and deleted by the views worker. */
static inline size_t rows_written(struct fixture *f)
{
    return (size_t)sqlite3_total_changes(sqlite_of(f)->views_writer.handle);
}

static inline size_t rows_of(struct fixture *f, const struct view_table *t)
{
    char sql[64];
    sqlite3_stmt *statement;
    struct db *d = borrow_reader(f);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", t->name);
    assert_int_equal(sqlite3_prepare_v2(d->handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    size_t count = (size_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return_reader(f, d);
    return count;
}

/* --- writing ---------------------------------------------------------------------------------- */

static struct {
    struct key_decision items[STEP_KEYS_MAX];
    size_t count;
} added; /* for the next step */

static inline void begin_in(struct fixture *f, struct key_index *k, struct key_space space,
                            size_t merge_keys)
{
    struct store_sqlite *s = sqlite_of(f);
    key_index_init(k, (struct key_rows){s, &s->views_writer, space}, merge_keys);
    added.count = 0;
    assert_int_equal(key_index_load(k), ERR_OK);
}

static inline void begin_with(struct fixture *f, struct key_index *k, size_t merge_keys)
{
    begin_in(f, k, keys_of_shard, merge_keys);
}

static inline void begin(struct fixture *f, struct key_index *k)
{
    begin_with(f, k, 0);
}

static inline void commit(struct fixture *f, uint64_t now_ns)
{
    struct store_position position;
    assert_int_equal(f->views->ops->position(f->views, 0, &position), ERR_OK);
    position.seq++;
    position.time_ns = now_ns;
    assert_int_equal(f->views->ops->move(f->views, 0, &position), ERR_OK);
    assert_int_equal(f->views->ops->commit(f->views), ERR_OK);
}

/* What a step of the projector does with keys, in its open transaction. */
static inline void write_keys(struct key_index *k, uint64_t now_ns)
{
    assert_int_equal(key_index_add(k, added.items, added.count), ERR_OK);
    added.count = 0;
    if (k->expires && now_ns >= KEEP_NS)
        assert_int_equal(key_index_expire(k, now_ns - KEEP_NS), ERR_OK);
    assert_int_equal(key_index_advance(k), ERR_OK);
}

/* One step of the projector at this time. */
static inline void step(struct fixture *f, struct key_index *k, uint64_t now_ns)
{
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    write_keys(k, now_ns);
    commit(f, now_ns);
}

static inline void add_one(struct id128 key, uint64_t position, uint64_t now_ns)
{
    assert_true(added.count < STEP_KEYS_MAX);
    added.items[added.count++] = (struct key_decision){key, position, now_ns};
}

static inline void add(uint64_t from, uint64_t to, uint64_t now_ns)
{
    for (uint64_t n = from; n < to; n++)
        add_one(key_of(n), n, now_ns);
}

static inline size_t runs_in(const struct key_index *k, enum key_run_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < k->run_count; i++)
        count += k->runs[i].state == state;
    return count;
}

/* --- looking up ------------------------------------------------------------------------------- */

static inline enum err look_up(struct fixture *f, struct key_finder *finder, struct id128 key,
                               uint64_t *position)
{
    struct db *d = borrow_reader(f);
    const struct key_rows rows = {sqlite_of(f), d, finder->space};
    enum err e = key_finder_find(finder, &rows, views_seq(f->views, 0), key, position);
    return_reader(f, d);
    return e;
}

static inline void assert_found(struct fixture *f, struct key_finder *finder, struct id128 key,
                                uint64_t where)
{
    uint64_t position;
    assert_int_equal(look_up(f, finder, key, &position), ERR_OK);
    assert_int_equal(position, where);
}

static inline void assert_new(struct fixture *f, struct key_finder *finder, struct id128 key)
{
    uint64_t position;
    assert_int_equal(look_up(f, finder, key, &position), ERR_NOT_FOUND);
}

/* By a finder that has read nothing yet. */
static inline void assert_decided(struct fixture *f, uint64_t from, uint64_t to)
{
    struct key_finder finder;
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    for (uint64_t n = from; n < to; n++)
        assert_found(f, &finder, key_of(n), n);
    assert_new(f, &finder, key_of(to));
    key_finder_done(&finder);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

#endif
