/* SPDX-License-Identifier: Apache-2.0 */
/* Run: one seed. A shard with the real domain in a simulated world, clients that ask, faults that
 * happen, and a history that watches. First everything at once, then a quiet phase in which all
 * must end well, then a closed and reopened shard. */
#ifndef SIMULATION_RUN_H
#define SIMULATION_RUN_H

#include "runtime/actor/shard_priv.h"
#include "runtime/journal/store_sim.h"
#include "runtime/sim/world.h"
#include "tests/simulation/cover.h"
#include "tests/simulation/model/history.h"
#include "tests/simulation/request.h"
#include "tests/simulation/swarm.h"

#define RUN_TABLES_MAX 32

struct run_options {
    uint64_t seed;
    uint32_t requests; /* 0 = as the seed has it */
    bool trace;
};

struct run_counts {
    uint64_t steps, crashes, restarts, clock_jumps, fulls, asks, answers, retries, successes,
        refusals,
        full_checks;
};

struct run {
    struct run_options options;
    struct world world;
    struct world_lane journal, views, reads;
    struct rng rng;       /* of clients and faults */
    struct rng store_rng;
    struct swarm swarm;
    const struct domain *domain;
    struct store_sim *sim;
    struct store *store;
    struct progress progress; /* of the only shard */
    struct progress_shard line;
    struct shard *shard;  /* NULL while the process is down */
    struct history history;
    uint64_t followed;    /* turns and commits the checkers have seen */
    struct request **requests;
    uint32_t request_count, request_cap;
    struct list asks;     /* struct ask */
    bool quiet;           /* no more faults */
    bool closing;
    bool leaving;         /* an operator stops the process in order, to start it again */
    bool full;            /* the disk; it will have room again */
    bool freed;
    int64_t skew_max_ns;
    uint64_t events_audited, batches_checked;
    struct run_counts counts;
    struct cover cover;
};

/* Runs one seed to its end; broken() leaves it. Returns the hash of its trace. */
uint64_t run_seed(struct run *run, const struct run_options *options);

/* Frees what a run left, whether it came to its end or not. */
void run_done(struct run *run);

/* The services and kinds that every run has. */
const struct domain *run_domain(void);

/* Virtual wall clock. */
uint64_t run_wall_ns(const struct run *run);

/* No faults while a checker reads the store. */
void run_faults(struct run *run, bool on);

#endif
