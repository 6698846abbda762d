/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of the simulated store: what each gives, and what a crash leaves. */
#include "tests/unit/store_fixture.h"

#define ALWAYS 1000000

static void chances(struct fixture *f, struct store_sim_faults faults)
{
    store_sim_set_faults(f->sim, &faults);
}

/* --- failing appends -------------------------------------------------------------------------- */

static void an_ordered_fault_hits_once_and_then_needs_a_reopening(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum store_sim_fault fault;
        enum err gives;
        uint64_t head_after;
    } cases[] = {
        {STORE_SIM_APPEND_IO, ERR_IO, 2},
        {STORE_SIM_UNKNOWN_WRITTEN, ERR_UNKNOWN, 3},
        {STORE_SIM_UNKNOWN_LOST, ERR_UNKNOWN, 2},
    };
    struct journal_store *s = f->journal;
    for (uint16_t i = 0; i < array_len(cases); i++) {
        uint64_t epoch = lease(s, i);
        store_sim_script(f->sim, cases[i].fault, 2);
        assert_int_equal(append_one(s, i, 1, epoch, "a"), ERR_OK);
        assert_int_equal(append_one(s, i, 2, epoch, "b"), ERR_OK);
        assert_int_equal(append_one(s, i, 3, epoch, "c"), cases[i].gives);
        assert_int_equal(append_one(s, i, 3, epoch, "c"), ERR_IO);
        assert_int_equal(s->ops->reopen(s), ERR_OK);
        assert_int_equal(head(s, i), cases[i].head_after);
        assert_int_equal(append_one(s, i, cases[i].head_after + 1, epoch, "d"), ERR_OK);
    }
}

