/* SPDX-License-Identifier: Apache-2.0 */
/* Two clients ask for the same transfer, each under a key of its own, while it is under way: who
 * comes second waits with the first, and its key has the same answer for ever. */
#include "tests/unit/crossing_fixture.h"

#include "runtime/base/time.h"

#define SOON (20 * NS_PER_MS)
#define LATER (20 * NS_PER_S)

static struct transfer_create given_transfer(struct shards_bank *b)
{
    given_payer_and_payee(b);
    b->cut[0] = true; /* nothing is decided until this is over */
    return with_id(shards_transfer(2, 1, 30), 1);
}

static struct question *asked(struct shards_bank *b, const struct transfer_create *c, uint64_t key)
{
    struct question *q = shards_ask(b, &transfer_create_type, c, key);
    shards_run(b, SOON);
    return q;
}

/* The same key for something else. */
static uint16_t asked_otherwise(struct shards_bank *b, const struct transfer_create *c,
                                uint64_t key)
{
    struct question *q = shards_ask(b, &transfer_create_type, c, key);
    q->message.fingerprint.lo += 1000;
    return shards_code(b, q);
}

static void expect_again(struct shards_bank *b, const struct transfer_create *c, uint64_t key,
                         uint16_t code)
{
    struct question *q = asked(b, c, key);
    assert_int_equal(shards_code(b, q), code);
    assert_true(q->message.replayed);
    if (code == RESULT_OK) {
        struct transfer_info info;
        shards_reply(b, q, &transfer_info_type, &info);
        assert_true(id128_equal(info.transfer_id, c->transfer_id) && info.amount == c->amount);
    }
    assert_int_equal(asked_otherwise(b, c, key), ERR_KEY_REUSED);
}

static void both_keys_have_the_outcome(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = given_transfer(b);
    struct question *first = asked(b, &c, 1), *second = asked(b, &c, 2), *again = asked(b, &c, 2);
    assert_false(first->answered || second->answered || again->answered);
    assert_int_equal(asked_otherwise(b, &c, 2), ERR_KEY_REUSED);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, second), RESULT_OK);
    assert_int_equal(shards_code(b, again), RESULT_OK);
    for (uint64_t key = 1; key <= 2; key++)
        expect_again(b, &c, key, RESULT_OK);
    expect_account(b, 2, 70, 70);
    expect_balanced(b);
}

static void a_key_waits_for_what_is_known_by_its_id_alone(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = given_transfer(b);
    struct question *first = asked(b, &c, 0), *second = asked(b, &c, 2);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, second), RESULT_OK);
    expect_again(b, &c, 2, RESULT_OK);
}

static void the_outcome_of_both_outlives_the_process(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = given_transfer(b);
    asked(b, &c, 1);
    asked(b, &c, 2);
    shards_run(b, LATER / 20); /* the views have it */
    asked(b, &c, 3);           /* the journal alone */
    shards_restart(b);
    assert_int_equal(asked_otherwise(b, &c, 2), ERR_KEY_REUSED);
    struct question *second = asked(b, &c, 2), *third = asked(b, &c, 3);
    assert_false(second->answered || third->answered);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, second), RESULT_OK);
    assert_int_equal(shards_code(b, third), RESULT_OK);
    shards_run(b, LATER);
    for (int restarts = 0; restarts < 2; restarts++) {
        shards_restart(b);
        for (uint64_t key = 1; key <= 3; key++)
            expect_again(b, &c, key, RESULT_OK);
    }
    expect_account(b, 2, 70, 70);
    expect_balanced(b);
}

static void a_refusal_is_kept_for_both(void **state)
{
    struct shards_bank *b = *state;
    given_payer_and_payee(b);
    b->cut[0] = true;
    const struct transfer_create c = with_id(shards_transfer(2, 7, 30), 1);
    struct question *first = asked(b, &c, 1), *second = asked(b, &c, 2);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, first), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    assert_int_equal(shards_code(b, second), RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    shards_open(b, 7, USD, 0);
    expect_again(b, &c, 2, RESULT_CREDIT_ACCOUNT_NOT_FOUND);
    expect_account(b, 2, 100, 100);
}

/* Who is told that it is pending, and comes again, is decided anew: the transfer is there. */
static void more_keys_than_an_ask_keeps_leave_nothing(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = given_transfer(b);
    const uint64_t kept = 1 + RECORD_KEYS_MAX, beyond = kept + 1;
    for (uint64_t key = 1; key <= kept; key++)
        asked(b, &c, key);
    struct question *q = asked(b, &c, beyond);
    assert_true(q->answered);
    assert_int_equal(q->message.code, RESULT_OUTCOME_PENDING);
    assert_true(q->message.retry_after_ms > 0);
    b->cut[0] = false;
    shards_run(b, LATER);
    expect_again(b, &c, kept, RESULT_OK);
    struct question *late = asked(b, &c, beyond);
    assert_int_equal(shards_code(b, late), RESULT_OK);
    assert_false(late->message.replayed);
    expect_account(b, 2, 70, 70);
}

/* What the first was shown as one who sees all, the second was shown as one who does not. */
static void each_is_told_again_by_its_own_right(void **state)
{
    struct shards_bank *b = *state;
    const struct transfer_create c = given_transfer(b);
    asked(b, &c, 1);
    b->asker = slice_of("ann");
    struct question *second = asked(b, &c, 2);
    b->cut[0] = false;
    assert_int_equal(shards_code(b, second), RESULT_OK);
    expect_again(b, &c, 2, RESULT_OK);
    assert_int_equal(shards_code(b, asked(b, &c, 1)), ERR_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(both_keys_have_the_outcome),
        SHARDS_TEST(a_key_waits_for_what_is_known_by_its_id_alone),
        SHARDS_TEST(the_outcome_of_both_outlives_the_process),
        SHARDS_TEST(a_refusal_is_kept_for_both),
        SHARDS_TEST(more_keys_than_an_ask_keeps_leave_nothing),
        SHARDS_TEST(each_is_told_again_by_its_own_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
