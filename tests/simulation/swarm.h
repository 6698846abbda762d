/* SPDX-License-Identifier: Apache-2.0 */
/* Swarm: what one seed is like. Every probability, size and span is drawn, so that each run leaves
 * some things out and does others to excess. */
#ifndef SIMULATION_SWARM_H
#define SIMULATION_SWARM_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/rng.h"
#include "runtime/sim/store_sim.h"

#define SWARM_CURRENCIES_MAX 3
#define SWARM_OPERATIONS_MAX 112
#define SWARM_SHARDS_MAX 8
#define SWARM_TENANTS_MAX 8

struct swarm_delay {
    uint64_t min_ns, max_ns;
};

/* Whose operations are asked for most. */
enum swarm_focus {
    SWARM_LEDGER,
    SWARM_WALLETS,
    SWARM_PAYMENTS,
    SWARM_TALLIES,
    SWARM_RATES,
    SWARM_NOTHING,
    SWARM_FOCUSES,
};

/* Chances in parts per million. */
struct swarm {
    /* what is asked for */
    uint32_t requests;
    uint32_t tenants, owners, accounts_max, currencies;
    uint32_t weights[SWARM_OPERATIONS_MAX];
    enum swarm_focus focus;
    uint64_t amount_max;
    uint32_t amount_shift; /* amounts are 2^shift times as large: they overflow soon */
    uint32_t edge_ppm;     /* an amount is as much as some account can still move, or one more */
    uint32_t expiry_s_max;
    uint32_t items_max; /* of a bulk message */
    /* how */
    uint64_t think_ns;        /* between two requests */
    uint32_t lost_ppm;        /* a request does not arrive */
    uint32_t answer_lost_ppm; /* its answer does not */
    uint32_t twice_ppm;       /* sent twice at once */
    uint32_t again_ppm;       /* sent again although it was answered */
    uint32_t give_up_ppm;     /* not tried again when it was lost */
    uint32_t changed_ppm;     /* like another one, but for a field */
    uint32_t reuse_key_ppm;   /* with the key of another request */
    uint32_t crossing_ppm;    /* about accounts of any tenant, in any shard */
    uint32_t deadline_ppm;    /* with a short deadline */
    uint32_t hang_up_ppm;     /* the client does not wait for the answer */
    uint32_t unkeyed_ppm;     /* without idempotency key, where the ids do */
    /* on what */
    uint16_t shards, loops;
    uint64_t lag_ns;           /* of the loops, where they are several */
    uint32_t slow_loop, slow_factor; /* one whose work takes longer; none if it is not there */
    struct swarm_delay journal, views, reads;
    size_t resident_max, dedup_entries_max;
    uint64_t journal_quota; /* of each tenant, bytes a day; 0 = none */
    uint64_t pass_ns;
    /* with which faults */
    struct store_sim_faults faults;
    uint32_t crash_ppm;      /* at each event */
    uint32_t allocations_max; /* in each of its lives, before one fails; 0 = none does */
    uint32_t clock_jump_ppm; /* at each event */
    int64_t clock_jump_ns;   /* at most, either way */
    uint32_t command_ppm;    /* at each event: an operator commands some actor */
    uint32_t leave_ppm;      /* at each event: the process is stopped in order and started again */
    uint64_t full_ns;        /* how long a full disk stays full */
    /* between the shards */
    uint64_t frame_ns; /* a frame is on its way for at most so long, most of the time */
    uint32_t frame_lost_ppm, frame_twice_ppm;
    uint32_t cut_ppm;        /* at each event: a shard is cut off from the others */
    uint32_t deaf_ppm;       /* at each event: a shard hears nothing from one of the others */
    uint32_t stall_ppm;      /* at each event: a shard runs no turns for some time */
    uint64_t absence_ns;     /* at most, of both */
    uint32_t send_fails_ppm; /* the turn of a send fails */
    uint32_t operate_ppm;    /* at each event: an operator looks after what is parked */
    bool loses_end;          /* at the end of the run, what a shard wrote last is gone */
};

/* A run of `shards` shards; 0: as drawn. */
void swarm_draw(struct swarm *s, struct rng *rng, uint16_t shards);

#endif
