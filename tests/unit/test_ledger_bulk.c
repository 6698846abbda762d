/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers by the list: chains, what a list of many finds again, what it waits for. */
#include "tests/unit/ledger_fixture.h"

#define PENDING TRANSFER_FLAGS_PENDING
#define UNANSWERED UINT16_MAX
#define POST TRANSFER_FLAGS_POST_PENDING

static void test_chain_stands_or_falls_together(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    const uint32_t linked = TRANSFER_FLAGS_LINKED;
    struct transfer_spec specs[] = {
        with_flags(spec_of(10, 1, 3, 5), linked),
        with_flags(spec_of(11, 3, 2, 6), linked),
        spec_of(12, 1, 2, 1),
        spec_of(13, 1, 2, 7),
        with_flags(spec_of(14, 1, 3, 5), linked | PENDING),
        resolving(15, 14, WHOLE, POST | linked),
        spec_of(16, 3, 2, 5),
        with_flags(spec_of(17, 1, 2, 1), linked),
        with_flags(spec_of(18, 1, 2, 1), linked),
    };
    const uint16_t codes[] = {
        RESULT_LINKED_EVENT_FAILED, RESULT_EXCEEDS_CREDITS, RESULT_LINKED_EVENT_FAILED, RESULT_OK,
        RESULT_OK, RESULT_OK, RESULT_OK, RESULT_LINKED_EVENT_FAILED,
        RESULT_LINKED_EVENT_CHAIN_OPEN,
    };
    expect_results(b, specs, codes, array_len(specs));
    expect_counters(b, 3, 0, 5, 0, 5);
    expect_counters(b, 2, 0, 0, 0, 12);
    assert_int_equal(transfer(b, spec_of(11, 1, 2, 1)), RESULT_ID_ALREADY_FAILED);
    given_transfer(b, spec_of(12, 1, 2, 1));
}

/* A posting changes less of an account than a hold does: each is undone as far as it went. */
static void test_postings_and_holds_of_a_chain_are_undone(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_transfer(b, with_flags(spec_of(9, 1, 2, 8), PENDING));
    const uint32_t linked = TRANSFER_FLAGS_LINKED;
    struct transfer_spec specs[] = {
        with_flags(spec_of(10, 1, 2, 5), linked),
        with_flags(spec_of(11, 1, 2, 6), linked | PENDING),
        with_flags(spec_of(12, 2, 1, 7), linked),
        resolving(13, 9, 3, POST | linked),
        with_flags(spec_of(14, 1, 2, 1), linked),
        spec_of(15, 3, 2, 1),
    };
    const uint16_t failed = RESULT_LINKED_EVENT_FAILED;
    const uint16_t codes[] = {failed, failed, failed, failed, failed, RESULT_EXCEEDS_CREDITS};
    struct account_info before = show(b, 1);
    expect_results(b, specs, codes, array_len(specs));
    struct account_info after = show(b, 1);
    expect_counters(b, 1, 8, 0, 0, 0);
    expect_counters(b, 2, 0, 0, 8, 0);
    assert_int_equal(after.version, before.version);
    assert_int_equal(after.holds_count, 1);
    assert_true(id128_equal(after.holds[0].transfer_id, id_of(9)));
    given_transfer(b, resolving(16, 9, 8, POST));
    expect_counters(b, 2, 0, 0, 0, 8);
}

static void list_answered(struct message *m)
{
    assert_int_not_equal(m->code, UNANSWERED);
}

/* Though both are for the ledger itself, what needs no load does not stay behind what does. */
static void test_a_list_that_waits_holds_up_no_other(void **state)
{
    struct bank *b = *state;
    struct transfer_spec spec = spec_of(10, 1, 2, 5);
    struct transfers_create list = {&spec, 1};
    struct shard_stats stats;
    struct account_create open = {.currency = USD, .code = 1};
    given_two_accounts(b);
    bank_wait(b, NS_PER_S);
    bank_restart(b);
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &open), RESULT_OK);
    b->loads.delay_min_ns = b->loads.delay_max_ns = NS_PER_S;
    struct message waits = {
        .type = &transfers_create_type,
        .body = &list,
        .who = teller(),
        .target_kind = KIND_LEDGER,
        .target = LEDGER_DIRECTORY_ID,
        .home = &b->world.loop.env,
        .done = list_answered,
        .code = UNANSWERED,
    };
    wire_writer_init(&waits.reply, BANK_REPLY_MAX);
    shard_post(b->shard, &waits);
    uint64_t began_ns = b->world.now_ns;
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &open), RESULT_OK);
    assert_in_range(b->world.now_ns - began_ns, 0, NS_PER_S / 10);
    assert_int_equal(waits.code, UNANSWERED);
    bank_wait(b, 10 * NS_PER_S);
    assert_int_equal(waits.code, RESULT_OK);
    assert_true(show(b, 1).debits_posted == 5);
    shard_get_stats(b->shard, &stats);
    assert_int_equal(stats.kinds[KIND_LEDGER].resident, 1);
    wire_writer_done(&waits.reply);
}

