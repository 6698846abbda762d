/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets of two owners who live in different shards: ann's wallet is in shard 0, bob's in shard
 * 1. */
#ifndef TESTS_STREET_FIXTURE_H
#define TESTS_STREET_FIXTURE_H

#include "tests/unit/shards_fixture.h"

#include "runtime/sends/parked.h"
#include "schemas/wallet.h"

#define STREET_NAMES 64

struct street {
    struct id128 ann, bob; /* wallets */
};

static inline struct decimal dollars(int64_t cents)
{
    return (struct decimal){.digits = (u128)cents, .scale = 2};
}

/* The wallet of the first of many people who lives in this shard. */
static inline struct id128 given_wallet(struct shards_bank *b, uint16_t shard, uint16_t currency)
{
    static char names[STREET_NAMES][8];
    for (int i = 0; i < STREET_NAMES; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        const struct wallet_open open = {
            .currency = currency, .has_user_id = true, .user_id = slice_of(names[i])};
        struct wallet_info info;
        struct question *q = shards_ask(b, &wallet_open_type, &open, 0);
        if (shards_code(b, q) != RESULT_OK)
            continue; /* has one */
        shards_reply(b, q, &wallet_info_type, &info);
        if (slot_map_home(&b->slots, info.wallet_id) == shard)
            return info.wallet_id;
    }
    fail_msg("nobody lives in shard %u", shard);
    return ID128_ZERO;
}

static inline void fund(struct shards_bank *b, struct id128 wallet, int64_t cents)
{
    const struct wallet_fund fund = {.wallet_id = wallet, .amount = dollars(cents)};
    assert_int_equal(shards_do(b, &wallet_fund_type, &fund), RESULT_OK);
}

/* Ann has 100 dollars, bob nothing. */
static inline struct street given_ann_and_bob(struct shards_bank *b)
{
    struct street s = {given_wallet(b, 0, USD), given_wallet(b, 1, USD)};
    fund(b, s.ann, 10000);
    shards_forget_questions(b);
    return s;
}

static inline struct wallet_info shown(struct shards_bank *b, struct id128 wallet)
{
    struct wallet_info info;
    const struct wallet_get get = {wallet};
    struct question *q = shards_ask(b, &wallet_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_info_type, &info);
    return info;
}

static inline void expect_wallet(struct shards_bank *b, struct id128 wallet, u128 balance,
                                 u128 available)
{
    const struct wallet_info info = shown(b, wallet);
    assert_true(info.balance == balance);
    assert_true(info.available_balance == available);
}

static inline struct wallet_transaction_page movements(struct shards_bank *b, struct id128 wallet)
{
    struct wallet_transaction_page page;
    const struct wallet_transaction_list list = {.wallet_id = wallet};
    struct question *q = shards_ask(b, &wallet_transaction_list_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &wallet_transaction_page_type, &page);
    return page;
}

/* One of the ids that the same message made just before this one is taken: with none of them a
 * transfer is made twice, and with one none at all. */
static inline void expect_taken_before(struct shards_bank *b, struct id128 id,
                                       struct transfer_create *guess)
{
    const uint64_t apart = 0x9E3779B97F4A7C15u >> 16, bits = ((uint64_t)1 << 48) - 1;
    uint64_t drawn = ((id.hi & 0xffff) << 48 | id.lo >> 16);
    int taken = 0;
    guess->has_transfer_id = true;
    for (uint64_t i = 0; i < 6; i++) {
        uint64_t fraction = (drawn >> 48) - i / 2;
        uint64_t random = ((drawn & bits) - apart - i % 2) & bits;
        guess->transfer_id = id128_make(id.hi >> 16, fraction << 48 | random, id128_slot(id));
        uint16_t code = shards_do(b, &transfer_create_type, guess);
        assert_true(code == RESULT_OK || code == RESULT_EXISTS_WITH_DIFFERENT_FLAGS);
        taken += code != RESULT_OK;
    }
    assert_int_equal(taken, 1);
}

/* The operator's word about the first send of ann's shard, parked in bob's. */
static inline void retry_parked(struct shards_bank *b)
{
    assert_int_equal(shard_parked_retry(shard_set_shard(b->set, 1), parked_id(0, false, 1),
                                        slice_of("unix:operator")),
                     ERR_OK);
}

static inline void refuse_parked(struct shards_bank *b)
{
    assert_int_equal(shard_parked_refuse(shard_set_shard(b->set, 1), parked_id(0, false, 1),
                                         slice_of("unix:operator"), slice_of("it does not work")),
                     ERR_OK);
}

#endif
