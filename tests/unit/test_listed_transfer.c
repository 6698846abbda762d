/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers of a list that their homes make by themselves. Account n lives in shard n % 4. Money
 * comes from account 4 (shard 0), which may be overdrawn; accounts 1 to 3 and 8 may not. */
#define SHARDS 4
#include "tests/unit/shards_fixture.h"

#include "actors/ledger/account.h"
#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS
#define PENDING TRANSFER_FLAGS_PENDING
#define ITEMS_MAX 8

/* --- words ------------------------------------------------------------------------------------ */

struct transfers {
    struct transfer_create items[ITEMS_MAX];
    uint32_t count;
};

/* Its id leads to shard n % 4. */
static struct id128 transfer(uint64_t n)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16,
                          (n + 9000) << 16 | (n % SHARDS * SHARD_SLOTS)};
}

static struct transfer_create *add(struct transfers *l, uint64_t debit, uint64_t credit,
                                   uint64_t amount, uint32_t flags)
{
    assert_true(l->count < ITEMS_MAX);
    struct transfer_create *c = &l->items[l->count];
    *c = shards_transfer(debit, credit, amount);
    c->has_transfer_id = true;
    c->transfer_id = transfer(l->count * SHARDS + debit % SHARDS);
    c->has_flags = true;
    c->flags = flags;
    l->count++;
    return c;
}

static void resolve(struct transfers *l, struct id128 pending_id, uint32_t flags)
{
    assert_true(l->count < ITEMS_MAX);
    l->items[l->count] = (struct transfer_create){
        .has_transfer_id = true,
        .transfer_id = transfer(100 + l->count),
        .has_pending_id = true,
        .pending_id = pending_id,
        .has_flags = true,
        .flags = flags,
    };
    l->count++;
}

static struct question *ask(struct shards_bank *b, struct transfers *l, uint64_t key)
{
    const struct transfers_batch c = {.transfers = l->items, .transfers_count = l->count};
    return shards_ask(b, &transfers_batch_type, &c, key);
}

static void expect_codes(struct shards_bank *b, struct question *q, uint32_t count,
                         const uint16_t *codes)
{
    struct batch_results r;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &batch_results_type, &r);
    assert_int_equal(r.results_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(r.results[i].result, codes[i]);
}

#define EXPECT_CODES(b, q, ...)                                                                    \
    expect_codes(b, q, sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t),                       \
                 (const uint16_t[]){__VA_ARGS__})

static void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    for (uint64_t n = 1; n <= 3; n++)
        shards_open(b, n, USD, STRICT);
    shards_open(b, 8, USD, STRICT);
    for (uint64_t n = 1; n <= 2; n++)
        assert_int_equal(shards_move(b, 4, n, 100), RESULT_OK);
}

static struct transfer_info show(struct shards_bank *b, struct id128 id)
{
    static struct transfer_info info;
    const struct transfer_get get = {.transfer_id = id};
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    return info;
}

/* --- each kind -------------------------------------------------------------------------------- */

/* From the list's shard, from another to it, and between two others. */
static void money_is_held_wherever_the_accounts_are(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 5, PENDING);
    add(&l, 1, 8, 30, PENDING);
    add(&l, 2, 3, 40, PENDING);
    add(&l, 2, 3, 70, PENDING);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_OK, RESULT_OK, RESULT_OK, RESULT_EXCEEDS_CREDITS);
    shards_run(b, NS_PER_S);
    expect_account(b, 1, 100, 70);
    expect_account(b, 2, 100, 60);
    assert_int_equal(show(b, l.items[2].transfer_id).status, TRANSFER_STATUS_PENDING);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_EXISTS, RESULT_EXISTS, RESULT_EXISTS,
                 RESULT_ID_ALREADY_FAILED);
}

static void what_is_held_is_posted_and_voided_from_any_list(void **state)
{
    struct shards_bank *b = *state;
    struct transfers held = {.count = 0}, l = {.count = 0};
    given_accounts(b);
    add(&held, 1, 8, 30, PENDING);
    add(&held, 2, 3, 40, PENDING);
    add(&held, 2, 1, 20, PENDING);
    EXPECT_CODES(b, ask(b, &held, 0), RESULT_OK, RESULT_OK, RESULT_OK);
    resolve(&l, held.items[0].transfer_id, TRANSFER_FLAGS_POST_PENDING);
    resolve(&l, held.items[1].transfer_id, TRANSFER_FLAGS_POST_PENDING);
    l.items[1].has_amount = true;
    l.items[1].amount = 15;
    resolve(&l, held.items[2].transfer_id, TRANSFER_FLAGS_VOID_PENDING);
    resolve(&l, transfer(7), TRANSFER_FLAGS_VOID_PENDING);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_OK, RESULT_OK, RESULT_OK,
                 RESULT_PENDING_TRANSFER_NOT_FOUND);
    expect_settled(b);
    expect_account(b, 1, 70, 70);
    expect_account(b, 8, 30, 30);
    expect_account(b, 2, 85, 85);
    expect_account(b, 3, 15, 15);
}

/* As much as there is, where it is kept aside; and as much as comes up to nothing where it arrives.
 */
static void a_balancing_one_takes_what_there_is(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 1, 3, 0, TRANSFER_FLAGS_BALANCING_DEBIT)->has_amount = false;
    add(&l, 2, 8, 250, TRANSFER_FLAGS_BALANCING_DEBIT);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_OK, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
    expect_account(b, 3, 100, 100);
    expect_account(b, 8, 100, 100);
}

