/* SPDX-License-Identifier: Apache-2.0 */
/* The listeners of payd: what serves HTTP. One is a bridge with all ports of the API, on each loop;
 * the metrics' own port has another one, with limits of its own, on loop 0 alone. */
#ifndef BIN_PAYD_LISTENER_H
#define BIN_PAYD_LISTENER_H

#include "gateway_bridge/bridge.h"
#include "runtime/node/node.h"

#define PAYD_LISTENERS_MAX (NODE_LOOPS_MAX + 1)

struct payd;

struct payd_listener {
    struct payd *payd;
    struct loop *loop;
    struct shard_set *shards;
    struct bridge_backend backend;
    struct bridge *bridge;          /* NULL once it has stopped */
    struct inbox_item stop_item;    /* to its loop */
    struct inbox_item stopped_item; /* to loop 0 */
};

struct payd_listeners {
    struct payd_listener all[PAYD_LISTENERS_MAX];
    uint16_t count;
    void (*stopped)(struct payd *p);
    struct http_limits limits;                   /* of each listener with routes ... */
    struct http_limits metrics_limits;           /* ... and of that of the metrics' own port */
    struct bridge_counts counts[NODE_LOOPS_MAX]; /* of all listeners of a loop */
};

/* Opens all ports; false after payd_fail(). Needs node and identity. */
must_check bool payd_listeners_open(struct payd *p);

/* A line for each service that has a port of its own. */
void payd_listeners_log(struct payd *p);

/* stopped(p) runs on loop 0 for each of them, later. */
void payd_listeners_stop(struct payd *p, void (*stopped)(struct payd *p));

#endif
