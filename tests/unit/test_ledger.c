/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger in a real shard: accounts, transfers of every mode, what is refused and why, and what
 * the lists show afterwards. */
#include "tests/unit/ledger_fixture.h"

#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "runtime/actor/registry_priv.h"
#include "runtime/base/time.h"

/* --- every result code of a transfer ---------------------------------------------------------- */

#define PENDING TRANSFER_FLAGS_PENDING
#define POST TRANSFER_FLAGS_POST_PENDING
#define VOID TRANSFER_FLAGS_VOID_PENDING
#define IMPORTED TRANSFER_FLAGS_IMPORTED
#define KEEP TRANSFER_FLAGS_KEEP_REMAINDER
#define HUGE_AMOUNT (U128_MAX - 5)
#define PAST (WORLD_EPOCH_NS - NS_PER_DAY)
#define FRESH 0 /* an id of its own for each case */

static void given_limits(struct bank *b)
{
    static const struct {
        uint64_t id;
        bool has_debit_max, has_credit_max, has_min;
    } limited[] = {{20, true, false, false}, {21, false, true, false}, {22, false, false, true}};
    for (size_t i = 0; i < array_len(limited); i++) {
        struct account_create c = {
            .has_account_id = true,
            .account_id = id_of(limited[i].id),
            .currency = USD,
            .code = 1,
            .has_debit_balance_max = limited[i].has_debit_max,
            .debit_balance_max = 50,
            .has_credit_balance_max = limited[i].has_credit_max,
            .credit_balance_max = 50,
            .has_credit_balance_min = limited[i].has_min,
            .credit_balance_min = 20,
        };
        assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    }
    given_transfer(b, spec_of(1000, 1, 22, 100));
}

/* Accounts and transfers for the table: see the ids below. */
static void given_everything(struct bank *b)
{
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_account(b, 4, USD, ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS);
    given_account(b, 5, EUR, 0);
    for (uint64_t n = 6; n <= 8; n++)
        given_account(b, n, USD, 0);
    assert_int_equal(open_as(b, someone("other", "x"), (struct account_spec){
        .id = id_of(9), .currency = USD, .code = 1}), RESULT_OK);
    struct account_close close = {.account_id = id_of(6)};
    assert_int_equal(bank_ask(b, teller(), &account_close_type, &close), RESULT_OK);
    freeze(b, 7, FREEZE_MODE_DEBITS);
    freeze(b, 8, FREEZE_MODE_CREDITS);
    given_transfer(b, spec_of(500, 1, 3, 100));
    given_transfer(b, spec_of(501, 4, 2, 100));
    given_limits(b);
    /* 600 posted, 601 pending, 602 posted by 603, 604 voided by 605, 606 expired, 607 refused,
     * 608 balancing */
    struct transfer_spec s = spec_of(600, 1, 2, 10);
    s.has_user_data_128 = s.has_user_data_64 = s.has_user_data_32 = true;
    s.user_data_128 = 7, s.user_data_64 = 8, s.user_data_32 = 9;
    given_transfer(b, s);
    s = with_flags(spec_of(601, 1, 2, 20), PENDING);
    s = with_timeout(s, 1000);
    given_transfer(b, s);
    given_transfer(b, with_flags(spec_of(602, 1, 2, 20), PENDING));
    given_transfer(b, resolving(603, 602, WHOLE, POST));
    given_transfer(b, with_flags(spec_of(604, 1, 2, 20), PENDING));
    given_transfer(b, resolving(605, 604, WHOLE, VOID));
    s = with_flags(spec_of(606, 1, 2, 20), PENDING);
    s = with_timeout(s, 1);
    given_transfer(b, s);
    assert_int_equal(transfer(b, spec_of(607, 3, 2, 101)), RESULT_EXCEEDS_CREDITS);
    given_transfer(b, with_flags(spec_of(608, 3, 2, 10), TRANSFER_FLAGS_BALANCING_DEBIT));
    bank_wait(b, 2 * NS_PER_S);
    assert_int_equal(show_transfer(b, id_of(606)).status, TRANSFER_STATUS_EXPIRED);
}

static void given_huge(struct bank *b)
{
    for (uint64_t n = 30; n <= 32; n++)
        given_account(b, n, JPY, 0);
    for (uint64_t n = 33; n <= 37; n++)
        given_account(b, n, GBP, 0);
    struct transfer_spec s = spec_of(700, 30, 31, HUGE_AMOUNT);
    s.currency = JPY;
    given_transfer(b, s);
    s = with_flags(spec_of(701, 33, 34, HUGE_AMOUNT), PENDING);
    s.currency = GBP;
    given_transfer(b, s);
}

struct refusal {
    uint16_t code;
    struct transfer_spec spec; /* amounts of USD unless told otherwise */
};

#define A(n) {ID_TIME, (uint64_t)(n) << 16}
#define GIVEN(field, value) .has_##field = true, .field = (value)
#define AT(time) .has_effective_time = true, .effective_time = (time)
#define BOOKED(n, d, c, a, ...)                                                                    \
    {                                                                                              \
        .id = A(n), .debit_account_id = A(d), .credit_account_id = A(c), .has_amount = true,       \
        .amount = (a), __VA_ARGS__                                                                 \
    }
#define SPEC(n, d, c, a, ...) BOOKED(n, d, c, a, .currency = USD, .code = 1, __VA_ARGS__)
#define RESOLVING(n, p, a, f, ...)                                                                 \
    {                                                                                              \
        .id = A(n), .pending_id = A(p), .has_amount = (a) != WHOLE, .amount = (a), .flags = (f),   \
        __VA_ARGS__                                                                                \
    }
