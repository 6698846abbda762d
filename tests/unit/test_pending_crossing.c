/* SPDX-License-Identifier: Apache-2.0 */
/* Pending transfers between two shards: account 2 lives in shard 0, accounts 1 and 3 in shard 1.
 * One from 2 to 1 is at home in shard 0; shard 1 has a half of it. */
#include "tests/unit/shards_fixture.h"

#include "runtime/base/time.h"

#define STRICT ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS

/* --- words ------------------------------------------------------------------------------------ */

static struct id128 id_of(uint64_t n, uint16_t shard)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, (n + 1000) << 16 | shard * SHARD_SLOTS};
}

static uint64_t now_ns(const struct shards_bank *b)
{
    return WORLD_EPOCH_NS + b->world.now_ns;
}

/* Account 2 has 100. */
static void given_accounts(struct shards_bank *b)
{
    shards_open(b, 4, USD, 0);
    shards_open(b, 2, USD, STRICT);
    shards_open(b, 1, USD, STRICT);
    assert_int_equal(shards_move(b, 4, 2, 100), RESULT_OK);
}

static struct transfer_create pending(uint64_t amount, uint64_t n, uint32_t flags)
{
    struct transfer_create c = shards_transfer(2, 1, amount);
    c.has_transfer_id = true;
    c.transfer_id = id_of(n, n % SHARDS);
    c.has_flags = true;
    c.flags = TRANSFER_FLAGS_PENDING | flags;
    return c;
}

/* 30 of them are held for account 1, under an id with a slot of shard 0, or 1. */
static struct id128 given_held(struct shards_bank *b, uint64_t n)
{
    const struct transfer_create c = pending(30, n, 0);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    return c.transfer_id;
}

static struct id128 given_held_for(struct shards_bank *b, uint32_t seconds)
{
    struct transfer_create c = pending(30, 0, 0);
    c.has_timeout_s = true;
    c.timeout_s = seconds;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    return c.transfer_id;
}

static struct transfer_post whole(struct id128 id)
{
    return (struct transfer_post){.transfer_id = id};
}

static struct transfer_post part(struct id128 id, uint64_t minor, bool keep)
{
    return (struct transfer_post){.transfer_id = id,
                                  .has_amount = true,
                                  .amount = {minor, 2},
                                  .has_keep_remainder = true,
                                  .keep_remainder = keep};
}

static uint16_t voided(struct shards_bank *b, struct id128 id)
{
    const struct transfer_void v = {.transfer_id = id};
    return shards_do(b, &transfer_void_type, &v);
}

static struct transfer_info shown(struct shards_bank *b, struct id128 id)
{
    struct transfer_info info;
    const struct transfer_get get = {id};
    struct question *q = shards_ask(b, &transfer_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &transfer_info_type, &info);
    return info;
}

static void expect_payer(struct shards_bank *b, u128 balance, u128 held)
{
    const struct account_info info = shards_show(b, 2);
    assert_true(info.balance == balance);
    assert_true(info.debits_pending == held);
    assert_true(info.available == balance - held);
}

static void expect_payee(struct shards_bank *b, u128 balance, u128 coming)
{
    const struct account_info info = shards_show(b, 1);
    assert_true(info.balance == balance);
    assert_true(info.credits_pending == coming);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_null(shard_audit(shard_set_shard(b->set, i)));
}

static void expect_books_by(struct shards_bank *b, enum time_axis axis, uint64_t at, u128 posted,
                            u128 held)
{
    const struct trial_balance_at get = {.at = at, .has_time = true, .time = (uint8_t)axis};
    struct past_trial_balance books;
    struct question *q = shards_ask(b, &trial_balance_at_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &past_trial_balance_type, &books);
    assert_int_equal(books.lines_count, 1);
    assert_true(books.balanced);
    assert_true(books.lines[0].debits_posted == posted);
    assert_true(books.lines[0].credits_posted == posted);
    assert_true(books.lines[0].debits_pending == held);
    assert_true(books.lines[0].credits_pending == held);
}

