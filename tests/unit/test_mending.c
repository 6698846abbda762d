/* SPDX-License-Identifier: Apache-2.0 */
/* Views that are not what they should be: the shard stops where it needs them, and the next start
 * makes them anew. */
#include "tests/unit/shard_fixture.h"

/* As no shard would write it. */
static void spoil_state(struct fixture *f, uint64_t n)
{
    struct view_store *s = store_sim_views(f->sim);
    struct store_position position;
    struct state_row row = {
        .kind = PURSE_KIND, .id = purse(n), .due_ns = 1, .body = slice_of("no purse")};
    assert_int_equal(s->ops->position(s, 0, &position), ERR_OK);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(s->ops->put_state(s, &row), ERR_OK);
    assert_int_equal(s->ops->move(s, 0, &position), ERR_OK);
    assert_int_equal(s->ops->commit(s), ERR_OK);
}

static void assert_mended_by_the_next_start(struct fixture *f, uint64_t coins)
{
    assert_int_equal(f->state, SHARD_STOPPED);
    assert_non_null(strstr(f->reason, "the next start makes"));
    crash(f);
    assert_int_equal(look(f, 1), coins);
}

static void a_damaged_state_is_made_anew_by_the_next_start(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 5);
    run(f, 1000 * MS); /* projected */
    crash(f);
    run(f, 100 * MS);
    spoil_state(f, 1);
    struct ask a = {.body.look = {purse(1)}};
    post(f, &a, &purse_look_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
    assert_mended_by_the_next_start(f, 5);
}

/* The start needs it for what is replayed. */
static void a_state_damaged_before_the_start_is_made_anew_by_the_next(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 5);
    run(f, 1000 * MS);
    f->views.delay_min_ns = f->views.delay_max_ns = 100000 * MS;
    fill(f, 1, 1);
    spoil_state(f, 1);
    crash(f);
    run(f, 100 * MS);
    f->views.delay_min_ns = f->views.delay_max_ns = MS;
    assert_mended_by_the_next_start(f, 6);
}

/* As after a step whose states were committed without the position: the one after it, whose events
 * the start replays, has taken the purse away. */
static void views_ahead_of_their_position_are_made_anew_by_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = store_sim_views(f->sim);
    struct store_position position;
    struct state_row gone = {.kind = PURSE_KIND, .id = purse(1)};
    fill(f, 1, 5);
    fill(f, 2, 1);
    run(f, 1000 * MS);
    f->views.delay_min_ns = f->views.delay_max_ns = 100000 * MS;
    assert_int_equal(move(f, 1, 2, 1, 1), ERR_OK);
    assert_int_equal(s->ops->position(s, 0, &position), ERR_OK);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(s->ops->put_state(s, &gone), ERR_OK);
    assert_int_equal(s->ops->move(s, 0, &position), ERR_OK);
    assert_int_equal(s->ops->commit(s), ERR_OK);
    crash(f);
    run(f, 100 * MS);
    f->views.delay_min_ns = f->views.delay_max_ns = MS;
    assert_non_null(strstr(f->reason, "the views do not fit the journal of shard 0"));
    assert_mended_by_the_next_start(f, 4);
}

/* What is due would not be known. */
static enum err no_states_due(struct view_store *s, uint16_t shard, uint64_t due_ns_max,
                              state_row_cb row, void *context)
{
    (void)s;
    (void)shard;
    (void)due_ns_max;
    (void)row;
    (void)context;
    return ERR_CORRUPT;
}

static void deadlines_that_cannot_be_read_stop_it(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 5);
    run(f, 1000 * MS);
    struct view_store *store = store_sim_views(f->sim);
    const struct view_store_ops *truly = store->ops;
    struct view_store_ops damaged = *truly;
    damaged.states_due = no_states_due;
    store->ops = &damaged;
    crash(f);
    run(f, 100 * MS);
    store->ops = truly;
    assert_mended_by_the_next_start(f, 5);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_damaged_state_is_made_anew_by_the_next_start),
        SCENARIO(a_state_damaged_before_the_start_is_made_anew_by_the_next),
        SCENARIO(views_ahead_of_their_position_are_made_anew_by_the_next_start),
        SCENARIO(deadlines_that_cannot_be_read_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
