/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of all bridges are added up, then written as families of metrics. They may grow while
 * they are read: a sum is then a little behind, never torn. */
#include "gateway_bridge/bridge_counts.h"

#include <stddef.h>

#include "runtime/base/check.h"
#include "runtime/observe/metrics.h"
#include "schemas/route.h"

static const char *const classes[BRIDGE_STATUS_CLASSES] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};

/* All bridges together. */
struct sums {
    struct {
        uint64_t answers[BRIDGE_STATUS_CLASSES];
        struct histogram latency;
        uint64_t count;
    } routes[BRIDGE_ROUTES_MAX];
    uint64_t answers[BRIDGE_STATUS_CLASSES];
    uint64_t refused[CHALLENGE_COUNT];
    uint64_t connections, pending, accepted, timeouts, bytes_in, bytes_out;
    uint64_t shortages[HTTP_SHORTAGES];
};

static void counts_add_http(struct sums *s, const struct http_counts *c)
{
    s->connections += http_counted(&c->connections);
    s->pending += http_counted(&c->pending);
    s->accepted += http_counted(&c->accepted);
    s->timeouts += http_counted(&c->timeouts);
    s->bytes_in += http_counted(&c->bytes_in);
    s->bytes_out += http_counted(&c->bytes_out);
    for (size_t i = 0; i < HTTP_SHORTAGES; i++)
        s->shortages[i] += http_counted(&c->shortages[i]);
}

static void counts_add_bridge(struct sums *s, const struct bridge_counts *c)
{
    for (size_t r = 0; r < BRIDGE_ROUTES_MAX; r++) {
        for (size_t i = 0; i < BRIDGE_STATUS_CLASSES; i++) {
            uint64_t answers = http_counted(&c->routes[r].answers[i]);
            s->routes[r].answers[i] += answers;
            s->routes[r].count += answers;
            s->answers[i] += answers;
        }
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
            s->routes[r].latency.counts[i] += http_counted(&c->routes[r].latency[i]);
        s->routes[r].latency.sum += http_counted(&c->routes[r].latency_ns);
    }
    for (size_t i = 0; i < CHALLENGE_COUNT; i++)
        s->refused[i] += http_counted(&c->refused[i]);
    counts_add_http(s, &c->http);
}

/* Pages, and what was refused before its route was known, belong to none. */
static const char *counts_service(const struct route *routes, uint32_t r)
{
    return r > 0 ? routes[r - 1].service->told : "other";
}

/* What was never asked for has no lines: they would be thousands. */
static void counts_put_routes(const struct sums *s, const struct route *routes, uint32_t count,
                              struct metrics *m)
{
    metrics_family(m, METRICS_COUNTER, "payd_http_requests_total",
                   "HTTP requests answered, by declared route and class of status.");
    for (uint32_t r = 0; r <= count; r++) {
        const char *method = r > 0 ? routes[r - 1].method : "other";
        const char *path = r > 0 ? routes[r - 1].path : "other";
        const char *service = counts_service(routes, r);
        for (size_t i = 2; i < BRIDGE_STATUS_CLASSES && s->routes[r].count > 0; i++)
            metrics_uint(m, "payd_http_requests_total", s->routes[r].answers[i], "service", service,
                         "method", method, "route", path, "status", classes[i]);
    }
    metrics_family(m, METRICS_HISTOGRAM, "payd_http_request_seconds",
                   "Time from a whole request to its answer, by declared route.");
    for (uint32_t r = 0; r <= count; r++) {
        const char *method = r > 0 ? routes[r - 1].method : "other";
        const char *path = r > 0 ? routes[r - 1].path : "other";
        const char *service = counts_service(routes, r);
        if (s->routes[r].count > 0)
            metrics_sample_histogram(
                m, "payd_http_request_seconds", &s->routes[r].latency, BRIDGE_LATENCY_UNIT, true,
                METRICS_LABELS("service", service, "method", method, "route", path));
    }
}

static void counts_put_one(struct metrics *m, const char *name, const char *help, uint64_t value)
{
    metrics_family(m, METRICS_COUNTER, name, help);
    metrics_sample(m, name, value, (const char *const[]){NULL});
}

static void counts_put_connections(const struct sums *s, struct metrics *m)
{
    static const char *const reasons[HTTP_SHORTAGES] = {
        [HTTP_SHORT_OF_DESCRIPTORS] = "descriptors",
        [HTTP_SHORT_OF_CONNECTIONS] = "limit",
        [HTTP_SHORT_OF_ITS_OWN] = "address",
    };
    metrics_family(m, METRICS_GAUGE, "payd_http_connections", "Open connections of HTTP clients.");
    metrics_sample(m, "payd_http_connections", s->connections, (const char *const[]){NULL});
    metrics_family(m, METRICS_GAUGE, "payd_http_pending_bytes",
                   "Bytes held of answers that wait for their clients.");
    metrics_sample(m, "payd_http_pending_bytes", s->pending, (const char *const[]){NULL});
    counts_put_one(m, "payd_http_accepted_total", "Connections of HTTP clients so far.",
                   s->accepted);
    metrics_family(m, METRICS_COUNTER, "payd_http_shortages_total",
                   "Times that clients had to wait for a descriptor, or were told nothing but "
                   "health for the limit of connections, or for that of their address.");
    for (size_t i = 0; i < HTTP_SHORTAGES; i++)
        metrics_uint(m, "payd_http_shortages_total", s->shortages[i], "reason", reasons[i]);
    counts_put_one(
        m, "payd_http_timeouts_total",
        "Connections ended because their client sent or read too slowly, or had nothing to "
        "ask for long.",
        s->timeouts);
    counts_put_one(m, "payd_http_received_bytes_total", "Bytes that HTTP clients sent.",
                   s->bytes_in);
    counts_put_one(m, "payd_http_sent_bytes_total", "Bytes that HTTP clients were sent.",
                   s->bytes_out);
}

void bridge_counts_metrics(const struct bridge_counts *const *counts, uint32_t count,
                           const struct route *routes, uint32_t route_count, struct metrics *m)
{
    static const char *const reasons[CHALLENGE_COUNT] = {
        [CHALLENGE_TOKEN_MISSING] = "missing",
        [CHALLENGE_TOKEN_INVALID] = "invalid",
        [CHALLENGE_SCOPE] = "scope",
    };
    struct sums s = {0};
    check(route_count < BRIDGE_ROUTES_MAX);
    for (uint32_t b = 0; b < count; b++)
        counts_add_bridge(&s, counts[b]);
    metrics_family(m, METRICS_COUNTER, "payd_http_answers_total",
                   "HTTP answers by class of status.");
    for (size_t i = 2; i < BRIDGE_STATUS_CLASSES; i++)
        metrics_uint(m, "payd_http_answers_total", s.answers[i], "status", classes[i]);
    counts_put_routes(&s, routes, route_count, m);
    counts_put_connections(&s, m);
    metrics_family(m, METRICS_COUNTER, "payd_http_tokens_refused_total",
                   "Requests without a token, with one that is not valid or revoked, or without "
                   "the scope.");
    for (size_t i = CHALLENGE_TOKEN_MISSING; i < CHALLENGE_COUNT; i++)
        metrics_uint(m, "payd_http_tokens_refused_total", s.refused[i], "reason", reasons[i]);
}
