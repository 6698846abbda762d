/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's messages about single transfers, reversal and transactions of several legs. */
#include "tests/unit/ledger_fixture.h"

#define PENDING TRANSFER_FLAGS_PENDING
#define POST TRANSFER_FLAGS_POST_PENDING

static uint16_t reverse(struct bank *b, struct id128 id, struct transfer_info *info)
{
    struct transfer_reverse r = {.transfer_id = id};
    uint16_t code = bank_ask(b, teller(), &transfer_reverse_type, &r);
    if (code == RESULT_OK)
        bank_reply(b, &transfer_info_type, info);
    return code;
}

static uint32_t refused_leg(struct bank *b)
{
    struct leg_refusal refusal;
    bank_reply(b, &leg_refusal_type, &refusal);
    return refusal.failed_leg;
}

static void test_reversal_happens_once(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_info t, back;
    assert_int_equal(create_transfer(b, teller(), 1, 2, 10, &t), RESULT_OK);
    assert_int_equal(reverse(b, t.transfer_id, &back), RESULT_OK);
    assert_true(id128_equal(back.reverses_id, t.transfer_id));
    expect_counters(b, 1, 0, 10, 0, 10);
    bank_restart(b);
    assert_int_equal(reverse(b, t.transfer_id, &back), RESULT_ALREADY_REVERSED);
    world_run(&b->world, b->world.now_ns + 5000000000);
    bank_restart(b); /* from here on only the views know it */
    assert_int_equal(reverse(b, t.transfer_id, &back), RESULT_ALREADY_REVERSED);
    struct id128 by = back.transfer_id;
    t = show_transfer(b, t.transfer_id);
    assert_true(t.has_reversed_by_id && id128_equal(t.reversed_by_id, by));
    assert_true(slice_equal(t.description, slice_of("two books")));
    assert_int_equal(t.metadata.count, 1);
    given_transfer(b, with_flags(spec_of(20, 1, 2, 5), PENDING));
    assert_int_equal(reverse(b, id_of(20), &back), RESULT_TRANSFER_NOT_POSTED);
    given_transfer(b, resolving(21, 20, WHOLE, POST));
    assert_int_equal(reverse(b, id_of(20), &back), RESULT_TRANSFER_NOT_POSTED);
    assert_int_equal(reverse(b, id_of(21), &back), RESULT_OK);
    assert_int_equal(reverse(b, id_of(77), &back), RESULT_NOT_FOUND);
}

static uint64_t events_of(struct bank *b)
{
    struct shard_stats stats;
    shard_get_stats(b->shard, &stats);
    return stats.events;
}

/* Nothing but what happened is recorded: the transfer, its words, and what it reverses. */
static void test_a_transfer_is_one_event_and_one_of_its_words(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    uint64_t before = events_of(b);
    given_transfer(b, spec_of(10, 1, 2, 5));
    assert_int_equal(events_of(b), before + 1);
    struct transfer_create plain =
        single_transfer(&(struct transfer_spec){.id = id_of(11),
                                                .debit_account_id = id_of(1),
                                                .credit_account_id = id_of(2),
                                                .has_amount = true,
                                                .amount = 5,
                                                .currency = USD,
                                                .code = 1});
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &plain), RESULT_OK);
    assert_int_equal(events_of(b), before + 2);
    struct transfer_info info;
    assert_int_equal(create_transfer(b, teller(), 1, 2, 5, &info), RESULT_OK);
    assert_int_equal(events_of(b), before + 4);
    assert_int_equal(reverse(b, id_of(10), &info), RESULT_OK);
    assert_int_equal(events_of(b), before + 6);
}

static uint16_t pay_keyed(struct bank *b, uint64_t key, uint64_t debit, uint64_t credit)
{
    struct transfer_info info;
    b->key = key;
    return create_transfer(b, teller(), debit, credit, 5, &info);
}

/* Nothing is kept of what the caller does not see: once it is there, the same key does it. */
static void test_a_key_is_free_while_there_is_no_account(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(pay_keyed(b, 1, 8, 2), RESULT_DEBIT_ACCOUNT_NOT_FOUND);
        assert_int_equal(pay_keyed(b, 2, 1, 9), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    }
    given_account(b, 8, USD, 0);
    given_account(b, 9, USD, 0);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(pay_keyed(b, 1, 8, 2), RESULT_OK);
        assert_int_equal(pay_keyed(b, 2, 1, 9), RESULT_OK);
    }
    expect_counters(b, 8, 0, 5, 0, 0);
    expect_counters(b, 9, 0, 0, 0, 5);
}

