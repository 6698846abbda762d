/* SPDX-License-Identifier: Apache-2.0 */
/* A new port is a struct payd_port in payd_listeners_open(). Its bridges run on the node's loops:
 * they post messages to the shards from there (payd_ask), and are stopped there, by a message to
 * their loop and one back to loop 0. /health/ready and /metrics speak of the whole process. */
#include "bin/payd_listener.h"

#include <stdio.h>
#include <sys/resource.h>

#include "bin/payd.h"
#include "bin/payd_fail.h"
#include "runtime/node/node_metrics.h"
#include "runtime/observe/metrics.h"
#include "schemas/catalog.h"

#ifdef __clang__
#define PAYD_COMPILER "clang " __clang_version__
#else
#define PAYD_COMPILER "gcc " __VERSION__
#endif
#define PAYD_SERVICE_NAME "payment_service"
#define PAYD_METRICS_CONNECTIONS 48 /* of scrapers, where they have a port of their own ... */
#define PAYD_METRICS_RESERVE 8      /* ... and beyond */
#define PAYD_DESCRIPTORS_OWN 256 /* kept from clients: the store, its recovery, operators */

/* An address, and what is served there. */
struct payd_port {
    const char *host;
    uint16_t port;
    bool each_loop; /* else loop 0 alone */
    const struct route *routes;
    uint32_t route_count;
    uint32_t pages; /* of BRIDGE_PAGES_... */
    const struct http_limits *limits;
};

/* --- backend of the bridges ------------------------------------------------------------------- */

static void payd_ask(void *context, struct message *m)
{
    struct payd_listener *l = context;
    shard_set_post(l->shards, loop_env(l->loop), m);
}

static bool payd_short_of_connections(const struct payd *p)
{
    uint64_t now_ns = env_mono_ns(loop_env(node_loop(p->node.node, 0)));
    bool found = false;
    for (uint16_t i = 0; i < node_loops(p->node.node); i++)
        found |= bridge_counts_short(&p->listeners.counts[i], now_ns);
    return found;
}

/* A client that cannot connect cannot ask here either: a shortage is a warning to those that are
 * connected, and ends by itself. */
static bool payd_ready(void *context, const char **reason)
{
    struct payd *p = ((struct payd_listener *)context)->payd;
    if (p->stopping) {
        const char *failure = node_failure(p->node.node);
        *reason = failure != NULL ? failure : "the node is stopping";
        return false;
    }
    if (p->identity.keys != NULL && !jwks_ready(p->identity.keys)) {
        *reason = "the identity server's keys have not been fetched yet";
        return false;
    }
    bool taken = node_ready(p->node.node, reason);
    if (taken && *reason == NULL && payd_short_of_connections(p))
        *reason = "within the last minute clients waited for a connection or were closed at once: "
                  "the limit of open files is too low";
    return taken;
}

