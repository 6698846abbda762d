/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include "runtime/journal/journal.h"
#include "runtime/sim/world.h"

/* A journal of shard 0 in a world whose worker needs 1 ms for each half of a job. */
struct scene {
    struct fixture *store;
    struct world world;
    struct world_worker worker;
    struct committer committer;
    struct journal journal;
    uint64_t durable;    /* the newest batch told */
    enum err failure;    /* told once */
    uint32_t failed;     /* batches that were taken after it */
};

static void on_durable(void *context, struct batch *b)
{
    struct scene *s = context;
    assert_int_equal(b->seq, s->durable + 1);
    s->durable = b->seq;
    env_wake(&s->world.loop.env);
}

static void on_failure(void *context, enum err e)
{
    struct scene *s = context;
    assert_int_equal(s->failure, ERR_OK);
    assert_true(journal_at_rest(&s->journal));
    s->failure = e;
}

static void flush(void *context)
{
    journal_flush(&((struct scene *)context)->journal);
}

static int set_up(void **state)
{
    void *store;
    fixture_sim(&store);
    struct scene *s = calloc(1, sizeof *s);
    s->store = store;
    world_init(&s->world, 1);
    s->world.loop.pass = flush;
    s->world.loop.context = s;
    world_worker_init(&s->worker, &s->world, "journal", 1000000, 1000000);
    struct journal_store *st = s->store->journal;
    uint64_t epoch;
    assert_int_equal(st->ops->lease_take(st, 0, slice_of("test"), &epoch), ERR_OK);
    committer_init(&s->committer, (struct worker *)&s->worker, st);
    journal_init(&s->journal, &s->world.loop.env, &s->committer, 0);
    s->journal.on_durable = on_durable;
    s->journal.on_failure = on_failure;
    s->journal.context = s;
    journal_resume(&s->journal, epoch, 0, &(struct sha256_digest){{0}});
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    journal_done(&s->journal);
    committer_done(&s->committer);
    world_done(&s->world);
    void *store = s->store;
    fixture_done(&store);
    free(s);
    return 0;
}

/* What one pass decided. */
static void pass(struct scene *s)
{
    journal_reopen(&s->journal);
    struct batch *b = s->journal.open;
    const struct principal who = principal_system();
    batch_begin_record(b, &(struct record_head){.time_ns = 1, .who = &who});
    record_end(&b->body, &(struct record_answer){0});
    b->records++;
    b->items += 2;
    journal_turn_done(&s->journal);
    journal_flush(&s->journal);
}

static void put_nothing(struct wire_writer *w, const void *body)
{
    (void)body;
    wire_put_nil(w);
}

/* The same, and something was sent. */
static void pass_sending(struct scene *s)
{
    struct batch *b = s->journal.open;
    const struct principal who = principal_system();
    batch_begin_record(b, &(struct record_head){.time_ns = 1, .who = &who});
    b->items++;
    (void)batch_send(b, &(struct record_send){.to = 1, .kind = 1, .type = 1}, put_nothing, NULL);
    record_end(&b->body, &(struct record_answer){0});
    b->records++;
    journal_turn_done(&s->journal);
    journal_flush(&s->journal);
}

static void run_ms(struct scene *s, uint64_t ms)
{
    world_run(&s->world, s->world.now_ns + ms * 1000000);
}

