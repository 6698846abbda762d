/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that clients choose for transfers between two shards, while these are under way and after. */
#include "tests/unit/crossing_fixture.h"

#include "runtime/base/time.h"

/* A token that comes too late is refused before anything is looked at: also where its id is that of
 * another transfer by then. */
static void what_comes_too_late_takes_no_id(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info info;
    given_payer_and_payee(b);
    shards_open(b, 3, USD, 0);
    const struct transfer_create crossing = with_id(shards_transfer(2, 1, 30), 1);
    const struct transfer_create there = with_id(shards_transfer(3, 1, 5), 1);
    b->cut[0] = true;
    struct question *q = shards_ask(b, &transfer_create_type, &crossing, 0);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(shards_do(b, &transfer_create_type, &there), RESULT_OK);
    shards_run(b, 60 * NS_PER_S);
    b->cut[0] = false;
    shards_run(b, 20 * NS_PER_S);
    assert_true(q->answered);
    assert_int_equal(shards_do(b, &transfer_create_type, &crossing), RESULT_ID_ALREADY_FAILED);
    assert_int_equal(shards_do(b, &transfer_create_type, &there), RESULT_OK);
    assert_int_equal(show_transfer(b, there.transfer_id, &info), RESULT_OK);
    assert_true(info.amount == 5);
    expect_balanced(b);
}

/* The lower shard's hears too late of its own; the other's, which went on meanwhile, keeps the id
 * where it was asked for. */
static void of_two_under_one_id_the_late_one_is_refused_alone(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    assert_int_equal(shards_move(b, 4, 1, 100), RESULT_OK);
    const struct transfer_create there = with_id(shards_transfer(2, 1, 30), 1);
    const struct transfer_create back = with_id(shards_transfer(1, 2, 20), 1);
    b->cut[0] = b->cut[1] = true;
    shards_ask(b, &transfer_create_type, &there, 1);
    struct question *second = shards_ask(b, &transfer_create_type, &back, 2);
    shards_run(b, 60 * NS_PER_S);
    b->cut[0] = b->cut[1] = false;
    shards_run(b, 20 * NS_PER_S);
    assert_true(second->answered);
    assert_int_equal(shards_do(b, &transfer_create_type, &there), RESULT_ID_ALREADY_FAILED);
    assert_int_equal(shards_do(b, &transfer_create_type, &back), RESULT_ID_ALREADY_FAILED);
    expect_account(b, 2, 100, 100);
    expect_account(b, 1, 100, 100);
    expect_balanced(b);
}

/* As of one that was made. */
static void other_words_under_an_id_that_is_under_way_are_refused(void **state)
{
    static struct metadata_pair pair = {{"k", 1}, {"v", 1}};
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    struct transfer_create c = with_id(shards_transfer(2, 1, 30), 1);
    c.has_description = true;
    c.description = slice_of("rent");
    c.has_reason = true;
    c.reason = slice_of("agreed");
    b->cut[0] = true;
    struct question *first = shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    struct transfer_create other = c;
    other.description = slice_of("loan");
    assert_int_equal(shards_do(b, &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    other = c;
    other.has_description = false;
    assert_int_equal(shards_do(b, &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    other = c;
    other.reason = slice_of("seized");
    assert_int_equal(shards_do(b, &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_REASON);
    other = c;
    other.has_metadata = true;
    other.metadata = (struct metadata){&pair, 1};
    assert_int_equal(shards_do(b, &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_METADATA);
    struct question *same = shards_ask(b, &transfer_create_type, &c, 2);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
}

/* What was not made has said nothing. */
static void words_of_a_refused_one_are_not_those_of_the_next_under_its_id(void **state)
{
    struct shards_bank *b = *state;
    struct transfer_info info;
    given_payer_and_payee(b);
    struct transfer_create c = with_id(shards_transfer(2, 7, 30), 1);
    c.has_description = true;
    c.description = slice_of("rent");
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    c.credit_account_id = shards_account(1);
    c.has_description = false;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    assert_int_equal(show_transfer(b, c.transfer_id, &info), RESULT_OK);
    assert_false(info.has_description);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
}

static struct batch_results batch(struct shards_bank *b, struct question *q)
{
    struct batch_results results;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &batch_results_type, &results);
    return results;
}

/* What is kept under the key of the list is what became of it. */
static void a_list_with_one_that_is_under_way_is_asked_again(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    struct transfer_create all[] = {shards_transfer(2, 4, 1),
                                    with_id(shards_transfer(2, 1, 30), 1)};
    const struct transfers_batch list = {.transfers = all, .transfers_count = array_len(all)};
    b->cut[0] = true;
    struct question *q = shards_ask(b, &transfer_create_type, &all[1], 1);
    shards_run(b, 20 * NS_PER_MS);
    struct question *first = shards_ask(b, &transfers_batch_type, &list, 2);
    assert_int_equal(shards_code(b, first), RESULT_OUTCOME_PENDING);
    assert_true(first->message.retry_after_ms > 0);
    expect_account(b, 2, 100, 70);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, q), RESULT_OK);
    const struct batch_results made = batch(b, shards_ask(b, &transfers_batch_type, &list, 2));
    assert_int_equal(made.results[0].result, RESULT_OK);
    assert_int_equal(made.results[1].result, RESULT_EXISTS);
    assert_int_equal(batch(b, shards_ask(b, &transfers_batch_type, &list, 2)).succeeded, 2);
    expect_account(b, 2, 69, 69);
}

/* Each shard finds the id under way when the other's comes: neither request is left without an
 * outcome of its own. */
static void of_one_asked_for_alone_and_in_a_list_at_once_both_are_answered(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    shards_open(b, 3, USD, 0);
    struct transfer_create all[] = {shards_transfer(3, 1, 5),
                                    with_id(shards_transfer(2, 1, 30), 1)};
    const struct transfers_batch list = {.transfers = all, .transfers_count = array_len(all)};
    b->cut[0] = b->cut[1] = true;
    struct question *alone = shards_ask(b, &transfer_create_type, &all[1], 1);
    struct question *listed = shards_ask(b, &transfers_batch_type, &list, 2);
    shards_run(b, 20 * NS_PER_MS);
    b->cut[0] = b->cut[1] = false;
    assert_int_equal(shards_code(b, alone), RESULT_ID_UNDER_WAY);
    const struct batch_results made = batch(b, listed);
    assert_int_equal(made.results[0].result, RESULT_OK);
    assert_int_equal(made.results[1].result, RESULT_ID_UNDER_WAY);
    expect_account(b, 2, 100, 100);
    assert_int_equal(shards_do(b, &transfer_create_type, &all[1]), RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_balanced(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(what_comes_too_late_takes_no_id),
        SHARDS_TEST(of_two_under_one_id_the_late_one_is_refused_alone),
        SHARDS_TEST(other_words_under_an_id_that_is_under_way_are_refused),
        SHARDS_TEST(words_of_a_refused_one_are_not_those_of_the_next_under_its_id),
        SHARDS_TEST(a_list_with_one_that_is_under_way_is_asked_again),
        SHARDS_TEST(of_one_asked_for_alone_and_in_a_list_at_once_both_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
