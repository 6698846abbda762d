/* SPDX-License-Identifier: Apache-2.0 */
/* Network: the transport between the shards of a simulated node. It loses frames, repeats and
 * delays them, so that they overtake each other, and for some time cuts a shard off from all
 * others, or lets nothing of one come to one other. What is on its way outlives the process, as it
 * does between two machines. */
#ifndef SIMULATION_NETWORK_H
#define SIMULATION_NETWORK_H

#include "runtime/base/env.h"
#include "runtime/base/list.h"
#include "runtime/sends/frame.h"
#include "tests/simulation/swarm.h"

struct run;

struct network {
    struct env env; /* what mails the frames */
    struct run *run;
    struct list packets;               /* struct packet, on their way */
    uint64_t cut_ns[SWARM_SHARDS_MAX]; /* until then nothing comes or goes */
    uint64_t deaf_ns[SWARM_SHARDS_MAX]
                    [SWARM_SHARDS_MAX]; /* ... comes from the first to the other */
};

void network_init(struct network *n, struct run *run);
void network_done(struct network *n);

struct transport network_transport(struct network *n);

/* For so long the shard hears nothing from others, nor they from it. */
void network_cut(struct network *n, uint16_t shard, uint64_t span_ns);
/* For so long what `from` says does not come to `to`. */
void network_deafen(struct network *n, uint16_t from, uint16_t to, uint64_t span_ns);
/* Does it not? */
bool network_is_deaf(const struct network *n, uint16_t from, uint16_t to);
/* No more. */
void network_heal(struct network *n);

#endif