static bool count_row(void *context, const struct batch_row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t stored(struct scene *s)
{
    struct journal_store *st = s->store->journal;
    uint64_t rows = 0;
    assert_int_equal(st->ops->tail(st, 0, 1, count_row, &rows), ERR_OK);
    return rows;
}

static void take_failed(struct scene *s)
{
    struct batch *b;
    while (s->journal.open != NULL && (b = journal_take_failed(&s->journal)) != NULL) {
        s->failed++;
        journal_spare(&s->journal, b);
    }
}

static struct scene *others; /* whose batches are committed by gather() */
static const struct journal_store_ops *ops_before;

/* Meanwhile the loop makes three passes. */
static void gather(struct journal_store *st, struct batch_run *runs, uint32_t count)
{
    st->ops = ops_before;
    for (int i = 0; i < 3; i++)
        pass(others);
    assert_true(others->journal.in_flight.first == others->journal.in_flight.last);
    st->ops->append(st, runs, count);
}

static void take_one(struct append *a)
{
    a->rows[0] = (struct batch_row){.shard = 1, .seq = 1, .body = slice_of("x")};
    a->count = 1;
}

static void take_end(struct append *a)
{
    assert_int_equal(a->result, ERR_FENCED); /* it has no lease */
}

static void take_home(struct work *w)
{
    (void)w;
}

/* One row of the journal instead of three. */
static void what_gathers_while_others_are_appended_is_one_batch(void **state)
{
    struct scene *s = *state;
    struct journal_store *st = s->store->journal;
    struct append other = {.take = take_one, .ended = take_end, .work.done = take_home};
    struct journal_store_ops slow = *st->ops;
    others = s;
    ops_before = st->ops;
    slow.append = gather;
    st->ops = &slow;
    committer_post(&s->committer, &s->world.loop.env, &other);
    run_ms(s, 10);
    assert_true(st->ops == ops_before);
    assert_int_equal(s->durable, 1);
    assert_int_equal(s->journal.stats.records, 3);
    assert_int_equal(s->journal.stats.appends, 1);
    assert_true(journal_idle(&s->journal));
    assert_false(committer_busy(&s->committer));
}

static void what_gathers_during_an_append_goes_with_the_next(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < 5; i++) {
        pass(s); /* the first four before the worker has come to it */
        if (i == 3)
            run_ms(s, 1);
    }
    assert_int_equal(stored(s), 4);
    run_ms(s, 10);
    assert_int_equal(s->durable, 5);
    assert_int_equal(s->journal.stats.appends, 2);
    assert_true(journal_idle(&s->journal));
}

static void an_append_waits_at_the_worker_while_another_is_reported(void **state)
{
    struct scene *s = *state;
    pass(s);
    run_ms(s, 1); /* appended, not yet reported */
    pass(s);
    run_ms(s, 1); /* appended as well */
    assert_int_equal(stored(s), 2);
    assert_int_equal(s->durable, 1);
    pass(s); /* both appends were under way: the first that returns takes it */
    run_ms(s, 10);
    assert_int_equal(s->durable, 3);
    assert_int_equal(s->journal.stats.appends, 3);
}

static void a_batch_that_waits_behind_an_append_grows(void **state)
{
    struct scene *s = *state;
    pass(s);
    run_ms(s, 1); /* appended, not yet reported */
    for (int i = 0; i < 4; i++)
        pass(s);
    run_ms(s, 1);
    assert_int_equal(stored(s), 2);
    pass(s); /* too late for that one */
    run_ms(s, 10);
    assert_int_equal(s->durable, 3);
    assert_int_equal(s->journal.stats.records, 6);
    assert_int_equal(s->journal.queued_bytes, 0);
}

static void more_than_one_transaction_takes_is_appended_in_order(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < 3 * APPEND_BATCHES; i++)
        pass(s);
    run_ms(s, 20);
    assert_int_equal(s->journal.stats.records, 3 * APPEND_BATCHES);
    assert_int_equal(s->durable, stored(s));
    assert_int_equal(s->journal.queued_bytes, 0);
}

/* The disk has space again when the worker comes to the second append: were it done, the batch
 * between would be missing for ever. */
static void after_a_failure_nothing_more_is_appended(void **state)
{
    struct scene *s = *state;
    pass(s);
    store_sim_disk_full(s->store->sim, true);
    run_ms(s, 1);
    pass(s);
    store_sim_disk_full(s->store->sim, false);
    pass(s);
    run_ms(s, 10);
    assert_int_equal(s->failure, ERR_STORE_FULL);
    assert_int_equal(s->journal.doubtful, 1);
    assert_int_equal(s->durable, 0);
    assert_int_equal(stored(s), 0);
    pass(s);
    run_ms(s, 10);
    assert_int_equal(stored(s), 0);
    take_failed(s);
    assert_in_range(s->failed, 4, 5); /* the open one is among them */
    journal_resume(&s->journal, s->journal.epoch, 0, &(struct sha256_digest){{0}});
    pass(s);
    run_ms(s, 10);
    assert_int_equal(s->durable, 1);
    assert_int_equal(stored(s), 1);
}