static void expect_books(struct shards_bank *b, uint64_t at, u128 posted, u128 held)
{
    expect_books_by(b, TIME_AXIS_EFFECTIVE, at, posted, held);
    expect_books_by(b, TIME_AXIS_RECORDED, at, posted, held);
}

static void let_all_be_heard(struct shards_bank *b)
{
    b->cut[0] = b->cut[1] = false;
    shards_run(b, 10 * NS_PER_S);
}

static void account_is(struct shards_bank *b, uint64_t n, bool frozen)
{
    const struct account_freeze freeze = {.account_id = shards_account(n)};
    const struct account_unfreeze unfreeze = {.account_id = shards_account(n)};
    uint16_t code = frozen ? shards_do(b, &account_freeze_type, &freeze)
                           : shards_do(b, &account_unfreeze_type, &unfreeze);
    assert_int_equal(code, RESULT_OK);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Whichever shard its id leads to; the hold is shown at both ends. */
static void what_is_held_is_posted_whole(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    for (uint64_t n = 0; n < SHARDS; n++) {
        struct transfer_info made;
        struct id128 id = given_held(b, n);
        expect_payer(b, 100 - 30 * n, 30);
        expect_payee(b, 30 * n, 30);
        assert_int_equal(shown(b, id).status, TRANSFER_STATUS_PENDING);
        const struct account_info payee = shards_show(b, 1);
        assert_int_equal(payee.holds_count, 1);
        assert_true(payee.holds_complete);
        assert_true(id128_equal(payee.holds[0].transfer_id, id));
        assert_true(id128_equal(payee.holds[0].counterparty_id, shards_account(2)));
        const struct transfer_post post = whole(id);
        struct question *q = shards_ask(b, &transfer_post_type, &post, 5 + n);
        assert_int_equal(shards_code(b, q), RESULT_OK);
        shards_reply(b, q, &transfer_info_type, &made);
        assert_true(made.amount == 30);
        assert_true(id128_equal(made.pending_id, id));
        expect_payer(b, 70 - 30 * n, 0);
        expect_payee(b, 30 + 30 * n, 0);
        assert_int_equal(shown(b, id).status, TRANSFER_STATUS_POSTED);
        assert_true(shown(b, made.transfer_id).recorded_time == made.recorded_time);
        struct question *again = shards_ask(b, &transfer_post_type, &post, 5 + n);
        assert_int_equal(shards_code(b, again), RESULT_OK);
        assert_int_equal(shards_do(b, &transfer_post_type, &post),
                         RESULT_PENDING_TRANSFER_ALREADY_POSTED);
        shards_forget_questions(b);
    }
}

/* A message that leaves its debit account out goes to shard 0, which here has the half. */
static void a_half_is_resolved_at_home_alone(void **state)
{
    struct shards_bank *b = *state;
    const uint32_t flags[] = {TRANSFER_FLAGS_POST_PENDING, TRANSFER_FLAGS_VOID_PENDING};
    shards_open(b, 3, USD, 0);
    shards_open(b, 2, USD, STRICT);
    struct transfer_create held = shards_transfer(3, 2, 30);
    held.has_transfer_id = held.has_flags = true;
    held.transfer_id = id_of(0, 0);
    held.flags = TRANSFER_FLAGS_PENDING;
    assert_int_equal(shards_do(b, &transfer_create_type, &held), RESULT_OK);
    for (size_t i = 0; i < array_len(flags); i++) {
        struct transfer_create end = {
            .pending_id = held.transfer_id, .has_flags = true, .flags = flags[i], .currency = USD};
        assert_int_equal(shards_do(b, &transfer_create_type, &end),
                         RESULT_PENDING_TRANSFER_NOT_FOUND);
    }
    assert_true(shards_show(b, 3).debits_pending == 30);
    assert_true(shards_show(b, 2).credits_pending == 30);
    assert_int_equal(voided(b, held.transfer_id), RESULT_OK);
}

static void it_is_posted_in_parts(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_held(b, 0);
    const struct transfer_post first = part(id, 10, true), last = part(id, 5, false);
    assert_int_equal(shards_do(b, &transfer_post_type, &first), RESULT_OK);
    expect_payer(b, 90, 20);
    expect_payee(b, 10, 20);
    assert_int_equal(shards_do(b, &transfer_post_type, &last), RESULT_OK);
    expect_payer(b, 85, 0);
    expect_payee(b, 15, 0);
    shards_restart(b);
    expect_payer(b, 85, 0);
    expect_payee(b, 15, 0);
    expect_books(b, now_ns(b), 115, 0);
}

static void it_is_voided_and_expires_by_home_alone(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 first = given_held(b, 1);
    b->cut[0] = true;
    assert_int_equal(voided(b, first), RESULT_OK);
    expect_payer(b, 100, 0);
    expect_payee(b, 0, 30);
    let_all_be_heard(b);
    expect_payee(b, 0, 0);
    assert_int_equal(voided(b, first), RESULT_PENDING_TRANSFER_ALREADY_VOIDED);
    struct id128 second = given_held_for(b, 5);
    shards_run(b, 6 * NS_PER_S);
    expect_payer(b, 100, 0);
    expect_payee(b, 0, 0);
    assert_int_equal(shown(b, second).status, TRANSFER_STATUS_EXPIRED);
    shards_restart(b);
    expect_payee(b, 0, 0);
}

/* The account of the payer was frozen after it was promised. */
static void following_looks_at_no_rule(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_post post = whole(given_held(b, 0));
    b->cut[1] = true;
    struct question *q = shards_ask(b, &transfer_post_type, &post, 1);
    shards_run(b, 20 * NS_PER_MS);
    account_is(b, 2, true);
    let_all_be_heard(b);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_payer(b, 70, 0);
    expect_payee(b, 30, 0);
}

static void nothing_else_ends_it_while_it_is_posted(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_held_for(b, 5);
    const struct transfer_post post = part(id, 10, true);
    b->cut[0] = true;
    struct question *q = shards_ask(b, &transfer_post_type, &post, 1);
    shards_run(b, 20 * NS_PER_MS);
    assert_int_equal(voided(b, id), RESULT_PENDING_TRANSFER_UNDER_WAY);
    assert_int_equal(shards_do(b, &transfer_post_type, &post), RESULT_PENDING_TRANSFER_UNDER_WAY);
    shards_run(b, 8 * NS_PER_S);
    assert_int_equal(shown(b, id).status, TRANSFER_STATUS_PENDING);
    shards_restart(b);
    q = shards_ask(b, &transfer_post_type, &post, 1);
    let_all_be_heard(b);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    expect_payer(b, 90, 0); /* what remained was overdue */
    expect_payee(b, 10, 0);
    assert_int_equal(shown(b, id).status, TRANSFER_STATUS_EXPIRED);
}

static void a_post_that_is_refused_leaves_it_pending_or_overdue(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 id = given_held_for(b, 60);
    const struct transfer_post post = whole(id);
    account_is(b, 1, true);
    assert_int_equal(shards_do(b, &transfer_post_type, &post), RESULT_CREDIT_ACCOUNT_FROZEN);
    expect_payer(b, 100, 30);
    expect_payee(b, 0, 30);
    account_is(b, 1, false);
    b->cut[0] = true;
    struct question *q = shards_ask(b, &transfer_post_type, &post, 1);
    shards_run(b, 70 * NS_PER_S);
    assert_int_equal(shown(b, id).status, TRANSFER_STATUS_PENDING);
    let_all_be_heard(b);
    assert_int_equal(shards_code(b, q), RESULT_DEADLINE_PASSED);
    shards_run(b, NS_PER_S);
    assert_int_equal(shown(b, id).status, TRANSFER_STATUS_EXPIRED);
    expect_payer(b, 100, 0);
    expect_payee(b, 0, 0);
}

static void who_asks_again_for_a_post_gets_the_same_outcome(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct transfer_post post = whole(given_held(b, 0));
    post.has_posting_id = true;
    post.posting_id = id_of(9, 1);
    b->cut[0] = true;
    struct question *first = shards_ask(b, &transfer_post_type, &post, 0);
    shards_run(b, 20 * NS_PER_MS);
    struct question *same = shards_ask(b, &transfer_post_type, &post, 0);
    shards_run(b, 20 * NS_PER_MS);
    assert_false(first->answered || same->answered);
    let_all_be_heard(b);
    assert_int_equal(shards_code(b, first), RESULT_OK);
    assert_int_equal(shards_code(b, same), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_post_type, &post), RESULT_OK);
    expect_payer(b, 70, 0);
    expect_payee(b, 30, 0);
}