/* What was reversed is reversed by that one alone: another id, or none, brings nothing back. */
static void test_a_reversal_is_repeated_by_its_id_alone(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 5));
    struct transfer_reverse r = {
        .transfer_id = id_of(10), .has_reversal_id = true, .reversal_id = id_of(11)};
    for (int times = 0; times < 2; times++)
        assert_int_equal(bank_ask(b, teller(), &transfer_reverse_type, &r), RESULT_OK);
    r.reversal_id = id_of(12);
    assert_int_equal(bank_ask(b, teller(), &transfer_reverse_type, &r), RESULT_ALREADY_REVERSED);
    r.has_reversal_id = false;
    r.reversal_id = id_of(11); /* absent, whatever its bytes are */
    assert_int_equal(bank_ask(b, teller(), &transfer_reverse_type, &r), RESULT_ALREADY_REVERSED);
    expect_counters(b, 1, 0, 5, 0, 5);
}

/* Repeated with its id a transfer is the same only if all of it is, its words too. */
static void test_a_repeated_transfer_has_the_same_words(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct metadata_pair pair = {slice_of("order"), slice_of("17")};
    struct transfer_create c = {.has_transfer_id = true,
                                .transfer_id = id_of(10),
                                .debit_account_id = id_of(1),
                                .credit_account_id = id_of(2),
                                .has_amount = true,
                                .amount = 5,
                                .currency = USD,
                                .has_description = true,
                                .description = slice_of("two books"),
                                .has_metadata = true,
                                .metadata = {&pair, 1}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &c), RESULT_OK);
    struct transfer_create other = c;
    other.description = slice_of("three books");
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    other = c;
    other.has_metadata = false;
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &other),
                     RESULT_EXISTS_WITH_DIFFERENT_METADATA);
    expect_counters(b, 1, 0, 5, 0, 0);
}

/* An operator is told what became of any tenant's transfer; a stranger, that there is none. */
static void test_a_transfer_that_never_was_pending_is_final(void **state)
{
    struct bank *b = *state;
    struct principal stranger = someone("other", "x"), operator = stranger;
    operator.operator = true;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 5));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 5), PENDING));
    given_transfer(b, resolving(12, 11, WHOLE, POST));
    for (uint64_t id = 10; id <= 12; id += 2) {
        assert_int_equal(transfer_as(b, stranger, resolving(20 + id, id, 1, POST)),
                         RESULT_PENDING_TRANSFER_NOT_FOUND);
        assert_int_equal(transfer_as(b, operator, resolving(40 + id, id, 1, POST)),
                         RESULT_PENDING_TRANSFER_NOT_PENDING);
        assert_int_equal(transfer(b, resolving(60 + id, id, 1, POST)),
                         RESULT_PENDING_TRANSFER_NOT_PENDING);
    }
}

static void test_an_operator_resolves_for_any_tenant(void **state)
{
    struct bank *b = *state;
    struct principal stranger = someone("other", "x"), operator = stranger;
    operator.operator = true;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 5), PENDING));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 7), PENDING));
    assert_int_equal(transfer_as(b, stranger, resolving(20, 10, 2, POST)),
                     RESULT_PENDING_TRANSFER_NOT_FOUND);
    assert_int_equal(transfer_as(b, operator, resolving(21, 10, 2, POST)), RESULT_OK);
    assert_int_equal(
        transfer_as(b, operator, resolving(22, 11, WHOLE, TRANSFER_FLAGS_VOID_PENDING)),
        RESULT_OK);
    expect_counters(b, 1, 0, 2, 0, 0);
    struct transfer_info t = show_transfer(b, id_of(21)); /* the tenant's, not the operator's */
    assert_true(t.amount == 2);
}

static void test_post_and_void_by_message(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 1000), PENDING));
    struct transfer_post post = {.transfer_id = id_of(10), .has_amount = true,
                                 .amount = money("4.005")};
    assert_int_equal(bank_ask(b, teller(), &transfer_post_type, &post),
                     RESULT_AMOUNT_TOO_PRECISE);
    post.amount = money("9999999999999999999999999999999999999");
    assert_int_equal(bank_ask(b, teller(), &transfer_post_type, &post),
                     RESULT_AMOUNT_OUT_OF_RANGE);
    post.amount = money("0");
    assert_int_equal(bank_ask(b, teller(), &transfer_post_type, &post),
                     RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    post.amount = money("4.00");
    post.has_currency = true, post.currency = EUR;
    assert_int_equal(bank_ask(b, teller(), &transfer_post_type, &post), RESULT_CURRENCY_MISMATCH);
    post.currency = USD;
    post.keep_remainder = true;
    assert_int_equal(bank_ask(b, someone("other", "x"), &transfer_post_type, &post),
                     RESULT_NOT_FOUND);
    assert_int_equal(bank_ask(b, teller(), &transfer_post_type, &post), RESULT_OK);
    expect_counters(b, 1, 600, 400, 0, 0);
    struct transfer_void v = {.transfer_id = id_of(10)};
    assert_int_equal(bank_ask(b, teller(), &transfer_void_type, &v), RESULT_OK);
    expect_counters(b, 1, 0, 400, 0, 0);
    assert_int_equal(bank_ask(b, teller(), &transfer_void_type, &v),
                     RESULT_PENDING_TRANSFER_ALREADY_VOIDED);
}

