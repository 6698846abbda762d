/* SPDX-License-Identifier: Apache-2.0 */
/* The real world on libuv. Everything happens in three places of libuv's round: the timer fires
 * alarms, the check phase after poll delivers mail and runs passes, and the prepare phase before
 * poll decides whether poll may block: not while a pass has work left (the idle handle is active).
 *
 * Mail and finished work come from other threads through the inbox; only the push that finds it
 * empty wakes poll, with the async handle. Calls that cannot fail are checked: a loop that cannot
 * arm its timer or deliver mail has no way to go on. */
#include "runtime/node/loop.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "runtime/base/entropy.h"
#include "runtime/base/memory.h"
#include "runtime/base/rng.h"
#include "runtime/base/time.h"
#include "runtime/node/alarms.h"
#include "runtime/node/inbox.h"
#include "runtime/node/thread.h"
#include "runtime/node/worker.h"

struct loop {
    struct env env;
    uv_loop_t uv;
    uv_async_t async;     /* wakes poll for the inbox */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;       /* active = poll does not block */
    uv_timer_t timer;     /* for the soonest alarm */
    uint64_t timer_due_ns; /* what the timer is set for, UINT64_MAX = not set */
    bool awake;           /* a pass is wanted without waiting for I/O */
    bool idling;          /* idle is active */
    struct alarms alarms;
    struct rng rng;
    struct list passes;       /* struct loop_hook */
    struct list after_passes; /* struct loop_hook */
    uint32_t works;           /* given to workers and not yet done */
    bool holding;             /* passes run: jobs for workers wait in `held` */
    struct fifo held;         /* struct work */
    struct thread thread;

    /* Other threads. */
    struct inbox inbox;
    atomic_bool stopping;
    struct inbox_item stop_item;
};

static struct loop *loop_of(struct env *e)
{
    return container_of(e, struct loop, env);
}

/* --- mail ------------------------------------------------------------------------------------- */

void loop_mail(struct loop *l, struct inbox_item *item)
{
    if (!inbox_push(&l->inbox, item))
        return;
    /* Before 1.53 libuv reads its `pending` flag without ordering: without the fence it could be
     * read before the push is visible, and the wake-up be lost. */
    atomic_thread_fence(memory_order_seq_cst);
    check(uv_async_send(&l->async) == 0);
}

static void loop_on_async(uv_async_t *handle)
{
    (void)handle; /* poll has returned: the check phase delivers */
}

/* --- env -------------------------------------------------------------------------------------- */

/* Time passes for deadlines while the machine sleeps, too. */
#define LOOP_CLOCK CLOCK_BOOTTIME

/* The timer does not count that time: it looks at the clock at least this often. */
#define LOOP_WAIT_MS_MAX 1000

