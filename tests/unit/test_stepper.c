/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of several shards as one transaction: what a shard has in it, what becomes of the others if
 * one of them fails, and that nothing is durable of what was not committed. */
#include "tests/unit/store_fixture.h"

#include "runtime/projector/follower.h"
#include "runtime/sim/world.h"

#define SHARDS 4
#define WORKER_NS NS_PER_MS

struct scene;

/* A consumer that counts. */
struct reader {
    struct scene *scene;
    struct follower follower;
    uint64_t epoch, committed;
    uint64_t durable, taken, written; /* batches */
    enum err take_error;              /* of each call, while it is set */
    uint32_t begun, steps;
    enum err result;
};

struct scene {
    struct fixture *store;
    struct world world;
    struct world_worker worker;
    struct stepper stepper;
    struct reader readers[SHARDS];
    bool open;
    enum err commit_error; /* the next commit gives it */
    uint32_t commits, rollbacks;
};

static enum err begin(void *context, uint64_t target_seq, struct store_position *at)
{
    struct reader *r = context;
    assert_true(r->scene->open && target_seq <= r->committed);
    r->begun++;
    r->taken = r->durable;
    *at = (struct store_position){.seq = r->durable};
    return ERR_OK;
}

static enum err take(void *context, const struct batch_row *row, bool *full)
{
    struct reader *r = context;
    (void)full;
    assert_int_equal(row->shard, r - r->scene->readers);
    assert_int_equal(row->seq, r->taken + 1);
    if (r->take_error == ERR_OK)
        r->taken++;
    return r->take_error;
}

static enum err write_taken(void *context, struct store_position *reached)
{
    struct reader *r = context;
    assert_true(r->scene->open);
    r->written = r->taken;
    reached->seq = r->taken;
    return ERR_OK;
}

static void forget(void *context)
{
    ((struct reader *)context)->written = 0;
}

static const char *reason(void *context)
{
    (void)context;
    return "";
}

static const struct follower_consumer counter = {begin, take, write_taken, forget, reason};

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
    enum err e = s->commit_error;
    assert_true(s->open);
    s->open = false;
    s->commit_error = ERR_OK;
    s->commits++;
    for (int i = 0; e == ERR_OK && i < SHARDS; i++)
        if (s->readers[i].written > s->readers[i].durable)
            s->readers[i].durable = s->readers[i].written;
    return e;
}

static void take_transaction_back(void *context)
{
    struct scene *s = context;
    assert_true(s->open);
    s->open = false;
    s->rollbacks++;
}

static const struct stepper_sink sink = {open_transaction, commit, take_transaction_back};

static void on_step(void *context, enum err result, const char *why)
{
    struct reader *r = context;
    (void)why;
    r->steps++;
    r->result = result;
    env_wake(&r->scene->world.loop.env);
}

static void pass(void *context)
{
    struct scene *s = context;
    for (int i = 0; i < SHARDS; i++)
        follower_advance(&s->readers[i].follower, s->readers[i].committed, false);
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
    world_worker_init(&s->worker, &s->world, "views", WORKER_NS, WORKER_NS);
    stepper_init(&s->stepper, (struct worker *)&s->worker, &sink, s);
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct reader *r = &s->readers[i];
        r->scene = s;
        r->epoch = lease(s->store->journal, i);
        follower_init(&r->follower, &(struct follower_options){.env = &s->world.loop.env,
                                                               .stepper = &s->stepper,
                                                               .store = s->store->journal,
                                                               .shard = i,
                                                               .consumer = &counter,
                                                               .consumer_context = r});
        r->follower.on_step = on_step;
        r->follower.context = r;
        r->follower.sharing = true;
    }
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

/* Each shard commits so many batches more, and the steps that are due are run. */
static void commits(struct scene *s, uint64_t batches)
{
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct reader *r = &s->readers[i];
        for (uint64_t n = 0; n < batches; n++)
            assert_int_equal(append_one(s->store->journal, i, ++r->committed, r->epoch, "x"),
                             ERR_OK);
    }
    env_wake(&s->world.loop.env);
    world_run(&s->world, s->world.now_ns + 100 * NS_PER_MS);
}

static void assert_followed(const struct scene *s, uint16_t but)
{
    for (uint16_t i = 0; i < SHARDS; i++) {
        const struct reader *r = &s->readers[i];
        assert_int_equal(r->follower.position.seq, r->durable);
        assert_int_equal(r->durable, i == but ? 0 : r->committed);
        assert_int_equal(r->result == ERR_OK, i != but);
    }
}

static void steps_that_wait_together_are_one_transaction(void **state)
{
    struct scene *s = *state;
    commits(s, 3);
    assert_followed(s, SHARDS);
    assert_int_equal(s->commits, 1);
    commits(s, 1);
    assert_followed(s, SHARDS);
    assert_int_equal(s->commits, 2);
    assert_int_equal(s->rollbacks, 0);
}

static void one_that_fails_fails_alone(void **state)
{
    static const enum err errors[] = {ERR_IO, ERR_CORRUPT, ERR_UNAVAILABLE};
    for (size_t i = 0; i < array_len(errors); i++) {
        struct scene *s = *state;
        s->readers[1].take_error = errors[i];
        commits(s, 2);
        assert_followed(s, 1);
        assert_int_equal(s->readers[1].result, errors[i]);
        assert_int_equal(s->readers[0].begun, 2); /* with the others, and alone */
        assert_int_equal(s->commits, SHARDS - 1);
        tear_down(state);
        set_up(state);
    }
}

/* It no longer costs the others anything. */
static void one_that_failed_is_tried_alone(void **state)
{
    struct scene *s = *state;
    s->readers[1].take_error = ERR_IO;
    commits(s, 2);
    uint32_t before = s->commits, begun = s->readers[0].begun;
    world_run(&s->world, s->world.now_ns + FOLLOWER_RETRY_NS - 200 * NS_PER_MS);
    for (int i = 0; i < 20; i++)
        commits(s, 1);
    assert_true(s->readers[1].steps > 2);
    assert_int_equal(s->readers[0].begun - begun, s->commits - before);
    s->readers[1].take_error = ERR_OK;
    world_run(&s->world, s->world.now_ns + 2 * FOLLOWER_RETRY_MAX_NS);
    assert_followed(s, SHARDS);
}

static void a_commit_that_fails_is_nobodys(void **state)
{
    struct scene *s = *state;
    s->commit_error = ERR_IO;
    commits(s, 2);
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(s->readers[i].result, ERR_IO);
        assert_int_equal(s->readers[i].follower.position.seq, 0);
    }
    world_run(&s->world, s->world.now_ns + 2 * FOLLOWER_RETRY_NS);
    assert_followed(s, SHARDS);
}

static void where_nothing_is_to_do_nothing_is_committed(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < SHARDS; i++)
        s->readers[i].durable = 2; /* the followers do not know */
    commits(s, 2);
    assert_followed(s, SHARDS);
    assert_int_equal(s->commits, 0);
    assert_int_equal(s->rollbacks, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(steps_that_wait_together_are_one_transaction),
        CASE(one_that_fails_fails_alone),
        CASE(one_that_failed_is_tried_alone),
        CASE(a_commit_that_fails_is_nobodys),
        CASE(where_nothing_is_to_do_nothing_is_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
