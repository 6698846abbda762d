/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limit: a burst, then the rate; clients apart; more clients than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>

#include "gateway_bridge/auth/rate_limit.h"

#define S UINT64_C(1000000000)
#define ALICE ((struct id128){1, 17})
#define BOB ((struct id128){2, 17}) /* in the same set */

static void test_a_burst_and_then_the_rate(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(10, 20);
    assert_non_null(r);
    assert_int_equal(rate_limit_burst(r), 20);
    assert_int_equal(rate_limit_window_s(r), 2);
    uint64_t now = 5 * S;
    for (uint32_t i = 0; i < 20; i++) {
        struct rate_verdict v = rate_limit_take(r, ALICE, 1, now);
        assert_true(v.passed);
        assert_int_equal(v.remaining, 19 - i);
        assert_int_equal(v.reset_s, i < 10 ? 1 : 2);
    }
    struct rate_verdict refused = rate_limit_take(r, ALICE, 1, now);
    assert_false(refused.passed);
    assert_int_equal(refused.remaining, 0);
    assert_int_equal(refused.reset_s, 1);
    for (uint32_t i = 0; i < 50; i++) { /* a tenth of a second for each */
        now += S / 10;
        assert_true(rate_limit_take(r, ALICE, 1, now).passed);
        assert_false(rate_limit_take(r, ALICE, 1, now).passed);
    }
    now += 60 * S; /* never more than the burst */
    for (uint32_t i = 0; i < 20; i++)
        assert_true(rate_limit_take(r, ALICE, 1, now).passed);
    assert_false(rate_limit_take(r, ALICE, 1, now).passed);
    rate_limit_free(r);
}

static void test_a_slow_rate_tells_how_long(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 1);
    assert_true(rate_limit_take(r, ALICE, 1, S).passed);
    struct rate_verdict v = rate_limit_take(r, ALICE, 1, S + S / 2);
    assert_false(v.passed);
    assert_int_equal(v.reset_s, 1);
    assert_true(rate_limit_take(r, ALICE, 1, 2 * S).passed);
    rate_limit_free(r);
}

static void test_what_costs_more_takes_more(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 10);
    assert_true(rate_limit_take(r, ALICE, 0, S).passed);
    struct rate_verdict v = rate_limit_take(r, ALICE, 7, S);
    assert_true(v.passed && v.remaining == 3);
    v = rate_limit_take(r, ALICE, 5, S);
    assert_true(!v.passed && v.reset_s == 2);
    assert_int_equal(rate_limit_take(r, ALICE, 0, S).remaining, 3); /* a refusal takes nothing */
    assert_true(rate_limit_take(r, BOB, 11, S).passed); /* more than there can be */
    assert_false(rate_limit_take(r, BOB, 0, S).passed);
    rate_limit_free(r);
}

static void test_clients_do_not_share(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_true(rate_limit_take(r, ALICE, 1, S).passed);
    assert_false(rate_limit_take(r, ALICE, 1, S).passed);
    assert_true(rate_limit_take(r, BOB, 1, S).passed);
    rate_limit_free(r);
}

/* A new client is let in; the one that has used up the most is remembered. */
static void test_a_full_table_keeps_the_busiest(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(rate_limit_take(r, ALICE, 1, S).passed);
    for (uint64_t i = 0; i < 500; i++)
        assert_true(rate_limit_take(r, (struct id128){100 + i, 17}, 1, S).passed);
    assert_false(rate_limit_take(r, ALICE, 1, S).passed);
    rate_limit_free(r);
}

static void test_who_comes_anew_into_a_full_table_gains_nothing(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 2);
    for (uint64_t i = 0; i < 8; i++)
        assert_true(rate_limit_take(r, (struct id128){100 + i, 17}, 2, S).passed);
    assert_false(rate_limit_take(r, ALICE, 1, S).passed);
    assert_true(rate_limit_take(r, ALICE, 1, 2 * S).passed);
    rate_limit_free(r);
}

#define THREADS 4

struct loop_of_requests {
    struct rate_limit *limit;
    uint32_t passed;
};

static void *take_many(void *context)
{
    struct loop_of_requests *l = context;
    for (uint32_t i = 0; i < 20000; i++)
        l->passed += rate_limit_take(l->limit, ALICE, 1, S).passed;
    return NULL;
}

static void test_loops_share_one_bucket(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(1, 30000);
    struct loop_of_requests loops[THREADS] = {0};
    pthread_t threads[THREADS];
    uint32_t passed = 0;
    for (int i = 0; i < THREADS; i++) {
        loops[i].limit = r;
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &loops[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        passed += loops[i].passed;
    }
    assert_int_equal(passed, 30000);
    rate_limit_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_a_slow_rate_tells_how_long),
        cmocka_unit_test(test_what_costs_more_takes_more),
        cmocka_unit_test(test_who_comes_anew_into_a_full_table_gains_nothing),
        cmocka_unit_test(test_clients_do_not_share),
        cmocka_unit_test(test_a_full_table_keeps_the_busiest),
        cmocka_unit_test(test_loops_share_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
