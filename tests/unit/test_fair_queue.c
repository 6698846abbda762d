/* SPDX-License-Identifier: Apache-2.0 */
/* The fair queue: who comes next, and who gets no more. */
#include "runtime/shard/fair_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct thing {
    struct fifo_link link;
    struct fair_asker *asker;
    char name;
};

static struct principal caller(const char *tenant, const char *client)
{
    return (struct principal){.tenant = slice_of(tenant), .client = slice_of(client)};
}

static void put(struct fair_queue *q, struct thing *t, const char *tenant, const char *client,
                char name)
{
    struct principal who = caller(tenant, client);
    *t = (struct thing){.asker = fair_queue_enter(q, &who), .name = name};
    assert_non_null(t->asker);
    fair_queue_push(q, t->asker, &t->link);
}

/* Takes all; each costs this much. */
static void expect(struct fair_queue *q, uint64_t cost, const char *order)
{
    for (; *order != '\0'; order++) {
        struct fifo_link *link = fair_queue_pop(q);
        assert_non_null(link);
        struct thing *t = container_of(link, struct thing, link);
        assert_int_equal(t->name, *order);
        fair_queue_charge(t->asker, cost);
        fair_queue_leave(q, t->asker);
    }
    assert_null(fair_queue_pop(q));
}

static void given(struct fair_queue *q, struct thing *things)
{
    fair_queue_init(q);
    for (int i = 0; i < 6; i++)
        put(q, &things[i], "acme", "app", 'a');
    put(q, &things[6], "other", "app", 'b');
    put(q, &things[7], "acme", "other", 'c');
    put(q, &things[8], "acme", "other", 'c');
}

static void large_things_take_turns(void **state)
{
    struct fair_queue q;
    struct thing things[9];
    (void)state;
    given(&q, things);
    expect(&q, FAIR_QUEUE_TURN, "abcacaaaa");
    fair_queue_done(&q);
}

static void small_things_share_a_turn(void **state)
{
    struct fair_queue q;
    struct thing things[9];
    (void)state;
    given(&q, things);
    expect(&q, FAIR_QUEUE_TURN / 3 + 1, "aaabccaaa");
    fair_queue_done(&q);
}

/* Who had one thing of four turns gives way to four small ones, even if all its others are free. */
static void a_thing_may_cost_several_turns(void **state)
{
    struct fair_queue q;
    struct thing large[2], small[7];
    const uint64_t costs[] = {4 * FAIR_QUEUE_TURN, UINT64_MAX};
    const char *orders[] = {"abbbbabbb", "abbbbbbba"};
    (void)state;
    for (size_t i = 0; i < array_len(costs); i++) {
        fair_queue_init(&q);
        put(&q, &large[0], "acme", "app", 'a');
        put(&q, &large[1], "acme", "app", 'a');
        for (size_t k = 0; k < array_len(small); k++)
            put(&q, &small[k], "other", "app", 'b');
        for (const char *order = orders[i]; *order != '\0'; order++) {
            struct thing *t = container_of(fair_queue_pop(&q), struct thing, link);
            assert_int_equal(t->name, *order);
            fair_queue_charge(t->asker, t->name == 'a' ? costs[i] : FAIR_QUEUE_TURN);
            fair_queue_leave(&q, t->asker);
        }
        fair_queue_done(&q);
    }
}

static void an_asker_has_a_bound(void **state)
{
    struct fair_queue q;
    struct principal greedy = caller("acme", "app"), other = caller("acme", "other");
    struct fair_asker *a = NULL, *b;
    (void)state;
    fair_queue_init(&q);
    for (int i = 0; i < FAIR_QUEUE_EACH_MAX; i++)
        a = fair_queue_enter(&q, &greedy);
    assert_non_null(a);
    assert_null(fair_queue_enter(&q, &greedy));
    b = fair_queue_enter(&q, &other);
    assert_non_null(b);
    fair_queue_leave(&q, a);
    assert_ptr_equal(fair_queue_enter(&q, &greedy), a);
    fair_queue_done(&q);
}

static bool is_named(void *context, const struct fifo_link *link)
{
    return container_of(link, const struct thing, link)->name == *(const char *)context;
}

static void what_is_over_leaves(void **state)
{
    struct fair_queue q;
    struct thing things[9];
    struct fifo over;
    struct fifo_link *link;
    int count = 0;
    (void)state;
    given(&q, things);
    things[2].name = 'c';
    fifo_init(&over);
    fair_queue_take(&q, is_named, "c", &over);
    while ((link = fifo_pop(&over)) != NULL) {
        fair_queue_leave(&q, container_of(link, struct thing, link)->asker);
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(q.waiting, 6);
    expect(&q, FAIR_QUEUE_TURN, "abaaaa");
    assert_int_equal(q.askers.count, 0);
    fair_queue_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_things_take_turns),
        cmocka_unit_test(small_things_share_a_turn),
        cmocka_unit_test(a_thing_may_cost_several_turns),
        cmocka_unit_test(an_asker_has_a_bound),
        cmocka_unit_test(what_is_over_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
