/* SPDX-License-Identifier: Apache-2.0 */
/* What one transaction of the views takes in is limited, and each moves their position; what a
 * start takes out of them. */
#include "tests/unit/shard_fixture.h"

#include "runtime/shard/shard_priv.h"

static void a_step_of_the_views_takes_only_so_many_refusals(void **state)
{
    enum { BATCHES = 4 };
    struct fixture *f = *state;
    struct wire_writer body;
    wire_writer_init(&body, (size_t)64 << 20);
    fill(f, 1, 1);
    run(f, 5000 * MS); /* projected */
    uint64_t head = f->shard->journal.committed_seq;
    struct batch_row row = {
        .seq = head, .epoch = f->shard->journal.epoch, .hash = f->shard->journal.hash};
    for (uint64_t i = 1; i <= BATCHES; i++)
        append_refusals(f, PROJECTOR_STEP_KEYS * 2 / 3, &body, &row);
    wire_writer_done(&body);
    crash(f);
    while (f->shard->projector.follower.position.seq <= head)
        run(f, MS / 10);
    assert_int_equal(f->shard->projector.follower.position.seq, head + 2);
    run(f, 30000 * MS);
    assert_int_equal(f->shard->projector.follower.position.seq, head + BATCHES);
}

/* The journal has a refusal for good, the views as long as its key: then the same request is
 * decided anew. */
static void a_refusal_leaves_the_views_with_its_key(void **state)
{
    struct fixture *f = *state;
    const struct key_space keys = {f->number, KEY_KIND_REQUEST};
    struct view_store *views = store_sim_views(f->sim);
    struct ask a = {.body.move = {purse(1), purse(2), 1, 1}};
    uint64_t position;
    fill(f, 1, 0);
    fill(f, 2, 0);
    keyed(&a, 7, 7);
    post(f, &a, &purse_move_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, PURSE_EMPTY);
    run(f, DEDUP_KEEP_NS - NS_PER_DAY);
    fill(f, 1, 1);
    run(f, 5000 * MS);
    assert_int_equal(views->ops->key_find(views, keys, a.message.key, &position), ERR_OK);
    run(f, 2 * NS_PER_DAY);
    fill(f, 1, 1);
    run(f, 5000 * MS);
    assert_int_equal(views->ops->key_find(views, keys, a.message.key, &position), ERR_NOT_FOUND);
    crash(f);
    run(f, 100 * MS);
    post(f, &a, &purse_move_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    assert_false(a.message.replayed);
    forget(&a);
}

/* Moves of the views, counted, that did not move the position they found. */
static struct {
    const struct view_store_ops *truly;
    uint64_t commits, idle;
} commits;

static enum err count_move(struct view_store *s, uint16_t shard,
                           const struct store_position *position)
{
    struct store_position before;
    assert_int_equal(s->ops->position(s, shard, &before), ERR_OK);
    commits.commits++;
    commits.idle += position->seq <= before.seq;
    return commits.truly->move(s, shard, position);
}

static uint64_t views_stand_at(struct fixture *f)
{
    struct view_store *s = store_sim_views(f->sim);
    struct store_position position;
    assert_int_equal(s->ops->position(s, f->number, &position), ERR_OK);
    return position.seq;
}

/* Look-ups of keys go by the position: what is there changes with it alone. */
static void a_commit_that_was_done_although_it_failed_is_not_done_again(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = store_sim_views(f->sim);
    struct view_store_ops counted = *s->ops;
    commits.truly = s->ops;
    commits.commits = commits.idle = 0;
    counted.move = count_move;
    s->ops = &counted;
    for (uint64_t key = 1; key <= 40; key++) {
        struct ask a = {.body.fill = {purse(1), 1}};
        keyed(&a, key, 1);
        store_sim_script(f->sim, STORE_SIM_VIEWS_UNKNOWN, 0);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        forget(&a);
        while (views_stand_at(f) < f->shard->journal.committed_seq)
            run(f, MS / 10);
        assert_true(f->shard->projector.follower.position.seq < f->shard->journal.committed_seq);
        while (f->shard->projector.follower.position.seq < f->shard->journal.committed_seq)
            run(f, MS / 10);
    }
    s->ops = commits.truly;
    assert_true(commits.commits >= 40);
    assert_int_equal(commits.idle, 0);
    assert_int_equal(look(f, 1), 40);
}

static struct {
    const struct view_store_ops *truly;
    uint64_t count;
} states_put;

static enum err count_state(struct view_store *s, const struct state_row *row)
{
    states_put.count++;
    return states_put.truly->put_state(s, row);
}

static void a_step_writes_the_states_that_it_changed_alone(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = store_sim_views(f->sim);
    struct view_store_ops counted = *s->ops;
    states_put.truly = s->ops;
    states_put.count = 0;
    counted.put_state = count_state;
    s->ops = &counted;
    for (uint64_t n = 1; n <= 10; n++) {
        fill(f, n, 1);
        run(f, 5000 * MS);
        assert_int_equal(states_put.count, n);
    }
    s->ops = states_put.truly;
}

/* A store as SQLite: a read that fails takes the open transaction back, and whatever is written
 * then is there for good, without its position. */
static struct {
    const struct view_store_ops *truly;
    bool open, fails_next, taken_back;
    uint64_t failed, stray;
} broken;

static enum err broken_begin(struct view_store *s)
{
    broken.open = true;
    return broken.truly->begin(s);
}

static void broken_rollback(struct view_store *s)
{
    broken.open = broken.taken_back = false;
    broken.truly->rollback(s);
}

static enum err broken_load(struct view_store *s, uint16_t shard, uint16_t kind, struct id128 id,
                            state_row_cb row, void *context)
{
    if (!broken.open || !broken.fails_next)
        return broken.truly->state_load(s, shard, kind, id, row, context);
    broken.fails_next = false;
    broken.taken_back = true;
    broken.failed++;
    return ERR_IO;
}

static enum err broken_put_state(struct view_store *s, const struct state_row *row)
{
    broken.stray += broken.taken_back;
    return broken.truly->put_state(s, row);
}

static enum err broken_commit(struct view_store *s)
{
    broken.stray += broken.taken_back;
    broken.open = false;
    return broken.truly->commit(s);
}

static void after_a_state_that_could_not_be_preloaded_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = store_sim_views(f->sim);
    struct view_store_ops ops = *s->ops;
    memset(&broken, 0, sizeof broken);
    broken.truly = s->ops;
    fill(f, 1, 1);
    run(f, 5000 * MS); /* projected */
    f->views.delay_min_ns = f->views.delay_max_ns = 500 * MS; /* not before the crash */
    fill(f, 1, 1);
    ops.begin = broken_begin;
    ops.rollback = broken_rollback;
    ops.state_load = broken_load;
    ops.put_state = broken_put_state;
    ops.commit = broken_commit;
    s->ops = &ops;
    broken.fails_next = true;
    crash(f);
    run(f, 30000 * MS);
    s->ops = broken.truly;
    assert_int_equal(broken.failed, 1);
    assert_int_equal(broken.stray, 0);
    assert_int_equal(views_stand_at(f), f->shard->journal.committed_seq);
    assert_int_equal(look(f, 1), 2);
}