#define MAX_ID {UINT64_MAX, UINT64_MAX}

static const struct refusal refusals[] = {
    {RESULT_OK, SPEC(FRESH, 1, 2, 1, .flags = 0)},
    {RESULT_LINKED_EVENT_CHAIN_OPEN, SPEC(FRESH, 1, 2, 1, .flags = TRANSFER_FLAGS_LINKED)},
    {RESULT_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE, SPEC(FRESH, 1, 2, 1, .flags = IMPORTED)},
    {RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
     SPEC(FRESH, 1, 2, 1, .flags = IMPORTED, AT(WORLD_EPOCH_NS * 2))},
    {RESULT_EFFECTIVE_TIME_IN_FUTURE, SPEC(FRESH, 1, 2, 1, AT(WORLD_EPOCH_NS * 2))},
    {RESULT_RESERVED_FLAG, SPEC(FRESH, 1, 2, 1, .flags = 1u << 20)},
    {RESULT_ID_MUST_NOT_BE_ZERO, {.currency = USD}},
    {RESULT_ID_MUST_NOT_BE_INT_MAX, {.id = MAX_ID}},
    {RESULT_EXISTS,
     SPEC(600, 1, 2, 10, GIVEN(user_data_128, 7), GIVEN(user_data_64, 8), GIVEN(user_data_32, 9))},
    {RESULT_EXISTS_WITH_DIFFERENT_FLAGS, SPEC(600, 1, 2, 10, .flags = PENDING)},
    {RESULT_EXISTS_WITH_DIFFERENT_PENDING_ID, SPEC(600, 1, 2, 10, .pending_id = A(1))},
    {RESULT_EXISTS_WITH_DIFFERENT_TIMEOUT,
     SPEC(601, 1, 2, 20, .flags = PENDING, GIVEN(timeout_s, 999))},
    {RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, SPEC(600, 3, 2, 10, .flags = 0)},
    {RESULT_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID, SPEC(600, 1, 3, 10, .flags = 0)},
    {RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID,
     {.id = A(600), .credit_account_id = A(2), GIVEN(amount, 10), .currency = USD, .code = 1}},
    {RESULT_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID,
     {.id = A(600), .debit_account_id = A(1), GIVEN(amount, 10), .currency = USD, .code = 1}},
    {RESULT_EXISTS_WITH_DIFFERENT_AMOUNT, SPEC(600, 1, 2, 11, .flags = 0)},
    {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_128, SPEC(600, 1, 2, 10, GIVEN(user_data_128, 1))},
    {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64,
     SPEC(600, 1, 2, 10, GIVEN(user_data_128, 7), GIVEN(user_data_64, 1))},
    {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_32,
     SPEC(600, 1, 2, 10, GIVEN(user_data_128, 7), GIVEN(user_data_64, 8))},
    {RESULT_EXISTS_WITH_DIFFERENT_CURRENCY,
     BOOKED(600, 1, 2, 10, .currency = EUR, .code = 1, GIVEN(user_data_128, 7),
            GIVEN(user_data_64, 8), GIVEN(user_data_32, 9))},
    {RESULT_EXISTS_WITH_DIFFERENT_CODE,
     BOOKED(600, 1, 2, 10, .currency = USD, .code = 2, GIVEN(user_data_128, 7),
            GIVEN(user_data_64, 8), GIVEN(user_data_32, 9))},
    {RESULT_EXISTS_WITH_DIFFERENT_TIME,
     SPEC(600, 1, 2, 10, GIVEN(user_data_128, 7), GIVEN(user_data_64, 8), GIVEN(user_data_32, 9),
          AT(PAST))},
    {RESULT_EXISTS, RESOLVING(603, 602, WHOLE, POST, .code = 1)},
    {RESULT_EXISTS, RESOLVING(603, 602, 20, POST, .currency = USD)},
    {RESULT_EXISTS_WITH_DIFFERENT_AMOUNT, RESOLVING(603, 602, 19, POST, .code = 0)},
    {RESULT_EXISTS, RESOLVING(605, 604, 20, VOID, .code = 0)},
    {RESULT_EXISTS, SPEC(608, 3, 2, 10, .flags = TRANSFER_FLAGS_BALANCING_DEBIT)},
    {RESULT_EXISTS, SPEC(608, 3, 2, U128_MAX, .flags = TRANSFER_FLAGS_BALANCING_DEBIT)},
    {RESULT_EXISTS_WITH_DIFFERENT_AMOUNT,
     SPEC(608, 3, 2, 9, .flags = TRANSFER_FLAGS_BALANCING_DEBIT)},
    {RESULT_ID_ALREADY_FAILED, SPEC(607, 1, 2, 1, .flags = 0)},
    {RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE, RESOLVING(FRESH, 601, WHOLE, POST | VOID, .code = 0)},
    {RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE, RESOLVING(FRESH, 601, WHOLE, POST | PENDING, .code = 0)},
    {RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE,
     RESOLVING(FRESH, 601, WHOLE, VOID | TRANSFER_FLAGS_CLOSING_DEBIT, .code = 0)},
    {RESULT_DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, {.id = A(FRESH), .credit_account_id = A(2)}},
    {RESULT_DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX, {.id = A(FRESH), .debit_account_id = MAX_ID}},
    {RESULT_CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, {.id = A(FRESH), .debit_account_id = A(1)}},
    {RESULT_CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX,
     {.id = A(FRESH), .debit_account_id = A(1), .credit_account_id = MAX_ID}},
    {RESULT_ACCOUNTS_MUST_BE_DIFFERENT, SPEC(FRESH, 1, 1, 1, .flags = 0)},
    {RESULT_PENDING_ID_MUST_BE_ZERO, SPEC(FRESH, 1, 2, 1, .pending_id = A(601))},
    {RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, SPEC(FRESH, 1, 2, 1, GIVEN(timeout_s, 1))},
    {RESULT_KEEP_REMAINDER_RESERVED_FOR_POST, SPEC(FRESH, 1, 2, 1, .flags = KEEP)},
    {RESULT_CLOSING_TRANSFER_MUST_BE_PENDING,
     SPEC(FRESH, 1, 2, 0, .flags = TRANSFER_FLAGS_CLOSING_DEBIT)},
    {RESULT_AMOUNT_MUST_NOT_BE_ZERO, SPEC(FRESH, 1, 2, 0, .flags = 0)},
    {RESULT_CURRENCY_MUST_NOT_BE_ZERO, BOOKED(FRESH, 1, 2, 1, .currency = 0)},
    {RESULT_CODE_MUST_NOT_BE_ZERO, BOOKED(FRESH, 1, 2, 1, .currency = USD)},
    {RESULT_DEBIT_ACCOUNT_NOT_FOUND, SPEC(FRESH, 99, 2, 1, .flags = 0)},
    {RESULT_DEBIT_ACCOUNT_NOT_FOUND, SPEC(FRESH, 9, 2, 1, .flags = 0)},
    {RESULT_CREDIT_ACCOUNT_NOT_FOUND, SPEC(FRESH, 1, 99, 1, .flags = 0)},
    {RESULT_CREDIT_ACCOUNT_NOT_FOUND, SPEC(FRESH, 1, 9, 1, .flags = 0)},
    {RESULT_ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY, SPEC(FRESH, 1, 5, 1, .flags = 0)},
    {RESULT_TRANSFER_MUST_HAVE_THE_SAME_CURRENCY_AS_ACCOUNTS,
     BOOKED(FRESH, 1, 2, 1, .currency = EUR, .code = 1)},
    {RESULT_PENDING_ID_MUST_NOT_BE_ZERO, {.id = A(FRESH), .flags = POST}},
    {RESULT_PENDING_ID_MUST_NOT_BE_INT_MAX, {.id = A(FRESH), .pending_id = MAX_ID, .flags = POST}},
    {RESULT_PENDING_ID_MUST_BE_DIFFERENT, RESOLVING(800, 800, WHOLE, POST, .code = 0)},
    {RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER,
     RESOLVING(FRESH, 601, WHOLE, POST, GIVEN(timeout_s, 1))},
    {RESULT_KEEP_REMAINDER_RESERVED_FOR_POST, RESOLVING(FRESH, 601, WHOLE, VOID | KEEP, .code = 0)},
    {RESULT_PENDING_TRANSFER_NOT_FOUND, RESOLVING(FRESH, 801, WHOLE, POST, .code = 0)},
    {RESULT_PENDING_TRANSFER_NOT_PENDING, RESOLVING(FRESH, 600, WHOLE, POST, .code = 0)},
    {RESULT_PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID,
     RESOLVING(FRESH, 601, WHOLE, POST, .debit_account_id = A(3))},
    {RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID,
     RESOLVING(FRESH, 601, WHOLE, POST, .credit_account_id = A(3))},
    {RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CURRENCY,
     RESOLVING(FRESH, 601, WHOLE, POST, .currency = EUR)},
    {RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CODE, RESOLVING(FRESH, 601, WHOLE, POST, .code = 2)},
    {RESULT_EXCEEDS_PENDING_TRANSFER_AMOUNT, RESOLVING(FRESH, 601, 21, POST, .code = 0)},
    {RESULT_PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT, RESOLVING(FRESH, 601, 19, VOID, .code = 0)},
    {RESULT_PENDING_TRANSFER_ALREADY_POSTED, RESOLVING(FRESH, 602, WHOLE, POST, .code = 0)},
    {RESULT_PENDING_TRANSFER_ALREADY_VOIDED, RESOLVING(FRESH, 604, WHOLE, VOID, .code = 0)},
    {RESULT_PENDING_TRANSFER_EXPIRED, RESOLVING(FRESH, 606, WHOLE, VOID, .code = 0)},
    {RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT,
     SPEC(FRESH, 1, 2, 1, .flags = IMPORTED, AT(PAST))},
    {RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED, SPEC(FRESH, 6, 2, 1, .flags = 0)},
    {RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED, SPEC(FRESH, 1, 6, 1, .flags = 0)},
    {RESULT_DEBIT_ACCOUNT_FROZEN, SPEC(FRESH, 7, 2, 1, .flags = 0)},
    {RESULT_CREDIT_ACCOUNT_FROZEN, SPEC(FRESH, 1, 8, 1, .flags = 0)},
    {RESULT_OK, SPEC(FRESH, 8, 7, 1, .flags = 0)},
    {RESULT_OVERFLOWS_DEBITS_PENDING,
     {.id = A(FRESH),
      .debit_account_id = A(33),
      .credit_account_id = A(35),
      .has_amount = true,
      .amount = 10,
      .currency = GBP,
      .code = 1,
      .flags = PENDING}},
    {RESULT_OVERFLOWS_CREDITS_PENDING,
     {.id = A(FRESH),
      .debit_account_id = A(35),
      .credit_account_id = A(34),
      .has_amount = true,
      .amount = 10,
      .currency = GBP,
      .code = 1,
      .flags = PENDING}},
    {RESULT_OVERFLOWS_DEBITS_POSTED,
     {.id = A(FRESH),
      .debit_account_id = A(30),
      .credit_account_id = A(32),
      .has_amount = true,
      .amount = 10,
      .currency = JPY,
      .code = 1}},
    {RESULT_OVERFLOWS_CREDITS_POSTED,
     {.id = A(FRESH),
      .debit_account_id = A(32),
      .credit_account_id = A(31),
      .has_amount = true,
      .amount = 10,
      .currency = JPY,
      .code = 1}},
    {RESULT_OVERFLOWS_DEBITS,
     {.id = A(FRESH),
      .debit_account_id = A(33),
      .credit_account_id = A(35),
      .has_amount = true,
      .amount = 10,
      .currency = GBP,
      .code = 1}},
    {RESULT_OVERFLOWS_CREDITS,
     {.id = A(FRESH),
      .debit_account_id = A(35),
      .credit_account_id = A(34),
      .has_amount = true,
      .amount = 10,
      .currency = GBP,
      .code = 1}},
    {RESULT_OVERFLOWS_DEBITS, /* of the whole ledger */
     {.id = A(FRESH),
      .debit_account_id = A(32),
      .credit_account_id = A(30),
      .has_amount = true,
      .amount = 10,
      .currency = JPY,
      .code = 1}},
    {RESULT_OVERFLOWS_DEBITS, /* of the whole ledger, with what is pending */
     {.id = A(FRESH),
      .debit_account_id = A(36),
      .credit_account_id = A(37),
      .has_amount = true,
      .amount = 10,
      .currency = GBP,
      .code = 1}},
    {RESULT_EXCEEDS_CREDITS, SPEC(FRESH, 3, 2, 91, .flags = 0)},
    {RESULT_EXCEEDS_CREDITS, SPEC(FRESH, 3, 2, 91, .flags = PENDING)},
    {RESULT_EXCEEDS_DEBITS, SPEC(FRESH, 1, 4, 101, .flags = 0)},
    {RESULT_EXCEEDS_DEBIT_BALANCE_MAX, SPEC(FRESH, 20, 2, 51, .flags = 0)},
    {RESULT_EXCEEDS_CREDIT_BALANCE_MAX, SPEC(FRESH, 1, 21, 51, .flags = PENDING)},
    {RESULT_BELOW_CREDIT_BALANCE_MIN, SPEC(FRESH, 22, 2, 81, .flags = 0)},
    {RESULT_OK, SPEC(FRESH, 20, 21, 50, .flags = 0)},
    {RESULT_OK, SPEC(FRESH, 22, 2, 80, .flags = 0)},
};

