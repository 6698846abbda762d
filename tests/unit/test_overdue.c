/* SPDX-License-Identifier: Apache-2.0 */
/* Overdue: messages whose deadline passes, or whose asker leaves, before their turn. */
#include "runtime/base/time.h"
#include "tests/unit/shard_fixture.h"

static void an_expired_message_is_not_executed(void **state)
{
    struct fixture *f = *state;
    run(f, 50 * MS);
    struct ask a = {.body.fill = {purse(1), 1}};
    a.message.deadline_ns = f->world.now_ns - 1;
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_EXPIRED);
    assert_int_equal(look(f, 1), UINT64_MAX);
    forget(&a);
}

/* The store hangs: an actor that is being loaded, one whose turn waits for it, and what is behind
 * that one. Who can go on without a load, does. */
static void deadlines_are_kept_while_nothing_can_be_loaded(void **state)
{
    struct fixture *f = *state;
    atomic_bool gone = false;
    fill(f, 1, 10);
    fill(f, 2, 10);
    passivate(f, 1);
    f->loads.delay_min_ns = f->loads.delay_max_ns = 10000 * MS;
    struct ask loads = {.body.look = {purse(1)}}, left = loads, patient = loads,
               waits = {.body.move = {purse(2), purse(1), 3, 1}}, late = {.body.look = {purse(2)}},
               last = late;
    loads.message.deadline_ns = waits.message.deadline_ns = f->world.now_ns + 500 * MS;
    late.message.deadline_ns = f->world.now_ns + 200 * MS;
    left.message.gone = &gone;
    post(f, &loads, &purse_look_type, purse(1));
    post(f, &left, &purse_look_type, purse(1));
    post(f, &patient, &purse_look_type, purse(1));
    post(f, &waits, &purse_move_type, purse(2));
    run(f, MS);
    post(f, &late, &purse_look_type, purse(2));
    post(f, &last, &purse_look_type, purse(2));
    gone = true;
    run(f, 350 * MS);
    assert_int_equal(left.done + late.done, 2);
    assert_true(left.message.code == ERR_EXPIRED && late.message.code == ERR_EXPIRED);
    assert_int_equal(loads.done + waits.done + last.done, 0);
    run(f, 300 * MS);
    assert_int_equal(loads.done + waits.done + last.done, 3);
    assert_true(loads.message.code == ERR_EXPIRED && waits.message.code == ERR_EXPIRED);
    assert_int_equal(coins_of(&last), 10);
    run(f, 20000 * MS);
    assert_int_equal(coins_of(&patient), 10);
    struct ask *const all[] = {&loads, &left, &patient, &waits, &late, &last};
    for (size_t i = 0; i < array_len(all); i++)
        forget(all[i]);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(an_expired_message_is_not_executed),
        SCENARIO(deadlines_are_kept_while_nothing_can_be_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