#define OLD_KEYS 50000 /* more than are read at once */

/* What the next step commits with its own. */
static enum err (*move_truly)(struct view_store *s, uint16_t shard,
                              const struct store_position *position);

static enum err move_with_old_keys(struct view_store *s, uint16_t shard,
                                   const struct store_position *position)
{
    struct key_decision *old = calloc(OLD_KEYS, sizeof *old);
    assert_non_null(old);
    for (uint64_t i = 0; i < OLD_KEYS; i++)
        old[i] = (struct key_decision){.key = {3, i + 1}, .position = 1, .time_ns = 1};
    enum err e = s->ops->keys_add(s, (struct key_space){shard, KEY_KIND_REQUEST}, old, OLD_KEYS);
    free(old);
    return e == ERR_OK ? move_truly(s, shard, position) : e;
}

/* Once a start has read them all, however many: until then the views are asked. */
static void a_key_that_is_none_of_the_old_ones_is_known_as_new(void **state)
{
    struct fixture *f = *state;
    struct view_store *store = store_sim_views(f->sim);
    const struct view_store_ops *truly = store->ops;
    struct view_store_ops more = *truly;
    uint64_t position;
    move_truly = truly->move;
    more.move = move_with_old_keys;
    store->ops = &more;
    fill(f, 1, 10);
    run(f, 1000 * MS);
    store->ops = truly;
    crash(f);
    assert_int_equal(look(f, 1), 10);
    run(f, 1000 * MS);
    int asked = 0;
    for (uint64_t i = 1; i <= OLD_KEYS; i++)
        if (dedup_table_find(&f->shard->keys, (struct id128){3, i}, &position) != DEDUP_ASK)
            fail_msg("key %llu is not asked for", (unsigned long long)i);
    for (uint64_t i = 1; i <= 100; i++)
        asked += dedup_table_find(&f->shard->keys, (struct id128){4, i}, &position) == DEDUP_ASK;
    assert_in_range(asked, 0, 99); /* the filter may err */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_that_is_none_of_the_old_ones_is_known_as_new, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_step_of_the_views_takes_only_so_many_refusals, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_refusal_leaves_the_views_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_that_was_done_although_it_failed_is_not_done_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_writes_the_states_that_it_changed_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            after_a_state_that_could_not_be_preloaded_nothing_is_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
