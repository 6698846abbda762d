/* SPDX-License-Identifier: Apache-2.0 */
/* Quota: a tenant that has written as much as it may in a day writes later; nobody else waits. */
#include "runtime/shard/quota.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "tests/unit/shard_fixture.h"

#define DAY_BYTES 8640 /* 0.1 a second */
#define WRITES_MAX 1000

static int setup_with_quota(void **state)
{
    setup(state);
    struct fixture *f = *state;
    f->journal_quota = DAY_BYTES;
    crash(f);
    run(f, 10 * MS);
    return 0;
}

static uint16_t fill_as(struct fixture *f, struct ask *a, const char *tenant)
{
    wire_writer_done(&a->message.reply);
    a->message.who.tenant = slice_of(tenant);
    a->message.reply = (struct wire_writer){0};
    a->body.fill = (struct purse_fill){purse(1), 1};
    post(f, a, &purse_fill_type, purse(1));
    finish(f, a);
    return a->message.code;
}

/* Returns how many writes went through; *a is the one that did not. */
static int use_up(struct fixture *f, struct ask *a, uint8_t *told)
{
    int writes = 0;
    *told = 0;
    while (fill_as(f, a, "acme") == ERR_OK && writes < WRITES_MAX) {
        writes++;
        *told = a->message.quota_percent;
        assert_true(*told == 0 || *told >= QUOTA_NEAR_PERCENT);
    }
    assert_int_equal(a->message.code, ERR_JOURNAL_QUOTA);
    return writes;
}

static void a_tenant_is_told_before_its_quota_is_used_up(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0};
    uint8_t told;
    int writes = 0;
    while (fill_as(f, &a, "acme") == ERR_OK && a.message.quota_percent == 0)
        writes++;
    assert_in_range(a.message.quota_percent, QUOTA_NEAR_PERCENT, QUOTA_NEAR_PERCENT + 5);
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.quota_near, 1);
    int left = use_up(f, &a, &told);
    assert_int_equal(told, 100);
    assert_in_range(left, writes / 5, writes / 3);
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.quota_refused, 1);
    forget(&a);
}

static void it_writes_again_when_it_is_told_to_come_again(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0};
    uint8_t told;
    use_up(f, &a, &told);
    uint64_t wait_ns = a.message.retry_after_ms * MS;
    assert_in_range(wait_ns, 1, 86400 * (uint64_t)1000 * MS / 10);
    run(f, wait_ns / 2);
    assert_int_equal(fill_as(f, &a, "acme"), ERR_JOURNAL_QUOTA);
    run(f, wait_ns / 2 + MS);
    assert_int_equal(fill_as(f, &a, "acme"), ERR_OK);
    forget(&a);
}

static void others_write_on_and_all_read_on(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, other = a, operator = {.message.who.operator = true};
    uint8_t told;
    use_up(f, &a, &told);
    assert_int_equal(fill_as(f, &other, "other"), ERR_OK);
    assert_int_equal(other.message.quota_percent, 0);
    a.body.look = (struct purse_look){purse(1)};
    post(f, &a, &purse_look_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    operator.body.fill = (struct purse_fill){purse(1), 1};
    post(f, &operator, &purse_fill_type, purse(1));
    finish(f, &operator);
    assert_int_equal(operator.message.code, ERR_OK);
    forget(&a);
    forget(&other);
    forget(&operator);
}

/* And if that is refused, it leaves nothing: else refusals would fill the journal. */
static void what_settles_goes_on(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, refused = {.body.move = {purse(1), purse(2), UINT64_MAX, 1}};
    uint8_t told;
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    use_up(f, &a, &told);
    assert_int_equal(move(f, 1, 2, 1, 1), ERR_OK);
    run(f, 100 * MS);
    struct shard_stats before, after;
    shard_get_stats(f->shard, &before);
    keyed(&refused, 7, 7);
    post(f, &refused, &purse_move_type, purse(1));
    finish(f, &refused);
    assert_int_equal(refused.message.code, PURSE_EMPTY);
    run(f, 100 * MS);
    shard_get_stats(f->shard, &after);
    assert_int_equal(after.records, before.records);
    forget(&a);
    forget(&refused);
}

/* What settles can be repeated without end as well. */
static void what_settles_ends_with_as_much_again(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0};
    uint8_t told;
    int moves = 0;
    uint16_t code;
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    const int writes = use_up(f, &a, &told);
    while ((code = move(f, 1 + moves % 2, 2 - moves % 2, 1, 1)) == ERR_OK && moves < WRITES_MAX)
        moves++;
    assert_int_equal(code, ERR_JOURNAL_QUOTA);
    assert_in_range(moves, writes / 3, writes * 2);
    forget(&a);
}

