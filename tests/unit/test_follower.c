/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer that counts follows a journal: when steps run, how large they are, what failures do.
 */
#include "tests/unit/store_fixture.h"

#include "runtime/projector/follower.h"
#include "runtime/sim/world.h"

#define STEP_NS (2 * NS_PER_MS) /* the worker: 1 ms to the step, 1 ms back */

struct scene {
    struct fixture *store;
    struct world world;
    struct world_worker worker;
    struct stepper stepper;
    struct follower follower;
    uint64_t epoch, committed;
    bool at_once;
    uint32_t fill;
    /* the consumer's */
    struct store_position durable;
    uint64_t taken_seq;
    enum err begin_error, take_error, write_error, commit_error; /* the next call gives it */
    bool open;                                                   /* a transaction is */
    bool full;                                      /* each step takes one batch */
    uint32_t rolled_back;
    /* told */
    uint32_t steps;
    enum err result;
    char reason[FOLLOWER_REASON_MAX];
};

static enum err once(enum err *e)
{
    enum err now = *e;
    *e = ERR_OK;
    return now;
}

static enum err begin(void *context, uint64_t target_seq, struct store_position *at)
{
    struct scene *s = context;
    assert_true(target_seq > s->follower.position.seq);
    *at = s->durable;
    s->taken_seq = s->durable.seq;
    return once(&s->begin_error);
}

static enum err take(void *context, const struct batch_row *row, bool *full)
{
    struct scene *s = context;
    enum err e = once(&s->take_error);
    assert_int_equal(row->seq, s->taken_seq + 1);
    s->taken_seq += e == ERR_OK;
    *full = s->full;
    return e;
}

static enum err write_taken(void *context, struct store_position *reached)
{
    struct scene *s = context;
    reached->seq = s->taken_seq;
    return once(&s->write_error);
}

static void rollback(void *context)
{
    ((struct scene *)context)->rolled_back++;
}

static const char *reason(void *context)
{
    return ((struct scene *)context)->result == ERR_OK ? "" : "the consumer's reason";
}

static const struct follower_consumer counter = {begin, take, write_taken, rollback, reason};

static enum err open_transaction(void *context)
{
    struct scene *s = context;
    assert_false(s->open);
    s->open = true;
    return ERR_OK;
}

static enum err commit(void *context)
{
    struct scene *s = context;
    enum err e = once(&s->commit_error);
    assert_true(s->open);
    s->open = false;
    if (e == ERR_OK || e == ERR_UNKNOWN) /* unknown: it is done all the same */
        s->durable.seq = s->taken_seq;
    return e;
}

static void take_transaction_back(void *context)
{
    ((struct scene *)context)->open = false;
}

static const struct stepper_sink sink = {open_transaction, commit, take_transaction_back};

static void on_step(void *context, enum err result, const char *why)
{
    struct scene *s = context;
    s->steps++;
    s->result = result;
    snprintf(s->reason, sizeof s->reason, "%s", why);
    env_wake(&s->world.loop.env);
}

static uint32_t fill(void *context)
{
    return ((struct scene *)context)->fill;
}

static void pass(void *context)
{
    struct scene *s = context;
    follower_advance(&s->follower, s->committed, s->at_once);
}

static void follow(struct scene *s, struct follower_limits limits)
{
    follower_init(&s->follower, &(struct follower_options){
                                    .env = &s->world.loop.env,
                                    .stepper = &s->stepper,
                                    .store = s->store->journal,
                                    .limits = limits,
                                    .consumer = &counter,
                                    .consumer_context = s,
                                });
    s->follower.on_step = on_step;
    s->follower.fill = fill;
    s->follower.context = s;
}

static int set_up(void **state)
{
    void *store;
    fixture_sim(&store);
    struct scene *s = calloc(1, sizeof *s);
    s->store = store;
    world_init(&s->world, 1);
    s->world.loop.pass = pass;
    s->world.loop.context = s;
    world_worker_init(&s->worker, &s->world, "follower", STEP_NS / 2, STEP_NS / 2);
    stepper_init(&s->stepper, (struct worker *)&s->worker, &sink, s);
    s->epoch = lease(s->store->journal, 0);
    follow(s, (struct follower_limits){0});
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    stepper_done(&s->stepper);
    world_done(&s->world);
    void *store = s->store;
    fixture_done(&store);
    free(s);
    return 0;
}