/* It would be 404 for a moment, and then there. */
static void what_is_asked_of_one_that_is_being_made_may_be_asked_again(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    for (uint64_t n = 0; n < 4; n++) {
        const struct transfer_create c = pending(10, n, 0);
        const struct transfer_post p = whole(c.transfer_id);
        const struct transfer_reverse r = {.transfer_id = c.transfer_id};
        b->cut[n / 2] = true; /* the other shard has not decided; or home has not heard */
        struct question *q = shards_ask(b, &transfer_create_type, &c, 100 + n);
        shards_run(b, 20 * NS_PER_MS);
        struct question *early = shards_ask(b, &transfer_post_type, &p, 200 + n);
        assert_int_equal(shards_code(b, early), RESULT_OUTCOME_PENDING);
        assert_true(early->message.retry_after_ms > 0);
        assert_int_equal(voided(b, c.transfer_id), RESULT_OUTCOME_PENDING);
        assert_int_equal(shards_do(b, &transfer_reverse_type, &r),
                         n < 2 ? RESULT_OUTCOME_PENDING : RESULT_TRANSFER_NOT_POSTED);
        b->cut[n / 2] = false;
        assert_int_equal(shards_code(b, q), RESULT_OK);
        assert_int_equal(shards_code(b, shards_ask(b, &transfer_post_type, &p, 200 + n)),
                         RESULT_OK);
        assert_int_equal(voided(b, id_of(90, 0)), RESULT_NOT_FOUND);
    }
    expect_payer(b, 60, 0);
    expect_payee(b, 40, 0);
}

