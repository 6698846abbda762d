/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the ledger for its tests: accounts and transfers by small numbers, in the real
 * domain of bank_fixture.h. */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include "tests/unit/bank_fixture.h"

#include "actors/ledger/account.h"
#include "actors/ledger/entry.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/posting.h"
#include "runtime/base/time.h"
#include "schemas/ledger.h"
#include "tests/single_transfer.h"

#define EUR 978
#define GBP 826
#define ID_TIME (WORLD_EPOCH_NS / NS_PER_MS << 16)

static inline struct id128 id_of(uint64_t n)
{
    return (struct id128){ID_TIME, n << 16};
}

static inline struct principal teller(void)
{
    return person("teller");
}

static inline uint16_t first_result(struct bank *b)
{
    struct item_results r;
    bank_reply(b, &item_results_type, &r);
    return r.results_count == 0 ? RESULT_OK : r.results[0].result;
}

static inline uint16_t open_as(struct bank *b, struct principal who, struct account_spec spec)
{
    struct accounts_create c = {&spec, 1};
    assert_int_equal(bank_ask(b, who, &accounts_create_type, &c), RESULT_OK);
    return first_result(b);
}

static inline uint16_t open_account(struct bank *b, uint64_t n, uint16_t currency, uint32_t flags)
{
    return open_as(b, teller(), (struct account_spec){
        .id = id_of(n), .currency = currency, .code = 100, .flags = flags});
}

static inline void given_account(struct bank *b, uint64_t n, uint16_t currency, uint32_t flags)
{
    assert_int_equal(open_account(b, n, currency, flags), RESULT_OK);
}

static inline uint16_t transfer_as(struct bank *b, struct principal who, struct transfer_spec spec)
{
    struct transfers_create c = {&spec, 1};
    assert_int_equal(bank_ask(b, who, &transfers_create_type, &c), RESULT_OK);
    return first_result(b);
}

static inline uint16_t transfer(struct bank *b, struct transfer_spec spec)
{
    return transfer_as(b, teller(), spec);
}

/* A transfer in USD with code 1. */
static inline struct transfer_spec spec_of(uint64_t n, uint64_t debit, uint64_t credit, u128 amount)
{
    return (struct transfer_spec){
        .id = id_of(n),
        .debit_account_id = debit == 0 ? ID128_ZERO : id_of(debit),
        .credit_account_id = credit == 0 ? ID128_ZERO : id_of(credit),
        .has_amount = true,
        .amount = amount,
        .currency = USD,
        .code = 1,
    };
}

static inline struct transfer_spec with_flags(struct transfer_spec s, uint32_t flags)
{
    s.flags = flags;
    return s;
}

#define WHOLE 0 /* of what is pending: no amount is given */

static inline struct transfer_spec resolving(uint64_t n, uint64_t pending, u128 amount,
                                             uint32_t flags)
{
    return (struct transfer_spec){.id = id_of(n),
                                  .pending_id = id_of(pending),
                                  .has_amount = amount != WHOLE,
                                  .amount = amount,
                                  .flags = flags};
}

static inline struct transfer_spec with_timeout(struct transfer_spec s, uint32_t timeout_s)
{
    s.has_timeout_s = true;
    s.timeout_s = timeout_s;
    return s;
}

static inline void given_transfer(struct bank *b, struct transfer_spec spec)
{
    assert_int_equal(transfer(b, spec), RESULT_OK);
}

static inline struct account_info show(struct bank *b, uint64_t n)
{
    struct account_get get = {id_of(n)};
    assert_int_equal(bank_ask(b, teller(), &account_get_type, &get), RESULT_OK);
    struct account_info info;
    bank_reply(b, &account_info_type, &info);
    return info;
}

static inline void expect_counters(struct bank *b, uint64_t n, u128 dp, u128 d, u128 cp, u128 c)
{
    struct account_info a = show(b, n);
    assert_true(a.debits_pending == dp);
    assert_true(a.debits_posted == d);
    assert_true(a.credits_pending == cp);
    assert_true(a.credits_posted == c);
}

static inline struct transfer_info show_transfer(struct bank *b, struct id128 id)
{
    struct transfer_get get = {id};
    assert_int_equal(bank_ask(b, teller(), &transfer_get_type, &get), RESULT_OK);
    struct transfer_info info;
    bank_reply(b, &transfer_info_type, &info);
    return info;
}

/* With description and metadata. */
static inline uint16_t create_transfer(struct bank *b, struct principal who, uint64_t debit,
                                       uint64_t credit, u128 amount, struct transfer_info *info)
{
    struct metadata_pair pair = {slice_of("order"), slice_of("17")};
    struct transfer_create c = {
        .debit_account_id = id_of(debit),
        .credit_account_id = id_of(credit),
        .has_amount = true,
        .amount = amount,
        .currency = USD,
        .has_description = true,
        .description = slice_of("two books"),
        .has_metadata = true,
        .metadata = {&pair, 1},
    };
    uint16_t code = bank_ask(b, who, &transfer_create_type, &c);
    if (code == RESULT_OK)
        bank_reply(b, &transfer_info_type, info);
    return code;
}

#define BATCH_MAX 256

/* Made as one list. */
static inline void expect_results(struct bank *b, struct transfer_spec *specs,
                                  const uint16_t *codes, uint32_t count)
{
    struct transfer_create items[BATCH_MAX];
    assert_true(count <= BATCH_MAX);
    for (uint32_t i = 0; i < count; i++)
        items[i] = single_transfer(&specs[i]);
    struct transfers_batch c = {items, count};
    assert_int_equal(bank_ask(b, teller(), &transfers_batch_type, &c), RESULT_OK);
    struct batch_results r;
    bank_reply(b, &batch_results_type, &r);
    assert_int_equal(r.results_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(r.results[i].result, codes[i]);
}

/* Two plain accounts: 1 and 2. */
static inline void given_two_accounts(struct bank *b)
{
    given_account(b, 1, USD, 0);
    given_account(b, 2, USD, 0);
}

static inline void freeze(struct bank *b, uint64_t n, enum freeze_mode mode)
{
    struct account_freeze f = {.account_id = id_of(n), .has_mode = true, .mode = (uint8_t)mode};
    assert_int_equal(bank_ask(b, teller(), &account_freeze_type, &f), RESULT_OK);
}

#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, bank_setup, bank_teardown)

#endif