static void test_every_refusal_has_its_code(void **state)
{
    struct bank *b = *state;
    given_everything(b);
    given_huge(b);
    for (size_t i = 0; i < array_len(refusals); i++) {
        struct transfer_spec s = refusals[i].spec;
        if (id128_equal(s.id, id_of(FRESH)))
            s.id = id_of(2000 + i);
        uint16_t code = transfer(b, s);
        if (code != refusals[i].code)
            print_error("case %zu: %s, not %s\n", i, result_info(code)->name,
                        result_info(refusals[i].code)->name);
        assert_int_equal(code, refusals[i].code);
    }
    bank_restart(b);
    for (size_t i = 0; i < array_len(refusals); i++) {
        struct transfer_spec s = refusals[i].spec;
        if (refusals[i].code == RESULT_EXISTS || refusals[i].code == RESULT_ID_ALREADY_FAILED)
            assert_int_equal(transfer(b, s), refusals[i].code);
    }
}

/* What the limits of accounts refuse now they may let pass later: the id stays refused then too. */
static void test_an_id_that_a_limit_refused_stays_refused(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    const struct {
        struct account_spec account;
        bool takes; /* what is refused is a credit */
        uint16_t code;
    } cases[] = {
        {{.has_debit_balance_max = true, .debit_balance_max = 4},
         false,
         RESULT_EXCEEDS_DEBIT_BALANCE_MAX},
        {{.has_credit_balance_max = true, .credit_balance_max = 4},
         true,
         RESULT_EXCEEDS_CREDIT_BALANCE_MAX},
        {{.has_credit_balance_min = true, .credit_balance_min = 1},
         false,
         RESULT_BELOW_CREDIT_BALANCE_MIN},
    };
    for (uint64_t i = 0; i < array_len(cases); i++) {
        const uint64_t limited = 3 + i, id = 10 * limited;
        struct account_spec opened = cases[i].account;
        opened.id = id_of(limited);
        opened.currency = USD;
        opened.code = 1;
        assert_int_equal(open_as(b, teller(), opened), RESULT_OK);
        const uint64_t from = cases[i].takes ? 1 : limited, to = cases[i].takes ? limited : 1;
        assert_int_equal(transfer(b, spec_of(id, from, to, 5)), cases[i].code);
        given_transfer(b, spec_of(id + 1, to, from, cases[i].takes ? 1 : 9));
        assert_int_equal(transfer(b, spec_of(id, from, to, 5)), RESULT_ID_ALREADY_FAILED);
    }
}