static void test_transaction_is_all_or_nothing(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    struct transaction_leg legs[] = {
        {.debit_account_id = id_of(1),
         .credit_account_id = id_of(3),
         .has_amount = true,
         .amount = 10,
         .currency = USD},
        {.debit_account_id = id_of(3),
         .credit_account_id = id_of(2),
         .has_amount = true,
         .amount = 11,
         .currency = USD},
    };
    struct transaction_create c = {.legs = legs, .legs_count = 2, .has_description = true,
                                   .description = slice_of("with fee")};
    struct transaction_info info;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(refused_leg(b), 1);
    expect_counters(b, 1, 0, 0, 0, 0);
    legs[1].amount = 4;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_OK);
    bank_reply(b, &transaction_info_type, &info);
    assert_int_equal(info.transfers_count, 2);
    expect_counters(b, 3, 0, 4, 0, 10);
    struct transaction_get get = {info.transaction_id};
    assert_int_equal(bank_ask(b, teller(), &transaction_get_type, &get), RESULT_OK);
    bank_reply(b, &transaction_info_type, &info);
    assert_true(info.transfers[1].amount == 4);
    assert_true(slice_equal(info.description, slice_of("with fee")));
    c.has_transaction_id = true;
    c.transaction_id = info.transaction_id;
    struct transaction_info again;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_OK);
    bank_reply(b, &transaction_info_type, &again);
    assert_true(id128_equal(again.transfers[1].transfer_id, info.transfers[1].transfer_id));
    expect_counters(b, 3, 0, 4, 0, 10);
    legs[1].amount = 3;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c),
                     RESULT_TRANSACTION_EXISTS);
    legs[1].amount = 4;
    c.description = slice_of("without fee");
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c),
                     RESULT_TRANSACTION_EXISTS);
    struct transfers_list list = {.has_transaction_id = true,
                                  .transaction_id = info.transaction_id};
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &list), RESULT_OK);
    struct transfer_page page;
    bank_reply(b, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, 2);
}

/* Two legs with all that a leg may have. */
static struct transaction_create full_transaction(struct transaction_leg legs[2], uint64_t early)
{
    static struct metadata_pair pair = {{"order", 5}, {"17", 2}};
    const struct transaction_leg leg = {.debit_account_id = id_of(1),
                                        .credit_account_id = id_of(2),
                                        .amount = 10,
                                        .currency = USD,
                                        .has_code = true,
                                        .code = 5,
                                        .has_flags = true,
                                        .flags = PENDING,
                                        .has_timeout_s = true,
                                        .timeout_s = 60,
                                        .has_user_data_128 = true,
                                        .user_data_128 = 128,
                                        .has_user_data_64 = true,
                                        .user_data_64 = 64,
                                        .has_user_data_32 = true,
                                        .user_data_32 = 32};
    legs[0] = legs[1] = leg;
    return (struct transaction_create){.has_transaction_id = true,
                                       .transaction_id = id_of(50),
                                       .legs = legs,
                                       .legs_count = 2,
                                       .has_effective_time = true,
                                       .effective_time = early,
                                       .has_description = true,
                                       .description = slice_of("fees"),
                                       .has_reason = true,
                                       .reason = slice_of("a strike"),
                                       .has_metadata = true,
                                       .metadata = {&pair, 1}};
}

static void expect_another(struct bank *b, const struct transaction_create *c)
{
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, c),
                     RESULT_TRANSACTION_EXISTS);
}

