/* SPDX-License-Identifier: Apache-2.0 */
/* What one transaction of the views takes in is limited. */
#include "tests/unit/shard_fixture.h"

#include "runtime/actor/shard_priv.h"

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
    while (f->shard->projector.position.seq <= head)
        run(f, MS / 10);
    assert_int_equal(f->shard->projector.position.seq, head + 2);
    run(f, 30000 * MS);
    assert_int_equal(f->shard->projector.position.seq, head + BATCHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_of_the_views_takes_only_so_many_refusals, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
