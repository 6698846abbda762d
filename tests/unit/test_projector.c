/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the projector: what one transaction of the views takes in is limited. */
#include "tests/unit/shard_fixture.h"

#include "runtime/actor/shard_priv.h"
#include "runtime/journal/replay.h"

/* A batch of nothing but refusals, written behind the shard's back. */
static void append_refusals(struct fixture *f, uint64_t seq, uint32_t count,
                            struct wire_writer *body, struct batch_row *row)
{
    struct store *s = store_sim_store(f->sim);
    wire_writer_clear(body);
    record_body_start(body);
    for (uint32_t i = 0; i < count; i++) {
        const struct id128 key = {seq, i + 1}, fingerprint = {1, 1};
        record_begin(body, f->shard->clock.last_event_ns + seq, &key, &fingerprint);
        record_end(body, &(struct record_outcome){.code = PURSE_EMPTY});
    }
    row->seq = seq;
    row->epoch = f->shard->journal.epoch;
    row->count = count;
    row->body = wire_written(body);
    row->prev_hash = row->hash;
    row->hash = batch_hash(row);
    assert_int_equal(s->ops->append(s, row, 1), ERR_OK);
}

static void a_step_of_the_views_takes_only_so_many_refusals(void **state)
{
    enum { BATCHES = 4 };
    struct fixture *f = *state;
    struct wire_writer body;
    wire_writer_init(&body, (size_t)64 << 20);
    fill(f, 1, 1);
    run(f, 5000 * MS); /* projected */
    uint64_t head = f->shard->journal.committed_seq;
    struct batch_row row = {.hash = f->shard->journal.hash};
    for (uint64_t i = 1; i <= BATCHES; i++)
        append_refusals(f, head + i, PROJECTOR_STEP_KEYS * 2 / 3, &body, &row);
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