static void a_probe_is_retracted_until_there_is_space(void **state)
{
    struct scene *s = *state;
    store_sim_disk_full(s->store->sim, true);
    for (int i = 0; i < 3; i++) {
        journal_probe(&s->journal);
        run_ms(s, 10);
        assert_int_equal(s->failure, ERR_STORE_FULL);
        s->failure = ERR_OK;
        assert_true(journal_retract(&s->journal));
    }
    store_sim_disk_full(s->store->sim, false);
    journal_probe(&s->journal);
    pass(s);
    run_ms(s, 10);
    assert_int_equal(s->failure, ERR_OK);
    assert_int_equal(s->durable, 2);
}

/* The clock goes on while the worker appends, by as much as each look at it. */
static uint64_t slow_look;

static uint64_t mono_ns_slow(struct env *e)
{
    struct world *w = container_of(e, struct world, loop.env);
    return w->now_ns += slow_look;
}

static void what_appends_take_is_counted(void **state)
{
    struct scene *s = *state;
    const struct env_ops *truly = s->world.loop.env.ops;
    struct env_ops slowly = *truly;
    slowly.mono_ns = mono_ns_slow;
    s->world.loop.env.ops = &slowly;
    static const uint64_t looks[] = {100, 500 * 1000, 7};
    for (size_t i = 0; i < array_len(looks); i++) {
        slow_look = looks[i];
        pass(s);
        run_ms(s, 10);
    }
    s->world.loop.env.ops = truly;
    const struct journal_stats *stats = &s->journal.stats;
    uint64_t counted = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        counted += stats->append_ns.counts[i];
    assert_int_equal(counted, 3);
    assert_int_equal(stats->appends, 3);
    assert_int_equal(stats->append_ns.sum, stats->append_ns_sum);
    assert_in_range(stats->append_ns_max, 500 * 1000, 2 * 500 * 1000);
    assert_in_range(stats->append_ns_sum, stats->append_ns_max + 107, 3 * 500 * 1000);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Of the other shards: they ask for what was recorded with the send. */
static void what_sent_is_kept_for_those_who_come_back(void **state)
{
    struct scene *s = *state;
    pass_sending(s);
    run_ms(s, 10);
    struct batch *sent = journal_batch(&s->journal, 1);
    assert_non_null(sent);
    assert_int_equal(sent->state, BATCH_RECENT);
    pass(s);
    run_ms(s, 10);
    assert_int_equal(s->journal.committed_seq, 2);
    assert_null(journal_batch(&s->journal, 2));
    assert_ptr_equal(journal_batch(&s->journal, 1), sent);
    for (uint32_t i = 0; i < JOURNAL_RECENT_BATCHES; i++) {
        pass_sending(s);
        run_ms(s, 10);
    }
    assert_int_equal(s->journal.recent_count, JOURNAL_RECENT_BATCHES);
    assert_null(journal_batch(&s->journal, 1));
    assert_non_null(journal_batch(&s->journal, 3));
    assert_non_null(journal_batch(&s->journal, JOURNAL_RECENT_BATCHES + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_gathers_while_others_are_appended_is_one_batch),
        CASE(what_gathers_during_an_append_goes_with_the_next),
        CASE(an_append_waits_at_the_worker_while_another_is_reported),
        CASE(a_batch_that_waits_behind_an_append_grows),
        CASE(more_than_one_transaction_takes_is_appended_in_order),
        CASE(after_a_failure_nothing_more_is_appended),
        CASE(a_probe_is_retracted_until_there_is_space),
        CASE(what_sent_is_kept_for_those_who_come_back),
        CASE(what_appends_take_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
