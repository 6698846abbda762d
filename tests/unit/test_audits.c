/* SPDX-License-Identifier: Apache-2.0 */
/* What the services find in states that no event can make, and what they add up for a verification:
 * the states are made by hand. */
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/verify_totals.h"
#include "actors/payment/payment.h"
#include "actors/wallet/hold.h"
#include "actors/wallet/wallet.h"
#include "runtime/actor/registry_priv.h"
#include "tests/unit/ledger_fixture.h"

/* A ledger in order: 1 paid 5 to 2, and 3 more are pending; a hold, a wallet and a payment. */
struct books {
    struct domain domain;
    struct registry registry;
    struct ledger_totals *totals;
    struct account *debit, *credit;
    struct pending_transfer *pending;
    struct hold *hold;
    struct wallet *wallet;
    struct payment *payment;
};

static struct account *given_counters(struct registry *r, uint64_t n)
{
    struct account *a = registry_create(r, KIND_ACCOUNT, id_of(n));
    a->currency = USD;
    a->version = 3;
    account_hold_add(r, a, id_of(10));
    return a;
}

static void given_ledger(struct books *b)
{
    struct registry *r = &b->registry;
    b->totals = registry_create(r, KIND_LEDGER_TOTALS, ledger_totals_id(id_of(7), USD));
    *b->totals = (struct ledger_totals){.debits_pending = 3,
                                        .debits_posted = 5,
                                        .credits_pending = 3,
                                        .credits_posted = 5,
                                        .account_count = 2,
                                        .transfer_count = 4,
                                        .currency = USD};
    b->debit = given_counters(r, 1);
    b->debit->debits_posted = 5;
    b->debit->debits_pending = 3;
    b->credit = given_counters(r, 2);
    b->credit->credits_posted = 5;
    b->credit->credits_pending = 3;
    b->pending = registry_create(r, KIND_TRANSFER, id_of(10));
    b->pending->amount = 8;
    b->pending->held = 3;
    b->pending->posted = 5;
    b->pending->debit_account_id = id_of(1);
    b->pending->credit_account_id = id_of(2);
    b->pending->status = TRANSFER_STATUS_PENDING;
}

static int given_books(void **state)
{
    struct books *b = calloc(1, sizeof *b);
    services_domain_init(&b->domain);
    registry_init(&b->registry, &b->domain);
    given_ledger(b);
    b->hold = registry_create(&b->registry, KIND_HOLD, id_of(20));
    b->hold->amount = 8;
    b->hold->captured = 5;
    b->hold->remaining = 3;
    b->hold->status = HOLD_STATUS_PARTIALLY_CAPTURED;
    b->wallet = registry_create(&b->registry, KIND_WALLET, id_of(21));
    b->wallet->status = WALLET_STATUS_ACTIVE;
    b->wallet->open_holds = 1;
    b->payment = registry_create(&b->registry, KIND_PAYMENT, id_of(22));
    b->payment->amount = b->payment->captured = b->payment->refunded = 8;
    b->payment->status = PAYMENT_STATUS_REFUNDED;
    b->payment->payee_id = id_of(7);
    *state = b;
    return 0;
}

static int no_more_books(void **state)
{
    struct books *b = *state;
    registry_clear(&b->registry);
    registry_done(&b->registry);
    free(b);
    return 0;
}

static const char *problem_of(struct books *b)
{
    const char *problem = NULL;
    for (uint32_t i = 0; i < b->domain.service_count && problem == NULL; i++)
        if (b->domain.services[i]->audit != NULL)
            problem = b->domain.services[i]->audit(&b->registry);
    return problem;
}

/* NULL: nothing is wrong. */
static void expect_problem(struct books *b, const char *wanted)
{
    const char *problem = problem_of(b);
    if (wanted == NULL)
        assert_null(problem);
    else
        assert_string_equal(problem, wanted);
}

/* With another value the amount is found, and then it is put back. */
static void expect_found(struct books *b, u128 *amount, u128 value, const char *problem)
{
    u128 before = *amount;
    *amount = value;
    expect_problem(b, problem);
    *amount = before;
    expect_problem(b, NULL);
}

static void test_both_sides_of_a_ledger_are_compared(void **state)
{
    static const char posted[] = "posted debits and credits of a ledger differ",
                      pending[] = "pending debits and credits of a ledger differ";
    struct books *b = *state;
    for (u128 value = 0; value <= 6; value += 6) {
        expect_found(b, &b->totals->debits_posted, value, posted);
        expect_found(b, &b->totals->credits_posted, value, posted);
        expect_found(b, &b->totals->debits_pending, value, pending);
        expect_found(b, &b->totals->credits_pending, value, pending);
    }
}