static void test_refused_id_stays_refused(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    assert_int_equal(transfer(b, spec_of(10, 3, 2, 5)), RESULT_EXCEEDS_CREDITS);
    given_transfer(b, spec_of(11, 1, 3, 5));
    assert_int_equal(transfer(b, spec_of(10, 3, 2, 5)), RESULT_ID_ALREADY_FAILED);
    given_transfer(b, spec_of(12, 3, 2, 5));
    assert_int_equal(transfer(b, spec_of(13, 1, 2, 0)), RESULT_AMOUNT_MUST_NOT_BE_ZERO);
    given_transfer(b, spec_of(13, 1, 2, 1));
}

/* --- two steps -------------------------------------------------------------------------------- */

static void test_pending_is_posted_in_part(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 100), PENDING));
    expect_counters(b, 1, 100, 0, 0, 0);
    struct account_info a = show(b, 1);
    assert_int_equal(a.holds_count, 1);
    assert_true(a.holds_complete);
    assert_true(id128_equal(a.holds[0].transfer_id, id_of(10)));
    assert_int_equal(a.holds[0].direction, ENTRY_DIRECTION_DEBIT);
    given_transfer(b, resolving(11, 10, 30, POST));
    expect_counters(b, 1, 0, 30, 0, 0);
    expect_counters(b, 2, 0, 0, 0, 30);
    assert_int_equal(show(b, 1).holds_count, 0);
    assert_int_equal(show_transfer(b, id_of(10)).status, TRANSFER_STATUS_POSTED);
    assert_true(show_transfer(b, id_of(10)).posted_amount == 30);
}

