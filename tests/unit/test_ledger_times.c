/* SPDX-License-Identifier: Apache-2.0 */
/* Effective times that clients give: not before what they are about was there. */
#include "tests/unit/ledger_fixture.h"

/* Accounts 1 and 2, a transfer and a pending one between them; the moments between these. */
struct past {
    uint64_t before_accounts, before_transfers, after;
    struct transfer_info moved, held;
};

static uint64_t now_ns(struct bank *b)
{
    bank_wait(b, NS_PER_S);
    return WORLD_EPOCH_NS + b->world.now_ns;
}

static struct transfer_info create(struct bank *b, uint32_t flags)
{
    struct transfer_create c = {
        .debit_account_id = id_of(1), .has_credit_account_id = true, .credit_account_id = id_of(2),
        .has_amount = true, .amount = 5, .currency = USD, .flags = flags};
    struct transfer_info info;
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &c), RESULT_OK);
    bank_reply(b, &transfer_info_type, &info);
    return info;
}

static struct past given_past(struct bank *b)
{
    struct past p = {.before_accounts = now_ns(b)};
    given_account(b, 1, USD, 0);
    given_account(b, 2, USD, 0);
    p.before_transfers = now_ns(b);
    p.moved = create(b, 0);
    p.held = create(b, TRANSFER_FLAGS_PENDING);
    p.after = now_ns(b);
    return p;
}

static uint16_t reverse(struct bank *b, const struct past *p, uint64_t time)
{
    struct transfer_reverse r = {.transfer_id = p->moved.transfer_id,
                                 .has_effective_time = true,
                                 .effective_time = time};
    return bank_ask(b, teller(), &transfer_reverse_type, &r);
}

static uint16_t post(struct bank *b, const struct past *p, uint64_t time)
{
    struct transfer_post r = {.transfer_id = p->held.transfer_id,
                              .has_effective_time = true,
                              .effective_time = time};
    return bank_ask(b, teller(), &transfer_post_type, &r);
}

static uint16_t move(struct bank *b, const struct past *p, uint64_t time)
{
    (void)p;
    struct transfer_spec s = spec_of(77, 1, 2, 5);
    s.has_effective_time = true;
    s.effective_time = time;
    return transfer(b, s);
}

static void expect_time(struct bank *b, uint64_t time)
{
    struct transfer_info info;
    bank_reply(b, &transfer_info_type, &info);
    assert_int_equal(info.effective_time, time);
}

/* 1970 is a time like others, and before any account was opened. */
static void nothing_counts_before_its_accounts(void **state)
{
    static uint16_t (*const ways[])(struct bank *, const struct past *, uint64_t) = {reverse, post,
                                                                                    move};
    struct bank *b = *state;
    const struct past p = given_past(b);
    for (size_t i = 0; i < array_len(ways); i++) {
        assert_int_equal(ways[i](b, &p, 0), RESULT_EFFECTIVE_TIME_BEFORE_ACCOUNT);
        assert_int_equal(ways[i](b, &p, p.before_accounts), RESULT_EFFECTIVE_TIME_BEFORE_ACCOUNT);
        assert_int_equal(ways[i](b, &p, p.after + NS_PER_DAY), RESULT_EFFECTIVE_TIME_IN_FUTURE);
    }
    assert_int_equal(move(b, &p, p.before_transfers), RESULT_OK);
}

static void nor_before_what_it_undoes_or_resolves(void **state)
{
    struct bank *b = *state;
    const struct past p = given_past(b);
    assert_int_equal(reverse(b, &p, p.before_transfers), RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
    assert_int_equal(post(b, &p, p.before_transfers), RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
    assert_int_equal(reverse(b, &p, p.moved.effective_time), RESULT_OK);
    expect_time(b, p.moved.effective_time);
    assert_int_equal(post(b, &p, p.held.effective_time), RESULT_OK);
    expect_time(b, p.held.effective_time);
}

/* Neither is what is imported, even if what it resolves was not. */
static void nor_is_anything_imported_before_what_it_resolves(void **state)
{
    static const uint32_t ways[] = {TRANSFER_FLAGS_POST_PENDING, TRANSFER_FLAGS_VOID_PENDING};
    struct bank *b = *state;
    const struct past p = given_past(b);
    for (size_t i = 0; i < array_len(ways); i++) {
        struct transfer_spec s = {.id = id_of(78),
                                  .pending_id = p.held.transfer_id,
                                  .flags = ways[i] | TRANSFER_FLAGS_IMPORTED,
                                  .has_effective_time = true,
                                  .effective_time = p.before_transfers};
        assert_int_equal(transfer(b, s), RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL);
    }
}

/* Accounts of 1970 are imported, and what counts from then on is projected like all else. */
static void imported_accounts_may_be_of_1970(void **state)
{
    struct bank *b = *state;
    struct account_spec old = {.id = id_of(1), .currency = USD, .code = 100,
                               .flags = ACCOUNT_FLAGS_IMPORTED, .has_effective_time = true};
    assert_int_equal(open_as(b, teller(), old), RESULT_OK);
    old.id = id_of(2);
    old.effective_time = 1;
    assert_int_equal(open_as(b, teller(), old), RESULT_OK);
    assert_int_equal(move(b, NULL, 0), RESULT_EFFECTIVE_TIME_BEFORE_ACCOUNT);
    assert_int_equal(move(b, NULL, 1), RESULT_OK);
    bank_wait(b, NS_PER_S);
    assert_int_equal(show(b, 1).opened_time, 0);
}

static void without_a_time_it_counts_from_now_on(void **state)
{
    struct bank *b = *state;
    given_past(b);
    struct transfer_info info = create(b, 0);
    assert_int_equal(info.effective_time, info.recorded_time);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, bank_setup, bank_teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(nothing_counts_before_its_accounts),
        SCENARIO(nor_before_what_it_undoes_or_resolves),
        SCENARIO(nor_is_anything_imported_before_what_it_resolves),
        SCENARIO(imported_accounts_may_be_of_1970),
        SCENARIO(without_a_time_it_counts_from_now_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
