/* SPDX-License-Identifier: Apache-2.0 */
/* Network: the transport between the shards of a simulated node. It loses frames, repeats and
 * delays them, so that they overtake each other, and for some time cuts a shard off from all
 * others. What is on its way outlives the process, as it does between two machines. */
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
};

void network_init(struct network *n, struct run *run);
void network_done(struct network *n);

struct transport network_transport(struct network *n);

/* For so long the shard hears nothing from others, nor they from it. */
void network_cut(struct network *n, uint16_t shard, uint64_t span_ns);
/* No more. */
void network_heal(struct network *n);

#endif
