/* SPDX-License-Identifier: Apache-2.0 */
/* A bank of four shards, and transactions over its accounts: account n lives in shard n % 4. Money
 * comes from account 4 (shard 0), which may be overdrawn. */
#ifndef TESTS_GROUPS_FIXTURE_H
#define TESTS_GROUPS_FIXTURE_H

#define SHARDS 4
#include "tests/unit/shards_fixture.h"

#include "actors/ledger/account.h"
#include "actors/ledger/transit.h"
#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS
#define LEGS_MAX 8

struct transaction {
    struct transaction_create create;
    struct transaction_leg legs[LEGS_MAX];
};

static inline void add_leg(struct transaction *x, uint64_t debit, uint64_t credit, u128 amount)
{
    assert_true(x->create.legs_count < LEGS_MAX);
    x->create.legs = x->legs;
    x->legs[x->create.legs_count++] = (struct transaction_leg){
        .debit_account_id = shards_account(debit),
        .credit_account_id = shards_account(credit),
        .has_amount = true,
        .amount = amount,
        .currency = USD,
    };
}

static inline struct id128 id_of(uint64_t n)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 5000) << 16};
}

static inline void with_id(struct transaction *x, uint64_t n)
{
    x->create.has_transaction_id = true;
    x->create.transaction_id = id_of(n);
}

static inline struct question *ask(struct shards_bank *b, struct transaction *x)
{
    x->create.legs = x->legs;
    return shards_ask(b, &transaction_create_type, &x->create, 0);
}

static inline uint16_t make(struct shards_bank *b, struct transaction *x)
{
    return shards_code(b, ask(b, x));
}

static inline uint16_t make_failing(struct shards_bank *b, struct transaction *x, uint32_t *leg)
{
    struct leg_refusal refusal;
    struct question *q = ask(b, x);
    uint16_t code = shards_code(b, q);
    shards_reply(b, q, &leg_refusal_type, &refusal);
    *leg = refusal.failed_leg;
    return code;
}

static inline uint16_t show(struct shards_bank *b, struct id128 id, struct transaction_info *info)
{
    const struct transaction_get get = {id};
    struct question *q = shards_ask(b, &transaction_get_type, &get, 0);
    uint16_t code = shards_code(b, q);
    if (code == RESULT_OK)
        shards_reply(b, q, &transaction_info_type, info);
    return code;
}

/* Accounts 1 to 3, of which none may be overdrawn, in the shards of their numbers. */
static inline void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    for (uint64_t n = 1; n <= 3; n++)
        shards_open(b, n, USD, STRICT);
}

static inline struct transaction_reverse back(const struct transaction_info *made, uint64_t n)
{
    return (struct transaction_reverse){
        .transaction_id = made->transaction_id, .has_reversal_id = n != 0, .reversal_id = id_of(n)};
}

static inline struct question *ask_back(struct shards_bank *b, const struct transaction_reverse *v)
{
    return shards_ask(b, &transaction_reverse_type, v, 0);
}

static inline uint16_t move_back(struct shards_bank *b, const struct transaction_reverse *v)
{
    return shards_code(b, ask_back(b, v));
}

static inline uint16_t move_one_back(struct shards_bank *b, const struct transaction_info *made,
                                     uint32_t leg)
{
    const struct transfer_reverse v = {.transfer_id = made->transfers[leg].transfer_id};
    return shards_do(b, &transfer_reverse_type, &v);
}

#endif
