/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the key index share: a store of either kind that counts what is done in it, a
 * projector's steps, and look-ups. */
#ifndef TESTS_KEY_FIXTURE_H
#define TESTS_KEY_FIXTURE_H

#include "runtime/base/time.h"
#include "runtime/dedup/key_finder.h"
#include "runtime/dedup/key_index.h"
#include "tests/unit/store_fixture.h"

#define KEEP_NS (31 * NS_PER_DAY)
#define FILTER_BYTES ((size_t)1 << 20)

static const struct key_space keys_of_shard = {0, KEY_KIND_REQUEST};
static const struct key_space ids_of_shard = {0, KEY_KIND_EVENT};

static inline struct id128 key_of(uint64_t n)
{
    return (struct id128){id128_hash((struct id128){n, 1}), id128_hash((struct id128){n, 2})};
}

/* --- counting --------------------------------------------------------------------------------- */

/* Since it was last set to 0. */
struct key_work {
    const struct store_ops *ops; /* the store's own */
    size_t written;              /* rows put and deleted */
    size_t chunks_sought, filters_sought;
};

static struct key_work key_work;

static inline enum err counted_scan(struct store *s, const struct view_scan *q, view_row_cb row,
                                    void *context)
{
    key_work.chunks_sought += q->table == &key_chunks_view;
    key_work.filters_sought += q->table == &key_filters_view;
    return key_work.ops->scan(s, q, row, context);
}

static inline enum err counted_put(struct store *s, const struct view_table *t,
                                   const struct value *row)
{
    key_work.written++;
    return key_work.ops->put_row(s, t, row);
}

static inline enum err counted_delete(struct store *s, const struct view_table *t,
                                      const struct value *key)
{
    key_work.written++;
    return key_work.ops->delete_row(s, t, key);
}

static inline void count_work(struct fixture *f)
{
    static struct store_ops counted;
    if (f->store->ops == &counted)
        return;
    key_work = (struct key_work){.ops = f->store->ops};
    counted = *f->store->ops;
    counted.scan = counted_scan;
    counted.put_row = counted_put;
    counted.delete_row = counted_delete;
    f->store->ops = &counted;
}

static inline int keys_sqlite(void **state)
{
    fixture_sqlite(state);
    count_work(*state);
    return 0;
}

static inline int keys_sim(void **state)
{
    fixture_sim(state);
    count_work(*state);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static inline void begin_with(struct fixture *f, struct key_index *k, size_t merge_keys)
{
    key_index_init(k, keys_of_shard, KEEP_NS, merge_keys);
    assert_int_equal(key_index_load(k, f->store), ERR_OK);
}

static inline void begin(struct fixture *f, struct key_index *k)
{
    begin_with(f, k, 0);
}

static inline void commit(struct fixture *f, uint64_t now_ns)
{
    struct store_position position;
    assert_int_equal(f->store->ops->position(f->store, 0, &position), ERR_OK);
    position.seq++;
    position.time_ns = now_ns;
    assert_int_equal(f->store->ops->commit(f->store, 0, &position), ERR_OK);
}

/* One step of the projector at this time. */
static inline void step(struct fixture *f, struct key_index *k, uint64_t now_ns)
{
    assert_int_equal(f->store->ops->begin(f->store), ERR_OK);
    assert_int_equal(key_index_flush(k, f->store, now_ns), ERR_OK);
    commit(f, now_ns);
}

static inline void add(struct key_index *k, uint64_t from, uint64_t to, uint64_t now_ns)
{
    for (uint64_t n = from; n < to; n++)
        key_index_add(k, key_of(n), n, now_ns);
}

static inline size_t runs_in(const struct key_index *k, enum key_run_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < k->run_count; i++)
        count += k->runs[i].state == state;
    return count;
}

static inline bool count_row(void *context, const struct value *row)
{
    (void)row;
    (*(size_t *)context)++;
    return true;
}

static inline size_t rows_of(struct fixture *f, const struct view_table *t)
{
    const struct view_scan q = {.table = t, .index = &t->key, .limit = UINT32_MAX};
    size_t count = 0;
    assert_int_equal(key_work.ops->scan(f->store, &q, count_row, &count), ERR_OK);
    return count;
}

/* --- looking up ------------------------------------------------------------------------------- */

static inline void assert_found(struct fixture *f, struct key_finder *finder, struct id128 key,
                                uint64_t where)
{
    uint64_t position;
    assert_int_equal(key_finder_find(finder, f->store, key, &position), ERR_OK);
    assert_int_equal(position, where);
}

static inline void assert_new(struct fixture *f, struct key_finder *finder, struct id128 key)
{
    uint64_t position;
    assert_int_equal(key_finder_find(finder, f->store, key, &position), ERR_NOT_FOUND);
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

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, keys_sqlite, fixture_done),                              \
        cmocka_unit_test_setup_teardown(test, keys_sim, fixture_done)

#endif
