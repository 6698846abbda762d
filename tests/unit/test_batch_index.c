/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of many shards in the order in which they were committed: those of one shard are found
 * from any of them on, over several stretches of the index, and damage of the index is told. */
#include "tests/unit/store_fixture.h"

/* Two full stretches of three shards and a piece of the next; shard 1 fell silent in the first. */
#define INDEXED 2500

static uint16_t indexed_shard(uint32_t at)
{
    return at > 700 ? at % 2 * 2 : (uint16_t)(at / 3 % 3);
}

static void fill_stretches(struct fixture *f)
{
    uint64_t epochs[] = {lease(f->journal, 0), lease(f->journal, 1), lease(f->journal, 2)};
    uint64_t seqs[3] = {0};
    for (uint32_t i = 0; i < INDEXED; i++) {
        uint16_t shard = indexed_shard(i);
        assert_int_equal(append_one(f->journal, shard, ++seqs[shard], epochs[shard], ""), ERR_OK);
    }
}

/* Batches from first_seq on that come in their order, without a gap. */
struct counted {
    uint64_t next, wanted;
};

static bool count_batch(void *context, const struct batch_row *row)
{
    struct counted *c = context;
    assert_int_equal(row->seq, c->next++);
    return --c->wanted > 0;
}

/* From any batch on the others follow, also in a process that did not write them. */
static void assert_stretches(struct fixture *f)
{
    uint64_t seqs[3] = {0};
    for (uint32_t i = 0; i < INDEXED; i++)
        seqs[indexed_shard(i)]++;
    for (uint16_t shard = 0; shard < 3; shard++) {
        assert_int_equal(head(f->journal, shard), seqs[shard]);
        for (uint64_t seq = 1; seq <= seqs[shard] + 1; seq += 1 + seqs[shard] / 50) {
            struct counted c = {seq, UINT64_MAX};
            assert_int_equal(f->journal->ops->tail(f->journal, shard, seq, count_batch, &c),
                             ERR_OK);
            assert_int_equal(c.next, seqs[shard] + 1);
            c = (struct counted){seq, 1};
            assert_int_equal(f->journal->ops->tail(f->journal, shard, seq, count_batch, &c),
                             ERR_OK);
            assert_true(c.next == seq + 1 || seq > seqs[shard]);
        }
    }
}

static void batches_of_many_shards_are_found_over_many_rows(void **state)
{
    struct fixture *f = *state;
    fill_stretches(f);
    assert_stretches(f);
    fixture_shut(f);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    assert_stretches(f);
    uint64_t seq = head(f->journal, 1) + 1;
    assert_int_equal(append_one(f->journal, 1, seq, lease(f->journal, 1), ""), ERR_OK);
    assert_int_equal(head(f->journal, 1), seq);
}

static void an_index_that_names_other_batches_is_damage(void **state)
{
    struct fixture *f = *state;
    static const char *const harms[] = {
        "UPDATE batches SET shard = 2 WHERE shard = 0 AND seq = 2",
        "UPDATE batches SET seq = 7 WHERE shard = 0 AND seq = 2",
        "UPDATE batch_index SET first_seq = 0 WHERE shard = 0 AND first_seq = 1",
        "UPDATE batch_index SET first_row = 2 WHERE shard = 0 AND first_seq = 1",
        "UPDATE batch_index SET rows = x'' WHERE shard = 0 AND first_seq = 1",
        "UPDATE batch_index SET rows = x'000001' WHERE shard = 0 AND first_seq = 1",
        "UPDATE batch_index SET rows = zeroblob(4096) WHERE shard = 0 AND first_seq = 1",
    };
    fill_stretches(f);
    fixture_shut(f);
    alter(f, "journal.db", "CREATE TABLE copy AS SELECT * FROM batches;"
                           "CREATE TABLE copied AS SELECT * FROM batch_index");
    for (size_t i = 0; i < array_len(harms); i++) {
        alter(f, "journal.db", harms[i]);
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
        struct counted c = {1, UINT64_MAX};
        enum err e = f->journal->ops->tail(f->journal, 0, 1, count_batch, &c);
        if (e != ERR_CORRUPT || c.next > 2)
            fail_msg("%s: %s, batch %u", harms[i], err_text(e), (unsigned)c.next);
        fixture_shut(f);
        alter(f, "journal.db", "DELETE FROM batches; INSERT INTO batches SELECT * FROM copy;"
                               "DELETE FROM batch_index;"
                               "INSERT INTO batch_index SELECT * FROM copied");
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(batches_of_many_shards_are_found_over_many_rows),
        CASE(an_index_that_names_other_batches_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
