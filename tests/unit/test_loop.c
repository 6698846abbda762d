/* SPDX-License-Identifier: Apache-2.0 */
/* Loop: alarms, passes, mail and messages between loops, in real time. */
#include "runtime/actor/message.h"
#include "runtime/node/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "runtime/base/rng.h"
#include "runtime/base/time.h"
#include "runtime/node/alarms.h"

#define MS 1000000u

static struct loop *new_loop(void)
{
    struct loop *l = NULL;
    struct loop_options options = {.name = "loop", .cpu = -1};
    assert_int_equal(loop_new(&options, &l), ERR_OK);
    return l;
}

/* --- alarms ----------------------------------------------------------------------------------- */

struct clock_alarm {
    struct alarm alarm;
    struct loop *loop;
    uint64_t wanted_ns, fired_ns;
    int number;
    int *last;
    bool ends;
};

static void ring(struct alarm *a)
{
    struct clock_alarm *c = container_of(a, struct clock_alarm, alarm);
    assert_int_equal(a->due_ns, 0);
    c->fired_ns = env_mono_ns(a->env);
    assert_true(c->number > *c->last);
    *c->last = c->number;
    if (c->ends)
        loop_stop(c->loop);
}

static void alarms_fire_in_order_and_never_early(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct env *e = loop_env(l);
    uint64_t now = env_mono_ns(e);
    int last = 0;
    struct clock_alarm c[5];
    static const uint32_t after_ms[5] = {12, 3, 7, 1, 20};
    static const int number[5] = {4, 2, 3, 1, 5};
    for (int i = 0; i < 5; i++) {
        c[i] = (struct clock_alarm){.alarm.fire = ring, .loop = l, .number = number[i],
                                    .last = &last, .wanted_ns = now + after_ms[i] * MS,
                                    .ends = number[i] == 5};
        env_alarm_set(e, &c[i].alarm, now + 1000u * MS);
        env_alarm_set(e, &c[i].alarm, c[i].wanted_ns); /* replaces */
    }
    struct clock_alarm stopped = {.alarm.fire = ring, .loop = l, .last = &last};
    env_alarm_set(e, &stopped.alarm, now + MS);
    env_alarm_stop(e, &stopped.alarm);
    env_alarm_stop(e, &stopped.alarm);
    loop_run(l);
    for (int i = 0; i < 5; i++) {
        assert_true(c[i].fired_ns >= c[i].wanted_ns);
        assert_true(c[i].fired_ns < c[i].wanted_ns + 2000u * MS);
    }
    assert_int_equal(stopped.fired_ns, 0);
    loop_free(l);
}

static uint64_t heap_last_ns;
static uint32_t heap_fired;

static void heap_ring(struct alarm *a)
{
    (void)a;
    heap_fired++;
}

static void the_heap_gives_the_soonest_first(void **state)
{
    (void)state;
    struct alarms heap;
    alarms_init(&heap);
    struct rng r;
    rng_seed(&r, 7);
    static struct alarm a[500];
    for (size_t i = 0; i < array_len(a); i++)
        a[i].fire = heap_ring;
    for (int i = 0; i < 20000; i++) {
        struct alarm *one = &a[rng_below(&r, array_len(a))];
        if (one->due_ns != 0 && rng_chance(&r, 300000))
            alarms_remove(&heap, one);
        else
            alarms_set(&heap, one, 1 + rng_below(&r, 1000));
    }
    uint32_t set = heap.count;
    heap_fired = 0;
    while (alarms_due_ns(&heap) != UINT64_MAX) {
        assert_true(alarms_due_ns(&heap) > heap_last_ns);
        heap_last_ns = alarms_due_ns(&heap);
        alarms_fire(&heap, heap_last_ns);
    }
    assert_int_equal(heap_fired, set);
    alarms_done(&heap);
}

/* --- passes ----------------------------------------------------------------------------------- */

struct toil {
    struct loop_hook hook, after;
    struct loop *loop;
    struct alarm alarm;
    int left, passes, after_passes;
};

static bool toil_pass(struct loop_hook *h)
{
    struct toil *t = container_of(h, struct toil, hook);
    if (t->left > 0) {
        t->left--;
        t->passes++;
    }
    return t->left > 0;
}

static bool toil_after(struct loop_hook *h)
{
    struct toil *t = container_of(h, struct toil, after);
    t->after_passes++;
    if (t->passes == 1000 && t->left == 0)
        loop_stop(t->loop);
    return false;
}

static void toil_begin(struct alarm *a)
{
    container_of(a, struct toil, alarm)->left = 1000;
}

/* An alarm makes work; nothing else ever wakes the loop. */
static void the_loop_does_not_block_while_a_pass_has_work(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct toil t = {.hook.run = toil_pass, .after.run = toil_after, .alarm.fire = toil_begin,
                     .loop = l};
    loop_add_pass(l, &t.hook);
    loop_add_after_pass(l, &t.after);
    env_alarm_set(loop_env(l), &t.alarm, env_mono_ns(loop_env(l)) + 2 * MS);
    loop_run(l);
    assert_int_equal(t.passes, 1000);
    assert_true(t.after_passes >= 1000);
    loop_remove_hook(&t.hook);
    loop_remove_hook(&t.after);
    loop_free(l);
}