static void test_remainder_is_kept_for_later_posts(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_spec s = with_flags(spec_of(10, 1, 2, 100), PENDING);
    s = with_timeout(s, 60);
    given_transfer(b, s);
    given_transfer(b, resolving(11, 10, 30, POST | KEEP));
    expect_counters(b, 1, 70, 30, 0, 0);
    assert_int_equal(transfer(b, resolving(12, 10, 71, POST)),
                     RESULT_EXCEEDS_PENDING_TRANSFER_AMOUNT);
    given_transfer(b, resolving(13, 10, 20, POST | KEEP));
    expect_counters(b, 2, 0, 0, 50, 50);
    bank_restart(b);
    bank_wait(b, 61 * NS_PER_S);
    expect_counters(b, 2, 0, 0, 0, 50);
    struct transfer_info t = show_transfer(b, id_of(10));
    assert_int_equal(t.status, TRANSFER_STATUS_EXPIRED);
    assert_true(t.posted_amount == 50 && t.remaining_amount == 0);
}

static void test_last_post_of_a_kept_remainder_ends_the_hold(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 100), PENDING));
    given_transfer(b, resolving(11, 10, 60, POST | KEEP));
    given_transfer(b, resolving(12, 10, WHOLE, POST | KEEP));
    assert_int_equal(show_transfer(b, id_of(10)).status, TRANSFER_STATUS_POSTED);
    assert_int_equal(show(b, 2).open_hold_count, 0);
    assert_int_equal(transfer(b, resolving(13, 10, 1, POST)),
                     RESULT_PENDING_TRANSFER_ALREADY_POSTED);
}

static void test_closing_transfer_closes_until_voided(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 0), PENDING | TRANSFER_FLAGS_CLOSING_DEBIT));
    assert_int_equal(show(b, 1).status, ACCOUNT_STATUS_CLOSED);
    assert_int_equal(transfer(b, spec_of(11, 1, 2, 1)), RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED);
    assert_int_equal(transfer(b, resolving(12, 10, WHOLE, POST)),
                     RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED);
    given_transfer(b, resolving(13, 10, WHOLE, VOID));
    assert_int_equal(show(b, 1).status, ACCOUNT_STATUS_OPEN);
    struct transfer_spec s = with_flags(spec_of(14, 1, 2, 5),
                                        PENDING | TRANSFER_FLAGS_CLOSING_CREDIT);
    s = with_timeout(s, 1);
    given_transfer(b, s);
    assert_int_equal(show(b, 2).status, ACCOUNT_STATUS_CLOSED);
    bank_wait(b, 2 * NS_PER_S);
    assert_int_equal(show(b, 2).status, ACCOUNT_STATUS_OPEN);
}

static void test_balancing_takes_what_is_there(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_transfer(b, spec_of(10, 1, 3, 70));
    given_transfer(b, with_flags(spec_of(11, 3, 2, U128_MAX), TRANSFER_FLAGS_BALANCING_DEBIT));
    expect_counters(b, 3, 0, 70, 0, 70);
    given_account(b, 4, USD, ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS);
    given_transfer(b, spec_of(12, 4, 2, 40));
    given_transfer(b, with_flags(spec_of(13, 1, 4, 50), TRANSFER_FLAGS_BALANCING_CREDIT));
    expect_counters(b, 4, 0, 40, 0, 40);
}