static void a_full_disk_stays_full_until_told_otherwise(void **state)
{
    struct fixture *f = *state;
    struct journal_store *journal = f->journal;
    struct view_store *views = f->views;
    uint64_t epoch = lease(journal, 0);
    store_sim_script(f->sim, STORE_SIM_APPEND_FULL, 0);
    assert_int_equal(append_one(journal, 0, 1, epoch, "a"), ERR_STORE_FULL);
    assert_int_equal(append_one(journal, 0, 1, epoch, "a"), ERR_STORE_FULL);
    assert_int_equal(views->ops->begin(views), ERR_OK);
    assert_int_equal(commit_at(views, 0, 1), ERR_STORE_FULL);
    assert_int_equal(head(journal, 0), 0);
    store_sim_disk_full(f->sim, false);
    assert_int_equal(append_one(journal, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(views->ops->begin(views), ERR_OK);
    assert_int_equal(commit_at(views, 0, 1), ERR_OK);
}

static void a_read_fails_once(void **state)
{
    struct fixture *f = *state;
    struct journal_store *journal = f->journal;
    struct view_store *views = f->views;
    assert_int_equal(append_one(journal, 0, 1, lease(journal, 0), "a"), ERR_OK);
    struct seen seen = {{0}, 0, 0};
    store_sim_script(f->sim, STORE_SIM_READ_IO, 0);
    assert_int_equal(journal->ops->tail(journal, 0, 1, see_batch, &seen), ERR_IO);
    assert_tail(journal, 0, 1, "1:a ");
    chances(f, (struct store_sim_faults){.read_io_ppm = ALWAYS});
    struct store_position position;
    assert_int_equal(views->ops->position(views, 0, &position), ERR_IO);
}

/* --- crashes ---------------------------------------------------------------------------------- */

static void what_was_acknowledged_survives_any_crash(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0);
    chances(f, (struct store_sim_faults){.crash_lost_ppm = ALWAYS, .crash_torn_ppm = ALWAYS});
    assert_int_equal(append_one(s, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(append_one(s, 0, 2, epoch, "b"), ERR_OK);
    store_sim_delivered(f->sim, 0, 2);
    assert_int_equal(append_one(s, 0, 3, epoch, "c"), ERR_OK);
    store_sim_crash(f->sim);
    assert_tail(s, 0, 1, "1:a 2:b ");
    assert_int_equal(append_one(s, 0, 3, lease(s, 0), "d"), ERR_OK);
}

/* An append of two rows is under way, after one of one row, which it made durable; over many
 * crashes. */
static void assert_left(struct fixture *f, struct store_sim_faults faults,
                        bool (*allowed)(const char *))
{
    struct journal_store *s = f->journal;
    chances(f, faults);
    bool different = false;
    char first[1024] = "";
    for (uint16_t shard = 1; shard <= 200; shard++) {
        uint64_t epoch = lease(s, shard);
        struct batch_row pair[] = {batch(shard, 2, epoch, "bb"), batch(shard, 3, epoch, "cc")};
        assert_int_equal(append_one(s, shard, 1, epoch, "aa"), ERR_OK);
        assert_int_equal(append_rows(s, pair, 2), ERR_OK);
        store_sim_crash(f->sim);
        struct seen seen = {{0}, 0, 0};
        assert_int_equal(s->ops->tail(s, shard, 1, see_batch, &seen), ERR_OK);
        if (!allowed(seen.text))
            fail_msg("left: %s", seen.text);
        if (shard == 1)
            snprintf(first, sizeof first, "%s", seen.text);
        different = different || strcmp(first, seen.text) != 0;
    }
    assert_true(different);
}

static bool is_whole_appends(const char *left)
{
    return strcmp(left, "1:aa ") == 0 || strcmp(left, "1:aa 2:bb 3:cc ") == 0;
}

static bool has_torn_end_only(const char *left)
{
    return strncmp(left, "1:aa 2:bb 3:", 12) == 0;
}

static void a_crash_keeps_or_loses_the_whole_append_under_way(void **state)
{
    assert_left(*state, (struct store_sim_faults){.crash_lost_ppm = ALWAYS / 3},
                is_whole_appends);
}

static void a_tear_cuts_the_last_row_of_an_append(void **state)
{
    assert_left(*state, (struct store_sim_faults){.crash_torn_ppm = ALWAYS / 2},
                has_torn_end_only);
}

static void an_unknown_commit_may_be_lost_by_a_crash(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0);
    chances(f, (struct store_sim_faults){.crash_lost_ppm = ALWAYS});
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 1);
    assert_int_equal(append_one(s, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(append_one(s, 0, 2, epoch, "b"), ERR_UNKNOWN);
    store_sim_crash(f->sim);
    assert_tail(s, 0, 1, "1:a ");
    /* but not once a reopening has found it */
    epoch = lease(s, 0);
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    assert_int_equal(append_one(s, 0, 2, epoch, "b"), ERR_UNKNOWN);
    assert_int_equal(s->ops->reopen(s), ERR_OK);
    store_sim_crash(f->sim);
    assert_tail(s, 0, 1, "1:a 2:b ");
}

/* --- views ------------------------------------------------------------------------------------ */

static void put_and_commit(struct view_store *s, uint64_t seq)
{
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 1, seq, "changing", 0), ERR_OK);
    assert_int_equal(put_coin(s, 2, seq, seq, "added", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, seq), ERR_OK);
}

static bool see_amount(void *context, const struct value *row)
{
    *(uint64_t *)context = (uint64_t)row[COIN_AMOUNT].big;
    return true;
}

/* Rows and position always belong together. */
static void assert_views_at(struct view_store *s, uint64_t seq)
{
    uint64_t amount = 0;
    struct value key[] = {{.type = VALUE_ID, .id = {0, 1}}, {.type = VALUE_UINT, .number = 1}};
    enum err e = views_get(s, &coins_view, key, see_amount, &amount);
    assert_int_equal(e, seq > 0 ? ERR_OK : ERR_NOT_FOUND);
    assert_int_equal(amount, seq);
    assert_int_equal(views_seq(s, 0), seq);
}

static void a_failed_commit_of_the_views_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    put_and_commit(s, 1);
    store_sim_script(f->sim, STORE_SIM_VIEWS_COMMIT, 0);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 1, 2, "changing", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, 2), ERR_IO);
    assert_views_at(s, 1);
    put_and_commit(s, 2);
    assert_views_at(s, 2);
}

static void a_crash_takes_the_open_transaction(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    put_and_commit(s, 1);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 1, 9, "open", 0), ERR_OK);
    store_sim_crash(f->sim);
    assert_views_at(s, 1);
    put_and_commit(s, 2);
}

/* Its process has ended in the middle of a job, whose code runs on. */
static void an_unreachable_store_does_nothing(void **state)
{
    struct fixture *f = *state;
    struct journal_store *j = f->journal;
    uint64_t epoch = lease(j, 0);
    struct store_position position;
    assert_int_equal(append_one(j, 0, 1, epoch, "a"), ERR_OK);
    put_and_commit(f->views, 1);
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    store_sim_unreachable(f->sim, true);
    assert_int_equal(append_one(j, 0, 2, epoch, "b"), ERR_IO);
    assert_int_equal(j->ops->reopen(j), ERR_IO);
    assert_int_equal(j->ops->cut(j, 0, epoch, 1), ERR_IO);
    assert_int_equal(put_coin(f->views, 1, 1, 2, "changing", 0), ERR_OK);
    assert_int_equal(commit_at(f->views, 0, 2), ERR_IO);
    assert_int_equal(f->views->ops->position(f->views, 0, &position), ERR_IO);
    f->views->ops->damaged(f->views);
    store_sim_unreachable(f->sim, false);
    store_sim_crash(f->sim);
    assert_tail(j, 0, 1, "1:a ");
    assert_views_at(f->views, 1);
}