static void what_is_refused_there_is_let_go(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    account_is(b, 1, true);
    const struct transfer_create c = pending(30, 0, 0);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_CREDIT_ACCOUNT_FROZEN);
    expect_payer(b, 100, 0);
    expect_payee(b, 0, 0);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_ID_ALREADY_FAILED);
}

/* An account is closed from when its part is kept aside on, and open again if it is not posted. */
static void it_closes_an_account_at_either_end(void **state)
{
    struct shards_bank *b = *state;
    const uint32_t flags[] = {TRANSFER_FLAGS_CLOSING_DEBIT, TRANSFER_FLAGS_CLOSING_CREDIT};
    given_accounts(b);
    for (uint64_t n = 0; n < array_len(flags); n++) {
        const struct transfer_create c = pending(0, n, flags[n]);
        assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
        assert_int_equal(shards_show(b, 2 - n).status, ACCOUNT_STATUS_CLOSED);
        assert_int_equal(shards_show(b, 1 + n).status, ACCOUNT_STATUS_OPEN);
        assert_int_equal(shards_move(b, 2, 1, 1), n == 0 ? RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED
                                                         : RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED);
        assert_int_equal(voided(b, c.transfer_id), RESULT_OK);
        shards_run(b, NS_PER_S);
        assert_int_equal(shards_show(b, 2 - n).status, ACCOUNT_STATUS_OPEN);
    }
    account_is(b, 1, true);
    const struct transfer_create c = pending(0, 2, TRANSFER_FLAGS_CLOSING_DEBIT);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_CREDIT_ACCOUNT_FROZEN);
    assert_int_equal(shards_show(b, 2).status, ACCOUNT_STATUS_OPEN);
}

static void it_holds_what_balancing_allows(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_create c = pending(500, 0, TRANSFER_FLAGS_BALANCING_DEBIT);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    expect_payer(b, 100, 100);
    expect_payee(b, 0, 100);
}