/* Repeated with its id a transaction is the same only if all of it is. */
static void test_a_repeated_transaction_is_the_same_in_all(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, 0);
    bank_wait(b, NS_PER_S);
    struct transaction_leg legs[2], others[10];
    struct transaction_create first = full_transaction(legs, show(b, 3).opened_time + 1), other[8];
    for (int times = 0; times < 2; times++)
        assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &first), RESULT_OK);
    const struct transaction_leg leg = legs[1];
    for (size_t i = 0; i < array_len(others); i++)
        others[i] = leg;
    others[0].debit_account_id = id_of(3);
    others[1].credit_account_id = id_of(3);
    others[2].amount++;
    others[3].currency = EUR;
    others[4].code++;
    others[5].flags = 0;
    others[6].timeout_s++;
    others[7].user_data_128++;
    others[8].user_data_64++;
    others[9].user_data_32++;
    for (size_t i = 0; i < array_len(others); i++) {
        legs[1] = others[i];
        expect_another(b, &first);
    }
    legs[1] = leg;
    for (size_t i = 0; i < array_len(other); i++)
        other[i] = first;
    other[0].legs_count = 1;
    other[1].effective_time++;
    other[2].has_effective_time = false;
    other[3].description = slice_of("fee");
    other[4].has_description = false;
    other[5].metadata.count = 0;
    other[6].reason = slice_of("a flood");
    other[7].has_reason = false;
    for (size_t i = 0; i < array_len(other); i++)
        expect_another(b, &other[i]);
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &first), RESULT_OK);
    expect_counters(b, 1, 20, 0, 0, 0);
}

/* 1 pays 10 to 3, which pays 4 of it on to 2. */
static struct id128 given_transaction(struct bank *b, struct id128 transfers[2])
{
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    struct transaction_leg legs[] = {
        {.debit_account_id = id_of(1),
         .credit_account_id = id_of(3),
         .has_amount = true,
         .amount = 10,
         .currency = USD},
        {.debit_account_id = id_of(3),
         .credit_account_id = id_of(2),
         .has_amount = true,
         .amount = 4,
         .currency = USD},
    };
    struct transaction_create c = {.legs = legs, .legs_count = 2};
    struct transaction_info info;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_OK);
    bank_reply(b, &transaction_info_type, &info);
    for (uint32_t i = 0; i < 2; i++)
        transfers[i] = info.transfers[i].transfer_id;
    return info.transaction_id;
}

static uint16_t reverse_whole(struct bank *b, struct id128 id, struct id128 reversal_id,
                              struct transaction_info *info)
{
    struct transaction_reverse r = {
        .transaction_id = id,
        .has_reversal_id = !id128_is_zero(reversal_id),
        .reversal_id = reversal_id,
        .has_description = true,
        .description = slice_of("returned"),
    };
    uint16_t code = bank_ask(b, teller(), &transaction_reverse_type, &r);
    if (code == RESULT_OK)
        bank_reply(b, &transaction_info_type, info);
    return code;
}

static struct transaction_info show_transaction(struct bank *b, struct id128 id)
{
    struct transaction_get get = {id};
    struct transaction_info info;
    assert_int_equal(bank_ask(b, teller(), &transaction_get_type, &get), RESULT_OK);
    bank_reply(b, &transaction_info_type, &info);
    return info;
}

static void test_a_transaction_is_reversed_once_and_whole(void **state)
{
    struct bank *b = *state;
    struct id128 transfers[2], id = given_transaction(b, transfers);
    struct transaction_info back;
    struct transfer_info one;
    assert_int_equal(reverse_whole(b, id, id_of(40), &back), RESULT_OK);
    assert_true(id128_equal(back.transaction_id, id_of(40)));
    assert_true(back.has_reverses_id && id128_equal(back.reverses_id, id));
    assert_int_equal(back.transfers_count, 2);
    assert_true(id128_equal(back.transfers[0].reverses_id, transfers[1]));
    assert_true(id128_equal(back.transfers[1].reverses_id, transfers[0]));
    expect_counters(b, 1, 0, 10, 0, 10);
    expect_counters(b, 3, 0, 14, 0, 14);
    expect_counters(b, 2, 0, 4, 0, 4);
    assert_int_equal(reverse_whole(b, id, id_of(40), &back), RESULT_OK); /* a retry */
    assert_int_equal(back.transfers_count, 2);
    assert_int_equal(reverse_whole(b, id, id_of(41), &back), RESULT_ALREADY_REVERSED);
    assert_int_equal(reverse_whole(b, id, ID128_ZERO, &back), RESULT_ALREADY_REVERSED);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(reverse(b, transfers[i], &one), RESULT_ALREADY_REVERSED);
    assert_true(id128_equal(show_transaction(b, id).reversed_by_id, id_of(40)));
    back = show_transaction(b, id_of(40));
    assert_true(id128_equal(back.reverses_id, id));
    assert_true(slice_equal(back.description, slice_of("returned")));
    expect_counters(b, 1, 0, 10, 0, 10);
    struct transaction_leg again[] = { /* the reversal's, as if it had been asked for */
        {.debit_account_id = id_of(2), .credit_account_id = id_of(3), .amount = 4,
         .currency = USD},
        {.debit_account_id = id_of(3), .credit_account_id = id_of(1), .amount = 10,
         .currency = USD}};
    struct transaction_create c = {.has_transaction_id = true, .transaction_id = id_of(40),
                                   .legs = again, .legs_count = 2, .has_description = true,
                                   .description = slice_of("returned")};
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c),
                     RESULT_TRANSACTION_EXISTS);
    assert_int_equal(reverse_whole(b, id_of(77), ID128_ZERO, &back), RESULT_NOT_FOUND);
    assert_int_equal(reverse_whole(b, transfers[0], ID128_ZERO, &back), RESULT_NOT_FOUND);
}

