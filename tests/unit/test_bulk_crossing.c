/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of transfers over the accounts of four shards: account n lives in shard n % 4. Money comes
 * from account 4 (shard 0), which may be overdrawn; accounts 1 to 3 and 8 may not. */
#define SHARDS 4
#include "tests/unit/shards_fixture.h"

#include "actors/ledger/account.h"
#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS
#define LINKED TRANSFER_FLAGS_LINKED
#define ITEMS_MAX 600

/* --- words ------------------------------------------------------------------------------------ */

struct transfers {
    struct transfer_create items[ITEMS_MAX];
    uint32_t count;
};

static struct id128 transfer(uint64_t n)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 9000) << 16};
}

static void add(struct transfers *l, uint64_t debit, uint64_t credit, uint64_t amount,
                uint32_t flags)
{
    assert_true(l->count < ITEMS_MAX);
    struct transfer_create *c = &l->items[l->count];
    *c = shards_transfer(debit, credit, amount);
    c->has_transfer_id = true;
    c->transfer_id = transfer(l->count);
    c->has_flags = true;
    c->flags = flags;
    l->count++;
}

static struct question *ask_keyed(struct shards_bank *b, struct transfers *l, uint64_t key)
{
    const struct transfers_batch c = {.transfers = l->items, .transfers_count = l->count};
    return shards_ask(b, &transfers_batch_type, &c, key);
}

static struct question *ask(struct shards_bank *b, struct transfers *l)
{
    return ask_keyed(b, l, 0);
}

static struct batch_results answer(struct shards_bank *b, struct question *q)
{
    struct batch_results r;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &batch_results_type, &r);
    return r;
}

static void expect_codes(const struct batch_results r, uint32_t count, const uint16_t *codes)
{
    assert_int_equal(r.results_count, count);
    uint32_t done = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(r.results[i].index, i);
        assert_int_equal(r.results[i].result, codes[i]);
        done += codes[i] == RESULT_OK || codes[i] == RESULT_EXISTS;
    }
    assert_int_equal(r.succeeded, done);
    assert_int_equal(r.failed, count - done);
}

#define EXPECT_CODES(r, ...)                                                                       \
    expect_codes(r, sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t),                          \
                 (const uint16_t[]){__VA_ARGS__})

static void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    for (uint64_t n = 1; n <= 3; n++)
        shards_open(b, n, USD, STRICT);
    shards_open(b, 8, USD, STRICT);
}

static void freeze(struct shards_bank *b, uint64_t n)
{
    const struct account_freeze c = {.account_id = shards_account(n)};
    assert_int_equal(shards_do(b, &account_freeze_type, &c), RESULT_OK);
}

static uint16_t show(struct shards_bank *b, struct id128 id)
{
    const struct transfer_get get = {.transfer_id = id};
    return shards_do(b, &transfer_get_type, &get);
}

/* --- chains ----------------------------------------------------------------------------------- */

static void a_chain_moves_money_over_four_shards(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 100, LINKED);
    add(&l, 1, 2, 60, LINKED);
    add(&l, 2, 3, 25, LINKED);
    add(&l, 3, 1, 5, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_OK, RESULT_OK, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 45, 45);
    expect_account(b, 2, 35, 35);
    expect_account(b, 3, 20, 20);
    for (uint64_t n = 0; n < 4; n++)
        assert_int_equal(show(b, transfer(n)), RESULT_OK);
}

static void a_chain_that_another_shard_refuses_is_not_made(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    freeze(b, 3);
    add(&l, 4, 1, 10, LINKED);
    add(&l, 1, 3, 10, LINKED);
    add(&l, 4, 2, 10, 0);
    add(&l, 4, 2, 7, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_LINKED_EVENT_FAILED, RESULT_CREDIT_ACCOUNT_FROZEN,
                 RESULT_LINKED_EVENT_FAILED, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
    expect_account(b, 2, 7, 7);
    assert_int_equal(show(b, transfer(0)), RESULT_NOT_FOUND);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_LINKED_EVENT_FAILED, RESULT_ID_ALREADY_FAILED,
                 RESULT_LINKED_EVENT_FAILED, RESULT_EXISTS);
}

