/* SPDX-License-Identifier: Apache-2.0 */
/* The key index in both stores: every key is found where it was decided last, however many runs
 * were merged since, until it has expired. */
#include "runtime/journal/key_index.h"
#include "tests/unit/store_fixture.h"

#define DAY_NS ((uint64_t)24 * 3600 * 1000000000)
#define KEEP_NS (31 * DAY_NS)

static struct id128 key_of(uint64_t n)
{
    return (struct id128){id128_hash((struct id128){n, 1}), id128_hash((struct id128){n, 2})};
}

static void begin(struct fixture *f, struct key_index *k)
{
    key_index_init(k, 0, KEY_KIND_OUTCOME, KEEP_NS);
    assert_int_equal(key_index_load(k, f->store), ERR_OK);
}

/* One step of the projector at this time. */
static void step(struct fixture *f, struct key_index *k, uint64_t now_ns)
{
    const struct store_position position = {.seq = 1, .hash = {{0}}, .time_ns = now_ns};
    assert_int_equal(f->store->ops->begin(f->store), ERR_OK);
    assert_int_equal(key_index_flush(k, f->store, now_ns), ERR_OK);
    assert_int_equal(f->store->ops->commit(f->store, 0, &position), ERR_OK);
}

static void add(struct key_index *k, uint64_t from, uint64_t to, uint64_t now_ns)
{
    for (uint64_t n = from; n < to; n++)
        key_index_add(k, key_of(n), n, now_ns);
}

static void assert_found(struct fixture *f, struct key_index *k, struct id128 key, uint64_t where)
{
    uint64_t place;
    assert_int_equal(key_index_find(k, f->store, key, &place), ERR_OK);
    assert_int_equal(place, where);
}

static void assert_new(struct fixture *f, struct key_index *k, struct id128 key)
{
    uint64_t place;
    assert_int_equal(key_index_find(k, f->store, key, &place), ERR_NOT_FOUND);
}

static void every_key_is_found_after_many_steps(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sizes[] = {1,  1, 1, 7,  80,  81, 1,    500, 3,
                                     20, 2, 1, 90, 160, 5, 12000, 40,  1};
    struct key_index writer, reader;
    uint64_t count = 1;
    begin(f, &writer);
    key_index_init(&reader, 0, KEY_KIND_OUTCOME, 0);
    for (size_t i = 0; i < array_len(sizes); i++) {
        add(&writer, count, count + sizes[i], i + 1);
        step(f, &writer, i + 1);
        count += sizes[i];
        assert_found(f, &reader, key_of(count - 1), count - 1); /* it knew older runs */
    }
    assert_true(writer.run_count < 6);
    for (uint64_t n = 1; n < count; n++)
        assert_found(f, &reader, key_of(n), n);
    assert_new(f, &reader, key_of(count));
    key_index_done(&writer);
    key_index_done(&reader);
}

static void a_reader_follows_runs_that_are_merged_away(void **state)
{
    struct fixture *f = *state;
    struct key_index writer, reader;
    begin(f, &writer);
    add(&writer, 1, 5, 1);
    step(f, &writer, 1);
    begin(f, &reader);
    add(&writer, 5, 20, 2);
    step(f, &writer, 2); /* takes the first run in */
    assert_int_equal(writer.run_count, 1);
    assert_found(f, &reader, key_of(3), 3);
    assert_found(f, &reader, key_of(19), 19);
    key_index_done(&writer);
    key_index_done(&reader);
}

static void what_was_decided_last_counts(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    begin(f, &k);
    add(&k, 1, 10, 1);
    step(f, &k, 1);
    key_index_add(&k, key_of(4), 44, 2);
    step(f, &k, 2);
    assert_found(f, &k, key_of(4), 44);
    key_index_add(&k, key_of(4), 45, 3);
    key_index_add(&k, key_of(4), 46, 3);
    add(&k, 10, 40, 3);
    step(f, &k, 3);
    assert_int_equal(k.run_count, 1);
    assert_int_equal(k.runs[0].keys, 39);
    assert_found(f, &k, key_of(4), 46);
    key_index_done(&k);
}

static void the_smallest_and_the_largest_key(void **state)
{
    struct fixture *f = *state;
    const struct id128 ends[] = {{0, 0}, {0, UINT64_MAX}, {1, 0}, {UINT64_MAX, UINT64_MAX}};
    struct key_index k;
    begin(f, &k);
    for (size_t i = 0; i < array_len(ends); i++)
        key_index_add(&k, ends[i], i + 1, 1);
    step(f, &k, 1);
    for (size_t i = 0; i < array_len(ends); i++)
        assert_found(f, &k, ends[i], i + 1);
    assert_new(f, &k, (struct id128){UINT64_MAX, UINT64_MAX - 1});
    key_index_done(&k);
}

