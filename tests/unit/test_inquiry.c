/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of one shard: what they wait for, and what ends the waiting. */
#include "tests/unit/shard_fixture.h"

static void closing_waits_for_no_list_whose_views_do_not_come(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    run(f, 1000 * MS);
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    shard_close(f->shard);
    run(f, 4000 * MS);
    assert_int_equal(f->state, SHARD_STOPPED);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
}

static void a_list_waits_for_views_that_fail(void **state)
{
    struct fixture *f = *state;
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    run(f, 5000 * MS);
    assert_int_equal(a.done, 0);
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_in_range(stats.projector_failures, 5, 15); /* it rests between them */
    faults.views_commit_ppm = 0;
    store_sim_set_faults(f->sim, &faults);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

/* What was accepted to be written goes on. */
static void lists_end_before_the_rest(void **state)
{
    struct fixture *f = *state;
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask waits = {.done = 0}, late = {.done = 0}, a = {.body.fill = {purse(1), 5}};
    post(f, &waits, &list_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(waits.done, 0);
    post(f, &a, &purse_fill_type, purse(1));
    shard_end_lists(f->shard);
    run(f, MS / 100);
    assert_int_equal(waits.done, 1);
    assert_int_equal(waits.message.code, ERR_UNAVAILABLE);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    post(f, &late, &list_type, purse(1));
    finish(f, &late);
    assert_int_equal(late.message.code, ERR_UNAVAILABLE);
    assert_int_equal(look(f, 1), 15);
    forget(&waits);
    forget(&late);
    forget(&a);
}

/* Those that the read lane has not begun. */
static void lists_on_their_way_end_too(void **state)
{
    struct fixture *f = *state;
    f->read.delay_min_ns = f->read.delay_max_ns = 20 * MS;
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    run(f, MS);
    shard_end_lists(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(closing_waits_for_no_list_whose_views_do_not_come),
        SCENARIO(a_list_waits_for_views_that_fail),
        SCENARIO(lists_end_before_the_rest),
        SCENARIO(lists_on_their_way_end_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