static void what_was_decided_is_said_again(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, first = {.body.fill = {purse(1), 1}};
    uint8_t told;
    keyed(&first, 9, 9);
    post(f, &first, &purse_fill_type, purse(1));
    finish(f, &first);
    use_up(f, &a, &told);
    post(f, &first, &purse_fill_type, purse(1));
    finish(f, &first);
    assert_int_equal(first.message.code, ERR_OK);
    assert_true(first.message.replayed);
    forget(&a);
    forget(&first);
}

/* --- the table -------------------------------------------------------------------------------- */

static struct principal tenant(uint64_t n)
{
    return (struct principal){.tenant = slice_of("some"), .tenant_id = {n, n}};
}

/* It is bounded, and who comes anew finds no empty bucket there. */
static void more_tenants_than_it_has_room_for_gain_nothing(void **state)
{
    struct quota q;
    (void)state;
    quota_init(&q, NULL, 0, 1000);
    for (uint64_t n = 1; n <= (uint64_t)4 * QUOTA_SETS * QUOTA_WAYS; n++) {
        struct principal who = tenant(n);
        (void)quota_charge(&q, &who, 600, 1);
    }
    uint32_t over = 0, retry_after_ms;
    for (uint64_t n = 1; n <= (uint64_t)4 * QUOTA_SETS * QUOTA_WAYS; n++) {
        struct principal who = tenant(n);
        over += quota_exceeded(&q, &who, 1, 1, &retry_after_ms);
    }
    assert_int_equal(over, q.over);
    assert_in_range(over, QUOTA_SETS * QUOTA_WAYS * 9 / 10, QUOTA_SETS * QUOTA_WAYS);
    struct principal last = tenant(4 * QUOTA_SETS * QUOTA_WAYS);
    (void)quota_charge(&q, &last, 0, NS_PER_DAY * 4);
    assert_int_equal(q.over, over - 1);
    quota_done(&q);
}

static void a_tenant_is_told_from_the_same_percent_on_whatever_its_quota(void **state)
{
    const struct principal who = tenant(1);
    (void)state;
    for (uint64_t per_day = 1; per_day <= 300; per_day++) {
        struct quota q;
        quota_init(&q, NULL, 0, per_day);
        for (uint64_t bytes = 1; bytes <= per_day; bytes++) {
            uint64_t percent = bytes * 100 / per_day;
            assert_int_equal(quota_charge(&q, &who, 1, 1),
                             percent < QUOTA_NEAR_PERCENT ? 0 : percent);
        }
        quota_done(&q);
    }
}

/* What is left of a byte goes on: else who writes often would never get empty. */
static void a_bucket_is_emptied_at_its_pace_however_often_it_is_looked_at(void **state)
{
    const struct principal who = tenant(1);
    const uint64_t second = NS_PER_DAY / 86400;
    struct quota q;
    (void)state;
    quota_init(&q, NULL, 0, 86400); /* a byte a second */
    (void)quota_charge(&q, &who, 86400, 0);
    for (uint64_t now = 0; now <= 1000 * second; now += second / 4)
        (void)quota_charge(&q, &who, 0, now);
    uint32_t retry_after_ms;
    (void)quota_charge(&q, &who, 1000, 1000 * second);
    assert_int_equal(q.over, 1);
    assert_true(quota_exceeded(&q, &who, 1, 1000 * second, &retry_after_ms));
    assert_in_range(retry_after_ms, 1000, 1001);
    assert_true(quota_exceeded(&q, &who, 1, 1001 * second - 1, &retry_after_ms));
    assert_false(quota_exceeded(&q, &who, 1, 1001 * second, &retry_after_ms));
    assert_int_equal(q.over, 0);
    quota_done(&q);
}

