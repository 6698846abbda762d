/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that clients choose: of any time, or none, each is taken, and each is taken once. */
#include "actors/wallet/funds.h"
#include "tests/unit/ledger_fixture.h"

#define MINUTE (60 * NS_PER_S)
#define YEAR (365 * NS_PER_DAY)
#define NOW_NS WORLD_EPOCH_NS

static struct id128 id_at(uint64_t ns, uint64_t n)
{
    return (struct id128){ns / NS_PER_MS << 16 | n, n << 16};
}

/* Times as of the start of a test; the last ones are none at all. */
static struct id128 chosen_id(size_t i)
{
    const struct id128 ids[] = {
        id_at(NOW_NS - 20 * YEAR, 1),
        id_at(NOW_NS - 11 * MINUTE, 2),
        id_at(NOW_NS - NS_PER_S, 3),
        id_at(NOW_NS + 2 * NS_PER_S, 4),
        id_at(NOW_NS + 9 * MINUTE, 5),
        id_at(NOW_NS + 11 * MINUTE, 6),
        id_at(NOW_NS + 60 * MINUTE, 7),
        id_at(NOW_NS + 400 * YEAR, 8),
        {7, 9 << 16},
        {UINT64_MAX >> 1, 10 << 16},
        {0xF47AC10B58CC4372u, 0xA5670E02B2C30000u},
        {0xFFFFFFFFFFFE0000u, 0},
    };
    return i < array_len(ids) ? ids[i] : ID128_ZERO;
}

static uint16_t open_chosen(struct bank *b, struct id128 id)
{
    return open_as(b, teller(), (struct account_spec){.id = id, .currency = USD, .code = 100});
}

/* All of them as accounts and as transfers, of which every second one is pending. */
static void expect_all(struct bank *b, uint16_t opened, uint16_t moved)
{
    for (size_t i = 0; !id128_is_zero(chosen_id(i)); i++) {
        assert_int_equal(open_chosen(b, chosen_id(i)), opened);
        struct transfer_spec s = spec_of(1, 1, 2, 5);
        s.id = chosen_id(i);
        s.flags = i % 2 == 0 ? 0u : (uint32_t)TRANSFER_FLAGS_PENDING;
        assert_int_equal(transfer(b, s), moved);
    }
}

static void given_books(struct bank *b)
{
    given_account(b, 1, USD, 0);
    given_account(b, 2, USD, 0);
}

static void an_id_of_any_time_is_taken_once(void **state)
{
    struct bank *b = *state;
    given_books(b);
    expect_all(b, RESULT_OK, RESULT_OK);
    expect_all(b, RESULT_ACCOUNT_EXISTS, RESULT_EXISTS);
}

/* The views have them, and memory has not. */
static void one_that_left_memory_is_known_when_its_time_comes(void **state)
{
    struct bank *b = *state;
    given_books(b);
    expect_all(b, RESULT_OK, RESULT_OK);
    bank_wait(b, NS_PER_S);
    bank_restart(b);
    expect_all(b, RESULT_ACCOUNT_EXISTS, RESULT_EXISTS);
    for (int i = 0; i < 7; i++) { /* the times of the first seven come near, and pass */
        bank_wait(b, 10 * MINUTE);
        expect_all(b, RESULT_ACCOUNT_EXISTS, RESULT_EXISTS);
        bank_restart(b);
        bank_wait(b, NS_PER_S);
        expect_all(b, RESULT_ACCOUNT_EXISTS, RESULT_EXISTS);
    }
}

static void the_platform_s_own_ids_are_not_taken(void **state)
{
    struct bank *b = *state;
    struct id128 clearing = bank_clearing(b, teller().tenant_id, USD);
    assert_int_equal(open_chosen(b, clearing), RESULT_ID_MUST_NOT_BE_INT_MAX);
    assert_int_equal(open_chosen(b, (struct id128){UINT64_MAX, UINT64_MAX}),
                     RESULT_ID_MUST_NOT_BE_INT_MAX);
    struct id128 wallet = given_wallet(b, "ann", "5.00");
    expect_wallet(b, wallet, 500, 0);
}

static struct transfer_info create(struct bank *b, struct id128 id, const char *description)
{
    struct transfer_create c = {.has_transfer_id = true,
                                .transfer_id = id,
                                .debit_account_id = id_of(1),
                                .has_credit_account_id = true,
                                .credit_account_id = id_of(2),
                                .has_amount = true,
                                .amount = 5,
                                .currency = USD,
                                .has_description = true,
                                .description = slice_of(description)};
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &c), RESULT_OK);
    struct transfer_info info;
    bank_reply(b, &transfer_info_type, &info);
    return info;
}

/* Whatever bits of it are set, and those of another differ. */
static void notes_and_reversals_of_ids_that_are_alike_are_apart(void **state)
{
    static const uint64_t tops[] = {0, 1, 2, 3};
    struct bank *b = *state;
    struct id128 ids[array_len(tops)];
    given_books(b);
    for (size_t i = 0; i < array_len(tops); i++) {
        ids[i] = (struct id128){tops[i] << 62 | 0x1234, 7 << 16};
        create(b, ids[i], "what one says");
    }
    struct transfer_reverse r = {.transfer_id = ids[2]};
    assert_int_equal(bank_ask(b, teller(), &transfer_reverse_type, &r), RESULT_OK);
    for (size_t i = 0; i < array_len(tops); i++) {
        struct transfer_get get = {ids[i]};
        assert_int_equal(bank_ask(b, teller(), &transfer_get_type, &get), RESULT_OK);
        struct transfer_info info;
        bank_reply(b, &transfer_info_type, &info);
        assert_true(slice_equal(info.description, slice_of("what one says")));
        assert_int_equal(info.has_reversed_by_id, i == 2);
    }
}