static void stale_views_fall_back_by_whole_commits(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    for (uint64_t seq = 1; seq <= 40; seq++)
        put_and_commit(s, seq);
    assert_int_equal(store_sim_views_back(f->sim, 3), 3);
    assert_views_at(s, 37);
    assert_int_equal(store_sim_views_back(f->sim, 100), STORE_SIM_COMMITS_KEPT - 3);
    assert_views_at(s, 40 - STORE_SIM_COMMITS_KEPT);
    put_and_commit(s, 25);
    chances(f, (struct store_sim_faults){.crash_stale_ppm = ALWAYS});
    store_sim_crash(f->sim);
    assert_views_at(s, 24);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void damaged_views_begin_at_nothing_after_the_next_opening(void **state)
{
    struct fixture *f = *state;
    put_and_commit(f->views, 1);
    f->views->ops->damaged(f->views);
    assert_views_at(f->views, 1);
    fixture_restart(f);
    assert_int_equal(views_seq(f->views, 0), 0);
    put_and_commit(f->views, 1);
    fixture_restart(f);
    assert_views_at(f->views, 1);
}

static void stored_batches_can_be_harmed(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(append_one(s, 0, seq, epoch, seq == 2 ? "bb" : "aa"), ERR_OK);
    assert_true(store_sim_flip(f->sim, 0, 1, 8));
    assert_false(store_sim_flip(f->sim, 0, 1, 16));
    assert_true(store_sim_truncate(f->sim, 0, 2, 1));
    assert_false(store_sim_truncate(f->sim, 0, 9, 0));
    assert_tail(s, 0, 1, "1:a` 2:b 3:aa ");
    assert_true(store_sim_delete(f->sim, 0, 2));
    assert_false(store_sim_delete(f->sim, 0, 2));
    assert_tail(s, 0, 1, "1:a` 3:aa ");
    chances(f, (struct store_sim_faults){.crash_rot_ppm = ALWAYS});
    store_sim_crash(f->sim);
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(s->ops->tail(s, 0, 1, see_batch, &seen), ERR_OK);
    assert_string_not_equal(seen.text, "1:a` 3:aa ");
}

static bool see_body_only(void *context, const struct batch_row *row)
{
    return seen_one(context, row->seq, row->body);
}

static void swapped_batches_keep_their_places(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0);
    assert_int_equal(append_one(s, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(append_one(s, 0, 2, epoch, "b"), ERR_OK);
    assert_true(store_sim_swap(f->sim, 0, 1, 2));
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(s->ops->tail(s, 0, 1, see_body_only, &seen), ERR_OK);
    assert_string_equal(seen.text, "1:b 2:a ");
}

/* --- size ------------------------------------------------------------------------------------- */

static bool count_row(void *context, const struct value *row)
{
    (void)row;
    ++*(uint32_t *)context;
    return true;
}

static void a_hundred_thousand_rows_stay_ordered(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    struct rng r;
    rng_seed(&r, 3);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    for (uint64_t n = 0; n < 100000; n++)
        assert_int_equal(put_coin(s, 1, n * 7919 % 100003, rng_next(&r), "n", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, 1), ERR_OK);
    struct value owner = {.type = VALUE_ID, .id = {0, 1}};
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, NULL, 0, true,
                          UINT32_MAX};
    uint32_t rows = 0;
    assert_int_equal(views_scan(s, &q, count_row, &rows), ERR_OK);
    assert_int_equal(rows, 100000);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_sim, fixture_done)
#define CASE_IN_FLIGHT(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_sim_in_flight, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_ordered_fault_hits_once_and_then_needs_a_reopening),
        CASE(a_full_disk_stays_full_until_told_otherwise),
        CASE(a_read_fails_once),
        CASE_IN_FLIGHT(what_was_acknowledged_survives_any_crash),
        CASE_IN_FLIGHT(a_crash_keeps_or_loses_the_whole_append_under_way),
        CASE_IN_FLIGHT(a_tear_cuts_the_last_row_of_an_append),
        CASE_IN_FLIGHT(an_unknown_commit_may_be_lost_by_a_crash),
        CASE(a_failed_commit_of_the_views_changes_nothing),
        CASE(a_crash_takes_the_open_transaction),
        CASE(an_unreachable_store_does_nothing),
        CASE(stale_views_fall_back_by_whole_commits),
        CASE(damaged_views_begin_at_nothing_after_the_next_opening),
        CASE(stored_batches_can_be_harmed),
        CASE(swapped_batches_keep_their_places),
        CASE(a_hundred_thousand_rows_stay_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