/* What home refuses is not asked of others; the rest of the list is. */
static void a_chain_that_home_refuses_leaves_the_others(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 10, LINKED);
    add(&l, 8, 2, 10, 0);
    add(&l, 4, 3, 10, LINKED);
    add(&l, 3, 1, 4, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_LINKED_EVENT_FAILED, RESULT_EXCEEDS_CREDITS,
                 RESULT_OK, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 4, 4);
    expect_account(b, 3, 6, 6);
}

static void a_chain_left_open_is_not_sent(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 10, LINKED);
    add(&l, 4, 2, 10, LINKED);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_LINKED_EVENT_FAILED, RESULT_LINKED_EVENT_CHAIN_OPEN);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
}

/* Whatever is wrong with its form is said before an account is looked at. */
static void the_form_of_a_chain_over_shards_comes_first(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 8, 1, 10, LINKED);
    add(&l, 4, 2, 10, 0);
    l.items[1].has_timeout_s = true;
    l.items[1].timeout_s = 5;
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_LINKED_EVENT_FAILED,
                 RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
}

/* --- transfers that are linked to none -------------------------------------------------------- */

static void each_has_its_own_code(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    freeze(b, 2);
    shards_open(b, 12, USD, 0);
    add(&l, 4, 1, 10, 0);  /* to another shard */
    add(&l, 4, 12, 3, 0);  /* at home */
    add(&l, 4, 2, 10, 0);  /* refused there */
    add(&l, 8, 1, 10, 0);  /* refused at home */
    add(&l, 3, 8, 10, 0);  /* refused by who pays, elsewhere */
    add(&l, 4, 99, 10, 0); /* nobody there */
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN,
                 RESULT_EXCEEDS_CREDITS, RESULT_EXCEEDS_CREDITS, RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    expect_settled(b);
    expect_account(b, 1, 10, 10);
    expect_account(b, 8, 0, 0);
}

/* What an earlier one brings over shards is not there yet: it would have to be linked to it. */
static void what_comes_over_shards_is_spent_by_what_is_linked_to_it(void **state)
{
    struct shards_bank *b = *state;
    struct transfers apart = {.count = 0}, linked = {.count = 0};
    given_accounts(b);
    shards_open(b, 5, USD, 0);
    add(&apart, 4, 1, 10, 0);
    add(&apart, 5, 8, 20, 0);
    add(&apart, 8, 2, 5, 0);
    EXPECT_CODES(answer(b, ask(b, &apart)), RESULT_OK, RESULT_OK, RESULT_EXCEEDS_CREDITS);
    add(&linked, 5, 8, 20, LINKED);
    add(&linked, 8, 2, 5, 0);
    linked.items[0].transfer_id = transfer(10);
    linked.items[1].transfer_id = transfer(11);
    EXPECT_CODES(answer(b, ask(b, &linked)), RESULT_OK, RESULT_OK);
    expect_settled(b);
    expect_account(b, 8, 35, 35);
}

/* Two of the same list that want the same money: the first has it. */
static void what_one_keeps_aside_the_next_does_not_have(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 8, 10), RESULT_OK);
    add(&l, 8, 1, 7, 0);
    add(&l, 8, 2, 7, 0);
    add(&l, 8, 3, 3, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_EXCEEDS_CREDITS, RESULT_OK);
    expect_settled(b);
    expect_account(b, 8, 0, 0);
}

static void the_compact_form_names_the_refused(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_spec items[4] = {{.amount = 0}};
    struct item_results r;
    given_accounts(b);
    freeze(b, 3);
    for (uint64_t i = 0; i < 4; i++)
        items[i] = (struct transfer_spec){.id = transfer(i),
                                          .debit_account_id = shards_account(i == 1 ? 8 : 4),
                                          .credit_account_id = shards_account(i),
                                          .has_amount = true,
                                          .amount = 5,
                                          .currency = USD,
                                          .code = 1};
    items[0].credit_account_id = shards_account(2);
    const struct transfers_create c = {items, 4};
    struct question *q = shards_ask(b, &transfers_create_type, &c, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &item_results_type, &r);
    assert_int_equal(r.results_count, 2);
    assert_int_equal(r.results[0].index, 1);
    assert_int_equal(r.results[0].result, RESULT_EXCEEDS_CREDITS);
    assert_int_equal(r.results[1].index, 3);
    assert_int_equal(r.results[1].result, RESULT_CREDIT_ACCOUNT_FROZEN);
    expect_settled(b);
    expect_account(b, 2, 10, 10);
}