/* Runs of more than a day are not merged, so that a month's end is found out. */
static void keys_are_kept_for_their_time_and_not_much_longer(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    begin(f, &k);
    for (uint64_t day = 1; day <= 40; day++)
        for (uint64_t half = 0; half < 2; half++) {
            uint64_t now_ns = day * DAY_NS + half * DAY_NS / 2, first = day * 1000 + half * 500;
            add(&k, first, first + (day == 1 ? 500 : 100), now_ns);
            step(f, &k, now_ns);
        }
    assert_in_range(k.run_count, 31, 34);
    assert_new(f, &k, key_of(1000));
    assert_new(f, &k, key_of(7000));
    for (uint64_t day = 10; day <= 40; day++)
        assert_found(f, &k, key_of(day * 1000 + 599), day * 1000 + 599);
    for (int i = 0; i < 40; i++)
        step(f, &k, 100 * DAY_NS); /* nothing comes any more */
    assert_int_equal(k.run_count, 0);
    assert_new(f, &k, key_of(40000));
    key_index_done(&k);
}

/* Many keys a step, for longer than they are kept. */
static void keys_leave_as_fast_as_they_come(void **state)
{
    enum { KEYS = 12000 };
    struct fixture *f = *state;
    struct key_index k;
    begin(f, &k);
    for (uint64_t day = 1; day <= 70; day++) {
        add(&k, day * KEYS, (day + 1) * KEYS, day * DAY_NS);
        step(f, &k, day * DAY_NS);
    }
    uint64_t kept = 0;
    for (size_t i = 0; i < k.run_count; i++)
        kept += k.runs[i].keys;
    assert_in_range(kept, 31 * KEYS, 36 * KEYS);
    assert_found(f, &k, key_of(40 * KEYS), 40 * KEYS);
    key_index_done(&k);
}

static void ids_are_kept_for_good_and_are_no_keys(void **state)
{
    struct fixture *f = *state;
    struct key_index ids, keys;
    key_index_init(&ids, 0, KEY_KIND_EVENT, 0);
    assert_int_equal(key_index_load(&ids, f->store), ERR_OK);
    begin(f, &keys);
    add(&ids, 1, 4, DAY_NS);
    step(f, &ids, DAY_NS);
    add(&ids, 4, 8, 500 * DAY_NS);
    step(f, &ids, 500 * DAY_NS);
    assert_int_equal(ids.run_count, 1);
    assert_found(f, &ids, key_of(1), 1);
    assert_new(f, &keys, key_of(1));
    key_index_done(&ids);
    key_index_done(&keys);
}

static void a_step_that_is_taken_back_leaves_all_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    begin(f, &k);
    add(&k, 1, 10, 1);
    step(f, &k, 1);
    add(&k, 10, 100, 2);
    assert_int_equal(f->store->ops->begin(f->store), ERR_OK);
    assert_int_equal(key_index_flush(&k, f->store, 2), ERR_OK);
    f->store->ops->rollback(f->store);
    assert_int_equal(key_index_load(&k, f->store), ERR_OK);
    assert_found(f, &k, key_of(9), 9);
    assert_new(f, &k, key_of(10));
    add(&k, 10, 100, 3);
    step(f, &k, 3);
    assert_found(f, &k, key_of(99), 99);
    key_index_done(&k);
}

static void a_damaged_chunk_is_not_taken_for_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    uint64_t place;
    begin(f, &k);
    add(&k, 1, 10, 1);
    step(f, &k, 1);
    const struct value row[KEY_CHUNK_COLUMNS] = {
        {.type = VALUE_UINT, .number = 0},
        {.type = VALUE_UINT, .number = KEY_KIND_OUTCOME},
        {.type = VALUE_UINT, .number = k.runs[0].number},
        {.type = VALUE_ID, .id = k.runs[0].first},
        {.type = VALUE_BYTES, .text = {"short", 5}},
    };
    const struct store_position position = {.seq = 1, .hash = {{0}}, .time_ns = 1};
    assert_int_equal(f->store->ops->begin(f->store), ERR_OK);
    assert_int_equal(f->store->ops->put_row(f->store, &key_chunks_view, row), ERR_OK);
    assert_int_equal(f->store->ops->commit(f->store, 0, &position), ERR_OK);
    assert_int_equal(key_index_find(&k, f->store, k.runs[0].last, &place), ERR_CORRUPT);
    key_index_done(&k);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done),                           \
        cmocka_unit_test_setup_teardown(test, fixture_sim, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(every_key_is_found_after_many_steps),
        BOTH(a_reader_follows_runs_that_are_merged_away),
        BOTH(what_was_decided_last_counts),
        BOTH(the_smallest_and_the_largest_key),
        BOTH(keys_are_kept_for_their_time_and_not_much_longer),
        BOTH(keys_leave_as_fast_as_they_come),
        BOTH(ids_are_kept_for_good_and_are_no_keys),
        BOTH(a_step_that_is_taken_back_leaves_all_as_it_was),
        BOTH(a_damaged_chunk_is_not_taken_for_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