/* One of its accounts is in the views alone: what was made before it is made once. */
static void test_a_list_that_waits_for_an_account_is_made_once(void **state)
{
    struct bank *b = *state;
    enum { COUNT = 40, AWAY = 3 };
    given_two_accounts(b);
    given_account(b, AWAY, USD, 0);
    for (uint64_t away = 0; away < COUNT; away += 3) {
        struct transfer_spec specs[COUNT];
        uint16_t codes[COUNT] = {RESULT_OK};
        for (uint64_t i = 0; i < COUNT; i++) {
            specs[i] = spec_of(1000 * (away + 1) + i, 1, i == away ? AWAY : 2, 1);
            if (i == away || i + 1 == away)
                specs[i].flags = TRANSFER_FLAGS_LINKED;
        }
        specs[COUNT - 1].flags = 0;
        bank_restart(b);
        expect_counters(b, 1, 0, COUNT * (away / 3), 0, 0); /* 1 and 2 are here again */
        expect_counters(b, 2, 0, 0, 0, (COUNT - 1) * (away / 3));
        expect_results(b, specs, codes, COUNT);
        expect_counters(b, 1, 0, COUNT * (away / 3 + 1), 0, 0);
        expect_counters(b, 2, 0, 0, 0, (COUNT - 1) * (away / 3 + 1));
        expect_counters(b, AWAY, 0, 0, 0, away / 3 + 1);
    }
}

static void test_same_id_twice_in_one_list(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_spec specs[] = {spec_of(10, 1, 2, 5), spec_of(10, 1, 2, 5),
                                    spec_of(10, 1, 2, 6)};
    const uint16_t codes[] = {RESULT_OK, RESULT_EXISTS, RESULT_EXISTS_WITH_DIFFERENT_AMOUNT};
    expect_results(b, specs, codes, 3);
    expect_counters(b, 1, 0, 5, 0, 0);
}

/* In one message: many transfers, then each once more from the last to the first, every other with
 * another amount; and after each tenth a chain that is taken back. */
static void test_ids_are_found_again_in_any_order(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    enum { N = 1000, ALL = 2 * N + N / 10 * 2 };
    static struct transfer_spec specs[ALL];
    static uint16_t expected[ALL];
    uint32_t count = N;
    for (uint64_t i = 0; i < N; i++)
        specs[i] = spec_of(100 + i, 1, 2, i + 1);
    for (uint64_t i = N; i-- > 0;) {
        specs[count] = spec_of(100 + i, 1, 2, i + 1 + i % 2);
        expected[count++] = i % 2 == 0 ? RESULT_EXISTS : RESULT_EXISTS_WITH_DIFFERENT_AMOUNT;
        if (i % 10 != 0)
            continue;
        specs[count] = with_flags(spec_of(5000 + i, 1, 2, 1), TRANSFER_FLAGS_LINKED);
        expected[count++] = RESULT_LINKED_EVENT_FAILED;
        specs[count] = spec_of(100 + N - 1 - i, 1, 2, N - i);
        expected[count++] = RESULT_EXISTS;
    }
    assert_int_equal(count, ALL);
    struct transfers_create c = {specs, ALL};
    assert_int_equal(bank_ask(b, teller(), &transfers_create_type, &c), RESULT_OK);
    struct item_results results;
    bank_reply(b, &item_results_type, &results);
    assert_int_equal(results.results_count, ALL - N);
    for (uint32_t i = 0; i < results.results_count; i++) {
        assert_int_equal(results.results[i].index, N + i);
        assert_int_equal(results.results[i].result, expected[N + i]);
    }
    expect_counters(b, 1, 0, (u128)N * (N + 1) / 2, 0, 0);
}

static void test_words_are_kept_and_compared_if_given(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct metadata_pair pair = {slice_of("month"), slice_of("5")};
    struct transfer_spec s = spec_of(10, 1, 2, 5);
    s.has_description = s.has_metadata = true;
    s.description = slice_of("Rent");
    s.metadata = (struct metadata){&pair, 1};
    given_transfer(b, s);
    struct transfer_info info = show_transfer(b, id_of(10));
    assert_true(slice_equal(info.description, slice_of("Rent")));
    assert_int_equal(info.metadata.count, 1);
    bank_restart(b);
    assert_int_equal(transfer(b, s), RESULT_EXISTS);
    assert_int_equal(transfer(b, spec_of(10, 1, 2, 5)), RESULT_EXISTS);
    pair.value = slice_of("6");
    assert_int_equal(transfer(b, s), RESULT_EXISTS_WITH_DIFFERENT_METADATA);
    s.description = slice_of("Heating");
    assert_int_equal(transfer(b, s), RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION);
    struct transfer_spec why = spec_of(11, 1, 2, 5);
    why.has_reason = true;
    why.reason = slice_of("Booked twice");
    given_transfer(b, why);
    assert_int_equal(transfer(b, why), RESULT_EXISTS);
    why.reason = slice_of("Right before");
    assert_int_equal(transfer(b, why), RESULT_EXISTS_WITH_DIFFERENT_REASON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_chain_stands_or_falls_together),
        LEDGER_TEST(test_postings_and_holds_of_a_chain_are_undone),
        LEDGER_TEST(test_a_list_that_waits_holds_up_no_other),
        LEDGER_TEST(test_a_list_that_waits_for_an_account_is_made_once),
        LEDGER_TEST(test_same_id_twice_in_one_list),
        LEDGER_TEST(test_ids_are_found_again_in_any_order),
        LEDGER_TEST(test_words_are_kept_and_compared_if_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