static bool payd_metrics(void *context, struct json_writer *out)
{
    struct payd *p = ((struct payd_listener *)context)->payd;
    const struct bridge_counts *counts[NODE_LOOPS_MAX];
    uint16_t loops = node_loops(p->node.node);
    for (uint16_t i = 0; i < loops; i++)
        counts[i] = &p->listeners.counts[i];
    struct metrics m;
    metrics_init(&m);
    metrics_family(&m, METRICS_GAUGE, "payd_build_info", "What runs; always 1.");
    metrics_uint(&m, "payd_build_info", 1, "version", PAYD_VERSION, "compiler", PAYD_COMPILER);
    metrics_family(&m, METRICS_COUNTER, "payd_log_lines_lost_total",
                   "Log lines that standard error had no room for.");
    metrics_sample(&m, "payd_log_lines_lost_total", atomic_load(&p->log.lost),
                   (const char *const[]){NULL});
    node_metrics(p->node.node, &m);
    bridge_counts_metrics(counts, loops, catalog_routes, catalog_route_count, &m);
    bool whole = !m.failed;
    if (whole)
        json_put_raw(out, m.text, m.len);
    metrics_done(&m);
    return whole;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Of the port of metrics; returns how many descriptors its connections may have. */
static rlim_t payd_limit_metrics(struct payd *p, rlim_t files)
{
    struct http_limits *limits = &p->listeners.metrics_limits;
    rlim_t eighth = files / 8;
    *limits = http_limits_default;
    limits->trusted = &p->config.gateways;
    if (p->config.metrics_port == 0)
        return 0;
    limits->reserve_max = PAYD_METRICS_RESERVE;
    limits->connections_max = PAYD_METRICS_CONNECTIONS;
    if (eighth < PAYD_METRICS_CONNECTIONS + PAYD_METRICS_RESERVE) {
        limits->reserve_max = 1;
        limits->connections_max = eighth > 2 ? (uint32_t)eighth - 1 : 1;
    }
    return limits->connections_max + limits->reserve_max;
}

/* Takes all descriptors that the system allows, and leaves clients only those which the rest of the
 * node never needs: a recovery must be able to open the store again. */
static void payd_set_limits(struct payd *p)
{
    struct rlimit files;
    struct http_limits *limits = &p->listeners.limits;
    *limits = http_limits_default;
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* what it was may be enough */
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    rlim_t half = files.rlim_cur / 2;
    rlim_t wanted = PAYD_DESCRIPTORS_OWN + payd_limit_metrics(p, files.rlim_cur);
    rlim_t own = half < wanted ? half : wanted;
    uint16_t loops = node_loops(p->node.node);
    rlim_t each = (files.rlim_cur - own) / loops;
    if (each / 4 < limits->reserve_max)
        limits->reserve_max = (uint32_t)each / 4;
    if (each - limits->reserve_max < limits->connections_max)
        limits->connections_max = (uint32_t)each - limits->reserve_max;
    limits->address_max = (uint32_t)((p->config.address_connections + loops - 1) / loops);
    limits->trusted = &p->config.gateways;
    limits->pending_max /= loops;
}

static bool payd_listen(struct payd_listener *l, const struct payd_port *port, bool first)
{
    int error = bridge_listen(l->bridge, port->host, port->port, first);
    if (error == 0)
        return true;
    char what[CONFIG_TEXT_MAX + 64];
    snprintf(what, sizeof what, "cannot listen on %s port %u", port->host, (unsigned)port->port);
    return payd_fail(what, uv_strerror(error));
}

static bool payd_listener_open(struct payd *p, const struct payd_port *port, uint16_t loop)
{
    struct payd_listeners *all = &p->listeners;
    check(all->count < PAYD_LISTENERS_MAX && loop < p->identity.loop_count);
    struct payd_listener *l = &all->all[all->count++];
    *l = (struct payd_listener){
        .payd = p,
        .loop = node_loop(p->node.node, loop),
        .shards = node_shard_set(p->node.node),
        .backend = {.context = l, .ask = payd_ask, .ready = payd_ready, .metrics = payd_metrics},
    };
    struct bridge_options options = {
        .loop = loop_uv(l->loop),
        .env = loop_env(l->loop),
        .backend = &l->backend,
        .routes = port->routes,
        .route_count = port->route_count,
        .verifier = p->identity.loops[loop].verifier,
        .scopes = &p->identity.scopes,
        .limits = port->limits,
        .counts = &all->counts[loop],
        .pages = port->pages,
        .service = PAYD_SERVICE_NAME,
        .version = PAYD_VERSION,
        .rate_limits = p->identity.rate_limits,
        .issuer = port->route_count > 0 ? p->identity.loops[loop].issuer : NULL,
    };
    l->bridge = bridge_new(&options);
    if (l->bridge == NULL)
        return payd_fail("out of memory", NULL);
    return payd_listen(l, port, loop == 0);
}

static bool payd_port_open(struct payd *p, const struct payd_port *port)
{
    uint16_t loops = port->each_loop ? node_loops(p->node.node) : 1;
    for (uint16_t i = 0; i < loops; i++) {
        if (!payd_listener_open(p, port, i))
            return false;
    }
    return true;
}

/* Metrics show how much money moves: the API's address serves them only if no other machine reaches
 * it. */
static uint32_t payd_pages_with_api(const struct config *c)
{
    bool metrics = c->metrics_port == 0 && issuer_loopback(c->host);
    return BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_DOCUMENTS | (metrics ? BRIDGE_PAGES_METRICS : 0);
}

bool payd_listeners_open(struct payd *p)
{
    const struct config *c = &p->config;
    const struct payd_port api = {
        .host = c->host,
        .port = (uint16_t)c->port,
        .each_loop = true,
        .routes = catalog_routes,
        .route_count = catalog_route_count,
        .pages = payd_pages_with_api(c),
        .limits = &p->listeners.limits,
    };
    const struct payd_port metrics = {
        .host = c->metrics_host,
        .port = (uint16_t)c->metrics_port,
        .pages = BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_METRICS,
        .limits = &p->listeners.metrics_limits,
    };
    payd_set_limits(p);
    return payd_port_open(p, &api) && (c->metrics_port == 0 || payd_port_open(p, &metrics));
}

/* --- stopping --------------------------------------------------------------------------------- */

static void payd_listener_stopped(struct inbox_item *item)
{
    struct payd *p = container_of(item, struct payd_listener, stopped_item)->payd;
    p->listeners.stopped(p);
}

static void payd_bridge_stopped(void *context)
{
    struct payd_listener *l = context;
    l->bridge = NULL;
    l->stopped_item.deliver = payd_listener_stopped;
    loop_mail(node_loop(l->payd->node.node, 0), &l->stopped_item);
}

static void payd_stop_listener(struct inbox_item *item)
{
    struct payd_listener *l = container_of(item, struct payd_listener, stop_item);
    bridge_stop(l->bridge, payd_bridge_stopped, l);
}

void payd_listeners_stop(struct payd *p, void (*stopped)(struct payd *p))
{
    p->listeners.stopped = stopped;
    for (uint16_t i = 0; i < p->listeners.count; i++) {
        struct payd_listener *l = &p->listeners.all[i];
        l->stop_item.deliver = payd_stop_listener;
        loop_mail(l->loop, &l->stop_item);
    }
}