static void a_closing_one_closes_the_account_there(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 1, 3, 0, PENDING | TRANSFER_FLAGS_CLOSING_CREDIT);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_OK);
    shards_run(b, NS_PER_S);
    assert_int_equal(shards_show(b, 3).status, ACCOUNT_STATUS_CLOSED);
    assert_int_equal(shards_move(b, 1, 3, 1), RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED);
}

/* All of a list are imported, or none is, wherever they go. */
static void what_is_imported_is_not_mixed_with_what_is_not(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0}, mixed = {.count = 0};
    const uint64_t opened = WORLD_EPOCH_NS - 100 * NS_PER_S;
    for (uint64_t n = 1; n <= 4; n += 3) {
        const struct account_create a = {.has_account_id = true,
                                         .account_id = shards_account(n),
                                         .currency = USD,
                                         .code = 100,
                                         .has_flags = true,
                                         .flags = ACCOUNT_FLAGS_IMPORTED,
                                         .has_effective_time = true,
                                         .effective_time = opened + n};
        assert_int_equal(shards_do(b, &account_create_type, &a), RESULT_OK);
    }
    for (uint64_t i = 0; i < 2; i++) {
        struct transfer_create *c = add(&l, 4, 1, 5, TRANSFER_FLAGS_IMPORTED);
        c->has_effective_time = true;
        c->effective_time = opened + 50 + i;
    }
    mixed = l;
    mixed.items[1].flags = 0;
    EXPECT_CODES(b, ask(b, &mixed, 0), RESULT_OK, RESULT_IMPORTED_EVENT_EXPECTED);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_EXISTS, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 10, 10);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void what_the_last_shard_refuses_is_said_of_its_item(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    const struct account_freeze c = {.account_id = shards_account(3)};
    given_accounts(b);
    assert_int_equal(shards_do(b, &account_freeze_type, &c), RESULT_OK);
    add(&l, 1, 3, 30, PENDING);
    add(&l, 1, 99, 30, PENDING);
    add(&l, 98, 1, 30, PENDING);
    add(&l, 1, 2, 30, TRANSFER_FLAGS_CLOSING_DEBIT); /* not pending */
    add(&l, 4, 2, 1, 0);
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_CREDIT_ACCOUNT_FROZEN, RESULT_CREDIT_ACCOUNT_NOT_FOUND,
                 RESULT_DEBIT_ACCOUNT_NOT_FOUND, RESULT_CLOSING_TRANSFER_MUST_BE_PENDING,
                 RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 100, 100);
}

static void an_id_twice_in_a_list_is_made_once(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 1, 3, 30, PENDING);
    add(&l, 1, 3, 30, PENDING);
    add(&l, 1, 3, 30, 0);
    l.items[1].transfer_id = l.items[2].transfer_id = l.items[0].transfer_id;
    EXPECT_CODES(b, ask(b, &l, 0), RESULT_OK, RESULT_ID_UNDER_WAY, RESULT_ID_UNDER_WAY);
    shards_run(b, NS_PER_S);
    expect_account(b, 1, 100, 70);
}

/* --- under way -------------------------------------------------------------------------------- */

/* The answer is given when the last shard has decided, after a restart too; who asks for the id by
 * itself hears that it is under way. */
static void the_answer_waits_for_the_last_shard(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    b->cut[3] = true;
    add(&l, 1, 3, 30, PENDING);
    add(&l, 4, 2, 1, 0);
    struct question *q = ask(b, &l, 1);
    shards_run(b, 500 * NS_PER_MS);
    assert_false(q->answered);
    expect_account(b, 1, 100, 70);
    assert_int_equal(shards_do(b, &transfer_create_type, &l.items[0]), RESULT_OUTCOME_PENDING);
    shards_restart(b);
    q = ask(b, &l, 1);
    shards_run(b, 500 * NS_PER_MS);
    assert_false(q->answered);
    b->cut[3] = false;
    EXPECT_CODES(b, q, RESULT_OK, RESULT_OK);
    EXPECT_CODES(b, ask(b, &l, 1), RESULT_OK, RESULT_OK);
    shards_run(b, NS_PER_S);
    expect_account(b, 1, 100, 70);
}

/* Its home hears of it when nobody waits any more. */
static void what_comes_too_late_to_its_home_is_refused(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    b->cut[1] = true;
    add(&l, 4, 3, 1, 0);
    add(&l, 1, 3, 30, PENDING);
    struct question *q = ask(b, &l, 1);
    shards_run(b, 40 * NS_PER_S);
    b->cut[1] = false;
    shards_run(b, NS_PER_S);
    if (q->answered)
        q = ask(b, &l, 1);
    EXPECT_CODES(b, q, RESULT_OK, RESULT_DEADLINE_PASSED);
    expect_settled(b);
    expect_account(b, 1, 100, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(money_is_held_wherever_the_accounts_are),
        SHARDS_TEST(what_is_held_is_posted_and_voided_from_any_list),
        SHARDS_TEST(a_balancing_one_takes_what_there_is),
        SHARDS_TEST(a_closing_one_closes_the_account_there),
        SHARDS_TEST(what_is_imported_is_not_mixed_with_what_is_not),
        SHARDS_TEST(what_the_last_shard_refuses_is_said_of_its_item),
        SHARDS_TEST(an_id_twice_in_a_list_is_made_once),
        SHARDS_TEST(the_answer_waits_for_the_last_shard),
        SHARDS_TEST(what_comes_too_late_to_its_home_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