static void test_what_an_account_must_not_exceed_is_compared(void **state)
{
    static const char debits[] = "an account's debits exceed its credits",
                      credits[] = "an account's credits exceed its debits";
    struct books *b = *state;
    b->debit->flags = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS;
    b->debit->credits_posted = 8;
    b->credit->flags = ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS;
    b->credit->debits_posted = 8;
    expect_problem(b, NULL);
    expect_found(b, &b->debit->credits_posted, 7, debits);
    expect_found(b, &b->debit->debits_posted, 6, debits);
    expect_found(b, &b->debit->debits_pending, 4, debits);
    expect_found(b, &b->credit->debits_posted, 7, credits);
    expect_found(b, &b->credit->credits_posted, 6, credits);
    expect_found(b, &b->credit->credits_pending, 4, credits);
    b->debit->flags = 0;
    expect_found(b, &b->debit->credits_posted, 7, NULL);
}

static void test_what_is_pending_is_held_by_someone(void **state)
{
    static const char sum[] = "an account's open holds do not add up to what it has pending",
                      lone[] = "an account has something pending without an open hold";
    struct books *b = *state;
    expect_found(b, &b->debit->debits_pending, 2, sum);
    expect_found(b, &b->debit->credits_pending, 1, sum);
    expect_found(b, &b->credit->credits_pending, 4, sum);
    expect_found(b, &b->credit->debits_pending, 1, sum);
    b->debit->hold_count++; /* one that is not named: nothing can be added up */
    expect_found(b, &b->debit->debits_pending, 2, NULL);
    b->debit->hold_count--;
    account_hold_remove(&b->registry, b->debit, id_of(10));
    expect_problem(b, lone);
    b->debit->debits_pending = 0;
    expect_problem(b, NULL);
    expect_found(b, &b->debit->credits_pending, 1, lone);
}

static void test_a_pending_transfer_keeps_no_more_than_its_amount(void **state)
{
    static const char more[] = "a hold keeps or posted more than its amount";
    struct books *b = *state;
    expect_found(b, &b->pending->amount, 7, more);
    expect_found(b, &b->pending->amount, 4, more);
    expect_found(b, &b->pending->posted, 6, more);
    expect_found(b, &b->pending->amount, 9, NULL);
    b->pending->status = TRANSFER_STATUS_POSTED;
    expect_problem(b, "a resolved hold still keeps money");
    b->pending->held = 0;
    b->debit->debits_pending = b->credit->credits_pending = 0;
    expect_problem(b, NULL);
}

static void test_a_hold_keeps_no_more_than_its_amount(void **state)
{
    static const char more[] = "a hold keeps more than was asked for",
                      open[] = "an open hold keeps nothing aside, or a closed one something";
    struct books *b = *state;
    expect_found(b, &b->hold->amount, 7, more);
    expect_found(b, &b->hold->captured, 6, more);
    expect_found(b, &b->hold->captured, U128_MAX, more);
    b->hold->has_capturing = true;
    b->hold->capturing = 3;
    expect_found(b, &b->hold->capturing, 4, "more of a hold is being captured than it keeps aside");
    b->hold->has_capturing = false;
    expect_found(b, &b->hold->remaining, 0, open);
    b->hold->status = HOLD_STATUS_CAPTURED;
    expect_problem(b, open);
    b->hold->remaining = 0;
    expect_problem(b, NULL);
}

static void test_a_closed_wallet_has_no_holds(void **state)
{
    struct books *b = *state;
    b->wallet->status = WALLET_STATUS_CLOSED;
    expect_problem(b, "a closed wallet has open holds");
    b->wallet->open_holds = 0;
    expect_problem(b, NULL);
}

static void test_a_payment_gives_back_no_more_than_it_took(void **state)
{
    struct books *b = *state;
    expect_found(b, &b->payment->amount, 7, "a payment captured more than its amount");
    expect_found(b, &b->payment->captured, 7, "a payment refunded more than was captured");
    expect_found(b, &b->payment->refunding, 1, "a payment refunded more than was captured");
    b->payment->has_capturing = true;
    expect_found(b, &b->payment->capturing, 1,
                 "more of a payment is being captured than is authorised");
    b->payment->payee_id = ID128_ZERO;
    expect_problem(b, "a payment reached nobody");
    b->payment->payee_id = id_of(7);
    b->payment->status = PAYMENT_STATUS_NONE;
    expect_problem(b, "a payment has no status");
    b->payment->status = PAYMENT_STATUS_FAILED;
    expect_problem(b, "a payment failed without a reason, or has one and did not");
    b->payment->failure = RESULT_EXCEEDS_CREDITS;
    expect_problem(b, NULL);
    b->payment->status = PAYMENT_STATUS_REFUNDED;
    expect_problem(b, "a payment failed without a reason, or has one and did not");
}

/* --- sums ------------------------------------------------------------------------------------- */

static void given_totals(struct books *b, uint64_t tenant, uint16_t currency, u128 posted,
                         u128 pending)
{
    struct ledger_totals *l = registry_create(&b->registry, KIND_LEDGER_TOTALS,
                                              ledger_totals_id(id_of(tenant), currency));
    *l = (struct ledger_totals){.debits_pending = pending,
                                .debits_posted = posted,
                                .credits_pending = pending,
                                .credits_posted = posted,
                                .account_count = 10,
                                .transfer_count = 20,
                                .currency = currency};
}

