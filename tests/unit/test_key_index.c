/* SPDX-License-Identifier: Apache-2.0 */
/* The key index: every key is found where it was decided last, however many runs
 * were merged since and wherever the process stopped, until it has expired. */
#include "runtime/base/time.h"
#include "tests/unit/key_fixture.h"

/* Keys that a step merges: each run its own merge, a few at once, all at once. */
static const size_t slices[] = {1, 100, KEY_MERGE_KEYS};

static void every_key_is_found_after_many_steps(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sizes[] = {1,  1, 1, 7,  80,  81, 1,    500, 3,
                                     20, 2, 1, 90, 160, 5, 12000, 40,  1};
    uint64_t count = 1;
    for (size_t slice = 0; slice < array_len(slices); slice++) {
        struct key_index writer;
        struct key_finder reader;
        begin_with(f, &writer, slices[slice]);
        key_finder_init(&reader, keys_of_shard, FILTER_BYTES);
        for (size_t i = 0; i < array_len(sizes); i++) {
            add(count, count + sizes[i], i + 1);
            step(f, &writer, i + 1);
            count += sizes[i];
            assert_found(f, &reader, key_of(count - 1), count - 1); /* it knew older runs */
        }
        assert_true(writer.run_count < 20);
        key_index_done(&writer);
        key_finder_done(&reader);
        assert_decided(f, 1, count);
    }
}

/* Small runs in the step that wrote them, larger ones when eight of a size are there. */
static void runs_become_few_and_large(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    begin_with(f, &k, 100);
    for (uint64_t i = 0; i < 400; i++) {
        add(1 + 50 * i, 1 + 50 * (i + 1), i);
        step(f, &k, i);
        assert_true(runs_in(&k, KEY_RUN_LIVE) + runs_in(&k, KEY_RUN_SOURCE) <= 60);
        assert_true(runs_in(&k, KEY_RUN_UNFINISHED) <= KEY_MERGES_MAX);
    }
    for (int i = 0; i < 400; i++)
        step(f, &k, 400); /* nothing comes any more */
    assert_int_equal(runs_in(&k, KEY_RUN_UNFINISHED), 0);
    assert_in_range(runs_in(&k, KEY_RUN_LIVE), 1, 20);
    assert_int_equal(runs_in(&k, KEY_RUN_LIVE), k.run_count);
    assert_in_range(rows_of(f, &key_chunks_view), 250, 400); /* slices end in short ones */
    key_index_done(&k);
    assert_decided(f, 1, 20001);
}

/* Whatever the size of the runs that are merged. */
static void a_step_writes_only_so_many_rows(void **state)
{
    enum { SLICE = 1000, CAME = 400, STEPS = 200 };
    struct fixture *f = *state;
    struct key_index k;
    begin_with(f, &k, SLICE);
    size_t most = 0;
    for (uint64_t i = 0; i < STEPS; i++) {
        add(1 + CAME * i, 1 + CAME * (i + 1), i);
        const size_t before = rows_written(f);
        step(f, &k, i);
        const size_t written = rows_written(f) - before;
        most = written > most ? written : most;
    }
    uint64_t largest = 0;
    for (size_t i = 0; i < k.run_count; i++)
        if (k.runs[i].keys > largest)
            largest = k.runs[i].keys;
    assert_true(largest > 10 * CAME * KEY_MERGE_PACE);
    /* Chunks come and go, filters, the rows of runs, the last chunk of each slice. */
    assert_in_range(most, 1, 4 * (CAME * KEY_MERGE_PACE) / KEY_CHUNK_ENTRIES + 60);
    key_index_done(&k);
}

/* --- the process stops ------------------------------------------------------------------------ */

enum stop {
    STOP_BEFORE_COMMIT, /* the step leaves nothing */
    STOP_AFTER_COMMIT,  /* nobody has heard of it */
    STOP_UNHEARD,       /* the commit said that it failed, but it is done */
    STOPS,
};

