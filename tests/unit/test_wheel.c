/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel against a sorted list: nothing early, nothing lost, at most one tick late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/check.h"
#include "runtime/base/rng.h"
#include "runtime/base/wheel.h"

#define TIMERS 2000
#define TICK ((uint64_t)1 << WHEEL_TICK_SHIFT)

struct toy_timer {
    struct wheel_timer timer;
    bool set;
};

static void fires_every_timer_on_time(void **state)
{
    uint64_t seed = (uint64_t)(uintptr_t)*state;
    static struct toy_timer timers[TIMERS];
    struct wheel w;
    struct rng rng;
    rng_seed(&rng, seed);
    uint64_t now = rng_next(&rng) >> 4;
    wheel_init(&w, now);
    for (int i = 0; i < TIMERS; i++) {
        uint64_t reach = (uint64_t)1 << (10 + rng_below(&rng, 46));
        wheel_set(&w, &timers[i].timer, now + rng_below(&rng, reach));
        timers[i].set = true;
        if (rng_below(&rng, 10) == 0) {
            wheel_stop(&w, &timers[i].timer);
            timers[i].set = false;
        }
    }
    while (w.count > 0) {
        uint64_t next = wheel_next_ns(&w);
        now = next > now ? next : now + TICK;
        struct wheel_timer *t;
        while ((t = wheel_expire(&w, now)) != NULL) {
            struct toy_timer *toy = container_of(t, struct toy_timer, timer);
            assert_true(toy->set);
            assert_true(t->due_ns <= now);
            assert_true(now - t->due_ns <= 2 * TICK);
            toy->set = false;
        }
    }
    for (int i = 0; i < TIMERS; i++)
        assert_false(timers[i].set);
}

static void a_passed_time_fires_at_once(void **state)
{
    (void)state;
    struct wheel w;
    struct wheel_timer t;
    wheel_init(&w, 1000 * TICK);
    wheel_set(&w, &t, 10 * TICK);
    assert_ptr_equal(wheel_expire(&w, 1000 * TICK), &t);
    assert_null(wheel_expire(&w, 2000 * TICK));
    assert_true(wheel_next_ns(&w) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(fires_every_timer_on_time, (void *)1),
        cmocka_unit_test_prestate(fires_every_timer_on_time, (void *)2),
        cmocka_unit_test_prestate(fires_every_timer_on_time, (void *)3),
        cmocka_unit_test(a_passed_time_fires_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
