/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress: many messages between two passes: order, turns of one actor, room. */
#include "tests/unit/shard_fixture.h"

#include "runtime/shard/shard_priv.h"

#define MANY 600 /* more than are kept between two passes */
#define OF_ONE 100
#define SHARE 64 /* of one actor before the next one's turn */

struct caller {
    struct ask ask;
    uint64_t *answers; /* so far */
    uint64_t place;    /* of this one's answer among them */
};

static void on_answered(struct message *m)
{
    struct caller *c = container_of(m, struct caller, ask.message);
    c->ask.done++;
    c->place = (*c->answers)++;
}

static void call(struct fixture *f, struct caller *c, uint64_t n, uint64_t *answers)
{
    c->answers = answers;
    c->ask.body.look = (struct purse_look){purse(n)};
    post(f, &c->ask, &purse_look_type, purse(n));
    c->ask.message.done = on_answered;
}

static void hang_up(struct caller *c, uint16_t code)
{
    assert_int_equal(c->ask.done, 1);
    assert_int_equal(c->ask.message.code, code);
    forget(&c->ask);
}

static void answers_come_in_the_order_of_the_calls(void **state)
{
    struct fixture *f = *state;
    static struct caller callers[MANY];
    memset(callers, 0, sizeof callers);
    uint64_t answers = 0;
    run(f, 50 * MS);
    for (uint64_t n = 0; n < MANY; n += 2) /* the others do not exist */
        assert_int_equal(fill(f, n, n), ERR_OK);
    run(f, 100 * MS);
    for (uint64_t n = 0; n < MANY; n++)
        call(f, &callers[n], n, &answers);
    run(f, 100 * MS);
    assert_int_equal(answers, MANY);
    for (uint64_t n = 0; n < MANY; n++) {
        assert_int_equal(callers[n].place, n);
        hang_up(&callers[n], n % 2 == 0 ? ERR_OK : ERR_NOT_FOUND);
    }
}

static void one_actor_has_its_share_before_the_next_ones_turn(void **state)
{
    struct fixture *f = *state;
    static struct caller callers[OF_ONE];
    memset(callers, 0, sizeof callers);
    struct caller other = {0};
    uint64_t answers = 0;
    run(f, 50 * MS);
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    for (uint64_t n = 0; n < OF_ONE; n++)
        call(f, &callers[n], 1, &answers);
    call(f, &other, 2, &answers);
    run(f, 100 * MS);
    assert_int_equal(other.place, SHARE);
    hang_up(&other, ERR_OK);
    for (uint64_t n = 0; n < OF_ONE; n++) {
        assert_int_equal(callers[n].place, n < SHARE ? n : n + 1);
        hang_up(&callers[n], ERR_OK);
    }
}

static void messages_of_one_actor_keep_their_order(void **state)
{
    struct fixture *f = *state;
    struct ask fills[OF_ONE] = {0};
    run(f, 50 * MS);
    for (uint64_t n = 0; n < OF_ONE; n++) {
        fills[n].body.fill = (struct purse_fill){purse(1), n + 1};
        post(f, &fills[n], &purse_fill_type, purse(1));
    }
    run(f, 100 * MS);
    uint64_t coins = 0;
    for (uint64_t n = 0; n < OF_ONE; n++) {
        coins += n + 1;
        assert_int_equal(fills[n].done, 1);
        assert_int_equal(coins_of(&fills[n]), coins);
        forget(&fills[n]);
    }
}

static void decide_until_full(struct dedup_table *o, uint64_t seq)
{
    for (uint64_t n = 1; !dedup_table_full(o); n++)
        dedup_table_add(o, (struct id128){5, n}, position_make(seq, 1), 1);
}

/* Ids and keys that the views do not have yet are nowhere but in memory, which has an end. */
static void nothing_is_decided_while_the_views_are_a_table_behind(void **state)
{
    struct fixture *f = *state;
    run(f, 50 * MS);
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    struct dedup_table *const tables[] = {&f->shard->ids, &f->shard->keys};
    for (size_t i = 0; i < array_len(tables); i++) {
        const uint64_t next = f->shard->journal.committed_seq + 1;
        decide_until_full(tables[i], next);
        assert_int_equal(fill(f, 1, 1), ERR_BUSY);
        dedup_table_projected(tables[i], next);
        assert_int_equal(fill(f, 1, 1), ERR_OK);
    }
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(answers_come_in_the_order_of_the_calls),
        SCENARIO(one_actor_has_its_share_before_the_next_ones_turn),
        SCENARIO(messages_of_one_actor_keep_their_order),
        SCENARIO(nothing_is_decided_while_the_views_are_a_table_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