/* Repeated with its id a reversal is the same only if all of it is. */
static void test_a_repeated_reversal_is_the_same_in_all(void **state)
{
    struct bank *b = *state;
    struct metadata_pair pair = {slice_of("order"), slice_of("17")};
    struct id128 transfers[2];
    struct transaction_reverse first = {.transaction_id = given_transaction(b, transfers),
                                        .has_reversal_id = true,
                                        .reversal_id = id_of(40),
                                        .has_description = true,
                                        .description = slice_of("returned"),
                                        .has_reason = true,
                                        .reason = slice_of("too small"),
                                        .has_metadata = true,
                                        .metadata = {&pair, 1}};
    struct transaction_reverse other[] = {first, first, first, first};
    assert_int_equal(bank_ask(b, teller(), &transaction_reverse_type, &first), RESULT_OK);
    other[0].description = slice_of("lost");
    other[1].reason = slice_of("too large");
    other[2].metadata.count = 0;
    other[3].has_effective_time = true;
    other[3].effective_time = show_transaction(b, id_of(40)).recorded_time - 1;
    for (size_t i = 0; i < array_len(other); i++)
        assert_int_equal(bank_ask(b, teller(), &transaction_reverse_type, &other[i]),
                         RESULT_TRANSACTION_EXISTS);
    assert_int_equal(bank_ask(b, teller(), &transaction_reverse_type, &first), RESULT_OK);
    expect_counters(b, 1, 0, 10, 0, 10);
}

static void test_a_transaction_is_not_reversed_in_part(void **state)
{
    struct bank *b = *state;
    struct id128 transfers[2], id = given_transaction(b, transfers);
    struct transaction_info back;
    struct transfer_info one;
    /* 3 has spent what it would have to give back, but for what 2 gives back first. */
    assert_int_equal(reverse(b, transfers[1], &one), RESULT_OK);
    assert_int_equal(reverse_whole(b, id, ID128_ZERO, &back), RESULT_ALREADY_REVERSED);
    assert_int_equal(refused_leg(b), 1);
    expect_counters(b, 1, 0, 10, 0, 0);
    assert_int_equal(reverse(b, transfers[0], &one), RESULT_OK);
}

static void test_a_reversal_without_money_changes_nothing(void **state)
{
    struct bank *b = *state;
    struct id128 transfers[2], id = given_transaction(b, transfers);
    struct transaction_info back;
    struct transfer_create spend = {.debit_account_id = id_of(3), .credit_account_id = id_of(2),
                                    .has_amount = true, .amount = 6, .currency = USD};
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &spend), RESULT_OK);
    assert_int_equal(reverse_whole(b, id, ID128_ZERO, &back), RESULT_EXCEEDS_CREDITS);
    assert_int_equal(refused_leg(b), 0);
    expect_counters(b, 2, 0, 0, 0, 10);
    assert_false(show_transaction(b, id).has_reversed_by_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_reversal_happens_once),
        LEDGER_TEST(test_a_transfer_is_one_event_and_one_of_its_words),
        LEDGER_TEST(test_a_key_is_free_while_there_is_no_account),
        LEDGER_TEST(test_a_reversal_is_repeated_by_its_id_alone),
        LEDGER_TEST(test_a_repeated_transfer_has_the_same_words),
        LEDGER_TEST(test_a_repeated_transaction_is_the_same_in_all),
        LEDGER_TEST(test_a_transfer_that_never_was_pending_is_final),
        LEDGER_TEST(test_an_operator_resolves_for_any_tenant),
        LEDGER_TEST(test_post_and_void_by_message),
        LEDGER_TEST(test_transaction_is_all_or_nothing),
        LEDGER_TEST(test_a_transaction_is_reversed_once_and_whole),
        LEDGER_TEST(test_a_repeated_reversal_is_the_same_in_all),
        LEDGER_TEST(test_a_transaction_is_not_reversed_in_part),
        LEDGER_TEST(test_a_reversal_without_money_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