/* The journal knows it for good, the views forget it with the keys; then it may be used. */
static void a_refused_id_is_forgotten_with_the_keys(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    assert_int_equal(transfer(b, spec_of(10, 3, 2, 5)), RESULT_EXCEEDS_CREDITS);
    given_transfer(b, spec_of(11, 1, 3, 5));
    bank_wait(b, 30 * NS_PER_DAY);
    bank_restart(b);
    assert_int_equal(transfer(b, spec_of(10, 3, 2, 5)), RESULT_ID_ALREADY_FAILED);
    bank_wait(b, 2 * NS_PER_DAY);
    given_transfer(b, spec_of(12, 1, 3, 5));
    bank_wait(b, 10 * NS_PER_S);
    bank_restart(b);
    assert_int_equal(transfer(b, spec_of(11, 1, 3, 5)), RESULT_EXISTS);
    given_transfer(b, spec_of(10, 3, 2, 5));
    bank_restart(b);
    assert_int_equal(transfer(b, spec_of(10, 3, 2, 5)), RESULT_EXISTS);
}

struct looker {
    struct message message;
    bool answered;
};

static void looker_answered(struct message *m)
{
    container_of(m, struct looker, message)->answered = true;
}

/* Somebody looks for a transfer, whose state is asked of the store; before that has answered it is
 * made. */
static void a_transfer_is_made_while_it_is_looked_for(void **state)
{
    struct bank *b = *state;
    struct transfer_get get = {id_at(NOW_NS - YEAR, 1)};
    given_books(b);
    bank_wait(b, NS_PER_S);
    bank_restart(b);
    assert_int_equal(bank_ask(b, teller(), &transfer_get_type, &get), RESULT_NOT_FOUND);
    struct looker looker = {.message = {.type = &transfer_get_type,
                                        .body = &get,
                                        .target_kind = transfer_get_type.target_kind,
                                        .target = get.transfer_id,
                                        .who = teller(),
                                        .home = &b->world.loop.env,
                                        .done = looker_answered}};
    wire_writer_init(&looker.message.reply, BANK_REPLY_MAX);
    struct transfer_spec s = spec_of(1, 1, 2, 5);
    assert_int_equal(transfer(b, s), RESULT_OK); /* the books are in memory now */
    shard_post(b->shard, &looker.message);
    s.id = get.transfer_id;
    s.flags = TRANSFER_FLAGS_PENDING;
    assert_int_equal(transfer(b, s), RESULT_OK);
    bank_wait(b, NS_PER_S);
    assert_true(looker.answered);
    wire_writer_done(&looker.message.reply);
    assert_int_equal(show_transfer(b, s.id).status, TRANSFER_STATUS_PENDING);
}

/* Whoever owns nothing fills no journal, and takes no id; what the caller may see is remembered. */
static void a_refusal_of_what_is_not_the_callers_leaves_nothing(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_spec foreign = spec_of(10, 1, 2, 5);
    struct transfer_spec nowhere[] = {foreign, spec_of(11, 77, 78, 5), spec_of(12, 1, 2, 0)};
    struct transfer_create singles[] = {single_transfer(&nowhere[0]), single_transfer(&nowhere[1]),
                                        single_transfer(&nowhere[2])};
    struct transaction_leg leg = {.debit_account_id = id_of(1),
                                  .credit_account_id = id_of(2),
                                  .has_amount = true,
                                  .amount = 5,
                                  .currency = USD};
    const struct transfers_create list = {nowhere, array_len(nowhere)};
    const struct transfers_batch batch = {singles, array_len(singles)};
    const struct transaction_create transaction = {.legs = &leg, .legs_count = 1};
    const struct {
        const struct message_type *type;
        const void *body;
        uint16_t code;
    } asked[] = {
        {&transfer_create_type, &singles[0], RESULT_DEBIT_ACCOUNT_NOT_FOUND},
        {&transfer_create_type, &singles[1], RESULT_DEBIT_ACCOUNT_NOT_FOUND},
        {&transfer_create_type, &singles[2], RESULT_AMOUNT_MUST_NOT_BE_ZERO},
        {&transfers_create_type, &list, RESULT_OK},
        {&transfers_batch_type, &batch, RESULT_OK},
        {&transaction_create_type, &transaction, RESULT_DEBIT_ACCOUNT_NOT_FOUND},
    };
    struct shard_stats before, after;
    shard_get_stats(b->shard, &before);
    for (size_t i = 0; i < 2 * array_len(asked); i++) {
        b->key = 1 + i / 2;
        assert_int_equal(
            bank_ask(b, someone("globex", "stranger"), asked[i / 2].type, asked[i / 2].body),
            asked[i / 2].code);
        assert_false(b->message.replayed);
    }
    shard_get_stats(b->shard, &after);
    assert_int_equal(after.records, before.records);
    given_transfer(b, foreign);
    for (int again = 0; again < 2; again++) {
        b->key = 100;
        assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &singles[2]),
                         RESULT_AMOUNT_MUST_NOT_BE_ZERO);
        assert_int_equal(b->message.replayed, again);
    }
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, bank_setup, bank_teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(an_id_of_any_time_is_taken_once),
        SCENARIO(a_transfer_is_made_while_it_is_looked_for),
        SCENARIO(a_refused_id_is_forgotten_with_the_keys),
        SCENARIO(one_that_left_memory_is_known_when_its_time_comes),
        SCENARIO(the_platform_s_own_ids_are_not_taken),
        SCENARIO(notes_and_reversals_of_ids_that_are_alike_are_apart),
        SCENARIO(a_refusal_of_what_is_not_the_callers_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