/* Ends the writer in some step and begins anew from what the store has; true: it has the step. */
static bool stop_in_step(struct fixture *f, struct key_index *k, enum stop stop, size_t merge_keys,
                         uint64_t now_ns)
{
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    write_keys(k, now_ns);
    if (stop == STOP_BEFORE_COMMIT)
        f->views->ops->rollback(f->views);
    else
        commit(f, now_ns);
    if (stop != STOP_UNHEARD) {
        key_index_done(k);
        fixture_restart(f);
        begin_with(f, k, merge_keys);
    } else {
        key_index_outdate(k);
        assert_int_equal(key_index_load(k), ERR_OK);
    }
    return stop != STOP_BEFORE_COMMIT;
}

/* Every third step is cut short, so that each merge of several slices meets all of it. */
static void a_merge_goes_on_wherever_it_was_cut_short(void **state)
{
    enum { CAME = 30, STEPS = 150 };
    struct fixture *f = *state;
    uint64_t count = 1;
    size_t cut_in_merge = 0;
    for (int stop = 0; stop < STOPS; stop++) {
        struct key_index k;
        begin_with(f, &k, 50);
        for (uint64_t i = 0; i < STEPS; i++) {
            add(count, count + CAME, i);
            if (i % 3 == 0) {
                cut_in_merge += runs_in(&k, KEY_RUN_UNFINISHED) > 0;
                if (!stop_in_step(f, &k, (enum stop)stop, 50, i))
                    continue; /* the same keys come again */
            } else {
                step(f, &k, i);
            }
            count += CAME;
            if (i % 10 == 0)
                assert_decided(f, 1, count);
        }
        key_index_done(&k);
        assert_decided(f, 1, count);
    }
    assert_true(cut_in_merge > 50);
}

static void a_step_that_is_taken_back_leaves_all_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    begin(f, &k);
    add(1, 10, 1);
    step(f, &k, 1);
    add(10, 100, 2);
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    write_keys(&k, 2);
    f->views->ops->rollback(f->views);
    key_index_outdate(&k);
    assert_decided(f, 1, 10);
    add(10, 100, 3);
    step(f, &k, 3);
    assert_decided(f, 1, 100);
    key_index_done(&k);
}

/* --- a key comes again ------------------------------------------------------------------------ */

static void what_was_decided_last_counts(void **state)
{
    struct fixture *f = *state;
    struct key_index k;
    struct key_finder finder;
    begin(f, &k);
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    add(1, 10, 1);
    step(f, &k, 1);
    add_one(key_of(4), 44, 2);
    step(f, &k, 2);
    assert_found(f, &finder, key_of(4), 44);
    add_one(key_of(4), 45, 3);
    add_one(key_of(4), 46, 3);
    add(10, 90, 3);
    step(f, &k, 3);
    assert_int_equal(k.run_count, 1);
    assert_int_equal(k.runs[0].keys, 89);
    assert_found(f, &finder, key_of(4), 46);
    key_index_done(&k);
    key_finder_done(&finder);
}

/* In every slice of every merge. */
static void what_was_decided_last_counts_while_runs_are_merged(void **state)
{
    enum { STEPS = 120 };
    struct fixture *f = *state;
    struct key_index k;
    struct key_finder finder;
    begin_with(f, &k, 20);
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    for (uint64_t i = 1; i <= STEPS; i++) {
        add_one(key_of(7), 1000000 + i, i);
        add_one(key_of(i % 10), 2000000 + i, i);
        add(100 * i, 100 * i + 20, i);
        step(f, &k, i);
        assert_found(f, &finder, key_of(7), i % 10 == 7 ? 2000000 + i : 1000000 + i);
        for (uint64_t back = 0; back < 10 && back < i; back++)
            if ((i - back) % 10 != 7)
                assert_found(f, &finder, key_of((i - back) % 10), 2000000 + i - back);
    }
    key_index_done(&k);
    key_finder_done(&finder);
}

static void the_smallest_and_the_largest_key(void **state)
{
    struct fixture *f = *state;
    const struct id128 ends[] = {{0, 0}, {0, UINT64_MAX}, {1, 0}, {UINT64_MAX, UINT64_MAX}};
    struct key_index k;
    struct key_finder finder;
    begin_with(f, &k, 1);
    key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
    for (size_t step_number = 0; step_number < 8; step_number++) {
        for (size_t i = 0; i < array_len(ends); i++)
            add_one(ends[i], step_number * 10 + i + 1, 1);
        step(f, &k, 1);
        for (size_t i = 0; i < array_len(ends); i++)
            assert_found(f, &finder, ends[i], step_number * 10 + i + 1);
        assert_new(f, &finder, (struct id128){UINT64_MAX, UINT64_MAX - 1});
    }
    key_index_done(&k);
    key_finder_done(&finder);
}