/* Over all tenants, and over shards if it is asked for again. */
static void test_a_verification_adds_up_each_currency(void **state)
{
    struct books *b = *state;
    struct verify_total totals[4];
    struct verify_info info = {.totals = totals};
    memset(totals, 0xff, sizeof totals);
    given_totals(b, 8, USD, 100, 30);
    given_totals(b, 7, EUR, 1000, 300);
    for (uint64_t shards = 1; shards <= 2; shards++) {
        verify_totals(&b->registry, &info);
        assert_int_equal(info.totals_count, 2);
        const struct verify_total *usd = &totals[totals[0].currency == USD ? 0 : 1],
                                  *eur = &totals[totals[0].currency == USD ? 1 : 0];
        assert_true(usd->currency == USD && eur->currency == EUR);
        assert_true(usd->accounts == 12 * shards && usd->transfers == 24 * shards);
        assert_true(usd->debits_posted == 105 * shards && usd->credits_posted == 105 * shards);
        assert_true(usd->debits_pending == 33 * shards && usd->credits_pending == 33 * shards);
        assert_true(eur->accounts == 10 * shards && eur->transfers == 20 * shards);
        assert_true(eur->debits_posted == 1000 * shards && eur->credits_posted == 1000 * shards);
        assert_true(eur->debits_pending == 300 * shards && eur->credits_pending == 300 * shards);
    }
}

/* Those of each tenant fit, for nothing else is recorded. */
static void test_sums_beyond_the_largest_number_are_left_out(void **state)
{
    struct books *b = *state;
    struct verify_total totals[4];
    struct verify_info info = {.totals = totals};
    given_totals(b, 8, EUR, (u128)1 << 127, 30);
    given_totals(b, 9, EUR, (u128)1 << 127, 5);
    for (uint64_t shards = 1; shards <= 3; shards++) {
        verify_totals(&b->registry, &info);
        assert_int_equal(info.totals_count, 2);
        const struct verify_total *eur = &totals[totals[0].currency == EUR ? 0 : 1];
        assert_false(eur->has_debits_posted);
        assert_false(eur->has_credits_posted);
        assert_true(eur->has_debits_pending && eur->debits_pending == 35 * shards);
        assert_true(eur->has_credits_pending && eur->credits_pending == 35 * shards);
        assert_true(eur->transfers == 40 * shards);
    }
}

/* One shard has decided about 50, of which another has followed 20 and keeps 10 aside. */
static void test_a_verification_leaves_out_what_is_on_both_sides_in_transit(void **state)
{
    struct books *b = *state;
    struct verify_total totals[4];
    struct verify_info info = {.totals = totals};
    struct ledger_totals *l = b->totals;
    *l = (struct ledger_totals){.currency = USD, .debits_posted = 50, .credits_posted = 50};
    l->transit_debits_posted = 50;
    verify_totals(&b->registry, &info);
    assert_true(totals[0].debits_posted == 50 && totals[0].credits_posted == 50);
    *l = (struct ledger_totals){.currency = USD, .debits_posted = 20, .credits_posted = 20};
    l->transit_credits_posted = 20;
    l->debits_pending = l->credits_pending = l->transit_credits_pending = 10;
    verify_totals(&b->registry, &info);
    assert_int_equal(info.totals_count, 1);
    assert_true(totals[0].debits_posted == 50 && totals[0].credits_posted == 50);
    assert_true(totals[0].debits_pending == 10 && totals[0].credits_pending == 10);
}

/* The largest part of what there can be has crossed: it stands in the books of both shards. */
static void test_a_verification_counts_once_what_crosses(void **state)
{
    struct books *b = *state;
    struct verify_total totals[4];
    struct verify_info info = {.totals = totals};
    struct ledger_totals *l = b->totals;
    const u128 much = U128_MAX / 4 * 3;
    *l = (struct ledger_totals){.currency = USD, .debits_posted = much, .credits_posted = much};
    l->transit_credits_posted = much;
    verify_totals(&b->registry, &info);
    *l = (struct ledger_totals){.currency = USD, .debits_posted = much, .credits_posted = much};
    l->transit_debits_posted = much;
    verify_totals(&b->registry, &info);
    assert_true(totals[0].has_debits_posted && totals[0].debits_posted == much);
    assert_true(totals[0].has_credits_posted && totals[0].credits_posted == much);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, given_books, no_more_books)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_both_sides_of_a_ledger_are_compared),
        CASE(test_what_an_account_must_not_exceed_is_compared),
        CASE(test_what_is_pending_is_held_by_someone),
        CASE(test_a_pending_transfer_keeps_no_more_than_its_amount),
        CASE(test_a_hold_keeps_no_more_than_its_amount),
        CASE(test_a_closed_wallet_has_no_holds),
        CASE(test_a_payment_gives_back_no_more_than_it_took),
        CASE(test_a_verification_adds_up_each_currency),
        CASE(test_sums_beyond_the_largest_number_are_left_out),
        CASE(test_a_verification_leaves_out_what_is_on_both_sides_in_transit),
        CASE(test_a_verification_counts_once_what_crosses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
