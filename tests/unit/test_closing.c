/* SPDX-License-Identifier: Apache-2.0 */
/* A shard that is closed while it gets its state from the journal. */
#include "tests/unit/shard_fixture.h"

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

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(closing_leaves_a_start_to_the_next_one),
        SCENARIO(closing_gives_up_a_recovery_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
