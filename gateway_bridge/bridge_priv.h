/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's state, for its own files alone. */
#ifndef GATEWAY_BRIDGE_BRIDGE_PRIV_H
#define GATEWAY_BRIDGE_BRIDGE_PRIV_H

#include "gateway_bridge/bridge.h"
#include "gateway_bridge/router.h"
#include "runtime/base/slab.h"
#include "runtime/observe/log.h"

#define BRIDGE_DATE_LEN 29           /* Sun, 06 Nov 1994 08:49:37 GMT */
#define BRIDGE_DATE_NEVER UINT64_MAX /* date_s before the first one */

/* Bits of the scopes of a route, in the order of options.routes. */
struct bridge_access {
    uint64_t scope;
    uint64_t any_owner;
    uint64_t adjust;
};

#define BRIDGE_REFUSAL_SHARES 32

struct document;

/* What is found at an address. */
struct bridge_port {
    struct bridge_port_options options;
    struct router *router;
    const struct document *openapi;
};

struct bridge {
    struct bridge_options options;
    struct http_server *server;
    struct bridge_port ports[BRIDGE_PORTS_MAX];
    uint32_t port_count;
    struct bridge_access *access;
    struct slab exchanges;
    struct fifo spare;         /* free list: exchanges with their arena and buffers */
    uint32_t in_work;          /* exchanges not in `spare` */
    struct wire_writer encoded; /* scratch of fingerprints */
    struct json_writer body;    /* scratch of answers */
    uint64_t rate_seed;         /* addresses are hashed with it, as clients choose them */
    uint64_t clock_ms;          /* uv_now() when the next three were read */
    uint64_t mono_ns;
    uint64_t wall_s;
    uint64_t date_s;
    char date[BRIDGE_DATE_LEN + 1];
    struct log_limit refusals[BRIDGE_REFUSAL_SHARES]; /* lines about them, by client */
    struct log_limit foreign_hosts; /* the same of those that ask the development issuer */
    struct log_limit shortages; /* the same of clients that could not be let in */
    void (*stopped)(void *context);
    void *stopped_context;
};

/* The share of lines about refusals that this client has, or who comes without a good token from
 * this address: many may have one together, but which, nobody can know or choose. */
struct log_limit *bridge_refusals_of(struct bridge *b, struct slice client,
                                     const struct address *from);

/* bridge_clock.c: reads the clocks at most once per loop pass. */
void bridge_clock(struct bridge *b);

#endif
