/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world: one thread, one seed, virtual time. Its loops are what the code under test
 * takes for threads, each a struct env: their passes follow each other in any order, and mail
 * between them is on its way for a while. Work on a worker runs at some later virtual moment and is
 * reported done at another, so a crash can fall before, between and after; time jumps from event to
 * event. Everything random comes from the world's rng and every step goes into a running hash: the
 * same seed gives the same trace. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/rng.h"
#include "runtime/base/slice.h"
#include "runtime/base/time.h"

#define WORLD_WORKERS_MAX 16

/* A worker of the world; pass (struct worker *)&it to env_work(). */
struct world_worker {
    struct world *world;
    const char *name;
    uint64_t delay_min_ns, delay_max_ns; /* of each half: until it runs, until it is reported */
    uint64_t free_ns;                    /* when the job before it has run ... */
    uint64_t reported_ns;                /* ... and when the newest report arrives */
};

/* A loop of the world; pass &it->env as the env of what is to run on it. */
struct world_loop {
    struct env env; /* first: a struct env * is a struct world_loop * */
    struct world *world;
    void (*pass)(void *context); /* after an event woke it */
    void *context;
    uint64_t lag_max_ns;  /* its passes run and its mail arrives up to this much later: others have
                             the processor */
    uint32_t work_factor; /* its work on workers takes this many times as long; 0 = 1 */
    bool awake;
    uint64_t mailed_ns;   /* when its newest mail arrives */
};

struct world_event;

struct world {
    struct world_loop loop; /* the first one, and often all there is */
    struct rng rng;
    uint64_t now_ns;      /* monotonic */
    int64_t wall_skew_ns; /* wall = WORLD_EPOCH + now + skew */
    struct world_event *heap;
    size_t count, cap;
    uint64_t order;       /* ties of time are broken by age */
    uint64_t trace;       /* hash over all that happened */
    uint64_t turns;       /* events processed */
    uint32_t mails;       /* sent and not yet delivered */
    bool verbose;         /* print the trace to stdout */
};

#define WORLD_EPOCH_NS (1767225600 * NS_PER_S) /* 2026-01-01 */

void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);

/* One more loop. */
void world_loop_init(struct world_loop *l, struct world *w, void (*pass)(void *context),
                     void *context);

void world_worker_init(struct world_worker *l, struct world *w, const char *name,
                     uint64_t delay_min_ns, uint64_t delay_max_ns);

/* Calls fire(context) at that time, unless the world is crashed before. */
void world_at(struct world *w, uint64_t at_ns, void (*fire)(void *context), void *context);

/* Processes one event; false when nothing is left to happen. */
bool world_step(struct world *w);

/* Processes what happens up to that time, and lets it become that time. */
void world_run(struct world *w, uint64_t until_ns);

/* All that was under way never happens: work does not run, or is not reported, mail does not
 * arrive. `keep` decides which timers of the test itself (by their context) stay. Loops stay
 * usable. */
void world_crash(struct world *w, bool (*keep)(void *context));

/* Mixes something into the trace hash; printed when verbose. */
void world_note(struct world *w, const char *what, uint64_t a, uint64_t b);

#endif