static void test_many_holds_are_counted_and_released(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    for (uint64_t i = 0; i < 40; i++)
        given_transfer(b, with_flags(spec_of(100 + i, 1, 2, 1), PENDING));
    for (uint64_t i = 0; i < 40; i += 2)
        given_transfer(b, resolving(200 + i, 100 + i, WHOLE, VOID));
    struct account_info a = show(b, 1);
    assert_int_equal(a.holds_count, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_true(id128_equal(a.holds[i].transfer_id, id_of(101 + 2 * i)));
    bank_restart(b);
    assert_int_equal(show(b, 2).holds_count, 20);
}

static void test_imported_history(void **state)
{
    struct bank *b = *state;
    for (uint64_t n = 1; n <= 2; n++)
        assert_int_equal(open_as(b, teller(), (struct account_spec){
            .id = id_of(n), .currency = USD, .code = 1, .flags = ACCOUNT_FLAGS_IMPORTED,
            AT(PAST + n)}), RESULT_OK);
    assert_int_equal(open_as(b, teller(), (struct account_spec){
        .id = id_of(3), .currency = USD, .code = 1, .flags = ACCOUNT_FLAGS_IMPORTED,
        AT(PAST + 2)}), RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    struct transfer_spec s = with_flags(spec_of(10, 1, 2, 5), IMPORTED);
    s.has_effective_time = true;
    s.effective_time = PAST + 2;
    assert_int_equal(transfer(b, s), RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT);
    s.effective_time = PAST + 10;
    given_transfer(b, s);
    s.id = id_of(11);
    assert_int_equal(transfer(b, s), RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    s.effective_time = PAST + 11;
    s.flags |= PENDING;
    s = with_timeout(s, 1);
    assert_int_equal(transfer(b, s), RESULT_IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO);
    struct transfer_spec mixed[] = {s, spec_of(12, 1, 2, 1)};
    mixed[0].has_timeout_s = false;
    const uint16_t codes[] = {RESULT_OK, RESULT_IMPORTED_EVENT_EXPECTED};
    expect_results(b, mixed, codes, 2);
    struct transfer_spec other[] = {spec_of(13, 1, 2, 1), mixed[0]};
    const uint16_t other_codes[] = {RESULT_OK, RESULT_IMPORTED_EVENT_NOT_EXPECTED};
    expect_results(b, other, other_codes, 2);
}

/* --- accounts --------------------------------------------------------------------------------- */

static void test_account_refusals(void **state)
{
    struct bank *b = *state;
    given_account(b, 1, USD, 0);
    const struct {
        uint16_t code;
        struct account_spec spec;
    } cases[] = {
        {RESULT_LINKED_EVENT_CHAIN_OPEN, {.id = id_of(2), .flags = ACCOUNT_FLAGS_LINKED}},
        {RESULT_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE,
         {.id = id_of(2), .flags = ACCOUNT_FLAGS_IMPORTED}},
        {RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE,
         {.id = id_of(2), .flags = ACCOUNT_FLAGS_IMPORTED, AT(UINT64_MAX)}},
        {RESULT_EFFECTIVE_TIME_MUST_BE_ZERO, {.id = id_of(2), AT(1)}},
        {RESULT_RESERVED_FLAG, {.id = id_of(2), .flags = 1u << 31}},
        {RESULT_ID_MUST_NOT_BE_ZERO, {.code = 1}},
        {RESULT_ID_MUST_NOT_BE_INT_MAX, {.id = MAX_ID}},
        {RESULT_ACCOUNT_EXISTS, {.id = id_of(1), .currency = USD, .code = 100}},
        {RESULT_EXISTS_WITH_DIFFERENT_FLAGS,
         {.id = id_of(1), .currency = USD, .code = 100, .flags = ACCOUNT_FLAGS_HISTORY}},
        {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_128,
         {.id = id_of(1), .currency = USD, .code = 100, .user_data_128 = 1}},
        {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64,
         {.id = id_of(1), .currency = USD, .code = 100, .user_data_64 = 1}},
        {RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_32,
         {.id = id_of(1), .currency = USD, .code = 100, .user_data_32 = 1}},
        {RESULT_EXISTS_WITH_DIFFERENT_CURRENCY, {.id = id_of(1), .currency = EUR, .code = 100}},
        {RESULT_EXISTS_WITH_DIFFERENT_CODE, {.id = id_of(1), .currency = USD, .code = 1}},
        {RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE,
         {.id = id_of(2),
          .flags = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS |
                   ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS}},
        {RESULT_CURRENCY_MUST_NOT_BE_ZERO, {.id = id_of(2)}},
        {RESULT_CURRENCY_UNKNOWN, {.id = id_of(2), .currency = 1}},
        {RESULT_CODE_MUST_NOT_BE_ZERO, {.id = id_of(2), .currency = USD}},
    };
    for (size_t i = 0; i < array_len(cases); i++)
        assert_int_equal(open_as(b, teller(), cases[i].spec), cases[i].code);
    struct account_create c = {.currency = USD, .code = 1, .has_credit_balance_min = true,
                               .credit_balance_min = 2, .has_credit_balance_max = true,
                               .credit_balance_max = 1};
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_LIMITS_CONTRADICT);
}

static void test_limits_and_name_change_by_version(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct metadata_pair pair = {slice_of("team"), slice_of("north")};
    struct account_update u = {.account_id = id_of(1), .has_debit_balance_max = true,
                               .debit_balance_max = money("0.50"), .has_name = true,
                               .name = slice_of("Till"), .has_metadata = true,
                               .metadata = {&pair, 1}};
    b->if_match = 7;
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_PRECONDITION);
    b->if_match = 1;
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    bank_restart(b);
    struct account_info a = show(b, 1);
    assert_int_equal(a.version, 2);
    assert_true(slice_equal(a.name, slice_of("Till")));
    assert_true(slice_equal(a.metadata.items[0].value, slice_of("north")));
    assert_int_equal(transfer(b, spec_of(10, 1, 2, 51)), RESULT_EXCEEDS_DEBIT_BALANCE_MAX);
    u = (struct account_update){.account_id = id_of(1), .has_remove_limits = true,
                                .remove_limits = ACCOUNT_LIMITS_DEBIT_BALANCE_MAX};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &u), RESULT_OK);
    given_transfer(b, spec_of(11, 1, 2, 51));
    assert_true(slice_equal(show(b, 1).name, slice_of("Till")));
}

static uint16_t unfreeze(struct bank *b, uint64_t n, enum freeze_mode mode)
{
    struct account_unfreeze u = {.account_id = id_of(n), .has_mode = true, .mode = (uint8_t)mode};
    return bank_ask(b, teller(), &account_unfreeze_type, &u);
}

