/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge counts: what a bridge answered and how often it refused, for /metrics. Owned by the
 * composing process and outliving the bridge; written on the bridge's loop alone, read on any
 * thread. */
#ifndef GATEWAY_BRIDGE_BRIDGE_COUNTS_H
#define GATEWAY_BRIDGE_BRIDGE_COUNTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway_bridge/http/http_counts.h"
#include "runtime/observe/histogram.h"

#define BRIDGE_STATUS_CLASSES 6 /* by the first digit of the status; 0 is never used */
#define BRIDGE_ROUTES_MAX 96    /* declared ones, and one for all else */
#define BRIDGE_ROUTE_OTHER 0    /* pages, and what was refused before its route was known */
#define BRIDGE_SHORT_NS UINT64_C(60000000000) /* how long /health/ready warns of a shortage */
#define BRIDGE_LATENCY_UNIT 1000000u /* ns: 1 ms, the step of the bridge's clock, 2 ms, ... 32 s */

struct metrics;
struct route;

/* Why a 401 or 403, for WWW-Authenticate and for the counts. */
enum challenge {
    CHALLENGE_NONE,
    CHALLENGE_TOKEN_MISSING,
    CHALLENGE_TOKEN_INVALID,
    CHALLENGE_SCOPE,
    CHALLENGE_COUNT,
};

/* Of one route: struct histogram, read while it is written. */
struct route_counts {
    _Atomic uint64_t answers[BRIDGE_STATUS_CLASSES];
    _Atomic uint64_t latency[HISTOGRAM_BUCKETS];
    _Atomic uint64_t latency_ns; /* of all together */
};

struct bridge_counts {
    struct route_counts routes[BRIDGE_ROUTES_MAX]; /* [1 + i]: the declared route i */
    struct http_counts http;
    _Atomic uint64_t refused[CHALLENGE_COUNT]; /* by enum challenge */
};

/* Counts an answer given took_ns after its request; `index` is that of its route. */
static inline void bridge_count_answer(struct bridge_counts *c, size_t index, uint16_t status,
                                       uint64_t took_ns)
{
    struct route_counts *r = &c->routes[index];
    uint32_t bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS - 1 && took_ns > (uint64_t)BRIDGE_LATENCY_UNIT << bucket)
        bucket++;
    http_count(&r->answers[status < 600 ? status / 100 : 5]);
    http_count(&r->latency[bucket]);
    http_count_add(&r->latency_ns, took_ns);
}

/* Was a client not let in within the last BRIDGE_SHORT_NS? now_ns is env_mono_ns(). */
static inline bool bridge_counts_short(const struct bridge_counts *c, uint64_t now_ns)
{
    uint64_t last_ns = http_counted(&c->http.shortage_ns);
    return last_ns != 0 && now_ns < last_ns + BRIDGE_SHORT_NS;
}

/* Appends the sums of several bridges that serve these routes. */
void bridge_counts_metrics(const struct bridge_counts *const *counts, uint32_t count,
                           const struct route *routes, uint32_t route_count, struct metrics *m);

#endif
