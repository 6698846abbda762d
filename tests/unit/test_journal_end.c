/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that has lost its end, or is another one, is told by what stands beside it. */
#include "tests/unit/shard_fixture.h"

#include "runtime/projector/journal_end.h"

#define BATCHES 5

static enum err committed_nothing(struct journal_store *s, uint16_t shard,
                                  struct store_position *position)
{
    (void)s;
    (void)shard;
    (void)position;
    return ERR_NOT_FOUND;
}

struct end {
    struct fixture *f;
    struct journal_store *journal;
    const struct journal_store_ops *truly;
    struct journal_store_ops unmarked;
    uint64_t last;
};

/* A few batches, all of them in the views; without a commit mark the views alone know them. */
static struct end given_journal(struct fixture *f, bool marked)
{
    struct end e = {.f = f, .journal = store_sim_journal(f->sim)};
    for (uint64_t n = 1; n <= BATCHES; n++)
        fill(f, n, n);
    run(f, 5000 * MS);
    e.truly = e.journal->ops;
    e.unmarked = *e.truly;
    e.unmarked.committed = marked ? e.truly->committed : committed_nothing;
    assert_int_equal(e.truly->head(e.journal, f->number, &e.last), ERR_OK);
    return e;
}

static void assert_end(struct end *e, const char *fault)
{
    char reason[400] = "";
    e->journal->ops = &e->unmarked;
    bool holds = journal_end_holds(e->journal, store_sim_views(e->f->sim), e->f->number, reason,
                                   sizeof reason);
    e->journal->ops = e->truly;
    assert_int_equal(holds, fault == NULL);
    if (strstr(reason, fault != NULL ? fault : "") == NULL)
        fail_msg("%s: %s", fault, reason);
    assert_true(holds == (reason[0] == '\0'));
}

static void a_journal_holds_what_is_known_of_it(void **state)
{
    struct end e = {.f = *state, .journal = store_sim_journal(e.f->sim)};
    e.truly = e.journal->ops;
    e.unmarked = *e.truly;
    assert_end(&e, NULL); /* new */
    e = given_journal(*state, true);
    assert_end(&e, NULL);
    store_sim_views_back(e.f->sim, 1);
    assert_end(&e, NULL); /* longer than the views know */
}

static void a_lost_end_is_told(void **state)
{
    struct end e = given_journal(*state, true);
    assert_true(store_sim_delete(e.f->sim, e.f->number, e.last));
    assert_end(&e, "was committed, but the journal of shard 0 ends at batch ");
    e.unmarked.committed = committed_nothing;
    assert_end(&e, "the views stand at batch ");
}

static void another_journal_is_told(void **state)
{
    struct end e = given_journal(*state, true);
    assert_true(store_sim_swap(e.f->sim, e.f->number, e.last - 1, e.last));
    assert_end(&e, "is not the one that was committed");
    e.unmarked.committed = committed_nothing;
    assert_end(&e, "of another journal of shard 0");
}

/* Whoever reads it next reports it. */
static void what_cannot_be_read_is_no_finding(void **state)
{
    struct end e = given_journal(*state, true);
    assert_true(store_sim_swap(e.f->sim, e.f->number, e.last - 1, e.last));
    store_sim_set_faults(e.f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    assert_end(&e, NULL);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(a_journal_holds_what_is_known_of_it),
        SCENARIO(a_lost_end_is_told),
        SCENARIO(another_journal_is_told),
        SCENARIO(what_cannot_be_read_is_no_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