/* Each end looks at the time of its account and at the order of imports. */
static void transfers_are_imported_over_shards(void **state)
{
    struct shards_bank *b = *state;
    uint64_t opened = WORLD_EPOCH_NS - 100 * NS_PER_S;
    for (uint64_t n = 1; n <= 4; n++) {
        struct account_create a = {.has_account_id = true,
                                   .account_id = shards_account(n),
                                   .currency = USD,
                                   .code = 100,
                                   .has_flags = true,
                                   .flags = ACCOUNT_FLAGS_IMPORTED,
                                   .has_effective_time = true,
                                   .effective_time = opened + n};
        assert_int_equal(shards_do(b, &account_create_type, &a), RESULT_OK);
    }
    struct transfer_create c = shards_transfer(2, 1, 30);
    c.has_flags = c.has_effective_time = true;
    c.flags = TRANSFER_FLAGS_IMPORTED;
    c.effective_time = opened + 50;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_create_type, &c),
                     RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    c = shards_transfer(2, 3, 30);
    c.has_flags = c.has_effective_time = true;
    c.flags = TRANSFER_FLAGS_IMPORTED | TRANSFER_FLAGS_PENDING;
    c.effective_time = opened + 60;
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_OK);
    expect_books_by(b, TIME_AXIS_EFFECTIVE, opened + 59, 30, 0);
    expect_books_by(b, TIME_AXIS_EFFECTIVE, opened + 60, 30, 30);
}

/* --- books of the past ------------------------------------------------------------------------ */

/* Held, posted in part, voided: at each moment both ends agree, also before one has followed. */
static void books_of_the_past_balance_at_every_step(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_create c = pending(30, 0, 0);
    b->cut[1] = true;
    (void)shards_ask(b, &transfer_create_type, &c, 1);
    shards_run(b, 20 * NS_PER_MS);
    uint64_t held = now_ns(b);
    expect_books(b, held, 100, 30); /* decided, not followed */
    let_all_be_heard(b);
    expect_books(b, held, 100, 30);
    const struct transfer_post post = part(c.transfer_id, 10, true);
    b->cut[1] = true;
    (void)shards_ask(b, &transfer_post_type, &post, 2);
    shards_run(b, 20 * NS_PER_MS);
    uint64_t posted = now_ns(b);
    expect_books(b, posted, 110, 20);
    let_all_be_heard(b);
    b->cut[0] = true;
    assert_int_equal(voided(b, c.transfer_id), RESULT_OK);
    shards_run(b, 20 * NS_PER_MS);
    uint64_t ended = now_ns(b);
    expect_books(b, ended, 110, 0);
    let_all_be_heard(b);
    const uint64_t times[] = {held, posted, ended};
    const uint64_t sums[][2] = {{100, 30}, {110, 20}, {110, 0}};
    for (size_t i = 0; i < array_len(times); i++)
        expect_books(b, times[i], sums[i][0], sums[i][1]);
}

static void a_post_over_shards_is_reversed(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct transfer_post post = whole(given_held(b, 0));
    post.has_posting_id = true;
    post.posting_id = id_of(9, 0);
    assert_int_equal(shards_do(b, &transfer_post_type, &post), RESULT_OK);
    const struct transfer_reverse held = {.transfer_id = post.transfer_id};
    const struct transfer_reverse v = {.transfer_id = post.posting_id};
    assert_int_equal(shards_do(b, &transfer_reverse_type, &held), RESULT_TRANSFER_NOT_POSTED);
    assert_int_equal(shards_move(b, 2, 1, 70), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_OK);
    assert_int_equal(shards_do(b, &transfer_reverse_type, &v), RESULT_ALREADY_REVERSED);
    expect_payer(b, 30, 0);
    expect_payee(b, 70, 0);
}

static struct item_results answered(struct shards_bank *b, struct transfer_spec *items,
                                    uint32_t count)
{
    const struct transfers_create list = {items, count};
    struct item_results refused;
    struct question *q = shards_ask(b, &transfers_create_type, &list, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &item_results_type, &refused);
    return refused;
}

