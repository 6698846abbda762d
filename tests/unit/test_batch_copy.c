/* SPDX-License-Identifier: Apache-2.0 */
/* A batch is taken out of the journal to be looked at, and what is wrong with it is named. */
#include "tests/unit/shard_fixture.h"

#include "runtime/journal/batch_copy.h"

static uint64_t given_batches(struct fixture *f)
{
    uint64_t last;
    struct journal_store *s = store_sim_journal(f->sim);
    for (uint64_t n = 1; n <= 5; n++)
        fill(f, n, n);
    run(f, 5000 * MS);
    assert_int_equal(s->ops->head(s, f->number, &last), ERR_OK);
    assert_true(last >= 5);
    return last;
}

/* What is found wrong with it, NULL if nothing is. */
static const char *fault_of(struct fixture *f, uint64_t seq)
{
    struct batch_copy c;
    assert_int_equal(batch_copy_take(&c, store_sim_journal(f->sim), f->number, seq), ERR_OK);
    assert_int_equal(c.row.seq, seq);
    const char *fault = batch_copy_fault(&c);
    batch_copy_drop(&c);
    return fault;
}

static void each_batch_follows_the_one_before(void **state)
{
    struct fixture *f = *state;
    const uint64_t last = given_batches(f);
    struct batch_copy c;
    for (uint64_t seq = 1; seq <= last; seq++)
        assert_null(fault_of(f, seq));
    const uint64_t absent[] = {0, last + 1};
    for (size_t i = 0; i < array_len(absent); i++) {
        assert_int_equal(batch_copy_take(&c, store_sim_journal(f->sim), f->number, absent[i]),
                         ERR_NOT_FOUND);
        batch_copy_drop(&c);
    }
}

static void a_changed_batch_does_not_match_its_hash(void **state)
{
    struct fixture *f = *state;
    given_batches(f);
    assert_true(store_sim_flip(f->sim, f->number, 3, 77));
    assert_string_equal(fault_of(f, 3), "its hash does not match its content");
    assert_null(fault_of(f, 2));
    assert_null(fault_of(f, 4)); /* by the hash that is stored with the one before */
}

static void a_batch_after_a_hole_is_told(void **state)
{
    struct fixture *f = *state;
    struct batch_copy c;
    given_batches(f);
    assert_true(store_sim_delete(f->sim, f->number, 3));
    assert_string_equal(fault_of(f, 4), "the batch before it is missing or cannot be read");
    assert_int_equal(batch_copy_take(&c, store_sim_journal(f->sim), f->number, 3), ERR_NOT_FOUND);
    batch_copy_drop(&c);
}

static void a_batch_of_another_place_does_not_follow(void **state)
{
    struct fixture *f = *state;
    given_batches(f);
    assert_true(store_sim_swap(f->sim, f->number, 2, 4));
    const char *fault = fault_of(f, 4);
    assert_non_null(fault);
    assert_non_null(fault_of(f, 3));
}

static void what_cannot_be_read_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct batch_copy c;
    given_batches(f);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    assert_int_equal(batch_copy_take(&c, store_sim_journal(f->sim), f->number, 2), ERR_IO);
    batch_copy_drop(&c);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(each_batch_follows_the_one_before),
        SCENARIO(a_changed_batch_does_not_match_its_hash),
        SCENARIO(a_batch_after_a_hole_is_told),
        SCENARIO(a_batch_of_another_place_does_not_follow),
        SCENARIO(what_cannot_be_read_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