/* The second of them finds the first under way. */
static void an_id_twice_in_a_list_is_made_once(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 10, 0);
    add(&l, 4, 1, 10, 0);
    l.items[1].transfer_id = l.items[0].transfer_id;
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_ID_UNDER_WAY);
    expect_settled(b);
    expect_account(b, 1, 10, 10);
}

/* Those that travel together are decided each for itself, wherever they are refused. */
static void one_of_many_is_refused_alone(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 1, 10), RESULT_OK);
    shards_open(b, 5, USD, STRICT);
    freeze(b, 3);
    add(&l, 1, 2, 6, 0); /* between two others: kept aside by the first of them */
    add(&l, 1, 2, 6, 0); /* which has no more */
    add(&l, 5, 3, 1, 0); /* refused by the first */
    add(&l, 1, 3, 4, 0); /* refused by the second */
    add(&l, 1, 2, 4, 0); /* what that had kept aside is not free yet */
    add(&l, 4, 1, 3, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_EXCEEDS_CREDITS, RESULT_EXCEEDS_CREDITS,
                 RESULT_CREDIT_ACCOUNT_FROZEN, RESULT_EXCEEDS_CREDITS, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 7, 7);
    expect_account(b, 2, 6, 6);
}

/* What those before it keep aside is not there for what stays at home. */
static void what_stays_at_home_leaves_what_travels_its_money(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 8, 10), RESULT_OK);
    add(&l, 8, 1, 7, 0);
    add(&l, 8, 4, 7, 0);
    add(&l, 8, 4, 3, LINKED);
    add(&l, 4, 2, 1, 0);
    add(&l, 8, 4, 1, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_EXCEEDS_CREDITS, RESULT_OK, RESULT_OK,
                 RESULT_EXCEEDS_CREDITS);
    expect_settled(b);
    expect_account(b, 8, 0, 0);
}

static void an_id_that_travels_is_taken_for_what_stays_at_home(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    add(&l, 4, 1, 5, 0);
    add(&l, 4, 8, 5, 0);
    add(&l, 4, 2, 5, LINKED);
    add(&l, 4, 3, 5, 0);
    l.items[1].transfer_id = l.items[3].transfer_id = l.items[0].transfer_id;
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_ID_UNDER_WAY, RESULT_LINKED_EVENT_FAILED,
                 RESULT_ID_UNDER_WAY);
    expect_settled(b);
    expect_account(b, 1, 5, 5);
    expect_account(b, 8, 0, 0);
}

/* Also where home has no account of it. */
static void an_id_twice_in_a_chain_is_made_by_none(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 1, 10), RESULT_OK);
    add(&l, 4, 8, 5, 0);
    add(&l, 1, 2, 5, LINKED);
    add(&l, 1, 2, 5, 0);
    l.items[2].transfer_id = l.items[1].transfer_id;
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_LINKED_EVENT_FAILED,
                 RESULT_EXISTS_WITH_DIFFERENT_FLAGS);
    expect_settled(b);
    expect_account(b, 1, 10, 10);
}

/* One answer, however many sends it takes; each is made once, also after a restart between. */
static void a_thousand_travel_to_one_shard(void **state)
{
    struct shards_bank *b = *state;
    static struct transfer_spec items[1000];
    struct item_results r;
    given_accounts(b);
    for (uint64_t i = 0; i < array_len(items); i++)
        items[i] = (struct transfer_spec){.id = transfer(i),
                                          .debit_account_id = shards_account(4),
                                          .credit_account_id = shards_account(i == 777 ? 5 : 1),
                                          .has_amount = true,
                                          .amount = 1,
                                          .currency = USD,
                                          .code = 1};
    const struct transfers_create c = {items, array_len(items)};
    b->cut[1] = true;
    shards_ask(b, &transfers_create_type, &c, 0);
    shards_run(b, 500 * NS_PER_MS);
    expect_account(b, 1, 999, 999);
    shards_restart(b);
    struct question *q = shards_ask(b, &transfers_create_type, &c, 0);
    b->cut[1] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &item_results_type, &r);
    assert_int_equal(r.results_count, 1);
    assert_int_equal(r.results[0].index, 777);
    assert_int_equal(r.results[0].result, RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    assert_int_equal(shards_move(b, 4, 1, 1), RESULT_OK); /* loads what is looked at next */
    expect_settled(b);
    expect_account(b, 1, 1000, 1000);
}