/* --- expiry ----------------------------------------------------------------------------------- */

/* Runs of more than two days are not merged, so that a month's end is found out. */
static void keys_are_kept_for_their_time_and_not_much_longer(void **state)
{
    struct fixture *f = *state;
    for (size_t slice = 0; slice < array_len(slices); slice++) {
        struct key_index k;
        struct key_finder finder;
        const uint64_t start = 1000 * slice; /* in days */
        begin_with(f, &k, slices[slice]);
        key_finder_init(&finder, keys_of_shard, FILTER_BYTES);
        for (uint64_t half = 2; half <= 80; half++) {
            uint64_t now_ns = (start + half / 2) * NS_PER_DAY + half % 2 * NS_PER_DAY / 2;
            add(half * 1000, half * 1000 + (half == 2 ? 500 : 100), now_ns);
            step(f, &k, now_ns);
        }
        for (uint64_t half = 2; half <= 12; half++)
            assert_new(f, &finder, key_of(half * 1000));
        for (uint64_t half = 20; half <= 80; half++)
            assert_found(f, &finder, key_of(half * 1000 + 99), half * 1000 + 99);
        for (int i = 0; i < 300; i++)
            step(f, &k, (start + 200) * NS_PER_DAY); /* nothing comes any more */
        assert_int_equal(rows_of(f, &key_chunks_view), 0);
        assert_int_equal(rows_of(f, &key_filters_view), 0);
        assert_int_equal(rows_of(f, &key_runs_view), 1); /* the newest: its number is not reused */
        assert_new(f, &finder, key_of(80 * 1000));
        key_index_done(&k);
        key_finder_done(&finder);
    }
}

/* Many keys a step, for longer than they are kept. */
static void keys_leave_as_fast_as_they_come(void **state)
{
    enum { KEYS = 12000 };
    struct fixture *f = *state;
    struct key_index k;
    begin_with(f, &k, 1000);
    for (uint64_t day = 1; day <= 70; day++) {
        add(day * KEYS, (day + 1) * KEYS, day * NS_PER_DAY);
        step(f, &k, day * NS_PER_DAY);
    }
    assert_in_range(rows_of(f, &key_chunks_view) * KEY_CHUNK_ENTRIES, 31 * KEYS, 40 * KEYS);
    key_index_done(&k);
    assert_decided(f, 71 * KEYS - 100, 71 * KEYS);
}

/* --------------------------------------------------------------------------------------------- */

static void ids_are_kept_for_good_and_are_no_keys(void **state)
{
    struct fixture *f = *state;
    struct key_index ids;
    struct key_finder finder, keys;
    begin_in(f, &ids, ids_of_shard, 0);
    key_finder_init(&finder, ids_of_shard, FILTER_BYTES);
    key_finder_init(&keys, keys_of_shard, FILTER_BYTES);
    add(1, 4, NS_PER_DAY);
    step(f, &ids, NS_PER_DAY);
    add(4, 30, 500 * NS_PER_DAY);
    step(f, &ids, 500 * NS_PER_DAY);
    assert_int_equal(ids.run_count, 1);
    assert_found(f, &finder, key_of(1), 1);
    assert_new(f, &keys, key_of(1));
    key_index_done(&ids);
    key_finder_done(&finder);
    key_finder_done(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_key_is_found_after_many_steps),
        TEST(runs_become_few_and_large),
        TEST(a_step_writes_only_so_many_rows),
        TEST(a_merge_goes_on_wherever_it_was_cut_short),
        TEST(a_step_that_is_taken_back_leaves_all_as_it_was),
        TEST(what_was_decided_last_counts),
        TEST(what_was_decided_last_counts_while_runs_are_merged),
        TEST(the_smallest_and_the_largest_key),
        TEST(keys_are_kept_for_their_time_and_not_much_longer),
        TEST(keys_leave_as_fast_as_they_come),
        TEST(ids_are_kept_for_good_and_are_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
