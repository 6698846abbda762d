/* SPDX-License-Identifier: Apache-2.0 */
/* The world as an argument. Whatever code of runtime/ and actors/ wants of the outside - time,
 * randomness, blocking work, being called later - it asks of the env it was given. One env per
 * scheduler loop; everything here is called on that loop's thread only, except mail, and work.run,
 * which may read mono_ns. The real world is runtime/node/loop.c (libuv), the simulated one
 * runtime/sim/world.c. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/inbox_item.h"
#include "runtime/base/list.h"

struct env;

/* A queue of blocking jobs run one after another by one thread, and reported back in that order: a
 * store's journal writer, its views writer, its reader. Made by whoever composes the process. */
struct worker;

/* One blocking job, embedded in what it works for. env_work() lends it to the worker until done(),
 * which may free it or begin it again; until then its owner neither frees nor begins it, and
 * touches nothing that run() uses. */
struct work {
    struct fifo_link link;
    void (*run)(struct work *w);  /* on the worker's thread; touches only what travels with it */
    void (*done)(struct work *w); /* on the loop's thread, exactly once, never inside env_work() */
    struct env *env;              /* set by env_work() */
    struct inbox_item mail;       /* the env's own: its way back to the loop ... */
    struct worker *worker;        /* ... and to whom it goes */
};

/* A one-shot timer, monotonic. Embedded by the owner; `fire` runs on the loop's thread. */
struct alarm {
    void (*fire)(struct alarm *a);
    struct env *env;
    uint64_t due_ns; /* 0 = not set */
    void *impl;      /* the env's own */
};

struct env_ops {
    uint64_t (*mono_ns)(struct env *e); /* never goes back; counts while the machine sleeps */
    uint64_t (*wall_ns)(struct env *e); /* Unix time; may jump either way */
    uint64_t (*random)(struct env *e);
    void (*work)(struct env *e, struct worker *worker, struct work *w);
    void (*alarm_set)(struct env *e, struct alarm *a, uint64_t due_ns); /* replaces a set one */
    void (*alarm_stop)(struct env *e, struct alarm *a);
    void (*wake)(struct env *e); /* run the loop's pass soon, after pending I/O */
    void (*mail)(struct env *e, struct inbox_item *item);
};

struct env {
    const struct env_ops *ops;
    struct log *log; /* runtime/observe/log.h; NULL = silent */
};

static inline uint64_t env_mono_ns(struct env *e)
{
    return e->ops->mono_ns(e);
}

static inline uint64_t env_wall_ns(struct env *e)
{
    return e->ops->wall_ns(e);
}

static inline uint64_t env_random(struct env *e)
{
    return e->ops->random(e);
}

static inline void env_work(struct env *e, struct worker *worker, struct work *w)
{
    check(w->run != NULL && w->done != NULL);
    w->env = e;
    e->ops->work(e, worker, w);
}

static inline void env_alarm_set(struct env *e, struct alarm *a, uint64_t due_ns)
{
    check(a->fire != NULL);
    a->env = e;
    e->ops->alarm_set(e, a, due_ns);
}

static inline void env_alarm_stop(struct env *e, struct alarm *a)
{
    if (a->due_ns != 0)
        e->ops->alarm_stop(e, a);
}

static inline void env_wake(struct env *e)
{
    e->ops->wake(e);
}

/* Any thread: item->deliver(item) runs soon on the env's loop, in the order of one sender. */
static inline void env_mail(struct env *e, struct inbox_item *item)
{
    e->ops->mail(e, item);
}

#endif