/* What is decided late is refused, all that travels with it. */
static void what_waits_too_long_is_refused(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    b->cut[0] = true;
    add(&l, 4, 1, 5, 0);
    add(&l, 4, 1, 6, 0);
    struct question *q = ask(b, &l);
    shards_run(b, 31 * NS_PER_S);
    b->cut[0] = false;
    EXPECT_CODES(answer(b, q), RESULT_DEADLINE_PASSED, RESULT_DEADLINE_PASSED);
    expect_settled(b);
    expect_account(b, 1, 0, 0);
}

/* --- under way -------------------------------------------------------------------------------- */

/* What is at home is made at once, but the answer waits for the rest. */
static void the_list_is_answered_when_all_is_decided(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    shards_open(b, 12, USD, 0);
    b->cut[0] = true;
    add(&l, 4, 12, 3, 0);
    add(&l, 4, 1, 10, 0);
    add(&l, 4, 2, 10, 0);
    struct question *q = ask(b, &l);
    shards_run(b, 20 * NS_PER_MS);
    expect_account(b, 12, 3, 3);
    assert_int_equal(show(b, transfer(1)), RESULT_OUTCOME_PENDING);
    assert_false(q->answered);
    b->cut[0] = false;
    b->cut[2] = true;
    shards_run(b, 500 * NS_PER_MS);
    assert_int_equal(show(b, transfer(1)), RESULT_OK);
    assert_false(q->answered);
    b->cut[2] = false;
    EXPECT_CODES(answer(b, q), RESULT_OK, RESULT_OK, RESULT_OK);
    expect_settled(b);
}

static void who_sends_the_list_again_waits_for_the_same_answer(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0}, other;
    given_accounts(b);
    freeze(b, 2);
    add(&l, 4, 1, 10, 0);
    add(&l, 4, 2, 10, 0);
    other = l;
    other.items[1].transfer_id = transfer(50);
    b->cut[0] = true;
    struct question *first = ask_keyed(b, &l, 1);
    shards_run(b, 20 * NS_PER_MS);
    struct question *by_key = ask_keyed(b, &l, 1), *by_ids = ask(b, &l);
    assert_int_equal(shards_code(b, ask(b, &other)), RESULT_OUTCOME_PENDING);
    other = l;
    other.items[1].amount++;
    assert_int_equal(shards_code(b, ask(b, &other)), RESULT_OUTCOME_PENDING);
    assert_false(first->answered || by_key->answered || by_ids->answered);
    b->cut[0] = false;
    EXPECT_CODES(answer(b, first), RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN);
    EXPECT_CODES(answer(b, by_key), RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN);
    EXPECT_CODES(answer(b, by_ids), RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN);
    EXPECT_CODES(answer(b, ask_keyed(b, &l, 1)), RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_EXISTS, RESULT_ID_ALREADY_FAILED);
    expect_settled(b);
    expect_account(b, 1, 10, 10);
}

static void a_list_under_way_outlives_the_process(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    freeze(b, 3);
    add(&l, 4, 1, 10, 0);
    add(&l, 8, 1, 10, 0);
    add(&l, 4, 3, 10, 0);
    add(&l, 4, 2, 10, LINKED);
    add(&l, 2, 1, 10, 0);
    b->cut[2] = true;
    ask(b, &l);
    shards_run(b, 500 * NS_PER_MS);
    shards_restart(b);
    struct question *again = ask(b, &l);
    shards_run(b, 500 * NS_PER_MS);
    assert_false(again->answered);
    b->cut[2] = false;
    EXPECT_CODES(answer(b, again), RESULT_OK, RESULT_EXCEEDS_CREDITS, RESULT_CREDIT_ACCOUNT_FROZEN,
                 RESULT_OK, RESULT_OK);
    expect_settled(b);
    expect_account(b, 1, 20, 20);
}

