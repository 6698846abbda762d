/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a node of several shards. */
#include "tests/unit/shards_fixture.h"

#include "runtime/base/time.h"

/* Of the next lease of this shard. */
static uint64_t next_epoch(struct shards_bank *b, uint16_t shard)
{
    struct journal_store *journal = store_sim_journal(b->sim);
    uint64_t epoch = 0;
    enum err e = journal->ops->lease_take(journal, shard, slice_of("test"), &epoch);
    assert_int_equal(e, ERR_OK);
    return epoch;
}

/* Whoever restores the one from a backup finds the others as they were. */
static void who_is_refused_for_one_journal_has_changed_none(void **state)
{
    struct shards_bank *b = *state;
    for (uint64_t n = 1; n <= 4; n++)
        shards_open(b, n, USD, 0);
    shards_kill(b);
    uint64_t epochs[SHARDS];
    for (uint16_t i = 0; i < SHARDS; i++)
        epochs[i] = next_epoch(b, i);
    assert_true(store_sim_flip(b->sim, 1, 1, 77));
    b->may_stop = true;
    shards_start(b);
    shards_run(b, NS_PER_S);
    assert_non_null(strstr(b->reason, "journal of shard 1 is damaged at batch 1"));
    assert_int_equal(shard_state(shard_set_shard(b->set, 0)), SHARD_OPENING);
    shards_kill(b);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_true(next_epoch(b, i) == epochs[i] + 1);
    assert_true(store_sim_flip(b->sim, 1, 1, 77));
    b->may_stop = false;
    shards_start(b);
    assert_true(shards_show(b, 1).version == 1 && shards_show(b, 2).version == 1);
}

/* One that waits for the others is given up as any other start. */
static void a_start_that_is_refused_can_be_ended(void **state)
{
    struct shards_bank *b = *state;
    for (uint64_t n = 1; n <= 4; n++)
        shards_open(b, n, USD, 0);
    shards_kill(b);
    assert_true(store_sim_flip(b->sim, 1, 1, 77));
    b->may_stop = true;
    shards_start(b);
    shards_run(b, NS_PER_S);
    shard_set_close(b->set);
    shards_run(b, NS_PER_S);
    assert_int_equal(shard_state(shard_set_shard(b->set, 0)), SHARD_STOPPED);
    assert_string_equal(shard_reason(shard_set_shard(b->set, 0)), "");
    assert_true(shard_quiet(shard_set_shard(b->set, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(who_is_refused_for_one_journal_has_changed_none),
        SHARDS_TEST(a_start_that_is_refused_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
