/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge: HTTP in front of the actors, one per scheduler loop, sharing its ports with the bridges
 * of other loops. It knows routes, tokens and messages, and hands every message to the backend it
 * was given. Everything on the loop's thread; bridges share only constant tables. */
#ifndef GATEWAY_BRIDGE_BRIDGE_H
#define GATEWAY_BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway_bridge/auth/rate_limit.h"
#include "gateway_bridge/auth/token.h"
#include "gateway_bridge/bridge_counts.h"
#include "gateway_bridge/http/http.h"
#include "runtime/actor/message.h"
#include "runtime/base/env.h"
#include "schemas/route.h"

#define BRIDGE_DEADLINE_MS 5000      /* of a message, from the arrival of its request */
#define BRIDGE_IN_WORK_MAX 8192      /* unanswered requests of one bridge; more are BUSY */
#define BRIDGE_REPLY_MAX (4 * 1024 * 1024) /* bytes of a reply on the wire */
#define BRIDGE_QUERY_MAX 32                /* parameters of a query */

struct bridge;
struct cors;
struct issuer;

/* What stands behind the bridge; composed in bin/. */
struct bridge_backend {
    void *context;
    /* Posts the message; m->done runs later on this loop, exactly once, never before this returns,
     * also when the deadline passes. Sets m->home. m->target is set if the message names it. */
    void (*ask)(void *context, struct message *m);
    /* May traffic be sent here? *reason (static) says why not, or what is wrong all the same. */
    bool (*ready)(void *context, const char **reason);
    /* Appends the text of /metrics with json_put_raw(); false if there is more than it may have.
     * NULL without such a page. */
    bool (*metrics)(void *context, struct json_writer *out);
};

/* Pages that a bridge has beside its routes. */
#define BRIDGE_PAGES_HEALTH 1u    /* /health ... */
#define BRIDGE_PAGES_METRICS 2u   /* /metrics, which needs no token */
#define BRIDGE_PAGES_DOCUMENTS 4u /* /, /openapi.json, /docs */

#define BRIDGE_PORTS_MAX HTTP_PORTS_MAX

/* What is served at an address. */
struct bridge_port_options {
    const struct route_service *service; /* as which it speaks of itself */
    uint32_t route_first, route_count;   /* its operations, of those of the bridge */
    uint32_t pages;                      /* of BRIDGE_PAGES_... */
    /* As clients of the replaced platform know it: its fields have the types they had there,
     * currency codes are taken in any case, and what is elsewhere is told. */
    bool compat;
};

struct bridge_options {
    uv_loop_t *loop;
    struct env *env;
    const struct bridge_backend *backend; /* outlives the bridge, as do all pointers here */
    const struct route *routes;           /* of all ports */
    const struct route *refused;          /* what everyone is refused, of all ports */
    uint32_t refused_count;
    uint32_t route_count;
    struct token_verifier *verifier; /* of this loop */
    struct token_scopes *scopes;     /* of the verifier's policy; missing ones are added */
    const struct http_limits *limits; /* NULL = http_limits_default */
    const char *version;             /* of the build, in GET /health/live */
    struct bridge_counts *counts;    /* of this loop */
    struct rate_limits rate_limits;  /* of the process */
    struct issuer *issuer;           /* development tokens (issuer.h); NULL = none */
    const struct cors *cors;         /* whose pages may call; NULL = none */
};

/* Creates all bridges of a process before their loops run. NULL without memory. */
must_check struct bridge *bridge_new(const struct bridge_options *options);

/* Port 0 takes a free one; the `first` bridge of a process finds out whether another program has
 * it. 0 or a libuv error. Up to BRIDGE_PORTS_MAX times, the first one with all routes. */
must_check int bridge_listen(struct bridge *b, const struct bridge_port_options *options,
                             const char *host, uint16_t port, bool first);

/* The number of the address that speaks as this service; 0: there is none. */
uint16_t bridge_port(const struct bridge *b, const struct route_service *service);

/* No new connections and requests; those in work are answered. `stopped` runs when all are, and the
 * bridge has freed itself. The verifier must live until then. */
void bridge_stop(struct bridge *b, void (*stopped)(void *context), void *context);

#endif