static uint64_t loop_clock_ns(clockid_t clock)
{
    struct timespec t;
    check(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t loop_env_mono_ns(struct env *e)
{
    (void)e;
    return loop_clock_ns(LOOP_CLOCK);
}

static uint64_t loop_env_wall_ns(struct env *e)
{
    (void)e;
    return loop_clock_ns(CLOCK_REALTIME);
}

static uint64_t loop_env_random(struct env *e)
{
    return rng_next(&loop_of(e)->rng);
}

static void loop_work_home(struct inbox_item *item)
{
    struct work *w = container_of(item, struct work, mail);
    struct loop *l = loop_of(w->env);
    check(l->works > 0);
    l->works--;
    w->done(w);
}

/* The jobs for one worker at once: what the shards of this loop want of it in one round it finds
 * together, and need not be woken for each. */
static void loop_hand_over(struct loop *l)
{
    while (!fifo_empty(&l->held)) {
        struct fifo jobs, others;
        fifo_init(&jobs);
        fifo_init(&others);
        struct fifo_link *link = l->held.first;
        struct worker *worker = container_of(link, struct work, link)->worker;
        while ((link = fifo_pop(&l->held)) != NULL) {
            bool same = container_of(link, struct work, link)->worker == worker;
            fifo_push(same ? &jobs : &others, link);
        }
        l->held = others;
        worker_post(worker, &jobs);
    }
}

static void loop_env_work(struct env *e, struct worker *worker, struct work *w)
{
    struct loop *l = loop_of(e);
    w->mail.deliver = loop_work_home;
    w->worker = worker;
    l->works++;
    fifo_push(&l->held, &w->link);
    if (!l->holding)
        loop_hand_over(l);
}

static void loop_on_timer(uv_timer_t *handle);

/* Libuv counts milliseconds: round up, never early by much nor busy. */
static void loop_arm_timer(struct loop *l)
{
    uint64_t due_ns = alarms_due_ns(&l->alarms);
    if (due_ns == l->timer_due_ns)
        return;
    l->timer_due_ns = due_ns;
    if (due_ns == UINT64_MAX) {
        check(uv_timer_stop(&l->timer) == 0);
        return;
    }
    uint64_t now_ns = loop_clock_ns(LOOP_CLOCK);
    uint64_t wait_ms = due_ns <= now_ns ? 0 : (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    if (wait_ms > LOOP_WAIT_MS_MAX)
        wait_ms = LOOP_WAIT_MS_MAX;
    uv_update_time(&l->uv); /* else a long pass would count as time waited */
    check(uv_timer_start(&l->timer, loop_on_timer, wait_ms, 0) == 0);
}

static void loop_on_timer(uv_timer_t *handle)
{
    struct loop *l = handle->data;
    l->timer_due_ns = UINT64_MAX;
    l->awake = true; /* what fires makes work for a pass, and poll comes before it */
    alarms_fire(&l->alarms, loop_clock_ns(LOOP_CLOCK));
    loop_arm_timer(l);
}

static void loop_env_alarm_set(struct env *e, struct alarm *a, uint64_t due_ns)
{
    struct loop *l = loop_of(e);
    alarms_set(&l->alarms, a, due_ns);
    loop_arm_timer(l);
}

static void loop_env_alarm_stop(struct env *e, struct alarm *a)
{
    struct loop *l = loop_of(e);
    alarms_remove(&l->alarms, a);
    loop_arm_timer(l);
}

static void loop_env_wake(struct env *e)
{
    loop_of(e)->awake = true;
}

static void loop_env_mail(struct env *e, struct inbox_item *item)
{
    loop_mail(loop_of(e), item);
}

static const struct env_ops loop_env_ops = {
    .mono_ns = loop_env_mono_ns,
    .wall_ns = loop_env_wall_ns,
    .random = loop_env_random,
    .work = loop_env_work,
    .alarm_set = loop_env_alarm_set,
    .alarm_stop = loop_env_alarm_stop,
    .wake = loop_env_wake,
    .mail = loop_env_mail,
};

/* --- the round -------------------------------------------------------------------------------- */

static bool loop_run_hooks(struct list *hooks)
{
    bool more = false;
    for (struct list *link = hooks->next, *next; link != hooks; link = next) {
        next = link->next; /* a hook may remove itself */
        struct loop_hook *h = container_of(link, struct loop_hook, link);
        more |= h->run(h);
    }
    return more;
}

static void loop_on_check(uv_check_t *handle)
{
    struct loop *l = handle->data;
    l->awake = false;
    l->holding = true;
    inbox_deliver(&l->inbox);
    bool more = loop_run_hooks(&l->passes);
    l->holding = false;
    loop_hand_over(l);
    more |= loop_run_hooks(&l->after_passes);
    l->awake |= more;
}

static void loop_on_idle(uv_idle_t *handle)
{
    (void)handle; /* its being active is what counts */
}

static void loop_on_prepare(uv_prepare_t *handle)
{
    struct loop *l = handle->data;
    if (l->awake == l->idling)
        return;
    l->idling = l->awake;
    check((l->idling ? uv_idle_start(&l->idle, loop_on_idle) : uv_idle_stop(&l->idle)) == 0);
}

static void loop_on_stop(struct inbox_item *item)
{
    uv_stop(&container_of(item, struct loop, stop_item)->uv);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Handles other than the async cannot fail to start. */
static void loop_start_handles(struct loop *l)
{
    check(uv_prepare_init(&l->uv, &l->prepare) == 0);
    check(uv_check_init(&l->uv, &l->check) == 0);
    check(uv_idle_init(&l->uv, &l->idle) == 0);
    check(uv_timer_init(&l->uv, &l->timer) == 0);
    l->prepare.data = l->check.data = l->timer.data = l;
    check(uv_prepare_start(&l->prepare, loop_on_prepare) == 0);
    check(uv_check_start(&l->check, loop_on_check) == 0);
}

static void loop_thread_main(void *context)
{
    loop_run(context);
}

enum err loop_new(const struct loop_options *options, struct loop **ret)
{
    struct loop *l = memory_take_zeroed(1, sizeof *l);
    int refused = uv_loop_init(&l->uv);
    if (refused == UV_ENOMEM)
        memory_ended(0);
    if (refused != 0)
        goto err_after_alloc;
    refused = uv_async_init(&l->uv, &l->async, loop_on_async);
    if (refused != 0)
        goto err_after_loop;
    loop_start_handles(l);
    l->env.ops = &loop_env_ops;
    l->env.log = options->log;
    l->timer_due_ns = UINT64_MAX;
    alarms_init(&l->alarms);
    entropy_fill(l->rng.s, sizeof l->rng.s);
    list_init(&l->passes);
    list_init(&l->after_passes);
    fifo_init(&l->held);
    inbox_init(&l->inbox);
    atomic_init(&l->stopping, false);
    l->stop_item.deliver = loop_on_stop;
    thread_init(&l->thread, options->name, loop_thread_main, l);
    l->thread.cpu = options->cpu;
    *ret = l;
    return ERR_OK;

err_after_loop:
    check(uv_loop_close(&l->uv) == 0);
err_after_alloc:
    free(l);
    return ERR_IO;
}

struct loop *loop_free(struct loop *l)
{
    if (l == NULL)
        return NULL;
    inbox_deliver(&l->inbox);
    check(l->works == 0);
    uv_close((uv_handle_t *)&l->async, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    for (int i = 0; i < 2; i++) /* a stop that came too late ends the first round at once */
        (void)uv_run(&l->uv, UV_RUN_NOWAIT);
    check(uv_loop_close(&l->uv) == 0);
    alarms_done(&l->alarms);
    free(l);
    return NULL;
}

void loop_run(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

enum err loop_start(struct loop *l)
{
    return thread_start(&l->thread);
}

void loop_join(struct loop *l)
{
    thread_join(&l->thread);
}

void loop_stop(struct loop *l)
{
    if (!atomic_exchange(&l->stopping, true))
        loop_mail(l, &l->stop_item);
}

struct env *loop_env(struct loop *l)
{
    return &l->env;
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_add_pass(struct loop *l, struct loop_hook *h)
{
    list_append(&l->passes, &h->link);
}

void loop_add_after_pass(struct loop *l, struct loop_hook *h)
{
    list_append(&l->after_passes, &h->link);
}

void loop_remove_hook(struct loop_hook *h)
{
    list_remove(&h->link);
}