/* As it would be by itself: for a post the other shard is asked. */
static void a_list_posts_it_and_voids_it(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 first = given_held(b, 0), second = given_held(b, 1);
    struct transfer_spec items[] = {
        {.id = id_of(20, 0), .pending_id = first, .flags = TRANSFER_FLAGS_POST_PENDING},
        {.id = id_of(21, 0), .pending_id = second, .flags = TRANSFER_FLAGS_VOID_PENDING},
        {.id = id_of(22, 0), .pending_id = first, .flags = TRANSFER_FLAGS_POST_PENDING},
    };
    struct item_results refused = answered(b, items, array_len(items));
    assert_int_equal(refused.results_count, 1);
    assert_int_equal(refused.results[0].index, 2);
    assert_int_equal(refused.results[0].result, RESULT_PENDING_TRANSFER_UNDER_WAY);
    shards_run(b, NS_PER_S);
    expect_payer(b, 70, 0);
    expect_payee(b, 30, 0);
    assert_int_equal(shown(b, first).status, TRANSFER_STATUS_POSTED);
    assert_int_equal(shown(b, second).status, TRANSFER_STATUS_VOIDED);
}

/* A list goes to the shard of its first item's ids: this one's has the half, and knows where the
 * other is. */
static void a_list_voids_it_from_where_its_half_is(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    struct id128 held = given_held(b, 1);
    struct transfer_spec items[] = {
        {.id = id_of(21, 1), .pending_id = held, .flags = TRANSFER_FLAGS_VOID_PENDING},
    };
    assert_int_equal(answered(b, items, array_len(items)).results_count, 0);
    shards_run(b, NS_PER_S);
    expect_payer(b, 100, 0);
    assert_int_equal(shown(b, held).status, TRANSFER_STATUS_VOIDED);
}

static void nobody_asks_for_what_services_manage(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_create c = pending(30, 0, TRANSFER_FLAGS_MANAGED);
    assert_int_equal(shards_do(b, &transfer_create_type, &c), RESULT_RESERVED_FLAG);
    expect_payer(b, 100, 0);
}

/* A shard cannot be told by a client that something has ended. */
static void nobody_can_claim_an_end(void **state)
{
    struct shards_bank *b = *state;
    given_accounts(b);
    const struct transfer_half_end end = {
        .credit_account_id = shards_account(1),
        .ended = {.pending_id = given_held(b, 0), .released = 30}};
    assert_int_equal(shards_do(b, &transfer_half_end_type, &end), RESULT_UNSUPPORTED);
    expect_payee(b, 0, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(what_is_held_is_posted_whole),
        SHARDS_TEST(a_half_is_resolved_at_home_alone),
        SHARDS_TEST(it_is_posted_in_parts),
        SHARDS_TEST(it_is_voided_and_expires_by_home_alone),
        SHARDS_TEST(following_looks_at_no_rule),
        SHARDS_TEST(nothing_else_ends_it_while_it_is_posted),
        SHARDS_TEST(a_post_that_is_refused_leaves_it_pending_or_overdue),
        SHARDS_TEST(who_asks_again_for_a_post_gets_the_same_outcome),
        SHARDS_TEST(what_is_asked_of_one_that_is_being_made_may_be_asked_again),
        SHARDS_TEST(what_is_refused_there_is_let_go),
        SHARDS_TEST(it_closes_an_account_at_either_end),
        SHARDS_TEST(it_holds_what_balancing_allows),
        SHARDS_TEST(transfers_are_imported_over_shards),
        SHARDS_TEST(books_of_the_past_balance_at_every_step),
        SHARDS_TEST(a_post_over_shards_is_reversed),
        SHARDS_TEST(a_list_posts_it_and_voids_it),
        SHARDS_TEST(a_list_voids_it_from_where_its_half_is),
        SHARDS_TEST(nobody_asks_for_what_services_manage),
        SHARDS_TEST(nobody_can_claim_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
