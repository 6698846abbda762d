/* SPDX-License-Identifier: Apache-2.0 */
/* A shard that is closed: while it gets its state from the journal, while it projects, when it has
 * stopped already; and what is left then. */
#include "tests/unit/shard_fixture.h"

#include <malloc.h>

#include "runtime/shard/shard_priv.h"

static void assert_closes_before_it_runs(struct fixture *f)
{
    shard_close(f->shard);
    for (int i = 0; i < 100 && !shard_quiet(f->shard); i++)
        run(f, MS);
    assert_true(shard_quiet(f->shard));
    assert_int_equal(f->state, SHARD_STOPPED);
    assert_string_equal(f->reason, "");
    f->shard = shard_free(f->shard);
}

/* A journal may take longer to read than a stop may take. */
static void closing_leaves_a_start_to_the_next_one(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    crash(f);
    assert_closes_before_it_runs(f);
    start(f);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    run(f, 100 * MS); /* between two attempts */
    struct ask early = {.body.look = {purse(1)}};
    post(f, &early, &purse_look_type, purse(1));
    shard_end_lists(f->shard); /* a caller that waits for its answer delays the end of the node */
    finish(f, &early);
    assert_int_equal(early.message.code, ERR_UNAVAILABLE);
    forget(&early);
    assert_closes_before_it_runs(f);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){0});
    start(f);
    assert_int_equal(look(f, 1), 1);
}

/* What became of requests under way is looked for as long as there is time. */
static void closing_gives_up_a_recovery_late(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    struct ask a = {.body.fill = {purse(1), 1}};
    post(f, &a, &purse_fill_type, purse(1));
    while (f->state != SHARD_RECOVERING)
        run(f, MS);
    f->journal.delay_min_ns = f->journal.delay_max_ns = 300 * MS;
    shard_close(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
    for (int i = 0; i < 3000 && !shard_quiet(f->shard); i++)
        run(f, MS);
    assert_true(shard_quiet(f->shard));
    f->shard = shard_free(f->shard);

    f->journal.delay_min_ns = f->journal.delay_max_ns = MS;
    start(f);
    fill(f, 1, 1);
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    post(f, &a, &purse_fill_type, purse(1));
    store_sim_set_faults(f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    while (f->state != SHARD_RECOVERING)
        run(f, MS);
    shard_close(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
    for (int i = 0; i < 3000 && !shard_quiet(f->shard); i++)
        run(f, MS);
    assert_true(shard_quiet(f->shard));
    assert_string_equal(f->reason, "");
}

static void it_does_not_close_before_everything_is_projected(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    run(f, 1000 * MS);
    f->views.delay_min_ns = f->views.delay_max_ns = 300 * MS;
    fill(f, 1, 1);
    shard_close(f->shard);
    for (int i = 0; i < 3000 && !shard_quiet(f->shard); i++)
        run(f, MS);
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.state, SHARD_STOPPED);
    assert_int_equal(stats.projected_seq, stats.committed_seq);
}

/* What is closed when it has stopped already is given back at once: nothing may call it later. */
static void a_stopped_shard_sets_no_alarm_when_it_is_closed(void **state)
{
    struct fixture *f = *state;
    be_fenced(f);
    shard_close(f->shard);
    assert_int_equal(f->shard->closing.alarm.due_ns, 0);
}

/* Bytes that this process has taken from the allocator and not given back. */
static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

#define STOPS 8

/* What grows by less with each stop is no leak of that size. The first stops are not counted: what
 * a process takes once, it keeps. */
static void stop_often(struct fixture *f, bool writing, size_t least_leak)
{
    size_t in_use[STOPS];
    for (uint64_t n = 1; n <= 20; n++)
        fill(f, n, n);
    run(f, 1000 * MS);
    for (size_t i = 0; i < STOPS; i++) {
        crash(f);
        for (uint64_t n = 1; n <= 20; n++)
            assert_int_equal(look(f, n), n);
        if (writing)
            fill(f, 21, 1);
        run(f, 1000 * MS);
        f->shard = shard_kill(f->shard);
        in_use[i] = memory_in_use();
        start(f);
    }
    assert_true(in_use[STOPS - 1] < in_use[STOPS / 2] + STOPS / 2 * least_leak);
}

static void a_shard_that_stops_gives_its_memory_back(void **state)
{
    stop_often(*state, false, 100);
}

/* The store keeps what was written, a kilobyte; what it was written with is given back. */
static void so_does_one_that_has_written(void **state)
{
    stop_often(*state, true, 4096);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(closing_leaves_a_start_to_the_next_one),
        SCENARIO(closing_gives_up_a_recovery_late),
        SCENARIO(it_does_not_close_before_everything_is_projected),
        SCENARIO(a_stopped_shard_sets_no_alarm_when_it_is_closed),
        SCENARIO(a_shard_that_stops_gives_its_memory_back),
        SCENARIO(so_does_one_that_has_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