static void test_freezes_of_both_sides_add_up(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(9, 2, 1, 5));
    freeze(b, 1, FREEZE_MODE_DEBITS);
    freeze(b, 1, FREEZE_MODE_CREDITS);
    assert_int_equal(transfer(b, spec_of(10, 1, 2, 1)), RESULT_DEBIT_ACCOUNT_FROZEN);
    assert_int_equal(transfer(b, spec_of(11, 2, 1, 1)), RESULT_CREDIT_ACCOUNT_FROZEN);
    assert_int_equal(unfreeze(b, 1, FREEZE_MODE_DEBITS), RESULT_OK);
    bank_restart(b);
    given_transfer(b, spec_of(12, 1, 2, 1));
    assert_int_equal(transfer(b, spec_of(13, 2, 1, 1)), RESULT_CREDIT_ACCOUNT_FROZEN);
    uint64_t version = show(b, 1).version;
    assert_int_equal(unfreeze(b, 1, FREEZE_MODE_DEBITS), RESULT_OK);
    freeze(b, 1, FREEZE_MODE_CREDITS);
    assert_true(show(b, 1).version == version);
    freeze(b, 1, FREEZE_MODE_BOTH);
    assert_int_equal(unfreeze(b, 1, FREEZE_MODE_CREDITS), RESULT_OK);
    assert_int_equal(transfer(b, spec_of(14, 1, 2, 1)), RESULT_DEBIT_ACCOUNT_FROZEN);
    given_transfer(b, spec_of(15, 2, 1, 1));
    assert_int_equal(unfreeze(b, 1, FREEZE_MODE_BOTH), RESULT_OK);
    assert_int_equal(show(b, 1).status, ACCOUNT_STATUS_OPEN);
}

static void test_freeze_and_close(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, with_flags(spec_of(10, 1, 2, 5), PENDING));
    freeze(b, 1, FREEZE_MODE_BOTH);
    assert_int_equal(show(b, 1).status, ACCOUNT_STATUS_FROZEN);
    assert_int_equal(transfer(b, resolving(11, 10, WHOLE, POST)), RESULT_DEBIT_ACCOUNT_FROZEN);
    assert_int_equal(transfer(b, spec_of(12, 2, 1, 1)), RESULT_CREDIT_ACCOUNT_FROZEN);
    given_transfer(b, resolving(13, 10, WHOLE, VOID));
    struct account_unfreeze thaw = {.account_id = id_of(1)};
    assert_int_equal(bank_ask(b, teller(), &account_unfreeze_type, &thaw), RESULT_OK);
    given_transfer(b, spec_of(14, 1, 2, 5));
    struct account_close close = {.account_id = id_of(1)};
    assert_int_equal(bank_ask(b, teller(), &account_close_type, &close),
                     RESULT_ACCOUNT_NOT_EMPTY);
    given_transfer(b, spec_of(15, 2, 1, 5));
    assert_int_equal(bank_ask(b, teller(), &account_close_type, &close), RESULT_OK);
    assert_int_equal(bank_ask(b, teller(), &account_unfreeze_type, &thaw), RESULT_ACCOUNT_CLOSED);
    assert_int_equal(show(b, 1).status, ACCOUNT_STATUS_CLOSED);
}

static void test_tenants_do_not_see_each_other(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 5));
    struct principal stranger = someone("other", "x");
    struct account_get get = {id_of(1)};
    assert_int_equal(bank_ask(b, stranger, &account_get_type, &get), RESULT_NOT_FOUND);
    struct transfer_get transfer_of = {id_of(10)};
    assert_int_equal(bank_ask(b, stranger, &transfer_get_type, &transfer_of), RESULT_NOT_FOUND);
    struct account_entries entries = {.account_id = id_of(1)};
    assert_int_equal(bank_ask(b, stranger, &account_entries_type, &entries), RESULT_NOT_FOUND);
    struct transfer_info t;
    assert_int_equal(create_transfer(b, stranger, 1, 2, 1, &t), RESULT_DEBIT_ACCOUNT_NOT_FOUND);
    struct transfer_spec made = spec_of(10, 1, 2, 5);
    struct transfer_create again = {
        .has_transfer_id = true,
        .transfer_id = made.id,
        .debit_account_id = made.debit_account_id,
        .credit_account_id = made.credit_account_id,
        .has_amount = true,
        .amount = made.amount,
        .currency = made.currency,
        .has_code = true,
        .code = made.code,
        .flags = made.flags,
    };
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &again), RESULT_OK);
    assert_int_equal(bank_ask(b, stranger, &transfer_create_type, &again),
                     RESULT_EXISTS_WITH_DIFFERENT_FLAGS);
    struct transfers_list list = {.has_account_id = false};
    assert_int_equal(bank_ask(b, stranger, &transfers_list_type, &list), RESULT_OK);
    struct transfer_page page;
    bank_reply(b, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, 0);
}