/* The journal commits this many more, and the loop passes. */
static void commits(struct scene *s, uint64_t batches)
{
    struct journal_store *st = s->store->journal;
    for (uint64_t end = s->committed + batches; s->committed < end;) {
        struct batch_row row = batch(0, ++s->committed, s->epoch, "0123456789");
        assert_int_equal(append_rows(st, &row, 1), ERR_OK);
    }
    env_wake(&s->world.loop.env);
}

static void run_ns(struct scene *s, uint64_t ns)
{
    world_run(&s->world, s->world.now_ns + ns);
}

/* Until one more step has ended; returns how long that took. */
static uint64_t step(struct scene *s)
{
    uint64_t before_ns = s->world.now_ns;
    uint32_t steps = s->steps;
    while (s->steps == steps)
        assert_true(world_step(&s->world));
    return s->world.now_ns - before_ns;
}

static void all_that_is_committed_is_taken_in_one_step(void **state)
{
    struct scene *s = *state;
    commits(s, 5);
    assert_int_equal(follower_lag(&s->follower, s->committed), 5);
    step(s);
    assert_int_equal(s->durable.seq, 5);
    assert_int_equal(s->follower.position.seq, 5);
    assert_int_equal(follower_lag(&s->follower, s->committed), 0);
    run_ns(s, NS_PER_S);
    assert_int_equal(s->steps, 1); /* nothing to do */
}

static void it_goes_on_where_its_consumer_stands(void **state)
{
    struct scene *s = *state;
    commits(s, 5);
    s->durable.seq = 3;
    follower_restart(&s->follower, &s->durable);
    step(s);
    assert_int_equal(s->taken_seq, 5);
}

static void limits_end_a_step(void **state)
{
    struct scene *s = *state;
    const struct {
        struct follower_limits limits;
        bool full;
        uint64_t batches;
    } cases[] = {
        {{.batches = 2}, false, 2},
        {{.bytes = 25}, false, 3}, /* of ten each: the one that reaches it is the last */
        {{.bytes = 30}, false, 3},
        {{.ns = 3500}, false, 4}, /* a look at the clock takes 1 us */
        {{0}, true, 1},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        follow(s, cases[i].limits);
        follower_restart(&s->follower, &s->durable);
        s->full = cases[i].full;
        uint64_t before = s->durable.seq;
        commits(s, 6);
        step(s);
        assert_int_equal(s->durable.seq, before + cases[i].batches);
        s->full = false;
        follow(s, (struct follower_limits){0});
        follower_restart(&s->follower, &s->durable);
        env_wake(&s->world.loop.env);
        step(s);
        assert_int_equal(s->durable.seq, s->committed);
    }
}

static void it_sleeps_in_proportion_to_its_steps_and_wakes_by_itself(void **state)
{
    struct scene *s = *state;
    s->worker.delay_min_ns = s->worker.delay_max_ns = 50 * NS_PER_MS;
    commits(s, 1);
    step(s);
    commits(s, 1);
    uint64_t took_ns = step(s);
    assert_in_range(took_ns, 400 * NS_PER_MS, 401 * NS_PER_MS); /* 3 times 100, and 100 */
    s->fill = FOLLOWER_FULL_PERCENT / 2;
    commits(s, 1);
    step(s);
    commits(s, 1);
    assert_in_range(step(s), 250 * NS_PER_MS, 251 * NS_PER_MS);
    s->fill = 100;
    commits(s, 1);
    step(s);
    commits(s, 1);
    assert_in_range(step(s), 120 * NS_PER_MS, 121 * NS_PER_MS); /* the shortest */
    s->follower.sharing = true;
    commits(s, 1);
    step(s);
    commits(s, 1);
    assert_in_range(step(s), 120 * NS_PER_MS, 126 * NS_PER_MS);
    assert_int_equal(s->follower.next_ns % FOLLOWER_GRID_NS, 0);
}

static void while_something_waits_for_it_it_does_not_sleep(void **state)
{
    struct scene *s = *state;
    commits(s, 1);
    step(s);
    s->at_once = true;
    commits(s, 1);
    assert_in_range(step(s), STEP_NS, STEP_NS + NS_PER_MS);
}

