/* SPDX-License-Identifier: Apache-2.0 */
/* Run: one seed. A node of one or more shards with the real domain in a simulated world, clients
 * that ask, faults that happen, and histories that check. First everything at once, then a quiet
 * phase in which all must end well, then a node that is closed and opened again. */
#ifndef SIMULATION_RUN_H
#define SIMULATION_RUN_H

#include "runtime/node/shard_set.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"
#include "tests/simulation/cover.h"
#include "tests/simulation/model/history.h"
#include "tests/simulation/network.h"
#include "tests/simulation/request.h"
#include "tests/simulation/shortage.h"
#include "tests/simulation/swarm.h"

#define RUN_TABLES_MAX 32
#define RUN_SHARDS_MAX SWARM_SHARDS_MAX

struct run_options {
    uint64_t seed;
    uint32_t requests; /* 0 = as the seed has it */
    uint16_t shards;   /* the same */
    bool trace;
};

struct run_counts {
    uint64_t steps, crashes, restarts, shortages, clock_jumps, fulls, asks, answers, retries,
        successes, refusals, full_checks;
};

struct run;
struct crowd;

/* A thread of the node, as the real one has them: each runs some of the shards. */
struct run_loop {
    struct world_loop loop;
    struct run *run;
};

/* What the checkers know of one shard. */
struct run_shard {
    struct run *run;
    uint16_t number;
    struct history history;
    uint64_t followed; /* turns and commits the checkers have seen */
    uint64_t lived_from; /* this process found batches up to this one; UINT64_MAX: not yet known */
    uint64_t lead_ns;    /* of its events' times over elapsed time; 0: none since then */
    uint64_t events_audited;
    enum shard_state state; /* as last reported */
    uint64_t refusals;      /* of its appends, when it last recovered */
    uint64_t restarts;      /* those for turns that failed, then */
    uint64_t stalled_ns;    /* until then it runs no turns */
};

struct run_tenant {
    char text[16];
    struct slice name;
    struct id128 id;
};

struct run {
    struct run_options options;
    struct world world;
    struct run_loop loops[RUN_SHARDS_MAX];
    struct run_shard shards[RUN_SHARDS_MAX];
    struct run_tenant tenants[SWARM_TENANTS_MAX];
    uint32_t acting; /* the tenant whose request is made */
    struct world_worker journal, views, reads, loads;
    struct rng rng;       /* of clients and faults */
    struct rng store_rng, net_rng;
    struct swarm swarm;
    const struct domain *domain;
    struct store_sim *sim;
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct shard_set *shard_set;    /* NULL while the process is down */
    struct reference reference;
    struct ref_crossing crossing;
    struct ref_sends sends;
    struct ref_tallies tallies;
    struct ref_rates rates;
    struct network network;
    struct request **requests;
    uint32_t request_count, request_cap;
    struct list asks;     /* struct ask */
    bool quiet;           /* no more faults */
    bool closing;
    bool leaving;         /* an operator stops the process in order, to start it again */
    bool close_began;     /* its shards close, too */
    bool full;            /* the disk; it will have room again */
    bool lost_end;        /* of a journal: some shard must notice ... */
    bool noticed;         /* ... and has */
    bool freed;
    struct shortage shortage; /* of memory */
    bool ended;               /* the process, for want of it: nothing that it still does counts */
    struct run_counts counts;
    struct cover cover;
    struct crowd *crowd; /* NULL but while it is there */
};

/* Runs one seed to its end; broken() leaves it. Returns the hash of its trace. */
uint64_t run_seed(struct run *run, const struct run_options *options);

/* Frees what a run left, whether it came to its end or not. */
void run_done(struct run *run);

/* The services and kinds that every run has. */
const struct domain *run_domain(void);

uint16_t run_home(const struct run *run, struct id128 id);

/* NULL while the process is down or this shard does not run. */
struct shard *run_shard_running(const struct run *run, uint16_t number);

/* Is there a process that takes requests? */
bool run_listens(const struct run *run);
bool run_any_stopped(const struct run *run); /* of its shards */

/* Virtual wall clock. */
uint64_t run_wall_ns(const struct run *run);

/* No faults while a checker reads the store. */
void run_faults(struct run *run, bool on);

#endif
