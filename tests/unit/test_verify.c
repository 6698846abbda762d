/* SPDX-License-Identifier: Apache-2.0 */
/* The verification of a journal goes by steps that a process can do beside its work. */
#include "tests/unit/shard_fixture.h"

#include "runtime/projector/verify.h"
#include "runtime/shard/shard_priv.h"

/* A refusal has no event, and a batch that probes a full disk has no record either. */
static void a_step_takes_only_so_much_whatever_the_batches_hold(void **state)
{
    enum { BATCHES = 40, MOST = 1000 };
    static const uint32_t refusals[] = {0, 1, 100, MOST};
    struct fixture *f = *state;
    fill(f, 1, 1);
    for (size_t kind = 0; kind < array_len(refusals); kind++) {
        struct wire_writer body;
        struct verify v;
        wire_writer_init(&body, (size_t)1 << 20);
        struct batch_row row = {.seq = f->shard->journal.committed_seq,
                                .epoch = f->shard->journal.epoch,
                                .hash = f->shard->journal.hash};
        for (int i = 0; i < BATCHES; i++)
            append_refusals(f, refusals[kind], &body, &row);
        wire_writer_done(&body);
        crash(f);
        run(f, 5000 * MS);
        verify_init(&v, &f->domain, store_sim_journal(f->sim), f->number, NULL);
        uint64_t before, done = 0;
        do {
            before = done;
            bool more = verify_step(&v, MOST);
            done = v.replay.events + v.replay.records + v.replay.seq;
            assert_in_range(done - before, 1, 2 * MOST);
            assert_int_equal(more, v.replay.seq < row.seq);
        } while (v.replay.seq < row.seq);
        assert_null(v.problem);
        verify_done(&v);
    }
}

/* Nobody shall restore a backup because there were too many open files. */
static void a_failed_read_is_no_damage(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    for (int begun = 0; begun < 2; begun++) {
        struct verify v;
        struct store_sim_faults broken = {.read_io_ppm = 1000000};
        store_sim_set_faults(f->sim, begun ? &(struct store_sim_faults){0} : &broken);
        verify_init(&v, &f->domain, store_sim_journal(f->sim), f->number, NULL);
        store_sim_set_faults(f->sim, &broken);
        assert_false(verify_step(&v, 1));
        assert_true(v.finished);
        assert_non_null(strstr(v.problem, "cannot be read after batch 0"));
        assert_int_equal(v.damaged_seq, 0);
        verify_done(&v);
        store_sim_set_faults(f->sim, &(struct store_sim_faults){0});
    }
}

/* --- what services find in the end ------------------------------------------------------------ */

static struct {
    const char *first, *second;
    int asked;
} audits;

static const char *audit_first(struct registry *r)
{
    (void)r;
    audits.asked++;
    return audits.first;
}

static const char *audit_second(struct registry *r)
{
    (void)r;
    audits.asked++;
    return audits.second;
}

/* Of the whole journal, by these audits; gives what was found. */
static const char *audited(struct fixture *f, const char *first, const char *second)
{
    static const struct service one = {.name = "one", .audit = audit_first},
                                other = {.name = "other", .audit = audit_second};
    static const struct service *const audited_services[] = {&purse_service, &one, &other};
    static struct domain domain;
    static struct verify v;
    domain_init(&domain, audited_services, array_len(audited_services));
    audits.first = first;
    audits.second = second;
    audits.asked = 0;
    verify_init(&v, &domain, store_sim_journal(f->sim), f->number, NULL);
    while (verify_step(&v, 1))
        assert_int_equal(audits.asked, 0);
    const char *problem = v.problem;
    verify_done(&v);
    return problem;
}

static void the_first_service_that_finds_something_is_heard(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        fill(f, 1, 1);
    assert_null(audited(f, NULL, NULL));
    assert_int_equal(audits.asked, 2);
    assert_string_equal(audited(f, NULL, "two"), "two");
    assert_string_equal(audited(f, "one", "two"), "one");
    assert_int_equal(audits.asked, 1);
    assert_true(store_sim_flip(f->sim, 0, 2, 77));
    assert_non_null(audited(f, "one", "two"));
    assert_int_equal(audits.asked, 0); /* of states that are not all there */
}

static void a_damaged_batch_is_named(void **state)
{
    struct fixture *f = *state;
    struct verify v;
    for (int i = 0; i < 3; i++)
        fill(f, 1, 1);
    assert_true(store_sim_delete(f->sim, 0, 2));
    verify_init(&v, &f->domain, store_sim_journal(f->sim), f->number, NULL);
    while (verify_step(&v, 1))
        assert_null(v.problem);
    assert_non_null(strstr(v.problem, "journal of shard 0 is damaged at batch 2: "));
    assert_int_equal(v.damaged_seq, 2);
    assert_int_equal(v.replay.seq, 1);
    verify_done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_takes_only_so_much_whatever_the_batches_hold, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_read_is_no_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_service_that_finds_something_is_heard, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_batch_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