static void a_long_wait_is_told_as_the_longest(void **state)
{
    const struct principal who = tenant(1);
    struct quota q;
    uint32_t retry_after_ms;
    (void)state;
    quota_init(&q, NULL, 0, 1);
    (void)quota_charge(&q, &who, 50, 0);
    assert_true(quota_exceeded(&q, &who, 1, 0, &retry_after_ms));
    assert_int_equal(retry_after_ms, UINT32_MAX);
    assert_true(quota_exceeded(&q, &who, 50, 0, &retry_after_ms));
    assert_int_equal(retry_after_ms, 86400 * 1000 + 1);
    assert_false(quota_exceeded(&q, &who, 51, 0, &retry_after_ms));
    quota_done(&q);
}

static void near_tenants_are_counted_as_they_are_now(void **state)
{
    struct quota q;
    (void)state;
    quota_init(&q, NULL, 0, 100);
    for (uint64_t n = 1; n <= 3; n++) {
        const struct principal who = tenant(n);
        (void)quota_charge(&q, &who, 70 + 10 * n, 0);
    }
    assert_int_equal(quota_near_count(&q, 0), 3);
    assert_int_equal(quota_near_count(&q, NS_PER_DAY / 100 - 1), 3);
    assert_int_equal(quota_near_count(&q, NS_PER_DAY / 100), 2);
    assert_int_equal(quota_near_count(&q, NS_PER_DAY / 5), 1);
    quota_done(&q);
    quota_init(&q, NULL, 0, 0);
    assert_int_equal(quota_near_count(&q, 0), 0);
    quota_done(&q);
}

/* --- the log ---------------------------------------------------------------------------------- */

struct told {
    struct quota quota;
    struct log log;
    int ends[2];
};

/* The events that were logged since the last look, by their first letters: near, used up. */
static void assert_told(struct told *t, const char *expected)
{
    char text[8 * LOG_LINE_MAX] = "", events[32] = "";
    ssize_t len = read(t->ends[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "journal_quota_")) != NULL && count < 31; count++)
        events[count] = (at += strlen("journal_quota_"))[0];
    assert_string_equal(events, expected);
}

static void charged(struct told *t, uint64_t bytes, uint64_t percent_emptied, const char *events)
{
    const struct principal who = tenant(1);
    (void)quota_charge(&t->quota, &who, bytes, NS_PER_DAY / 100 * percent_emptied);
    assert_told(t, events);
}

/* Once near it and once at its end, not for each record; anew only after it was well below. */
static void the_log_says_once_who_comes_near_and_once_who_is_over(void **state)
{
    struct told t;
    (void)state;
    assert_int_equal(pipe2(t.ends, O_NONBLOCK), 0);
    log_init(&t.log, t.ends[1], LOG_LEVEL_INFO);
    quota_init(&t.quota, &t.log, 3, 1000);
    charged(&t, 799, 0, "");
    charged(&t, 1, 0, "n");
    charged(&t, 100, 0, "");
    charged(&t, 99, 0, "");
    charged(&t, 1, 0, "u");
    charged(&t, 10, 0, "");
    charged(&t, 0, 2, "");   /* 990 */
    charged(&t, 10, 2, "u"); /* over again */
    charged(&t, 0, 32, "");  /* 700, no less */
    charged(&t, 100, 32, "");
    charged(&t, 0, 43, ""); /* 690 */
    charged(&t, 110, 43, "n");
    charged(&t, 0, 54, ""); /* 690 */
    charged(&t, 400, 54, "u"); /* at once */
    quota_done(&t.quota);
    close(t.ends[0]);
    close(t.ends[1]);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup_with_quota, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(a_tenant_is_told_before_its_quota_is_used_up),
        SCENARIO(it_writes_again_when_it_is_told_to_come_again),
        SCENARIO(others_write_on_and_all_read_on),
        SCENARIO(what_settles_goes_on),
        SCENARIO(what_settles_ends_with_as_much_again),
        SCENARIO(what_was_decided_is_said_again),
        cmocka_unit_test(more_tenants_than_it_has_room_for_gain_nothing),
        cmocka_unit_test(a_tenant_is_told_from_the_same_percent_on_whatever_its_quota),
        cmocka_unit_test(a_bucket_is_emptied_at_its_pace_however_often_it_is_looked_at),
        cmocka_unit_test(a_long_wait_is_told_as_the_longest),
        cmocka_unit_test(near_tenants_are_counted_as_they_are_now),
        cmocka_unit_test(the_log_says_once_who_comes_near_and_once_who_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
