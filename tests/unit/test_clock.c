/* SPDX-License-Identifier: Apache-2.0 */
/* What ends after a while ends after that while, whatever becomes of the wall clock. */
#include "tests/unit/shard_fixture.h"

#define SECOND NS_PER_S
#define HOUR NS_PER_HOUR

static void set_wall_clock(struct fixture *f, int64_t skew_ns)
{
    f->world.wall_skew_ns = skew_ns;
    run(f, 100 * MS);
    (void)look(f, 2); /* a pass of the shard */
}

static void expect_clock(struct fixture *f, uint64_t steps, uint64_t ahead_s, uint64_t behind_s)
{
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.clock_steps, steps);
    assert_int_equal(stats.clock_ahead_ns / SECOND, ahead_s);
    assert_int_equal(stats.clock_behind_ns / SECOND, behind_s);
}

/* Purse 1 has coins until 60 s from now have passed. */
static void expires_in_a_minute(struct fixture *f)
{
    fill(f, 1, 10);
    expire_after(f, 1, 60 * SECOND);
}

static void expect_expiry_in(struct fixture *f, uint64_t left_ns)
{
    run(f, left_ns - 2 * SECOND);
    assert_int_equal(look(f, 1), 10);
    run(f, 3 * SECOND);
    assert_int_equal(look(f, 1), 0);
}

static void a_wall_clock_that_is_set_moves_no_deadline(void **state)
{
    static const int64_t skews_s[] = {-600, 2, 3600, -86400};
    struct fixture *f = *state;
    for (size_t i = 0; i < array_len(skews_s); i++) {
        expires_in_a_minute(f);
        set_wall_clock(f, skews_s[i] * (int64_t)SECOND);
        expect_expiry_in(f, 60 * SECOND - 100 * MS);
        set_wall_clock(f, 0);
        expect_clock(f, 2 * (i + 1), 0, 0);
    }
}

static void one_that_was_wrong_for_a_while_moves_none_either(void **state)
{
    struct fixture *f = *state;
    expires_in_a_minute(f);
    f->world.wall_skew_ns = (int64_t)HOUR;
    run(f, 13 * SECOND);
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    expect_clock(f, 1, 0, 3600);
    set_wall_clock(f, 0);
    expect_clock(f, 2, 0, 0);
    expect_expiry_in(f, 47 * SECOND - 100 * MS);
}

static void a_recovery_believes_no_wall_clock(void **state)
{
    struct fixture *f = *state;
    expires_in_a_minute(f);
    set_wall_clock(f, (int64_t)HOUR);
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    run(f, 5 * SECOND);
    set_wall_clock(f, 0);
    expect_expiry_in(f, 54 * SECOND);
}

static void a_start_takes_the_wall_clock(void **state)
{
    struct fixture *f = *state;
    expires_in_a_minute(f);
    f->world.wall_skew_ns = (int64_t)HOUR;
    crash(f);
    run(f, SECOND);
    assert_int_equal(look(f, 1), 0);
    expect_clock(f, 0, 0, 0);
}

/* The wall clock was nine hours ahead once, and is right at this start. */
static void a_start_goes_on_from_where_the_journal_ends(void **state)
{
    struct fixture *f = *state;
    f->world.wall_skew_ns = (int64_t)(9 * HOUR);
    crash(f);
    run(f, SECOND);
    fill(f, 1, 10);
    expire_after(f, 1, 9 * HOUR + 60 * SECOND);
    f->world.wall_skew_ns = 0;
    crash(f);
    expect_expiry_in(f, 60 * SECOND);
    expect_clock(f, 0, (uint64_t)9 * 3600 - 1, 0);
}

static void slow_drift_is_no_step(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 10; i++) {
        f->world.wall_skew_ns = i * (int64_t)SECOND;
        fill(f, 2, 1);
    }
    expect_clock(f, 0, 0, 10);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(a_wall_clock_that_is_set_moves_no_deadline),
        SCENARIO(one_that_was_wrong_for_a_while_moves_none_either),
        SCENARIO(a_recovery_believes_no_wall_clock),
        SCENARIO(a_start_takes_the_wall_clock),
        SCENARIO(a_start_goes_on_from_where_the_journal_ends),
        SCENARIO(slow_drift_is_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
