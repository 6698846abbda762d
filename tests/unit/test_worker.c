/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: blocking jobs run on its thread and come home to their loop. */
#include "runtime/node/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/node/loop.h"

#define JOBS 100

struct office {
    struct loop *loop;
    struct worker *worker;
    pthread_t loop_thread;
    uint32_t ran;  /* by the worker */
    uint32_t done; /* by the loop */
    uint32_t awaited;
    bool ran_apart, done_at_home, in_order; /* the first and last are the worker's */
};

struct job {
    struct work work;
    struct office *office;
    uint32_t number;
    uint32_t rounds; /* how often it is given again when done */
};

static struct office open_office(const char *worker_name, enum urgency urgency)
{
    struct office o = {.ran_apart = true, .done_at_home = true, .in_order = true,
                       .loop_thread = pthread_self()};
    struct loop_options options = {.name = "loop", .cpu = -1};
    assert_int_equal(loop_new(&options, &o.loop), ERR_OK);
    assert_int_equal(worker_start(worker_name, urgency, &o.worker), ERR_OK);
    return o;
}

static void close_office(struct office *o)
{
    o->worker = worker_stop(o->worker);
    o->loop = loop_free(o->loop);
}

static void job_run(struct work *w)
{
    struct job *j = container_of(w, struct job, work);
    j->office->ran_apart &= !pthread_equal(pthread_self(), j->office->loop_thread);
    j->office->in_order &= j->office->ran++ % JOBS == j->number;
}

static void job_done(struct work *w)
{
    struct job *j = container_of(w, struct job, work);
    struct office *o = j->office;
    o->done_at_home &= pthread_equal(pthread_self(), o->loop_thread) != 0;
    if (j->rounds-- > 1)
        env_work(w->env, o->worker, w);
    if (++o->done == o->awaited)
        loop_stop(o->loop);
}

static void jobs_run_in_order_and_come_home(void **state)
{
    (void)state;
    struct office o = open_office("jobs", URGENCY_HIGH);
    struct job jobs[JOBS];
    o.awaited = JOBS * 50;
    for (uint32_t i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.work = {.run = job_run, .done = job_done}, .office = &o,
                               .number = i, .rounds = 50};
        env_work(loop_env(o.loop), o.worker, &jobs[i].work);
    }
    assert_int_equal(o.done, 0);
    loop_run(o.loop);
    assert_int_equal(o.done, JOBS * 50);
    assert_int_equal(o.ran, JOBS * 50);
    assert_true(o.ran_apart);
    assert_true(o.done_at_home);
    assert_true(o.in_order);
    close_office(&o);
}

static void stopping_a_worker_runs_what_was_posted(void **state)
{
    (void)state;
    struct office o = open_office("jobs", URGENCY_HIGH);
    struct job jobs[JOBS];
    for (uint32_t i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.work = {.run = job_run, .done = job_done}, .office = &o,
                               .number = i, .rounds = 1};
        env_work(loop_env(o.loop), o.worker, &jobs[i].work);
    }
    o.worker = worker_stop(o.worker);
    assert_int_equal(o.ran, JOBS);
    assert_int_equal(o.done, 0);
    o.loop = loop_free(o.loop); /* delivers what lies there */
    assert_int_equal(o.done, JOBS);
}

/* Two shards of one loop, each of which wants something done in the round. */
struct claim {
    struct work work;
    struct loop_hook hook;
    struct claim *other;
    struct office *office;
    atomic_bool ran;
    bool claimed, other_ran; /* when this one's pass ended */
};

static void claim_run(struct work *w)
{
    atomic_store(&container_of(w, struct claim, work)->ran, true);
}

static void claim_done(struct work *w)
{
    struct claim *c = container_of(w, struct claim, work);
    if (++c->office->done == c->office->awaited)
        loop_stop(c->office->loop);
}

static bool claim_pass(struct loop_hook *h)
{
    struct claim *c = container_of(h, struct claim, hook);
    if (c->claimed)
        return false;
    c->claimed = true;
    env_work(loop_env(c->office->loop), c->office->worker, &c->work);
    usleep(20000); /* the worker could have run */
    c->other_ran = atomic_load(&c->other->ran);
    return false;
}

static void what_one_round_gives_a_worker_comes_to_it_together(void **state)
{
    (void)state;
    struct office o = open_office("jobs", URGENCY_HIGH);
    struct claim claims[2];
    o.awaited = 2;
    for (int i = 0; i < 2; i++) {
        claims[i] = (struct claim){.work = {.run = claim_run, .done = claim_done},
                                   .hook.run = claim_pass,
                                   .other = &claims[1 - i],
                                   .office = &o};
        loop_add_pass(o.loop, &claims[i].hook);
    }
    env_wake(loop_env(o.loop));
    loop_run(o.loop);
    assert_int_equal(o.done, 2);
    assert_false(claims[1].other_ran);
    close_office(&o);
}

struct inspection {
    struct work work;
    struct loop *loop;
    char name[16];
    int nice;
};

static void inspect(struct work *w)
{
    struct inspection *i = container_of(w, struct inspection, work);
    pthread_getname_np(pthread_self(), i->name, sizeof i->name);
    i->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void inspected(struct work *w)
{
    loop_stop(container_of(w, struct inspection, work)->loop);
}

static void a_worker_has_a_name_and_may_give_way(void **state)
{
    (void)state;
    struct office o = open_office("a rather long name of a worker", URGENCY_LOW);
    struct inspection i = {.work = {.run = inspect, .done = inspected}, .loop = o.loop};
    env_work(loop_env(o.loop), o.worker, &i.work);
    loop_run(o.loop);
    assert_string_equal(i.name, "a rather long n");
    int own = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(i.nice, own + THREAD_LOW_NICE > 19 ? 19 : own + THREAD_LOW_NICE);
    close_office(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_in_order_and_come_home),
        cmocka_unit_test(what_one_round_gives_a_worker_comes_to_it_together),
        cmocka_unit_test(stopping_a_worker_runs_what_was_posted),
        cmocka_unit_test(a_worker_has_a_name_and_may_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