static void what_failed_is_given_again_after_a_while(void **state)
{
    struct scene *s = *state;
    s->at_once = true;
    enum err *const errors[] = {&s->begin_error, &s->take_error, &s->write_error, &s->commit_error};
    for (size_t i = 0; i < array_len(errors); i++) {
        *errors[i] = ERR_IO;
        commits(s, 2);
        step(s);
        assert_int_equal(s->result, ERR_IO);
        assert_int_equal(s->follower.position.seq, 2 * i);
        assert_true(s->follower.failing);
        assert_int_equal(s->follower.failures, i + 1);
        assert_int_equal(s->rolled_back, i); /* nothing after an error of begin */
        assert_in_range(step(s), FOLLOWER_RETRY_NS, FOLLOWER_RETRY_NS + STEP_NS + NS_PER_MS);
        assert_int_equal(s->follower.position.seq, 2 * i + 2);
        assert_false(s->follower.failing);
    }
}

static void the_pause_grows_while_it_fails(void **state)
{
    struct scene *s = *state;
    uint64_t pause_ns = FOLLOWER_RETRY_NS;
    commits(s, 1);
    s->begin_error = ERR_IO;
    step(s);
    for (int i = 0; i < 6; i++) {
        s->begin_error = ERR_IO;
        assert_in_range(step(s), pause_ns, pause_ns + STEP_NS + NS_PER_MS);
        assert_int_equal(s->result, ERR_IO);
        pause_ns = 2 * pause_ns < FOLLOWER_RETRY_MAX_NS ? 2 * pause_ns : FOLLOWER_RETRY_MAX_NS;
    }
    assert_in_range(step(s), pause_ns, pause_ns + STEP_NS + NS_PER_MS);
    assert_int_equal(s->result, ERR_OK);
    s->begin_error = ERR_IO;
    commits(s, 1);
    step(s);
    assert_in_range(step(s), FOLLOWER_RETRY_NS, FOLLOWER_RETRY_NS + STEP_NS + NS_PER_MS);
}

static void it_does_not_wait_for_what_is_over(void **state)
{
    struct scene *s = *state;
    commits(s, 1);
    s->begin_error = ERR_STORE_FULL;
    step(s);
    follower_retry(&s->follower);
    env_wake(&s->world.loop.env);
    assert_in_range(step(s), STEP_NS, STEP_NS + NS_PER_MS);
    assert_int_equal(s->result, ERR_OK);
}

static void a_commit_that_was_done_all_the_same_is_not_repeated(void **state)
{
    struct scene *s = *state;
    s->commit_error = ERR_UNKNOWN;
    commits(s, 3);
    step(s);
    assert_int_equal(s->follower.position.seq, 0);
    assert_int_equal(s->rolled_back, 1);
    step(s);
    assert_int_equal(s->follower.position.seq, 3);
    assert_int_equal(s->rolled_back, 1);
}

static void damage_stops_it(void **state)
{
    struct scene *s = *state;
    s->take_error = ERR_CORRUPT;
    commits(s, 3);
    step(s);
    assert_int_equal(s->result, ERR_CORRUPT);
    assert_true(s->follower.stopped);
    run_ns(s, 10 * NS_PER_S);
    assert_int_equal(s->steps, 1);
}

static void a_stopped_one_ends_its_step_and_begins_none(void **state)
{
    struct scene *s = *state;
    commits(s, 3);
    run_ns(s, STEP_NS / 4);
    assert_true(s->follower.busy);
    follower_stop(&s->follower);
    step(s);
    assert_int_equal(s->durable.seq, 3);
    commits(s, 3);
    run_ns(s, NS_PER_S);
    assert_int_equal(s->steps, 1);
}

static void an_abandoned_step_is_taken_back(void **state)
{
    struct scene *s = *state;
    commits(s, 3);
    run_ns(s, STEP_NS / 4);
    follower_abandon(&s->follower);
    step(s);
    assert_int_equal(s->result, ERR_UNAVAILABLE);
    assert_int_equal(s->rolled_back, 1);
    assert_int_equal(s->durable.seq, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_that_is_committed_is_taken_in_one_step),
        CASE(it_goes_on_where_its_consumer_stands),
        CASE(limits_end_a_step),
        CASE(it_sleeps_in_proportion_to_its_steps_and_wakes_by_itself),
        CASE(while_something_waits_for_it_it_does_not_sleep),
        CASE(what_failed_is_given_again_after_a_while),
        CASE(the_pause_grows_while_it_fails),
        CASE(it_does_not_wait_for_what_is_over),
        CASE(a_commit_that_was_done_all_the_same_is_not_repeated),
        CASE(damage_stops_it),
        CASE(a_stopped_one_ends_its_step_and_begins_none),
        CASE(an_abandoned_step_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