struct sleeper {
    struct loop_hook hook;
    struct alarm alarm;
    struct loop *loop;
    int passes;
};

static bool sleeper_pass(struct loop_hook *h)
{
    container_of(h, struct sleeper, hook)->passes++;
    return false;
}

static void sleeper_end(struct alarm *a)
{
    loop_stop(container_of(a, struct sleeper, alarm)->loop);
}

static void an_idle_loop_sleeps(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct sleeper s = {.hook.run = sleeper_pass, .alarm.fire = sleeper_end, .loop = l};
    loop_add_pass(l, &s.hook);
    env_wake(loop_env(l));
    env_alarm_set(loop_env(l), &s.alarm, env_mono_ns(loop_env(l)) + 50 * MS);
    loop_run(l);
    assert_true(s.passes >= 2); /* the wake, the alarm */
    assert_true(s.passes < 10);
    loop_free(l);
}

/* --- between loops ---------------------------------------------------------------------------- */

/* A client on libuv in one loop asks a service in another, through a pipe of letters. */
struct ask {
    struct message message;
    struct loop *here, *there;
    uv_timer_t *timer;
    pthread_t home_thread;
    int left;
    bool at_home, answered_elsewhere;
};

static void on_ask(struct inbox_item *item)
{
    struct message *m = container_of(item, struct message, mail);
    struct ask *a = container_of(m, struct ask, message);
    a->answered_elsewhere = !pthread_equal(pthread_self(), a->home_thread);
    m->code = (uint16_t)(64 + a->left % 2);
    message_answer(loop_env(a->there), m);
}

static void send_ask(uv_timer_t *timer)
{
    struct ask *a = timer->data;
    a->message.mail.deliver = on_ask;
    loop_mail(a->there, &a->message.mail);
}

static void on_closed(uv_handle_t *handle)
{
    struct ask *a = handle->data;
    loop_stop(a->here);
}

static void on_answer(struct message *m)
{
    struct ask *a = container_of(m, struct ask, message);
    a->at_home &= pthread_equal(pthread_self(), a->home_thread) != 0;
    assert_int_equal(m->code, 64 + a->left % 2);
    if (--a->left > 0)
        assert_int_equal(uv_timer_start(a->timer, send_ask, a->left % 100 == 0, 0), 0);
    else
        uv_close((uv_handle_t *)a->timer, on_closed);
}

static void answers_come_home_from_another_loop(void **state)
{
    (void)state;
    struct loop *here = new_loop(), *there = new_loop();
    uv_timer_t timer;
    struct ask a = {.here = here, .there = there, .timer = &timer, .left = 2000, .at_home = true,
                    .home_thread = pthread_self()};
    a.message.home = loop_env(here);
    a.message.done = on_answer;
    assert_int_equal(uv_timer_init(loop_uv(here), &timer), 0);
    timer.data = &a;
    assert_int_equal(uv_timer_start(&timer, send_ask, 0, 0), 0);
    assert_int_equal(loop_start(there), ERR_OK);
    loop_run(here);
    loop_stop(there);
    loop_stop(there);
    loop_join(there);
    assert_int_equal(a.left, 0);
    assert_true(a.at_home);
    assert_true(a.answered_elsewhere);
    loop_free(here);
    loop_free(there);
}

static void note_done(struct message *m)
{
    m->code = 77;
}

static void an_answer_of_the_same_loop_is_given_at_once(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct message m = {.home = loop_env(l), .done = note_done};
    message_answer(loop_env(l), &m);
    assert_int_equal(m.code, 77);
    loop_free(l);
}

static void random_differs_between_loops(void **state)
{
    (void)state;
    struct loop *a = new_loop(), *b = new_loop();
    assert_true(env_random(loop_env(a)) != env_random(loop_env(b)));
    assert_true(env_wall_ns(loop_env(a)) > 1700000000 * NS_PER_S);
    loop_free(a);
    loop_free(b);
}

static void a_stop_before_the_run_ends_it_at_once(void **state)
{
    (void)state;
    struct loop *ran = new_loop(), *never_ran = new_loop();
    loop_stop(ran);
    loop_run(ran);
    loop_stop(never_ran);
    loop_free(ran);
    loop_free(never_ran);
    assert_null(loop_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_fire_in_order_and_never_early),
        cmocka_unit_test(the_heap_gives_the_soonest_first),
        cmocka_unit_test(the_loop_does_not_block_while_a_pass_has_work),
        cmocka_unit_test(an_idle_loop_sleeps),
        cmocka_unit_test(answers_come_home_from_another_loop),
        cmocka_unit_test(an_answer_of_the_same_loop_is_given_at_once),
        cmocka_unit_test(random_differs_between_loops),
        cmocka_unit_test(a_stop_before_the_run_ends_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
