/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers between accounts of two shards: those with even numbers live in shard 0, those with odd
 * ones in shard 1. */
#ifndef TESTS_CROSSING_FIXTURE_H
#define TESTS_CROSSING_FIXTURE_H

#include "tests/unit/shards_fixture.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS

static inline void expect_balanced(struct shards_bank *b)
{
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_null(shard_audit(shard_set_shard(b->set, i)));
}

/* Accounts 2 (shard 0) with 100 and 1 (shard 1) with nothing. */
static inline void given_payer_and_payee(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    shards_open(b, 2, USD, STRICT);
    shards_open(b, 1, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
}

/* One with a slot of shard 0, or of shard 1. */
static inline struct transfer_create with_id_of(struct transfer_create c, uint64_t n,
                                                uint16_t shard)
{
    c.has_transfer_id = true;
    c.transfer_id =
        (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 1000) << 16 | shard * SHARD_SLOTS};
    return c;
}

static inline struct transfer_create with_id(struct transfer_create c, uint64_t n)
{
    return with_id_of(c, n, 0);
}

static inline uint16_t show_transfer(struct shards_bank *b, struct id128 id,
                                     struct transfer_info *info)
{
    const struct transfer_get get = {id};
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    uint16_t code = shards_code(b, q);
    if (code == RESULT_OK)
        shards_reply(b, q, &transfer_info_type, info);
    return code;
}

#endif
