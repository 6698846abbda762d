/* SPDX-License-Identifier: Apache-2.0 */
/* All that will happen stands in one heap, ordered by (time, age); world_step() lets the first of
 * it happen. A look at the clock takes TURN_NS of virtual time, so that budgets end; besides, time
 * passes only from event to event. How long work, mail and passes take is drawn from the world's
 * rng when they begin. Workers run one job after another and report them in order, mail to one loop
 * arrives in the order it was sent; apart from that anything may overtake anything.
 *
 * An alarm that is stopped stays in the heap as an event without alarm: nothing points to its
 * memory any more, and the times of all other events stay what they were. */
#include "runtime/sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"

#define PASS_DELAY_NS 2000u /* from being woken to the pass */
#define MAIL_DELAY_NS 500u  /* from one loop to another */
#define TURN_NS 1000u       /* each look at the clock takes a while, so budgets end */

enum event_type {
    EVENT_RUN,   /* a job on a worker */
    EVENT_DONE,  /* its report */
    EVENT_ALARM,
    EVENT_PASS,
    EVENT_MAIL,
    EVENT_CALL,
};

struct world_event {
    uint64_t at_ns, order;
    enum event_type type;
    struct work *work;
    struct world_worker *worker;
    struct alarm *alarm;
    struct world_loop *loop;
    struct inbox_item *item;
    void (*fire)(void *context);
    void *context;
};

/* --- heap ------------------------------------------------------------------------------------- */

static bool world_earlier(const struct world_event *a, const struct world_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void world_push(struct world *w, struct world_event e)
{
    array_reserve(w->heap, w->cap, w->count + 1);
    e.order = w->order++;
    size_t i = w->count++;
    while (i > 0 && world_earlier(&e, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = e;
}

static void world_sift_down(struct world *w, size_t i)
{
    struct world_event e = w->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->count)
            break;
        if (child + 1 < w->count && world_earlier(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!world_earlier(&w->heap[child], &e))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = e;
}

static struct world_event world_pop(struct world *w)
{
    struct world_event first = w->heap[0];
    w->heap[0] = w->heap[--w->count];
    if (w->count > 0)
        world_sift_down(w, 0);
    return first;
}

/* --- env -------------------------------------------------------------------------------------- */

static struct world_loop *world_loop_of(struct env *e)
{
    return (struct world_loop *)e;
}

static struct world *world_of(struct env *e)
{
    return world_loop_of(e)->world;
}

static uint64_t world_mono_ns(struct env *e)
{
    struct world *w = world_of(e);
    w->now_ns += TURN_NS;
    return w->now_ns;
}

static uint64_t world_wall_ns(struct env *e)
{
    struct world *w = world_of(e);
    return WORLD_EPOCH_NS + w->now_ns + (uint64_t)w->wall_skew_ns;
}

static uint64_t world_random(struct env *e)
{
    return rng_next(&world_of(e)->rng);
}

static uint64_t world_worker_delay(struct world_worker *l)
{
    return l->delay_min_ns + rng_below(&l->world->rng, l->delay_max_ns - l->delay_min_ns + 1);
}

static uint64_t world_lag(struct world_loop *l)
{
    return l->lag_max_ns == 0 ? 0 : rng_below(&l->world->rng, l->lag_max_ns + 1);
}

static void world_submit(struct env *e, struct worker *worker, struct work *work)
{
    struct world *w = world_of(e);
    struct world_worker *l = (struct world_worker *)worker;
    uint64_t start = l->free_ns > w->now_ns ? l->free_ns : w->now_ns;
    uint32_t factor = world_loop_of(e)->work_factor;
    l->free_ns = start + world_worker_delay(l) * (factor == 0 ? 1 : factor);
    world_push(
        w, (struct world_event){.at_ns = l->free_ns, .type = EVENT_RUN, .work = work, .worker = l});
}

static void world_alarm_stop(struct env *e, struct alarm *a)
{
    struct world *w = world_of(e);
    a->due_ns = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->heap[i].alarm == a)
            w->heap[i].alarm = NULL;
}

static void world_alarm_set(struct env *e, struct alarm *a, uint64_t due_ns)
{
    struct world *w = world_of(e);
    if (a->due_ns != 0)
        world_alarm_stop(e, a); /* nothing may point to it later, when it is gone */
    a->due_ns = due_ns;
    world_push(w, (struct world_event){.at_ns = due_ns < w->now_ns ? w->now_ns : due_ns,
                                       .type = EVENT_ALARM,
                                       .alarm = a});
}

static void world_wake(struct env *e)
{
    struct world_loop *l = world_loop_of(e);
    if (l->awake)
        return;
    l->awake = true;
    world_push(l->world,
               (struct world_event){.at_ns = l->world->now_ns + PASS_DELAY_NS + world_lag(l),
                                    .type = EVENT_PASS,
                                    .loop = l});
}

/* Mail to a loop arrives in the order it was sent. */
static void world_mail(struct env *e, struct inbox_item *item)
{
    struct world_loop *l = world_loop_of(e);
    uint64_t at_ns = l->world->now_ns + MAIL_DELAY_NS + world_lag(l);
    if (l->mailed_ns < at_ns)
        l->mailed_ns = at_ns;
    l->world->mails++;
    world_push(l->world, (struct world_event){
                             .at_ns = l->mailed_ns, .type = EVENT_MAIL, .loop = l, .item = item});
}

static const struct env_ops world_ops = {
    .mono_ns = world_mono_ns,
    .wall_ns = world_wall_ns,
    .random = world_random,
    .work = world_submit,
    .alarm_set = world_alarm_set,
    .alarm_stop = world_alarm_stop,
    .wake = world_wake,
    .mail = world_mail,
};

/* --- world ------------------------------------------------------------------------------------ */

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.now_ns = NS_PER_MS};
    rng_seed(&w->rng, seed);
    world_loop_init(&w->loop, w, NULL, NULL);
}