/* Nothing of the list is made, for it will be sent again. */
static void a_shard_out_of_reach_is_said_before_anything_is_made(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    shards_open(b, 12, USD, 0);
    b->cut[0] = b->cut[3] = true;
    add(&l, 4, 3, 1, 0);
    ask(b, &l);
    shards_run(b, 20 * NS_PER_S);
    l.items[0].transfer_id = transfer(20);
    add(&l, 4, 12, 3, 0);
    assert_int_equal(shards_code(b, ask(b, &l)), RESULT_SHARD_UNAVAILABLE);
    expect_account(b, 12, 0, 0);
}

/* The first that is sent there waits for an answer while the second is looked at. */
static void several_go_to_a_shard_that_was_quiet_for_long(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    assert_int_equal(shards_move(b, 4, 1, 1), RESULT_OK);
    shards_run(b, 60 * NS_PER_S);
    add(&l, 4, 1, 1, 0);
    add(&l, 4, 1, 2, 0);
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_OK);
    expect_settled(b);
}

/* Words are recorded with those that are made, and with no other. */
static void as_many_go_as_a_list_has(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    given_accounts(b);
    while (l.count < ITEMS_MAX)
        add(&l, 4, 1 + l.count % 3, 1, 0);
    const struct batch_results r = answer(b, ask(b, &l));
    assert_int_equal(r.succeeded, ITEMS_MAX);
    expect_settled(b);
    expect_account(b, 1, ITEMS_MAX / 3, ITEMS_MAX / 3);
}

static void words_are_those_of_what_is_made(void **state)
{
    struct shards_bank *b = *state;
    struct transfers l = {.count = 0};
    struct transfer_info info;
    given_accounts(b);
    freeze(b, 2);
    for (uint64_t n = 1; n <= 2; n++) {
        add(&l, 4, n, 10, 0);
        l.items[n - 1].has_description = true;
        l.items[n - 1].description = slice_of("rent");
    }
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_OK, RESULT_CREDIT_ACCOUNT_FROZEN);
    const struct transfer_get get = {.transfer_id = transfer(0)};
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    assert_true(slice_equal(info.description, slice_of("rent")));
    l.items[0].description = slice_of("food");
    l.count = 1;
    EXPECT_CODES(answer(b, ask(b, &l)), RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    expect_settled(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(a_chain_moves_money_over_four_shards),
        SHARDS_TEST(a_chain_that_another_shard_refuses_is_not_made),
        SHARDS_TEST(a_chain_that_home_refuses_leaves_the_others),
        SHARDS_TEST(a_chain_left_open_is_not_sent),
        SHARDS_TEST(the_form_of_a_chain_over_shards_comes_first),
        SHARDS_TEST(each_has_its_own_code),
        SHARDS_TEST(what_comes_over_shards_is_spent_by_what_is_linked_to_it),
        SHARDS_TEST(what_one_keeps_aside_the_next_does_not_have),
        SHARDS_TEST(one_of_many_is_refused_alone),
        SHARDS_TEST(what_stays_at_home_leaves_what_travels_its_money),
        SHARDS_TEST(an_id_that_travels_is_taken_for_what_stays_at_home),
        SHARDS_TEST(an_id_twice_in_a_chain_is_made_by_none),
        SHARDS_TEST(a_thousand_travel_to_one_shard),
        SHARDS_TEST(what_waits_too_long_is_refused),
        SHARDS_TEST(the_compact_form_names_the_refused),
        SHARDS_TEST(an_id_twice_in_a_list_is_made_once),
        SHARDS_TEST(the_list_is_answered_when_all_is_decided),
        SHARDS_TEST(who_sends_the_list_again_waits_for_the_same_answer),
        SHARDS_TEST(a_list_under_way_outlives_the_process),
        SHARDS_TEST(a_shard_out_of_reach_is_said_before_anything_is_made),
        SHARDS_TEST(several_go_to_a_shard_that_was_quiet_for_long),
        SHARDS_TEST(as_many_go_as_a_list_has),
        SHARDS_TEST(words_are_those_of_what_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
