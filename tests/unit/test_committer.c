/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include "runtime/journal/committer.h"
#include "runtime/sim/world.h"

#define SHARDS 3

/* What a shard has to append: batches of this size, from `next` on. */
struct part {
    struct append append;
    uint16_t shard;
    uint64_t epoch, next;
    uint32_t batches;
    const char *body;
    uint32_t body_len;
    uint32_t ended, home;
};

struct scene {
    struct fixture *store;
    struct world world;
    struct world_worker worker;
    struct committer committer;
    struct part parts[SHARDS];
};

static void take(struct append *a)
{
    struct part *p = container_of(a, struct part, append);
    for (a->count = 0; a->count < p->batches; a->count++) {
        struct batch_row *row = &a->rows[a->count];
        *row = batch(p->shard, p->next + a->count, p->epoch, "");
        row->body = (struct slice){p->body, p->body_len};
    }
}

static void ended(struct append *a)
{
    container_of(a, struct part, append)->ended++;
}

static void came_home(struct work *w)
{
    struct part *p = container_of(w, struct part, append.work);
    assert_true(p->ended == 1 || p->batches == 0);
    p->home++;
}

static int set_up(void **state)
{
    void *store;
    fixture_sim(&store);
    struct scene *s = calloc(1, sizeof *s);
    s->store = store;
    world_init(&s->world, 1);
    world_worker_init(&s->worker, &s->world, "journal", 1000000, 1000000);
    committer_init(&s->committer, (struct worker *)&s->worker, s->store->journal);
    for (uint16_t i = 0; i < SHARDS; i++)
        s->parts[i] = (struct part){.append.take = take,
                                    .append.ended = ended,
                                    .append.work.done = came_home,
                                    .shard = i,
                                    .epoch = lease(s->store->journal, i),
                                    .next = 1,
                                    .batches = 1,
                                    .body = "x",
                                    .body_len = 1};
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    committer_done(&s->committer);
    world_done(&s->world);
    void *store = s->store;
    fixture_done(&store);
    free(s);
    return 0;
}

static void post_all(struct scene *s)
{
    for (int i = 0; i < SHARDS; i++)
        committer_post(&s->committer, &s->world.loop.env, &s->parts[i].append);
}

static void run_ms(struct scene *s, uint64_t ms)
{
    world_run(&s->world, s->world.now_ns + ms * 1000000);
}

static uint64_t stored(struct scene *s)
{
    uint64_t batches = 0;
    for (uint16_t i = 0; i < SHARDS; i++)
        batches += head(s->store->journal, i);
    return batches;
}

static void what_all_shards_handed_over_is_one_transaction(void **state)
{
    struct scene *s = *state;
    s->parts[1].batches = 2;
    post_all(s);
    run_ms(s, 1); /* the first job has run, none is home */
    assert_int_equal(stored(s), 4);
    assert_int_equal(store_sim_counts(s->store->sim)->joint, 1);
    run_ms(s, 20);
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(s->parts[i].append.result, ERR_OK);
        assert_int_equal(s->parts[i].home, 1);
    }
}

static void what_comes_while_a_transaction_runs_waits_for_the_next(void **state)
{
    struct scene *s = *state;
    committer_post(&s->committer, &s->world.loop.env, &s->parts[0].append);
    run_ms(s, 1);
    for (int i = 1; i < SHARDS; i++)
        committer_post(&s->committer, &s->world.loop.env, &s->parts[i].append);
    assert_int_equal(stored(s), 1);
    run_ms(s, 1);
    assert_int_equal(stored(s), 3);
    assert_int_equal(store_sim_counts(s->store->sim)->joint, 1);
    run_ms(s, 20);
}

static void a_shard_without_its_lease_fails_alone(void **state)
{
    struct scene *s = *state;
    lease(s->store->journal, 1);
    post_all(s);
    run_ms(s, 20);
    assert_int_equal(s->parts[0].append.result, ERR_OK);
    assert_int_equal(s->parts[1].append.result, ERR_FENCED);
    assert_int_equal(s->parts[2].append.result, ERR_OK);
    assert_int_equal(stored(s), 2);
}

static void a_transaction_that_fails_fails_for_all_in_it(void **state)
{
    struct scene *s = *state;
    store_sim_script(s->store->sim, STORE_SIM_UNKNOWN_LOST, 0);
    post_all(s);
    run_ms(s, 20);
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(s->parts[i].append.result, ERR_UNKNOWN);
    assert_int_equal(stored(s), 0);
}

static void one_that_finds_nothing_to_append_comes_home(void **state)
{
    struct scene *s = *state;
    s->parts[0].batches = 0;
    s->parts[2].batches = 0;
    post_all(s);
    run_ms(s, 20);
    assert_int_equal(stored(s), 1);
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(s->parts[i].home, 1);
}

static void a_transaction_takes_no_more_than_its_bytes(void **state)
{
    struct scene *s = *state;
    char *body = calloc(1, COMMITTER_BYTES);
    s->parts[0].body = body;
    s->parts[0].body_len = COMMITTER_BYTES;
    post_all(s);
    run_ms(s, 1);
    assert_int_equal(stored(s), 1);
    run_ms(s, 20);
    assert_int_equal(stored(s), 3);
    assert_int_equal(store_sim_counts(s->store->sim)->joint, 1);
    free(body);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_all_shards_handed_over_is_one_transaction),
        CASE(what_comes_while_a_transaction_runs_waits_for_the_next),
        CASE(a_shard_without_its_lease_fails_alone),
        CASE(a_transaction_that_fails_fails_for_all_in_it),
        CASE(one_that_finds_nothing_to_append_comes_home),
        CASE(a_transaction_takes_no_more_than_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