void world_loop_init(struct world_loop *l, struct world *w, void (*pass)(void *context),
                     void *context)
{
    *l = (struct world_loop){
        .env.ops = &world_ops, .world = w, .pass = pass, .context = context};
}

/* What was on its way to a loop never arrives. */
static void world_drop_mail(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->heap[i].type == EVENT_MAIL && w->heap[i].item->drop != NULL)
            w->heap[i].item->drop(w->heap[i].item);
    w->mails = 0;
}

void world_done(struct world *w)
{
    world_drop_mail(w);
    free(w->heap);
    w->heap = NULL;
}

void world_worker_init(struct world_worker *l, struct world *w, const char *name,
                     uint64_t delay_min_ns, uint64_t delay_max_ns)
{
    check(delay_min_ns <= delay_max_ns);
    *l = (struct world_worker){
        .world = w, .name = name, .delay_min_ns = delay_min_ns, .delay_max_ns = delay_max_ns};
}

void world_at(struct world *w, uint64_t at_ns, void (*fire)(void *context), void *context)
{
    world_push(w, (struct world_event){.at_ns = at_ns < w->now_ns ? w->now_ns : at_ns,
                                       .type = EVENT_CALL,
                                       .fire = fire,
                                       .context = context});
}

void world_note(struct world *w, const char *what, uint64_t a, uint64_t b)
{
    uint64_t h = w->trace;
    for (const char *c = what; *c != '\0'; c++)
        h = (h ^ (uint8_t)*c) * 0x100000001B3u;
    h = (h ^ a) * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 29) ^ b) * 0xBF58476D1CE4E5B9u;
    w->trace = h ^ w->now_ns;
    if (w->verbose)
        printf("%12.6f ms  %-18s %llu %llu\n", (double)w->now_ns / 1e6, what,
               (unsigned long long)a, (unsigned long long)b);
}

/* Reports of a worker never overtake each other. */
static void world_report(struct world *w, struct world_worker *l, struct work *work)
{
    uint64_t home_ns = w->now_ns + world_worker_delay(l);
    if (l->reported_ns < home_ns)
        l->reported_ns = home_ns;
    world_push(w, (struct world_event){.at_ns = l->reported_ns, .type = EVENT_DONE, .work = work});
}

static void world_happen(struct world *w, struct world_event *e)
{
    switch (e->type) {
    case EVENT_RUN:
        world_note(w, e->worker->name, 0, 0);
        e->work->run(e->work);
        world_report(w, e->worker, e->work);
        break;
    case EVENT_DONE:
        e->work->done(e->work);
        break;
    case EVENT_ALARM:
        if (e->alarm == NULL)
            break;
        e->alarm->due_ns = 0;
        e->alarm->fire(e->alarm);
        break;
    case EVENT_PASS:
        e->loop->awake = false;
        e->loop->pass(e->loop->context);
        break;
    case EVENT_MAIL:
        w->mails--;
        e->item->deliver(e->item);
        env_wake(&e->loop->env); /* a loop passes after its mail */
        break;
    case EVENT_CALL:
        e->fire(e->context);
        break;
    }
}

bool world_step(struct world *w)
{
    if (w->count == 0)
        return false;
    struct world_event e = world_pop(w);
    if (e.at_ns > w->now_ns)
        w->now_ns = e.at_ns;
    w->turns++;
    world_happen(w, &e);
    return true;
}

void world_run(struct world *w, uint64_t until_ns)
{
    while (w->count > 0 && w->heap[0].at_ns <= until_ns && w->now_ns <= until_ns)
        world_step(w);
    if (w->now_ns < until_ns)
        w->now_ns = until_ns;
}

void world_crash(struct world *w, bool (*keep)(void *context))
{
    size_t kept = 0;
    world_drop_mail(w);
    for (size_t i = 0; i < w->count; i++) {
        if (w->heap[i].type == EVENT_PASS)
            w->heap[i].loop->awake = false;
        if (w->heap[i].type == EVENT_CALL && keep(w->heap[i].context))
            w->heap[kept++] = w->heap[i];
    }
    w->count = kept;
    for (size_t i = kept / 2; i-- > 0;)
        world_sift_down(w, i);
}