/* Whatever was done with the id, and however much of it a stranger guesses. */
static void test_an_id_of_another_tenant_is_taken_and_says_no_more(void **state)
{
    struct bank *b = *state;
    struct principal stranger = someone("other", "x");
    given_two_accounts(b);
    given_account(b, 3, USD, ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    given_transfer(b, spec_of(10, 1, 2, 5));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 5), PENDING));
    given_transfer(b, resolving(12, 11, WHOLE, POST));
    assert_int_equal(transfer(b, spec_of(13, 3, 2, 5)), RESULT_EXCEEDS_CREDITS);
    for (uint64_t n = 21; n <= 22; n++)
        assert_int_equal(open_as(b, stranger, (struct account_spec){
                             .id = id_of(n), .currency = USD, .code = 100}), RESULT_OK);
    const struct transfer_spec guesses[] = {
        spec_of(10, 21, 22, 5),
        spec_of(10, 1, 2, 5),
        with_flags(spec_of(11, 21, 22, 5), PENDING),
        resolving(12, 11, WHOLE, POST),
        spec_of(13, 21, 22, 5),
    };
    for (size_t i = 0; i < array_len(guesses); i++)
        assert_int_equal(transfer_as(b, stranger, guesses[i]),
                         RESULT_EXISTS_WITH_DIFFERENT_FLAGS);
    assert_int_equal(transfer_as(b, stranger, spec_of(14, 21, 22, 5)), RESULT_OK);
    assert_int_equal(transfer_as(b, stranger, spec_of(14, 21, 22, 5)), RESULT_EXISTS);
}

/* Whoever opens an account in a new currency must not pay for all the ledgers there are. */
static void test_the_names_of_all_ledgers_are_seldom_copied(void **state)
{
    struct bank *b = *state;
    struct registry r;
    registry_init(&r, &b->domain);
    const struct ledger_name *names = NULL;
    uint32_t copies = 0;
    for (uint32_t n = 1; n <= 10000; n++) {
        ledger_totals_count_account(
            &r, &(struct account_opened){.tenant_id = id_of(n), .currency = USD});
        const struct ledger_directory *own = registry_state(&r, KIND_LEDGER, LEDGER_DIRECTORY_ID);
        copies += own->names != names;
        names = own->names;
        assert_int_equal(own->names_count, n);
        assert_true(id128_equal(names[n - 1].tenant_id, id_of(n)));
        assert_true(id128_equal(names[0].tenant_id, id_of(1)));
    }
    assert_in_range(copies, 1, 20);
    registry_done(&r);
}

/* A ledger that a refused chain opened leaves the list, and another takes its place. */
static void test_a_ledger_that_was_undone_is_no_longer_named(void **state)
{
    struct bank *b = *state;
    given_account(b, 1, USD, 0);
    struct account_spec chain[] = {
        {.id = id_of(2), .currency = EUR, .code = 1, .flags = ACCOUNT_FLAGS_LINKED},
        {.id = id_of(3), .currency = GBP, .code = 0},
    };
    struct accounts_create c = {chain, array_len(chain)};
    assert_int_equal(bank_ask(b, teller(), &accounts_create_type, &c), RESULT_OK);
    given_account(b, 4, GBP, 0);
    struct trial_balance_get get = {0};
    assert_int_equal(bank_ask(b, teller(), &trial_balance_get_type, &get), RESULT_OK);
    struct trial_balance t;
    bank_reply(b, &trial_balance_type, &t);
    assert_int_equal(t.lines_count, 2);
    assert_int_equal(t.lines[0].currency + t.lines[1].currency, USD + GBP);
}

static void test_trial_balance(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, EUR, 0);
    given_transfer(b, spec_of(10, 1, 2, 5));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 7), PENDING));
    struct trial_balance_get get = {0};
    assert_int_equal(bank_ask(b, teller(), &trial_balance_get_type, &get), RESULT_OK);
    struct trial_balance t;
    bank_reply(b, &trial_balance_type, &t);
    assert_int_equal(t.lines_count, 2);
    assert_int_equal(t.lines[0].currency, USD);
    assert_true(t.balanced && t.lines[0].debits_posted == 5 && t.lines[0].credits_pending == 7);
    assert_int_equal(t.lines[0].account_count, 2);
    assert_int_equal(bank_ask(b, someone("other", "x"), &trial_balance_get_type, &get),
                     RESULT_OK);
    bank_reply(b, &trial_balance_type, &t);
    assert_int_equal(t.lines_count, 0);
    get = (struct trial_balance_get){.has_shard = true, .shard = 0};
    assert_int_equal(bank_ask(b, teller(), &trial_balance_get_type, &get), RESULT_OK);
    bank_reply(b, &trial_balance_type, &t);
    assert_int_equal(t.lines_count, 2);
    get.shard = 1;
    assert_int_equal(bank_ask(b, teller(), &trial_balance_get_type, &get), RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_every_refusal_has_its_code),
        LEDGER_TEST(test_refused_id_stays_refused),
        LEDGER_TEST(test_an_id_that_a_limit_refused_stays_refused),
        LEDGER_TEST(test_pending_is_posted_in_part),
        LEDGER_TEST(test_remainder_is_kept_for_later_posts),
        LEDGER_TEST(test_last_post_of_a_kept_remainder_ends_the_hold),
        LEDGER_TEST(test_closing_transfer_closes_until_voided),
        LEDGER_TEST(test_balancing_takes_what_is_there),
        LEDGER_TEST(test_many_holds_are_counted_and_released),
        LEDGER_TEST(test_imported_history),
        LEDGER_TEST(test_account_refusals),
        LEDGER_TEST(test_limits_and_name_change_by_version),
        LEDGER_TEST(test_freezes_of_both_sides_add_up),
        LEDGER_TEST(test_freeze_and_close),
        LEDGER_TEST(test_tenants_do_not_see_each_other),
        LEDGER_TEST(test_an_id_of_another_tenant_is_taken_and_says_no_more),
        LEDGER_TEST(test_the_names_of_all_ledgers_are_seldom_copied),
        LEDGER_TEST(test_a_ledger_that_was_undone_is_no_longer_named),
        LEDGER_TEST(test_trial_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
