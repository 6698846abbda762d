/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that is damaged where nobody looks any more: found, named, and served on. */
#include "tests/unit/shard_fixture.h"

#include "runtime/journal/scrub.h"
#include "runtime/shard/shard_priv.h"

#define DAY ((uint64_t)24 * 3600 * 1000 * MS)
#define FIRST (SCRUB_FIRST_NS + 1000 * MS) /* the first step of a small journal is all of it */

static struct shard_stats stats_of(struct fixture *f)
{
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    return stats;
}

/* A batch for each purse, all of them in the views. */
static void given_batches(struct fixture *f, uint64_t count)
{
    for (uint64_t n = 1; n <= count; n++)
        fill(f, n, n);
    run(f, 5000 * MS);
    assert_int_equal(stats_of(f).projected_seq, stats_of(f).committed_seq);
    assert_true(stats_of(f).committed_seq >= count);
}

static void a_journal_in_order_is_read_once_a_day(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    assert_int_equal(stats_of(f).scrubs, 0);
    run(f, FIRST);
    assert_int_equal(stats_of(f).scrubs, 1);
    run(f, DAY / 2);
    assert_int_equal(stats_of(f).scrubs, 1);
    run(f, DAY / 2);
    assert_int_equal(stats_of(f).scrubs, 2);
    assert_int_equal(stats_of(f).damaged_seq, 0);
}

static void damage_is_named_and_the_shard_serves_on(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    assert_true(store_sim_flip(f->sim, 0, 4, 77));
    run(f, FIRST);
    assert_int_equal(stats_of(f).damaged_seq, 4);
    assert_int_equal(stats_of(f).scrubs, 0);
    assert_int_equal(f->state, SHARD_RUNNING);
    assert_int_equal(look(f, 4), 4);
    assert_int_equal(fill(f, 4, 1), ERR_OK);
    assert_true(store_sim_flip(f->sim, 0, 4, 77)); /* as restored from a copy */
    run(f, DAY);
    assert_int_equal(stats_of(f).damaged_seq, 0);
    assert_int_equal(stats_of(f).scrubs, 1);
}

static void a_missing_batch_is_damage(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    assert_true(store_sim_delete(f->sim, 0, 6));
    run(f, FIRST);
    assert_int_equal(stats_of(f).damaged_seq, 6);
}

static void swapped_batches_are_damage(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    assert_true(store_sim_swap(f->sim, 0, 3, 5));
    run(f, FIRST);
    assert_int_equal(stats_of(f).damaged_seq, 3);
}

/* What the log says of the pass that begins now. */
static const char *scrubbed(struct fixture *f)
{
    static struct listener l;
    listen_to(f, &l);
    run(f, DAY);
    assert_true(heard(f, &l, "\"event\"") > 0);
    return l.text;
}

static void an_operator_reads_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    run(f, FIRST);
    assert_true(store_sim_flip(f->sim, 0, 4, 77));
    assert_non_null(strstr(scrubbed(f), "\"batch\":4,\"reason\":\"its hash does not match"));
    assert_true(store_sim_flip(f->sim, 0, 4, 77));
    assert_true(store_sim_delete(f->sim, 0, 6));
    assert_non_null(strstr(scrubbed(f), "\"batch\":6,\"reason\":\"it is missing"));
    assert_true(store_sim_swap(f->sim, 0, 2, 3));
    assert_non_null(strstr(scrubbed(f), "\"batch\":2,\"reason\":\"it does not follow"));
}

static void a_read_error_is_no_damage(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    run(f, 5 * SCRUB_FIRST_NS);
    assert_int_equal(stats_of(f).damaged_seq, 0);
    assert_int_equal(stats_of(f).scrubs, 0);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){0});
    run(f, FIRST);
    assert_int_equal(stats_of(f).scrubs, 1);
}

static void a_large_journal_is_read_in_steps(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    fill(f, 2, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(move(f, 1, 2, 0, 40000), ERR_OK);
    run(f, SCRUB_FIRST_NS);
    assert_true(stats_of(f).journal_bytes > 4 * SCRUB_STEP_BYTES);
    assert_int_equal(stats_of(f).scrubs, 0);
    run(f, 2 * SCRUB_STEP_NS);
    assert_int_equal(stats_of(f).scrubs, 0);
    run(f, 3 * SCRUB_STEP_NS);
    assert_int_equal(stats_of(f).scrubs, 1);
}

static void a_new_process_begins_anew(void **state)
{
    struct fixture *f = *state;
    given_batches(f, 10);
    run(f, FIRST);
    crash(f);
    run(f, FIRST);
    assert_int_equal(stats_of(f).scrubs, 1);
    assert_int_equal(look(f, 3), 3);
}

static void an_answer_that_is_damaged_is_not_given_again(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.body.fill = {purse(1), 5}};
    for (uint64_t bit = 8; bit < 400; bit += 56) {
        keyed(&a, bit, 1);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        assert_false(a.message.replayed);
        uint64_t seq = f->shard->journal.committed_seq;
        run(f, 5000 * MS);
        crash(f);
        run(f, 100 * MS);
        assert_true(store_sim_flip(f->sim, 0, seq, bit));
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_UNAVAILABLE);
        assert_true(store_sim_flip(f->sim, 0, seq, bit)); /* as restored from a copy */
        crash(f);
        run(f, 100 * MS);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        assert_true(a.message.replayed);
    }
    forget(&a);
}

#define SCENARIO(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_journal_in_order_is_read_once_a_day),
        SCENARIO(damage_is_named_and_the_shard_serves_on),
        SCENARIO(an_answer_that_is_damaged_is_not_given_again),
        SCENARIO(a_missing_batch_is_damage),
        SCENARIO(swapped_batches_are_damage),
        SCENARIO(an_operator_reads_what_is_wrong),
        SCENARIO(a_read_error_is_no_damage),
        SCENARIO(a_large_journal_is_read_in_steps),
        SCENARIO(a_new_process_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
