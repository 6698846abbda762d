/* SPDX-License-Identifier: Apache-2.0 */
/* The trial balances of several shards become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "actors/ledger/trial_balance.h"
#include "schemas/ledger.h"
#include "schemas/result.h"

#define SHARDS 3
#define REPLY_MAX 65536

enum { EUR = 978, JPY = 392, USD = 840 };

static struct trial_balance_line line(uint16_t currency, u128 posted, u128 pending)
{
    return (struct trial_balance_line){
        .currency = currency,
        .debits_posted = posted,
        .credits_posted = posted,
        .debits_pending = pending,
        .credits_pending = pending,
        .balanced = true,
        .account_count = 2,
        .transfer_count = 5,
    };
}

struct shards {
    struct wire_writer written[SHARDS];
    struct slice replies[SHARDS];
    struct wire_writer reply;
    struct arena arena;
    struct trial_balance joined;
};

static void answers(struct shards *s, int shard, struct trial_balance_line *lines, uint32_t count)
{
    struct trial_balance b = {.lines = lines, .lines_count = count, .balanced = true};
    wire_writer_init(&s->written[shard], REPLY_MAX);
    trial_balance_write(&s->written[shard], &b);
    s->replies[shard] = wire_written(&s->written[shard]);
}

static uint16_t join(struct shards *s)
{
    wire_writer_init(&s->reply, REPLY_MAX);
    arena_init(&s->arena, REPLY_MAX);
    uint16_t code = trial_balance_join(s->replies, SHARDS, &s->reply);
    if (code == RESULT_OK) {
        struct wire_reader r;
        struct slice bytes = wire_written(&s->reply);
        wire_reader_init(&r, bytes.data, bytes.len);
        assert_true(trial_balance_type.read(&r, &s->arena, &s->joined));
    }
    return code;
}

static void forget(struct shards *s)
{
    for (int i = 0; i < SHARDS; i++)
        wire_writer_done(&s->written[i]);
    wire_writer_done(&s->reply);
    arena_done(&s->arena);
}

static void lines_of_one_currency_add_up(void **state)
{
    (void)state;
    struct shards s = {.joined = {0}};
    answers(&s, 0, (struct trial_balance_line[]){line(USD, 100, 7), line(EUR, 1, 0)}, 2);
    answers(&s, 1, NULL, 0);
    answers(&s, 2, (struct trial_balance_line[]){line(JPY, 3, 0), line(USD, 11, 0)}, 2);
    assert_int_equal(join(&s), RESULT_OK);
    assert_true(s.joined.balanced);
    assert_int_equal(s.joined.lines_count, 3);
    static const uint16_t order[] = {JPY, USD, EUR};
    for (uint32_t i = 0; i < array_len(order); i++)
        assert_int_equal(s.joined.lines[i].currency, order[i]);
    const struct trial_balance_line *usd = &s.joined.lines[1];
    assert_true(usd->balanced);
    assert_true(usd->debits_posted == 111 && usd->credits_posted == 111);
    assert_true(usd->debits_pending == 7 && usd->credits_pending == 7);
    assert_int_equal(usd->account_count, 4);
    assert_int_equal(usd->transfer_count, 10);
    forget(&s);
}

static void a_shard_out_of_balance_shows(void **state)
{
    (void)state;
    struct shards s = {.joined = {0}};
    struct trial_balance_line lame = line(USD, 5, 0);
    lame.debits_posted = 6;
    answers(&s, 0, (struct trial_balance_line[]){line(USD, 5, 0), line(EUR, 1, 0)}, 2);
    answers(&s, 1, &lame, 1);
    answers(&s, 2, NULL, 0);
    assert_int_equal(join(&s), RESULT_OK);
    assert_false(s.joined.balanced);
    assert_false(s.joined.lines[0].balanced);
    assert_true(s.joined.lines[1].balanced);
    forget(&s);
}

static void sums_beyond_the_largest_number_are_refused(void **state)
{
    (void)state;
    struct shards s = {.joined = {0}};
    for (int i = 0; i < SHARDS; i++)
        answers(&s, i, (struct trial_balance_line[]){line(USD, U128_MAX / 2, 0)}, 1);
    assert_int_equal(join(&s), RESULT_TOO_LARGE);
    forget(&s);
}

/* The largest part of what there can be has crossed: it stands in the books of both shards. */
static void what_crosses_counts_once_in_a_sum(void **state)
{
    (void)state;
    const u128 much = U128_MAX / 4 * 3;
    struct shards s = {.joined = {0}};
    struct trial_balance_line home = line(USD, much, much), away = line(USD, much, much);
    home.transit_credits_posted = away.transit_debits_posted = much;
    home.transit_credits_pending = away.transit_debits_pending = much;
    answers(&s, 0, &home, 1);
    answers(&s, 1, NULL, 0);
    answers(&s, 2, &away, 1);
    assert_int_equal(join(&s), RESULT_OK);
    assert_true(s.joined.balanced);
    assert_true(s.joined.lines[0].debits_posted == much &&
                s.joined.lines[0].credits_posted == much);
    assert_true(s.joined.lines[0].debits_pending == much);
    assert_true(s.joined.lines[0].credits_pending == much);
    forget(&s);
}

static void a_damaged_answer_is_none(void **state)
{
    (void)state;
    struct shards s = {.joined = {0}};
    for (int i = 0; i < SHARDS; i++)
        answers(&s, i, (struct trial_balance_line[]){line(USD, 1, 0)}, 1);
    s.replies[1].len--;
    assert_int_equal(join(&s), RESULT_CORRUPT);
    forget(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_one_currency_add_up),
        cmocka_unit_test(a_shard_out_of_balance_shows),
        cmocka_unit_test(sums_beyond_the_largest_number_are_refused),
        cmocka_unit_test(what_crosses_counts_once_in_a_sum),
        cmocka_unit_test(a_damaged_answer_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
