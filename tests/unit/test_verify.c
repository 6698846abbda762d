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
        verify_init(&v, &f->domain, store_sim_journal(f->sim), f->number);
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
        verify_init(&v, &f->domain, store_sim_journal(f->sim), f->number);
        store_sim_set_faults(f->sim, &broken);
        assert_false(verify_step(&v, 1));
        assert_true(v.finished);
        assert_non_null(strstr(v.problem, "cannot be read after batch 0"));
        assert_int_equal(v.damaged_seq, 0);
        verify_done(&v);
        store_sim_set_faults(f->sim, &(struct store_sim_faults){0});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_takes_only_so_much_whatever_the_batches_hold, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_read_is_no_damage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
